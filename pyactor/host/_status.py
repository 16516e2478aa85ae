"""Where an actor stands, in the words and times of RivetKit's control API.

Owns what a host remembers of actors that are not in memory: a bounded number of the latest.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeAlias, TypeVar

from attrs import frozen

from ..runtime import ActorPhase

Status: TypeAlias = Literal["starting", "running", "stopping", "sleeping", "crashed"]
"""A destroyed actor has none: nothing is kept of it (A6)."""

STATUS_OF: dict[ActorPhase, Status] = {
    ActorPhase.LOADING: "starting",
    ActorPhase.READY: "running",
    ActorPhase.SLEEP_GRACE: "stopping",
    ActorPhase.DESTROY_GRACE: "stopping",
    ActorPhase.ASLEEP: "sleeping",
    ActorPhase.FAILED: "crashed",
}


@frozen
class ActorStatus:
    """Where an actor stands; times are seconds since the Unix epoch, None where it is not so now.

    Attributes:
        status: RivetKit's word for it.
        started_at: When its start began.
        connectable_at: When its start hooks were done.
        slept_at: Since when it is not in memory, as far as the host remembers: of an actor that
            it never had in memory, or so long ago that it forgot, it is when the host began.
        error: ``group.code`` of what its last start failed with.
    """

    status: Status
    started_at: float | None = None
    connectable_at: float | None = None
    slept_at: float | None = None
    error: str | None = None


_Value = TypeVar("_Value")


class Latest(Generic[_Value]):
    """The latest values by actor id, at most so many."""

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._values: dict[str, _Value] = {}

    def get(self, actor_id: str) -> _Value | None:
        """What is remembered of the actor."""
        return self._values.get(actor_id)

    def put(self, actor_id: str, value: _Value) -> None:
        """Remember it, and forget the oldest if there are too many."""
        self._values.pop(actor_id, None)
        self._values[actor_id] = value
        if len(self._values) > self._limit:
            del self._values[next(iter(self._values))]

    def drop(self, actor_id: str) -> None:
        """Forget it."""
        self._values.pop(actor_id, None)
