"""The last broadcasts of one event, by number, for clients that come back (C13).

Pure: what a broadcast is, is its owner's to say. It decides which of those that are kept follow a
client's position, and never which fit on the wire.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Generic, TypeVar

from ..wire.messages import Position

T = TypeVar("T")


class ReplayBuffer(Generic[T]):
    """A ring of the last ``size`` broadcasts, numbered from 1 in one life of an actor."""

    __slots__ = ("_epoch", "_kept", "_last")

    def __init__(self, epoch: str, size: int) -> None:
        """Nothing was broadcast yet.

        Args:
            epoch: Names this life of the actor, unlike all others.
            size: How many are kept; above 0.
        """
        self._epoch = epoch
        self._last = 0
        self._kept: deque[T] = deque(maxlen=size)

    def add(self, broadcast: T) -> None:
        """Keep the next broadcast, whose number is ``next_sequence``; the oldest may go for it."""
        self._last += 1
        self._kept.append(broadcast)

    @property
    def next_sequence(self) -> int:
        """The number of the next broadcast."""
        return self._last + 1

    def position_before(self, count: int) -> Position:
        """The position after which just the last ``count`` broadcasts follow."""
        return Position(self._epoch, self._last - count)

    def following(self, after: Position | None) -> list[T]:
        """Those kept that follow a client's position, oldest first.

        Args:
            after: The last broadcast that the client knows of. None is one that comes for the
                first time: nothing follows. Of a position that is not of this life, and so
                compares with none of it, everything that is kept follows.
        """
        if after is None:
            return []
        missed = self._last
        if after.epoch == self._epoch and after.sequence <= self._last:
            missed = self._last - after.sequence
        return list(islice(self._kept, max(0, len(self._kept) - missed), None))
