"""The one place that a host has for an actor, and what may stand in it (A1).

Owns what is known of a place. When one is taken and given up is the directory's.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto

from attrs import define, field

from ..errors import DuplicateKey, InvalidRequest
from ..runtime import Instance

Address = tuple[str, tuple[str, ...]]


class Want(Enum):
    """What a request wants of an actor."""

    OLD = auto()
    """One that is there."""
    ANY = auto()
    """One that is there, or else a new one."""
    NEW = auto()
    """A new one: it must not be there."""


@define(eq=False)
class Slot:
    """The one place for an actor: its start, and when it has left memory again.

    Attributes:
        starting: The start.
        want: What the request wanted that began it.
        started_at: When it began.
        is_new: Whether the start created the actor.
        connectable_at: When it was done.
        waiting: How many requests wait for the start.
        left: Set when the place is free again.
        stopping: The stop, once it has begun; whether what it was for is done.
    """

    starting: asyncio.Task[Instance]
    want: Want
    started_at: float
    is_new: bool = False
    connectable_at: float | None = None
    waiting: int = 0
    left: asyncio.Event = field(factory=asyncio.Event)
    stopping: asyncio.Task[bool] | None = None


def check_key(key: tuple[str, ...], max_part: int, max_size: int) -> None:
    """Refuse a key over the limits (wire-protocol.md, "Limits").

    Raises:
        InvalidRequest: a part, or the whole, is too long in bytes of UTF-8, or is no UTF-8.
    """
    try:
        sizes = [len(part.encode()) for part in key]
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"the key {list(key)!r} has half a surrogate pair") from error
    if any(size > max_part for size in sizes):
        raise InvalidRequest(f"a part of the key has over {max_part} bytes")
    if sum(sizes) + len(sizes) > max_size + 1:
        raise InvalidRequest(f"the key has over {max_size} bytes")


def duplicate(name: str, key: tuple[str, ...]) -> DuplicateKey:
    """The error for a key that is to be new and is not."""
    return DuplicateKey(f"{name} {list(key)!r} exists already")
