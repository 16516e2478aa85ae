"""HTTP to a host in the same process keeps the promises that a network keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar

import httpx2
import pytest
from typing_extensions import override

from pyactor.client._memory_http import MemoryHttp
from pyactor.errors import ConnectionLost
from pyactor.wire.http import HttpRequest, HttpResponse, read_body

CALLER: ContextVar[str] = ContextVar("CALLER", default="nobody")


class Body:
    """A streamed answer: pieces without end, and how it ended."""

    def __init__(self, *, swallows: bool = False) -> None:
        self.made = 0
        self.waiting = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ended = asyncio.Event()
        self.callers: set[str] = set()
        self._swallows = swallows

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            while True:
                self.callers.add(CALLER.get())
                self.made += 1
                yield b"%d" % self.made
                if self.made >= 3 and not self.go_on.is_set():
                    self.waiting.set()
                    try:
                        await self.go_on.wait()
                    except asyncio.CancelledError:
                        if not self._swallows:
                            raise
        finally:
            await asyncio.sleep(0)
            self.ended.set()


async def finished(transport: MemoryHttp) -> None:
    """Nothing is left running."""
    if transport._running:
        await asyncio.wait(transport._running)


def play(
    respond: Callable[[HttpRequest], Awaitable[HttpResponse]],
    scenario: Callable[[httpx2.AsyncClient], Awaitable[None]],
) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            transport = MemoryHttp(respond)
            async with httpx2.AsyncClient(base_url="http://host", transport=transport) as client:
                await scenario(client)
            await finished(transport)

    asyncio.run(main())


def test_a_whole_answer_with_repeated_headers() -> None:
    async def respond(request: HttpRequest) -> HttpResponse:
        body = await read_body(request.body, 100)
        line = f"{request.method} {request.target} {request.headers['x-twice']} ".encode()
        return HttpResponse(201, {"set-cookie": ("a=1", "b=2"), "x": "y"}, line + body)

    async def scenario(client: httpx2.AsyncClient) -> None:
        headers = [("X-Twice", "1"), ("X-Twice", "2")]
        answer = await client.post("/a%2Fb?c=d", headers=headers, content=b"body")
        assert (answer.status_code, answer.content) == (201, b"POST /a%2Fb?c=d 1, 2 body")
        assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert answer.headers["x"] == "y"

    play(respond, scenario)


def test_a_request_without_body_has_no_pieces() -> None:
    async def respond(request: HttpRequest) -> HttpResponse:
        assert [piece async for piece in request.body] == []
        return HttpResponse(200)

    async def scenario(client: httpx2.AsyncClient) -> None:
        assert (await client.get("/")).status_code == 200

    play(respond, scenario)


def test_a_body_is_read_as_it_is_sent() -> None:
    asked: list[int] = []

    async def content() -> AsyncIterator[bytes]:
        for number in range(3):
            asked.append(number)
            yield b"%d" % number

    async def respond(request: HttpRequest) -> HttpResponse:
        assert asked == []
        pieces = aiter(request.body)
        assert await anext(pieces) == b"0"
        assert asked == [0]
        return HttpResponse(200, {}, await read_body(pieces, 10))

    async def scenario(client: httpx2.AsyncClient) -> None:
        assert (await client.post("/", content=content())).content == b"12"

    play(respond, scenario)


def test_a_body_that_breaks_off() -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"0"
        raise ZeroDivisionError

    async def respond(request: HttpRequest) -> HttpResponse:
        with pytest.raises(ConnectionLost):
            await read_body(request.body, 10)
        return HttpResponse(400)

    async def scenario(client: httpx2.AsyncClient) -> None:
        assert (await client.post("/", content=content())).status_code == 400

    play(respond, scenario)


def test_an_answer_streams_no_further_than_it_is_read() -> None:
    async def scenario(client: httpx2.AsyncClient) -> None:
        CALLER.set("the client's")
        body = Body()
        bodies.append(body)
        body.go_on.set()
        async with client.stream("GET", "/") as answer:
            for _ in range(20):
                await asyncio.sleep(0)
            assert body.made <= 3
            received = answer.aiter_raw()
            for number in range(1, 50):
                assert await anext(received) == b"%d" % number
                assert body.made <= number + 3
        assert body.ended.is_set()
        assert body.callers == {"nobody"}  # the host runs in a context of its own

    bodies: list[Body] = []

    async def respond(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, bodies[0].pieces())

    play(respond, scenario)


@pytest.mark.parametrize("swallows", [False, True])
def test_a_client_that_stops_reading_closes_the_iterator(*, swallows: bool) -> None:
    bodies: list[Body] = []

    async def respond(request: HttpRequest) -> HttpResponse:
        bodies.append(Body(swallows=swallows))
        return HttpResponse(200, {}, bodies[0].pieces())

    async def scenario(client: httpx2.AsyncClient) -> None:
        async with client.stream("GET", "/") as answer:
            received = answer.aiter_raw()
            assert [await anext(received) for _ in range(3)] == [b"1", b"2", b"3"]
            await bodies[0].waiting.wait()
        assert bodies[0].ended.is_set()

    play(respond, scenario)


def test_an_answer_to_its_end() -> None:
    class Pieces(AsyncIterator[bytes]):
        left = 3
        closed = 0

        @override
        async def __anext__(self) -> bytes:
            self.left -= 1
            if not self.left:
                raise StopAsyncIteration
            return b"piece"

        async def aclose(self) -> None:
            await asyncio.sleep(0)
            self.closed += 1

    pieces = Pieces()

    async def respond(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, pieces)

    async def scenario(client: httpx2.AsyncClient) -> None:
        assert (await client.get("/")).content == b"piecepiece"
        assert pieces.closed == 1

    play(respond, scenario)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_no_piece_where_none_belongs(method: str, status: int) -> None:
    class Pieces(AsyncIterator[bytes]):
        closed = 0

        @override
        async def __anext__(self) -> bytes:
            raise AssertionError("it was asked for a piece")

        async def aclose(self) -> None:
            self.closed += 1
            raise ZeroDivisionError("which is logged")

    pieces = Pieces()

    async def respond(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status, {}, pieces)

    async def scenario(client: httpx2.AsyncClient) -> None:
        assert (await client.request(method, "/")).content == b""
        assert pieces.closed == 1

    play(respond, scenario)


def test_an_iterator_that_fails_breaks_the_transfer_off(caplog: pytest.LogCaptureFixture) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    async def respond(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, pieces())

    async def scenario(client: httpx2.AsyncClient) -> None:
        with pytest.raises(httpx2.RemoteProtocolError, match="closed connection"):
            await client.get("/gateway/id@s3cret/x%0A?rvt-token=s3cret")

    play(respond, scenario)
    assert [record.getMessage() for record in caplog.records] == [
        "GET /gateway/id/x%0A: the answer broke off"
    ]


def test_an_application_that_raises_is_no_hang() -> None:
    async def respond(request: HttpRequest) -> HttpResponse:
        if request.target == "/body":
            return HttpResponse(200, {}, 3)  # type: ignore[arg-type]
        raise ZeroDivisionError

    async def scenario(client: httpx2.AsyncClient) -> None:
        with pytest.raises(ZeroDivisionError):
            await client.get("/")
        with pytest.raises(TypeError):
            await client.get("/body")

    play(respond, scenario)


@pytest.mark.parametrize("moment", ["before the answer", "with the answer"])
def test_a_client_that_gave_up_stops_the_stream_and_nothing_else(moment: str) -> None:
    async def scenario(client: httpx2.AsyncClient) -> None:
        working, go_on = asyncio.Event(), asyncio.Event()
        asked: list[str] = []
        body = Body()

        async def respond(request: HttpRequest) -> HttpResponse:
            working.set()
            await go_on.wait()
            if moment == "with the answer":
                asyncio.get_running_loop().call_soon(calling.cancel)
            return HttpResponse(200, {}, Pieces())

        class Pieces(AsyncIterator[bytes]):
            @override
            async def __anext__(self) -> bytes:
                asked.append(moment)
                return b"piece"

            async def aclose(self) -> None:
                body.ended.set()

        transport = MemoryHttp(respond)
        request = httpx2.Request("GET", "http://host/")
        calling = asyncio.ensure_future(transport.handle_async_request(request))
        await working.wait()
        if moment == "before the answer":
            calling.cancel()
            await asyncio.wait([calling])
        go_on.set()
        await asyncio.wait([calling])
        assert calling.cancelled()
        await body.ended.wait()
        assert "before the answer" not in asked
        await finished(transport)

    async def unused(request: HttpRequest) -> HttpResponse:
        raise AssertionError

    play(unused, scenario)
