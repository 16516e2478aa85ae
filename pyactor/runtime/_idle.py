"""When an actor has been idle for long enough to sleep (A3): a count and one timer.

Knows nothing of what holds an actor awake, nor of what sleep is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class IdleTimer:
    """Reports once nothing has held it for a while.

    One timer however much happens: activity only notes the time, and a timer that finds some
    waits for the rest.
    """

    def __init__(self, timeout: float, on_idle: Callable[[], None]) -> None:
        """Wait for ``begin``.

        Args:
            timeout: Seconds without activity.
            on_idle: Called then, once.
        """
        self._timeout = timeout
        self._on_idle = on_idle
        self._holds = 0
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._runs = False

    def begin(self) -> None:
        """From now on idle time counts."""
        self._runs = True
        self._note_activity()

    def end(self) -> None:
        """It does not matter any more."""
        self._runs = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hold(self) -> None:
        """Something begins that is not idleness."""
        self._holds += 1

    def release(self) -> None:
        """It is over."""
        self._holds -= 1
        self._note_activity()

    def _note_activity(self) -> None:
        if self._holds or not self._runs:
            return
        loop = asyncio.get_running_loop()
        self._since = loop.time()
        if self._timer is None:
            self._timer = loop.call_at(self._since + self._timeout, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._holds:
            return  # its release begins anew
        loop = asyncio.get_running_loop()
        due = self._since + self._timeout
        if loop.time() < due:
            self._timer = loop.call_at(due, self._look)
        else:
            self._runs = False
            self._on_idle()
