"""What does not fit: a value its type (``Mismatch``), or a type the wire (``CannotTravel``)."""

from __future__ import annotations

import reprlib
from typing import Any, Self


class _Faults(TypeError):
    """Some faults, each with the path to it: ``.author``, ``[3].name``, or nothing at the top."""

    def __init__(self, *faults: tuple[str, str]) -> None:
        super().__init__(faults)
        self.faults = faults

    def under(self, step: str) -> Self:
        """The same faults, seen from one step further out."""
        return type(self)(*((step + path, text) for path, text in self.faults))


class Mismatch(_Faults):
    """A value is not of its type."""

    def describe(self, root: str) -> str:
        """``expected str, got int @ $[0].name``, joined with ``; ``; ``root`` as in ``$[0]``."""
        return "; ".join(f"{text} @ {root}{path}" for path, text in self.faults)


class CannotTravel(_Faults):
    """A type cannot be carried over the wire."""


def expected(what: str, got: Any) -> Mismatch:
    """The mismatch of one value."""
    return Mismatch(("", f"expected {what}, got {type_name(got)}"))


def refused(what: str, got: Any) -> Mismatch:
    """The mismatch of a value whose type is right but which is not, so it is shown."""
    return Mismatch(("", f"expected {what}, got {reprlib.repr(got)}"))


def type_name(value: Any) -> str:
    """The name of a value's type, ``None`` for None."""
    return "None" if value is None else type(value).__name__
