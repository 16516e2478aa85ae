"""The way to a host over a network: pooled HTTP by httpx2, websockets by websockets."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping, Sequence
from typing import Final

import httpx2
from typing_extensions import override
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy
from websockets.typing import Subprotocol

from ..errors import HostUnreachable
from ..tasks import start_task
from ..wire.channel import ChannelReceiver
from ._failures import invalid_response
from ._host_url import HostUrl
from ._transport import (
    CLOSE_TIMEOUT,
    PING_INTERVAL,
    PING_TIMEOUT,
    ClientChannel,
    ClientTransport,
)

OPEN_TIMEOUT: Final = 15.0
"""Seconds for TCP, TLS and the websocket handshake (wire-protocol.md, "Limits")."""
MAX_MESSAGE: Final = 32 * 1024 * 1024
"""Bytes; the hard cap of a websocket message (wire-protocol.md, "Limits")."""


_FEW: Final = 16
"""Messages that may wait to be written before a sender of many is asked to wait."""


class _Hushed(logging.Filter):
    """Keeps the headers of a handshake out of the log: they carry tokens and params."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != "> %s: %s"


_websockets_log: Final = logging.getLogger("pyactor.client.websockets")
_websockets_log.addFilter(_Hushed())


class _Connect(connect):
    """Without redirects: a token is for the host that it was given for."""

    @override
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class NetworkTransport(ClientTransport):
    """HTTP and websockets to the host at one URL."""

    def __init__(
        self, url: HostUrl, *, proxy: str | None, ssl_context: ssl.SSLContext | None
    ) -> None:
        """Nothing is connected yet.

        Args:
            url: The host.
            proxy: The URL of a proxy, or None for a direct connection, whatever the
                environment says: a proxy for the web is rarely meant for local actors.
            ssl_context: How to verify an ``https`` host; None for the usual way.
        """
        is_secure = url.scheme == "https"
        base = f"{url.authority}{url.path.rstrip('/')}"
        self._websocket_base = ("wss://" if is_secure else "ws://") + base
        self._proxy = proxy
        self._tls = (ssl_context or True) if is_secure else None
        super().__init__(
            httpx2.AsyncClient(
                base_url=f"{url.scheme}://{base}",
                proxy=proxy,
                trust_env=False,
                # Plain http verifies nothing, and loading the certificates takes a while.
                verify=self._tls or False,
                timeout=httpx2.Timeout(None, connect=OPEN_TIMEOUT),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
            ),
            url.location,
        )

    @override
    async def open_channel(
        self,
        target: str,
        headers: Mapping[str, str],
        subprotocols: Sequence[str],
        receiver: ChannelReceiver,
    ) -> ClientChannel:
        try:
            websocket = await _Connect(
                self._websocket_base + target,
                additional_headers=headers,
                logger=_websockets_log,
                subprotocols=[Subprotocol(each) for each in subprotocols],
                ssl=self._tls,
                compression=None,
                proxy=self._proxy,
                open_timeout=OPEN_TIMEOUT,
                ping_interval=PING_INTERVAL,
                ping_timeout=PING_TIMEOUT,
                close_timeout=CLOSE_TIMEOUT,
                max_size=MAX_MESSAGE,
            )
        except (OSError, TimeoutError, InvalidProxy) as error:
            raise HostUnreachable(f"no host answers at {self.location}: {error}") from error
        except InvalidHandshake as error:
            if isinstance(error.__cause__, EOFError):  # it ended before it answered
                raise HostUnreachable(f"no host answers at {self.location}: {error}") from error
            raise invalid_response(f"{self.location} did not open a websocket: {error}") from error
        return _WebSocketChannel(websocket, receiver)


class _WebSocketChannel:
    """A client's websocket, pumped by two tasks that end with it."""

    def __init__(self, websocket: ClientConnection, receiver: ChannelReceiver) -> None:
        self._websocket = websocket
        self._receiver = receiver
        self._is_closing = False
        self._outgoing: asyncio.Queue[str | bytes | tuple[int, str]] = asyncio.Queue()
        self._few = asyncio.Event()  # while few messages wait to be written
        self._few.set()
        self._close_timer: asyncio.TimerHandle | None = None
        self._reading = start_task(self._run(), name="pyactor-client-websocket")

    def send(self, data: str | bytes) -> None:
        if not self._is_closing:
            self._outgoing.put_nowait(data)
            if self._outgoing.qsize() > _FEW:
                self._few.clear()

    async def drained(self) -> None:
        await self._few.wait()

    def close(self, code: int, reason: str) -> None:
        if not self._is_closing:
            self._stop_sending()
            self._outgoing.put_nowait((code, reason))
            # The library's own timeout begins with the close frame, which a host that reads
            # nothing keeps from being written.
            self._close_timer = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self.abort)

    def abort(self) -> None:
        self._stop_sending()
        self._websocket.transport.abort()

    def _stop_sending(self) -> None:
        self._is_closing = True
        self._few.set()

    async def _run(self) -> None:
        writing = start_task(self._write(), name="pyactor-client-websocket-writer")
        try:
            await self._read()
        finally:
            self._stop_sending()
            if self._close_timer is not None:
                self._close_timer.cancel()
            writing.cancel()
            await asyncio.wait([writing])
            self._receiver.receive_lost()

    async def _read(self) -> None:
        try:
            while True:
                data = await self._websocket.recv()
                if not self._is_closing:
                    self._receiver.receive_data(data)
        except ConnectionClosed as closed:
            if closed.rcvd is not None:
                self._receiver.receive_close(closed.rcvd.code, closed.rcvd.reason)

    async def _write(self) -> None:
        try:
            while True:
                item = await self._outgoing.get()
                if self._outgoing.qsize() <= _FEW:
                    self._few.set()
                if isinstance(item, tuple):
                    await self._websocket.close(*item)
                else:
                    await self._websocket.send(item)
        except ConnectionClosed:
            # The reader sees the same end, and reports it.
            return
