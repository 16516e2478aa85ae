"""The signals that end a command which goes on until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stop_requested() -> Iterator[asyncio.Event]:
    """An event that the first SIGINT or SIGTERM sets; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def restore() -> None:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)

    def request() -> None:
        stop.set()
        restore()

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, request)
    try:
        yield stop
    finally:
        restore()
