"""The encoding ``cbor``: binary frames, and bodies of ``application/octet-stream``.

Owns how an envelope becomes CBOR; the values in it are ``_cbor_values``'s and the fields
``_envelope``'s. The two directions differ (wire-protocol.md, "Value compatibility layer"): a
client writes native CBOR and escapes nothing, but revives ``$`` tags in what a host sends.
"""

from __future__ import annotations

from functools import cache
from typing import ClassVar

from typing_extensions import override

from ..errors import DecodeError
from ._cbor_values import (
    ESCAPED_READER,
    ESCAPED_WRITER,
    NATIVE_READER,
    NATIVE_WRITER,
    dump,
    load,
)
from ._compat import ValueReader, ValueWriter
from ._envelope import EnvelopeCodec, Fields
from ._fields import FieldReader


class _Encoded(bytes):
    """CBOR already."""

    __slots__ = ()


class CborCodec(EnvelopeCodec):
    """CBOR (RFC 8949)."""

    name = "cbor"
    is_text = False
    content_type = "application/octet-stream"
    to_client: ClassVar[ValueWriter] = ESCAPED_WRITER
    to_server: ClassVar[ValueWriter] = NATIVE_WRITER

    @override
    def write_id(self, value: int) -> object:
        # In the 8-byte form however small it is: only so does JavaScript make a BigInt of it.
        return _Encoded(b"\x1b" + value.to_bytes(8, "big"))

    @override
    def pack_frame(self, tag: str, fields: Fields) -> bytes:
        parts = [_head(tag, len(fields))]
        for name, field in fields.items():
            parts.append(_text(name))
            parts.append(field if isinstance(field, _Encoded) else dump(field))
        return b"".join(parts)

    @override
    def pack_body(self, fields: Fields) -> bytes:
        return dump(fields)

    @override
    def unpack_from_client(self, data: str | bytes) -> FieldReader:
        return _unpack(data, NATIVE_READER)

    @override
    def unpack_from_host(self, data: str | bytes) -> FieldReader:
        return _unpack(data, ESCAPED_READER)


@cache
def _head(tag: str, field_count: int) -> bytes:
    """The beginning of ``{"body": {"tag": tag, "val": {…}}}``, up to the first field of val."""
    # 0xa0 is a map (RFC 8949 3.1); its number of pairs, below 24, is added.
    return b"".join(
        (
            b"\xa1",
            _text("body"),
            b"\xa2",
            _text("tag"),
            _text(tag),
            _text("val"),
            bytes([0xA0 + field_count]),
        )
    )


@cache
def _text(name: str) -> bytes:
    return dump(name)


def _unpack(data: str | bytes, reader: ValueReader) -> FieldReader:
    if isinstance(data, str):
        raise DecodeError("a text frame, but cbor is binary")
    return FieldReader(load(data), reader.read)
