"""Frames and messages of a websocket (RFC 6455, autobahn's cases that matter)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from websockets.frames import Opcode

from pyactor.transports.server import ServerLimits

pytestmark = pytest.mark.parametrize("loop_factory", ["asyncio", "uvloop"], indirect=True)

if TYPE_CHECKING:
    from tests.transports.conftest import Peer, Serve, Site

ONE = bytes([0x81, 0x81, 0, 0, 0, 0]) + b"x"  # a message in one frame

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
