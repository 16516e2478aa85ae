"""Refusals of plain HTTP: what is malformed, too large or too slow (wire-protocol.md, "Limits")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx2
import pytest

from pyactor.transports.server import ServerLimits

if TYPE_CHECKING:
    from tests.transports.conftest import Answer, Application, Peer, Serve, Site

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"


async def refused(peer: Peer, status: int, name: str) -> Answer:
    """Read a refusal, and that the connection ends with it."""
    answer = await peer.answer()
    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert answer.headers["content-type"] == "application/json"
    error = json.loads(answer.body)
    assert set(error) == {"group", "code", "message"}
    assert f"{error['group']}.{error['code']}" == name
    assert error["message"]
    assert await peer.is_at_end()
    return answer


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00", 400),  # TLS to a plain port
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400),
        (b"GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ],
)
def test_malformed(serve: Serve, app: Application, data: bytes, status: int) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(GET)
        assert (await peer.answer()).status == 200
        peer.write(data)
        await refused(peer, status, "actor.invalid_request")

    serve(scenario)
    assert len(app.requests) == 1


def test_connect_is_refused(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n")
        await refused(peer, 405, "actor.method_not_allowed")

    serve(scenario)


@pytest.mark.parametrize("complete", [True, False])
def test_a_head_over_the_limit(serve: Serve, app: Application, *, complete: bool) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1000)
        if complete:
            peer.write(b"\r\n\r\n")
        await refused(peer, 431, "message.incoming_too_long")

    serve(scenario, ServerLimits(max_head=1000))
    assert app.requests == []


def test_a_head_at_the_limit(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        head = b"GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n"
        peer.write(head % (b"y" * (1000 - len(head))))
        assert (await peer.answer()).status == 200

    serve(scenario, ServerLimits(max_head=1000))


def test_a_body_at_the_limit(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(POST + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000)
        assert (await peer.answer()).body == b"POST / " + b"x" * 1000

    serve(scenario, ServerLimits(max_body=1000))


def test_a_body_over_the_limit_by_its_length_is_refused_unread(
    serve: Serve, app: Application
) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        # With 100-continue: the client must not be told to go on.
        peer.write(POST + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
        await refused(peer, 413, "message.incoming_too_long")

    serve(scenario, ServerLimits(max_body=1000))
    assert app.requests == []


def test_a_client_that_goes_on_sending_reads_its_refusal(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        url = f"http://127.0.0.1:{site.server.port}/"
        async with httpx2.AsyncClient() as client:
            answer = await client.post(url, content=b"x" * 5_000_000)
        assert answer.status_code == 413

    serve(scenario, ServerLimits(max_body=1000))


@pytest.mark.parametrize(
    "data", [b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", GET + b"GET / HTTP/1.1\r\n"]
)
def test_a_slow_head(serve: Serve, data: bytes) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=data)
        if data.startswith(GET):
            assert (await peer.answer()).status == 200
        await refused(peer, 408, "actor.request_timed_out")

    serve(scenario, ServerLimits(head_timeout=0.02))


def test_dripping_does_not_prolong_a_head(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=b"GET / HTTP/1.1\r\nX: ")
        other = await site.connect(first=GET)
        while not peer.reader._buffer:  # type: ignore[attr-defined]
            peer.write(b"y")
            await other.answer()
            other.write(GET)
        await refused(peer, 408, "actor.request_timed_out")

    serve(scenario, ServerLimits(head_timeout=0.05))


def test_a_connection_that_says_nothing_is_closed_without_a_word(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        assert await peer.is_at_end()

    serve(scenario, ServerLimits(head_timeout=0.02))


def test_an_idle_connection_is_closed_without_a_word(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(GET)
        assert (await peer.answer()).status == 200
        assert await peer.is_at_end()

    serve(scenario, ServerLimits(idle_timeout=0.02))


@pytest.mark.parametrize("header", [b"", b"Connection: close\r\n"])
def test_a_client_that_does_not_take_its_answer_is_dropped(serve: Serve, header: bytes) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        peer.write(b"GET /big?50000000 HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n")
        await site.app.requested.wait()
        await site.is_empty()

    serve(scenario, ServerLimits(idle_timeout=0.02))


def test_a_client_that_never_stops_sending_is_dropped(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(POST + b"Content-Length: 2000\r\n\r\n")
        answer = await peer.answer()
        assert answer.status == 413
        await site.is_empty()  # the peer has not closed its half

    serve(scenario, ServerLimits(max_body=1000, linger_timeout=0.02))


def test_end_of_stream_inside_a_head(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect()
        peer.write(b"GET / HT")
        peer.writer.write_eof()
        await refused(peer, 400, "actor.invalid_request")
        peer = await site.connect()
        peer.writer.write_eof()
        assert await peer.is_at_end()

    serve(scenario)
    assert app.requests == []


@pytest.mark.parametrize("name", ["max_head", "max_body", "idle_timeout", "max_linger"])
def test_limits_are_above_zero(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' must be > 0"):
        ServerLimits(**{name: 0})
