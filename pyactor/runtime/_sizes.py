"""How large a message is, and the bound of what goes out (wire-protocol.md, "Limits")."""

from __future__ import annotations

from ..errors import OutgoingTooLong


def byte_length(data: str | bytes) -> int:
    """How many bytes a message has on the wire."""
    if isinstance(data, bytes) or data.isascii():
        return len(data)
    return len(data.encode())


def check_size(data: str | bytes, limit: int, what: str) -> None:
    """Refuse what is too large to send.

    Args:
        data: An encoded message or body.
        limit: ``max_outgoing_message``.
        what: Its name, for the message.

    Raises:
        OutgoingTooLong: It has more bytes than ``limit``.
    """
    size = byte_length(data)
    if size > limit:
        raise OutgoingTooLong(f"{what} has {size} bytes; at most {limit} may be sent")
