"""A raw websocket as its client has it: ``async with handle.web_socket("/terminal") as ws``."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from typing_extensions import override

from ..errors import IncomingBacklog, WebSocketClosed
from ._closed import NO_CLOSE

if TYPE_CHECKING:
    from ._address import Address
    from ._gateway import Gateway
    from ._params import ParamsSource
    from ._transport import ClientChannel

MAX_WAITING: Final = 32 * 1024 * 1024
"""Bytes (of text: characters) that may wait to be received, the last message not counted."""
_MAX_REASON: Final = 123
"""Bytes of a close reason: a control frame has 125, two are the code (RFC 6455 5.5)."""


class ClientWebSocket:
    """A raw websocket to an actor: messages both ways, as they are. It does not come back.

    Iterate over it for the messages until it is closed: ``async for message in ws``. An actor
    that lets nobody in closes it (1011 ``group.code``).
    """

    def __init__(self, gateway: Gateway, address: Address, params: ParamsSource, path: str) -> None:
        self._gateway = gateway
        self._address = address
        self._params = params
        self._path = path
        self._channel: ClientChannel | None = None
        self._waiting: deque[str | bytes] = deque()
        self._size = 0
        self._changed = asyncio.Event()
        self._closed: WebSocketClosed | None = None
        self._gone = asyncio.Event()

    @property
    def closed(self) -> WebSocketClosed | None:
        """How it was closed; None while it is open."""
        return self._closed

    async def send(self, data: str | bytes) -> None:
        """Send one message: a str as text, bytes as binary.

        It returns when the peer keeps up, so that a fast sender does not outrun a slow reader.

        Raises:
            TypeError: It is neither.
            WebSocketClosed: The websocket is closed.
        """
        if not isinstance(data, (str, bytes)):
            raise TypeError(f"a websocket message is a str or bytes, not {type(data).__name__}")
        channel = self._open_channel()
        if self._closed is not None:
            raise self._again(self._closed)
        channel.send(data)
        await channel.drained()

    async def receive(self) -> str | bytes:
        """The next message.

        Raises:
            WebSocketClosed: The websocket is closed, and what came before has been received.
        """
        self._open_channel()
        while not self._waiting:
            if self._closed is not None:
                raise self._again(self._closed)
            self._changed.clear()
            await self._changed.wait()
        data = self._waiting.popleft()
        self._size -= len(data)
        return data

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it and wait until nothing of it is left. Idempotent.

        Args:
            code: RFC 6455 7.4: 1000 to 1003, 1007 to 1014, or 3000 to 4999.
            reason: What the actor reads; at most 123 bytes of UTF-8.

        Raises:
            ValueError: RFC 6455 has no such close.
        """
        if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
            raise ValueError(f"a websocket cannot be closed with {code}; take 1000 or 3000 to 4999")
        if (size := len(reason.encode())) > _MAX_REASON:
            raise ValueError(f"the reason of a close has at most {_MAX_REASON} bytes, not {size}")
        if self._channel is not None:
            self._end(code, reason)
            self._channel.close(code, reason)
            await self._gone.wait()

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            HostUnreachable: No connection came about.
            GetParamsFailed: The function that gives the params failed.
            ActorError: The peer opened no websocket.
            ValueError: There is no such path.
            RuntimeError: It was opened before.
        """
        if self._channel is not None:
            raise RuntimeError(
                "this websocket was opened before; each use takes a new one: "
                "async with handle.web_socket(path) as ws"
            )
        params = await self._params.get()
        self._channel = await self._gateway.open_web_socket(self._address, params, self._path, self)
        self._gateway.web_sockets.add(self)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except WebSocketClosed:
            raise StopAsyncIteration from None

    @override
    def __repr__(self) -> str:
        state = "not open" if self._channel is None else self._closed or "open"
        return f"<{type(self).__name__} {self._path}: {state}>"

    # ------------------------------------------------------------------ for the channel

    def receive_data(self, data: str | bytes) -> None:
        """Let a message wait; one too many ends it, since a channel cannot be paused."""
        if self._closed is not None:
            return
        if self._size > MAX_WAITING:
            name = IncomingBacklog().name
            self._end(1011, name)
            self._open_channel().close(1011, name)
            return
        self._waiting.append(data)
        self._size += len(data)
        self._changed.set()

    def receive_close(self, code: int, reason: str) -> None:
        """The actor closes, or answers our close."""
        self._end(code, reason)

    def receive_lost(self) -> None:
        """Nothing is left of it."""
        self._end(NO_CLOSE, "")
        self._gateway.web_sockets.discard(self)
        self._gone.set()

    # ------------------------------------------------------------------ how

    def _end(self, code: int, reason: str) -> None:
        if self._closed is None:
            self._closed = WebSocketClosed(code, reason)
            self._changed.set()

    def _open_channel(self) -> ClientChannel:
        if self._channel is None:
            raise RuntimeError(
                "this websocket is not open: async with handle.web_socket(path) as ws"
            )
        return self._channel

    @staticmethod
    def _again(closed: WebSocketClosed) -> WebSocketClosed:
        """A fresh exception for each that is raised."""
        return WebSocketClosed(closed.code, closed.reason)
