"""A connection over a channel, in one encoding: decode -> session -> run -> encode.

Owns the bytes of one connection. The rules are the session's, the pump is the driver's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ..definition import Request
from ..errors import DecodeError, InvalidRequest, OutgoingTooLong
from ..session import End, EndCause, SubscriptionChanged
from ..wire import messages
from ..wire.channel import Channel
from ..wire.codecs import Codec
from ._channel import ChannelCarried
from ._errors import error_to_send, is_public
from ._sizes import check_size

if TYPE_CHECKING:
    from ._instance import Instance


class ChannelDriver(ChannelCarried):
    """Drives a connection whose messages come over a channel in one encoding."""

    def __init__(
        self,
        instance: Instance,
        params: Any,
        request: Request,
        channel: Channel,
        codec: Codec,
        *,
        extension: int = 0,
    ) -> None:
        super().__init__(instance, params, request, channel, extension)
        self._codec = codec
        self._version = codec.initial_version
        # The frame of the event that the session was given last: the pump sends it at once.
        self._event_frame: str | bytes = b""

    @override
    def _receive(self, data: str | bytes, size: int) -> None:
        try:
            self._version = self._codec.version_of(data)
            message = self._codec.decode_to_server(data)
        except DecodeError as error:
            self._instance.log.debug("connection %s: %s", self.id, error)
            self.end(End(EndCause.PROTOCOL_ERROR, 1011, InvalidRequest().name))
            return
        self.session.receive_message(message, size)
        self._pump()

    @override
    def send_event(
        self, event: messages.Event | messages.NumberedEvent, frames: dict[Any, str | bytes]
    ) -> None:
        if not self.session.in_conns:
            return
        frame = self._frame_of(event, frames)
        self.session.send_event(event)
        self._event_frame = frame
        self._pump()

    @override
    def _acknowledge(self, request_id: int, change: SubscriptionChanged) -> None:
        log = self._instance.broadcasts.get(change.event_name)
        if log is None:
            super()._acknowledge(request_id, change)
            return
        # Each half is what still fits: what is broadcast next needs room too, and a connection
        # that fails by its own replay would come back for the same (C16).
        room = (self._options.max_outgoing_backlog - self._channel.backlog) // 2
        position, replay = log.replay(change.after, room, self._frame_of)
        self.session.send_subscribed(request_id, position)
        self._send_all(self.session.messages_to_send())
        for event, frame in replay:
            self.session.send_event(event)
            self._event_frame = frame
            self._send_all(self.session.messages_to_send())

    def _frame_of(
        self, event: messages.Event | messages.NumberedEvent, frames: dict[Any, str | bytes]
    ) -> str | bytes:
        form = (self._codec.name, self._version)
        frame = frames.get(form)
        if frame is None:
            frame = self._codec.encode_to_client(event, self._version)
            check_size(frame, self._options.max_outgoing_message, f"event {event.name!r}")
            frames[form] = frame
        return frame

    @override
    def _send(self, message: messages.ToClient) -> None:
        is_event = isinstance(message, (messages.Event, messages.NumberedEvent))
        self._write(self._event_frame if is_event else self._encode(message))

    def _encode(self, message: messages.ToClient) -> str | bytes:
        """The frame of an answer, or of the error that takes its place."""
        action_id = None
        if isinstance(message, messages.ActionResponse):
            action_id = message.id
        elif isinstance(message, messages.Error):
            action_id = message.action_id
        try:
            frame = self._codec.encode_to_client(message, self._version)
            check_size(frame, self._options.max_outgoing_message, "the answer")
        except (TypeError, ValueError, OutgoingTooLong) as error:
            if not is_public(error):  # a value that is not plain: a bug of the actor
                self._instance.log_error("an answer that cannot be encoded", error, self.id)
            frame = self._codec.encode_to_client(
                error_to_send(error, action_id=action_id), self._version
            )
        return frame
