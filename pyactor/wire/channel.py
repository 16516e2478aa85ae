"""What a transport gives to the host and to the client: a duplex pipe of whole messages.

Two halves that call each other, so that the same driver runs over a real websocket, an ASGI
server, a tunnel, or memory. Nothing here may wait or touch a socket.
"""

from __future__ import annotations

from typing import Final, Protocol

SUBPROTOCOL: Final = "rivet"
"""What a client of the protocol offers, and a host chooses, when a websocket opens."""
_MAX_REASON = 123
"""Bytes of a close reason: 125 of a control frame, less two of the code (RFC 6455 5.5)."""


def fitting_reason(reason: str) -> str:
    """As much of a close reason as a close frame can carry; what UTF-8 cannot becomes ``?``."""
    return reason.encode(errors="replace")[:_MAX_REASON].decode(errors="ignore")


class ChannelReceiver(Protocol):
    """The end that a channel delivers to. Calls arrive in order, on the loop's thread."""

    def receive_data(self, data: str | bytes) -> None:
        """One whole message: text is str, binary is bytes."""

    def receive_close(self, code: int, reason: str) -> None:
        """The peer has begun to close, or broke the transport's protocol (RFC 6455 7.4).

        At most once; no data follows. ``receive_lost`` comes later.
        """

    def receive_lost(self) -> None:
        """The transport is gone: nothing can be sent any more. Exactly once, the last call."""


class Channel(Protocol):
    """The end that the owner of the connection writes to. No call blocks or raises."""

    @property
    def backlog(self) -> int:
        """Bytes accepted by ``send`` and not yet taken by the operating system (C16)."""
        ...

    def attach(
        self,
        receiver: ChannelReceiver,
        *,
        ping_interval: float,
        ping_timeout: float,
        close_timeout: float,
    ) -> None:
        """Begin delivery to ``receiver``; until then what arrives is held back.

        Args:
            receiver: The end to deliver to.
            ping_interval: Seconds between keepalive pings.
            ping_timeout: Seconds without an answer after which the peer counts as lost.
            close_timeout: Seconds that ``close`` waits for the peer before it aborts (C9).
        """

    def send(self, data: str | bytes) -> None:
        """Write one message; dropped without a word once the channel is closing."""

    async def drained(self) -> None:
        """Return once little waits to be written, or the channel is closing or gone.

        What a sender of much awaits after each message, so as not to outrun its peer.
        """

    def pause(self) -> None:
        """Deliver nothing more until ``resume``, so that a peer that sends faster has to wait.

        Meanwhile nobody notices a silent peer's loss. ``close`` and ``abort`` end it.
        """

    def resume(self) -> None:
        """Deliver again, from the loop's next turn on, what waited and what comes."""

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake. Repeated calls do nothing.

        ``reason`` is cut to 123 bytes of UTF-8 at a character's edge.
        """

    def abort(self) -> None:
        """Drop the transport at once, without a closing handshake."""
