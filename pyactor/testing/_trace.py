"""What happened in a simulated world, one step after the other.

Owns the form of a step, its line in a transcript, and its JSON. It must not judge: that is for
``_rules``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, overload

from attrs import define, field
from typing_extensions import override

from ..plain import Plain

EPOCH = 1_800_000_000.0
"""The time of day, in seconds since the Unix epoch, at which every world begins."""


class What(StrEnum):
    """What a step is. The value stands in transcripts."""

    # the world
    WORLD = "world"
    UP = "host up"
    DOWN = "host down"
    CRASHED = "crash"
    LOOP_FAULT = "exception in the loop"
    # a client and its transport
    CONNECT = "connect"
    CALL = "call"
    ANSWERED = "answered"
    ARRIVED = "arrived"
    CLOSE_ARRIVED = "close arrived"
    LOST = "lost"
    SENT = "sent"
    CLOSE_SENT = "close sent"
    ABORTED = "aborted"
    SAW_END = "saw the end"
    # user code
    ENTERED = "entered"
    RETURNED = "returned"
    RAISED = "raised"
    CANCELLED = "cancelled"
    LATE = "held up"
    # what user code asked for
    SEND = "send"
    BROADCAST = "broadcast"
    REFUSED = "refused"
    DISCONNECT = "disconnect"
    DISCONNECT_BEGUN = "disconnect begun"
    WAITS = "waits for the end of"
    WAITED = "waited for the end of"
    DEFER = "defer"
    SLEEP_ASKED = "sleep asked"
    DESTROY_ASKED = "destroy asked"
    SAVE = "save"
    SAVED = "saved"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    BUSY = "busy"
    NO_LONGER_BUSY = "no longer busy"
    # a connection and an actor, as the run time has them
    JOINED = "joined"
    LEFT = "left"
    LOADING = "loading"
    PHASE = "phase"
    STATE = "state"
    # the storage
    COMMIT = "commit"
    COMMITTED = "committed"
    COMMIT_FAILED = "commit failed"
    DELETED = "deleted"


class Step(NamedTuple):
    """One thing that happened. A tuple, since there are hundreds of thousands of them.

    Attributes:
        at: Virtual seconds.
        what: What it is.
        conn: The connection's short name (``c1``; ``h1`` for an HTTP call; ``i1`` for one that an
            actor made), or ``""``.
        life: Which life of which actor, counted from 1; 0 if none.
        name: A hook, action, event, phase, or ``group.code``, by what it is.
        run: Which run of user code, counted from 1; 0 if none.
        data: The rest.
    """

    at: float
    what: What
    conn: str = ""
    life: int = 0
    name: str = ""
    run: int = 0
    data: dict[str, Any] = {}  # noqa: RUF012 - nobody writes to it

    def line(self, phase: str = "") -> str:
        """Its line in a transcript."""
        who = self.conn or (f"a{self.life}" if self.life else "")
        rest = " ".join(f"{key}={_show(value)}" for key, value in self.data.items())
        what = " ".join(part for part in (self.what.value, self.name, rest) if part)
        return f"{self.at:9.3f}  {who:<4} {phase:<9}  {what}"


@define
class Trace(Sequence[Step]):
    """The steps of one world, oldest first.

    Attributes:
        steps: All of them.
    """

    steps: list[Step] = field(factory=list)

    @overload
    def __getitem__(self, index: int, /) -> Step: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[Step]: ...
    @override
    def __getitem__(self, index: int | slice, /) -> Step | list[Step]:
        return self.steps[index]

    @override
    def __len__(self) -> int:
        return len(self.steps)

    @override
    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def render(self) -> str:
        """The transcript: a line a step, with the phase of its connection."""
        phases = Phases()
        return "\n".join(step.line(phases.after(step)) for step in self.steps)

    def to_json(self) -> str:
        """All of it, for a file: a list of steps, as ``from_json`` reads them."""
        return json.dumps([_plain(step) for step in self.steps], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Trace:
        """What ``to_json`` wrote. What JSON does not have has become text.

        Raises:
            ValueError: It did not write this.
        """
        try:
            return cls(
                [
                    Step(at, What(what), conn, life, name, run, data)
                    for at, what, conn, life, name, run, data in json.loads(text)
                ]
            )
        except (TypeError, ValueError) as error:
            raise ValueError(f"this is no trace: {error}") from error


class Phases:
    """The phase of each connection (lifecycle.md), as far as a trace tells it."""

    def __init__(self) -> None:
        self._phases: dict[str, str] = {}

    def after(self, step: Step) -> str:
        """The phase of a step's connection once the step is done; ``""`` if it has none."""
        if not step.conn:
            return ""
        phase = self._phases.get(step.conn, "")
        found = self._next(step, phase)
        if found != phase:
            self._phases[step.conn] = found
        return found

    @staticmethod
    def _next(step: Step, phase: str) -> str:  # noqa: PLR0911 - a table in all but its form
        match step.what:
            case What.CONNECT | What.CALL:
                return "PREFLIGHT"
            case What.ENTERED if not phase:
                return "PREFLIGHT"
            case What.JOINED:
                return "OPENING"
            case What.SENT if step.data.get("type") == "Init":
                return "OPEN"
            case What.ENTERED if phase == "OPENING" and step.data.get("kind") == "action":
                return "OPEN"
            case What.LEFT if phase == "OPEN" or step.data.get("opened"):
                return "CLOSING"
            case What.LEFT:
                return "REJECTED"
            case What.ENTERED if step.name == "on_disconnect":
                return "CLOSING"
            case What.CLOSE_SENT if phase == "PREFLIGHT":
                return "REJECTED"
            case What.LOST if phase in ("CLOSING", "REJECTED"):
                return "CLOSED"
            case _:
                return phase


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(step: Step) -> list[Plain]:
    return [*step[:6], {key: _jsonable(value) for key, value in step.data.items()}]


def _jsonable(value: object) -> Plain:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)
    return value
