"""What ``call`` and ``tail`` print: for people on a terminal, and as JSON for everything else.

Owns the form of values, events and errors. What comes from a host is shown, never obeyed: a
character that could steer a terminal is printed as its escape.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.text import Text

from ..errors import ActorError
from ..plain import Plain
from ..wire.json import encode_plain

# C1, C0 but the newline, and what turns the direction of writing.
_STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Output:
    """Standard output and standard error of one command."""

    def __init__(self, *, as_json: bool, cut: Callable[[], None] | None = None) -> None:
        """Nothing is printed yet.

        Args:
            as_json: Print JSON on a terminal too.
            cut: Is called when the reader of a pipe has gone; from then on nothing is printed.
        """
        self._console = None if as_json or not sys.stdout.isatty() else Console()
        self._cut = cut
        self._highlight = JSONHighlighter()

    def value(self, value: Plain) -> None:
        """A result."""
        text = json_text(value)
        with self._unless_cut():
            if self._console is None:
                click.echo(text)
            else:
                indented = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
                self._console.print(self._highlight(shown(indented)), soft_wrap=True)

    def event(self, name: str, args: list[Plain]) -> None:
        """An event: the moment, its name and its payload."""
        payload = args[0] if len(args) == 1 else args or None
        with self._unless_cut():
            if self._console is None:
                click.echo(
                    json_text({"time": _now().isoformat(), "event": name, "payload": payload})
                )
            else:
                text = self._highlight(json_text(payload)) if args else Text()
                head = Text(f"{_clock()}  ", "dim") + Text(f"{shown(name)}  ", "bold cyan")
                self._console.print(head + text, soft_wrap=True)

    def status(self, text: str, colour: str | None = None) -> None:
        """What becomes of the connection."""
        with self._unless_cut():
            click.echo(f"{_clock()}  {click.style(shown(text), fg=colour)}", err=True)

    def error(self, error: ActorError, hint: str | None = None) -> None:
        """An error: its name, its message, its metadata, and what to do about it."""
        with self._unless_cut():
            name = click.style(shown(error.name), fg="red", bold=True)
            click.echo(f"{name}: {shown(error.message)}" if error.message else name, err=True)
            if error.metadata is not None:
                click.echo(f"  metadata: {json_text(error.metadata)}", err=True)
            if hint is not None:
                click.echo(f"  {hint}", err=True)

    @contextlib.contextmanager
    def _unless_cut(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            # What is still buffered would be tried again, and complained about, at the end.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (sys.stdout, sys.stderr):
                os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            if self._cut is not None:
                self._cut()


def json_text(value: Plain) -> str:
    """A value as one line of JSON; what JSON has not has a ``$`` tag, as on the wire.

    NaN and the infinities, which travel in cbor and bare only, become their names.
    """
    return shown(encode_plain(_finite(value)))


def shown(text: str) -> str:
    r"""Text as it may go to a terminal: ``\u001b`` in place of an escape character."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _finite(value: Plain) -> Plain:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return type(value)(_finite(item) for item in value)
        case _:
            return value


def _clock() -> str:
    return f"{_now():%H:%M:%S}"


def _now() -> datetime:
    return datetime.now(UTC).astimezone()
