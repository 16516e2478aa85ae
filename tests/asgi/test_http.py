"""Plain requests over ASGI: bodies both ways, and clients that leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

from pyactor import ServerLimits
from pyactor.asgi._http import Exchange
from pyactor.wire.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from tests.asgi.conftest import Call, Server

MANY = 64 * 1024 + 1
"""Bytes that wait for their reader before the server is not asked for more."""


def test_an_action_is_answered_in_one_piece(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.action("echo", "hi")
        status, body = await call.answer()
        assert (status, json.loads(body)) == (200, {"output": "hi"})
        # Date and framing are the server's; the length it could not know.
        assert sorted(call.headers()) == [
            (b"content-length", b"%d" % len(body)),
            (b"content-type", b"application/json"),
        ]

    served(scenario)


def test_what_the_actor_sees_of_a_request(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        _, body = await server.request("/a%20b?q=1", "PUT").answer()
        assert json.loads(body) == ["PUT", "/a%20b", "q=1", "127.0.0.1:5000"]

    served(scenario)


def test_an_answer_to_head_has_a_length_and_no_body(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        whole = server.request("/a", "PUT")
        await whole.answer()
        call = server.request("/", "HEAD")  # one less in the path, one more in the method
        assert await call.answer() == (200, b"")
        lengths = [dict(each.headers())[b"content-length"] for each in (whole, call)]
        assert lengths[0] == lengths[1] != b"0"

    served(scenario)


# ------------------------------------------------------------------ the request's body


def test_the_actor_gets_each_piece_when_it_comes(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/read", "POST")
        call.body(b"x" * 10, more=True)
        await server.settle()
        assert server.seen == ["10 bytes"]
        call.body(b"x" * 5)
        assert await call.answer() == (200, b"15")

    served(scenario)


def test_a_client_that_sends_faster_than_it_is_read_has_to_wait(
    served: Callable[..., None],
) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/late", "POST")
        for _ in range(5):
            call.body(b"x" * MANY, more=True)
        call.body()
        await server.settle()
        assert (call.received, server.seen) == (0, []), "nobody has asked for it"
        server.open("read")
        assert await call.answer() == (200, b"%d" % (5 * MANY))
        # A piece at a time, each of which is more than may wait.
        assert server.seen[:5] == [f"{n * MANY} bytes" for n in range(1, 6)]

    served(scenario)


def test_no_more_than_may_wait_is_taken_ahead_of_a_slow_reader(
    served: Callable[..., None],
) -> None:
    async def scenario(server: Server) -> None:
        pieces: list[bytes] = []
        go_on = asyncio.Event()

        async def respond(request: HttpRequest) -> HttpResponse:
            async for piece in request.body:
                pieces.append(piece)
                await go_on.wait()
            return HttpResponse(200)

        call = exchange(server, respond)
        for _ in range(20):
            call.body(b"x" * 10_000, more=True)
        call.body()
        await server.settle()
        assert [len(piece) for piece in pieces] == [70_000]
        await asyncio.sleep(1000)
        assert call.untaken == 21 - 7, "the reader has 70,000 bytes and wants no more"
        go_on.set()
        assert await call.answer() == (200, b"")
        assert sum(map(len, pieces)) == 200_000

    served(scenario)


def test_a_body_over_the_limit_is_refused(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/read", "POST")
        call.body(b"x" * 900, more=True)
        call.body(b"x" * 101)
        status, body = await call.answer()
        assert (status, json.loads(body)["code"]) == (413, "incoming_too_long")
        assert server.seen == ["900 bytes", "IncomingTooLong", "left"]

    served(scenario, limits=ServerLimits(max_body=1000))


def test_a_body_that_does_not_come_is_given_up(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/read", "POST")
        call.body(b"x", more=True)
        status, body = await call.answer()
        assert (status, json.loads(body)["code"]) == (408, "request_timed_out")
        assert asyncio.get_running_loop().time() == pytest.approx(30)

    served(scenario)


def test_a_client_that_leaves_within_its_body(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/read", "POST")
        call.body(b"x", more=True)
        call.tell("http.disconnect")
        await call.task
        assert server.seen == ["1 bytes", "ConnectionLost", "left"]
        assert call.sent == []

    served(scenario)


def test_a_receive_that_fails_ends_the_request(served: Callable[..., None]) -> None:
    """As a middleware's may, which limits bodies and then answers by itself."""

    async def scenario(server: Server) -> None:
        call = server.request("/read", "POST")
        call.refusal = ValueError("too large")
        call.body(b"x")
        with pytest.raises(ValueError, match="too large"):
            await call.task
        assert server.seen == ["ConnectionLost", "left"]
        assert call.sent == []

    served(scenario)


def test_nothing_is_read_of_a_body_after_its_answer(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        bodies: list[Any] = []

        async def respond(request: HttpRequest) -> HttpResponse:
            bodies.append(request.body)
            return HttpResponse(200)

        await exchange(server, respond).answer()
        with pytest.raises(ConnectionError, match="answered before all of its body was read"):
            await anext(bodies[0])

    served(scenario)


# ------------------------------------------------------------------ a streamed answer


def test_an_answer_streams_while_it_is_made(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/stream")
        assert (await call.next())["type"] == "http.response.start"
        for number in range(3):
            message = await call.next("http.response.body")
            assert (message["body"], message["more_body"]) == (b"x%d" % number, True)
        server.open("stream")
        assert await call.answer() == (200, b"x0x1x2")
        assert call.headers() == [(b"x-a", b"1"), (b"x-a", b"2")]
        await server.settle()
        assert server.seen[-2:] == ["closed", "left"]

    served(scenario)


def test_no_piece_is_made_before_the_server_wants_one(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/stream")
        await call.next("http.response.start")
        await call.next("http.response.body")
        call.has_room.clear()
        await server.settle()
        assert server.seen == ["piece 0", "piece 1"]
        call.has_room.set()
        server.open("stream")
        await call.answer()

    served(scenario)


def test_a_client_that_leaves_ends_the_stream(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/stream")
        await server.settle()
        assert server.seen[-1] == "piece 2"
        call.tell("http.disconnect")
        await call.task
        await server.settle()
        assert server.seen[-2:] == ["closed", "left"]
        assert all(message.get("more_body", True) for message in call.sent)

    served(scenario)


def test_a_client_that_leaves_before_the_stream_begins(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        closed = asyncio.Event()

        class Body:
            def __aiter__(self) -> Body:
                return self

            async def __anext__(self) -> bytes:
                raise AssertionError("nobody reads it")

            async def aclose(self) -> None:
                closed.set()

        async def respond(request: HttpRequest) -> HttpResponse:
            with pytest.raises(ConnectionError):
                await anext(aiter(request.body))
            return HttpResponse(200, {}, Body())

        call = exchange(server, respond)
        call.tell("http.disconnect")
        await call.task
        assert closed.is_set()
        assert call.sent == []

    served(scenario)


@pytest.mark.parametrize("fault", [OSError("gone"), ConnectionResetError()])
def test_a_server_that_takes_no_more_ends_the_stream(
    fault: OSError, served: Callable[..., None]
) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/stream")
        await call.next("http.response.start")
        call.fault = fault
        await call.task
        await server.settle()
        assert server.seen[-2:] == ["closed", "left"]

    served(scenario)


def test_a_client_that_does_not_read_is_given_up(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/stream")
        await call.next("http.response.start")
        call.has_room.clear()
        await call.task
        assert asyncio.get_running_loop().time() == pytest.approx(75)
        await server.settle()
        assert server.seen[-2:] == ["closed", "left"]

    served(scenario)


def test_a_stream_that_breaks_off_does_not_look_whole(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/broken")
        with pytest.raises(Exception, match="internal error"):
            await call.task
        assert [message.get("body") for message in call.sent] == [None, b"half"]
        assert call.sent[-1]["more_body"]

    served(scenario)


def test_a_client_is_heard_to_leave_though_nobody_reads_its_body(
    served: Callable[..., None],
) -> None:
    async def scenario(server: Server) -> None:
        pieces = asyncio.Event()

        async def stream() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x"
                    await asyncio.sleep(1)
            finally:
                pieces.set()

        async def respond(request: HttpRequest) -> HttpResponse:
            await anext(aiter(request.body))
            return HttpResponse(200, {}, stream())

        call = exchange(server, respond)
        for _ in range(3):
            call.body(b"x" * MANY, more=True)
        call.tell("http.disconnect")
        await call.task
        assert pieces.is_set()
        assert asyncio.get_running_loop().time() < 100

    served(scenario)


def test_an_answer_to_head_makes_no_piece(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/stream", "HEAD")
        assert await call.answer() == (200, b"")
        await server.settle()
        assert server.seen == ["left"]

    served(scenario)


# ------------------------------------------------------------------ what was begun is finished


def test_work_goes_on_when_its_client_leaves(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.action("work")
        await server.settle()
        call.tell("http.disconnect")
        await server.settle()
        assert server.seen == ["working"]
        server.open("work")
        await call.task
        assert server.seen == ["working", "worked", "left"]

    served(scenario)


def test_work_goes_on_when_the_server_cancels(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.action("work")
        await server.settle()
        call.task.cancel()
        await server.settle()
        assert call.task.cancelled()
        server.open("work")
        await server.settle()
        assert server.seen == ["working", "worked", "left"]
        assert call.sent == []

    served(scenario)


def test_a_stream_ends_when_the_server_cancels(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.request("/stream")
        await server.settle()
        call.task.cancel()
        await server.settle()
        assert call.task.cancelled()
        assert server.seen[-2:] == ["closed", "left"]

    served(scenario)


# ------------------------------------------------------------------ bugs


@pytest.mark.parametrize("headers", [None, {"x": "a\r\nb"}, {"x": "\u20ac"}])
def test_a_bug_of_the_application_is_answered(
    headers: dict[str, str] | None,
    served: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(server: Server) -> None:
        async def respond(request: HttpRequest) -> HttpResponse:
            if headers is None:
                raise RuntimeError("a bug")
            return HttpResponse(200, headers)

        call = exchange(server, respond)
        status, body = await call.answer()
        assert (status, json.loads(body)["code"]) == (500, "internal_error")
        assert {name for name, _ in call.headers()} == {b"content-type", b"content-length"}

    served(scenario)
    assert "GET /own: no answer could be made" in caplog.text


def exchange(server: Server, respond: Callable[[HttpRequest], Any]) -> Call:
    """A request that a small application of the test's answers."""

    class Application:
        async def respond(self, request: HttpRequest) -> HttpResponse:
            response: HttpResponse = await respond(request)
            return response

        def open_channel(self, request: HttpRequest, channel: Any) -> None:
            raise AssertionError

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Exchange(Application(), scope, receive, send, ServerLimits()).run(set())

    return server.call_app(app, "/own")
