"""Plain HTTP/1.1: requests, bodies, keep-alive, pipelining (RFC 9112)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx2
import pytest

if TYPE_CHECKING:
    from tests.transports.conftest import Application, Serve, Site

GET = b"GET /a?b=%20 HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_request_reaches_the_application_whole(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(
            b"POST /a%2Fb?c=d HTTP/1.1\r\nHost: x\r\nX-Twice: 1\r\nX-TWICE: 2\r\n"
            b"X-Latin: \xe9\r\nContent-Length: 4\r\n\r\nbody"
        )
        answer = await peer.answer()
        assert answer.status == 200
        assert answer.body == b"POST /a%2Fb?c=d body"
        assert answer.headers["content-type"] == "text/plain"
        assert "date" in answer.headers
        local = peer.writer.get_extra_info("sockname")
        (request,) = app.requests
        assert request.method == "POST"
        assert request.target == "/a%2Fb?c=d"
        assert request.headers == {
            "host": "x",
            "x-twice": "1, 2",
            "x-latin": "\xe9",
            "content-length": "4",
        }
        assert request.peer == f"127.0.0.1:{local[1]}"

    serve(scenario)


def test_keep_alive(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        for _ in range(3):
            peer.write(GET)
            assert (await peer.answer()).body == b"GET /a?b=%20 "
        assert site.connection_count == 1

    serve(scenario)


def test_chunked_body_with_extension_and_trailer(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n"
        )
        assert (await peer.answer()).body == b"POST / abc0123456789"
        peer.write(GET)
        assert (await peer.answer()).status == 200

    serve(scenario)


def test_a_request_in_single_bytes(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        for byte in b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi":
            peer.write(bytes([byte]))
            await peer.writer.drain()
        assert (await peer.answer()).body == b"POST / hi"

    serve(scenario)


def test_pipelined_requests_are_answered_in_order_one_at_a_time(
    serve: Serve, app: Application
) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        first = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"
        rest = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(100))
        peer.write(first + rest[:50])
        await app.working.wait()
        peer.write(rest[50:])
        await peer.writer.drain()
        assert len(app.requests) == 1
        app.go_on.set()
        assert (await peer.answer()).body == b"GET /wait "
        for i in range(100):
            assert (await peer.answer()).body == b"GET /%d " % i

    serve(scenario)


def test_pipelined_requests_do_not_pile_up(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await app.working.wait()
        size = 20_000_000
        peer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        peer.write(bytes(size))
        other = await site.connect()
        for _ in range(20):  # turns of the loop in which it could be read
            other.write(GET)
            await other.answer()
        assert peer.writer.transport.get_write_buffer_size() > size // 4
        app.go_on.set()
        assert (await peer.answer()).body == b"GET /wait "
        assert len((await peer.answer()).body) > size

    serve(scenario)


def test_pipelining_without_reading_does_not_pile_up_answers(
    serve: Serve, app: Application
) -> None:
    async def scenario(site: Site) -> None:
        size = 8 * 1024 * 1024  # more than the buffers of two sockets hold
        peer = await site.connect()
        peer.write(b"GET /big?%d HTTP/1.1\r\nHost: x\r\n\r\n" % size * 5)
        await peer.writer.drain()
        other = await site.connect()
        for _ in range(20):  # turns of the server's loop, in which it could answer more
            other.write(GET)
            await other.answer()
        assert sum(r.target.startswith("/big") for r in app.requests) == 1
        for _ in range(5):
            assert len((await peer.answer()).body) == size

    serve(scenario)


def test_head_has_the_length_and_no_body(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        answer = await peer.answer(to_head=True)
        assert answer.headers["content-length"] == "7"
        assert (await peer.answer()).body == b"GET /a?b=%20 "

    serve(scenario)


def test_options_and_asterisk(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await peer.answer()).body == b"OPTIONS * "

    serve(scenario)


def test_204_has_neither_length_nor_body(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(b"GET /status?204 HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        answer = await peer.answer()
        assert answer.status == 204
        assert "content-length" not in answer.headers
        assert (await peer.answer()).status == 200

    serve(scenario)


@pytest.mark.parametrize(
    ("request_line", "header"),
    [(b"GET / HTTP/1.1", b"Connection: close\r\n"), (b"GET / HTTP/1.0", b"")],
)
def test_the_client_wants_to_close(serve: Serve, request_line: bytes, header: bytes) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(request_line + b"\r\nHost: x\r\n" + header + b"\r\n")
        answer = await peer.answer()
        assert answer.headers["connection"] == "close"
        assert await peer.is_at_end()

    serve(scenario)


def test_a_half_closed_client_still_gets_its_answer(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        await app.working.wait()
        peer.writer.write_eof()
        # The end of the stream has to be there before the answer.
        other = await site.connect()
        other.write(GET)
        await other.answer()
        app.go_on.set()
        assert (await peer.answer()).body == b"GET /wait "
        assert (await peer.answer()).body == b"GET /a?b=%20 "
        assert await peer.is_at_end()

    serve(scenario)


def test_an_upgrade_to_something_else_is_a_plain_request(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        for _ in range(2):
            peer.write(
                b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
            )
            assert (await peer.answer()).body == b"GET / "

    serve(scenario)


def test_a_vanished_client_cancels_nothing(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await app.working.wait()
        peer.drop()
        await site.is_empty()
        assert not app.finished.is_set()
        app.go_on.set()
        await app.finished.wait()

    serve(scenario)


def test_a_client_that_closed_gets_no_answer_and_is_forgotten(
    serve: Serve, app: Application
) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await app.working.wait()
        await peer.close()
        app.go_on.set()
        await site.is_empty()

    serve(scenario)


@pytest.mark.parametrize("target", [b"/bug", b"/bad-header", b"/status?99"])
def test_a_bug_of_the_application_is_500_and_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, target: bytes
) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target)
        answer = await peer.answer()
        assert answer.status == 500
        assert json.loads(answer.body) == {
            "group": "core",
            "code": "internal_error",
            "message": "An internal error occurred",
        }
        assert await peer.is_at_end()

    serve(scenario)
    path = target.partition(b"?")[0].decode()
    (record,) = caplog.records
    assert record.name == "pyactor.server"
    assert record.exc_info is not None
    assert record.getMessage() == f"GET {path}: no answer could be made"


def test_a_real_client_with_a_pool(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"chunk"
            yield b"ed"

        url = f"http://127.0.0.1:{site.server.port}"
        async with httpx2.AsyncClient(base_url=url) as client:
            answers = await asyncio.gather(
                *(client.post(f"/{i}", content=b"x" * 100_000) for i in range(20))
            )
            assert [len(answer.content) for answer in answers[:10]] == [100_000 + 8] * 10
            assert (await client.post("/", content=pieces())).content == b"POST / chunked"

    serve(scenario)
