"""A game of dice: points for whoever is at the table."""

from __future__ import annotations

import asyncio

from typing_extensions import override

from pyactor import Actor, Conn, Event, action, hook


class Dice(Actor[None]):
    """Counts the points of those who play."""

    rolled = Event[int]()

    def __init__(self) -> None:
        """Nobody plays yet."""
        self.points: dict[str, int] = {}

    @hook
    def on_connect(self, conn: Conn[None]) -> None:
        """Somebody sits down."""
        self.points[conn.id] = 0

    @hook
    def on_disconnect(self, conn: Conn[None]) -> None:
        """Somebody gets up."""
        del self.points[conn.id]

    @action
    async def roll(self, luck: int) -> int:
        """Throw the dice, and wait until they lie still."""
        before = self.points[self.conn.id]
        await asyncio.sleep(0.5)
        self.points[self.conn.id] = before + luck % 6 + 1
        self.rolled.broadcast(luck % 6 + 1)
        return self.points[self.conn.id]


class FixedDice(Dice):
    """The same game."""

    @action
    @override
    async def roll(self, luck: int) -> int:
        """Throw the dice, and wait until they lie still."""
        await asyncio.sleep(0.5)
        if self.conn.id not in self.points:
            return 0
        self.points[self.conn.id] += luck % 6 + 1
        self.rolled.broadcast(luck % 6 + 1)
        return self.points[self.conn.id]


def who_has_points_plays(dice: Dice) -> bool:
    """The invariant: points are for those who are connected."""
    return dice.points.keys() == dice.conns.keys()
