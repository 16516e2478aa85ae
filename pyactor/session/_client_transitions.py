"""The life of one connection, seen by its client, as data: phases, inputs, every legal step.

The client's counterpart of ``_transitions.py``: everything that decides *when* something may
happen on the client's side lives in this file, and ``_client.py`` only carries it out. A pair of
phase and input that has no row is illegal.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import field, frozen

from ..errors import IllegalInput


class ClientPhase(Enum):
    """Where the client's connection stands; the value is how it reads as a status."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSING = "closing"
    CLOSED = "closed"


class ClientInput(Enum):
    """What can happen on the client's side: asked for by its user, or come from the host."""

    CALL = "call"
    SUBSCRIPTION = "subscribe or unsubscribe"
    CLOSE = "close"
    INIT = "Init"
    RESPONSE = "ActionResponse"
    CALL_ERROR = "Error of an action"
    ERROR = "Error of the connection"
    EVENT = "Event"
    HOST_CLOSED = "host closed"
    LOST = "transport lost"


class ClientTake(Enum):
    """What becomes of what the input brought."""

    NOTHING = "nothing"
    QUEUE = "kept until `Init`"
    SEND = "sent"
    NOTE = "noted, nothing is sent"
    REFUSE = "lost at once: never sent"
    ANSWER = "answers the call of that id; ignored if there is none"
    DELIVER = "delivered"
    REPORT = "reported"
    IGNORE = "ignored"


class ClientEmit(Enum):
    """What a step gives out, in this order, after what its input brought."""

    OPENED = "is open"
    SUBSCRIPTIONS = "sends the subscriptions"
    QUEUED = "sends the calls that were kept"
    FAILED = "reports that connecting failed, and why"
    LOSE_CALLS = "every unanswered call is lost"
    CLOSE = "sends close 1000"
    CLOSED = "is over"


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
_REJECTED = (_E.FAILED, _E.LOSE_CALLS, _E.CLOSE)
_NEVER_OPENED = (_E.FAILED, _E.LOSE_CALLS, _E.CLOSED)
_LEAVES = (_E.LOSE_CALLS, _E.CLOSE)
_LOST = (_E.LOSE_CALLS, _E.CLOSED)
_OVER = (_E.CLOSED,)

CLIENT_ROWS: tuple[ClientRow, ...] = (
    # ------------------------------------------------------------------ CONNECTING
    ClientRow(_P.CONNECTING, _I.CALL, _P.CONNECTING, take=_T.QUEUE),
    ClientRow(_P.CONNECTING, _I.SUBSCRIPTION, _P.CONNECTING, take=_T.NOTE),
    ClientRow(_P.CONNECTING, _I.CLOSE, _P.CLOSING, emit=_LEAVES),
    ClientRow(_P.CONNECTING, _I.INIT, _P.CONNECTED, emit=_OPENS),
    ClientRow(_P.CONNECTING, _I.RESPONSE, _P.CONNECTING, take=_T.IGNORE),
    ClientRow(_P.CONNECTING, _I.CALL_ERROR, _P.CONNECTING, take=_T.IGNORE),
    ClientRow(_P.CONNECTING, _I.ERROR, _P.CLOSING, emit=_REJECTED),
    ClientRow(_P.CONNECTING, _I.EVENT, _P.CONNECTING, take=_T.DELIVER),
    ClientRow(_P.CONNECTING, _I.HOST_CLOSED, _P.CLOSED, emit=_NEVER_OPENED),
    ClientRow(_P.CONNECTING, _I.LOST, _P.CLOSED, emit=_NEVER_OPENED),
    # ------------------------------------------------------------------ CONNECTED
    ClientRow(_P.CONNECTED, _I.CALL, _P.CONNECTED, take=_T.SEND),
    ClientRow(_P.CONNECTED, _I.SUBSCRIPTION, _P.CONNECTED, take=_T.SEND),
    ClientRow(_P.CONNECTED, _I.CLOSE, _P.CLOSING, emit=_LEAVES),
    ClientRow(_P.CONNECTED, _I.INIT, _P.CONNECTED, take=_T.IGNORE),
    ClientRow(_P.CONNECTED, _I.RESPONSE, _P.CONNECTED, take=_T.ANSWER),
    ClientRow(_P.CONNECTED, _I.CALL_ERROR, _P.CONNECTED, take=_T.ANSWER),
    ClientRow(_P.CONNECTED, _I.ERROR, _P.CONNECTED, take=_T.REPORT),
    ClientRow(_P.CONNECTED, _I.EVENT, _P.CONNECTED, take=_T.DELIVER),
    ClientRow(_P.CONNECTED, _I.HOST_CLOSED, _P.CLOSED, emit=_LOST),
    ClientRow(_P.CONNECTED, _I.LOST, _P.CLOSED, emit=_LOST),
    # ------------------------------------------------------------------ CLOSING
    ClientRow(_P.CLOSING, _I.CALL, _P.CLOSING, take=_T.REFUSE),
    ClientRow(_P.CLOSING, _I.SUBSCRIPTION, _P.CLOSING, take=_T.NOTE),
    ClientRow(_P.CLOSING, _I.CLOSE, _P.CLOSING, take=_T.IGNORE),
    # What the host sent before it knew.
    ClientRow(_P.CLOSING, _I.INIT, _P.CLOSING, take=_T.IGNORE),
    ClientRow(_P.CLOSING, _I.RESPONSE, _P.CLOSING, take=_T.IGNORE),
    ClientRow(_P.CLOSING, _I.CALL_ERROR, _P.CLOSING, take=_T.IGNORE),
    ClientRow(_P.CLOSING, _I.ERROR, _P.CLOSING, take=_T.IGNORE),
    ClientRow(_P.CLOSING, _I.EVENT, _P.CLOSING, take=_T.IGNORE),
    ClientRow(_P.CLOSING, _I.HOST_CLOSED, _P.CLOSED, emit=_OVER),
    ClientRow(_P.CLOSING, _I.LOST, _P.CLOSED, emit=_OVER),
    # ------------------------------------------------------------------ CLOSED
    ClientRow(_P.CLOSED, _I.CALL, _P.CLOSED, take=_T.REFUSE),
    ClientRow(_P.CLOSED, _I.SUBSCRIPTION, _P.CLOSED, take=_T.NOTE),
    ClientRow(_P.CLOSED, _I.CLOSE, _P.CLOSED, take=_T.IGNORE),
    # A channel reports the loss of its transport after the host's close too.
    ClientRow(_P.CLOSED, _I.LOST, _P.CLOSED, take=_T.IGNORE),
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
            f"client connection: '{given.value}' is illegal in {phase.name}: nothing comes from a"
            f" host whose connection is over. Legal here: {choices}"
        )
    return row
