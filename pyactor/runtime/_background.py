"""What an actor has running beside its calls: ``wait_until`` and ``keep_awake``.

Owns that set, and nothing of when the actor stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ._instance import Instance

_R = TypeVar("_R")


class Background:
    """The awaitables that an instance waits for before it leaves memory.

    Attributes:
        running: Those that have not ended.
    """

    def __init__(self, instance: Instance) -> None:
        self.running: set[asyncio.Future[Any]] = set()
        self._instance = instance

    def wait_until(self, aw: Awaitable[object]) -> None:
        """Run it; the actor may fall asleep, but only once it has ended or the grace is over."""
        future = self._add(aw)
        future.add_done_callback(self._tell)

    async def keep_awake(self, aw: Awaitable[_R]) -> _R:
        """Await it; the actor does not fall idle meanwhile (A3)."""
        self._instance.idle.hold()
        try:
            return await self._add(aw)
        finally:
            self._instance.idle.release()

    def cancel(self) -> None:
        """The grace period is over."""
        for future in list(self.running):
            future.cancel()

    def _add(self, aw: Awaitable[_R]) -> asyncio.Future[_R]:
        future: asyncio.Future[_R] = asyncio.ensure_future(aw)
        self.running.add(future)
        future.add_done_callback(self._ended)
        self._instance.note_busy()
        return future

    def _ended(self, future: asyncio.Future[Any]) -> None:
        self.running.discard(future)
        self._instance.note_end()

    def _tell(self, future: asyncio.Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self._instance.log_error("what wait_until waits for", error)
