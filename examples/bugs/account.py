"""An account that asks somebody else before it takes or gives."""

from __future__ import annotations

import asyncio

from attrs import Factory, define
from typing_extensions import override

from pyactor import Actor, UserError, action


class Overdrawn(UserError):
    """There is not enough in it."""

    code = "overdrawn"


@define
class AccountState:
    """The money, and where it came from and went to."""

    balance: int = 0
    entries: list[int] = Factory(list)


class Account(Actor[AccountState], errors=(Overdrawn,)):
    """Keeps a balance, and an entry for each change of it."""

    @action
    async def pay_in(self, amount: int) -> int:
        """Put money into it; the new balance."""
        balance = self.state.balance + abs(amount)
        await self._ask_the_bank(amount)
        self.state.balance = balance
        self.state.entries.append(abs(amount))
        return balance

    @action
    async def pay_out(self, amount: int) -> int:
        """Take money out of it; the new balance."""
        if self.state.balance < abs(amount):
            raise Overdrawn("there is not enough in it")
        self.state.balance -= abs(amount)
        self.state.entries.append(-abs(amount))
        return self.state.balance

    async def _ask_the_bank(self, amount: int) -> None:
        """Stands for a request to another service."""
        await asyncio.sleep(amount % 7 / 10)


class FixedAccount(Account):
    """The same account."""

    @action
    @override
    async def pay_in(self, amount: int) -> int:
        """Put money into it; the new balance."""
        await self._ask_the_bank(amount)
        self.state.balance += abs(amount)
        self.state.entries.append(abs(amount))
        return self.state.balance


def entries_make_the_balance(account: Account) -> bool:
    """The invariant: every entry is in the balance."""
    return account.state.balance == sum(account.state.entries)
