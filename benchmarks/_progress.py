"""How far a run is, how long it will still take, and when it must end.

Owns the clock of the run. What is measured is not its business.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from typing_extensions import override


class Progress:
    """Counts the measurements that are planned, and those that are done."""

    def __init__(
        self, minutes: float | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin now.

        Args:
            minutes: After which nothing new begins; None for no such end.
            clock: Seconds.
        """
        self._clock = clock
        self._began = clock()
        self._end = None if minutes is None else self._began + 60 * minutes
        self._planned = self._done = 0

    def plan(self, number: int) -> None:
        """So many more measurements are to come, or fewer if it is negative."""
        self._planned += number

    def step(self) -> None:
        """One of them is done."""
        self._done += 1

    @property
    def left(self) -> float | None:
        """Seconds until nothing new begins; None if there is no such end."""
        return None if self._end is None else self._end - self._clock()

    @property
    def is_over(self) -> bool:
        """Whether nothing new may begin."""
        left = self.left
        return left is not None and left <= 0

    @override
    def __str__(self) -> str:
        took = self._clock() - self._began
        said = f"{self._done} of {self._planned} measured in {took / 60:.1f} min"
        if not self._done:
            return said
        rest = took / self._done * (self._planned - self._done)
        cut = self.left is not None and rest > self.left
        return f"{said}, about {(self.left or 0 if cut else rest) / 60:.0f} min left"
