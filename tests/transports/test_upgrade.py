"""From an HTTP request to a channel with a receiver (RFC 6455 section 4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import websockets
from websockets.frames import Opcode

if TYPE_CHECKING:
    from tests.transports.conftest import Application, Serve, Site

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

pytestmark = pytest.mark.parametrize("loop_factory", ["asyncio", "uvloop"], indirect=True)

# ------------------------------------------------------------------ upgrade


def test_the_library_s_own_client(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        url = f"ws://127.0.0.1:{site.server.port}/gateway/chatRoom/connect?x=y"
        offered = [websockets.Subprotocol(name) for name in ("rivet_encoding.json", "rivet")]
        async with websockets.connect(url, subprotocols=offered) as client:
            assert client.subprotocol == "rivet"
            assert client.protocol.extensions == []  # no permessage-deflate
            for message in ("text \u20ac", b"binary", "", "x" * 200_000):
                await client.send(message)
                assert await client.recv() == message
        (recorder,) = app.receivers
        while recorder.heard[-1] != ("lost",):
            await recorder.next()
        assert recorder.heard[-2] == ("close", 1000, "")
        (request,) = app.upgrades
        assert request.target == "/gateway/chatRoom/connect?x=y"
        assert request.headers["sec-websocket-protocol"] == "rivet_encoding.json, rivet"

    serve(scenario)


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        (b"", None),
        (b"Sec-WebSocket-Protocol: rivet_encoding.json\r\n", None),
        (b"Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b, rivet\r\n", "rivet"),
    ],
)
def test_subprotocol(serve: Serve, offered: bytes, answered: str | None) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        answer = await peer.upgrade(offered)
        assert answer.status == 101
        assert answer.headers.get("sec-websocket-protocol") == answered

    serve(scenario)


def test_the_upgrade_may_be_a_later_request(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        for _ in range(2):
            peer.write(GET)
            assert (await peer.answer()).status == 200
        assert (await peer.upgrade()).status == 101
        peer.frame(Opcode.TEXT, b"hi")
        assert await peer.read_frame() == (Opcode.TEXT, b"hi")
        assert site.connection_count == 1

    serve(scenario)


def test_the_upgrade_pipelined_behind_a_request_at_work(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        frame = bytes([0x81, 0x82, 0, 0, 0, 0]) + b"hi"
        peer = await site.connect()
        peer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await app.working.wait()
        upgrade = asyncio.create_task(peer.upgrade(glued=frame))
        other = await site.connect(first=GET)
        await other.answer()  # a turn in which the server reads the upgrade
        app.go_on.set()
        assert (await upgrade).body == b"GET /wait "
        assert (await peer.answer()).status == 101
        assert await peer.read_frame() == (Opcode.TEXT, b"hi")
        peer.frame(Opcode.TEXT, b"again")
        assert await peer.read_frame() == (Opcode.TEXT, b"again")

    serve(scenario)


def test_an_upgrade_behind_which_the_client_has_closed(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n" + UPGRADE)
        await app.working.wait()
        peer.writer.write_eof()
        other = await site.connect(first=GET)
        await other.answer()  # a turn in which the server reads the end
        app.go_on.set()
        assert (await peer.answer()).body == b"GET /wait "
        assert await peer.is_at_end()

    serve(scenario)
    assert app.upgrades == []


def test_a_head_with_lines_longer_than_the_library_reads(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        params = b"rivet_conn_params." + b"%E2%82%AC" * 4000
        answer = await peer.upgrade(b"Sec-WebSocket-Protocol: rivet, " + params + b"\r\n")
        assert answer.status == 101
        assert params.decode() in app.upgrades[0].headers["sec-websocket-protocol"]

    serve(scenario)


@pytest.mark.parametrize(
    ("changed", "to", "status"),
    [
        (b"GET", b"POST", 405),
        (b"HTTP/1.1", b"HTTP/1.0", 505),
        (b"Version: 13", b"Version: 12", 400),
        (b"Key: dGhl", b"Key: ####", 400),
        (b"keep-alive, Upgrade", b"keep-alive", 426),
        (b"Upgrade: websocket", b"Upgrade: websocket, h2c", 426),
        (b"Host: x", b"Host: x\r\nContent-Length: 5", 400),
        (b"Host: x", b"Host: x\r\nTransfer-Encoding: chunked", 400),
        (b"Host: x", b"Host: x\r\nX: \x01", 400),
    ],
)
def test_an_upgrade_that_is_none(
    serve: Serve, app: Application, changed: bytes, to: bytes, status: int
) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        head = UPGRADE.replace(changed, to, 1)
        assert head != UPGRADE
        peer.write(head)
        answer = await peer.answer()
        assert answer.status == status
        assert answer.headers["connection"] == "close"
        assert await peer.is_at_end()

    serve(scenario)
    assert app.upgrades == []


# ------------------------------------------------------------------ before a receiver is attached


def test_nothing_is_lost_before_a_receiver_is_attached(serve: Serve, app: Application) -> None:
    app.attach_at_once = False

    async def scenario(site: Site) -> None:
        peer = await site.connect()
        first = bytes([0x81, 0x81, 0, 0, 0, 0]) + b"0"
        assert (await peer.upgrade(glued=first)).status == 101
        recorder = await app.opened.get()
        for i in range(1, 100):
            peer.frame(Opcode.TEXT, b"%d" % i)
        other = await site.connect(first=GET)
        await other.answer()
        assert recorder.heard == []
        app.attach(recorder)
        assert recorder.heard == []  # not while it attaches
        for i in range(100):
            assert await recorder.next() == ("data", str(i))
            assert await peer.read_frame() == (Opcode.TEXT, b"%d" % i)

    serve(scenario)


def test_nothing_piles_up_before_a_receiver_is_attached(serve: Serve, app: Application) -> None:
    app.attach_at_once = False

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        size = 20_000_000
        peer.frame(Opcode.BINARY, bytes(size))
        other = await site.connect()
        for _ in range(20):  # turns of the loop in which it could be read
            other.write(GET)
            await other.answer()
        assert peer.writer.transport.get_write_buffer_size() > size // 4
        app.attach(recorder)
        assert await recorder.next() == ("data", bytes(size))
        recorder.channel.abort()

    serve(scenario)


def test_a_peer_that_is_gone_before_a_receiver_is_attached(serve: Serve, app: Application) -> None:
    app.attach_at_once = False

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        await peer.close()
        await site.is_empty()
        recorder.channel.send("to nobody")
        recorder.channel.close(1000, "")
        app.attach(recorder)
        assert await recorder.next() == ("lost",)
        assert recorder.channel.backlog == 0

    serve(scenario)


def test_closed_without_ever_a_receiver(serve: Serve, app: Application) -> None:
    app.attach_at_once = False

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        peer.frame(Opcode.TEXT, b"held, then dropped")
        other = await site.connect(first=GET)
        await other.answer()
        recorder.channel.close(1011, "actor.not_found")
        assert await peer.read_close() == (1011, "actor.not_found")
        peer.close_frame(1011)
        assert await peer.is_at_end()
        app.receivers.clear()

    serve(scenario)


def test_a_receiver_attached_after_the_close(serve: Serve, app: Application) -> None:
    app.attach_at_once = False

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.channel.close(1000, "")
        app.attach(recorder)
        assert await peer.read_close() == (1000, "")
        peer.frame(Opcode.TEXT, b"dropped")
        peer.close_frame(1000)
        assert await peer.is_at_end()
        await peer.close()
        assert await recorder.next() == ("lost",)

    serve(scenario)
