"""Disconnecting the caller, and waiting until the connection is closed.

The code after the ``await`` runs once ``on_disconnect`` has run and the transport is closed. Over
HTTP the action's answer is still the response (rule C14); over a websocket there is nothing left
to answer on (rule C6). Prints:

    over HTTP, connections left: 0
    over a websocket: 1000 Too many requests
"""

from __future__ import annotations

import asyncio

from pyactor import Actor, Client, ConnectionLost, Host, Registry, action


class Limited(Actor[None]):
    """An actor that gets rid of its callers."""

    @action
    async def disconnect(self) -> int:
        """Close the calling connection; how many are left."""
        await self.conn.disconnect("Too many requests")
        return len(self.conns)


registry = Registry(Limited)


async def main() -> None:
    """Ask for it over HTTP, then over a websocket."""
    async with Host(registry, port=0) as host, Client(host.url) as client:
        limited = client.actor(Limited).get_or_create("main")
        print("over HTTP, connections left:", await limited.rpc.disconnect())

        async with limited.connect() as conn:
            try:
                await conn.rpc.disconnect()
            except ConnectionLost:
                closed = await conn.wait_closed()
                print(f"over a websocket: {closed.code} {closed.reason}")


if __name__ == "__main__":
    asyncio.run(main())
