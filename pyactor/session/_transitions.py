"""The life of one connection, seen by the host, as data: phases, inputs, and every legal step.

Everything that decides *when* something may happen on a connection lives in this file;
``_server.py`` only carries it out, and the diagrams in ``docs/lifecycle.md`` are drawn from it.
A pair of stage and input that has no row is illegal. Source: the lifecycle rules C1-C16
(``_rules.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import field, frozen

from ..errors import IllegalInput


class _Name(Enum):
    """An enum hashed by identity: a table is looked up for every message."""

    __hash__ = object.__hash__


class Phase(_Name):
    """Where a connection stands. The lifecycle's first column."""

    PREFLIGHT = "PREFLIGHT"
    OPENING = "OPENING"
    OPEN = "OPEN"
    CLOSING = "CLOSING"
    REJECTED = "REJECTED"
    CLOSED = "CLOSED"


IN_CONNS = frozenset({Phase.OPENING, Phase.OPEN})
"""The phases in which ``actor.conns`` has the connection (C3)."""


class Hook(_Name):
    """A hook that a session asks for; the value is the method's name."""

    ON_BEFORE_CONNECT = "on_before_connect"
    CREATE_CONN_STATE = "create_conn_state"
    ON_CONNECT = "on_connect"
    ON_DISCONNECT = "on_disconnect"


class EndCause(_Name):
    """Why a connection ends. The first cause wins (C7, C9)."""

    CLIENT_CLOSED = "client closed"
    DROPPED = "dropped"
    DISCONNECT = "disconnect"
    PROTOCOL_ERROR = "protocol error"
    BACKLOG = "backlog"
    SLEEP = "sleep"
    DESTROY = "destroy"
    SHUTDOWN = "shutdown"


ENDED_BY_CLIENT = frozenset({EndCause.CLIENT_CLOSED, EndCause.DROPPED})
"""The causes after which there is nobody to send a close frame to."""


class Stage(_Name):
    """A phase and what runs in it; ``hook`` is None where no hook of the connection's own does.

    What runs in CHECK runs beside the actions of OPEN, and survives a disconnect as they do (C6).
    """

    BEFORE_CONNECT = (Phase.PREFLIGHT, "on_before_connect", Hook.ON_BEFORE_CONNECT)
    CONN_STATE = (Phase.PREFLIGHT, "create_conn_state", Hook.CREATE_CONN_STATE)
    CONNECT = (Phase.OPENING, "on_connect", Hook.ON_CONNECT)
    OPEN = (Phase.OPEN, "actions", None)
    CHECK = (Phase.OPEN, "can_subscribe", None)
    DISCONNECT = (Phase.CLOSING, "on_disconnect", Hook.ON_DISCONNECT)
    CLOSING_DEFERRED = (Phase.CLOSING, "deferred callbacks", None)
    CLOSING_TRANSPORT = (Phase.CLOSING, "nothing", None)
    REJECTED_DEFERRED = (Phase.REJECTED, "deferred callbacks", None)
    REJECTED_TRANSPORT = (Phase.REJECTED, "nothing", None)
    CLOSED = (Phase.CLOSED, "nothing", None)

    def __init__(self, phase: Phase, running: str, hook: Hook | None) -> None:
        self.phase = phase
        self.running = running
        self.hook = hook
        self.in_conns = phase in IN_CONNS


class Input(_Name):
    """What can happen to a connection; ``rule`` says why it is illegal where it has no row."""

    BEFORE_CONNECT_RETURNED = ("on_before_connect returned", "C1: each hook in its turn, once")
    BEFORE_CONNECT_FAILED = ("on_before_connect failed", "C1: each hook in its turn, once")
    CONN_STATE_RETURNED = ("create_conn_state returned", "C1: each hook in its turn, once")
    CONN_STATE_FAILED = ("create_conn_state failed", "C1: each hook in its turn, once")
    CONNECT_RETURNED = ("on_connect returned", "C1: each hook in its turn, once")
    CONNECT_FAILED = ("on_connect failed", "C1: each hook in its turn, once")
    DISCONNECT_RETURNED = ("on_disconnect returned", "C4: on_disconnect ends once")
    DISCONNECT_FAILED = ("on_disconnect failed", "C4: on_disconnect ends once")
    MESSAGE = ("message", "C5: a message may come at any time")
    SUBSCRIPTION_CHECKED = ("subscription checked", "C5: a verdict on what was asked about")
    END = ("end", "C7: an end may come at any time")
    DEFERRED_FINISHED = ("deferred finished", "C10: deferred callbacks run once, last")
    TRANSPORT_CLOSED = ("transport closed", "C9: a transport closes once")

    def __init__(self, label: str, rule: str) -> None:
        self.label = label
        self.rule = rule


RETURNED: Mapping[Hook, Input] = {
    Hook.ON_BEFORE_CONNECT: Input.BEFORE_CONNECT_RETURNED,
    Hook.CREATE_CONN_STATE: Input.CONN_STATE_RETURNED,
    Hook.ON_CONNECT: Input.CONNECT_RETURNED,
    Hook.ON_DISCONNECT: Input.DISCONNECT_RETURNED,
}
FAILED: Mapping[Hook, Input] = {
    Hook.ON_BEFORE_CONNECT: Input.BEFORE_CONNECT_FAILED,
    Hook.CREATE_CONN_STATE: Input.CONN_STATE_FAILED,
    Hook.ON_CONNECT: Input.CONNECT_FAILED,
    Hook.ON_DISCONNECT: Input.DISCONNECT_FAILED,
}


class Guard(_Name):
    """What must hold, besides the stage, for a row to apply."""

    ALWAYS = "always"
    LIVE = "no end is remembered"
    ENDED = "an end is remembered"
    ATTACHED = "the transport is open"
    GONE = "the transport is closed"
    CHECKED = "it is a new subscription, and `can_subscribe` is defined"
    UNCHECKED = "it is no new subscription, or `can_subscribe` is not defined"


MESSAGE_GUARDS = frozenset({Guard.CHECKED, Guard.UNCHECKED})
"""The guards that look at the message."""


class Take(_Name):
    """What becomes of the message, end or verdict that the input brought."""

    NOTHING = "nothing"
    HOLD = "held; past the bound it is an end (C16)"
    DISPATCH = "dispatched"
    ASK = "asked about"
    DECIDE = "the subscription takes effect, or its refusal is sent"
    REMEMBER = "remembered, unless an earlier one is"
    IGNORE = "ignored"


class Emit(_Name):
    """What a step gives out, in this order, before what runs in the new stage."""

    JOINED = "joins `conns`"
    INIT = "sends `Init`"
    HELD = "dispatches what was held, in order"
    CLOSE = "sends the close frame of the end, if the client is there"
    ERROR = "sends `Error` and close 1011 `group.code`"
    LEFT = "leaves `conns`, with its subscriptions"
    CLOSED = "is over"


@frozen
class Row:
    """One legal step.

    Attributes:
        stage: Where the connection stands.
        input: What happens to it.
        to: Where it stands afterwards; if that is another stage, what runs there begins.
        when: What else must hold.
        take: What becomes of the input's message, end or verdict.
        emit: What is given out.
        rules: The numbers of the rules that say so.
    """

    stage: Stage
    input: Input
    to: Stage
    rules: str
    when: Guard = field(kw_only=True, default=Guard.ALWAYS)
    take: Take = field(kw_only=True, default=Take.NOTHING)
    emit: tuple[Emit, ...] = field(kw_only=True, default=())


def _connecting(stage: Stage) -> tuple[Row, ...]:
    """While a connecting hook runs: hold, remember, and stay (C5, C7)."""
    return (
        Row(stage, Input.MESSAGE, stage, "C5, C16", when=Guard.LIVE, take=Take.HOLD),
        Row(stage, Input.MESSAGE, stage, "C7", when=Guard.ENDED, take=Take.IGNORE),
        Row(stage, Input.END, stage, "C7", take=Take.REMEMBER),
        Row(stage, Input.TRANSPORT_CLOSED, stage, "C7", when=Guard.ATTACHED, take=Take.REMEMBER),
    )


def _open(stage: Stage) -> tuple[Row, ...]:
    """While it is open: an end is carried out at once."""
    closed, left = Input.TRANSPORT_CLOSED, (Emit.LEFT,)
    return (
        Row(
            stage,
            Input.END,
            Stage.DISCONNECT,
            "C3, C4, C9, C15",
            take=Take.REMEMBER,
            emit=_LEAVING,
        ),
        Row(stage, closed, Stage.DISCONNECT, "C3, C4", take=Take.REMEMBER, emit=left),
    )


def _ended(stage: Stage) -> tuple[Row, ...]:
    """Once it has left: what the peer sent before it knew, and later ends, do nothing.

    Nor does a verdict that comes late; a connection that was never open was asked for none.
    """
    rows = (
        Row(stage, Input.MESSAGE, stage, "C5", take=Take.IGNORE),
        Row(stage, Input.END, stage, "C7, C9", take=Take.IGNORE),
    )
    if stage.phase is Phase.REJECTED:
        return rows
    return (*rows, Row(stage, Input.SUBSCRIPTION_CHECKED, stage, "C5", take=Take.IGNORE))


def _deferred(stage: Stage, then: Stage) -> tuple[Row, ...]:
    """The last work, beside a transport that may close before or after it."""
    over = (Emit.CLOSED,)
    finished, closed = Input.DEFERRED_FINISHED, Input.TRANSPORT_CLOSED
    return (
        Row(stage, finished, then, "C9, C10", when=Guard.ATTACHED),
        Row(stage, finished, Stage.CLOSED, "C9, C10", when=Guard.GONE, emit=over),
        Row(stage, closed, stage, "C9", when=Guard.ATTACHED),
        *_ended(stage),
        Row(then, closed, Stage.CLOSED, "C9", emit=over),
        *_ended(then),
    )


_REFUSED = (Emit.ERROR,)
_CLOSED_BY_END = (Emit.CLOSE,)
_REFUSED_IN_CONNS = (Emit.ERROR, Emit.LEFT)
_LEAVING = (Emit.CLOSE, Emit.LEFT)

ROWS: tuple[Row, ...] = (
    # ------------------------------------------------------------------ PREFLIGHT
    Row(
        Stage.BEFORE_CONNECT,
        Input.BEFORE_CONNECT_RETURNED,
        Stage.CONN_STATE,
        "C1",
        when=Guard.LIVE,
    ),
    Row(
        Stage.BEFORE_CONNECT,
        Input.BEFORE_CONNECT_RETURNED,
        Stage.REJECTED_DEFERRED,
        "C7",
        when=Guard.ENDED,
        emit=_CLOSED_BY_END,
    ),
    Row(
        Stage.BEFORE_CONNECT,
        Input.BEFORE_CONNECT_FAILED,
        Stage.REJECTED_DEFERRED,
        "C2, C8, C11",
        when=Guard.LIVE,
        emit=_REFUSED,
    ),
    Row(
        Stage.BEFORE_CONNECT,
        Input.BEFORE_CONNECT_FAILED,
        Stage.REJECTED_DEFERRED,
        "C7",
        when=Guard.ENDED,
        emit=_CLOSED_BY_END,
    ),
    *_connecting(Stage.BEFORE_CONNECT),
    Row(
        Stage.CONN_STATE,
        Input.CONN_STATE_RETURNED,
        Stage.CONNECT,
        "C1, C3",
        when=Guard.LIVE,
        emit=(Emit.JOINED,),
    ),
    Row(
        Stage.CONN_STATE,
        Input.CONN_STATE_RETURNED,
        Stage.REJECTED_DEFERRED,
        "C3, C7",
        when=Guard.ENDED,
        emit=_CLOSED_BY_END,
    ),
    Row(
        Stage.CONN_STATE,
        Input.CONN_STATE_FAILED,
        Stage.REJECTED_DEFERRED,
        "C2, C8, C11",
        when=Guard.LIVE,
        emit=_REFUSED,
    ),
    Row(
        Stage.CONN_STATE,
        Input.CONN_STATE_FAILED,
        Stage.REJECTED_DEFERRED,
        "C7",
        when=Guard.ENDED,
        emit=_CLOSED_BY_END,
    ),
    *_connecting(Stage.CONN_STATE),
    # ------------------------------------------------------------------ OPENING
    Row(
        Stage.CONNECT,
        Input.CONNECT_RETURNED,
        Stage.OPEN,
        "C1, C5",
        when=Guard.LIVE,
        emit=(Emit.INIT, Emit.HELD),
    ),
    Row(
        Stage.CONNECT,
        Input.CONNECT_RETURNED,
        Stage.DISCONNECT,
        "C4, C7",
        when=Guard.ENDED,
        emit=_LEAVING,
    ),
    Row(
        Stage.CONNECT,
        Input.CONNECT_FAILED,
        Stage.REJECTED_DEFERRED,
        "C2, C4, C8, C11",
        when=Guard.LIVE,
        emit=_REFUSED_IN_CONNS,
    ),
    Row(
        Stage.CONNECT,
        Input.CONNECT_FAILED,
        Stage.REJECTED_DEFERRED,
        "C4, C7",
        when=Guard.ENDED,
        emit=_LEAVING,
    ),
    *_connecting(Stage.CONNECT),
    # ------------------------------------------------------------------ OPEN
    Row(
        Stage.OPEN,
        Input.MESSAGE,
        Stage.OPEN,
        "C5, C6",
        when=Guard.UNCHECKED,
        take=Take.DISPATCH,
    ),
    Row(Stage.OPEN, Input.MESSAGE, Stage.CHECK, "C5", when=Guard.CHECKED, take=Take.ASK),
    *_open(Stage.OPEN),
    Row(Stage.CHECK, Input.MESSAGE, Stage.CHECK, "C5, C16", take=Take.HOLD),
    Row(
        Stage.CHECK,
        Input.SUBSCRIPTION_CHECKED,
        Stage.OPEN,
        "C5, C8",
        take=Take.DECIDE,
        emit=(Emit.HELD,),
    ),
    *_open(Stage.CHECK),
    # ------------------------------------------------------------------ CLOSING, REJECTED
    Row(Stage.DISCONNECT, Input.DISCONNECT_RETURNED, Stage.CLOSING_DEFERRED, "C4, C10"),
    Row(Stage.DISCONNECT, Input.DISCONNECT_FAILED, Stage.CLOSING_DEFERRED, "C10, C11, C12"),
    Row(Stage.DISCONNECT, Input.TRANSPORT_CLOSED, Stage.DISCONNECT, "C9", when=Guard.ATTACHED),
    *_ended(Stage.DISCONNECT),
    *_deferred(Stage.CLOSING_DEFERRED, then=Stage.CLOSING_TRANSPORT),
    *_deferred(Stage.REJECTED_DEFERRED, then=Stage.REJECTED_TRANSPORT),
    # ------------------------------------------------------------------ CLOSED
    *_ended(Stage.CLOSED),
)

TABLE: Mapping[Stage, Mapping[Input, tuple[Row, ...]]] = {
    stage: {
        given: rows
        for given in Input
        if (rows := tuple(row for row in ROWS if row.stage is stage and row.input is given))
    }
    for stage in Stage
}
"""``ROWS`` by stage and input. Of several rows, the guards let exactly one through."""


def illegal(connection_id: str, stage: Stage, given: Input, legal: list[Input]) -> IllegalInput:
    """The error for an input that has no row here: what, where, which rule, what would be right."""
    choices = ", ".join(f"'{each.label}'" for each in legal)
    return IllegalInput(
        f"connection {connection_id}: '{given.label}' is illegal in {stage.phase.value}"
        f" (running: {stage.running}) by {given.rule}. Legal here: {choices}"
    )
