"""A connection that a channel carries, whatever its messages are.

Owns the two directions of the channel and their bounds. The rules are the session's, the pump is
the driver's.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ..definition import Request
from ..errors import IncomingTooLong, OutgoingBacklog
from ..session import Close, End, EndCause
from ..wire.channel import Channel, ChannelReceiver
from ._driver import ConnectionDriver
from ._errors import stopping
from ._sizes import byte_length

if TYPE_CHECKING:
    from ._instance import Instance


class ChannelCarried(ConnectionDriver, ChannelReceiver):
    """Drives a connection over a channel."""

    def __init__(
        self,
        instance: Instance,
        params: Any,
        request: Request,
        channel: Channel,
        extension: int = 0,
    ) -> None:
        super().__init__(instance, params, request, extension)
        self._channel = channel
        self._options = instance.definition.options

    @override
    def open(self) -> None:
        """Begin the attempt, then take in what arrived before.

        Raises:
            ActorRestarting: The actor is stopping; nothing ran, and the channel is untouched.
        """
        if not self._instance.is_ready:
            raise stopping()
        super().open()
        self._channel.attach(
            self,
            ping_interval=self._options.ping_interval,
            ping_timeout=self._options.ping_timeout,
            close_timeout=self._options.close_timeout,
        )

    @override
    def abort(self) -> None:
        self._channel.abort()

    # -------------------------------------------------------------- ChannelReceiver

    @override
    def receive_data(self, data: str | bytes) -> None:
        size = byte_length(data)
        if size > self._options.max_incoming_message:
            self.end(End(EndCause.PROTOCOL_ERROR, 1011, IncomingTooLong().name))
        else:
            self._receive(data, size)

    @override
    def receive_close(self, code: int, reason: str) -> None:
        self.end(End(EndCause.CLIENT_CLOSED, code, reason))

    @override
    def receive_lost(self) -> None:
        self.session.receive_transport_closed()
        self._pump()

    @abstractmethod
    def _receive(self, data: str | bytes, size: int) -> None:
        """Take in one message of at most ``max_incoming_message``; ``size`` is its bytes."""

    # -------------------------------------------------------------- out

    def _write(self, data: str | bytes) -> None:
        """Write one message; a peer that reads too slowly is cut off (C16)."""
        self._channel.send(data)
        if self._channel.backlog > self._options.max_outgoing_backlog:
            self.end(End(EndCause.BACKLOG, 1011, OutgoingBacklog().name))

    @override
    def _close(self, close: Close) -> None:
        self._channel.close(close.code, close.reason)
