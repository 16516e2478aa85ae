"""Results of futures that may be done already."""

from __future__ import annotations

import asyncio
from typing import TypeVar

_T = TypeVar("_T")


def settle(future: asyncio.Future[_T], value: _T) -> None:
    """Give a future its result, unless it is done."""
    if not future.done():
        future.set_result(value)


def fail(future: asyncio.Future[_T], error: Exception) -> None:
    """Give a future its error, unless it is done; nobody has to take it."""
    if not future.done():
        future.set_exception(error)
        # Marks it as seen: whoever waited may have been cancelled.
        future.exception()
