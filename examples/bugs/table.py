"""A table with two seats."""

from __future__ import annotations

import asyncio

from attrs import define

from pyactor import Actor, Conn, UserError, action, hook

SEATS = 2


class Full(UserError):
    """Every seat is taken."""

    code = "full"


@define
class Guest:
    """Who sits there."""

    name: str


@define
class Arrival:
    """Who comes."""

    name: str


class Table(Actor[None, Guest, Arrival], errors=(Full,)):
    """Takes as many guests as it has seats."""

    @hook
    def on_before_connect(self, params: Arrival) -> None:
        """Is there a seat?"""
        if len(self.conns) >= SEATS:
            raise Full("every seat is taken")

    @hook
    async def create_conn_state(self, params: Arrival) -> Guest:
        """Look the guest up."""
        await asyncio.sleep(0.1)
        return Guest(params.name.title())

    @action
    def guests(self) -> list[str]:
        """Who sits there."""
        return sorted(conn.state.name for conn in self.conns.values())


class FixedTable(Table):
    """The same table."""

    @hook
    def on_connect(self, conn: Conn[Guest, Arrival]) -> None:
        """The guest is in ``conns`` by now: is that one too many?"""
        if len(self.conns) > SEATS:
            raise Full("every seat is taken")


def nobody_stands(table: Table) -> bool:
    """The invariant: there is a seat for each guest."""
    return len(table.conns) <= SEATS
