"""The transcript of the demo: who, and what happened, a line each, in colour."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text
from typing_extensions import override

_WIDTH = 9
_STYLES = {"host": "bold", "actor": "magenta", "ann": "cyan", "bob": "green", "mallory": "yellow"}


class Transcript:
    """Prints lines; the actor's come from a logger."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def heading(self, text: str) -> None:
        """Begin a scene."""
        self._console.print()
        self._console.print(Text(text, style="bold underline"))

    def line(self, who: str, what: str, *, style: str = "") -> None:
        """One thing that happened.

        Args:
            who: ``host``, ``actor`` or the name of a client.
            what: What it did, or what it got.
            style: How rich prints ``what``.
        """
        name = Text(f"{who:>{_WIDTH}}  ", style=_STYLES.get(who, ""))
        self._console.print(name + Text(what, style=style), soft_wrap=True)

    @contextmanager
    def listening_to(self, logger: logging.Logger) -> Iterator[None]:
        """Print what the actor's logger says, and let it go nowhere else."""
        handler = _Lines(self)
        propagate, level = logger.propagate, logger.level
        logger.addHandler(handler)
        logger.propagate = False
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.propagate = propagate
            logger.setLevel(level)


class _Lines(logging.Handler):
    def __init__(self, transcript: Transcript) -> None:
        super().__init__()
        self._transcript = transcript

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._transcript.line("actor", record.getMessage(), style=_STYLES["actor"])
