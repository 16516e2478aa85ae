"""The encoding ``bare``: a version, then BARE fields; values within are CBOR with ``$`` tags.

Owns which field follows which (wire-protocol.md, "Framing"); what differs between versions it
asks ``_bare_versions``, and the bytes of a field are ``_bare_cursor``'s.
"""

from __future__ import annotations

from typing import Final, cast

from typing_extensions import override

from ..errors import DecodeError
from ..plain import UNDEFINED, Plain
from ._bare_cursor import BareReader, BareWriter
from ._bare_versions import Version, begin, open_frame
from ._codec import Codec
from ._fields import queue_status
from .messages import (
    ActionRequest,
    ActionResponse,
    ActorIdentity,
    Error,
    Event,
    ExtendedInit,
    Init,
    NumberedEvent,
    Position,
    Subscribed,
    SubscribeRequest,
    SubscriptionRequest,
    ToClient,
    ToServer,
)
from .queue import QueueResult, QueueSend
from .values import decode_value, encode_value

# Tags of the extension, far from those that a version of the protocol may still add. Its messages
# are the same in every version.
_SUBSCRIBE_REQUEST: Final = 64
_EXTENDED_INIT: Final = 64
_NUMBERED_EVENT: Final = 65
_SUBSCRIBED: Final = 66


class BareCodec(Codec):
    """BARE messages of every version in ``VERSIONS``."""

    name = "bare"
    is_text = False
    content_type = "application/octet-stream"
    # Old clients (rivetkit 2.0) read 2 at most and new ones read it too, and a socket's handshake
    # does not say which of them is there.
    initial_version = 2

    @override
    def version_of(self, data: str | bytes) -> int:
        layout, _ = open_frame(data)
        return layout.number

    # -------------------------------------------------------------- frames

    @override
    def encode_to_client(self, message: ToClient, version: int) -> bytes:
        layout, out = begin(version)
        if isinstance(message, Event):
            out.u8(3)
            out.text(message.name, "name")
            out.data(encode_value(message.args, "args"))
        elif isinstance(message, ActionResponse):
            out.u8(2)
            out.uint(message.id, "id")
            out.data(encode_value(message.output, "output"))
        elif isinstance(message, Init):
            out.u8(0)
            out.text(message.actor_id, "actorId")
            out.text(message.connection_id, "connectionId")
            if layout.has_token:
                out.text("", "connectionToken")
        elif isinstance(message, NumberedEvent):
            out.u8(_NUMBERED_EVENT)
            out.text(message.name, "name")
            out.data(encode_value(message.args, "args"))
            out.uint(message.sequence, "sequence")
        elif isinstance(message, Subscribed):
            out.u8(_SUBSCRIBED)
            out.uint(message.id, "id")
            _write_position(out, message.position)
        elif isinstance(message, ExtendedInit):
            out.u8(_EXTENDED_INIT)
            out.text(message.actor_id, "actorId")
            out.text(message.connection_id, "connectionId")
            out.uint(message.extension, "extension")
        else:
            out.u8(1)
            _write_error(out, message)
            out.optional(message.action_id, lambda action_id: out.uint(action_id, "actionId"))
            if layout.has_actor:
                _write_actor(out, message.actor)
        return bytes(out.written)

    @override
    def decode_to_client(self, data: str | bytes) -> ToClient:
        layout, fields = open_frame(data)
        tag = fields.u8()
        message: ToClient
        if tag == 3:
            message = Event(fields.text(), _decode_list(fields.data()))
        elif tag == 2:
            message = ActionResponse(fields.uint(), decode_value(fields.data()))
        elif tag == 0:
            message = Init(fields.text(), fields.text())
            if layout.has_token:
                fields.text()
        elif tag == 1:
            message = _read_error(layout, fields, has_action_id=True)
        elif tag == _NUMBERED_EVENT:
            message = NumberedEvent(fields.text(), _decode_list(fields.data()), fields.uint())
        elif tag == _SUBSCRIBED:
            message = Subscribed(fields.uint(), _read_position(fields))
        elif tag == _EXTENDED_INIT:
            message = ExtendedInit(fields.text(), fields.text(), fields.uint())
        else:
            raise DecodeError(f"{tag} is no tag of a message from a host to a client")
        fields.end()
        return message

    @override
    def encode_to_server(self, message: ToServer, version: int) -> bytes:
        _, out = begin(version)
        if isinstance(message, ActionRequest):
            out.u8(0)
            out.uint(message.id, "id")
            out.text(message.name, "name")
            out.data(encode_value(message.args, "args"))
        elif isinstance(message, SubscribeRequest):
            out.u8(_SUBSCRIBE_REQUEST)
            out.uint(message.id, "id")
            out.text(message.event_name, "eventName")
            _write_position(out, message.after)
        else:
            out.u8(1)
            out.text(message.event_name, "eventName")
            out.flag(message.subscribe)
        return bytes(out.written)

    @override
    def decode_to_server(self, data: str | bytes) -> ToServer:
        _, fields = open_frame(data)
        tag = fields.u8()
        message: ToServer
        if tag == 0:
            message = ActionRequest(fields.uint(), fields.text(), _decode_list(fields.data()))
        elif tag == 1:
            message = SubscriptionRequest(fields.text(), fields.flag())
        elif tag == _SUBSCRIBE_REQUEST:
            message = SubscribeRequest(fields.uint(), fields.text(), _read_position(fields))
        else:
            raise DecodeError(f"{tag} is no tag of a message from a client to a host")
        fields.end()
        return message

    # -------------------------------------------------------------- HTTP bodies

    @override
    def encode_action_request(self, args: list[Plain], version: int) -> bytes:
        _, out = begin(version)
        out.data(encode_value(args, "args"))
        return bytes(out.written)

    @override
    def decode_action_request(self, body: bytes) -> list[Plain]:
        _, fields = open_frame(body)
        args = _decode_list(fields.data())
        fields.end()
        return args

    @override
    def encode_action_response(self, output: Plain, version: int) -> bytes:
        _, out = begin(version)
        out.data(encode_value(output, "output"))
        return bytes(out.written)

    @override
    def decode_action_response(self, body: bytes) -> Plain:
        _, fields = open_frame(body)
        output = decode_value(fields.data())
        fields.end()
        return output

    @override
    def encode_queue_request(self, request: QueueSend, version: int) -> bytes:
        layout, out = begin(version)
        _check_queue(layout, ValueError)
        out.data(encode_value(request.body, "body"))
        out.optional(request.name, lambda name: out.text(name, "name"))
        out.optional(request.wait, out.flag)
        out.optional(request.timeout, lambda timeout: out.u64(timeout, "timeout"))
        return bytes(out.written)

    @override
    def decode_queue_request(self, body: bytes) -> QueueSend:
        layout, fields = open_frame(body)
        _check_queue(layout, DecodeError)
        request = QueueSend(
            decode_value(fields.data()),
            fields.optional(fields.text),
            fields.optional(fields.flag) or False,
            fields.optional(fields.u64),
        )
        fields.end()
        return request

    @override
    def encode_queue_response(self, result: QueueResult, version: int) -> bytes:
        layout, out = begin(version)
        _check_queue(layout, ValueError)
        out.text(result.status, "status")
        has_response = result.response is not UNDEFINED
        out.optional(encode_value(result.response, "response") if has_response else None, out.data)
        return bytes(out.written)

    @override
    def decode_queue_response(self, body: bytes) -> QueueResult:
        layout, fields = open_frame(body)
        _check_queue(layout, DecodeError)
        status = queue_status(fields.text())
        response = fields.optional(fields.data)
        fields.end()
        return QueueResult(status, UNDEFINED if response is None else decode_value(response))

    @override
    def encode_error(self, error: Error, version: int) -> bytes:
        layout, out = begin(version)
        _write_error(out, error)
        if layout.has_actor:
            _write_actor(out, error.actor)
        return bytes(out.written)

    @override
    def decode_error(self, body: bytes) -> Error:
        layout, fields = open_frame(body)
        error = _read_error(layout, fields, has_action_id=False)
        fields.end()
        return error


# ------------------------------------------------------------------ what messages have in common


def _decode_list(data: bytes) -> list[Plain]:
    value = decode_value(data)
    if not isinstance(value, list):
        raise DecodeError(f"args must be an array, not {value!r:.80}")
    return cast("list[Plain]", value)


def _write_position(out: BareWriter, position: Position | None) -> None:
    out.flag(position is not None)
    if position is not None:
        out.text(position.epoch, "epoch")
        out.uint(position.sequence, "sequence")


def _read_position(fields: BareReader) -> Position | None:
    return Position(fields.text(), fields.uint()) if fields.flag() else None


def _write_error(out: BareWriter, error: Error) -> None:
    out.text(error.group, "group")
    out.text(error.code, "code")
    out.text(error.message, "message")
    out.optional(
        None if error.metadata is None else encode_value(error.metadata, "metadata"), out.data
    )


def _write_actor(out: BareWriter, actor: ActorIdentity | None) -> None:
    out.flag(actor is not None)
    if actor is not None:
        out.text(actor.actor_id, "actor.actorId")
        out.uint(actor.generation, "actor.generation")
        out.optional(actor.key, lambda key: out.text(key, "actor.key"))


def _read_error(layout: Version, fields: BareReader, *, has_action_id: bool) -> Error:
    group, code, message = fields.text(), fields.text(), fields.text()
    metadata = fields.optional(fields.data)
    action_id = fields.optional(fields.uint) if has_action_id else None
    actor = None
    if layout.has_actor and fields.flag():
        actor = ActorIdentity(fields.text(), fields.uint(), fields.optional(fields.text))
    return Error(
        group=group,
        code=code,
        message=message,
        metadata=None if metadata is None else decode_value(metadata),
        action_id=action_id,
        actor=actor,
    )


def _check_queue(layout: Version, error: type[ValueError]) -> None:
    if not layout.has_queue:
        raise error(f"queues do not exist in protocol version {layout.number}; use 3 or later")
