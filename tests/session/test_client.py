"""The client's side: every (phase, input) pair against a grid, then what the grid cannot say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyactor.errors import IllegalInput
from pyactor.session import Close
from pyactor.session._client import (
    AttemptBegan,
    AttemptFailed,
    CallLost,
    CallRefused,
    ClientSession,
    Closed,
    ConnectionFailed,
    Ended,
    ErrorArrived,
    EventArrived,
    Failed,
    Opened,
    Responded,
    RetryWanted,
    StatusChanged,
)
from pyactor.session._client_transitions import (
    CLIENT_ROWS,
    CLIENT_TABLE,
    ClientInput,
    ClientPhase,
    is_final,
)
from pyactor.wire.messages import (
    ActionRequest,
    ActionResponse,
    Error,
    Event,
    Init,
    Subscribed,
    SubscriptionRequest,
)

INIT = Init("actor-1", "conn-1")
REFUSED = Error("user", "bad_token", "no")
RESTARTING = Error("actor", "restarting", "in a moment")
FAILED = Error("user", "full", "the room is full", action_id=1)
EVENT = Event("posted", ["hi"])

INPUTS: dict[str, Callable[[ClientSession], object]] = {
    "connect": ClientSession.connect,
    "call": lambda s: s.call("post", ["hi"]),
    "sub": lambda s: s.subscribe("posted"),
    "close": ClientSession.close,
    "retry": ClientSession.retry,
    "init": lambda s: s.receive_message(INIT),
    "resp": lambda s: s.receive_message(ActionResponse(1, "out")),
    "cerr": lambda s: s.receive_message(FAILED),
    "err": lambda s: s.receive_message(RESTARTING),
    "final": lambda s: s.receive_message(REFUSED),
    "event": lambda s: s.receive_message(EVENT),
    "ack": lambda s: s.receive_message(Subscribed(99)),
    "shut": lambda s: s.receive_close(1001, "ws.going_away"),
    "bye": lambda s: s.receive_close(1000, "bye"),
    "lost": ClientSession.receive_lost,
}

# One call, id 1, was made before. '.' is illegal; '=' gives out nothing and the phase stays.
GRID = """
situation    connect call sub close retry init resp  cerr  err    final  event ack shut  bye   lost
idle         begin   late =   end!  .     .    .     .     .      .      .     .   .     .     .
connecting   .       =    =   leave .     open =     =     back   refuse event =   again kick  gone
connected    .       call sub end   .     =    reply error report no     event =   shut  bye   lost
disconnected .       =    =   stop  begin .    .     .     .      .      .     .   .     .     .
closing      .       late =   =     .     =    =     =     =      =      =     =   over  over1 over2
leaving      .       late =   =     .     =    =     =     =      =      =     =   left  left1 left2
closed       .       late =   =     .     .    .     .     .      .      .     .   .     .     .
"""

P = ClientPhase
AWAY = Error("ws", "going_away", "The host closed the connection before it opened: ws.going_away")
GONE = Error("client", "connection_lost", "The connection was lost before it opened")
KICK = Error("client", "connection_lost", "The connection was closed (1000 'bye') before it opened")
CLOSE = Close(1000, "")
SHUT, BYE, LOST = Closed(1001, "ws.going_away"), Closed(1000, "bye"), Closed(1006, "")
IDLE, WAITS = StatusChanged("idle"), StatusChanged("disconnected")
SENT, KEPT = CallLost(1, sent=True), CallLost(1, sent=False)

# phase, events, frames
OUTCOMES: dict[str, tuple[ClientPhase, list[object], list[object]]] = {
    "begin": (P.CONNECTING, [StatusChanged("connecting"), AttemptBegan()], []),
    "end!": (P.CLOSED, [Ended(1000, "")], []),
    "open": (
        P.CONNECTED,
        [StatusChanged("connected"), Opened("actor-1", "conn-1")],
        [ActionRequest(1, "first", [])],
    ),
    "leave": (P.LEAVING, [IDLE, KEPT], [CLOSE]),
    "end": (P.CLOSING, [IDLE, SENT], [CLOSE]),
    "stop": (P.CLOSED, [IDLE, KEPT, Ended(1000, "")], []),
    "back": (P.DISCONNECTED, [WAITS, AttemptFailed(RESTARTING), RetryWanted()], [CLOSE]),
    "refuse": (P.LEAVING, [IDLE, ConnectionFailed(REFUSED), KEPT], [CLOSE]),
    "again": (P.DISCONNECTED, [WAITS, AttemptFailed(AWAY), RetryWanted()], []),
    "kick": (P.CLOSED, [IDLE, ConnectionFailed(KICK), KEPT, Ended(1000, "bye")], []),
    "gone": (P.DISCONNECTED, [WAITS, AttemptFailed(GONE), RetryWanted()], []),
    "call": (P.CONNECTED, [], [ActionRequest(2, "post", ["hi"])]),
    "sub": (P.CONNECTED, [], [SubscriptionRequest("posted", True)]),
    "reply": (P.CONNECTED, [Responded(1, "out")], []),
    "error": (P.CONNECTED, [Failed(1, FAILED)], []),
    "report": (P.CONNECTED, [ErrorArrived(RESTARTING)], []),
    "no": (P.CONNECTED, [ErrorArrived(REFUSED)], []),
    "shut": (P.DISCONNECTED, [WAITS, SENT, SHUT, RetryWanted()], []),
    "bye": (P.CLOSED, [IDLE, SENT, BYE, Ended(1000, "bye")], []),
    "lost": (P.DISCONNECTED, [WAITS, SENT, LOST, RetryWanted()], []),
    "over": (P.CLOSED, [SHUT, Ended(1001, "ws.going_away")], []),
    "over1": (P.CLOSED, [BYE, Ended(1000, "bye")], []),
    "over2": (P.CLOSED, [LOST, Ended(1006, "")], []),
    "left": (P.CLOSED, [Ended(1001, "ws.going_away")], []),
    "left1": (P.CLOSED, [Ended(1000, "bye")], []),
    "left2": (P.CLOSED, [Ended(1006, "")], []),
}

ROADS: dict[str, tuple[Callable[[ClientSession], object], ...]] = {
    "idle": (),
    "connecting": (),
    "connected": (INPUTS["init"],),
    "disconnected": (INPUTS["lost"],),
    "closing": (INPUTS["init"], INPUTS["close"]),
    "leaving": (INPUTS["close"],),
    "closed": (INPUTS["close"], INPUTS["lost"]),
}


def new_session(*, max_waiting: int = 10, returns: bool = False) -> ClientSession:
    """A session that has begun to connect."""
    session = ClientSession(max_waiting=max_waiting, returns=returns)
    session.connect()
    session.events_received()
    return session


def client(situation: str) -> ClientSession:
    session = ClientSession(max_waiting=10) if situation == "idle" else new_session()
    session.call("first", [])
    for step in ROADS[situation]:
        step(session)
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
        with pytest.raises(IllegalInput, match=f"is illegal in {phase.name}"):
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
    used = {outcome for _, _, outcome in cells()} - {".", "=", "event", "late"}
    assert used == set(OUTCOMES)
    legal = sum(outcome != "." for _, _, outcome in cells())
    assert len(CLIENT_ROWS) == len(CLIENT_TABLE) == legal


def test_an_illegal_input_says_what_would_be_legal() -> None:
    with pytest.raises(
        IllegalInput, match="Legal here: 'call', 'subscribe or unsubscribe', 'close'"
    ):
        client("closed").receive_message(EVENT)


def test_subscriptions_go_before_the_calls_that_waited() -> None:
    session = new_session()
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
    told = [*(CallLost(call, sent=True) for call in calls), LOST, RetryWanted()]
    assert session.events_received() == [WAITS, *told]


def test_an_event_may_come_before_init() -> None:
    session = new_session()
    session.receive_message(EVENT)
    session.receive_message(INIT)
    assert session.events_received() == [
        EventArrived("posted", ["hi"]),
        StatusChanged("connected"),
        Opened("actor-1", "conn-1"),
    ]


def test_the_answer_to_our_close_ends_it() -> None:
    session = client("connected")
    session.close()
    session.close()
    assert session.messages_to_send() == [CLOSE]
    session.receive_close(1000, "")
    ended = [Closed(1000, ""), Ended(1000, "")]
    assert session.events_received() == [IDLE, CallLost(1, sent=True), *ended]


def test_the_close_after_a_rejection_ends_it() -> None:
    session = new_session()
    session.receive_message(REFUSED)
    session.receive_close(1011, "user.bad_token")
    ended = Ended(1011, "user.bad_token")
    assert session.events_received() == [IDLE, ConnectionFailed(REFUSED), ended]


def test_a_close_that_rejects_is_final() -> None:
    session = new_session()
    session.receive_close(1011, "user.bad_token")
    assert session.phase is ClientPhase.CLOSED


def test_once_it_was_open_a_reason_is_not_final() -> None:
    session = client("connected")
    session.receive_close(1011, "message.incoming_too_long")
    assert session.phase is ClientPhase.DISCONNECTED


@pytest.mark.parametrize("situation", ["connecting", "connected"])
def test_it_returns_after_a_disconnect_if_it_is_to(situation: str) -> None:
    session = new_session(returns=True)
    for step in ROADS[situation]:
        step(session)
    session.receive_close(1000, "bye")
    assert session.phase is ClientPhase.DISCONNECTED


@pytest.mark.parametrize("reason", ["", "bye", "Not.aName", "a.b.c", ".", "user.", "a.b\n"])
def test_a_reason_that_is_no_name_is_quoted(reason: str) -> None:
    session = new_session()
    session.receive_close(1012, reason)
    message = f"The connection was closed (1012 {reason!r}) before it opened"
    assert session.events_received() == [
        WAITS,
        AttemptFailed(Error("client", "connection_lost", message)),
        RetryWanted(),
    ]


# ------------------------------------------------------------------ over several attempts


@pytest.mark.parametrize("final", [True, False])
def test_a_failure_on_the_way_is_the_owner_s_to_explain(final: bool) -> None:
    session = new_session()
    session.receive_failure(final=final)
    if final:
        assert session.events_received() == [IDLE, ConnectionFailed(None), Ended(1006, "")]
    else:
        assert session.events_received() == [WAITS, AttemptFailed(None), RetryWanted()]


def test_the_next_connection_begins_with_the_subscriptions() -> None:
    session = client("connected")
    session.subscribe("posted")
    session.subscribe("left")
    session.receive_lost()
    call = session.call("post", ["while it waits"])
    session.unsubscribe("left")
    session.subscribe("joined")
    session.messages_to_send()
    session.retry()
    session.receive_message(INIT)
    assert session.messages_to_send() == [
        SubscriptionRequest("posted", True),
        SubscriptionRequest("joined", True),
        ActionRequest(call, "post", ["while it waits"]),
    ]


def test_calls_that_wait_are_kept_over_failed_attempts_and_are_bounded() -> None:
    session = new_session(max_waiting=2)
    calls = [session.call("post", []) for _ in range(3)]
    assert session.events_received() == [CallRefused(calls[2])]
    session.receive_lost()
    session.retry()
    session.forget(calls[0])
    assert [session.is_waiting(call) for call in calls] == [False, True, False]
    calls.append(session.call("post", ["late"]))
    session.receive_message(INIT)
    assert session.messages_to_send() == [
        ActionRequest(calls[1], "post", []),
        ActionRequest(calls[3], "post", ["late"]),
    ]
    assert not session.is_waiting(calls[1])


def test_a_call_that_is_forgotten_is_neither_answered_nor_lost() -> None:
    session = client("connected")
    session.forget(1)
    session.receive_message(ActionResponse(1, "out"))
    session.receive_lost()
    assert session.events_received() == [WAITS, LOST, RetryWanted()]


@pytest.mark.parametrize(
    "name",
    [
        "actor.restarting",
        "actor.stopping",
        "actor.destroyed_during_creation",
        "ws.going_away",
        "guard.actor_ready_timeout",
        "client.host_unreachable",
        "client.get_params_failed",
    ],
)
def test_what_a_later_attempt_may_mend_is_not_final(name: str) -> None:
    assert not is_final(*name.split("."))


@pytest.mark.parametrize(
    "name",
    [
        "user.bad_token",
        "auth.unauthorized",
        "actor.not_found",
        "actor.callback_timed_out",
        "connection.invalid_params",
        "core.internal_error",
        "guard.no_route",
        "namespace.not_found",
    ],
)
def test_what_a_later_attempt_meets_again_is_final(name: str) -> None:
    assert is_final(*name.split("."))
