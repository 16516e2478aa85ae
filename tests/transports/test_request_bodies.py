"""Bodies that come in piece by piece, and applications that read them late, or never."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx2
import pytest

from pyactor.errors import ActorError, ConnectionLost, IncomingTooLong
from pyactor.transports.server import ServerLimits
from pyactor.wire.http import HttpRequest, HttpResponse, read_body

if TYPE_CHECKING:
    from tests.transports.conftest import Answer, Application, Peer, Serve, Site

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ECHO = b"POST / HTTP/1.1\r\nHost: x\r\n"
OWN = b"POST /own HTTP/1.1\r\nHost: x\r\n"
EXPECT = b"Expect: 100-continue\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
LARGE = 20_000_000


async def refused(peer: Peer, status: int, name: str) -> Answer:
    """Read the application's answer to a body that failed, and that the connection ends with it."""
    answer = await peer.answer()
    group, _, code = name.partition(".")
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert f'"group": "{group}", "code": "{code}"'.encode() in answer.body
    assert await peer.is_at_end()
    return answer


def test_the_application_gets_each_piece_when_it_comes(serve: Serve, app: Application) -> None:
    pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def own(request: HttpRequest) -> HttpResponse:
        pieces.put_nowait(b"head")
        async for piece in request.body:
            pieces.put_nowait(piece)
        assert [piece async for piece in request.body] == []  # it is read once at most
        return HttpResponse(200, {}, b"done")

    app.own = own

    async def scenario(site: Site) -> None:
        for framing in (b"Content-Length: 6\r\n\r\n", CHUNKED):
            peer = await site.connect(first=OWN + framing)
            assert await pieces.get() == b"head"
            for piece in (b"one", b"two"):
                peer.write(b"3\r\n%s\r\n" % piece if framing is CHUNKED else piece)
                assert await pieces.get() == piece
            if framing is CHUNKED:
                await site.turn()
                assert peer.reader._buffer == b""  # type: ignore[attr-defined]
                peer.write(b"0\r\n\r\n")
            assert (await peer.answer()).body == b"done"
            peer.write(GET)  # the connection goes on
            assert (await peer.answer()).status == 200

    serve(scenario)


def test_what_is_not_read_stays_with_the_client(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        app.working.set()
        await app.go_on.wait()
        return HttpResponse(200, {}, b"%d" % len(await read_body(request.body, LARGE)))

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: %d\r\n\r\n" % LARGE)
        await app.working.wait()
        peer.write(bytes(LARGE))
        for _ in range(20):
            await site.turn()
        assert peer.writer.transport.get_write_buffer_size() > LARGE // 4
        app.go_on.set()
        assert (await peer.answer()).body == b"%d" % LARGE

    serve(scenario)


def test_a_reader_that_gave_up_waiting_may_come_again(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        waiting = asyncio.ensure_future(anext(aiter(request.body)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        app.working.set()
        return HttpResponse(200, {}, await read_body(request.body, 10))

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: 2\r\n\r\n")
        await app.working.wait()
        peer.write(b"hi")
        assert (await peer.answer()).body == b"hi"

    serve(scenario)


def test_a_body_has_one_reader(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        first = asyncio.ensure_future(read_body(request.body, 10))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="being read already"):
            await read_body(request.body, 10)
        app.working.set()
        return HttpResponse(200, {}, await first)

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: 2\r\n\r\n")
        await app.working.wait()
        peer.write(b"hi")
        assert (await peer.answer()).body == b"hi"

    serve(scenario)


# ------------------------------------------------------------------ Expect (RFC 9110 10.1.1)


def test_expect_100_continue_is_answered_when_the_application_reads(
    serve: Serve, app: Application
) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        app.working.set()
        await app.go_on.wait()
        return HttpResponse(200, {}, await read_body(request.body, 10))

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + EXPECT + b"Content-Length: 2\r\n\r\n")
        await app.working.wait()
        await site.turn()
        assert peer.reader._buffer == b""  # type: ignore[attr-defined]
        app.go_on.set()
        assert (await peer.answer()).status == 100
        peer.write(b"h")
        await site.turn()
        peer.write(b"i" + GET)
        assert (await peer.answer()).body == b"hi"
        assert (await peer.answer()).status == 200  # and nothing of a second 100

    serve(scenario)


def test_a_client_that_did_not_wait_for_100_gets_none(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=ECHO + EXPECT + b"Content-Length: 2\r\n\r\nh")
        await site.turn()
        peer.write(b"i")
        assert (await peer.answer()).body == b"POST / hi"

    serve(scenario)


def test_a_body_that_is_not_asked_for_is_no_request(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(401, {}, b"no")

    app.own = own

    async def scenario(site: Site) -> None:
        for body in (b"", GET):
            head = OWN + EXPECT + b"Content-Length: %d\r\n\r\n" % len(GET)
            peer = await site.connect(first=head)
            answer = await peer.answer()
            assert (answer.status, answer.headers["connection"]) == (401, "close")
            peer.write(body + GET)
            assert await peer.is_at_end()

    serve(scenario)
    assert [request.target for request in app.requests] == ["/own", "/own"]


# ------------------------------------------------------------------ bodies that are left unread


def test_a_body_that_is_here_and_unread_is_no_request(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, b"unread")

    app.own = own

    async def scenario(site: Site) -> None:
        smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        head = OWN + b"Content-Length: %d\r\n\r\n" % len(smuggled)
        peer = await site.connect(first=head + smuggled + GET)
        assert (await peer.answer()).body == b"unread"
        assert (await peer.answer()).body == b"GET / "
        assert "/smuggled" not in {request.target for request in app.requests}

    serve(scenario)


@pytest.mark.parametrize("framing", [b"Content-Length: 20000000\r\n\r\n", CHUNKED])
def test_an_unread_body_is_dropped_and_its_client_reads_the_answer(
    serve: Serve, app: Application, framing: bytes
) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, b"unread")

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + framing)
        answer = await peer.answer()
        assert answer.headers["connection"] == "close"
        assert answer.body == b"unread"
        peer.write(b"1312D00\r\n" + bytes(LARGE) + b"\r\n0\r\n\r\n" + GET)
        await peer.writer.drain()
        assert await peer.is_at_end()  # a reset would raise

    serve(scenario)
    assert len(app.requests) == 1


def test_a_client_that_sends_first_and_reads_then(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(403, {}, b"unread")

    app.own = own

    async def scenario(site: Site) -> None:
        url = f"http://127.0.0.1:{site.server.port}/own"
        async with httpx2.AsyncClient() as client:
            answer = await client.post(url, content=bytes(LARGE))
        assert (answer.status_code, answer.content) == (403, b"unread")

    serve(scenario)


def test_an_unread_body_that_never_ends_is_dropped(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(403, {}, b"unread")

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: 10\r\n\r\n")
        assert (await peer.answer()).status == 403
        await site.is_empty()  # the peer has not closed its half

    serve(scenario, ServerLimits(linger_timeout=0.02))


def test_an_early_answer_to_a_slow_upload_is_not_lost(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(403, {}, b"unread")

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: 1000000\r\n\r\n")
        await app.requested.wait()
        for _ in range(4):
            site.skip(1.5)
            peer.write(b"x" * 1000)
            await site.turn()
        answer = await peer.answer()
        assert (answer.status, answer.body) == (403, b"unread")
        site.skip(2.5)
        await site.is_empty()

    serve(scenario, ServerLimits(linger_timeout=2, idle_timeout=1000, head_timeout=1000))


def test_an_upload_that_goes_on_is_dropped_in_the_end(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse(403, {}, b"unread")

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: 1000000\r\n\r\n")
        assert (await peer.answer()).status == 403
        (connection,) = site.connections
        site.skip(12)
        peer.write(b"x" * 1000)
        await site.turn()
        assert connection in site.connections
        site.skip(12)
        await site.is_empty()

    serve(scenario, ServerLimits(linger_timeout=1000, max_linger=20))


def test_nothing_can_be_read_once_it_is_answered(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        late = asyncio.ensure_future(anext(aiter(request.body)))
        reads.append(late)
        await asyncio.sleep(0)
        return HttpResponse(200, {}, b"too soon")

    reads: list[asyncio.Future[bytes]] = []
    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: 10\r\n\r\n")
        assert (await peer.answer()).status == 200
        with pytest.raises(ConnectionLost, match="answered before"):
            await reads[0]

    serve(scenario)


# ------------------------------------------------------------------ bodies that fail


def test_a_body_over_the_limit_in_chunks(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        for _ in range(2):  # it stays so
            with pytest.raises(IncomingTooLong, match="over 1000 bytes"):
                await read_body(request.body, LARGE)
        return HttpResponse(200, {}, b"too long, but answered")

    app.own = own

    async def scenario(site: Site) -> None:
        for target, split in ((ECHO, False), (ECHO, True), (OWN, True)):
            peer = await site.connect(first=target + CHUNKED)
            peer.write(b"1f4\r\n" + b"x" * 500 + b"\r\n")
            if split:
                await site.turn()
            peer.write(b"1f5\r\n" + b"x" * 501 + b"\r\n")
            if target is ECHO:
                await refused(peer, 413, "message.incoming_too_long")
            else:
                assert (await peer.answer()).body == b"too long, but answered"
                assert await peer.is_at_end()

    serve(scenario, ServerLimits(max_body=1000))


def test_a_client_that_goes_on_after_its_body_failed(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        with pytest.raises(IncomingTooLong):
            await read_body(request.body, LARGE)
        app.working.set()
        await app.go_on.wait()
        return HttpResponse(413, {}, b"too long")

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + CHUNKED + b"1312D00\r\n" + bytes(2000))
        await app.working.wait()
        peer.write(bytes(LARGE - 2000) + b"\r\n0\r\n\r\n" + GET)
        for _ in range(20):
            await site.turn()
        assert peer.writer.transport.get_write_buffer_size() > LARGE // 4
        app.go_on.set()
        assert (await peer.answer()).body == b"too long"
        assert await peer.is_at_end()
        peer.drop()  # it has much left to send

    serve(scenario, ServerLimits(max_body=1000))
    assert "/" not in {request.target for request in app.requests}


@pytest.mark.parametrize(
    "head", [b"Content-Length: 10\r\n\r\nabc", CHUNKED + b"5\r\nab", EXPECT + CHUNKED]
)
def test_a_stalled_body(serve: Serve, head: bytes) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=ECHO + head)
        if head.startswith(EXPECT):
            assert (await peer.answer()).status == 100
        await refused(peer, 408, "actor.request_timed_out")

    serve(scenario, ServerLimits(body_timeout=0.02))


def test_what_comes_after_the_timeout_is_dropped(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        with pytest.raises(ActorError, match="in time"):
            await read_body(request.body, 10)
        app.working.set()
        await app.go_on.wait()
        with pytest.raises(ActorError, match="in time"):
            await read_body(request.body, 10)
        return HttpResponse(408, {}, b"late")

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: 2\r\n\r\n")
        await app.working.wait()
        peer.write(b"hi" + GET)
        await site.turn()
        app.go_on.set()
        answer = await peer.answer()
        assert (answer.body, answer.headers["connection"]) == (b"late", "close")
        assert await peer.is_at_end()

    serve(scenario, ServerLimits(body_timeout=0.02))


def test_only_a_reader_that_waits_counts_the_time(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        pieces = aiter(request.body)
        assert await anext(pieces) == b"h"
        app.working.set()
        await app.go_on.wait()
        return HttpResponse(200, {}, await anext(pieces))

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: 2\r\n\r\nh")
        await app.working.wait()
        site.skip(20)
        await site.turn()
        app.go_on.set()
        peer.write(b"i")
        assert (await peer.answer()).body == b"i"

    serve(scenario, ServerLimits(body_timeout=10))


@pytest.mark.parametrize("split", [True, False])
def test_a_malformed_body(serve: Serve, *, split: bool) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=ECHO + CHUNKED)
        if split:
            await site.turn()
        peer.write(b"xyz\r\n")
        await refused(peer, 400, "actor.invalid_request")

    serve(scenario)


@pytest.mark.parametrize("framing", [b"Content-Length: 10\r\n\r\n", CHUNKED + b"a\r\n"])
@pytest.mark.parametrize("split", [True, False])
def test_the_end_of_the_stream_inside_a_body(serve: Serve, framing: bytes, *, split: bool) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=ECHO + framing)
        if split:
            await site.turn()
        peer.write(b"abc")
        peer.writer.write_eof()
        await refused(peer, 400, "client.connection_lost")
        await site.is_empty()  # there is nothing to linger for

    serve(scenario, ServerLimits(linger_timeout=1000))


def test_a_client_that_vanishes_while_its_body_is_read(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        app.working.set()
        with pytest.raises(ConnectionLost, match="gone"):
            await read_body(request.body, 10)
        app.finished.set()
        return HttpResponse(200, {}, b"to nobody")

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: 10\r\n\r\nabc")
        await app.working.wait()
        peer.drop()
        await app.finished.wait()

    serve(scenario)


def test_a_client_that_vanished_while_nobody_read(serve: Serve, app: Application) -> None:
    async def own(request: HttpRequest) -> HttpResponse:
        app.working.set()
        await app.go_on.wait()
        with pytest.raises(ConnectionLost):
            await read_body(request.body, LARGE)
        app.finished.set()
        return HttpResponse(200, {}, b"to nobody")

    app.own = own

    async def scenario(site: Site) -> None:
        peer = await site.connect(first=OWN + b"Content-Length: %d\r\n\r\n" % LARGE)
        peer.write(bytes(LARGE // 2))
        await app.working.wait()
        await site.turn()
        peer.drop()
        app.go_on.set()
        await app.finished.wait()

    serve(scenario)
