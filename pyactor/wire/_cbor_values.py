"""Plain values as CBOR, for the encodings cbor and bare.

Owns what CBOR and its JavaScript library (cbor-x) add to the ``$`` tags of ``_compat``: native
tags (RFC 8949 3.4, RFC 8746), 64-bit integers, ``undefined``. Knows no message.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias, cast

import cbor2
from typing_extensions import override

from ..errors import DecodeError
from ..plain import UNDEFINED, Plain, Undefined
from ._compat import MAX_SAFE_INTEGER, ValueReader, ValueWriter

_BYTES: Final = 64
_SET: Final = 258
_MAP: Final = 259
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# From here on JavaScript decodes a CBOR integer as BigInt, and encodes its number as a float.
_FIRST_LONG: Final = 2**32

# 4300 decimal digits, the longest int that Python turns into text without being asked to.
_MAX_BIGNUM_SIZE: Final = 1785

# RFC 8746 2.1, the little-endian ones, as struct formats. The others are bytes.
_NUMBER_ARRAYS: Final[Mapping[int, str]] = {
    69: "<H",
    70: "<I",
    71: "<Q",
    72: "<b",
    77: "<h",
    78: "<i",
    79: "<q",
    85: "<f",
    86: "<d",
}


# ------------------------------------------------------------------ writing


class _CborWriter(ValueWriter):
    """With ``$`` tags: from host to client, and in the ``data`` of bare."""

    @override
    def write_int(self, value: int, depth: int) -> object:
        if -_FIRST_LONG <= value < _FIRST_LONG:
            return value
        return float(value) if abs(value) <= MAX_SAFE_INTEGER else super().write_int(value, depth)


class _NativeWriter(_CborWriter):
    """Without them: from client to host in the encoding cbor, where nothing is escaped."""

    @override
    def write_int(self, value: int, depth: int) -> object:
        return super().write_int(value, depth) if abs(value) <= MAX_SAFE_INTEGER else value

    @override
    def write_bytes(self, value: bytes, depth: int) -> object:
        return cbor2.CBORTag(_BYTES, value)

    @override
    def write_list(self, value: list[Plain] | tuple[Plain, ...], depth: int) -> object:
        return self.write_items(value, depth)

    @override
    def write_set(self, value: set[Plain] | frozenset[Plain], depth: int) -> object:
        return cbor2.CBORTag(_SET, self.write_items(value, depth))

    @override
    def write_undefined(self, value: Undefined, depth: int) -> object:
        return cbor2.undefined


ESCAPED_WRITER: Final[ValueWriter] = _CborWriter()
NATIVE_WRITER: Final[ValueWriter] = _NativeWriter()


def dump(written: object) -> bytes:
    """The CBOR of what a writer wrote. A datetime is seconds since 1970 (tag 1), as a Date is."""
    return cbor2.dumps(written, datetime_as_timestamp=True)


# ------------------------------------------------------------------ reading


class _CborReader(ValueReader):
    """The inverse of ``_CborWriter``. Native tags are read too: a client may nest them."""

    @override
    def read_leaf(self, raw: object, depth: int) -> Plain:
        if raw is None or isinstance(raw, int | bytes):
            return raw
        if isinstance(raw, float):
            is_long = raw.is_integer() and _FIRST_LONG <= abs(raw) <= MAX_SAFE_INTEGER
            return int(raw) if is_long else raw
        if isinstance(raw, cbor2.CBORTag):
            return self._read_native_tag(raw.tag, raw.value, depth)
        if raw is cbor2.undefined:
            return UNDEFINED
        raise DecodeError(f"CBOR with a {type(raw).__name__}, which is not plain")

    def _read_native_tag(self, tag: int, raw: object, depth: int) -> Plain:
        if tag == _SET:
            return self.read_set(raw, depth)
        if tag == _MAP and isinstance(raw, dict):
            return self.read(raw, depth)
        read = _NATIVE_TAGS.get(tag)
        if read is None:
            raise DecodeError(f"CBOR tag {tag} on a {type(raw).__name__} is not known")
        return read(raw)


class _NativeReader(_CborReader):
    """The inverse of ``_NativeWriter``: a list that looks like a tagged value is none."""

    @override
    def read_list(self, raw: list[object], depth: int) -> Plain:
        return self.read_items(raw, depth)


def _read_date_text(raw: object) -> Plain:
    try:
        date = datetime.fromisoformat(cast("str", raw))
    except (TypeError, ValueError) as error:
        raise DecodeError(f"CBOR date that is no RFC 3339 text: {error}") from error
    if date.utcoffset() is None:
        raise DecodeError("CBOR date without a time zone, so it names no instant")
    return date


def _read_date_seconds(raw: object) -> Plain:
    try:
        return _EPOCH + timedelta(seconds=cast("float", raw))
    except (TypeError, ValueError, OverflowError) as error:
        raise DecodeError(f"CBOR date that is no time: {error}") from error


def _read_bignum(raw: object) -> int:
    if isinstance(raw, bytes) and len(raw) <= _MAX_BIGNUM_SIZE:
        return int.from_bytes(raw, "big")
    raise DecodeError(f"CBOR integer that is no bytes, or more than {_MAX_BIGNUM_SIZE} of them")


def _read_negative_bignum(raw: object) -> Plain:
    return -1 - _read_bignum(raw)


def _read_byte_array(raw: object) -> Plain:
    if isinstance(raw, bytes):
        return raw
    raise DecodeError("CBOR typed array that is no bytes")


def _number_array_reader(number_format: str) -> _ReadTag:
    def read(raw: object) -> Plain:
        try:
            return [number for (number,) in struct.iter_unpack(number_format, cast("bytes", raw))]
        except (TypeError, struct.error) as error:
            raise DecodeError(f"CBOR typed array that is none: {error}") from error

    return read


_ReadTag: TypeAlias = Callable[[object], Plain]
_NATIVE_TAGS: Final[Mapping[int, _ReadTag]] = {
    0: _read_date_text,
    1: _read_date_seconds,
    2: _read_bignum,
    3: _read_negative_bignum,
    _BYTES: _read_byte_array,
    68: _read_byte_array,
    **{tag: _number_array_reader(number_format) for tag, number_format in _NUMBER_ARRAYS.items()},
}

ESCAPED_READER: Final[ValueReader] = _CborReader()
NATIVE_READER: Final[ValueReader] = _NativeReader()


def _leave_tag(tag: int) -> Callable[[object, bool], cbor2.CBORTag]:
    return lambda value, _immutable: cbor2.CBORTag(tag, value)


# cbor2 has its own reading of these, among them shared references (a small message that unfolds
# into a huge value), regular expressions, and fractions with any exponent. None is wanted. What
# lies in any other tag it makes immutable, and so a map of it is no dict.
_LEAVE_TAGS: Final = {
    tag: _leave_tag(tag) for tag in (*range(64), 100, 256, _SET, _MAP, 260, 261, 1004, 43000, 55799)
}


def load(data: bytes) -> object:
    """What ``dump`` was given, tags still unread.

    Raises:
        DecodeError: It is no CBOR, or more follows it.
    """
    stream = io.BytesIO(data)
    try:
        raw = cbor2.CBORDecoder(stream, semantic_decoders=_LEAVE_TAGS).decode()
    except cbor2.CBORDecodeError as error:
        raise DecodeError(f"no CBOR: {error}") from error
    if stream.tell() != len(data):
        raise DecodeError(f"CBOR of {stream.tell()} bytes with more after it, of {len(data)}")
    return raw
