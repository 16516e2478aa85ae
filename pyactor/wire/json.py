"""The encoding ``json``: text frames, and bodies of ``application/json``.

Owns what JSON itself cannot hold or must not; the ``$`` tags are ``_compat``'s and the fields
``_envelope``'s. The standard library does the rest.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import ClassVar, NoReturn

from typing_extensions import override

from ..errors import DecodeError
from ..plain import Plain
from ._compat import Refused, ValueReader, ValueWriter
from ._envelope import EnvelopeCodec, Fields
from ._fields import FieldReader


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


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.80} is larger than any float")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_WRITER = _JsonWriter()
_READER = ValueReader()
_UNTAGGED_READER = _UntaggedReader()
# A walk by _JsonWriter comes first, so no cycle and no NaN is left to be found.
_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode
_decode = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant).decode


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
        return _encode({"body": {"tag": tag, "val": fields}})

    @override
    def pack_body(self, fields: Fields) -> bytes:
        return _encode(fields).encode()

    @override
    def unpack_from_client(self, data: str | bytes) -> FieldReader:
        return _unpack(data)

    @override
    def unpack_from_host(self, data: str | bytes) -> FieldReader:
        return _unpack(data)


def decode_untagged(data: str | bytes) -> Plain:
    """Read JSON that is no message, in which a list is a list whatever it begins with.

    Raises:
        DecodeError: It is no JSON, or none that could travel on: not finite, nested too deeply,
            or with half a surrogate pair.
    """
    return _UNTAGGED_READER.read(_load(data))


def _unpack(data: str | bytes) -> FieldReader:
    return FieldReader(_load(data), _READER.read)


def _load(data: str | bytes) -> object:
    try:
        return _decode(data if isinstance(data, str) else data.decode())
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"no JSON: {error}") from error
