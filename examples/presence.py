"""Presence: ``on_connect`` and ``on_disconnect`` keep the list of who is online.

A broadcast reaches every connection that has subscribed to the event. Prints:

    online: ann
    bob joined
    online: ann, bob
    bob left
    online: ann
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from attrs import Factory, define

from pyactor import Actor, Client, Conn, Event, Host, Registry, action, hook


@define
class JoinParams:
    """What a client passes when it connects."""

    user_id: str


@define
class Member:
    """What the room knows of one connection."""

    user_id: str


@define
class UserStatus:
    """Whether a user is here, and since when or until when."""

    online: bool
    last_seen: datetime


@define
class RoomState:
    """Everybody who was ever here."""

    users: dict[str, UserStatus] = Factory(dict)


class Room(Actor[RoomState, Member, JoinParams]):
    """An actor that tells everybody who comes and goes."""

    user_joined = Event[str]()
    user_left = Event[str]()

    @hook
    def create_conn_state(self, params: JoinParams) -> Member:
        """Remember who it is."""
        return Member(params.user_id)

    @hook
    async def on_connect(self, conn: Conn[Member, JoinParams]) -> None:
        """No message of this connection is processed before this has returned (rule C5)."""
        user_id = conn.state.user_id
        self.state.users[user_id] = UserStatus(online=True, last_seen=datetime.now(UTC))
        self.user_joined.broadcast(user_id)

    @hook
    async def on_disconnect(self, conn: Conn[Member, JoinParams]) -> None:
        """Runs exactly once for each ``on_connect`` that returned (rule C4)."""
        user_id = conn.state.user_id
        self.state.users[user_id] = UserStatus(online=False, last_seen=datetime.now(UTC))
        self.user_left.broadcast(user_id)

    @action
    def online(self) -> list[str]:
        """Who is here now."""
        return sorted(name for name, status in self.state.users.items() if status.online)


registry = Registry(Room)


async def main() -> None:
    """Ann watches Bob come and go."""
    async with Host(registry, port=0) as host, Client(host.url) as client:
        rooms = client.actor(Room)
        async with rooms.get_or_create("general", params=JoinParams("ann")).connect() as ann:
            joined, left = asyncio.Event(), asyncio.Event()

            @ann.on(Room.user_joined)
            def show_joined(user_id: str) -> None:
                print(f"{user_id} joined")
                joined.set()

            @ann.on(Room.user_left)
            def show_left(user_id: str) -> None:
                print(f"{user_id} left")
                left.set()

            print("online:", *await ann.rpc.online())
            async with rooms.get("general", params=JoinParams("bob")).connect():
                await joined.wait()
                print("online:", ", ".join(await ann.rpc.online()))
            await left.wait()
            print("online:", *await ann.rpc.online())


if __name__ == "__main__":
    asyncio.run(main())
