"""An ASGI scope as the head of a request. Pure functions.

Owns what servers and frameworks do differently: where the application is mounted, and what of a
path is still percent-encoded.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator
from urllib.parse import quote, unquote

from ..transports._http_messages import peer_name
from ..wire.http import HttpRequest, WholeBody
from ._types import Scope

_PROTOCOLS = "sec-websocket-protocol"
_UNRESERVED = "/:@!$&'()*+,;=-._~"  # RFC 3986 3.3: what a path may have as it is


def request_of(scope: Scope, body: AsyncIterable[bytes] | None = None) -> HttpRequest:
    """The request of an ``http`` or ``websocket`` scope, below where the application is mounted.

    Args:
        scope: It.
        body: Its body; none by default.
    """
    headers = _headers(scope)
    offered = scope.get("subprotocols")
    if offered and _PROTOCOLS not in headers:
        headers[_PROTOCOLS] = ", ".join(offered)
    return HttpRequest(
        scope.get("method", "GET"),  # a websocket has none
        target_of(scope),
        headers,
        WholeBody() if body is None else body,
        _peer(scope),
    )


def target_of(scope: Scope) -> str:
    """Path and query, percent-encoded; the path as it stands below ``root_path``."""
    path = _raw_path(scope)
    for root in _roots(scope):
        below = _below(path, root)
        if below is not None:
            path = below
            break
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{path}?{query}" if query else path


def _headers(scope: Scope) -> dict[str, str]:
    """Names in lower case, which not every server sees to; repeated headers are joined."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1")  # RFC 9110 5.5
        if name in headers:
            # HTTP/2 may send a cookie in pieces (RFC 9113 8.2.3).
            separator = "; " if name == "cookie" else ", "
            value = f"{headers[name]}{separator}{value}"
        headers[name] = value
    return headers


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return None if client is None else peer_name(tuple(client))


def _raw_path(scope: Scope) -> str:
    """The path as sent, or, where somebody has changed the decoded one, that one encoded."""
    path: str = scope["path"]
    raw: bytes | None = scope.get("raw_path")
    if raw is not None:
        sent = raw.partition(b"?")[0].decode("latin-1")
        if unquote(sent) == path:
            return sent
    return quote(path, safe=_UNRESERVED)


def _roots(scope: Scope) -> Iterator[str]:
    """Where it may be mounted, the likeliest first.

    ``path`` begins with ``root_path`` (ASGI 3.0), unless a proxy has taken a prefix away that the
    server or the framework was told of. Then it begins with what was mounted below that.
    """
    root = scope.get("root_path", "").rstrip("/")
    if root:
        yield root
        outer = scope.get("app_root_path", "").rstrip("/")  # Starlette's
        if outer and root != outer and root.startswith(outer):
            yield root.removeprefix(outer)


def _below(path: str, root: str) -> str | None:
    """What is left of an encoded path below a decoded root; None if it is not below it."""
    end = len(root)
    if path.startswith(root) and path[end : end + 1] in ("", "/"):
        return path[end:] or "/"
    end = path.find("/", 1)
    while end > 0:
        if unquote(path[:end]) == root:
            return path[end:]
        end = path.find("/", end + 1)
    return "/" if unquote(path) == root else None
