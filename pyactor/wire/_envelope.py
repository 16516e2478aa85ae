"""The envelope that json and cbor share: ``{"body": {"tag": …, "val": {…}}}``, and HTTP bodies.

Owns the names of the fields (wire-protocol.md, "Framing"). Knows no bytes: json and cbor say how
a mapping is packed, how a value in it is written and read, and how an id is.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, TypeAlias

from typing_extensions import override

from ..errors import DecodeError
from ..plain import UNDEFINED, Plain
from ._codec import Codec
from ._compat import ValueWriter
from ._fields import FieldReader, checked_uint, queue_status
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

Fields: TypeAlias = dict[str, object]


class EnvelopeCodec(Codec):
    """A codec whose messages are mappings. It has no versions."""

    initial_version = 0

    # -------------------------------------------------------------- what an encoding adds

    to_client: ClassVar[ValueWriter]
    to_server: ClassVar[ValueWriter]

    @abstractmethod
    def write_id(self, value: int) -> object:
        """An id as ``pack_frame`` takes it: JavaScript must decode a BigInt from it."""

    @abstractmethod
    def pack_frame(self, tag: str, fields: Fields) -> str | bytes:
        """A whole frame of fields that are written already."""

    @abstractmethod
    def pack_body(self, fields: Fields) -> bytes:
        """A whole HTTP body of fields that are written already."""

    @abstractmethod
    def unpack_from_client(self, data: str | bytes) -> FieldReader:
        """The mapping in what a client sent."""

    @abstractmethod
    def unpack_from_host(self, data: str | bytes) -> FieldReader:
        """The mapping in what a host sent."""

    # -------------------------------------------------------------- frames

    @override
    def version_of(self, data: str | bytes) -> int:
        return self.initial_version

    @override
    def encode_to_client(self, message: ToClient, version: int) -> str | bytes:
        write = self.to_client.write
        if isinstance(message, Event):
            fields: Fields = {
                "name": write(message.name, "name"),
                "args": write(message.args, "args"),
            }
        elif isinstance(message, ActionResponse):
            fields = {"id": self._id(message.id), "output": write(message.output, "output")}
        elif isinstance(message, Init):
            fields = {
                "actorId": write(message.actor_id, "actorId"),
                "connectionId": write(message.connection_id, "connectionId"),
            }
        elif isinstance(message, NumberedEvent):
            fields = {
                "name": write(message.name, "name"),
                "args": write(message.args, "args"),
                "sequence": checked_uint(message.sequence, "sequence"),
            }
        elif isinstance(message, Subscribed):
            fields = {
                "id": checked_uint(message.id, "id"),
                "position": self._position_fields(message.position),
            }
        elif isinstance(message, ExtendedInit):
            fields = {
                "actorId": write(message.actor_id, "actorId"),
                "connectionId": write(message.connection_id, "connectionId"),
                "extension": checked_uint(message.extension, "extension"),
            }
        else:
            action_id = message.action_id
            # Required, if only as null; metadata and actor are absent rather than null.
            written_id = None if action_id is None else self._id(action_id)
            fields = self._error_fields(message, {"actionId": written_id})
        return self.pack_frame(type(message).__name__, fields)

    @override
    def decode_to_client(self, data: str | bytes) -> ToClient:
        tag, val = self.unpack_from_host(data).body()
        match tag:
            case "Event":
                return Event(val.text("name"), val.items("args"))
            case "ActionResponse":
                return ActionResponse(val.uint("id"), val.value("output"))
            case "Init":
                return Init(val.text("actorId"), val.text("connectionId"))
            case "Error":
                return val.error(val.optional_uint("actionId"))
            case _:
                return _decode_extension(tag, val)

    @override
    def encode_to_server(self, message: ToServer, version: int) -> str | bytes:
        write = self.to_server.write
        if isinstance(message, ActionRequest):
            fields: Fields = {
                "id": self._id(message.id),
                "name": write(message.name, "name"),
                "args": write(message.args, "args"),
            }
        elif isinstance(message, SubscribeRequest):
            fields = {
                "id": checked_uint(message.id, "id"),
                "eventName": write(message.event_name, "eventName"),
                "after": self._position_fields(message.after),
            }
        else:
            fields = {
                "eventName": write(message.event_name, "eventName"),
                "subscribe": message.subscribe,
            }
        return self.pack_frame(type(message).__name__, fields)

    @override
    def decode_to_server(self, data: str | bytes) -> ToServer:
        return self.to_server_of(self.unpack_from_client(data))

    def to_server_of(self, fields: FieldReader) -> ToServer:
        """The message in a mapping that a client sent.

        Raises:
            DecodeError: There is none in it.
        """
        tag, val = fields.body()
        match tag:
            case "ActionRequest":
                return ActionRequest(val.uint("id"), val.text("name"), val.items("args"))
            case "SubscriptionRequest":
                return SubscriptionRequest(val.text("eventName"), val.flag("subscribe"))
            case "SubscribeRequest":
                return SubscribeRequest(
                    val.uint("id"), val.text("eventName"), val.optional_position("after")
                )
            case _:
                raise DecodeError(f"{tag!r:.80} is no message from a client to a host")

    # -------------------------------------------------------------- HTTP bodies

    @override
    def encode_action_request(self, args: list[Plain], version: int) -> bytes:
        return self.pack_body({"args": self.to_server.write(args, "args")})

    @override
    def decode_action_request(self, body: bytes) -> list[Plain]:
        return self.unpack_from_client(body).items("args")

    @override
    def encode_action_response(self, output: Plain, version: int) -> bytes:
        return self.pack_body({"output": self.to_client.write(output, "output")})

    @override
    def decode_action_response(self, body: bytes) -> Plain:
        return self.unpack_from_host(body).value("output")

    @override
    def encode_queue_request(self, request: QueueSend, version: int) -> bytes:
        fields: Fields = {"body": self.to_server.write(request.body, "body")}
        if request.name is not None:
            fields["name"] = self.to_server.write(request.name, "name")
        fields["wait"] = request.wait
        if request.timeout is not None:
            fields["timeout"] = checked_uint(request.timeout, "timeout")
        return self.pack_body(fields)

    @override
    def decode_queue_request(self, body: bytes) -> QueueSend:
        fields = self.unpack_from_client(body)
        return QueueSend(
            fields.value("body"),
            fields.optional_text("name"),
            fields.value("wait") is not None and fields.flag("wait"),
            fields.optional_uint("timeout"),
        )

    @override
    def encode_queue_response(self, result: QueueResult, version: int) -> bytes:
        fields: Fields = {"status": result.status}
        if result.response is not UNDEFINED:
            fields["response"] = self.to_client.write(result.response, "response")
        return self.pack_body(fields)

    @override
    def decode_queue_response(self, body: bytes) -> QueueResult:
        fields = self.unpack_from_host(body)
        return QueueResult(queue_status(fields.text("status")), fields.any("response"))

    @override
    def encode_error(self, error: Error, version: int) -> bytes:
        return self.pack_body(self._error_fields(error, {}))

    @override
    def decode_error(self, body: bytes) -> Error:
        return self.unpack_from_host(body).error(None)

    # -------------------------------------------------------------- fields

    def _id(self, value: int) -> object:
        return self.write_id(checked_uint(value, "id"))

    def _position_fields(self, position: Position | None) -> object:
        if position is None:
            return None
        return {
            "epoch": self.to_client.write(position.epoch, "epoch"),
            "sequence": checked_uint(position.sequence, "sequence"),
        }

    def _error_fields(self, error: Error, id_field: Fields) -> Fields:
        write = self.to_client.write
        fields: Fields = {
            "group": write(error.group, "group"),
            "code": write(error.code, "code"),
            "message": write(error.message, "message"),
        }
        if error.metadata is not None:
            fields["metadata"] = write(error.metadata, "metadata")
        fields |= id_field
        if error.actor is not None:
            fields["actor"] = self._actor_fields(error.actor)
        return fields

    def _actor_fields(self, actor: ActorIdentity) -> Fields:
        write = self.to_client.write
        fields: Fields = {
            "actorId": write(actor.actor_id, "actor.actorId"),
            "generation": checked_uint(actor.generation, "actor.generation"),
        }
        if actor.key is not None:
            fields["key"] = write(actor.key, "actor.key")
        return fields


def _decode_extension(tag: str, val: FieldReader) -> ToClient:
    match tag:
        case "NumberedEvent":
            return NumberedEvent(val.text("name"), val.items("args"), val.uint("sequence"))
        case "Subscribed":
            return Subscribed(val.uint("id"), val.optional_position("position"))
        case "ExtendedInit":
            return ExtendedInit(
                val.text("actorId"), val.text("connectionId"), val.uint("extension")
            )
        case _:
            raise DecodeError(f"{tag!r:.80} is no message from a host to a client")
