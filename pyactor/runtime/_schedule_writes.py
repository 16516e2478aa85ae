"""The way of schedules into the storage: in order, and those that come together as one commit.

Owns that order. What a change does to an actor in memory is for whoever asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from ..errors import GoingAway
from ..storage import ScheduleRecord

if TYPE_CHECKING:
    from ._instance import Instance

_FIRST_PAUSE = 0.25
_MAX_PAUSE = 30.0
"""Seconds between two attempts while the storage fails."""


@frozen(eq=False)
class Change:
    """One schedule to keep or to forget.

    Attributes:
        schedule_id: Which.
        record: What is to be kept, or None to forget it.
        settle: Called once with None, or with why nothing has changed. Without it the change
            tells of what has happened already, and is tried until it is kept.
    """

    schedule_id: str
    record: ScheduleRecord | None
    settle: Callable[[Exception | None], None] | None = None


class ScheduleWrites:
    """Commits changes one after the other, with the state as it is then.

    While one commit is on its way the changes after it gather, and go as one.
    """

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._queue: list[Change] = []
        self._more = asyncio.Event()
        self._is_running = False
        self._failures = 0

    def add(self, change: Change) -> None:
        """Put a change in line. The actor does not leave memory before it is settled."""
        self._queue.append(change)
        self._more.set()
        if not self._is_running:
            self._is_running = True
            instance = self._instance
            instance.background.wait_until(instance.start_task(self._run()))

    async def _run(self) -> None:
        try:
            while self._queue:
                self._more.clear()
                batch, self._queue = self._queue, []
                error = await self._commit(batch)
                if error is None:
                    self._failures = 0
                elif isinstance(error, GoingAway):
                    break  # what ran will run once more
                else:
                    await self._pause_after(batch, error)
        finally:
            self._is_running = False
            for change in self._queue:
                if change.settle is not None:
                    change.settle(GoingAway("The actor is stopping"))
            self._queue.clear()

    async def _commit(self, batch: list[Change]) -> Exception | None:
        """Try once; those who wait for it are told."""
        last = {change.schedule_id: change.record for change in batch}
        error: Exception | None = GoingAway("The actor is stopping")
        try:
            await self._instance.saver.commit(
                put_schedules=[record for record in last.values() if record is not None],
                delete_schedules=[each for each, record in last.items() if record is None],
                with_state=True,
                immediate=any(change.settle is not None for change in batch),
            )
            error = None
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is told or tried again
            error = raised
        finally:  # also when it is cancelled: nobody waits for ever
            for change in batch:
                if change.settle is not None:
                    change.settle(error)
        return error

    async def _pause_after(self, batch: list[Change], error: Exception) -> None:
        """Put what must be kept back in line, and wait if there is any."""
        again = [change for change in batch if change.settle is None]
        self._queue[:0] = again
        if not again:
            return
        self._failures += 1
        if self._failures == 1:
            self._instance.log.error(
                "what has run cannot be noted; it is tried again until it is", exc_info=error
            )
        pause = min(_FIRST_PAUSE * 2 ** (self._failures - 1), _MAX_PAUSE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._more.wait()
