"""Kicking with a reason, and keeping someone out.

``conn.disconnect(reason)`` closes the connection, but its client may come straight back. To keep
them out, ``on_before_connect`` rejects them as well. Prints:

    mallory was disconnected: 1000 Kicked by admin
    mallory came back: You are banned
    kicked again: 0
"""

from __future__ import annotations

import asyncio

from attrs import Factory, define

from pyactor import Actor, Client, Host, Registry, UserError, action, hook


@define
class JoinParams:
    """What a client passes when it connects."""

    user_id: str


@define
class Member:
    """What the room knows of one connection."""

    user_id: str


@define
class RoomState:
    """Who may not come in."""

    banned: set[str] = Factory(set)


class Banned(UserError):
    """This user was kicked and may not come back."""

    code = "banned"


class SecureRoom(Actor[RoomState, Member, JoinParams], errors=(Banned,)):
    """An actor with a door."""

    @hook
    def on_before_connect(self, params: JoinParams) -> None:
        """Keep out who was kicked."""
        if params.user_id in self.state.banned:
            raise Banned("You are banned")

    @hook
    def create_conn_state(self, params: JoinParams) -> Member:
        """Remember who it is."""
        return Member(params.user_id)

    @action
    def kick_user(self, target_user_id: str, reason: str | None = None) -> int:
        """End every connection of one user; how many there were.

        Without ``await`` the closing has begun just the same (rule C9).
        """
        self.state.banned.add(target_user_id)
        targets = [conn for conn in self.conns.values() if conn.state.user_id == target_user_id]
        for conn in targets:
            conn.disconnect(reason or "Kicked by admin")
        return len(targets)


registry = Registry(SecureRoom)


async def main() -> None:
    """Kick Mallory, who tries to come back."""
    async with Host(registry, port=0) as host, Client(host.url) as client:
        rooms = client.actor(SecureRoom)
        admin = rooms.get_or_create("vault", params=JoinParams("admin"))
        mallory = rooms.get_or_create("vault", params=JoinParams("mallory"))

        async with mallory.connect() as conn:
            await admin.rpc.kick_user("mallory")
            closed = await conn.wait_closed()
            print(f"mallory was disconnected: {closed.code} {closed.reason}")
        try:
            async with mallory.connect():
                print("mallory is back")
        except Banned as error:
            print(f"mallory came back: {error.message}")
        print("kicked again:", await admin.rpc.kick_user("mallory"))


if __name__ == "__main__":
    asyncio.run(main())
