"""Constant connection state: a class that can be made without arguments needs no hook.

Each connection gets a fresh value, so one never sees what another has changed. Prints:

    first: guest, 1 call
    first: guest, 2 calls
    second: guest, 1 call
"""

from __future__ import annotations

import asyncio

from attrs import define

from pyactor import Actor, Client, Host, Registry, action


@define
class Visit:
    """What every connection starts with."""

    role: str = "guest"
    calls: int = 0


class Lobby(Actor[None, Visit]):
    """An actor that counts the calls of each connection."""

    @action
    def knock(self) -> Visit:
        """Count one call of this connection."""
        self.conn.state.calls += 1
        return self.conn.state


registry = Registry(Lobby)


async def main() -> None:
    """Knock over two connections."""
    async with Host(registry, port=0) as host, Client(host.url) as client:
        lobby = client.actor(Lobby).get_or_create("main")
        async with lobby.connect() as first, lobby.connect() as second:
            for name, conn in (("first", first), ("first", first), ("second", second)):
                visit = await conn.rpc.knock()
                calls = "1 call" if visit.calls == 1 else f"{visit.calls} calls"
                print(f"{name}: {visit.role}, {calls}")


if __name__ == "__main__":
    asyncio.run(main())
