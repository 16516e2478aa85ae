"""Requests and responses of raw HTTP: what they hold, and what is wrong with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError
from typing_extensions import override

from pyactor.definition import Request, Response
from pyactor.errors import IncomingTooLong, InvalidRequest


class Body(AsyncIterator[bytes]):
    """Comes in pieces, and counts how often it was asked for one."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.asked = 0

    @override
    async def __anext__(self) -> bytes:
        self.asked += 1
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop(0)


# ------------------------------------------------------------------ requests


def test_a_request_without_a_body() -> None:
    request = Request()
    assert (request.method, request.path, request.query, request.headers) == ("GET", "/", "", {})
    assert request.peer is None
    assert asyncio.run(request.read()) == b""
    assert request == Request()
    with pytest.raises(FrozenInstanceError):
        request.path = "/x"  # type: ignore[misc]


def test_a_body_is_read_once_and_remembered() -> None:
    body = Body(b'{"a":', b" [1]}")

    async def read() -> list[Any]:
        request = Request(body=body)
        return [await request.read(), await request.text(), await request.json()]

    assert asyncio.run(read()) == [b'{"a": [1]}', '{"a": [1]}', {"a": [1]}]
    assert body.asked == 3


def test_an_empty_body_is_remembered_too() -> None:
    body = Body()

    async def read() -> list[bytes]:
        request = Request(body=body)
        return [await request.read(), await request.read()]

    assert asyncio.run(read()) == [b"", b""]
    assert body.asked == 1


def test_a_body_can_be_streamed() -> None:
    async def pieces() -> list[bytes]:
        return [piece async for piece in Request(body=Body(b"a", b"b")).body]

    assert asyncio.run(pieces()) == [b"a", b"b"]


def test_what_is_left_of_a_body_is_not_taken_for_the_whole() -> None:
    async def read(pieces: int) -> None:
        request = Request(body=Body(*[b"a", b"b"][:pieces]))
        async for _ in request.body:
            break
        with pytest.raises(RuntimeError, match=r"^the whole body cannot be read: somebody has beg"):
            await request.read()

    asyncio.run(read(2))
    asyncio.run(read(0))


def test_a_body_that_broke_off_is_not_read_on() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        raise IncomingTooLong

    async def read() -> None:
        request = Request(body=pieces())
        with pytest.raises(IncomingTooLong):
            await request.read()
        with pytest.raises(RuntimeError, match="but not both"):
            await request.read()

    asyncio.run(read())


def test_the_mark_at_the_start_of_a_text_is_no_text() -> None:
    assert asyncio.run(Request(body=Body("\ufeffé".encode())).text()) == "é"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "the body is no UTF-8 text: "),
        (b"", "the body is no JSON: Expecting value"),
        (b"{", "the body is no JSON: "),
        (b"[NaN]", "the body is no JSON: NaN is no JSON number"),
        (b"-Infinity", "the body is no JSON: -Infinity is no JSON number"),
        (b"[" * 200_000, "the body is no JSON: "),
        (b"[" * 101 + b"]" * 101, "the body is no JSON: nested more than 100 deep"),
        (b'{"a":[{"b":"\\ud800"}]}', "the body is no JSON: 'utf-8' codec can't encode"),
        (b'{"\\udc00":1}', "the body is no JSON: 'utf-8' codec can't encode"),
    ],
    ids=[
        "not UTF-8",
        "empty",
        "cut off",
        "NaN",
        "infinite",
        "deep",
        "too deep",
        "half",
        "half a key",
    ],
)
def test_what_is_no_json(content: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asyncio.run(Request(body=Body(content)).json())
    assert caught.value.message.startswith(message)


# ------------------------------------------------------------------ responses


def test_an_empty_response() -> None:
    response = Response()
    assert (response.body, response.status, dict(response.headers)) == (b"", 200, {})
    with pytest.raises(FrozenInstanceError):
        response.status = 201  # type: ignore[misc]


def test_text_has_its_content_type() -> None:
    response = Response("é", 404)
    assert (response.body, response.status) == ("é".encode(), 404)
    assert dict(response.headers) == {"content-type": "text/plain; charset=utf-8"}
    page = Response("<p>", headers={"Content-Type": "text/html"})
    assert dict(page.headers) == {"content-type": "text/html"}
    assert dict(Response(b"bytes").headers) == {}


def test_json() -> None:
    response = Response.json({"a": [1, None, "é"]}, 201, {"X-Trace": "1"})
    assert (response.body, response.status) == (b'{"a":[1,null,"\\u00e9"]}', 201)
    assert dict(response.headers) == {"x-trace": "1", "content-type": "application/json"}
    problem = Response.json({}, headers={"content-type": "application/problem+json"})
    assert problem.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("value", "error"), [(float("nan"), ValueError), ({1, 2}, TypeError)])
def test_what_json_has_not(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        Response.json(value)


def test_a_streamed_body_and_a_repeated_header() -> None:
    body = Body(b"a")
    response = Response(body, headers={"Set-Cookie": ["a=1", "b=2"], "x": "\xe9\t b", "y": ""})
    assert response.body is body
    assert dict(response.headers) == {"set-cookie": ("a=1", "b=2"), "x": "\xe9\t b", "y": ""}


@pytest.mark.parametrize("status", [204, 205, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    assert Response(status=status).body == b""
    for body in (b"x", "x", Body()):
        with pytest.raises(ValueError, match=rf"^Response: status {status} has no body; leave it"):
            Response(body, status)


Made = dict[str, Any]
BAD: list[tuple[Made, type[Exception], str]] = [
    ({"status": 199}, ValueError, "status is 200 to 599, not 199"),
    ({"status": 600}, ValueError, "status is 200 to 599, not 600"),
    ({"status": "200"}, TypeError, "status is a whole number, not '200'"),
    ({"status": True}, TypeError, "status is a whole number, not True"),
    (
        {"body": {"a": 1}},
        TypeError,
        "body is bytes, a str or an async iterable of bytes, not dict; Response.json(value) makes",
    ),
    ({"body": None}, TypeError, "body is bytes, a str or an async iterable of bytes, not NoneType"),
    ({"headers": [("a", "b")]}, TypeError, "headers is a mapping, not list"),
    ({"headers": {"a b": "c"}}, ValueError, "'a b' is no name of a header"),
    ({"headers": {"": "c"}}, ValueError, "'' is no name of a header"),
    ({"headers": {3: "c"}}, ValueError, "3 is no name of a header"),
    ({"headers": {"a": "b\r\nc: d"}}, ValueError, "header 'a' cannot be 'b\\r\\nc: d'"),
    ({"headers": {"a": " b"}}, ValueError, "header 'a' cannot be ' b'"),
    ({"headers": {"a": "b "}}, ValueError, "header 'a' cannot be 'b '"),
    ({"headers": {"a": ["b", "\u0394"]}}, ValueError, "header 'a' cannot be '\u0394'"),
    ({"headers": {"a": 1}}, TypeError, "header 'a' is a str or several, not int"),
    ({"headers": {"a": ["b", 1]}}, TypeError, "header 'a' is a str or several, not int"),
    (
        {"headers": {"A": "b", "a": "c"}},
        ValueError,
        "header 'a' is given twice; give it one sequence",
    ),
    (
        {"headers": {"Content-Length": "3"}},
        ValueError,
        "leave 'Content-Length' out; the host frames the answer",
    ),
]


@pytest.mark.parametrize(("made", "error", "message"), BAD)
def test_bad_responses(made: Made, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        Response(**made)
    assert str(caught.value).startswith(f"Response: {message}")
