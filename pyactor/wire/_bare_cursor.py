"""The types of BARE (the Internet-Draft draft-devault-bare) that the protocol is made of.

Owns their bytes and their canonical forms; which field follows which is ``bare``'s to know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from ..errors import DecodeError
from ._fields import MAX_UINT, checked_uint

T = TypeVar("T")

_MAX_UINT_SIZE: Final = 10


class BareWriter:
    """Fields to bytes, in order.

    Attributes:
        written: The bytes so far.
    """

    __slots__ = ("written",)

    def __init__(self, prefix: bytes) -> None:
        self.written = bytearray(prefix)

    def u8(self, value: int) -> None:
        """One byte: a union's tag, too."""
        self.written.append(value)

    def flag(self, value: bool) -> None:
        """A bool."""
        self.written.append(1 if value else 0)

    def uint(self, value: int, name: str) -> None:
        """A uint, in seven bits a byte, the low ones first.

        Raises:
            ValueError: It is out of range.
        """
        rest = checked_uint(value, name)
        while rest > 0x7F:
            self.written.append(rest & 0x7F | 0x80)
            rest >>= 7
        self.written.append(rest)

    def u64(self, value: int, name: str) -> None:
        """A u64: eight bytes, little-endian.

        Raises:
            ValueError: It is out of range.
        """
        self.written += checked_uint(value, name).to_bytes(8, "little")

    def data(self, value: bytes) -> None:
        """Bytes, after their length."""
        self.uint(len(value), "length")
        self.written += value

    def text(self, value: str, name: str) -> None:
        """A str, as bytes of UTF-8.

        Raises:
            ValueError: It has half a surrogate pair.
        """
        try:
            self.data(value.encode())
        except UnicodeEncodeError as error:
            raise ValueError(
                f"str with half a surrogate pair at index {error.start}; it is no UTF-8 @ $.{name}"
            ) from None

    def optional(self, value: T | None, write: Callable[[T], None]) -> None:
        """A flag that says whether there is a value, then the value."""
        self.flag(value is not None)
        if value is not None:
            write(value)


class BareReader:
    """Bytes to fields, in order. Every method raises DecodeError for what BARE does not allow."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position

    def u8(self) -> int:
        """One byte."""
        return self._take(1)[0]

    def flag(self) -> bool:
        """A bool, which is 0 or 1 and nothing else."""
        value = self.u8()
        if value > 1:
            raise DecodeError(f"BARE bool is 0 or 1, not {value}")
        return value == 1

    def uint(self) -> int:
        """A uint, in as few bytes as it needs."""
        value = 0
        for size in range(_MAX_UINT_SIZE):
            byte = self.u8()
            value |= (byte & 0x7F) << 7 * size
            if byte <= 0x7F:
                if value > MAX_UINT or (byte == 0 and size > 0):
                    break
                return value
        raise DecodeError("BARE uint of more than 64 bits, or longer than it needs to be")

    def u64(self) -> int:
        """A u64."""
        return int.from_bytes(self._take(8), "little")

    def data(self) -> bytes:
        """Bytes, after their length."""
        return self._take(self.uint())

    def text(self) -> str:
        """A str."""
        try:
            return self.data().decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"BARE str that is no UTF-8: {error}") from error

    def optional(self, read: Callable[[], T]) -> T | None:
        """A value, if the flag says that there is one."""
        return read() if self.flag() else None

    def end(self) -> None:
        """Nothing may follow."""
        if self._position != len(self._data):
            raise DecodeError(
                f"BARE message with {len(self._data) - self._position} bytes after it"
            )

    def _take(self, size: int) -> bytes:
        taken = self._data[self._position : self._position + size]
        if len(taken) != size:
            raise DecodeError(f"BARE message that ends {size - len(taken)} bytes early")
        self._position += size
        return taken
