"""A whole message in one frame is parsed here, all else by the library: nobody can tell which."""

from __future__ import annotations

import asyncio
import struct
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from attrs import Factory, define
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from pyactor.transports import _websocket
from pyactor.transports._frame import whole_message, wire_size
from pyactor.transports._serving import Framer, ServerLimits, Serving
from pyactor.transports._websocket import WebsocketChannel
from pyactor.wire.http import HttpRequest

MAX_SIZE = 300


@define
class Transport:
    """Remembers what is done to it."""

    said: list[Any] = Factory(list[Any])

    def __getattr__(self, name: str) -> Any:
        def note(*args: object) -> int:
            if name not in {"is_closing", "get_write_buffer_size"}:
                self.said.append((name, *args))
            return 0

        return note


@define
class Receiver:
    """Remembers what it hears, between what the transport sees."""

    said: list[object]

    def receive_data(self, data: str | bytes) -> None:
        self.said.append(("data", type(data), data))

    def receive_close(self, code: int, reason: str) -> None:
        self.said.append(("close", code, reason))

    def receive_lost(self) -> None:
        self.said.append(("lost",))


def heard(chunks: list[bytes], *, by_library_alone: bool) -> list[object]:
    async def play() -> list[object]:
        transport: Any = Transport()
        application: Any = None
        limits = ServerLimits(max_websocket_message=MAX_SIZE)
        channel = WebsocketChannel(Serving(application, limits), transport)
        receiver: Any = Receiver(transport.said)
        channel.attach(receiver, ping_interval=60, ping_timeout=60, close_timeout=60)
        await asyncio.sleep(0)
        for chunk in chunks:
            channel.data_received(chunk)
        channel.connection_lost(None)
        said: list[object] = transport.said
        return said

    def nothing(*_: object) -> None: ...

    with patch.object(_websocket, "whole_message", nothing if by_library_alone else whole_message):
        return asyncio.run(play())


def masked(first: int, payload: bytes, *, extra: int = 0, mask: bytes = b"\1\2\3\4") -> bytes:
    """A frame as a client sends it; ``extra`` makes its length longer than it needs to be."""
    size = len(payload)
    form = max(extra, 0 if size < 126 else 1 if size < 65536 else 2)
    length = [bytes((0x80 | size & 0x7F,)), struct.pack("!BH", 0xFE, size & 0xFFFF)]
    length.append(struct.pack("!BQ", 0xFF, size))
    body = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return bytes((first,)) + length[form] + mask + body


payloads = st.one_of(
    st.binary(max_size=10),
    st.text(max_size=10).map(lambda text: text.encode(errors="surrogatepass")),
    st.sampled_from([0, 1, 125, 126, 127, 128, MAX_SIZE, MAX_SIZE + 1]).map(lambda n: b"x" * n),
)
firsts = st.one_of(
    st.sampled_from([0x81, 0x82, 0x81, 0x82, 0x01, 0x02, 0x80, 0x00, 0x88, 0x89, 0x8A]),
    st.integers(0, 255),
)
frames = st.one_of(
    st.builds(masked, firsts, payloads, extra=st.sampled_from([0, 0, 0, 1, 2])),
    st.builds(lambda first, body: bytes((first, len(body) & 0x7F)) + body, firsts, payloads),
    st.binary(max_size=12),
)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Frames, cut into the pieces that a network makes of them."""
    chunks = draw(st.lists(frames, max_size=6))
    if draw(st.booleans()):
        whole = b"".join(chunks)
        cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=5)))
        ends = zip([0, *cuts], [*cuts, len(whole)], strict=True)
        chunks = [whole[begin:end] for begin, end in ends]
    return [chunk for chunk in chunks if chunk]


TEXT = masked(0x81, b"hello")


@given(streams())
@example([TEXT, TEXT[:1], TEXT[1:], TEXT])
@example([masked(0x01, b""), TEXT])  # a message within a fragmented one
@example([masked(0x01, b"a"), masked(0x89, b"p"), masked(0x80, b"b"), TEXT])
@example([masked(0x81, b"\xff"), TEXT])
@example([masked(0xC1, b"a"), TEXT])
@example([masked(0x81, b"x" * (MAX_SIZE + 1))])
@example([b"\x81\x05hello", TEXT])
@example([b"\x81\x01a\x81\x02xy", TEXT])  # as long as if it were masked
@example([masked(0x88, b"\x03\xe8"), TEXT])
@example([masked(0x82, b"x" * 127), TEXT])
@example([masked(0x81, b"hello", extra=1), TEXT])
@example([masked(0x81, b"hello", extra=2), TEXT])
@example([TEXT + TEXT, TEXT])
@example([TEXT[:3], TEXT])
def test_nobody_can_tell_who_parsed_a_frame(chunks: list[bytes]) -> None:
    assert heard(chunks, by_library_alone=False) == heard(chunks, by_library_alone=True)


def test_what_nearly_all_messages_are_does_not_pass_the_library() -> None:
    assert whole_message(TEXT, MAX_SIZE) == b"hello"
    assert whole_message(masked(0x82, b"x" * 200), MAX_SIZE) == b"x" * 200
    with patch.object(WebsocketChannel, "_receive", side_effect=AssertionError):
        assert ("data", str, "hello") in heard([TEXT, TEXT], by_library_alone=False)


@given(st.binary(max_size=200))
def test_the_wire_size_is_that_of_the_bytes(payload: bytes) -> None:
    assert wire_size(Frame(Opcode.BINARY, payload)) == len(masked(0x82, payload))


@given(st.one_of(st.text(), st.binary(), payloads, st.just("ü" * 63), st.just(b"x" * 70_000)))
def test_a_frame_that_goes_out_is_the_librarys(data: str | bytes) -> None:
    if isinstance(data, str):
        frame = Frame(Opcode.TEXT, data.encode(errors="replace"))
    else:
        frame = Frame(Opcode.BINARY, data)
    framer = Framer()
    assert framer.frame(data) == frame.serialize(mask=False)
    assert framer.frame(data) is framer.frame(data)


# -------------------------------------------------------------- the answer to the upgrade


def taken_over(open_channel: Any) -> list[object]:
    """What is written in the first turn of a websocket that goes to this application."""

    async def play() -> list[object]:
        transport: Any = Transport()
        application: Any = SimpleNamespace(open_channel=open_channel)
        channel = WebsocketChannel(Serving(application, ServerLimits()), transport)
        channel.take_over(HttpRequest("GET", "/"), b"101", b"")
        await asyncio.sleep(0)
        return [said for said in transport.said if said[0] == "write"]

    return asyncio.run(play())


def test_the_first_message_goes_out_with_the_answer() -> None:
    written = taken_over(lambda _, channel: (channel.send("a"), channel.send("b")))
    assert written == [("write", b"101\x81\x01a"), ("write", b"\x81\x01b")]


def test_the_answer_does_not_wait_for_a_message() -> None:
    assert taken_over(lambda *_: None) == [("write", b"101")]


def test_a_channel_that_is_closed_at_once_has_been_answered() -> None:
    (written,) = taken_over(lambda _, channel: channel.close(1000, "no"))
    assert written == ("write", b"101\x88\x04\x03\xe8no")
