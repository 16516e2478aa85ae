"""How deep a call stands in a chain of actors that call each other.

A chain that leads back to where it began never ends by itself: each call of it makes another
before any can time out. So each carries its depth, and a host refuses what is too deep.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

DEPTH_HEADER = "x-pyactor-depth"
MAX_DEPTH = 100
"""Calls one inside the other."""

call_depth: ContextVar[int] = ContextVar("pyactor_call_depth", default=0)
"""The depth of a call that is made now: 0 outside of actors, 1 in an action of a client's."""


def depth_headers() -> dict[str, str]:
    """What a request says of its depth; nothing outside of actors."""
    depth = call_depth.get()
    return {DEPTH_HEADER: str(depth)} if depth else {}


def depth_of(headers: Mapping[str, str]) -> int:
    """The depth of a request. What is no number counts as 0: a client cannot harm but itself."""
    text = headers.get(DEPTH_HEADER, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
