"""HTTP/1.1 messages: h11's events to and from plain values. No I/O, no state."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Mapping
from email.utils import formatdate

import h11

from ..errors import ActorError
from ..wire.http import HttpRequest, HttpResponse

_BODILESS = frozenset({204, 304})  # RFC 9110 6.4.1
_FRAMING = frozenset({"content-length", "transfer-encoding"})


def head_size(event: h11.Request) -> int:
    """Bytes of a request's head as it stood on the wire, give or take white space."""
    request_line = len(event.method) + len(event.target) + len("  HTTP/1.1\r\n")
    return request_line + sum(len(name) + len(value) + 4 for name, value in event.headers)


def request_head(event: h11.Request, peer: str | None) -> HttpRequest:
    """A request without a body: names in lower case, repeated headers joined by a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in event.headers:
        name = raw_name.decode("ascii")
        value = raw_value.decode("latin-1")  # RFC 9110 5.5
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    method = event.method.decode("ascii")
    return HttpRequest(method, origin_form(event.target.decode("ascii")), headers, peer=peer)


def with_body(head: HttpRequest, body: AsyncIterable[bytes]) -> HttpRequest:
    """A request whose body is on its way. Written out, since attrs' evolve takes longer."""
    return HttpRequest(head.method, head.target, head.headers, body, head.peer)


def has_body(headers: Mapping[str, str]) -> bool:
    """Whether a request is framed so that a body follows, be it an empty one (RFC 9112 6)."""
    return "content-length" in headers or "transfer-encoding" in headers


def origin_form(target: str) -> str:
    """Path and query of a target that names scheme and host too (RFC 9112 3.2.2)."""
    if target.startswith("/"):
        return target
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        return target
    authority_end = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    path = rest[authority_end:]
    return path if path.startswith("/") else f"/{path}"


def wants_websocket(headers: Mapping[str, str]) -> bool:
    """Whether a request asks for the websocket protocol, rightly or not (RFC 6455 4.1)."""
    protocols = headers.get("upgrade", "").lower().split(",")
    return any(protocol.strip() == "websocket" for protocol in protocols)


def peer_name(address: object) -> str | None:
    """``host:port`` of an asyncio peer name, or None where there is none (unix sockets)."""
    if not isinstance(address, tuple) or len(address) < 2:
        return None
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def response_head(response: HttpResponse, *, closing: bool) -> h11.Response:
    """The head of an answer, with the framing and date that a transport owes.

    A streamed body gets its framing from h11: chunked, or the connection's end for HTTP/1.0.

    Args:
        response: The answer.
        closing: Whether the connection ends with it.

    Raises:
        h11.LocalProtocolError: A status or header that HTTP does not allow.
        UnicodeEncodeError: A header name or value outside latin-1.
    """
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, values in response.headers.items()
        if name.lower() not in _FRAMING
        for value in ((values,) if isinstance(values, str) else values)
    ]
    if "date" not in response.headers:
        headers.append((b"date", formatdate(usegmt=True).encode("ascii")))  # RFC 9110 6.6.1
    if isinstance(response.body, bytes) and response.status not in _BODILESS:
        headers.append((b"content-length", b"%d" % len(response.body)))
    if closing:
        headers.append((b"connection", b"close"))
    return h11.Response(status_code=response.status, headers=headers)


def is_bodiless(method: str | None, status: int) -> bool:
    """Whether nothing follows the head of an answer: to HEAD, and for 204 and 304."""
    return method == "HEAD" or status in _BODILESS


def refusal(status: int, error: ActorError) -> tuple[h11.Response, bytes]:
    """An error of the transport, as every client of the protocol reads errors: JSON.

    Returns:
        The head, which ends the connection, and the body.
    """
    fields = {"group": error.group, "code": error.code, "message": error.message}
    body = json.dumps(fields).encode("ascii")
    response = HttpResponse(status, {"content-type": "application/json"}, body)
    return response_head(response, closing=True), body
