"""What the host's side does in each phase, rule by rule, where the grid cannot say it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyactor.session import (
    Close,
    End,
    EndCause,
    Hook,
    Phase,
    RunAction,
    RunHook,
    ServerSession,
    SubscriptionChanged,
)
from pyactor.wire.messages import (
    ActionRequest,
    ActionResponse,
    ActorIdentity,
    Error,
    Event,
    Init,
    SubscriptionRequest,
    ToServer,
)

Reach = Callable[[str], ServerSession]
Make = Callable[..., ServerSession]

EVENT = Event("posted", ["hi"])
NO_EVENT = Error("event", "not_found", "no event 'x'")
IN_CONNS = {"connect", "connect ended", "connect gone", "open"}


def action(number: int) -> ActionRequest:
    return ActionRequest(number, "post", [number])


def open_up(session: ServerSession) -> None:
    for hook in (Hook.ON_BEFORE_CONNECT, Hook.CREATE_CONN_STATE, Hook.ON_CONNECT):
        session.receive_hook_returned(hook)


def test_it_starts_with_the_first_hook(make_session: Make) -> None:
    session = make_session()
    assert session.phase is Phase.PREFLIGHT
    assert session.running is Hook.ON_BEFORE_CONNECT
    assert (session.end, session.in_conns, set(session.subscriptions)) == (None, False, set())
    assert session.events_received() == [RunHook(Hook.ON_BEFORE_CONNECT)]
    assert session.events_received() == []
    assert session.messages_to_send() == []


def test_what_was_drained_is_not_touched_again(reach: Reach) -> None:
    session = reach("open")
    events, frames = session.events_received(), session.messages_to_send()
    session.receive_message(action(1), 1)
    session.send_event(EVENT)
    assert (events, frames) == ([], [])


# ------------------------------------------------------------------ C5, C6, C16: messages


def test_messages_are_held_in_order_until_on_connect_returned(make_session: Make) -> None:
    session = make_session()
    held: list[ToServer] = [action(1), SubscriptionRequest("posted", True), action(2)]
    session.receive_message(held[0], 1)
    session.receive_hook_returned(Hook.ON_BEFORE_CONNECT)
    session.receive_message(held[1], 1)
    session.receive_hook_returned(Hook.CREATE_CONN_STATE)
    session.receive_message(held[2], 1)
    session.events_received()
    assert not session.is_subscribed("posted")
    session.receive_hook_returned(Hook.ON_CONNECT)
    assert session.messages_to_send() == [Init("actor-1", "conn-1")]
    assert session.events_received() == [
        RunAction(action(1)),
        SubscriptionChanged("posted", True),
        RunAction(action(2)),
    ]


@pytest.mark.parametrize("situation", ["before_connect", "conn_state", "connect"])
@pytest.mark.parametrize(
    ("sizes", "fits"),
    [([1, 1, 1], True), ([1, 1, 1, 1], False), ([50, 50], True), ([50, 51], False), ([101], False)],
)
def test_held_messages_are_bounded_by_number_and_size(
    reach: Reach, situation: str, sizes: list[int], fits: bool
) -> None:
    session = reach(situation)
    for size in sizes:
        session.receive_message(action(size), size)
    backlog = End(EndCause.BACKLOG, 1011, "message.incoming_backlog")
    assert session.end == (None if fits else backlog)
    assert session.running is not None  # C7: the hook goes on
    assert session.events_received() == []


def test_past_the_bound_the_client_is_closed_with_its_reason(make_session: Make) -> None:
    session = make_session(max_held_messages=0)
    session.receive_message(action(1), 1)
    session.receive_hook_returned(Hook.ON_BEFORE_CONNECT)
    assert session.messages_to_send() == [Close(1011, "message.incoming_backlog")]


def test_what_was_held_counts_no_longer_once_it_was_dispatched(make_session: Make) -> None:
    session = make_session(max_held_messages=1)
    session.receive_message(action(1), 1)
    open_up(session)
    for number in range(5):
        session.receive_message(action(number), 1000)
    assert session.end is None


def test_an_end_drops_what_was_held(
    make_session: Make, snapshot_of: Callable[..., dict[str, object]]
) -> None:
    session = make_session()
    session.receive_message(action(1), 1)
    session.receive_end(End(EndCause.CLIENT_CLOSED, 1000, ""))
    assert snapshot_of(session)["_held"] == []
    open_events = session.events_received()
    session.receive_hook_returned(Hook.ON_BEFORE_CONNECT)
    assert not any(
        isinstance(event, RunAction) for event in open_events + session.events_received()
    )


def test_a_rejection_drops_what_was_held(
    make_session: Make, snapshot_of: Callable[..., dict[str, object]]
) -> None:
    session = make_session()
    session.receive_message(action(1), 1)
    session.receive_hook_failed(Hook.ON_BEFORE_CONNECT, NO_EVENT)
    assert snapshot_of(session)["_held"] == []


# ------------------------------------------------------------------ subscriptions


def test_only_a_change_of_subscription_is_told(reach: Reach) -> None:
    session = reach("open")
    for subscribe in (False, True, True, False, False):
        session.receive_message(SubscriptionRequest("posted", subscribe), 1)
    assert session.events_received() == [
        SubscriptionChanged("posted", True),
        SubscriptionChanged("posted", False),
    ]


def test_subscriptions_are_gone_with_the_connection(reach: Reach) -> None:
    session = reach("open")
    session.receive_message(SubscriptionRequest("posted", True), 1)
    view = session.subscriptions
    assert set(view) == {"posted"}
    assert session.is_subscribed("posted")
    session.receive_transport_closed()
    assert set(view) == set()
    assert not session.is_subscribed("posted")


def test_a_refused_subscription_is_undone_and_told(reach: Reach) -> None:
    session = reach("open")
    session.receive_message(SubscriptionRequest("x", True), 1)
    session.refuse_subscription("x", NO_EVENT)
    assert not session.is_subscribed("x")
    assert session.messages_to_send() == [NO_EVENT]
    assert session.phase is Phase.OPEN


def test_a_refusal_that_comes_too_late_changes_nothing(reach: Reach) -> None:
    session = reach("disconnect")
    session.refuse_subscription("x", NO_EVENT)
    assert session.messages_to_send() == []


# ------------------------------------------------------------------ C13, C6: sends


@pytest.mark.parametrize(
    "situation",
    [
        "before_connect",
        "conn_state",
        "connect",
        "connect ended",
        "connect gone",
        "open",
        "disconnect",
        "closing waits",
        "refused deferred",
        "closed",
    ],
)
def test_events_go_out_in_conns_only(reach: Reach, situation: str) -> None:
    session = reach(situation)
    session.send_event(EVENT)
    sent = situation in IN_CONNS and situation != "connect gone"
    assert session.messages_to_send() == ([EVENT] if sent else [])


@pytest.mark.parametrize(
    "situation", ["before_connect", "connect", "open", "disconnect", "rejected deferred", "closed"]
)
def test_answers_go_out_while_open_only(reach: Reach, situation: str) -> None:
    session = reach(situation)
    error = Error("user", "x", "m", None, None, ActorIdentity("a", 1))
    session.send_response(4, "out")
    session.send_error(5, error)
    session.send_error(None, error)
    answers = [
        ActionResponse(4, "out"),
        Error("user", "x", "m", None, 5, ActorIdentity("a", 1)),
        error,
    ]
    assert session.messages_to_send() == (answers if situation == "open" else [])


def test_events_of_on_connect_come_before_init(reach: Reach) -> None:
    session = reach("connect")
    session.send_event(EVENT)
    session.receive_hook_returned(Hook.ON_CONNECT)
    session.send_event(EVENT)
    assert session.messages_to_send() == [EVENT, Init("actor-1", "conn-1"), EVENT]


def test_what_waits_to_be_sent_is_dropped_with_the_transport(reach: Reach) -> None:
    session = reach("open")
    session.send_event(EVENT)
    session.receive_transport_closed()
    assert session.messages_to_send() == []


# ------------------------------------------------------------------ C7, C9: ends


@pytest.mark.parametrize("cause", EndCause)
@pytest.mark.parametrize("situation", ["before_connect", "conn_state", "connect", "open"])
def test_the_close_frame_of_each_cause(reach: Reach, situation: str, cause: EndCause) -> None:
    session = reach(situation)
    session.receive_end(End(cause, 4000, "why"))
    if session.running is not Hook.ON_DISCONNECT:
        assert session.messages_to_send() == []
        assert session.running is not None
        session.receive_hook_returned(session.running)
    expected = [] if cause in {EndCause.CLIENT_CLOSED, EndCause.DROPPED} else [Close(4000, "why")]
    assert session.messages_to_send() == expected


@pytest.mark.parametrize(
    "situation", ["before_connect", "connect", "open", "disconnect", "rejected deferred"]
)
def test_the_first_cause_wins(reach: Reach, situation: str) -> None:
    session = reach(situation)
    first = session.end or End(EndCause.DISCONNECT, 1000, "first")
    session.receive_end(first)
    session.receive_end(End(EndCause.SHUTDOWN, 1001, "ws.going_away"))
    session.receive_transport_closed()
    assert session.end == first


@pytest.mark.parametrize("situation", ["before_connect", "connect", "open"])
def test_a_lost_transport_is_an_end(reach: Reach, situation: str) -> None:
    session = reach(situation)
    session.receive_transport_closed()
    assert session.end == End(EndCause.DROPPED, 1006, "")


def test_a_rejection_by_a_hook_is_no_end(reach: Reach) -> None:
    session = reach("refused deferred")
    session.receive_end(End(EndCause.SLEEP, 1001, "ws.going_away"))
    session.receive_transport_closed()
    assert session.end is None
