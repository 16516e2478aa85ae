"""A till: what was sold, and what that comes to."""

from __future__ import annotations

from attrs import Factory, define

from pyactor import Actor, action, hook


@define
class TillState:
    """What was sold, by price."""

    sales: list[int] = Factory(list)


class Till(Actor[TillState]):
    """Adds up, so that nobody has to go through all sales."""

    def __init__(self) -> None:
        """Nothing is sold yet."""
        self.total = 0

    @action
    def sell(self, price: int) -> int:
        """Sell something; what is in the till."""
        self.state.sales.append(abs(price))
        self.total += abs(price)
        return self.total


class FixedTill(Till):
    """The same till."""

    @hook
    def on_wake(self) -> None:
        """Add up what was sold before it slept."""
        self.total = sum(self.state.sales)


def it_adds_up(till: Till) -> bool:
    """The invariant: the total is that of all sales."""
    return till.total == sum(till.state.sales)
