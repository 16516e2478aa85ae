"""What pyactor serves in a benchmark: `pyactor serve actors.py`.

The counter does what the peers in this directory do, as its user would write it.
"""

from __future__ import annotations

import asyncio
import sys

from attrs import define

from pyactor import Actor, Event, Registry, action


@define
class Count:
    """What is kept."""

    value: int = 0
    text: str = ""


class Counter(Actor[Count], name="counter"):
    """Counts, repeats, and tells all who subscribed."""

    changed = Event[int]()

    @action
    def add(self, amount: int) -> int:
        """Count; saved with what else changes within a second."""
        self.state.value += amount
        return self.state.value

    @action
    def echo(self, text: str) -> str:
        """The same again."""
        return text

    @action
    def publish(self, amount: int) -> int:
        """Count, and tell all who subscribed."""
        self.state.value += amount
        self.changed.broadcast(self.state.value)
        return self.state.value

    @action
    async def save(self, amount: int) -> int:
        """Count; the answer says that it is on the disk."""
        self.state.value += amount
        await self.save_state(immediate=True)
        return self.state.value

    @action
    def fill(self, size: int) -> int:
        """Make the state so large: this many characters besides the count."""
        self.state.text = "x" * size
        return size

    @action
    def runs_on(self, _: int) -> str:
        """Which loop and JSON this server uses: the extras, or not."""
        loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
        return f"{loop}, {'msgspec' if 'msgspec' in sys.modules else 'json'}"


registry = Registry(Counter)
