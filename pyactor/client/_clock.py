"""Where time and chance come into a client, so that a test may put its own in their place."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

_RANDOM = random.SystemRandom()


class ClientClock:
    """The event loop's time, and the system's chance."""

    def now(self) -> float:
        """Seconds since some moment in the past."""
        return asyncio.get_running_loop().time()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Call back once, unless the handle is cancelled before."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    def timeout(self, seconds: float) -> asyncio.Timeout:
        """``async with`` it: what takes longer is cancelled and raises `TimeoutError`."""
        return asyncio.timeout(seconds)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def random(self) -> float:
        """A number from 0 to below 1, each as likely as any other."""
        return _RANDOM.random()


class Backoff:
    """The pauses before new attempts: exponential bounds, and full jitter below them.

    Full jitter spreads the clients of a host that restarts evenly over each bound, where equal
    pauses would bring them back all at once.
    """

    def __init__(self, initial: float, maximum: float, random: Callable[[], float]) -> None:
        """Begin with the first bound.

        Args:
            initial: Seconds; the first bound.
            maximum: Seconds; the highest.
            random: Gives a number from 0 to below 1.
        """
        self._initial = initial
        self._maximum = maximum
        self._random = random
        self._bound = min(initial, maximum)

    def next_pause(self) -> float:
        """Seconds to wait now; the next bound is twice this one's."""
        pause = self._random() * self._bound
        self._bound = min(self._bound * 2, self._maximum)
        return pause

    def reset(self) -> None:
        """Begin anew with the first bound."""
        self._bound = min(self._initial, self._maximum)
