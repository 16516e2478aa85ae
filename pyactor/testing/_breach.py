"""How a checker says that a rule is broken, and what all checkers are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from ._book import Book
from ._trace import Step, What


class Breach(Exception):
    """A rule is broken.

    Attributes:
        rule: Its number.
        what: What was seen that it forbids, or not seen that it demands.
    """

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule
        self.what = what


class Checker:
    """Looks at each step before the book knows it, and at what is due while nothing can happen.

    Attributes:
        watches: Which method looks at which kind of step.
        book: What the steps before it tell.
    """

    watches: ClassVar[Mapping[What, str]] = {}

    def __init__(self, book: Book) -> None:
        self.book = book

    def looks(self) -> dict[What, Callable[[int, Step], None]]:
        """The methods of ``watches``, bound."""
        return {what: getattr(self, name) for what, name in self.watches.items()}

    def due(self) -> None:
        """Ask for what must have happened by now.

        Raises:
            Breach: It did not.
        """
