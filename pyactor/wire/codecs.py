"""Every codec by its name, the one way to get one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ..errors import UnsupportedEncoding
from ._codec import Codec as Codec  # noqa: PLC0414 - the type of what is found here
from .bare import BareCodec
from .cbor import CborCodec
from .json import JsonCodec

CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {codec.name: codec for codec in (JsonCodec(), CborCodec(), BareCodec())}
)
"""The encodings that this host and client speak."""


def codec_for(name: str) -> Codec:
    """The codec of one encoding.

    Raises:
        UnsupportedEncoding: There is none of that name.
    """
    try:
        return CODECS[name]
    except KeyError:
        known = ", ".join(CODECS)
        raise UnsupportedEncoding(
            f"encoding {name!r:.80} is not known; use one of: {known}"
        ) from None
