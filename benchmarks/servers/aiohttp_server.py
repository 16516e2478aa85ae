"""Peer: aiohttp's websocket server, without compression."""

# pyright: reportMissingImports=false
# What it imports is installed for `make bench` only.

from __future__ import annotations

import asyncio

import room
from aiohttp import WSMsgType, web

options = room.arguments()
counter = room.Room(fast=options.fast)
subscribers: set[web.WebSocketResponse] = set()


async def converse(request: web.Request) -> web.WebSocketResponse:
    """One client, from its connect to its close."""
    connection = web.WebSocketResponse(protocols=("rivet",), compress=False)
    await connection.prepare(request)
    await connection.send_str(counter.init())
    try:
        async for message in connection:
            if message.type is not WSMsgType.TEXT:
                continue
            answer, event, subscribes = counter.receive(message.data)
            if subscribes:
                subscribers.add(connection)
            if event is not None:
                for subscriber in subscribers:
                    await subscriber.send_str(event)
            if answer is not None:
                await connection.send_str(answer)
    finally:
        subscribers.discard(connection)
    return connection


async def main() -> None:
    """Serve for ever."""
    application = web.Application()
    application.router.add_get("/{path:.*}", converse)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", options.port, backlog=1024).start()
    await asyncio.get_running_loop().create_future()


room.run(main, fast=options.fast)
