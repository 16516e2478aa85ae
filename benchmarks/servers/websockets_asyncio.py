"""Peer: `websockets`' asyncio server, as its documentation says, without compression."""

from __future__ import annotations

import asyncio

import room
from websockets.asyncio.server import ServerConnection, broadcast, serve

options = room.arguments()
counter = room.Room(fast=options.fast)
subscribers: set[ServerConnection] = set()


async def converse(connection: ServerConnection) -> None:
    """One client, from its connect to its close."""
    await connection.send(counter.init())
    try:
        async for message in connection:
            answer, event, subscribes = counter.receive(message)
            if subscribes:
                subscribers.add(connection)
            if event is not None:
                broadcast(subscribers, event)
            if answer is not None:
                await connection.send(answer)
    finally:
        subscribers.discard(connection)


async def main() -> None:
    """Serve for ever."""
    async with serve(
        converse,
        "127.0.0.1",
        options.port,
        compression=None,
        subprotocols=["rivet"],  # type: ignore[list-item] # a NewType of str
        backlog=1024,
    ):
        await asyncio.get_running_loop().create_future()


room.run(main, fast=options.fast)
