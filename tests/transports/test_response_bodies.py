"""Answers that stream: framing, back-pressure, clients that vanish, iterators that fail."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import httpx2
import pytest
from attrs import Factory, define
from typing_extensions import override

from pyactor.transports.server import ServerLimits
from pyactor.wire.http import HttpRequest, HttpResponse, WholeBody

if TYPE_CHECKING:
    from tests.transports.conftest import Application, Serve, Site

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OWN = b"GET /own HTTP/1.1\r\nHost: x\r\n\r\n"
OWN_1_0 = b"GET /own HTTP/1.0\r\n\r\n"
PIECE = b"x" * 100_000


@define(eq=False)
class Pieces(AsyncIterator[bytes]):
    """A body that is fed by the test, and notes how it ends."""

    queue: asyncio.Queue[bytes | None] = Factory(asyncio.Queue)
    taken: int = 0
    cancelled: int = 0
    closed: int = 0
    cancelling: int = 0
    waiting: asyncio.Event = Factory(asyncio.Event)
    ended: asyncio.Event = Factory(asyncio.Event)

    @override
    async def __anext__(self) -> bytes:
        if self.queue.empty():
            self.waiting.set()
        try:
            piece = await self.queue.get()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if piece is None:
            raise StopAsyncIteration
        self.taken += 1
        return piece

    async def aclose(self) -> None:
        closer = asyncio.current_task()
        assert closer is not None
        self.cancelling = closer.cancelling()
        self.closed += 1
        self.ended.set()

    def put(self, *pieces: bytes | None) -> None:
        for piece in pieces:
            self.queue.put_nowait(piece)


@pytest.fixture
def pieces() -> Pieces:
    return Pieces()


@pytest.fixture
def streams(app: Application, pieces: Pieces) -> Callable[[int], None]:
    """Lets ``/own`` answer with the pieces and a status."""

    def choose(status: int) -> None:
        async def own(request: HttpRequest) -> HttpResponse:
            return HttpResponse(status, {"content-type": "text/plain"}, pieces)

        app.own = own

    choose(200)
    return choose


# ------------------------------------------------------------------ framing


@pytest.mark.usefixtures("streams")
def test_pieces_are_chunks_and_the_connection_goes_on(serve: Serve, pieces: Pieces) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        head = await peer.answer()  # before the first piece
        assert head.status == 200
        assert head.headers["transfer-encoding"] == "chunked"
        assert not {"content-length", "connection"} & set(head.headers)
        for piece in (b"one", PIECE):
            pieces.put(piece)
            assert await peer.chunk() == piece
        pieces.put(b"", b"two", None)
        assert await peer.chunk() == b"two"  # an empty chunk would be the end
        assert await peer.chunk() == b""
        peer.write(GET)
        assert (await peer.answer()).body == b"GET / "
        assert (pieces.closed, pieces.cancelled) == (1, 0)

    serve(scenario)


@pytest.mark.usefixtures("streams")
def test_to_http_1_0_the_end_of_the_connection_is_the_end(serve: Serve, pieces: Pieces) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN_1_0)
        head = await peer.answer()
        assert head.headers["connection"] == "close"
        assert not {"content-length", "transfer-encoding"} & set(head.headers)
        pieces.put(b"one", b"two", None)
        assert await peer.reader.read() == b"onetwo"

    serve(scenario)


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
def test_no_body_is_sent_where_none_belongs(
    serve: Serve, pieces: Pieces, streams: Callable[[int], None], method: bytes, status: int
) -> None:
    streams(status)

    async def scenario(site: Site) -> None:
        pieces.put(b"never sent", None)
        peer = await site.connect(first=OWN.replace(b"GET", method))
        head = await peer.answer(to_head=True)
        assert head.status == status
        assert head.headers.get("transfer-encoding") == ("chunked" if status == 200 else None)
        peer.write(GET)
        assert (await peer.answer()).body == b"GET / "
        assert (pieces.taken, pieces.closed) == (0, 1)

    serve(scenario)


def test_an_iterable_that_cannot_be_closed(serve: Serve, app: Application) -> None:
    class Plain(AsyncIterator[bytes]):
        left = 2

        @override
        async def __anext__(self) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise StopAsyncIteration
            return b"piece"

    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, Plain())

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        await peer.answer()
        assert [await peer.chunk() for _ in range(3)] == [b"piece", b"piece", b""]

    serve(scenario)


def test_headers_may_be_repeated(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        headers = {"set-cookie": ["a=1", "b=2"], "x-one": ("1",), "x-none": ()}
        return HttpResponse(200, headers, b"body")

    app.own = own

    async def scenario(site: Site) -> None:
        url = f"http://127.0.0.1:{site.server.port}/own"
        async with httpx2.AsyncClient() as client:
            answer = await client.get(url)
        assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert answer.headers.get_list("x-one") == ["1"]
        assert "x-none" not in answer.headers

    serve(scenario)


def test_a_body_can_be_answered_piece_by_piece(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, request.body)

    app.own = own

    async def scenario(site: Site) -> None:
        head = b"POST /own HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        peer = await site.connect(first=head)
        assert (await peer.answer()).headers["connection"] == "close"
        for piece in (b"one", b"two"):
            peer.write(b"3\r\n%s\r\n" % piece)
            assert await peer.chunk() == piece
        peer.write(b"0\r\n\r\n")
        assert await peer.chunk() == b""
        assert await peer.is_at_end()

    serve(scenario)


@pytest.mark.usefixtures("streams")
def test_a_real_client_reads_as_it_comes(serve: Serve, pieces: Pieces) -> None:
    async def scenario(site: Site) -> None:
        url = f"http://127.0.0.1:{site.server.port}/own"
        async with httpx2.AsyncClient() as client, client.stream("GET", url) as answer:
            received = answer.aiter_raw()
            for piece in (b"one", b"two"):
                pieces.put(piece)
                assert await anext(received) == piece
        await pieces.ended.wait()

    serve(scenario)


# ------------------------------------------------------------------ back-pressure


@pytest.mark.usefixtures("streams")
def test_no_piece_is_asked_for_while_the_client_takes_none(serve: Serve, pieces: Pieces) -> None:
    async def scenario(site: Site) -> None:
        count = 500
        pieces.put(*[PIECE] * count)
        peer = await site.connect()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        peer.write(OWN)
        taken = -1
        while pieces.taken != taken:  # until the buffers on the way are full
            taken = pieces.taken
            for _ in range(20):
                await site.turn()
        assert 0 < taken < count
        (connection,) = [c for c in site.connections if c._outgoing is not None]
        assert connection._transport.get_write_buffer_size() < 3 * len(PIECE)
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await peer.answer()
        for _ in range(count):
            assert await peer.chunk() == PIECE
        await pieces.waiting.wait()
        site.skip(20)  # the client has caught up: its time is over
        await site.turn()
        pieces.put(None)
        assert await peer.chunk() == b""

    serve(scenario, ServerLimits(idle_timeout=10))


@pytest.mark.usefixtures("streams")
def test_a_client_that_takes_nothing_is_dropped(serve: Serve, pieces: Pieces) -> None:
    async def scenario(site: Site) -> None:
        pieces.put(*[PIECE] * 500)
        peer = await site.connect()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        peer.write(OWN)
        await site.is_empty()
        await pieces.ended.wait()
        assert pieces.taken < 500
        assert pieces.closed == 1

    serve(scenario, ServerLimits(idle_timeout=0.05))


@pytest.mark.usefixtures("streams")
def test_a_stream_may_pause_for_longer_than_any_timeout(serve: Serve, pieces: Pieces) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        await peer.answer()
        await pieces.waiting.wait()
        site.skip(20)
        await site.turn()
        pieces.put(b"late", None)
        assert await peer.chunk() == b"late"
        assert await peer.chunk() == b""

    serve(scenario, ServerLimits(idle_timeout=10, head_timeout=10, body_timeout=10))


# ------------------------------------------------------------------ clients that vanish


@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize("how", ["close", "reset", "half"])
@pytest.mark.parametrize("ahead", [b"", GET, b"x" * 50_000])
def test_the_iterator_is_closed_while_it_waits_for_its_next_piece(
    serve: Serve, pieces: Pieces, how: str, ahead: bytes
) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        await peer.answer()
        pieces.put(b"one")
        assert await peer.chunk() == b"one"
        peer.write(ahead)
        await site.turn()
        await pieces.waiting.wait()
        if how == "close":
            await peer.close()
        elif how == "reset":
            peer.drop()
        else:
            peer.writer.write_eof()
        await pieces.ended.wait()
        assert (pieces.taken, pieces.cancelled, pieces.closed) == (1, 1, 1)
        assert pieces.cancelling == 0  # what closes may wait, as in any other task
        await site.is_empty()

    serve(scenario)


@pytest.mark.usefixtures("streams")
def test_the_iterator_is_closed_while_the_client_takes_nothing(
    serve: Serve, pieces: Pieces
) -> None:
    async def scenario(site: Site) -> None:
        pieces.put(*[PIECE] * 500)
        peer = await site.connect()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        peer.write(OWN)
        taken = -1
        while pieces.taken != taken:
            taken = pieces.taken
            for _ in range(20):
                await site.turn()
        peer.drop()
        await pieces.ended.wait()
        assert (pieces.taken, pieces.cancelled, pieces.closed) == (taken, 0, 1)

    serve(scenario)


def test_a_generator_runs_its_finally(serve: Serve, app: Application) -> None:
    async def generate() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            app.working.set()
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)  # what is cleaned up may wait: it is cancelled once only
            app.finished.set()

    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, generate())

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        await app.working.wait()
        await peer.close()
        await app.finished.wait()

    serve(scenario)


def test_a_generator_that_swallows_the_cancellation(serve: Serve, app: Application) -> None:
    asked_for_more: list[bool] = []

    async def generate() -> AsyncIterator[bytes]:
        try:
            app.working.set()
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            yield b"to nobody"
            asked_for_more.append(True)
        finally:
            app.finished.set()

    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, generate())

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        await app.working.wait()
        await peer.close()
        await app.finished.wait()
        assert not asked_for_more

    serve(scenario)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_stream_for_a_client_that_is_gone_does_not_begin(
    serve: Serve, app: Application, pieces: Pieces, how: str
) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        app.working.set()
        await app.go_on.wait()  # it is not cancelled (C6, C14)
        return HttpResponse(200, {}, pieces)

    app.own = own

    async def scenario(site: Site) -> None:
        pieces.put(b"to nobody", None)
        peer = await site.connect(first=OWN)
        await app.working.wait()
        if how == "close":
            await peer.close()
        else:
            peer.drop()
        await site.turn()
        app.go_on.set()
        await pieces.ended.wait()
        assert (pieces.taken, pieces.cancelled, pieces.closed) == (0, 0, 1)
        await site.is_empty()

    serve(scenario)


# ------------------------------------------------------------------ bugs of the application


@pytest.mark.parametrize("request_", [OWN, OWN_1_0])
@pytest.mark.parametrize("bug", [ZeroDivisionError("a bug"), "no bytes"])
def test_an_iterator_that_fails_breaks_the_transfer_off(
    serve: Serve,
    app: Application,
    caplog: pytest.LogCaptureFixture,
    request_: bytes,
    bug: object,
) -> None:
    async def generate() -> AsyncIterator[bytes]:
        yield b"one"
        await app.go_on.wait()
        if isinstance(bug, Exception):
            raise bug
        yield bug  # type: ignore[misc]

    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, generate())

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=request_)
        await peer.answer()
        assert await peer.reader.readexactly(3)
        app.go_on.set()
        with pytest.raises(ConnectionResetError):
            await peer.reader.read()

    serve(scenario)
    (record,) = caplog.records
    assert record.getMessage() == "GET /own: the answer broke off"
    assert record.name == "pyactor.server"
    assert record.exc_info is not None


def test_a_real_client_sees_that_it_broke_off(serve: Serve, app: Application) -> None:
    async def generate() -> AsyncIterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, generate())

    app.own = own

    async def scenario(site: Site) -> None:
        url = f"http://127.0.0.1:{site.server.port}/own"
        async with httpx2.AsyncClient() as client:
            with pytest.raises(httpx2.TransportError):
                await client.get(url)

    serve(scenario)


def test_a_token_is_not_logged(
    serve: Serve, app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    async def generate() -> AsyncIterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    async def own(request: HttpRequest) -> HttpResponse:
        body = generate() if request.method == "GET" else "no bytes"
        return HttpResponse(200, {}, body)  # type: ignore[arg-type]

    app.own = own

    async def scenario(site: Site) -> None:
        for method in (b"GET", b"PUT"):
            head = OWN.replace(b"GET /own", method + b" /own?rvt-token=s3cret")
            peer = await site.connect(first=head)
            await peer.answer()
            with contextlib.suppress(ConnectionResetError):
                await peer.reader.read()

    serve(scenario)
    assert [record.getMessage() for record in caplog.records] == [
        "GET /own: the answer broke off",
        "PUT /own: no answer could be made",
    ]


def test_what_goes_wrong_while_it_is_closed_is_logged(
    serve: Serve, app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    class Unclosable(Pieces):
        @override
        async def aclose(self) -> None:
            await super().aclose()
            raise ZeroDivisionError("a bug of closing")

    pieces = Unclosable()

    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, pieces)

    app.own = own

    async def scenario(site: Site) -> None:
        pieces.put(b"one", None)
        peer = await site.connect(first=OWN)
        await peer.answer()
        assert [await peer.chunk(), await peer.chunk()] == [b"one", b""]
        peer.write(GET)
        assert (await peer.answer()).status == 200

    serve(scenario)
    assert [record.getMessage() for record in caplog.records] == [
        "the body of an answer could not be closed"
    ]


@pytest.mark.parametrize("headers", [{"x": "a\r\nb"}, {"x": ["a", "b\r\n"]}])
def test_a_head_that_cannot_be_made(
    serve: Serve,
    app: Application,
    pieces: Pieces,
    caplog: pytest.LogCaptureFixture,
    headers: dict[str, str],
) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, headers, pieces)

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        answer = await peer.answer()
        assert answer.status == 500
        assert json.loads(answer.body)["code"] == "internal_error"
        assert await peer.is_at_end()
        assert (pieces.taken, pieces.closed) == (0, 1)

    serve(scenario)
    assert [record.getMessage() for record in caplog.records] == [
        "GET /own: no answer could be made"
    ]


def test_a_body_that_is_none(
    serve: Serve, app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, "no bytes")  # type: ignore[arg-type]

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        assert (await peer.answer()).status == 500
        assert await peer.is_at_end()

    serve(scenario)
    assert [record.getMessage() for record in caplog.records] == [
        "GET /own: no answer could be made"
    ]


# ------------------------------------------------------------------ the end of the server


@pytest.mark.usefixtures("streams")
def test_close_lets_a_stream_come_to_its_end(serve: Serve, pieces: Pieces) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        await peer.answer()
        await pieces.waiting.wait()
        closing = asyncio.create_task(site.server.close(20))
        pieces.put(b"one")
        assert await peer.chunk() == b"one"
        assert not closing.done()
        pieces.put(None)
        assert await peer.chunk() == b""
        assert await peer.is_at_end()
        await closing
        assert pieces.closed == 1

    serve(scenario)


@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize("request_", [OWN, OWN_1_0])
def test_close_breaks_a_stream_off_after_the_timeout(
    serve: Serve, pieces: Pieces, request_: bytes
) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=request_)
        await peer.answer()
        await pieces.waiting.wait()
        await site.server.close(0.01)
        with pytest.raises(ConnectionResetError):
            await peer.reader.read()
        await pieces.ended.wait()
        assert (pieces.cancelled, pieces.closed) == (1, 1)

    serve(scenario)


@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize("client_goes_too", [False, True])
def test_a_stream_ends_with_its_loop(
    serve: Serve, pieces: Pieces, *, client_goes_too: bool
) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        await peer.answer()
        await pieces.waiting.wait()
        (task,) = site.server._serving.tasks
        if client_goes_too:
            (connection,) = site.connections
            connection.connection_lost(None)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert pieces.closed == 1
        with pytest.raises(ConnectionResetError):
            await peer.reader.read()

    serve(scenario)


def test_a_whole_body_may_be_given_as_an_iterable(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, WholeBody(b"whole"))

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN)
        await peer.answer()
        assert [await peer.chunk(), await peer.chunk()] == [b"whole", b""]

    serve(scenario)
