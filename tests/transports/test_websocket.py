"""The upgrade, frames and messages of a websocket (RFC 6455, autobahn's cases that matter)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import websockets
from websockets.frames import Opcode

from pyactor.transports.server import ServerLimits

if TYPE_CHECKING:
    from tests.transports.conftest import Application, Peer, Serve, Site

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ONE = bytes([0x81, 0x81, 0, 0, 0, 0]) + b"x"  # a message in one frame

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


# ------------------------------------------------------------------ messages


def test_fragments_are_joined_and_control_frames_may_come_between(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        euro = "\u20ac".encode()
        peer.frame(Opcode.TEXT, b"a" + euro[:1], fin=False)
        peer.frame(Opcode.PING, b"now")
        peer.frame(Opcode.CONT, euro[1:2], fin=False)
        peer.frame(Opcode.CONT, b"", fin=False)
        peer.frame(Opcode.PONG, b"unasked")
        peer.frame(Opcode.CONT, euro[2:] + b"b")
        peer.frame(Opcode.BINARY, b"\x00", fin=False)
        peer.frame(Opcode.CONT, b"\xff")
        assert await recorder.next() == ("data", "a\u20acb")
        assert await recorder.next() == ("data", b"\x00\xff")
        frames = sorted([await peer.read_frame() for _ in range(3)])
        assert frames == [
            (Opcode.TEXT, b"a" + euro + b"b"),
            (Opcode.BINARY, b"\x00\xff"),
            (Opcode.PONG, b"now"),
        ]

    serve(scenario)


def test_a_frame_in_single_bytes(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        frame = bytes([0x81, 0xFE, 0, 126, 0, 0, 0, 0]) + b"x" * 126
        for byte in frame:
            peer.write(bytes([byte]))
            await peer.writer.drain()
        assert await recorder.next() == ("data", "x" * 126)

    serve(scenario)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 100_000])
def test_every_form_of_length(serve: Serve, size: int) -> None:
    async def scenario(site: Site) -> None:
        peer, _ = await site.websocket()
        peer.frame(Opcode.BINARY, b"x" * size)
        assert await peer.read_frame() == (Opcode.BINARY, b"x" * size)

    serve(scenario)


def test_a_message_at_the_hard_cap(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, _ = await site.websocket()
        peer.frame(Opcode.TEXT, b"x" * 600, fin=False)
        peer.frame(Opcode.CONT, b"x" * 400)
        assert await peer.read_frame() == (Opcode.TEXT, b"x" * 1000)
        peer.frame(Opcode.TEXT, b"x" * 1000)
        assert await peer.read_frame() == (Opcode.TEXT, b"x" * 1000)

    serve(scenario, ServerLimits(max_websocket_message=1000))


def reserved_bits(peer: Peer) -> None:
    peer.frame(Opcode.TEXT, b"x", reserved=4)


def unknown_opcode(peer: Peer) -> None:
    peer.frame(3, b"x")


def unmasked(peer: Peer) -> None:
    peer.frame(Opcode.TEXT, b"x", masked=False)


def long_ping(peer: Peer) -> None:
    peer.frame(Opcode.PING, b"x" * 126)


def fragmented_ping(peer: Peer) -> None:
    peer.frame(Opcode.PING, b"x", fin=False)


def continuation_of_nothing(peer: Peer) -> None:
    peer.frame(Opcode.CONT, b"x")


def message_inside_a_message(peer: Peer) -> None:
    peer.frame(Opcode.TEXT, b"x", fin=False)
    peer.frame(Opcode.TEXT, b"x")


def close_inside_a_message(peer: Peer) -> None:
    peer.frame(Opcode.TEXT, b"x", fin=False)
    peer.close_frame(1000)


def close_of_one_byte(peer: Peer) -> None:
    peer.frame(Opcode.CLOSE, b"\x03")


def close_with_code_1005(peer: Peer) -> None:
    peer.close_frame(1005)


def close_with_code_2999(peer: Peer) -> None:
    peer.close_frame(2999)


def bad_utf8(peer: Peer) -> None:
    peer.frame(Opcode.TEXT, b"\xc3\x28")


def bad_utf8_across_fragments(peer: Peer) -> None:
    peer.frame(Opcode.TEXT, b"\xe2\x82", fin=False)
    peer.frame(Opcode.CONT, b"x")


def a_surrogate_as_utf8(peer: Peer) -> None:
    peer.frame(Opcode.TEXT, b"\xed\xa0\x80")


def bad_utf8_in_a_close_reason(peer: Peer) -> None:
    peer.frame(Opcode.CLOSE, b"\x03\xe8\xff")


def too_long(peer: Peer) -> None:
    peer.frame(Opcode.TEXT, b"x" * 1001)


def too_long_as_announced(peer: Peer) -> None:
    peer.write(bytes([0x81, 0xFF]) + (2**62).to_bytes(8))


def too_long_in_fragments(peer: Peer) -> None:
    peer.frame(Opcode.TEXT, b"x" * 600, fin=False)
    peer.frame(Opcode.CONT, b"x" * 401)


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (reserved_bits, 1002),
        (unknown_opcode, 1002),
        (unmasked, 1002),
        (long_ping, 1002),
        (fragmented_ping, 1002),
        (continuation_of_nothing, 1002),
        (message_inside_a_message, 1002),
        (close_inside_a_message, 1002),
        (close_of_one_byte, 1002),
        (close_with_code_1005, 1002),
        (close_with_code_2999, 1002),
        (bad_utf8, 1007),
        (bad_utf8_across_fragments, 1007),
        (a_surrogate_as_utf8, 1007),
        (bad_utf8_in_a_close_reason, 1007),
        (too_long, 1009),
        (too_long_as_announced, 1009),
        (too_long_in_fragments, 1009),
    ],
)
def test_a_broken_protocol(serve: Serve, break_it: Callable[[Peer], None], code: int) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        peer.frame(Opcode.TEXT, b"good")
        assert await peer.read_frame() == (Opcode.TEXT, b"good")
        break_it(peer)
        peer.frame(Opcode.TEXT, b"not heard")
        sent, reason = await peer.read_close()
        assert sent == code
        assert await peer.is_at_end()
        recorder.channel.send("not sent")
        recorder.channel.close(1000, "not sent")
        await peer.close()
        await site.is_empty()
        assert recorder.heard == [("data", "good"), ("close", code, reason), ("lost",)]

    serve(scenario, ServerLimits(max_websocket_message=1000))


def test_bad_text_and_a_close_in_one_piece(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        peer.write(bytes([0x81, 0x81, 0, 0, 0, 0, 0xFF, 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]))
        assert await peer.read_close() == (1000, "")
        await peer.close()
        await site.is_empty()
        assert recorder.heard == [("close", 1000, ""), ("lost",)]

    serve(scenario)


# ------------------------------------------------------------------ out


def test_a_lone_surrogate_does_not_break_the_connection(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.channel.send("a\ud800b")
        assert await peer.read_frame() == (Opcode.TEXT, b"a?b")

    serve(scenario)


def test_one_object_to_many_channels(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        sockets = [await site.websocket() for _ in range(3)]
        for data in ("text", "text", b"text", "", "other"):
            for _, recorder in sockets:
                recorder.channel.send(data)
        for peer, _ in sockets:
            for opcode, payload in [
                (Opcode.TEXT, b"text"),
                (Opcode.TEXT, b"text"),
                (Opcode.BINARY, b"text"),
                (Opcode.TEXT, b""),
                (Opcode.TEXT, b"other"),
            ]:
                assert await peer.read_frame() == (opcode, payload)

    serve(scenario)


def test_a_slow_reader_shows_in_the_backlog_alone(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        slow, recorder = await site.websocket()
        quick, other = await site.websocket()
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        message = b"x" * 1_000_000
        seen = []
        for _ in range(30):
            recorder.channel.send(message)
            seen.append(recorder.channel.backlog)
        assert seen == sorted(seen)
        assert seen[-1] > 10_000_000
        quick.frame(Opcode.TEXT, b"hi")
        assert await quick.read_frame() == (Opcode.TEXT, b"hi")
        assert other.channel.backlog == 0
        recorder.channel.abort()
        assert await recorder.next() == ("lost",)
        assert recorder.channel.backlog == 0

    serve(scenario)


def test_pings_of_a_peer_that_does_not_read_do_not_pile_up(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        while recorder.channel.backlog < 2_000_000:
            recorder.channel.send(b"x" * 1_000_000)
        backlog = recorder.channel.backlog
        for _ in range(1000):
            peer.frame(Opcode.PING, b"x" * 125)
        peer.frame(Opcode.TEXT, b"still heard")
        recorder.echo = False
        assert await recorder.next() == ("data", "still heard")
        assert recorder.channel.backlog <= backlog
        recorder.channel.abort()

    serve(scenario)


# ------------------------------------------------------------------ re-entrance


@pytest.mark.parametrize("end", ["close", "abort"])
def test_no_data_after_the_receiver_ended_it(serve: Serve, end: str) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()

        def end_it(data: str | bytes) -> None:
            if end == "close":
                recorder.channel.close(1000, "enough")
            else:
                recorder.channel.abort()

        recorder.on_data = end_it
        peer.write(ONE * 10)
        if end == "close":
            assert await peer.read_close() == (1000, "enough")
            peer.close_frame(1000)
        assert await peer.is_at_end()
        await peer.close()
        await site.is_empty()
        assert recorder.heard == [("data", "x"), ("lost",)]

    serve(scenario)


def test_closing_when_the_peer_s_close_has_been_read_too(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.on_data = lambda _: recorder.channel.close(1000, "enough")
        peer.write(ONE * 10 + bytes([0x88, 0x80, 0, 0, 0, 0]))
        assert await peer.read_frame() == (Opcode.CLOSE, b"")  # the echo of the peer's
        assert await peer.is_at_end()
        await peer.close()
        await site.is_empty()
        assert recorder.heard == [("data", "x"), ("lost",)]

    serve(scenario)


def test_answering_from_inside_the_receiver(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        one = bytes([0x81, 0x81, 0, 0, 0, 0])
        peer.write(b"".join(one + bytes([65 + i]) for i in range(10)))
        for i in range(10):
            assert await peer.read_frame() == (Opcode.TEXT, bytes([65 + i]))
        assert len(recorder.heard) == 10

    serve(scenario)
