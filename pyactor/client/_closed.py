"""How a connection ended, as a value."""

from __future__ import annotations

from typing import Final

from attrs import frozen

NO_CLOSE: Final = 1006
"""The code of a loss without a close frame (RFC 6455 7.4.1)."""


@frozen
class Closed:
    """How a connection ended.

    Attributes:
        code: The close code (RFC 6455 7.4.1); 1006 if it was lost without one.
        reason: The close reason, for example that of ``conn.disconnect(reason)``.
    """

    code: int
    reason: str


def detail_of(closed: Closed) -> str:
    """What a message adds of an end: `` (1000: bye)``; nothing if there was no close."""
    if closed.code == NO_CLOSE:
        return ""
    return f" ({closed.code}{closed.reason and ': '}{closed.reason})"
