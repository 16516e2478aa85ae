"""How a websocket is refused that never reaches an actor.

The upgrade is done (a refusal by HTTP status would reach the client as a bare 1006), so the error
goes out as a frame, if the encoding is known, and as the close reason.
"""

from __future__ import annotations

from typing_extensions import override

from ..errors import ActorRestarting, GoingAway, UnsupportedEncoding
from ..wire import messages
from ..wire.channel import Channel, ChannelReceiver
from ..wire.codecs import Codec

_SECONDS = 5.0  # for pings and for the client's side of the closing handshake


class _Nobody(ChannelReceiver):
    """Lets go of whatever still arrives."""

    @override
    def receive_data(self, data: str | bytes) -> None: ...

    @override
    def receive_close(self, code: int, reason: str) -> None: ...

    @override
    def receive_lost(self) -> None: ...


def refuse(channel: Channel, codec: Codec | None, error: messages.Error) -> None:
    """Tell the client why, and close.

    Args:
        channel: The websocket.
        codec: The client's encoding; None if it is unknown, or if the websocket is raw.
        error: What the client may see.
    """
    reason = f"{error.group}.{error.code}"
    channel.attach(_Nobody(), ping_interval=_SECONDS, ping_timeout=_SECONDS, close_timeout=_SECONDS)
    if reason == UnsupportedEncoding().name:
        channel.close(1003, reason)
    elif reason == ActorRestarting().name:
        # No frame before it: the client keeps its calls and retries.
        channel.close(1001, GoingAway().name)
    else:
        if codec is not None:
            channel.send(codec.encode_to_client(error, codec.initial_version))
        channel.close(1011, reason)
