"""One time of day to wait for. Knows nothing of what is due then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context

from ._clock import Clock

_LONGEST_WAIT = 60.0
"""Seconds of one timer. The clock may be set, or stand still while the machine sleeps; so it is
looked at again at least that often."""


class Alarm:
    """Calls back once the clock has reached a time, and never before.

    The loop's timers only say when to look at the clock: a timer may fire a hair early, and the
    loop's time does not follow when somebody sets the clock.
    """

    def __init__(self, clock: Clock, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._callback = callback
        self._timer: asyncio.TimerHandle | None = None
        self.due_at: float | None = None
        """Seconds since the Unix epoch, or None while nothing is waited for."""

    def set(self, due_at: float | None) -> None:
        """Wait for this time instead of the one before; None waits for nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.due_at = due_at
        if due_at is not None:
            self._wait(due_at)

    def _wait(self, due_at: float) -> None:
        delay = min(max(due_at - self._clock.now(), 0.0), _LONGEST_WAIT)
        # A context of its own: whoever sets an alarm is not who is called then.
        self._timer = asyncio.get_running_loop().call_later(delay, self._look, context=Context())

    def _look(self) -> None:
        self._timer = None
        assert self.due_at is not None  # `set` cancels the timer with it
        if self._clock.now() < self.due_at:
            self._wait(self.due_at)
        else:
            self.due_at = None
            self._callback()
