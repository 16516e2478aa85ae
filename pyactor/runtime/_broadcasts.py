"""The broadcasts of events that are replayed: numbered, sent, and kept for those who come back.

Owns what is kept of a broadcast, and how much of it a connection gets (C13). Which of them follow
a client's position is the session's to say. Direct sends are no broadcasts: they have no number.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from attrs import field, frozen

from ..definition import ActorDefinition
from ..plain import Plain
from ..session import ReplayBuffer
from ..wire.messages import Event, NumberedEvent, Position
from ._errors import is_public
from ._sizes import byte_length

if TYPE_CHECKING:
    from ._clock import Clock
    from ._driver import ConnectionDriver

Frames: TypeAlias = dict[Any, "str | bytes"]

_log = logging.getLogger("pyactor.actor")
_FRAME_HEAD = 16
"""Bytes that a transport may add to a message, generously."""


@frozen
class _Kept:
    """One broadcast; its frames are shared by all who get it, now or later."""

    event: NumberedEvent
    frames: Frames = field(factory=dict)


class BroadcastLog:
    """The broadcasts of one event in this life of its actor."""

    def __init__(self, epoch: str, size: int, max_bytes: int) -> None:
        self._buffer = ReplayBuffer[_Kept](epoch, size, max_bytes)

    def broadcast(self, event: Event, drivers: Iterable[ConnectionDriver]) -> None:
        """Send it to subscribers, numbered to those who asked for that, and keep it."""
        # A copy, since what was broadcast may be the actor's own, which goes on changing it.
        args = cast("list[Plain]", _copy(event.args))
        kept = _Kept(NumberedEvent(event.name, args, self._buffer.next_sequence))
        self._buffer.add(kept, _size_of(args))
        frames: Frames = {}
        for driver in drivers:
            if driver.session.is_numbered(event.name):
                driver.send_event(kept.event, kept.frames)
            else:
                driver.send_event(event, frames)

    def replay(
        self,
        after: Position | None,
        room: int,
        frame_of: Callable[[NumberedEvent, Frames], str | bytes],
    ) -> tuple[Position, list[tuple[NumberedEvent, str | bytes]]]:
        """What a subscription gets first: the latest of those that follow its position.

        Those older than one that does not fit, or that cannot be sent, are left out, so that
        there is one hole at most, at the beginning.

        Args:
            after: The client's position.
            room: Bytes that they may have together.
            frame_of: Encodes one.

        Returns:
            The position before the first of them, and them.
        """
        replayed: list[tuple[NumberedEvent, str | bytes]] = []
        for kept in reversed(self._buffer.following(after)):
            try:
                frame = frame_of(kept.event, kept.frames)
            except Exception as error:  # noqa: BLE001 - whatever it is, the client is told of a gap
                if not is_public(error):
                    _log.error("event %r cannot be replayed", kept.event.name, exc_info=error)
                break
            room -= byte_length(frame) + _FRAME_HEAD
            if room < 0:
                break
            replayed.append((kept.event, frame))
        replayed.reverse()
        return self._buffer.position_before(len(replayed)), replayed


def logs_of(definition: ActorDefinition, clock: Clock) -> Mapping[str, BroadcastLog]:
    """A log for each event of an actor that is replayed, by its name on the wire.

    They begin anew with each life of the actor, and share its epoch.
    """
    replayed = [spec for spec in definition.events.values() if spec.replay]
    if not replayed:
        return {}
    epoch = clock.new_id()
    limit = definition.options.max_replay_size
    return {spec.name: BroadcastLog(epoch, spec.replay, limit) for spec in replayed}


def _copy(value: Plain) -> Plain:
    """A plain value that shares nothing with another that could be changed."""
    if isinstance(value, (list, tuple)):
        return [_copy(item) for item in cast("list[Plain]", value)]
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in cast("dict[str, Plain]", value).items()}
    return set(cast("set[Plain]", value)) if isinstance(value, set) else value


def _size_of(value: Plain) -> int:
    """Bytes of a plain value, about as many as it is sent with: 8, and what it holds."""
    match value:
        case str():
            held = len(value) if value.isascii() else len(value.encode(errors="surrogatepass"))
        case bytes():
            held = len(value)
        case dict():
            held = sum(len(key) + _size_of(each) for key, each in value.items())
        case list() | tuple() | set():
            held = sum(_size_of(each) for each in value)
        case int():
            held = value.bit_length() // 8
        case _:
            held = 0
    return 8 + held
