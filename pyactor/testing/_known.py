"""What is known of runs, connections, lives and storage, as far as a trace tells it.

Owns those values and the questions that can be asked of them. Who fills them in is ``_book``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ..definition import HOOKS, ActorDefinition
from ..errors import StorageError
from ._trace import Step

SLACK = 1e-6
"""Seconds within which two virtual times are the same: sums of floats."""
CONN_HOOKS = ("on_before_connect", "create_conn_state", "on_connect", "on_disconnect")
"""The hooks of a connection's own life, in their order (C1)."""
OVER = frozenset({"ASLEEP", "DESTROYED", "FAILED", "KILLED"})
STOPPING = frozenset({"SLEEP_GRACE", "DESTROY_GRACE"})
_OF_STORAGE = f"{StorageError.group}."
"""How the errors begin of which a client is told the code and no more (C8)."""


@define(eq=False)
class Ran:
    """One run of user code.

    Attributes:
        number: As in the trace.
        kind: ``hook``, ``action`` or ``deferred``.
        name: Of the hook, or of the action on the wire.
        conn: Whom it serves, or None.
        life: Whose it is.
        index: Of the step that entered it.
        at: When that was.
        deadline: When it times out (C11); infinite for what never does.
        outcome: ``""`` while it runs, then ``returned`` or ``raised``.
        end: The data of its end.
        ended_index: Of the step that ended it; -1 while it runs.
        cancelled_at: When a cancellation reached it, or None.
        arrival: The request that it answers, or None.
        is_unsure: Whether it may count as failed though it returned: the state that it left could
            not be encoded, or ``on_state_change`` changed it (A7).
        late_until: Until when the world holds it up.
    """

    number: int
    kind: str
    name: str
    conn: ConnBook | None
    life: LifeBook | None
    index: int
    at: float
    deadline: float
    outcome: str = ""
    end: Mapping[str, Any] = {}
    ended_index: int = -1
    cancelled_at: float | None = None
    arrival: Arrival | None = None
    is_unsure: bool = False
    late_until: float = -math.inf

    @property
    def is_expired(self) -> bool:
        """Whether its timeout has cancelled it; life goes on without it then."""
        return self.cancelled_at is not None and self.cancelled_at >= self.deadline - SLACK

    def may_be_over(self, now: float) -> bool:
        """Whether whoever waits for it may go on: it ended, or its timeout has come."""
        return bool(self.outcome) or self.is_expired or now >= self.deadline - SLACK

    @property
    def has_returned(self) -> bool:
        """Whether it did what it was to do, in time."""
        return self.outcome == "returned" and not self.is_expired

    def failure(self, now: float) -> str | None:
        """The ``group.code`` that its failure counts as, or None if it did not fail."""
        if self.outcome == "raised" and not self.is_expired:
            code = str(self.end.get("code", ""))
            is_told = self.end.get("public") or code.startswith(_OF_STORAGE)
            return code if is_told else "core.internal_error"
        if self.is_expired or (not self.outcome and now >= self.deadline - SLACK):
            return "action.timed_out" if self.kind == "action" else "actor.callback_timed_out"
        return None


@define(eq=False)
class Arrival:
    """One message of a client as it reached the host.

    Attributes:
        index: Of its step.
        name: Of the action or event.
        request_id: Of an action request; None for a subscription.
        args: Of an action request, plain.
        subscribes: Of a subscription.
        size: Bytes.
        ran: What answers it, once that has begun.
        answered: The step that answered it, or None.
    """

    index: int
    name: str
    request_id: int | None
    args: list[Any]
    subscribes: bool
    size: int
    ran: Ran | None = None
    answered: Step | None = None


@define(eq=False)
class Cause:
    """Something that ends a connection.

    Attributes:
        index: Of its step.
        at: When.
        kind: ``client``, ``lost``, ``disconnect``, ``protocol``, ``outgoing`` or ``incoming``.
        code: Of the close frame that it makes; 0 if it makes none.
        reason: Of that.
    """

    index: int
    at: float
    kind: str
    code: int = 0
    reason: str = ""


@define(eq=False)
class ConnBook:
    """What is known of one connection.

    Attributes:
        name: ``c1``, ``h1`` or ``i1``.
        life: Its actor's, once known.
        hooks: The hooks of ``CONN_HOOKS`` that ran, by name.
        runs: What of it runs, or has not ended, by number.
        joined: The index of that step, or -1; as the ones below.
        left: See above.
        init: See above.
        lost: See above.
        answered: See above.
        error: The step of its own ``Error`` that was sent, or None.
        close: The step of the first close frame, and its index.
        causes: What ended it, in order.
        arrivals: What it asked for and is not answered, in order.
        held_count: How many messages came before it was open.
        held_size: Their bytes.
        deferred: The callbacks that have not run, in the order they were deferred.
        done: How many callbacks have run.
        ended_raised: Whether ``on_disconnect`` or a callback raised.
        requests: Those of ``arrivals`` that are action requests, by their id.
        actions: What of it were runs of actions over HTTP.
        secrets: What its user code said in errors that are not public.
        was_cut_off: Whether its actor stops behind code of it that was cancelled for that (C10).
    """

    name: str
    life: LifeBook | None = None
    hooks: dict[str, Ran] = field(factory=dict)
    runs: dict[int, Ran] = field(factory=dict)
    joined: int = -1
    left: int = -1
    left_at: float = math.inf
    init: int = -1
    lost: int = -1
    answered: int = -1
    error: Step | None = None
    close: Step | None = None
    causes: list[Cause] = field(factory=list)
    arrivals: list[Arrival] = field(factory=list)
    held_count: int = 0
    held_size: int = 0
    deferred: list[int] = field(factory=list)
    done: int = 0
    ended_raised: bool = False
    actions: list[Ran] = field(factory=list)
    secrets: list[str] = field(factory=list)
    requests: dict[int, Arrival] = field(factory=dict)
    was_cut_off: bool = False

    @property
    def is_websocket(self) -> bool:
        """Whether the world carries its messages, and so sees them."""
        return self.name[0] == "c"

    @property
    def is_http(self) -> bool:
        """Whether it is a call over HTTP by a client of the world."""
        return self.name[0] == "h"

    @property
    def is_in_conns(self) -> bool:
        """Whether ``conns`` has it."""
        return self.joined >= 0 > self.left

    @property
    def is_open(self) -> bool:
        """Whether it is in OPEN for certain: ``Init`` was sent, or an action of it began."""
        return self.init >= 0 > self.left

    def has(self, hook: str) -> bool:
        """Whether its class has a hook."""
        return self.life is not None and hook in self.life.definition.hooks

    @property
    def is_unsure(self) -> bool:
        """Whether one of its hooks may count as failed though it returned."""
        return any(ran.is_unsure for ran in self.hooks.values())

    @property
    def was_connected(self) -> bool:
        """Whether ``on_connect`` returned, or it joined where there is none (C4)."""
        if self.has("on_connect"):
            ran = self.hooks.get("on_connect")
            return ran is not None and ran.has_returned
        return self.joined >= 0

    def running_hook(self, now: float) -> Ran | None:
        """The hook of its own life that runs for certain, or None."""
        for ran in self.hooks.values():
            if not ran.may_be_over(now):
                return ran
        return None

    def failed_hook(self, now: float) -> Ran | None:
        """The connecting hook that rejected it, or None."""
        for name in CONN_HOOKS[:3]:
            ran = self.hooks.get(name)
            if ran is not None and ran.failure(now) is not None:
                return ran
        return None

    def is_gone(self, now: float) -> bool:
        """Whether all is done: hooks, callbacks and transport."""
        if self.running_hook(now) is not None or self.deferred:
            return False
        if any(ran.kind == "deferred" for ran in self.runs.values() if not ran.may_be_over(now)):
            return False
        if self.joined >= 0 and self.left < 0:
            return False
        due = self.was_connected and self.has("on_disconnect") and not self.is_unsure
        if due and "on_disconnect" not in self.hooks:
            return False
        return not self.is_websocket or self.lost >= 0


@define(eq=False)
class LifeBook:
    """What is known of one life of an actor."""

    number: int
    definition: ActorDefinition
    actor_id: str
    key: tuple[str, ...]
    exists: bool
    index: int
    phase: str = "LOADING"
    phase_at: float = 0.0
    phase_index: int = -1
    runs: dict[int, Ran] = field(factory=dict)
    conns: dict[str, ConnBook] = field(factory=dict)
    hooks: set[str] = field(factory=set)
    is_created: bool = False
    busy: int = 0
    active_at: float = 0.0
    sleep_asked: bool = False
    destroy_asked: bool = False
    failures: int = 0
    scheduled: set[str] = field(factory=set)
    told: str | None = None
    last_state: str | None = None
    last_change: str | None = None
    ended: list[Ran] = field(factory=list)
    ended_at: float = -math.inf

    @property
    def is_over(self) -> bool:
        """Whether it has left memory."""
        return self.phase in OVER

    @property
    def is_stopping(self) -> bool:
        """Whether it is in its grace period, or over."""
        return self.phase in STOPPING or self.is_over

    def timeout(self, kind: str, name: str) -> float:
        """Seconds that a run of its code may take."""
        options = self.definition.options
        if kind == "deferred":
            return options.on_disconnect_timeout
        if kind == "action":
            spec = self.definition.actions.get(name)
            own = None if spec is None else spec.timeout
            return own or options.action_timeout
        option = HOOKS[name].timeout
        return math.inf if option is None else float(getattr(options, option))


@define(eq=False)
class ActorBook:
    """What the storage has of one actor.

    Attributes:
        state: The digest of the last snapshot that was kept.
        state_index: Of that step.
        is_exact: Whether that digest can be compared with one in memory.
        schedules: By id: due time, action's name in Python, and again after how long, or None.
        is_deleted: Whether it was deleted.
        failed_at: When a commit of it failed last.
        under_way: Commits that the storage has been asked for and has not answered.
    """

    state: str | None = None
    state_index: int = -1
    is_exact: bool = False
    schedules: dict[str, tuple[float, str, float | None]] = field(factory=dict)
    is_deleted: bool = False
    failed_at: float = -math.inf
    under_way: int = 0
