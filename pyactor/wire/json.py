"""The encoding ``json``: text frames, and bodies of ``application/json``.

Owns what JSON itself cannot hold or must not; the ``$`` tags are ``_compat``'s and the fields
``_envelope``'s. The text itself is ``_json_text``'s.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, ClassVar

from typing_extensions import override

from ..errors import DecodeError
from ..plain import Plain
from ._compat import Refused, ValueReader, ValueWriter
from ._envelope import EnvelopeCodec, Fields
from ._fields import FieldReader, checked_uint
from ._json_text import decode, encode
from .messages import ActionRequest, ActionResponse, ToClient, ToServer


class _UntaggedReader(ValueReader):
    @override
    def read_list(self, raw: list[object], depth: int) -> Plain:
        return self.read_items(raw, depth)


class _JsonWriter(ValueWriter):
    @override
    def write_float(self, value: float, depth: int) -> object:
        if not math.isfinite(value):
            raise Refused(ValueError, f"{value} is no JSON number; send None or a str instead")
        return value

    @override
    def write_datetime(self, value: datetime, depth: int) -> object:
        super().write_datetime(value, depth)
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


_WRITER = _JsonWriter()
_READER = ValueReader()
_UNTAGGED_READER = _UntaggedReader()
_SIMPLE = frozenset((int, float, bool, type(None)))
"""Types that JSON holds as they are: nothing of ``_compat`` concerns them."""


class JsonCodec(EnvelopeCodec):
    """JSON text."""

    name = "json"
    is_text = True
    content_type = "application/json"
    to_client: ClassVar[ValueWriter] = _WRITER
    to_server: ClassVar[ValueWriter] = _WRITER

    @override
    def write_id(self, value: int) -> object:
        return ["$BigInt", str(value)]

    @override
    def pack_frame(self, tag: str, fields: Fields) -> str:
        return encode({"body": {"tag": tag, "val": fields}})

    @override
    def pack_body(self, fields: Fields) -> bytes:
        return encode(fields).encode()

    @override
    def encode_to_client(self, message: ToClient, version: int) -> str | bytes:
        if type(message) is not ActionResponse:
            return super().encode_to_client(message, version)
        # What is sent most, as pack_frame would have it.
        number = checked_uint(message.id, "id")
        output = encode(self.to_client.write(message.output, "output"))
        return (
            f'{{"body":{{"tag":"ActionResponse","val":{{"id":["$BigInt","{number}"],'
            f'"output":{output}}}}}}}'
        )

    @override
    def decode_to_server(self, data: str | bytes) -> ToServer:
        raw = _load(data)
        return _plain_request(raw) or self.to_server_of(_reader(raw))

    @override
    def unpack_from_client(self, data: str | bytes) -> FieldReader:
        return _unpack(data)

    @override
    def unpack_from_host(self, data: str | bytes) -> FieldReader:
        return _unpack(data)


def encode_plain(value: Plain) -> str:
    """One value as JSON text of one line, with ``$`` tags.

    Raises:
        TypeError: Something in it is not plain.
        ValueError: Something in it cannot be JSON.
    """
    return encode(_WRITER.write(value, "value"))


def decode_plain(text: str) -> Plain:
    """The inverse of ``encode_plain``.

    Raises:
        DecodeError: It is no JSON, or has an unknown tag.
    """
    return _READER.read(_load(text))


def decode_untagged(data: str | bytes) -> Plain:
    """Read JSON that is no message, in which a list is a list whatever it begins with.

    Raises:
        DecodeError: It is no JSON, or none that could travel on: not finite, nested too deeply,
            or with half a surrogate pair.
    """
    return _UNTAGGED_READER.read(_load(data))


def _plain_request(raw: Any) -> ActionRequest | None:
    """The call that nearly all messages are: complete, with a BigInt for its id.

    Returns:
        None for anything else, a wrong message too, which ``_envelope`` has words for.
    """
    try:
        body = raw["body"]
        fields = body["val"]
        name, args, written_id = fields["name"], fields["args"], fields["id"]
        tag, digits = written_id
        if (
            body["tag"] == "ActionRequest"
            and type(written_id) is list
            and tag == "$BigInt"
            and digits.isdecimal()
            and digits.isascii()
            and len(digits) < 20  # the largest id has 20
            and name.isascii()
            and type(args) is list
        ):
            plain = args if _SIMPLE.issuperset(map(type, args)) else _READER.read(args)
            if type(plain) is list:
                return ActionRequest(int(digits), name, plain)
    except (LookupError, TypeError, ValueError, AttributeError):
        pass
    return None


def _reader(raw: object) -> FieldReader:
    return FieldReader(raw, _READER.read)


def _unpack(data: str | bytes) -> FieldReader:
    return _reader(_load(data))


def _load(data: str | bytes) -> object:
    try:
        return decode(data if isinstance(data, str) else data.decode())
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"no JSON: {error}") from error
