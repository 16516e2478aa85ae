"""The value compatibility layer: plain values as JSON and CBOR can hold them for JavaScript.

Owns the ``$`` tags, the limits of JavaScript's numbers, and the check that a value is plain
(wire-protocol.md, "Value compatibility layer"). Makes and reads no bytes: a codec walks a value
with a writer or reader of this module, and its own library does the rest.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from types import NoneType
from typing import Any, Final, TypeAlias, cast

from ..errors import DecodeError
from ..plain import UNDEFINED, Plain, Undefined

MAX_DEPTH: Final = 100
"""Containers inside one another that a value may have; a cycle is found by it too."""

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer up to which JavaScript's number has every integer."""

_BIGINT: Final = "$BigInt"
_BYTES: Final = "$Uint8Array"
_BUFFER: Final = "$ArrayBuffer"
_UNDEFINED: Final = "$Undefined"
_SET: Final = "$Set"

# 4300 digits is where Python itself stops by default: the work grows with their square.
_DECIMAL = re.compile(r"-?[0-9]{1,4300}")

_Write: TypeAlias = Callable[[Any, int], object]


class Refused(Exception):
    """A value that is not plain, on its way up to the root, from which its path is named."""

    def __init__(self, error: type[TypeError | ValueError], reason: str) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason
        self.path: list[str] = []


class ValueWriter:
    """Plain values to what an encoder library takes, with ``$`` tags.

    A subclass says by ``write_*`` how its library wants what differs.
    """

    def __init__(self) -> None:
        self._by_type: dict[type, _Write] = {
            NoneType: self._as_it_is,
            bool: self._as_it_is,
            str: self._write_str,
            int: self.write_int,
            float: self.write_float,
            bytes: self.write_bytes,
            list: self.write_list,
            tuple: self.write_list,
            dict: self._write_dict,
            set: self.write_set,
            frozenset: self.write_set,
            datetime: self.write_datetime,
            Undefined: self.write_undefined,
        }

    def write(self, value: Plain, name: str) -> object:
        """Convert one whole value.

        Args:
            value: What to convert; it is not changed.
            name: What the value is, for the path in an error: ``output``.

        Raises:
            TypeError: Something in it is of a type that is not plain.
            ValueError: Something in it is of a plain type, but cannot travel.
        """
        try:
            return self._write(value, 0)
        except Refused as refused:
            # A cycle's path repeats itself; its beginning says enough.
            path = "".join(reversed(refused.path[-8:])) + ("…" if len(refused.path) > 8 else "")
            raise refused.error(f"{refused.reason} @ $.{name}{path}") from None

    # -------------------------------------------------------------- what differs

    def write_int(self, value: int, _depth: int) -> object:
        """An int, as a BigInt where a number would not be exact."""
        if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            return value
        try:
            return [_BIGINT, str(value)]
        except ValueError:
            raise Refused(ValueError, "an int of more than 4300 digits cannot travel") from None

    def write_float(self, value: float, _depth: int) -> object:
        """A float."""
        return value

    def write_bytes(self, value: bytes, _depth: int) -> object:
        """Bytes, as a Uint8Array."""
        return [_BYTES, base64.b64encode(value).decode()]

    def write_list(self, value: list[Plain] | tuple[Plain, ...], depth: int) -> object:
        """A list or tuple; a user's own ``["$…", x]`` gets one more ``$``."""
        written = self.write_items(value, depth)
        if len(written) == 2 and isinstance(value[0], str) and value[0].startswith("$"):
            written[0] = "$" + value[0]
        return written

    def write_set(self, value: set[Plain] | frozenset[Plain], depth: int) -> object:
        """A set; JavaScript keeps the order, Python has none to keep."""
        return [_SET, self.write_items(value, depth)]

    def write_datetime(self, value: datetime, _depth: int) -> object:
        """A datetime, which must have a zone."""
        if value.utcoffset() is None:
            raise Refused(
                ValueError,
                f"{value!r} has no time zone, so it names no instant; give it one: tzinfo=UTC",
            )
        return value

    def write_undefined(self, _value: Undefined, _depth: int) -> object:
        """``UNDEFINED``."""
        return [_UNDEFINED, 0]

    def write_items(self, items: Iterable[Plain], depth: int) -> list[object]:
        """The items of a list or set, in order."""
        written: list[object] = []
        depth = self._deeper(depth)
        for item in items:
            try:
                written.append(self._write(item, depth))
            except Refused as refused:
                refused.path.append(f"[{len(written)}]")
                raise
        return written

    # -------------------------------------------------------------- the walk

    def _write(self, value: Any, depth: int) -> object:
        write = self._by_type.get(type(value)) or self._writer_of_base(value)
        return write(value, depth)

    def _writer_of_base(self, value: object) -> _Write:
        """A subclass of a plain type travels as that type: a StrEnum member as its str."""
        for base, write in self._by_type.items():
            if isinstance(value, base):
                return write
        raise Refused(
            TypeError,
            f"{type(value).__qualname__} is not plain; what travels is None, bool, int, float, "
            "str, bytes, list, dict with str keys, set and datetime",
        )

    def _as_it_is(self, value: object, _depth: int) -> object:
        return value

    def _write_str(self, value: str, _depth: int) -> object:
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise Refused(
                    ValueError,
                    f"str with half a surrogate pair at index {error.start}; it is no UTF-8",
                ) from None
        return value

    def _write_dict(self, value: dict[object, Plain], depth: int) -> object:
        written: dict[str, object] = {}
        depth = self._deeper(depth)
        for key, item in value.items():
            if not isinstance(key, str):
                raise Refused(
                    TypeError, f"dict with the key {key!r:.40}: only str keys travel; use str(key)"
                )
            try:
                self._write_str(key, depth)
                written[key] = self._write(item, depth)
            except Refused as refused:
                # A message must be printable even where the key is what cannot be.
                refused.path.append(f".{key.encode(errors='backslashreplace').decode():.40}")
                raise
        return written

    def _deeper(self, depth: int) -> int:
        if depth >= MAX_DEPTH:
            raise Refused(
                ValueError, f"containers nested more than {MAX_DEPTH} deep, or one inside itself"
            )
        return depth + 1


class ValueReader:
    """What a decoder library made, to plain values: the inverse of a writer."""

    def read(self, raw: object, depth: int = 0) -> Plain:
        """Convert a value that lies in ``depth`` containers.

        Raises:
            DecodeError: It has an unknown tag, or is nothing that a writer writes.
        """
        if isinstance(raw, str):
            return checked_text(raw)
        if isinstance(raw, dict):
            return self._read_dict(cast("dict[object, object]", raw), depth)
        if isinstance(raw, list):
            return self.read_list(cast("list[object]", raw), depth)
        return self.read_leaf(raw, depth)

    def read_leaf(self, raw: object, _depth: int) -> Plain:
        """Anything but dict, list and str."""
        return raw

    def read_list(self, raw: list[object], depth: int) -> Plain:
        """A list, which may be a tagged value."""
        if len(raw) == 2 and isinstance(raw[0], str) and raw[0].startswith("$"):
            return self._read_tagged(raw[0], raw[1], depth)
        return self.read_items(raw, depth)

    def read_items(self, raw: list[object], depth: int) -> list[Plain]:
        """A list that is known to be one."""
        depth = self._deeper(depth)
        return [self.read(item, depth) for item in raw]

    def read_set(self, raw: object, depth: int) -> Plain:
        """The items of a set; lists in it become tuples, since Python must hash them."""
        if not isinstance(raw, list):
            raise DecodeError(
                f"a set is written as a list of its items, not as {type(raw).__name__}"
            )
        return {_hashable(item) for item in self.read_items(cast("list[object]", raw), depth)}

    def _read_dict(self, raw: dict[object, object], depth: int) -> Plain:
        depth = self._deeper(depth)
        plain: dict[str, Plain] = {}
        for key, item in raw.items():
            if not isinstance(key, str):
                raise DecodeError(
                    f"a map with a key of {type(key).__name__}: only str keys are plain"
                )
            value = self.read(item, depth)
            # In JavaScript a property that is undefined is as good as absent.
            if value is not UNDEFINED:
                plain[checked_text(key)] = value
        return plain

    def _read_tagged(self, tag: str, raw: object, depth: int) -> Plain:
        if tag.startswith("$$"):
            return [checked_text(tag[1:]), self.read(raw, self._deeper(depth))]
        if tag == _BIGINT and isinstance(raw, str) and _DECIMAL.fullmatch(raw):
            return int(raw)
        if tag in {_BYTES, _BUFFER} and isinstance(raw, str):
            try:
                return base64.b64decode(raw, validate=True)
            except (binascii.Error, ValueError) as error:
                raise DecodeError(f"{tag} with what is no base64: {error}") from error
        if tag == _UNDEFINED:
            return UNDEFINED
        if tag == _SET:
            return self.read_set(raw, depth)
        raise DecodeError(
            f"a list that begins with {tag!r:.40} is no tagged value that is known; a list of the "
            "user's own begins with one more $"
        )

    def _deeper(self, depth: int) -> int:
        if depth >= MAX_DEPTH:
            raise DecodeError(f"containers nested more than {MAX_DEPTH} deep")
        return depth + 1


def checked_text(text: str) -> str:
    """``text``, if it can be written as UTF-8.

    Raises:
        DecodeError: It has half a surrogate pair.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DecodeError(f"text {text!a:.80} has half a surrogate pair") from None
    return text


def _hashable(item: Plain) -> Plain:
    if isinstance(item, list):
        return tuple(_hashable(part) for part in cast("list[Plain]", item))
    if isinstance(item, set):
        return frozenset(cast("set[Plain]", item))
    if isinstance(item, dict):
        raise DecodeError("a set with an object in it: Python cannot hash one")
    return item
