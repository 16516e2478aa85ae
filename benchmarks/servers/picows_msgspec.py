"""Peer: picows on uvloop with msgspec, the quickest that Python does today."""

# pyright: reportMissingImports=false
# What it imports is installed for `make bench` only.

from __future__ import annotations

import room
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

options = room.arguments()
counter = room.Room(fast=options.fast)
subscribers: set[WSTransport] = set()


class Connection(WSListener):
    """One client."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Say hello."""
        transport.send(WSMsgType.TEXT, counter.init().encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Act on one message."""
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
            return
        answer, event, subscribes = counter.receive(frame.get_payload_as_bytes())
        if subscribes:
            subscribers.add(transport)
        if event is not None:
            payload = event.encode()
            for subscriber in subscribers:
                subscriber.send(WSMsgType.TEXT, payload)
        if answer is not None:
            transport.send(WSMsgType.TEXT, answer.encode())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Forget it."""
        subscribers.discard(transport)


def listen(_request: WSUpgradeRequest) -> WSListener:
    """One listener for each client; picows answers without a subprotocol."""
    return Connection()


async def main() -> None:
    """Serve for ever."""
    server = await ws_create_server(listen, "127.0.0.1", options.port, backlog=1024)
    await server.serve_forever()


room.run(main, fast=options.fast)
