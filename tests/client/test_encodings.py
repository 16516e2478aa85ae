"""A client in each encoding: what is sent has it, and typed values come through."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyactor import (
    Actor,
    Client,
    Conn,
    Event,
    Host,
    Registry,
    UnsupportedEncoding,
    action,
    hook,
)


class Room(Actor[None], name="room"):
    said = Event[bytes]()

    @hook
    def on_connect(self, conn: Conn[None, None]) -> None:
        self.offered = conn.request.headers

    @action
    def say(self, octets: bytes) -> str:
        self.said.broadcast(octets)
        headers = self.offered
        return headers.get("x-rivet-encoding") or headers["sec-websocket-protocol"]


@pytest.mark.parametrize("encoding", ["json", "cbor", "bare"])
def test_calls_and_events(encoding: Any) -> None:
    async def main() -> None:
        async with (
            Host(Registry(Room), port=0) as host,
            Client(host.url, encoding=encoding) as client,
        ):
            room = client.actor(Room).get_or_create("a")
            assert await room.rpc.say(b"ab") == encoding
            async with room.connect() as conn, conn.events(Room.said) as events:
                assert f"rivet_encoding.{encoding}" in await conn.rpc.say(b"\xff")
                assert await anext(events) == b"\xff"

    asyncio.run(main())


def test_there_is_no_other() -> None:
    unknown: Any = "xml"
    with pytest.raises(UnsupportedEncoding, match="json, cbor, bare"):
        Client("http://127.0.0.1", encoding=unknown)
