"""What a client needs of the way to its host, whether that is a network or memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import httpx2

from ..errors import ConnectionLost, HostUnreachable
from ..wire.channel import ChannelReceiver
from ._failures import invalid_response

PING_INTERVAL: Final = 20.0
"""Seconds between a client's keepalive pings."""
PING_TIMEOUT: Final = 20.0
"""Seconds without an answer to one after which the host counts as lost."""
CLOSE_TIMEOUT: Final = 5.0
"""Seconds that a client waits for the host to answer its close."""


class ClientChannel(Protocol):
    """The client's end of one open connection. No call waits or raises.

    Its receiver gets ``receive_lost`` once nothing of the connection is left, tasks included.
    """

    def send(self, data: str | bytes) -> None:
        """Write one message; dropped once the channel is closing."""

    async def drained(self) -> None:
        """Return once little waits to be written, or the channel is closing or gone."""

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; no data is received any more."""

    def abort(self) -> None:
        """Drop the connection at once."""


class ClientTransport(ABC):
    """HTTP requests and duplex channels to one host.

    HTTP is an `httpx2.AsyncClient` on every way, so that a test in memory sends what a network
    would carry.
    """

    def __init__(self, http: httpx2.AsyncClient, location: str) -> None:
        self._http = http
        self.location = location
        """What messages call the host."""

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> httpx2.Response:
        """Send one HTTP request and read its whole answer.

        Args:
            method: Upper case.
            target: Path and query, percent-encoded.
            headers: In any case.
            body: Sent with a Content-Length.

        Raises:
            HostUnreachable: No connection came about; nothing was sent.
            ConnectionLost: It broke in between; the host may have acted.
            ActorError: ``client.invalid_response``: what came back is not HTTP.
        """
        with self.translated_errors():
            return await self._http.request(method, target, headers=headers, content=body)

    async def begin_request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes],
    ) -> httpx2.Response:
        """Send one HTTP request, and return with the head of its answer; it has to be closed.

        Reading the rest belongs into ``translated_errors``.

        Args:
            method: Upper case.
            target: Path and query, percent-encoded.
            headers: In any case.
            body: Pieces are sent as they come.

        Raises:
            HostUnreachable: No connection came about; nothing was sent.
            ConnectionLost: It broke in between; the host may have acted.
            ActorError: ``client.invalid_response``: what came back is not HTTP.
        """
        with self.translated_errors():
            request = self._http.build_request(method, target, headers=headers, content=body)
            return await self._http.send(request, stream=True)

    @contextmanager
    def translated_errors(self) -> Generator[None]:
        """Raise the errors of HTTP as those of a client."""
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            raise HostUnreachable(f"no host answers at {self.location}: {error}") from error
        except (httpx2.RemoteProtocolError, httpx2.DecodingError) as error:
            if _is_loss(error):
                raise self._lost(error) from error
            raise invalid_response(f"{self.location} does not speak HTTP: {error}") from error
        except httpx2.TransportError as error:
            raise self._lost(error) from error

    @abstractmethod
    async def open_channel(
        self,
        target: str,
        headers: Mapping[str, str],
        subprotocols: Sequence[str],
        receiver: ChannelReceiver,
    ) -> ClientChannel:
        """Open a websocket on ``target`` that delivers to ``receiver`` from the next turn on.

        Args:
            target: Path and query, percent-encoded.
            headers: Besides those of the handshake.
            subprotocols: What is offered.
            receiver: The end to deliver to.

        Raises:
            HostUnreachable: No connection came about.
            ActorError: ``client.invalid_response``: the peer did not upgrade.
        """

    async def aclose(self) -> None:
        """Close what is pooled; open channels are their owners' business."""
        await self._http.aclose()

    def _lost(self, error: Exception) -> ConnectionLost:
        detail = str(error) or type(error).__name__
        return ConnectionLost(
            f"the connection to {self.location} broke before it answered: {detail}",
            may_have_run=True,
        )


def _is_loss(error: Exception) -> bool:
    """Whether a protocol error is a connection that ended early, and not a breach of HTTP.

    httpx2 tells the two apart by the message alone.
    """
    text = str(error)
    return "disconnected" in text or "closed connection" in text
