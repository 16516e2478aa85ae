"""C14: a raw HTTP request is the whole life of a connection around ``on_request``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, cast

import pytest
from attrs import define
from typing_extensions import override

from pyactor.definition import Actor, ActorOptions, Conn, Event, Request, Response, action, hook
from pyactor.errors import ActorError, NoCallerError, RequestsNotSupported, UserError
from pyactor.wire.http import HttpResponse, WholeBody

Play = Callable[..., None]


@define
class Params:
    refused: str = ""


class Mute(Actor[None], name="mute"):
    @action
    def nothing(self) -> None: ...


class Web(
    Actor[None, None, Params],
    name="web",
    options=ActorOptions(action_timeout=10, sleep_grace_period=4, close_timeout=2),
):
    rang = Event[None]()

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.go_on = asyncio.Event()

    @hook
    async def on_before_connect(self, params: Params) -> None:
        assert self.connecting.request.path == "/page"
        if params.refused == "before":
            raise UserError("closed today", code="closed")
        if params.refused == "slow":
            await self.go_on.wait()

    @hook
    def on_connect(self, conn: Conn[None, Params]) -> None:
        self.trace.append("connect")
        if conn.params.refused == "on_connect":
            conn.disconnect("full")

    @hook
    async def on_disconnect(self, conn: Conn[None, Params]) -> None:
        assert conn.id not in self.conns
        await asyncio.sleep(1)
        self.trace.append("disconnect")

    @hook
    async def on_request(self, request: Request) -> Response:
        assert self.conn.request is request
        assert self.conn.id in self.conns
        self.conn.defer(lambda: self.trace.append("deferred"))
        self.conn.send(Web.rang)
        self.rang.broadcast()
        self.trace.append(request.query)
        match request.query:
            case "echo":
                return Response(await request.read(), 201, {"x-path": request.path})
            case "raises":
                raise UserError("no such page", code="no_page")
            case "breaks":
                raise RuntimeError("secret")
            case "none":
                return cast(Response, None)
            case "leaves":
                self.conn.disconnect("bye")
                await asyncio.sleep(3)
                return Response("after all")
            case "waits":
                await self.go_on.wait()
                self.trace.append("waited")
                return Response("waited")
            case "late stream" | "late pieces":
                await self.go_on.wait()
                is_read = request.query == "late pieces"
                return Response(self.pieces("stream") if is_read else Closable(self))
            case _:
                is_plain = request.query == "plain iterator"
                body = Plain() if is_plain else self.pieces(request.query)
                return Response(body, headers={"x-kind": "stream"})

    async def pieces(self, kind: str) -> AsyncIterator[bytes]:
        me = self.conn.id
        try:
            for number in range(3):
                assert self.conn.id == me
                self.trace.append(f"make {number}")
                yield str(number).encode()
                if kind == "slow":
                    await asyncio.sleep(30)
                if kind == "fails":
                    raise RuntimeError("secret")
                if kind == "refuses":
                    raise UserError("enough", code="enough")
                if kind == "text":
                    yield cast(bytes, "text")
                if kind == "leaves too":
                    await self.conn.disconnect("bye")
                if kind == "deaf":
                    try:
                        await self.go_on.wait()
                    except asyncio.CancelledError:
                        self.trace.append("ignored")
        finally:
            if kind == "stuck":
                await asyncio.sleep(60)
            self.trace.append("body closed")


class Closable(AsyncIterator[bytes]):
    """A body with something to close even if no piece of it was ever asked for."""

    def __init__(self, web: Web) -> None:
        self.web = web

    @override
    async def __anext__(self) -> bytes:
        raise AssertionError("nobody asks")

    async def aclose(self) -> None:
        self.web.trace.append("body closed")


class Plain(AsyncIterator[bytes]):
    """A body that cannot be closed."""

    def __init__(self) -> None:
        self.left = [b"2", b"1"]

    @override
    async def __anext__(self) -> bytes:
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop()


def page(query: str, body: bytes = b"") -> Request:
    return Request("POST", "/page", query, body=WholeBody(body))


def name_of(error: Any) -> str:
    return f"{error.group}.{error.code}"


async def begin(stage: Any, query: str) -> tuple[AsyncIterator[bytes], list[str]]:
    """A streamed response that has begun: its body, and the actor's trace."""
    response = await stage.raw_request(page(query))
    assert isinstance(response, HttpResponse)
    assert (response.status, response.headers) == (200, {"x-kind": "stream"})
    return cast("AsyncIterator[bytes]", response.body), stage.instance.actor.trace


# ------------------------------------------------------------------ whole answers


def test_the_answer_comes_once_the_connection_is_gone(play: Play) -> None:
    async def scene(stage: Any) -> None:
        began = stage.time
        response = await stage.raw_request(page("echo", b"hello"))
        assert response == HttpResponse(201, {"x-path": "/page"}, b"hello")
        assert stage.time - began == pytest.approx(1)
        assert stage.instance.actor.trace == ["connect", "echo", "disconnect", "deferred"]
        assert stage.instance.drivers == {}

    play(Web, scene)


def test_without_the_hook_nothing_runs(play: Play) -> None:
    async def scene(stage: Any) -> None:
        with pytest.raises(RequestsNotSupported, match="mute takes no raw requests"):
            await stage.raw_request()
        assert stage.instance.drivers == {}

    play(Mute, scene)


@pytest.mark.parametrize(
    ("query", "name", "is_logged"),
    [
        ("raises", "user.no_page", False),
        ("breaks", "core.internal_error", True),
        ("none", "core.internal_error", True),
        ("waits", "actor.callback_timed_out", False),
    ],
)
def test_a_failure_is_the_answer(
    play: Play, caplog: pytest.LogCaptureFixture, query: str, name: str, is_logged: bool
) -> None:
    """C8, C11; on_disconnect runs all the same (C4)."""

    async def scene(stage: Any) -> None:
        error = await stage.raw_request(page(query))
        assert name_of(error) == name
        assert "secret" not in error.message
        assert stage.instance.actor.trace == ["connect", query, "disconnect", "deferred"]

    play(Web, scene)
    assert ("hook 'on_request'" in caplog.text) is is_logged


@pytest.mark.parametrize(
    ("refused", "name", "trace"),
    [
        ("before", "user.closed", []),
        ("on_connect", "connection.disconnected", ["connect", "disconnect"]),
    ],
)
def test_it_never_runs_if_the_connection_does_not_open(
    play: Play, refused: str, name: str, trace: list[str]
) -> None:
    """C2, C7."""

    async def scene(stage: Any) -> None:
        error = await stage.raw_request(page("echo"), params={"refused": refused})
        assert name_of(error) == name
        assert stage.instance.actor.trace == trace

    play(Web, scene)


def test_after_a_disconnect_the_answer_is_still_given(play: Play) -> None:
    """And on_disconnect does not wait for on_request (C6)."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.raw_request(page("leaves")))
        await asyncio.sleep(2)
        assert stage.instance.actor.trace == ["connect", "leaves", "disconnect", "deferred"]
        assert (await call).body == b"after all"

    play(Web, scene)


# ------------------------------------------------------------------ streamed answers


def test_a_stream_keeps_its_connection_until_its_end(play: Play) -> None:
    """The body sees its caller, and is made as it is read; then on_disconnect runs."""

    async def scene(stage: Any) -> None:
        body, trace = await begin(stage, "stream")
        [conn_id] = stage.instance.conns
        await asyncio.sleep(20)  # longer than on_request may take
        assert trace == ["connect", "stream"]
        assert await anext(body) == b"0"
        assert await anext(body) == b"1"
        await stage.settle()
        assert trace[2:] == ["make 0", "make 1"]
        assert list(stage.instance.conns) == [conn_id]
        assert [piece async for piece in body] == [b"2"]
        await asyncio.sleep(2)
        assert trace[4:] == ["make 2", "body closed", "disconnect", "deferred"]
        assert stage.instance.drivers == {}
        assert [piece async for piece in body] == []

    play(Web, scene)


def test_a_body_need_not_be_a_generator(play: Play) -> None:
    """And to close one that has ended, as a transport may, does nothing."""

    async def scene(stage: Any) -> None:
        body, trace = await begin(stage, "plain iterator")
        assert [piece async for piece in body] == [b"1", b"2"]
        await cast(Any, body).aclose()
        await asyncio.sleep(2)
        assert trace == ["connect", "plain iterator", "disconnect", "deferred"]

    play(Web, scene)


@pytest.mark.parametrize("made", [0, 1])
def test_a_client_that_vanishes_closes_the_body(play: Play, made: int) -> None:
    """Before its first piece or later: closed, then on_disconnect, each once."""

    async def scene(stage: Any) -> None:
        body, trace = await begin(stage, "stream")
        async with aclosing(cast(Any, body)):
            for _ in range(made):
                await anext(body)
        assert [piece async for piece in body] == []
        await asyncio.sleep(2)
        made_and_closed = ["make 0", "body closed"] if made else []
        assert trace[2:] == [*made_and_closed, "disconnect", "deferred"]
        assert stage.instance.drivers == {}

    play(Web, scene)


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_piece_in_the_making_is_given_up(
    play: Play, caplog: pytest.LogCaptureFixture, is_cancelled: bool
) -> None:
    """A transport says that nobody reads on by aclose, or by cancelling its own reading."""

    async def scene(stage: Any) -> None:
        body, trace = await begin(stage, "slow")
        await anext(body)
        reading = asyncio.ensure_future(anext(body))
        await stage.settle()
        if is_cancelled:
            reading.cancel()
        else:
            await cast(Any, body).aclose()
        await asyncio.sleep(2)
        assert trace[2:] == ["make 0", "body closed", "disconnect", "deferred"]
        assert reading.cancelled() is is_cancelled
        assert is_cancelled or isinstance(reading.exception(), ActorError)

    play(Web, scene)
    assert caplog.text == ""


def test_a_body_that_ignores_its_cancellation_is_closed(play: Play) -> None:
    async def scene(stage: Any) -> None:
        body, trace = await begin(stage, "deaf")
        await anext(body)
        reading = asyncio.ensure_future(anext(body))
        await stage.settle()
        reading.cancel()
        await asyncio.sleep(2)
        assert trace[2:] == [
            "make 0",
            "ignored",
            "make 1",
            "body closed",
            "disconnect",
            "deferred",
        ]

    play(Web, scene)


def test_on_disconnect_does_not_wait_for_ever(play: Play) -> None:
    """C11: a body that takes long to close has close_timeout (2 s); then it is left alone."""

    async def scene(stage: Any) -> None:
        body, trace = await begin(stage, "stuck")
        await anext(body)
        await cast(Any, body).aclose()
        await asyncio.sleep(1.9)
        assert len(stage.instance.conns) == 1
        await asyncio.sleep(0.2)
        assert len(stage.instance.conns) == 0
        await asyncio.sleep(60)
        assert trace[2:] == ["make 0", "disconnect", "deferred", "body closed"]

    play(Web, scene)


@pytest.mark.parametrize(
    ("query", "name", "made"),
    [
        ("fails", "core.internal_error", [b"0"]),
        ("refuses", "user.enough", [b"0"]),
        ("text", "core.internal_error", [b"0"]),
    ],
)
def test_a_body_that_fails(
    play: Play, caplog: pytest.LogCaptureFixture, query: str, name: str, made: list[bytes]
) -> None:
    """The transport hears of it, so that the client sees no whole body; it is logged in full."""

    async def scene(stage: Any) -> None:
        body, trace = await begin(stage, query)
        got: list[bytes] = []

        async def read() -> None:
            async for piece in body:
                got.append(piece)  # noqa: PERF401 - what came before the error is asserted

        with pytest.raises(ActorError) as caught:
            await read()
        assert (got, name_of(caught.value)) == (made, name)
        assert "secret" not in str(caught.value)
        assert [piece async for piece in body] == []
        await asyncio.sleep(2)
        assert trace[2:] == ["make 0", "body closed", "disconnect", "deferred"]

    play(Web, scene)
    assert "the body of a response of connection" in caplog.text


def test_a_disconnect_does_not_end_the_body(play: Play) -> None:
    """It is in-flight work (C6, C14); a body may await its own connection's end (C9)."""

    async def scene(stage: Any) -> None:
        body, trace = await begin(stage, "leaves too")
        assert [piece async for piece in body] == [b"0", b"1", b"2"]
        assert trace[2:] == [
            "make 0",
            "disconnect",
            "deferred",
            "make 1",
            "make 2",
            "body closed",
        ]

    play(Web, scene)


# ------------------------------------------------------------------ a client that vanishes


def test_a_client_that_vanishes_before_the_answer(play: Play) -> None:
    """on_disconnect runs; on_request goes on (C6), and the body of its answer is closed."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.raw_request(page("late stream")))
        await stage.settle()
        actor = stage.instance.actor
        call.cancel()
        await asyncio.sleep(2)
        assert actor.trace == ["connect", "late stream", "disconnect", "deferred"]
        actor.go_on.set()
        await stage.settle()
        assert actor.trace[4:] == ["body closed"]

    play(Web, scene)


def test_a_client_that_vanishes_as_the_answer_comes(play: Play) -> None:
    """In the same turn of the loop: nobody will ever read the body."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.raw_request(page("late stream")))
        await stage.settle()
        actor = stage.instance.actor
        actor.go_on.set()
        [driver] = stage.instance.drivers.values()
        while not driver._answered.done():  # noqa: ASYNC110 - it is this very turn that matters
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.sleep(2)
        assert actor.trace == ["connect", "late stream", "body closed", "disconnect", "deferred"]

    play(Web, scene)


def test_a_client_that_vanishes_while_it_connects(play: Play) -> None:
    """C7."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.raw_request(page("echo"), params={"refused": "slow"}))
        await stage.settle()
        call.cancel()
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert stage.instance.actor.trace == []
        assert stage.instance.drivers == {}

    play(Web, scene)


# ------------------------------------------------------------------ the stop


@pytest.mark.parametrize("in_time", [True, False])
def test_a_request_while_the_host_stops(play: Play, in_time: bool) -> None:
    """C15: answered if it ends within the grace period, and cancelled after it."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.raw_request(page("waits")))
        await stage.settle()
        actor = stage.instance.actor
        stopping = asyncio.create_task(stage.host.stop())
        await asyncio.sleep(2)
        assert actor.trace == ["connect", "waits", "disconnect", "deferred"]
        if in_time:
            actor.go_on.set()
        answer = await call
        await stopping
        if in_time:
            assert answer.body == b"waited"
        else:
            assert name_of(answer) == "actor.interrupted"

    play(Web, scene)


@pytest.mark.parametrize("is_read", [True, False])
def test_a_stream_ends_with_the_grace_period(play: Play, is_read: bool) -> None:
    """C15: the reader hears that it was cut short, also one that reads only afterwards."""

    async def scene(stage: Any) -> None:
        body, trace = await begin(stage, "slow")
        await anext(body)
        reading = asyncio.ensure_future(anext(body)) if is_read else None
        await stage.settle()
        began = stage.time
        await stage.host.stop()
        assert stage.time - began == pytest.approx(4, abs=0.1)
        assert trace[2:] == ["make 0", "disconnect", "deferred", "body closed"]
        with pytest.raises(ActorError):
            await (reading or anext(body))

    play(Web, scene)


def test_a_stream_that_begins_in_the_grace_period(play: Play) -> None:
    """C15: the stop waits for its end, though its connection is gone already."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.raw_request(page("late pieces")))
        await stage.settle()
        actor = stage.instance.actor
        stopping = asyncio.create_task(stage.host.stop())
        await asyncio.sleep(2)
        assert actor.trace[2:] == ["disconnect", "deferred"]
        actor.go_on.set()
        body = (await call).body
        await asyncio.sleep(1)
        assert not stopping.done()
        assert [piece async for piece in body] == [b"0", b"1", b"2"]
        await stage.settle()
        assert stopping.done()

    play(Web, scene)


def test_a_request_that_connects_into_the_stop(play: Play) -> None:
    """It did not run, and the official client tries again on this error (C14, C15)."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.raw_request(page("echo"), params={"refused": "slow"}))
        await stage.settle()
        actor = stage.instance.actor
        stopping = asyncio.create_task(stage.host.stop())
        await stage.settle()
        actor.go_on.set()
        assert name_of(await call) == "actor.restarting"
        await stopping
        assert actor.trace == []

    play(Web, scene)


def test_a_request_that_comes_too_late_runs_nothing(play: Play) -> None:
    """Its body was still being read when the actor stopped."""

    async def scene(stage: Any) -> None:
        driver = await stage.raw_request_driver(page("echo"))
        actor = stage.instance.actor
        await stage.host.stop()
        assert name_of(await driver.call()) == "actor.restarting"
        assert actor.trace == []

    play(Web, scene)


def test_a_body_has_no_caller_once_it_is_another_tasks(play: Play) -> None:
    """The reader of a body does not run as its actor."""

    async def scene(stage: Any) -> None:
        body, _ = await begin(stage, "stream")
        await anext(body)
        with pytest.raises(NoCallerError):
            _ = stage.instance.actor.conn
        await cast(Any, body).aclose()

    play(Web, scene)
