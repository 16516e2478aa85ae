"""The one kind of websocket frame that nearly all are: a whole message, masked, in one piece.

Everything else is the library's to parse, and to refuse (RFC 6455 5.2).
"""

from __future__ import annotations

from typing import Final

from websockets.frames import Frame

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiled one for this platform
    from websockets.utils import apply_mask

WHOLE_TEXT: Final = 0x81
"""The first byte of a frame: the last one of its message, and text."""
_WHOLE_BINARY: Final = 0x82
_MASKED: Final = 0x80


def whole_message(data: bytes, max_size: int) -> bytes | None:
    """The payload, unmasked, if these bytes are exactly one frame that is a whole message.

    Args:
        data: What has arrived, from the first byte of a frame on.
        max_size: Bytes of a payload.

    Returns:
        None for anything else.
    """
    if len(data) < 6 or data[0] not in (WHOLE_TEXT, _WHOLE_BINARY):
        return None
    size = data[1] - _MASKED
    mask_at = 2
    if size == 126:
        size = data[2] << 8 | data[3]
        mask_at = 4
    if not 0 <= size <= max_size or (size == 127 and mask_at == 2):
        return None
    begin = mask_at + 4
    if len(data) != begin + size:
        return None
    return apply_mask(data[begin:], data[mask_at:begin])


def wire_size(frame: Frame) -> int:
    """The bytes of a masked frame as it came in, if its length took no more than it needs."""
    size = len(frame.data)
    return size + (6 if size < 126 else 8 if size < 65536 else 14)
