"""Which event loop ``pyactor serve`` runs on: uvloop's where it is installed (extra ``fast``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def loop_factory() -> _LoopFactory | None:
    """What makes the loop; None for the one of the standard library."""
    try:
        import uvloop  # noqa: PLC0415 - an extra, and of no use to the other commands
    except ImportError:
        return None
    return uvloop.new_event_loop
