"""A raw websocket as its actor sees it (``on_web_socket``)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Self

from typing_extensions import override

from ..errors import WebSocketClosed
from ._http import Request

_MAX_REASON = 123
"""Bytes of a close reason: a control frame has 125, two are the code (RFC 6455 5.5)."""


class WebSocketContext(ABC):
    """One raw websocket, as ``WebSocket`` sees it; a run time implements it."""

    @property
    @abstractmethod
    def request(self) -> Request:
        """What the client connected with."""

    @abstractmethod
    async def send(self, data: str | bytes) -> None:
        """Send one message; return when the peer keeps up."""

    @abstractmethod
    async def receive(self) -> str | bytes:
        """The next message; raise ``WebSocketClosed`` once the peer is gone and all is read."""

    @abstractmethod
    async def wait_closed(self) -> None:
        """Return once it is closed, from whichever side."""

    @abstractmethod
    def close(self, code: int, reason: str) -> Awaitable[None]:
        """Begin to close, at once (C9)."""


class WebSocket:
    """A raw websocket: messages both ways, as they are.

    Iterate over it for the messages until it is closed: ``async for message in ws``.
    """

    __slots__ = ("_context",)

    def __init__(self, context: WebSocketContext) -> None:
        self._context = context

    @property
    def request(self) -> Request:
        """What the client connected with."""
        return self._context.request

    async def send(self, data: str | bytes) -> None:
        """Send one message: a str as text, bytes as binary.

        It returns when the peer keeps up, so that a fast sender does not outrun a slow reader.

        Args:
            data: The message.

        Raises:
            TypeError: It is neither.
            WebSocketClosed: The websocket is closed.
        """
        if not isinstance(data, (str, bytes)):
            raise TypeError(f"a websocket message is a str or bytes, not {type(data).__name__}")
        await self._context.send(data)

    async def receive(self) -> str | bytes:
        """The next message.

        Raises:
            WebSocketClosed: The websocket is closed, and what came before has been received.
        """
        return await self._context.receive()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self._context.receive()
        except WebSocketClosed:
            raise StopAsyncIteration from None

    async def wait_closed(self) -> None:
        """Return once it is closed: the client left, the actor closed it, or it stops.

        For a hook that only sends, or waits for something else: nothing else tells it. A hook
        that runs on after the close is cancelled ``action_timeout`` later. What came before the
        close may still be received.
        """
        await self._context.wait_closed()

    def close(self, code: int = 1000, reason: str = "") -> Awaitable[None]:
        """Close it: it begins at once, also when not awaited (C9).

        Args:
            code: RFC 6455 7.4: 1000 to 1003, 1007 to 1014, or 3000 to 4999.
            reason: What the peer reads; at most 123 bytes of UTF-8.

        Returns:
            What ends once it is closed. It never raises.

        Raises:
            ValueError: RFC 6455 has no such close.
        """
        if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
            raise ValueError(f"a websocket cannot be closed with {code}; take 1000 or 3000 to 4999")
        if (size := len(reason.encode())) > _MAX_REASON:
            raise ValueError(f"the reason of a close has at most {_MAX_REASON} bytes, not {size}")
        return self._context.close(code, reason)

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.request.path}>"
