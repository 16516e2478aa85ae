"""The versions of the protocol, and how a bare message says which one it has.

Owns the first two bytes and the table of differences (wire-protocol.md, "Framing"). To add a
version, add a row, and a column for what no row can say yet; ``bare`` asks the columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from ..errors import DecodeError
from ._bare_cursor import BareReader, BareWriter


@frozen
class Version:
    """What one version of the protocol has, and another has not.

    Attributes:
        has_token: Init carries a connection token, which nobody reads any more.
        has_queue: Queue bodies exist.
        has_actor: An error says which actor it speaks of.
    """

    number: int
    has_token: bool = False
    has_queue: bool = False
    has_actor: bool = False


VERSIONS: Final[Mapping[int, Version]] = MappingProxyType(
    {
        version.number: version
        for version in (
            Version(1, has_token=True),
            Version(2),
            Version(3, has_queue=True),
            Version(4, has_queue=True, has_actor=True),
        )
    }
)

_KNOWN: Final = f"these are: {', '.join(str(number) for number in VERSIONS)}"


def begin(version: int) -> tuple[Version, BareWriter]:
    """A message of that version, still without fields.

    Raises:
        ValueError: The version is not supported.
    """
    layout = VERSIONS.get(version)
    if layout is None:
        raise ValueError(f"protocol version {version} is not supported; {_KNOWN}")
    return layout, BareWriter(version.to_bytes(2, "little"))


def open_frame(data: str | bytes) -> tuple[Version, BareReader]:
    """A frame or body, read up to its first field.

    Raises:
        DecodeError: It is text, or its version is missing or not supported.
    """
    if isinstance(data, str):
        raise DecodeError("a text frame, but bare is binary")
    if len(data) < 2:
        raise DecodeError(f"bare begins with a version of two bytes, not with {len(data)}")
    number = int.from_bytes(data[:2], "little")
    layout = VERSIONS.get(number)
    if layout is None:
        raise DecodeError(f"protocol version {number} is not supported; {_KNOWN}")
    return layout, BareReader(data, position=2)
