"""What is said of events that are missing."""

from __future__ import annotations

from attrs import frozen
from typing_extensions import override


@frozen
class Gap:
    """Broadcasts of an event that happened while nothing was connected, and will never come.

    Attributes:
        event: The event's name in Python.
        missed: How many, or None if nobody knows: the actor began a new life meanwhile, or the
            host speaks the protocol without the extension and perhaps there were none.
    """

    event: str
    missed: int | None

    @override
    def __str__(self) -> str:
        number = "an unknown number" if self.missed is None else str(self.missed)
        return f"{number} of event {self.event!r} missed"
