"""Peer: `websockets`' sans-I/O protocol in an `asyncio.Protocol`: no tasks, no queues."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import room
from typing_extensions import override
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

options = room.arguments()
counter = room.Room(fast=options.fast)
subscribers: set[Connection] = set()


class Connection(asyncio.Protocol):
    """One client."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.protocol = ServerProtocol(subprotocols=["rivet"])  # type: ignore[list-item]

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self.protocol.accept(event))
                self.protocol.send_text(counter.init().encode())
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.answer(bytes(event.data).decode())
        self.flush()

    def answer(self, text: str) -> None:
        """Act on one message."""
        answer, event, subscribes = counter.receive(text)
        if subscribes:
            subscribers.add(self)
        if event is not None:
            publish(event)
        if answer is not None:
            self.protocol.send_text(answer.encode())

    def flush(self) -> None:
        """Write what the protocol has to send, and close when it is done."""
        pieces = self.protocol.data_to_send()
        if pieces:
            self.transport.write(b"".join(pieces))
        if self.protocol.state is not OPEN and self.protocol.close_sent is not None:
            self.transport.close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        subscribers.discard(self)


def publish(event: Any) -> None:
    """One frame for all."""
    frame = Frame(Opcode.TEXT, event.encode()).serialize(mask=False)
    for connection in subscribers:
        connection.transport.write(frame)


async def main() -> None:
    """Serve for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", options.port, backlog=1024)
    await server.serve_forever()


room.run(main, fast=options.fast)
