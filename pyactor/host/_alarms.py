"""The alarm clock of a host: it wakes sleeping actors for what they have scheduled (A5).

Owns one timer and nothing of what is due: an actor that is awake runs its schedules itself. It
knows no actor that has none, so a host may have any number of them asleep.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from attrs import frozen

from ..errors import ActorNotFound, GoingAway
from ..runtime import Alarm, Clock
from ..storage import Storage
from ..tasks import start_task

_log = logging.getLogger("pyactor.host")

_AT_ONCE = 64
"""Actors that are being woken at a time."""
_PAGE = 1000
"""Actors that are asked for at a time."""
_LEAST_PAUSE = 0.05
"""Seconds between two looks into the storage: what comes due meanwhile is found in one."""
_FIRST_PAUSE = 1.0
_MAX_PAUSE = 60.0
"""Seconds until an actor that did not start, or a storage that failed, is tried again."""


@frozen
class _Failed:
    """An actor that did not start: how often, and when it is tried again."""

    times: int
    retry_at: float


class Alarms:
    """Wakes each actor that is asleep and has something due.

    Whatever was missed while no host ran is due at once when one starts.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        *,
        wake: Callable[[str], Awaitable[object]],
        is_awake: Callable[[str], bool],
    ) -> None:
        """Wait for ``start``.

        Args:
            storage: Who has something due.
            clock: What decides it.
            wake: Starts the actor of an id, if it is not awake.
            is_awake: Whether the actor of an id is, and so needs nobody to wake it.
        """
        self._storage = storage
        self._clock = clock
        self._wake = wake
        self._is_awake = is_awake
        self._look_now = asyncio.Event()
        self._alarm = Alarm(clock, self._look_now.set)
        self._expected: float | None = None
        self._waking: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, _Failed] = {}
        self._has_more = False
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; what is due already is seen to at once. Once begun it does nothing."""
        if self._task is None:
            self._task = start_task(self._run())

    def expect(self, due_at: float) -> None:
        """An actor has gone to sleep and has something due then."""
        if self._task is None:
            return  # not begun yet, or closed
        self._expected = _earlier(self._expected, due_at)
        if self._alarm.due_at is None or due_at < self._alarm.due_at:
            self._alarm.set(due_at)

    async def close(self) -> None:
        """Wake nobody any more."""
        self._alarm.set(None)
        if self._task is None:
            return
        tasks = [*self._waking.values(), self._task]
        self._task = None
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    # -------------------------------------------------------------- the round

    async def _run(self) -> None:
        while True:
            self._look_now.clear()
            self._expected = None
            look_at = await self._look()
            # What an actor told while this looked may be missing in what it found.
            look_at = _earlier(look_at, self._expected)
            if look_at is not None:
                look_at = max(look_at, self._clock.now() + _LEAST_PAUSE)
            self._alarm.set(look_at)
            await self._look_now.wait()

    async def _look(self) -> float | None:
        """Wake those who have something due; when to look again, if ever."""
        now = self._clock.now()
        try:
            retry_at = await self._wake_due(now)
            next_due = await self._storage.next_due(now)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            return self._storage_failed(error)
        self._failures = 0
        return _earlier(next_due, retry_at)

    async def _wake_due(self, now: float) -> float | None:
        """Begin to wake as many as there is room for; when the next is to be tried again."""
        limit = _PAGE
        while True:
            due = await self._storage.due(now, limit)
            sleeping = [actor_id for actor_id, _ in due if self._is_to_wake(actor_id, now)]
            if sleeping or len(due) < limit:
                break
            limit *= 2  # none of these needs anything, and behind them there may be one that does
        room = _AT_ONCE - len(self._waking)
        for actor_id in sleeping[:room]:
            self._begin(actor_id)
        self._has_more = len(sleeping) > room or len(due) == limit
        if len(due) < limit:  # these are all: whoever has nothing due any more is no failure
            self._failed = {each: self._failed[each] for each, _ in due if each in self._failed}
        retries = (self._failed[each].retry_at for each, _ in due if each in self._failed)
        return min((each for each in retries if each > now), default=None)

    def _is_to_wake(self, actor_id: str, now: float) -> bool:
        failed = self._failed.get(actor_id)
        if failed is not None and failed.retry_at > now:
            return False
        return actor_id not in self._waking and not self._is_awake(actor_id)

    def _storage_failed(self, error: Exception) -> float:
        self._failures += 1
        if self._failures == 1:
            _log.error("cannot look for what is due; tried again until it works", exc_info=error)
        return self._clock.now() + _pause(self._failures)

    # -------------------------------------------------------------- one actor

    def _begin(self, actor_id: str) -> None:
        task = start_task(self._wake_one(actor_id))
        self._waking[actor_id] = task
        task.add_done_callback(partial(self._woken, actor_id))

    async def _wake_one(self, actor_id: str) -> None:
        try:
            await self._wake(actor_id)
        except (ActorNotFound, GoingAway):
            self._failed.pop(actor_id, None)  # destroyed meanwhile, or the host stops
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            before = self._failed.get(actor_id)
            times = 1 if before is None else before.times + 1
            self._failed[actor_id] = _Failed(times, self._clock.now() + _pause(times))
            if times == 1:
                cause = error.__cause__ or error  # clients are told of an internal error only
                _log.error(
                    "%s has something due and does not start: %s: %s; it is tried again until it "
                    "does",
                    await self._who(actor_id),
                    type(cause).__name__,
                    cause,
                )
        else:
            self._failed.pop(actor_id, None)

    async def _who(self, actor_id: str) -> str:
        with contextlib.suppress(Exception):  # the storage may be what is wrong
            stored = await self._storage.load(actor_id)
            if stored is not None:
                return f"{stored.record.name} {list(stored.record.key)!r} ({actor_id})"
        return f"actor {actor_id}"

    def _woken(self, actor_id: str, _: asyncio.Task[None]) -> None:
        del self._waking[actor_id]
        if self._has_more or actor_id in self._failed:
            self._look_now.set()


def _earlier(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _pause(times: int) -> float:
    return min(_FIRST_PAUSE * 2.0 ** (times - 1), _MAX_PAUSE)
