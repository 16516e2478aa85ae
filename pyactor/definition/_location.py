"""Where something was written: a file and a line, for problems and specs."""

from __future__ import annotations

import functools
import inspect
import sys
from types import CodeType, FrameType
from typing import Any

from attrs import frozen

from ..errors import Problem

_OURS = __name__.rpartition(".")[0] + "."


@frozen
class Location:
    """A place in source code.

    Attributes:
        file: As the code object names it.
        line: Counted from 1.
    """

    file: str
    line: int

    def problem(
        self, message: str, *, expected: str | None = None, got: str | None = None
    ) -> Problem:
        """A problem at this place."""
        return Problem(self.file, self.line, message, expected, got)


def unwrap(value: Any) -> Any:
    """The function inside a descriptor, a partial or a ``functools.wraps`` wrapper."""
    while True:
        for attr in ("__func__", "fget", "func", "function", "__wrapped__"):
            inner = inspect.getattr_static(value, attr, None)
            if inner is not None and not isinstance(value, type):
                value = getattr(value, attr)
                break
        else:
            return value


def location_of(value: Any, line: int | None = None) -> Location | None:
    """Where a function, or what wraps one, was written; None for anything else.

    Args:
        value: The function.
        line: The line of its ``def``, where it is known: a function knows only that of its first
            decorator.
    """
    code = getattr(unwrap(value), "__code__", None)
    if not isinstance(code, CodeType):
        return None
    return Location(code.co_filename, line or code.co_firstlineno)


def class_location(cls: type[Any], fallback: Location) -> Location:
    """Where a class was written, if its source can be read."""
    try:
        lines, start = inspect.findsource(cls)
        file = inspect.getsourcefile(cls)
    except (OSError, TypeError):
        return fallback
    return Location(file, start + 1) if file is not None and lines else fallback


def calling_location() -> Location:
    """The line of user code that is running: the nearest frame not of ours nor of typing."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_machinery(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    assert frame is not None  # somebody called
    return Location(frame.f_code.co_filename, frame.f_lineno)


@functools.cache
def _is_machinery(module: str) -> bool:
    return module in {"typing", "typing_extensions"} or module.startswith(_OURS)
