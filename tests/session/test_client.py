"""The client's side: every (phase, input) pair against a grid, then what the grid cannot say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyactor.errors import IllegalInput
from pyactor.session import Close
from pyactor.session._client import (
    CallLost,
    ClientSession,
    Closed,
    ConnectionFailed,
    ErrorArrived,
    EventArrived,
    Failed,
    Opened,
    Responded,
)
from pyactor.session._client_transitions import CLIENT_ROWS, CLIENT_TABLE, ClientInput, ClientPhase
from pyactor.wire.messages import (
    ActionRequest,
    ActionResponse,
    Error,
    Event,
    Init,
    SubscriptionRequest,
)

INIT = Init("actor-1", "conn-1")
REFUSED = Error("user", "bad_token", "no")
FAILED = Error("user", "full", "the room is full", action_id=1)
EVENT = Event("posted", ["hi"])

INPUTS: dict[str, Callable[[ClientSession], object]] = {
    "call": lambda s: s.call("post", ["hi"]),
    "sub": lambda s: s.subscribe("posted"),
    "close": ClientSession.close,
    "init": lambda s: s.receive_message(INIT),
    "resp": lambda s: s.receive_message(ActionResponse(1, "out")),
    "cerr": lambda s: s.receive_message(FAILED),
    "err": lambda s: s.receive_message(REFUSED),
    "event": lambda s: s.receive_message(EVENT),
    "shut": lambda s: s.receive_close(1001, "ws.going_away"),
    "lost": ClientSession.receive_lost,
}

# One call, id 1, was made before. '.' is illegal; '=' gives out nothing and the phase stays.
GRID = """
situation   call   sub  close  init  resp    cerr    err     event  shut    lost
connecting  =      =    leave  open  =       =       refuse  event  never   gone
connected   call   sub  end    =     answer  error   report  event  shut    lost
closing     late   =    =      =     =       =       =       =      over    over!
closed      late   =    =      .     .       .       .       .      .       =
"""

NEVER = Error("ws", "going_away", "The host closed the connection before it opened: ws.going_away")
GONE = Error("client", "connection_lost", "The connection was lost before it opened")
BYE = Close(1000, "")
SHUT, LOST = Closed(1001, "ws.going_away"), Closed(1006, "")

# phase, events, frames
OUTCOMES: dict[str, tuple[ClientPhase, list[object], list[object]]] = {
    "open": (
        ClientPhase.CONNECTED,
        [Opened("actor-1", "conn-1")],
        [ActionRequest(1, "first", [])],
    ),
    "leave": (ClientPhase.CLOSING, [CallLost(1, sent=False)], [BYE]),
    "end": (ClientPhase.CLOSING, [CallLost(1, sent=True)], [BYE]),
    "refuse": (ClientPhase.CLOSING, [ConnectionFailed(REFUSED), CallLost(1, sent=False)], [BYE]),
    "never": (ClientPhase.CLOSED, [ConnectionFailed(NEVER), CallLost(1, sent=False), SHUT], []),
    "gone": (ClientPhase.CLOSED, [ConnectionFailed(GONE), CallLost(1, sent=False), LOST], []),
    "call": (ClientPhase.CONNECTED, [], [ActionRequest(2, "post", ["hi"])]),
    "sub": (ClientPhase.CONNECTED, [], [SubscriptionRequest("posted", True)]),
    "answer": (ClientPhase.CONNECTED, [Responded(1, "out")], []),
    "error": (ClientPhase.CONNECTED, [Failed(1, FAILED)], []),
    "report": (ClientPhase.CONNECTED, [ErrorArrived(REFUSED)], []),
    "shut": (ClientPhase.CLOSED, [CallLost(1, sent=True), SHUT], []),
    "lost": (ClientPhase.CLOSED, [CallLost(1, sent=True), LOST], []),
    "over": (ClientPhase.CLOSED, [SHUT], []),
    "over!": (ClientPhase.CLOSED, [LOST], []),
}


def client(situation: str) -> ClientSession:
    session = ClientSession()
    session.call("first", [])
    if situation == "connected":
        session.receive_message(INIT)
    if situation in {"closing", "closed"}:
        session.close()
    if situation == "closed":
        session.receive_close(1000, "")
    session.messages_to_send()
    session.events_received()
    return session


def cells() -> list[tuple[str, str, str]]:
    header, *lines = (line.split() for line in GRID.strip().splitlines())
    assert header[1:] == list(INPUTS)
    return [(s, n, o) for s, *line in lines for n, o in zip(INPUTS, line, strict=True)]


@pytest.mark.parametrize(("situation", "given", "outcome"), cells())
def test_pair(
    situation: str, given: str, outcome: str, snapshot_of: Callable[[object], dict[str, object]]
) -> None:
    session = client(situation)
    phase = session.phase
    before = snapshot_of(session)
    if outcome == ".":
        with pytest.raises(IllegalInput, match=f"is illegal in {phase.name}: nothing comes"):
            INPUTS[given](session)
        assert snapshot_of(session) == before
        return
    INPUTS[given](session)
    frames, events = session.messages_to_send(), session.events_received()
    if outcome == "=":
        assert (session.phase, events, frames) == (phase, [], [])
    elif outcome == "event":
        assert (session.phase, events, frames) == (phase, [EventArrived("posted", ["hi"])], [])
    elif outcome == "late":
        assert (session.phase, events, frames) == (phase, [CallLost(2, sent=False)], [])
    else:
        assert (session.phase, events, frames) == OUTCOMES[outcome]


def test_the_grid_has_every_pair() -> None:
    assert {situation for situation, _, _ in cells()} == {phase.value for phase in ClientPhase}
    assert len(INPUTS) == len(ClientInput)
    legal = sum(outcome != "." for _, _, outcome in cells())
    assert len(CLIENT_ROWS) == len(CLIENT_TABLE) == legal


def test_an_illegal_input_says_what_would_be_legal() -> None:
    with pytest.raises(
        IllegalInput, match="Legal here: 'call', 'subscribe or unsubscribe', 'close'"
    ):
        client("closed").receive_message(EVENT)


def test_subscriptions_go_before_the_calls_that_waited() -> None:
    session = ClientSession()
    first = session.call("post", ["a"])
    session.subscribe("left")
    session.subscribe("posted")
    session.subscribe("never")
    session.unsubscribe("never")
    second = session.call("post", ["b"])
    assert session.messages_to_send() == []
    session.receive_message(INIT)
    assert session.messages_to_send() == [
        SubscriptionRequest("left", True),
        SubscriptionRequest("posted", True),
        ActionRequest(first, "post", ["a"]),
        ActionRequest(second, "post", ["b"]),
    ]


def test_only_a_change_of_subscription_is_sent() -> None:
    session = client("connected")
    session.unsubscribe("posted")
    session.subscribe("posted")
    session.subscribe("posted")
    assert set(session.subscriptions) == {"posted"}
    session.unsubscribe("posted")
    assert session.messages_to_send() == [
        SubscriptionRequest("posted", True),
        SubscriptionRequest("posted", False),
    ]


def test_a_call_is_answered_once() -> None:
    session = client("connected")
    session.receive_message(ActionResponse(1, "out"))
    session.receive_message(ActionResponse(1, "again"))
    session.receive_message(FAILED)
    session.receive_message(ActionResponse(99, "to no call"))
    assert session.events_received() == [Responded(1, "out")]


def test_lost_calls_are_told_in_the_order_they_were_made() -> None:
    session = client("connected")
    calls = [1, *(session.call("post", []) for _ in range(20))]
    session.receive_message(ActionResponse(calls.pop(4), None))
    session.events_received()
    session.receive_lost()
    assert session.events_received() == [*(CallLost(call, sent=True) for call in calls), LOST]


def test_an_event_may_come_before_init() -> None:
    session = ClientSession()
    session.receive_message(EVENT)
    session.receive_message(INIT)
    assert session.events_received() == [
        EventArrived("posted", ["hi"]),
        Opened("actor-1", "conn-1"),
    ]


def test_the_answer_to_our_close_ends_it() -> None:
    session = client("connected")
    session.close()
    session.close()
    assert session.messages_to_send() == [BYE]
    session.receive_close(1000, "")
    session.receive_lost()
    assert session.events_received() == [CallLost(1, sent=True), Closed(1000, "")]


def test_the_close_after_a_rejection_ends_it() -> None:
    session = ClientSession()
    session.receive_message(REFUSED)
    session.receive_close(1011, "user.bad_token")
    assert session.events_received() == [ConnectionFailed(REFUSED), Closed(1011, "user.bad_token")]


@pytest.mark.parametrize("reason", ["", "bye", "Not.aName", "a.b.c", ".", "user.", "a.b\n"])
def test_a_reason_that_is_no_name_is_quoted(reason: str) -> None:
    session = ClientSession()
    session.receive_close(1000, reason)
    message = f"The connection was closed (1000 {reason!r}) before it opened"
    assert session.events_received() == [
        ConnectionFailed(Error("client", "connection_lost", message)),
        Closed(1000, reason),
    ]
