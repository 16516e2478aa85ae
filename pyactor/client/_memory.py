"""The way to a host in the same process: HTTP as a call, channels in memory.

Owns the pair of channels that stand for one websocket; HTTP is `_memory_http`'s. The bytes are the
same as on a network, so a test in memory runs every codec, session and rule.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import Context, copy_context
from typing import Final, Protocol, runtime_checkable

import httpx2
from attrs import frozen
from typing_extensions import override

from ..wire.channel import Channel, ChannelReceiver
from ..wire.depth import depth_headers
from ..wire.http import HttpRequest, HttpResponse
from ._memory_http import MemoryHttp
from ._transport import (
    CLOSE_TIMEOUT,
    PING_INTERVAL,
    PING_TIMEOUT,
    ClientChannel,
    ClientTransport,
)

_BASE_URL: Final = "http://in-process"
MAX_CLOSE_REASON: Final = 123
"""Bytes of UTF-8 (RFC 6455 5.5)."""
_HIGH_WATER: Final = 64 * 1024
_LOW_WATER: Final = 16 * 1024  # asyncio's marks for a transport


@runtime_checkable
class Application(Protocol):
    """What a host is to its transports; `pyactor.Host` is one."""

    async def respond(self, request: HttpRequest, /) -> HttpResponse:
        """Answer one HTTP request. Never raises."""
        ...

    def open_channel(self, request: HttpRequest, channel: Channel, /) -> None:
        """Take over the channel of one websocket upgrade. Never raises."""


class MemoryTransport(ClientTransport):
    """HTTP and channels to an application in this process, on this event loop."""

    def __init__(self, application: Application) -> None:
        self._application = application
        super().__init__(
            httpx2.AsyncClient(
                base_url=_BASE_URL,
                transport=MemoryHttp(application.respond),
                trust_env=False,
            ),
            "the host in this process",
        )

    @override
    async def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> httpx2.Response:
        return await super().request(method, target, {**headers, **depth_headers()}, body)

    @override
    async def open_channel(
        self,
        target: str,
        headers: Mapping[str, str],
        subprotocols: Sequence[str],
        receiver: ChannelReceiver,
    ) -> ClientChannel:
        host_end, client_end = channel_pair()
        offered = {"sec-websocket-protocol": ", ".join(subprotocols), **depth_headers()}
        request = HttpRequest("GET", target, {**headers, **offered}, peer=None)
        # As on a network, the host starts from a clean context: its caller is no actor of ours.
        Context().run(self._application.open_channel, request, host_end)
        client_end.attach(
            receiver,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
        )
        return client_end


def channel_pair() -> tuple[MemoryChannel, MemoryChannel]:
    """Two channels, each of which delivers what the other sends. Needs a running loop.

    The first is the host's: it delivers in a clean context. The second is the caller's and
    delivers in the caller's context, whatever the host runs in when it sends.
    """
    loop = asyncio.get_running_loop()
    host_end, client_end = MemoryChannel(loop, Context()), MemoryChannel(loop, copy_context())
    host_end.join(client_end)
    client_end.join(host_end)
    return host_end, client_end


@frozen
class _Close:
    code: int
    reason: str


class _Lost:
    """The last item of every inbox."""


class MemoryChannel:
    """One end of a connection in memory: a `pyactor.wire.channel.Channel`.

    What arrives goes through an inbox, one item in a turn of the loop, so nothing is delivered
    from inside a sender's call. A close is answered when it is delivered.
    """

    _other: MemoryChannel

    def __init__(self, loop: asyncio.AbstractEventLoop, context: Context) -> None:
        self._loop = loop
        self._context = context
        self._receiver: ChannelReceiver | None = None
        self._inbox: deque[str | bytes | _Close | _Lost] = deque()
        self._is_scheduled = False
        self._is_paused = False
        self._is_closing = False
        self._has_ended = False
        self._backlog = 0
        self._resumed: asyncio.Event | None = None  # while the backlog is over its mark
        self._close_timeout = 0.0
        self._close_timer: asyncio.TimerHandle | None = None

    def join(self, other: MemoryChannel) -> None:
        """Make ``other`` the end that gets what this one sends; once, at the start."""
        self._other = other

    @property
    def backlog(self) -> int:
        """Bytes (of text: characters) sent that the other end has not taken yet."""
        return self._backlog

    def attach(
        self,
        receiver: ChannelReceiver,
        *,
        ping_interval: float,  # noqa: ARG002 - the contract of Channel
        ping_timeout: float,  # noqa: ARG002
        close_timeout: float,
    ) -> None:
        """Begin delivery. In memory nobody is lost unseen, so there are no pings."""
        self._receiver = receiver
        self._close_timeout = close_timeout
        self._schedule()

    def send(self, data: str | bytes) -> None:
        """Put one message into the other end's inbox."""
        if not self._is_closing and self._other.put(data):
            self._backlog += len(data)
            if self._backlog > _HIGH_WATER and self._resumed is None:
                self._resumed = asyncio.Event()

    async def drained(self) -> None:
        """Wait while the other end is far behind; not once this one is closing."""
        if self._resumed is not None:
            await self._resumed.wait()

    def pause(self) -> None:
        """Leave what arrives in the inbox."""
        self._is_paused = True

    def resume(self) -> None:
        """Deliver again."""
        self._is_paused = False
        self._schedule()

    def close(self, code: int, reason: str) -> None:
        """Tell the other end; both are lost once it took that."""
        if self._is_closing:
            return
        self._stop_sending()
        self.resume()
        cut = reason.encode()[:MAX_CLOSE_REASON].decode(errors="ignore")
        if self._other.put(_Close(code, cut)):
            self._close_timer = self._loop.call_later(self._close_timeout, self.abort)

    def abort(self) -> None:
        """Lose both ends at once."""
        self._stop_sending()
        self._other.put(_Lost())
        self.put(_Lost())
        self.resume()

    def put(self, item: str | bytes | _Close | _Lost) -> bool:
        """Add to this end's inbox; False if nothing can arrive here any more."""
        if self._has_ended:
            return False
        self._has_ended = isinstance(item, _Lost)
        self._inbox.append(item)
        self._schedule()
        return True

    def _schedule(self) -> None:
        if self._is_paused or self._is_scheduled:
            return
        if self._receiver is not None and self._inbox:
            self._is_scheduled = True
            self._loop.call_soon(self._deliver, self._receiver, context=self._context)

    def _deliver(self, receiver: ChannelReceiver) -> None:
        if self._is_paused:
            self._is_scheduled = False
            return
        item = self._inbox.popleft()
        try:
            if isinstance(item, _Lost):
                self._stop_sending()
                if self._close_timer is not None:
                    self._close_timer.cancel()
                receiver.receive_lost()
            elif isinstance(item, _Close):
                self._receive_close(item, receiver)
            else:
                self._other.take(len(item))
                if not self._is_closing:
                    receiver.receive_data(item)
        finally:
            self._is_scheduled = False
            self._schedule()

    def _receive_close(self, close: _Close, receiver: ChannelReceiver) -> None:
        if not self._is_closing:
            # The answer of RFC 6455 5.5.1, which the other end receives as its close.
            self._stop_sending()
            self._other.put(close)
        receiver.receive_close(close.code, close.reason)
        self._other.put(_Lost())
        self.put(_Lost())

    def take(self, size: int) -> None:
        """Note that the other end took ``size`` bytes of what this one sent."""
        self._backlog -= size
        if self._backlog <= _LOW_WATER:
            self._release_senders()

    def _stop_sending(self) -> None:
        self._is_closing = True
        self._release_senders()

    def _release_senders(self) -> None:
        if self._resumed is not None:
            self._resumed.set()
            self._resumed = None
