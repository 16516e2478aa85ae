"""Collects what is wrong with the types of a class, so that the first mistake hides no other."""

from __future__ import annotations

from types import TracebackType

from attrs import define, field, frozen

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

    def at(self, where: Location, what: str) -> _Step:
        """A context in which what goes wrong becomes problems of ``what``, and no more."""
        return _Step(self, where, what)


@frozen
class _Step:
    findings: Findings
    where: Location
    what: str

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        match error:
            case Unresolved():
                found = self.where.problem(f"{self.what}: {error}; {_UNRESOLVED}")
                self.findings.unresolved.append(found)
            case BadAnnotation():
                found = self.where.problem(f"{self.what}: its annotations cannot be read: {error}")
                self.findings.problems.append(found)
            case CannotTravel():
                self.findings.problems += [
                    self.where.problem(f"{self.what}: {text}") for _, text in error.faults
                ]
            case _:
                return False
        return True
