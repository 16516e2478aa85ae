"""Plain HTTP as values: what every transport turns its bytes into, and what the host answers.

Bodies stream both ways, so that raw requests need not fit in memory. Nothing here does I/O.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence

from attrs import field, frozen
from typing_extensions import override

from ..errors import IncomingTooLong

_PATH_TOKEN = re.compile(r"(?<=/gateway/)([^/@]*)@[^/]*")


@frozen
class WholeBody(AsyncIterable[bytes]):
    """A body that is here already, as one piece."""

    content: bytes = b""

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.content:
            yield self.content


@frozen
class HttpRequest:
    """The head of one request, and its body as it arrives; also the head of a websocket upgrade.

    Attributes:
        method: Upper case, as RFC 9110 has it.
        target: Path and query as sent, still percent-encoded.
        headers: Names in lower case; repeated headers are joined with ``", "``.
        body: Its pieces, to be read once at most. A transport refuses what is over its limit
            (IncomingTooLong) or does not come in time (RequestTimedOut), and raises
            ConnectionLost when the client vanishes before the end.
        peer: ``host:port`` of the client, or None where there is none.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: AsyncIterable[bytes] = field(factory=WholeBody, eq=False)
    peer: str | None = None


def path_to_log(target: str) -> str:
    """What a log may say of a request's target: its path, without what lets somebody in.

    Tokens stand in the query (``rvt-token``) and behind an actor's id (``/gateway/ID@TOKEN/…``),
    and so may secrets of the user's own; a log is read by more people than a request.
    """
    path = target.partition("?")[0]
    return _PATH_TOKEN.sub(r"\1", path, count=1)


@frozen
class HttpResponse:
    """One answer. The transport adds Content-Length, or frames the pieces of a streamed body.

    Attributes:
        status: RFC 9110 status code.
        headers: Names in lower case; a sequence of values is a header that is repeated.
        body: The whole body, or its pieces as they come. A transport that stops early closes
            the iterator (``aclose``), if it can be closed.
    """

    status: int
    headers: Mapping[str, str | Sequence[str]] = field(factory=dict[str, "str | Sequence[str]"])
    body: bytes | AsyncIterable[bytes] = b""


async def read_body(body: AsyncIterable[bytes], max_size: int) -> bytes:
    """The whole of a body.

    Args:
        body: Its pieces.
        max_size: Bytes.

    Raises:
        IncomingTooLong: It is longer.
        ActorError: What the transport says went wrong.
    """
    read = bytearray()
    async for piece in body:
        read += piece
        if len(read) > max_size:
            raise IncomingTooLong(f"the body has over {max_size} bytes")
    return bytes(read)
