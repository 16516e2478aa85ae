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
    """The last broadcasts, numbered from 1 in one life of an actor, bounded by count and bytes."""

    __slots__ = ("_epoch", "_kept", "_last", "_max_bytes", "_size", "_total")

    def __init__(self, epoch: str, size: int, max_bytes: int) -> None:
        """Nothing was broadcast yet.

        Args:
            epoch: Names this life of the actor, unlike all others.
            size: How many are kept at most; above 0.
            max_bytes: How many bytes they have together at most.
        """
        self._epoch = epoch
        self._last = 0
        self._size = size
        self._max_bytes = max_bytes
        self._total = 0
        self._kept: deque[tuple[T, int]] = deque()

    def add(self, broadcast: T, size: int) -> None:
        """Keep the next broadcast, whose number is ``next_sequence``; older ones may go for it.

        Args:
            broadcast: What is kept. One that is over the bound alone is not, nor is any before
                it, so that what is kept has no hole.
            size: Its bytes.
        """
        self._last += 1
        self._kept.append((broadcast, size))
        self._total += size
        while len(self._kept) > self._size or self._total > self._max_bytes:
            self._total -= self._kept.popleft()[1]

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
        kept = islice(self._kept, max(0, len(self._kept) - missed), None)
        return [broadcast for broadcast, _ in kept]
