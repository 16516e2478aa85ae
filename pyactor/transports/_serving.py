"""What all connections of one server share, and the limits they obey.

Owns no socket and no protocol; ``server`` fills it, the two kinds of connection use it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from attrs import Factory, define, field, frozen, validators
from websockets.frames import Frame, Opcode

from ._application import Application

logger = logging.getLogger("pyactor.server")


@frozen(kw_only=True)
class ServerLimits:
    """The bounds of one server (wire-protocol.md, "Limits"): bytes and seconds, all above 0.

    Attributes:
        max_head: Bytes of a request line with its headers.
        max_body: Bytes of the body of a plain request.
        max_websocket_message: Bytes of a websocket message, fragments joined. The hard cap of
            the transport; an application has a lower one of its own.
        head_timeout: From the first byte of a head, or the connection, to the head's end.
        idle_timeout: Between two requests, and for a client to take an answer.
        body_timeout: Between two pieces of a body.
        close_timeout: For the closing handshake of a channel that was closed unattached.
        linger_timeout: Between two pieces of what a peer still sends though its answer is
            written; it is dropped.
        max_linger: For all of that.
    """

    max_head: int = field(default=64 * 1024, validator=validators.gt(0))
    max_body: int = field(default=20 * 1024 * 1024, validator=validators.gt(0))
    max_websocket_message: int = field(default=32 * 1024 * 1024, validator=validators.gt(0))
    head_timeout: float = field(default=10.0, validator=validators.gt(0))
    idle_timeout: float = field(default=75.0, validator=validators.gt(0))
    body_timeout: float = field(default=30.0, validator=validators.gt(0))
    close_timeout: float = field(default=5.0, validator=validators.gt(0))
    linger_timeout: float = field(default=2.0, validator=validators.gt(0))
    max_linger: float = field(default=30.0, validator=validators.gt(0))


def _short_heads(opcode: Opcode) -> tuple[bytes, ...]:
    """The heads of whole frames of every length that fits into one byte."""
    return tuple(Frame(opcode, bytes(size)).serialize(mask=False)[:2] for size in range(126))


_TEXT_HEADS = _short_heads(Opcode.TEXT)
_BINARY_HEADS = _short_heads(Opcode.BINARY)


class OpenConnection(Protocol):
    """What a server asks of its connections when it stops."""

    def stop_reuse(self) -> None:
        """End if it only waits for another request."""

    def shut_down(self) -> None:
        """End as soon as nothing is under way."""

    def abort(self) -> None:
        """Drop the transport at once."""


class Framer:
    """Turns messages into frames, and the same message for many connections only once.

    Without masks and extensions (RFC 6455 5.3: a server does not mask) a frame is the same for
    every peer. A broadcast hands one object to all channels in a row, so that remembering the
    last one is enough.
    """

    __slots__ = ("_data", "_frame")

    def __init__(self) -> None:
        self._data: str | bytes = b""
        self._frame = _BINARY_HEADS[0]

    def frame(self, data: str | bytes) -> bytes:
        """One whole message as one frame: str as text, bytes as binary.

        A lone surrogate, which UTF-8 cannot carry, becomes ``?``.
        """
        if data is not self._data:
            if isinstance(data, str):
                payload, heads = data.encode(errors="replace"), _TEXT_HEADS
            else:
                payload, heads = data, _BINARY_HEADS
            if len(payload) < 126:  # RFC 6455 5.2: others tell their length in more bytes
                self._frame = heads[len(payload)] + payload
            else:
                opcode = Opcode.TEXT if heads is _TEXT_HEADS else Opcode.BINARY
                self._frame = Frame(opcode, payload).serialize(mask=False)
            self._data = data
        return self._frame


@define
class Serving:
    """One server, as its connections see it.

    Attributes:
        application: Whom to call.
        limits: The bounds to keep.
        draining: Set once nothing new is accepted: answers then say ``connection: close``.
        connections: Every connection whose transport is not gone.
        tasks: Answers under way. The loop holds tasks weakly, and an answer may outlive its
            connection.
        framer: Shared, since a broadcast goes to many channels.
    """

    application: Application
    limits: ServerLimits
    draining: bool = False
    connections: set[OpenConnection] = Factory(set["OpenConnection"])
    tasks: set[asyncio.Task[None]] = Factory(set[asyncio.Task[None]])
    framer: Framer = Factory(Framer)
    _emptied: asyncio.Event = field(init=False, factory=asyncio.Event)

    def remember(self, connection: OpenConnection) -> None:
        """A connection begins."""
        self.connections.add(connection)

    def forget(self, connection: OpenConnection) -> None:
        """A connection's transport is gone, or another connection took it over."""
        self.connections.discard(connection)
        if not self.connections:
            self._emptied.set()

    async def wait_until_empty(self) -> None:
        """Wait until no connection is left."""
        while self.connections:
            self._emptied.clear()
            await self._emptied.wait()
