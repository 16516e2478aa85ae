"""Bodies as values: whole, in pieces, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pyactor.errors import IncomingTooLong, RequestTimedOut
from pyactor.wire.http import HttpRequest, HttpResponse, WholeBody, path_to_log, read_body


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_a_body_is_joined() -> None:
    assert asyncio.run(read_body(pieces(b"a", b"", b"bc"), 3)) == b"abc"
    assert asyncio.run(read_body(pieces(), 3)) == b""


def test_a_body_over_its_limit_is_read_no_further() -> None:
    read: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            read.append(1)
            yield b"xx"

    with pytest.raises(IncomingTooLong, match="over 3 bytes"):
        asyncio.run(read_body(endless(), 3))
    assert len(read) == 2


def test_what_the_transport_says_is_passed_on() -> None:
    async def fails() -> AsyncIterator[bytes]:
        yield b"a"
        raise RequestTimedOut("slow")

    with pytest.raises(RequestTimedOut, match="slow"):
        asyncio.run(read_body(fails(), 3))


@pytest.mark.parametrize(("content", "expected"), [(b"", []), (b"abc", [b"abc"])])
def test_a_whole_body_is_one_piece_or_none(content: bytes, expected: list[bytes]) -> None:
    async def read() -> list[bytes]:
        return [piece async for piece in WholeBody(content)]

    assert asyncio.run(read()) == expected


def test_requests_and_answers_are_empty_by_default() -> None:
    request = HttpRequest("GET", "/")
    assert asyncio.run(read_body(request.body, 0)) == b""
    assert (request.headers, request.peer) == ({}, None)
    assert HttpResponse(204) == HttpResponse(204, {}, b"")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/gateway/chat/action/say?rvt-key=a&rvt-token=s3cret", "/gateway/chat/action/say"),
        ("/gateway/id-1@s3cret/request/@ann/x?a=1", "/gateway/id-1/request/@ann/x"),
        ("/gateway/id-1@s3cret", "/gateway/id-1"),
        ("/gateway/id-1@s3@cret/x", "/gateway/id-1/x"),
        ("/actors?rvt-token=s3cret", "/actors"),
        ("*", "*"),
    ],
)
def test_a_log_has_the_path_without_what_lets_somebody_in(target: str, path: str) -> None:
    assert path_to_log(target) == path
