"""The life of a client's connection as data: phases, inputs, every legal step.

The client's counterpart of ``_transitions.py``, over as many attempts and connections as it
takes: everything that decides *when* something may happen on the client's side, and which errors
end it for good, lives in this file, and ``_client.py`` only carries it out. A pair of phase and
input that has no row is illegal.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Literal, TypeAlias

from attrs import field, frozen

from ..errors import IllegalInput

Status: TypeAlias = Literal["idle", "connecting", "connected", "disconnected"]
"""What a user sees of a phase, in RivetKit's words."""


class ClientPhase(Enum):
    """Where the client's connection stands."""

    IDLE = "idle"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    CLOSING = "closing"
    LEAVING = "leaving"
    CLOSED = "closed"

    @property
    def status(self) -> Status:
        """The phase as a status: what is ending, or has ended, is idle."""
        return _STATUS[self]


_STATUS: Mapping[ClientPhase, Status] = {
    ClientPhase.IDLE: "idle",
    ClientPhase.CONNECTING: "connecting",
    ClientPhase.CONNECTED: "connected",
    ClientPhase.DISCONNECTED: "disconnected",
    ClientPhase.CLOSING: "idle",
    ClientPhase.LEAVING: "idle",
    ClientPhase.CLOSED: "idle",
}


class ClientInput(Enum):
    """What can happen on the client's side: asked for by its user, or come from the host.

    *For good*: a close that says so (1000, that of ``conn.disconnect``), and before ``Init`` an
    error that `is_final`.
    """

    CONNECT = "connect"
    CALL = "call"
    SUBSCRIPTION = "subscribe or unsubscribe"
    CLOSE = "close"
    RETRY = "time to try again"
    INIT = "Init"
    RESPONSE = "ActionResponse"
    CALL_ERROR = "Error of an action or subscription"
    ERROR = "Error of the connection"
    FINAL_ERROR = "Error of the connection, for good"
    EVENT = "Event"
    SUBSCRIBED = "Subscribed"
    HOST_CLOSED = "host closed"
    DISMISSED = "host closed, for good"
    LOST = "transport lost"


class ClientTake(Enum):
    """What becomes of what the input brought."""

    NOTHING = "nothing"
    QUEUE = "kept until `Init`; refused if too many are"
    SEND = "sent"
    NOTE = "noted, nothing is sent"
    REFUSE = "lost at once: never sent"
    ANSWER = "answers the call or subscription of that id; ignored if there is none"
    DELIVER = "delivered"
    REPORT = "reported"
    IGNORE = "ignored"


class ClientEmit(Enum):
    """What a step gives out, in this order, after what its input brought."""

    ATTEMPT = "begins an attempt"
    OPENED = "is open"
    SUBSCRIPTIONS = "sends the subscriptions"
    QUEUED = "sends the calls that were kept"
    FAILED = "reports that the attempt failed, and why"
    REJECTED = "reports that connecting failed for good, and why"
    LOSE_SENT = "every call without an answer is lost"
    LOSE_CALLS = "every call is lost"
    CLOSE = "sends close 1000"
    CLOSED = "reports that the connection is closed"
    WAIT = "waits to try again"
    ENDED = "is over"


@frozen
class ClientRow:
    """One legal step; the fields are those of ``_transitions.Row``, without a guard."""

    phase: ClientPhase
    input: ClientInput
    to: ClientPhase
    take: ClientTake = field(kw_only=True, default=ClientTake.NOTHING)
    emit: tuple[ClientEmit, ...] = field(kw_only=True, default=())


_P, _I, _T, _E = ClientPhase, ClientInput, ClientTake, ClientEmit

_OPENS = (_E.OPENED, _E.SUBSCRIPTIONS, _E.QUEUED)
_RETRIES = (_E.FAILED, _E.WAIT)
_TURNS_BACK = (_E.FAILED, _E.CLOSE, _E.WAIT)
_REJECTED = (_E.REJECTED, _E.LOSE_CALLS, _E.CLOSE)
_REJECTED_AND_GONE = (_E.REJECTED, _E.LOSE_CALLS, _E.ENDED)
_LOST = (_E.LOSE_SENT, _E.CLOSED, _E.WAIT)
_DISMISSED = (_E.LOSE_CALLS, _E.CLOSED, _E.ENDED)
_LEAVES = (_E.LOSE_CALLS, _E.CLOSE)
_OVER = (_E.CLOSED, _E.ENDED)


def _ending(phase: ClientPhase, emit: tuple[ClientEmit, ...]) -> tuple[ClientRow, ...]:
    """The rows of a phase that waits for the host's side of the close."""
    sent_before_it_knew = (
        _I.INIT,
        _I.RESPONSE,
        _I.CALL_ERROR,
        _I.ERROR,
        _I.FINAL_ERROR,
        _I.EVENT,
        _I.SUBSCRIBED,
    )
    return (
        ClientRow(phase, _I.CALL, phase, take=_T.REFUSE),
        ClientRow(phase, _I.SUBSCRIPTION, phase, take=_T.NOTE),
        ClientRow(phase, _I.CLOSE, phase, take=_T.IGNORE),
        *(ClientRow(phase, each, phase, take=_T.IGNORE) for each in sent_before_it_knew),
        ClientRow(phase, _I.HOST_CLOSED, _P.CLOSED, emit=emit),
        ClientRow(phase, _I.DISMISSED, _P.CLOSED, emit=emit),
        ClientRow(phase, _I.LOST, _P.CLOSED, emit=emit),
    )


CLIENT_ROWS: tuple[ClientRow, ...] = (
    # ------------------------------------------------------------------ IDLE
    ClientRow(_P.IDLE, _I.CONNECT, _P.CONNECTING, emit=(_E.ATTEMPT,)),
    ClientRow(_P.IDLE, _I.CALL, _P.IDLE, take=_T.REFUSE),
    ClientRow(_P.IDLE, _I.SUBSCRIPTION, _P.IDLE, take=_T.NOTE),
    ClientRow(_P.IDLE, _I.CLOSE, _P.CLOSED, emit=(_E.ENDED,)),
    # ------------------------------------------------------------------ CONNECTING
    ClientRow(_P.CONNECTING, _I.CALL, _P.CONNECTING, take=_T.QUEUE),
    ClientRow(_P.CONNECTING, _I.SUBSCRIPTION, _P.CONNECTING, take=_T.NOTE),
    ClientRow(_P.CONNECTING, _I.CLOSE, _P.LEAVING, emit=_LEAVES),
    ClientRow(_P.CONNECTING, _I.INIT, _P.CONNECTED, emit=_OPENS),
    ClientRow(_P.CONNECTING, _I.RESPONSE, _P.CONNECTING, take=_T.IGNORE),
    ClientRow(_P.CONNECTING, _I.CALL_ERROR, _P.CONNECTING, take=_T.IGNORE),
    ClientRow(_P.CONNECTING, _I.ERROR, _P.DISCONNECTED, emit=_TURNS_BACK),
    ClientRow(_P.CONNECTING, _I.FINAL_ERROR, _P.LEAVING, emit=_REJECTED),
    ClientRow(_P.CONNECTING, _I.EVENT, _P.CONNECTING, take=_T.DELIVER),
    ClientRow(_P.CONNECTING, _I.SUBSCRIBED, _P.CONNECTING, take=_T.IGNORE),
    ClientRow(_P.CONNECTING, _I.HOST_CLOSED, _P.DISCONNECTED, emit=_RETRIES),
    ClientRow(_P.CONNECTING, _I.DISMISSED, _P.CLOSED, emit=_REJECTED_AND_GONE),
    ClientRow(_P.CONNECTING, _I.LOST, _P.DISCONNECTED, emit=_RETRIES),
    # ------------------------------------------------------------------ CONNECTED
    ClientRow(_P.CONNECTED, _I.CALL, _P.CONNECTED, take=_T.SEND),
    ClientRow(_P.CONNECTED, _I.SUBSCRIPTION, _P.CONNECTED, take=_T.SEND),
    ClientRow(_P.CONNECTED, _I.CLOSE, _P.CLOSING, emit=_LEAVES),
    ClientRow(_P.CONNECTED, _I.INIT, _P.CONNECTED, take=_T.IGNORE),
    ClientRow(_P.CONNECTED, _I.RESPONSE, _P.CONNECTED, take=_T.ANSWER),
    ClientRow(_P.CONNECTED, _I.CALL_ERROR, _P.CONNECTED, take=_T.ANSWER),
    ClientRow(_P.CONNECTED, _I.ERROR, _P.CONNECTED, take=_T.REPORT),
    ClientRow(_P.CONNECTED, _I.FINAL_ERROR, _P.CONNECTED, take=_T.REPORT),
    ClientRow(_P.CONNECTED, _I.EVENT, _P.CONNECTED, take=_T.DELIVER),
    ClientRow(_P.CONNECTED, _I.SUBSCRIBED, _P.CONNECTED, take=_T.ANSWER),
    ClientRow(_P.CONNECTED, _I.HOST_CLOSED, _P.DISCONNECTED, emit=_LOST),
    ClientRow(_P.CONNECTED, _I.DISMISSED, _P.CLOSED, emit=_DISMISSED),
    ClientRow(_P.CONNECTED, _I.LOST, _P.DISCONNECTED, emit=_LOST),
    # ------------------------------------------------------------------ DISCONNECTED
    ClientRow(_P.DISCONNECTED, _I.CALL, _P.DISCONNECTED, take=_T.QUEUE),
    ClientRow(_P.DISCONNECTED, _I.SUBSCRIPTION, _P.DISCONNECTED, take=_T.NOTE),
    ClientRow(_P.DISCONNECTED, _I.CLOSE, _P.CLOSED, emit=(_E.LOSE_CALLS, _E.ENDED)),
    ClientRow(_P.DISCONNECTED, _I.RETRY, _P.CONNECTING, emit=(_E.ATTEMPT,)),
    # ------------------------------------------------------------------ the end
    *_ending(_P.CLOSING, _OVER),
    *_ending(_P.LEAVING, (_E.ENDED,)),
    ClientRow(_P.CLOSED, _I.CALL, _P.CLOSED, take=_T.REFUSE),
    ClientRow(_P.CLOSED, _I.SUBSCRIPTION, _P.CLOSED, take=_T.NOTE),
    ClientRow(_P.CLOSED, _I.CLOSE, _P.CLOSED, take=_T.IGNORE),
)

CLIENT_TABLE: Mapping[tuple[ClientPhase, ClientInput], ClientRow] = {
    (row.phase, row.input): row for row in CLIENT_ROWS
}


def client_row(phase: ClientPhase, given: ClientInput) -> ClientRow:
    """The step for this input in this phase.

    Raises:
        IllegalInput: The table has none.
    """
    row = CLIENT_TABLE.get((phase, given))
    if row is None:
        choices = ", ".join(f"'{each.input.value}'" for each in CLIENT_ROWS if each.phase is phase)
        raise IllegalInput(
            f"client connection: '{given.value}' is illegal in {phase.name}. Legal here: {choices}"
        )
    return row


# ------------------------------------------------------------------ which errors are for good

_PASSING = frozenset(
    {
        "actor.destroying",
        "actor.dropped_reply",
        "actor.not_configured",
        "actor.restarting",
        "actor.starting",
        "actor.stopped",
        "actor.stopping",
        "client.connection_lost",
        "client.get_params_failed",
        "client.host_unreachable",
        "client.invalid_response",
        "ws.going_away",
    }
)
_PASSING_PREFIXES = ("actor.destroyed_", "guard.")
_NO_ROUTE = "guard.no_route"


def is_final(group: str, code: str) -> bool:
    """Whether an error before ``Init`` ends the life for good, and no attempt follows.

    It does, unless it says that a later attempt may fare better (wire-protocol.md, "What the
    client does after errors"). Here ``actor.not_found`` is final: a destroyed actor stays away.
    """
    name = f"{group}.{code}"
    return name == _NO_ROUTE or not (name in _PASSING or name.startswith(_PASSING_PREFIXES))
