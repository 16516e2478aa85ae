"""One value as CBOR by itself: ``data`` in bare, and the input of a creation in every encoding.

Both ways with the escapes of the value compatibility layer (wire-protocol.md).
"""

from __future__ import annotations

from ..plain import UNDEFINED, Plain
from ._cbor_values import ESCAPED_READER, ESCAPED_WRITER, dump, load


def encode_value(value: Plain, name: str) -> bytes:
    """The bytes of one value.

    Args:
        value: The value.
        name: What it is, for the error's message.

    Raises:
        TypeError: It is not plain.
        ValueError: It is plain, and cannot travel.
    """
    return dump(ESCAPED_WRITER.write(value, name))


def decode_value(data: bytes) -> Plain:
    """The value; undefined, which is nothing by itself, as None.

    Raises:
        DecodeError: The bytes are no such value.
    """
    value = ESCAPED_READER.read(load(data))
    return None if value is UNDEFINED else value
