"""The bodies of ``POST /queue/{name}``, as plain values. No bytes, no user types, no I/O.

Source: wire-protocol.md, "Framing", HTTP queue; the bare form exists from version 3 on.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import frozen

from ..plain import UNDEFINED, Plain

QueueStatus: TypeAlias = Literal["completed", "timedOut"]


@frozen
class QueueSend:
    """A message for a queue.

    Attributes:
        body: The message itself.
        name: The queue, or None where only the path names it.
        wait: Whether the sender waits until the message was handled.
        timeout: Milliseconds that the sender waits, or None for no limit of its own.
    """

    body: Plain
    name: str | None = None
    wait: bool = False
    timeout: int | None = None


@frozen
class QueueResult:
    """What became of it. ``response`` is UNDEFINED where there is none; None is a response."""

    status: QueueStatus
    response: Plain = UNDEFINED
