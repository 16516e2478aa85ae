"""Collects what is wrong with the types of a class, so that the first mistake hides no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field

from ..errors import Problem
from ._annotations import BadAnnotation, Unresolved
from ._location import Location
from ._mismatch import CannotTravel

_UNRESOLVED = "pyactor needs this type at run time: import or define it outside TYPE_CHECKING"


@define
class Findings:
    """What was found.

    Attributes:
        problems: What is wrong.
        unresolved: The annotations that name what does not exist yet.
    """

    problems: list[Problem] = field(factory=list)
    unresolved: list[Problem] = field(factory=list)

    @contextmanager
    def at(self, where: Location, what: str) -> Iterator[None]:
        """Turn what goes wrong inside into problems of ``what``, and go on after it."""
        try:
            yield
        except Unresolved as error:
            self.unresolved.append(where.problem(f"{what}: {error}; {_UNRESOLVED}"))
        except BadAnnotation as error:
            self.problems.append(where.problem(f"{what}: its annotations cannot be read: {error}"))
        except CannotTravel as error:
            self.problems += [where.problem(f"{what}: {text}") for _, text in error.faults]
