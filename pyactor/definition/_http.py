"""Raw HTTP as an actor sees it: ``Request`` and ``Response``.

Owns what the two hold and what is wrong with them. How bytes come and go is the transport's
business.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self, TypeAlias

from attrs import field, frozen
from typing_extensions import override

from ..errors import InvalidRequest

Headers: TypeAlias = Mapping[str, str | Sequence[str]]
"""Names and values; a sequence is a header that is repeated, such as ``set-cookie``."""

_NO_HEADERS: Headers = MappingProxyType({})
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_VALUE = re.compile(r"([\x21-\x7e\x80-\xff]+([\t ]+[\x21-\x7e\x80-\xff]+)*)?")  # RFC 9110 5.5
_FRAMING = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
_MAX_DEPTH = 100  # of lists and objects within each other, as in every message
_BODILESS = frozenset({204, 205, 304})  # RFC 9110 6.4.1, 15.3.6


class _NoBody(AsyncIterator[bytes]):
    @override
    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


class _Body(AsyncIterable[bytes]):
    """The pieces of a body; it knows whether somebody has begun to read it."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self._pieces = pieces
        self.is_begun = False

    @override
    def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_begun = True
        return aiter(self._pieces)


@frozen
class Request:
    """An HTTP request: what a client connected with, or a raw one (``on_request``).

    Attributes:
        method: Upper case.
        path: Without its query, still percent-encoded; of a raw request or websocket what follows
            ``/request`` or ``/websocket``, at least ``/``.
        query: What follows the ``?``, as sent: ``urllib.parse.parse_qs(request.query)``.
        headers: Names in lower case; repeated headers are joined with ``", "``.
        peer: ``host:port`` of the client, or None where there is none.
        body: The pieces of a raw request's body as they arrive, to be read once at most.
    """

    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(factory=dict[str, str])
    peer: str | None = None
    body: AsyncIterable[bytes] = field(factory=_NoBody, converter=_Body, eq=False, repr=False)
    _read: list[bytes] = field(factory=list, init=False, eq=False, repr=False)

    async def read(self) -> bytes:
        """The whole body; the first call reads it, later ones remember it.

        Raises:
            ActorError: What the transport says went wrong, for example ``IncomingTooLong``.
            RuntimeError: Somebody has begun to read ``body``: what is left is not all of it.
        """
        if not self._read:
            if isinstance(self.body, _Body) and self.body.is_begun:
                raise RuntimeError(
                    "the whole body cannot be read: somebody has begun to; iterate over "
                    "request.body, or await request.read(), but not both"
                )
            self._read.append(b"".join([piece async for piece in self.body]))
        return self._read[0]

    async def text(self) -> str:
        """The whole body as UTF-8, whatever the headers say, as ``Request.text()`` of the web.

        Raises:
            InvalidRequest: It is none.
        """
        try:
            return (await self.read()).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"the body is no UTF-8 text: {error}") from error

    async def json(self) -> Any:
        """The whole body as JSON (RFC 8259).

        Raises:
            InvalidRequest: It is none.
        """
        text = await self.text()
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
            _check_depth_and_text(value, _MAX_DEPTH)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"the body is no JSON: {error}") from error
        return value


def _check_depth_and_text(value: object, depth: int) -> None:
    """Refuse what no message could carry either, and no state keep (wire-protocol.md)."""
    if isinstance(value, str):
        value.encode()  # raises for half of a surrogate pair
    elif isinstance(value, (list, dict)):
        if not depth:
            raise ValueError(f"nested more than {_MAX_DEPTH} deep")
        for key in value if isinstance(value, dict) else ():
            key.encode()
        for each in value.values() if isinstance(value, dict) else value:
            _check_depth_and_text(each, depth - 1)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


@frozen(init=False)
class Response:
    """The answer to a raw request.

    Attributes:
        body: All of it, or its pieces as they come.
        status: 200 to 599 (RFC 9110 15).
        headers: Names in lower case. A body given as str has a content type.
    """

    body: bytes | AsyncIterable[bytes]
    status: int
    headers: Headers

    def __init__(
        self,
        body: bytes | str | AsyncIterable[bytes] = b"",
        status: int = 200,
        headers: Headers = _NO_HEADERS,
    ) -> None:
        """Check the answer where it is made.

        Args:
            body: A str is sent as UTF-8, by default as ``text/plain``.
            status: RFC 9110 status code.
            headers: The framing (Content-Length, Transfer-Encoding, ...) is not among them.

        Raises:
            TypeError: A value is of another type.
            ValueError: HTTP has no such status or header, or no body beside the status.
        """
        checked = _checked_headers(headers)
        if isinstance(body, str):
            checked.setdefault("content-type", "text/plain; charset=utf-8")
            body = body.encode()
        _check_status(status)
        _check_body(body, status)
        object.__setattr__(self, "body", body)
        object.__setattr__(self, "status", status)
        object.__setattr__(self, "headers", MappingProxyType(checked))

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Headers = _NO_HEADERS) -> Self:
        """An answer in JSON.

        Args:
            value: Of what ``json.dumps`` takes; neither infinite nor NaN.
            status: RFC 9110 status code.
            headers: As of any answer; the content type is ``application/json`` by default.

        Raises:
            TypeError: JSON has no such value.
            ValueError: The same.
        """
        body = json.dumps(value, allow_nan=False, separators=(",", ":"))
        checked = _checked_headers(headers)
        checked.setdefault("content-type", "application/json")
        return cls(body.encode(), status, checked)


def _check_status(status: object) -> None:
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(f"Response: status is a whole number, not {status!r}")
    if not 200 <= status <= 599:
        raise ValueError(f"Response: status is 200 to 599, not {status}")


def _check_body(body: object, status: int) -> None:
    if not isinstance(body, (bytes, AsyncIterable)):
        raise TypeError(
            "Response: body is bytes, a str or an async iterable of bytes, not "
            f"{type(body).__name__}; Response.json(value) makes JSON of plain values"
        )
    if status in _BODILESS and body != b"":
        raise ValueError(f"Response: status {status} has no body; leave it out")


def _checked_headers(headers: object) -> dict[str, str | Sequence[str]]:
    """The headers under their names in lower case."""
    if not isinstance(headers, Mapping):
        raise TypeError(f"Response: headers is a mapping, not {type(headers).__name__}")
    checked: dict[str, str | Sequence[str]] = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ValueError(f"Response: {name!r} is no name of a header")
        lower = name.lower()
        if lower in _FRAMING:
            raise ValueError(f"Response: leave {name!r} out; the host frames the answer")
        if lower in checked:
            raise ValueError(f"Response: header {lower!r} is given twice; give it one sequence")
        is_repeated = isinstance(value, Sequence) and not isinstance(value, str)
        values = tuple(value) if is_repeated else (value,)
        for each in values:
            if not isinstance(each, str):
                got = type(each).__name__
                raise TypeError(f"Response: header {name!r} is a str or several, not {got}")
            if not _VALUE.fullmatch(each):
                raise ValueError(f"Response: header {name!r} cannot be {each!r}")
        checked[lower] = values if is_repeated else value
    return checked
