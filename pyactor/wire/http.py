"""Plain HTTP as values: what every transport turns its bytes into, and what the host answers."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class HttpRequest:
    """One request whose body, if any, has been read; also the head of a websocket upgrade.

    Attributes:
        method: Upper case, as RFC 9110 has it.
        target: Path and query as sent, still percent-encoded.
        headers: Names in lower case; repeated headers are joined with ``", "``.
        body: The whole body, at most the host's limit.
        peer: ``host:port`` of the client, or None where there is none.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: bytes = b""
    peer: str | None = None


@frozen
class HttpResponse:
    """One answer. The transport adds Content-Length.

    Attributes:
        status: RFC 9110 status code.
        headers: Names in lower case.
        body: The whole body.
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: bytes = b""
