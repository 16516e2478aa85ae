"""Peer: python-socketio on aiohttp; its events with acknowledgement stand for actions."""

# pyright: reportMissingImports=false
# What it imports is installed for `make bench` only.

from __future__ import annotations

import asyncio

import room
import socketio
from aiohttp import web

options = room.arguments()
counter = room.Room(fast=False)
server = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"])


@server.event
async def add(_sid: str, amount: int) -> int:
    """Count, and tell."""
    counter.count += amount
    return counter.count


@server.event
async def echo(_sid: str, text: str) -> str:
    """The same again."""
    return text


@server.event
async def publish(_sid: str, amount: int) -> int:
    """Count, and tell all who asked."""
    counter.count += amount
    await server.emit("changed", counter.count, room="changed")
    return counter.count


@server.event
async def subscribe(sid: str, event: str) -> None:
    """Send that event to this client too."""
    await server.enter_room(sid, event)


async def main() -> None:
    """Serve for ever."""
    application = web.Application()
    server.attach(application)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", options.port, backlog=1024).start()
    await asyncio.get_running_loop().create_future()


room.run(main, fast=options.fast)
