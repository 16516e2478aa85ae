"""Created connection state: ``create_conn_state`` makes it from the params.

It runs once for each connection and may be asynchronous. Prints:

    ann (admin), joined after the start: True
    anonymous (guest), joined after the start: True
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from attrs import define

from pyactor import Actor, Client, Host, Registry, action, hook


@define
class JoinParams:
    """What a client passes when it connects; it may pass nothing."""

    user_id: str = "anonymous"
    role: str = "guest"


@define
class Member:
    """What the room knows of one connection."""

    user_id: str
    role: str
    join_time: datetime


class Room(Actor[None, Member, JoinParams]):
    """An actor that knows who is calling."""

    @hook
    async def create_conn_state(self, params: JoinParams) -> Member:
        """Runs once for each connection, after ``on_before_connect``."""
        return Member(params.user_id, params.role, datetime.now(UTC))

    @action
    def who_am_i(self) -> Member:
        """The state of the calling connection."""
        return self.conn.state


registry = Registry(Room)


async def main() -> None:
    """Connect with params and with the defaults."""
    started = datetime.now(UTC)
    async with Host(registry, port=0) as host, Client(host.url) as client:
        for params in (JoinParams("ann", "admin"), JoinParams()):
            room = client.actor(Room).get_or_create("general", params=params)
            async with room.connect() as conn:
                member = await conn.rpc.who_am_i()
                late = member.join_time >= started
                print(f"{member.user_id} ({member.role}), joined after the start: {late}")


if __name__ == "__main__":
    asyncio.run(main())
