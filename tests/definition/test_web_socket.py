"""Raw websockets, on a context that notes what is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from typing_extensions import override

from pyactor.definition import Request, WebSocket, WebSocketContext
from pyactor.errors import WebSocketClosed


class FakeSocket(WebSocketContext):
    def __init__(self, *messages: str | bytes, closed: WebSocketClosed) -> None:
        self.messages = list(messages)
        self.closed = closed
        self.sent: list[str | bytes] = []
        self.closes: list[tuple[int, str]] = []

    @property
    @override
    def request(self) -> Request:
        return Request(path="/live", query="a=1")

    @override
    async def send(self, data: str | bytes) -> None:
        self.sent.append(data)

    @override
    async def receive(self) -> str | bytes:
        if not self.messages:
            raise self.closed
        return self.messages.pop(0)

    @override
    async def wait_closed(self) -> None:
        raise self.closed

    @override
    def close(self, code: int, reason: str) -> Awaitable[None]:
        self.closes.append((code, reason))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


@pytest.fixture
def context() -> FakeSocket:
    return FakeSocket("a", b"b", closed=WebSocketClosed(1001, "away"))


def test_messages_both_ways(context: FakeSocket) -> None:
    async def talk() -> None:
        ws = WebSocket(context)
        await ws.send("x")
        await ws.send(b"y")
        assert [await ws.receive(), await ws.receive()] == ["a", b"b"]
        with pytest.raises(
            WebSocketClosed, match=r"^the websocket is closed: 1001 away$"
        ) as caught:
            await ws.receive()
        assert (caught.value.code, caught.value.reason) == (1001, "away")
        assert isinstance(caught.value, ConnectionError)

    asyncio.run(talk())
    assert context.sent == ["x", b"y"]


def test_iteration_ends_at_the_close(context: FakeSocket) -> None:
    async def collect() -> list[str | bytes]:
        return [message async for message in WebSocket(context)]

    assert asyncio.run(collect()) == ["a", b"b"]


def test_iteration_may_begin_anew(context: FakeSocket) -> None:
    async def two_loops() -> list[str | bytes]:
        ws = WebSocket(context)
        async for first in ws:
            return [first, *[message async for message in ws]]
        raise AssertionError("no message came")

    assert asyncio.run(two_loops()) == ["a", b"b"]


def test_what_it_is(context: FakeSocket) -> None:
    ws = WebSocket(context)
    assert (ws.request.path, ws.request.query) == ("/live", "a=1")
    assert repr(ws) == "<WebSocket /live>"
    assert str(WebSocketClosed(1006)) == "the websocket is closed: 1006"


def test_a_message_is_text_or_bytes(context: FakeSocket) -> None:
    message: Any = {"a": 1}
    with pytest.raises(TypeError, match=r"^a websocket message is a str or bytes, not dict$"):
        asyncio.run(WebSocket(context).send(message))
    assert context.sent == []


def test_close_begins_when_it_is_called(context: FakeSocket) -> None:
    async def close() -> None:
        ws = WebSocket(context)
        waiting = ws.close()
        ws.close(3000, "bye")
        assert context.closes == [(1000, ""), (3000, "bye")]
        await waiting

    asyncio.run(close())


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1014, 3000, 4999])
@pytest.mark.parametrize("reason", ["", "é" * 61])
def test_legal_closes(context: FakeSocket, code: int, reason: str) -> None:
    asyncio.run(_await(WebSocket(context), code, reason))
    assert context.closes == [(code, reason)]


async def _await(ws: WebSocket, code: int, reason: str) -> None:
    await ws.close(code, reason)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_codes_that_cannot_be_sent(context: FakeSocket, code: int) -> None:
    with pytest.raises(ValueError, match=rf"^a websocket cannot be closed with {code}; take 1000"):
        WebSocket(context).close(code)
    assert context.closes == []


def test_a_reason_fits_in_a_control_frame(context: FakeSocket) -> None:
    with pytest.raises(ValueError, match=r"^the reason of a close has at most 123 bytes, not 124$"):
        WebSocket(context).close(1000, "é" * 62)
    assert context.closes == []


def test_the_end_can_be_awaited(context: FakeSocket) -> None:
    with pytest.raises(WebSocketClosed):
        asyncio.run(WebSocket(context).wait_closed())
