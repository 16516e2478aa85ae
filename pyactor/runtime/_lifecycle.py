"""The life of an actor as a table (lifecycle.md, "An actor"). Nothing else decides its phase.

This module owns the phases and the legal steps between them; it must not run anything.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from attrs import frozen

from ..errors import IllegalInput


class ActorPhase(Enum):
    """Where an actor stands between two steps of its life."""

    LOADING = "loading"
    READY = "ready"
    SLEEP_GRACE = "sleep grace"
    DESTROY_GRACE = "destroy grace"
    ASLEEP = "asleep"
    DESTROYED = "destroyed"
    FAILED = "failed"


class ActorInput(Enum):
    """What moves an actor from one phase to the next."""

    STARTED = "start hooks returned"
    START_FAILED = "a start hook raised or timed out"
    SLEEP = "idle, sleep() or host shutdown"
    DESTROY = "destroy()"
    STOPPED = "everything ended, or the grace period is over"


@frozen
class ActorTransition:
    """One row: in ``phase``, ``input`` leads ``to``; ``runs`` is what then runs."""

    phase: ActorPhase
    input: ActorInput
    to: ActorPhase
    runs: str


TRANSITIONS: Final = (
    ActorTransition(
        ActorPhase.LOADING,
        ActorInput.STARTED,
        ActorPhase.READY,
        "`run` in the background, actions, connections, schedules",
    ),
    ActorTransition(
        ActorPhase.LOADING,
        ActorInput.START_FAILED,
        ActorPhase.FAILED,
        "nothing; whoever waits for the start gets the error, the next request starts anew",
    ),
    ActorTransition(
        ActorPhase.READY,
        ActorInput.SLEEP,
        ActorPhase.SLEEP_GRACE,
        "`aborted` is set; on_sleep, then each on_disconnect; calls in flight, `run`, `wait_until` "
        "and `keep_awake` may end; what comes now waits for the next wake",
    ),
    ActorTransition(
        ActorPhase.READY,
        ActorInput.DESTROY,
        ActorPhase.DESTROY_GRACE,
        "`aborted` is set; on_destroy, then each on_disconnect; calls in flight, `run`, "
        "`wait_until` and `keep_awake` may end; what comes now waits, and finds nothing",
    ),
    ActorTransition(
        ActorPhase.SLEEP_GRACE,
        ActorInput.STOPPED,
        ActorPhase.ASLEEP,
        "nothing; the state is saved, and the next call or due schedule starts it anew",
    ),
    ActorTransition(
        ActorPhase.SLEEP_GRACE,
        ActorInput.DESTROY,
        ActorPhase.DESTROY_GRACE,
        "on_destroy, once all else has ended, in what is left of the grace period",
    ),
    ActorTransition(
        ActorPhase.DESTROY_GRACE,
        ActorInput.STOPPED,
        ActorPhase.DESTROYED,
        "nothing; the storage is deleted",
    ),
)

_NEXT: Final = {(row.phase, row.input): row.to for row in TRANSITIONS}


class ActorLifecycle:
    """The phase of one instance, moved by the table only."""

    def __init__(self) -> None:
        self.phase = ActorPhase.LOADING

    def receive(self, what: ActorInput) -> None:
        """Take one step.

        Raises:
            IllegalInput: the table has no such step; the phase is unchanged.
        """
        to = _NEXT.get((self.phase, what))
        if to is None:
            legal = ", ".join(row.input.name for row in TRANSITIONS if row.phase is self.phase)
            raise IllegalInput(
                f"{what.name} is not allowed in {self.phase.name} (legal: {legal or 'nothing'})"
            )
        self.phase = to
