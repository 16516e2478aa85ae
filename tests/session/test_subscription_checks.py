"""Subscriptions that are asked about: C5 and C16, where ``can_subscribe`` decides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyactor.errors import IllegalInput
from pyactor.session import (
    CheckSubscription,
    Close,
    End,
    EndCause,
    Hook,
    Phase,
    RunAction,
    ServerSession,
    SubscriptionChanged,
)
from pyactor.wire.messages import (
    ActionRequest,
    ActionResponse,
    Error,
    Event,
    Init,
    SubscriptionRequest,
)

Make = Callable[..., ServerSession]
Snapshot = Callable[[object], dict[str, object]]

FORBIDDEN = Error("auth", "forbidden", "not you")
EVENT = Event("posted", ["hi"])


def action(number: int) -> ActionRequest:
    return ActionRequest(number, "post", [number])


def subscribe(session: ServerSession, name: str = "posted", *, on: bool = True) -> None:
    session.receive_message(SubscriptionRequest(name, on), 10)


@pytest.fixture
def session(make_session: Make) -> ServerSession:
    """An open one that is asked about its subscriptions."""
    made = make_session(checks_subscriptions=True)
    for hook in (Hook.ON_BEFORE_CONNECT, Hook.CREATE_CONN_STATE, Hook.ON_CONNECT):
        made.receive_hook_returned(hook)
    made.messages_to_send()
    made.events_received()
    return made


def test_a_new_subscription_waits_for_the_verdict(session: ServerSession) -> None:
    subscribe(session)
    assert session.events_received() == [CheckSubscription("posted")]
    assert not session.is_subscribed("posted")
    session.receive_subscription_checked("posted", None)
    assert session.events_received() == [SubscriptionChanged("posted", True)]
    assert session.is_subscribed("posted")
    assert session.messages_to_send() == []


def test_an_action_sent_after_it_sees_it_in_effect(session: ServerSession) -> None:
    session.receive_message(action(1), 1)
    subscribe(session)
    session.receive_message(action(2), 1)
    session.receive_message(action(3), 1)
    assert session.events_received() == [RunAction(action(1)), CheckSubscription("posted")]
    session.receive_subscription_checked("posted", None)
    assert session.events_received() == [
        SubscriptionChanged("posted", True),
        RunAction(action(2)),
        RunAction(action(3)),
    ]


def test_a_refusal_is_told_and_the_connection_goes_on(session: ServerSession) -> None:
    subscribe(session)
    session.receive_message(action(1), 1)
    session.events_received()
    session.receive_subscription_checked("posted", FORBIDDEN)
    assert session.messages_to_send() == [FORBIDDEN]
    assert session.events_received() == [RunAction(action(1))]
    assert (session.phase, session.end) == (Phase.OPEN, None)
    assert not session.is_subscribed("posted")
    subscribe(session)
    assert session.events_received() == [CheckSubscription("posted")]  # asked anew


def test_one_question_at_a_time(session: ServerSession) -> None:
    for name in ("posted", "left"):
        subscribe(session, name)
    session.receive_message(action(1), 1)
    assert session.events_received() == [CheckSubscription("posted")]
    session.receive_subscription_checked("posted", None)
    assert session.events_received() == [
        SubscriptionChanged("posted", True),
        CheckSubscription("left"),
    ]
    session.receive_subscription_checked("left", FORBIDDEN)
    assert session.events_received() == [RunAction(action(1))]


def test_only_what_is_new_is_asked_about(session: ServerSession) -> None:
    subscribe(session, on=False)
    assert session.events_received() == []
    subscribe(session)
    session.receive_subscription_checked("posted", None)
    session.events_received()
    subscribe(session)
    assert session.events_received() == []
    subscribe(session, on=False)
    assert session.events_received() == [SubscriptionChanged("posted", False)]


def test_what_was_held_while_it_connected_is_asked_about_in_its_turn(make_session: Make) -> None:
    session = make_session(checks_subscriptions=True)
    session.events_received()
    subscribe(session)
    session.receive_message(action(1), 1)
    for hook in (Hook.ON_BEFORE_CONNECT, Hook.CREATE_CONN_STATE):
        session.receive_hook_returned(hook)
    session.events_received()
    session.receive_hook_returned(Hook.ON_CONNECT)
    assert session.messages_to_send() == [Init("actor-1", "conn-1")]
    assert session.events_received() == [CheckSubscription("posted")]
    session.receive_subscription_checked("posted", None)
    assert session.events_received() == [
        SubscriptionChanged("posted", True),
        RunAction(action(1)),
    ]


def test_answers_and_events_do_not_wait_for_the_verdict(session: ServerSession) -> None:
    subscribe(session)
    session.send_event(EVENT)
    session.send_response(7, "out")
    session.send_error(8, FORBIDDEN)
    assert session.messages_to_send() == [
        EVENT,
        ActionResponse(7, "out"),
        Error("auth", "forbidden", "not you", None, 8),
    ]


@pytest.mark.parametrize(
    ("sizes", "fits"),
    [([1, 1, 1], True), ([1, 1, 1, 1], False), ([50, 50], True), ([50, 51], False)],
)
def test_what_is_held_meanwhile_is_bounded(
    session: ServerSession, sizes: list[int], fits: bool
) -> None:
    subscribe(session)
    for size in sizes:
        session.receive_message(action(size), size)
    assert (session.end is None) is fits
    frames = session.messages_to_send()
    assert frames == ([] if fits else [Close(1011, "message.incoming_backlog")])
    assert session.running is (None if fits else Hook.ON_DISCONNECT)


def test_what_was_released_counts_no_longer(session: ServerSession) -> None:
    for _ in range(5):
        subscribe(session)
        session.receive_message(action(1), 90)
        session.receive_subscription_checked("posted", FORBIDDEN)
    assert session.end is None


def test_what_is_still_held_still_counts(session: ServerSession) -> None:
    for name in ("a", "b"):
        subscribe(session, name)
    session.receive_message(action(1), 60)
    session.receive_subscription_checked("a", None)  # releases b, not the action
    session.receive_message(action(2), 41)
    assert session.end == End(EndCause.BACKLOG, 1011, "message.incoming_backlog")


@pytest.mark.parametrize("verdict", [None, FORBIDDEN])
def test_a_late_verdict_is_dropped(session: ServerSession, verdict: Error | None) -> None:
    subscribe(session)
    session.receive_message(action(1), 1)
    session.receive_end(End(EndCause.SHUTDOWN, 1001, "ws.going_away"))
    session.messages_to_send()
    session.events_received()
    session.receive_subscription_checked("posted", verdict)
    assert (session.messages_to_send(), session.events_received()) == ([], [])
    assert not session.is_subscribed("posted")


def test_a_verdict_on_something_else_is_illegal(
    session: ServerSession, snapshot_of: Snapshot
) -> None:
    subscribe(session)
    before = snapshot_of(session)
    with pytest.raises(IllegalInput) as caught:
        session.receive_subscription_checked("left", None)
    assert str(caught.value) == (
        "connection conn-1: a verdict on 'left' is illegal, 'posted' was asked about (C5)"
    )
    assert snapshot_of(session) == before


def test_nothing_is_asked_where_nothing_decides(make_session: Make) -> None:
    session = make_session(checks_subscriptions=False)
    for hook in (Hook.ON_BEFORE_CONNECT, Hook.CREATE_CONN_STATE, Hook.ON_CONNECT):
        session.receive_hook_returned(hook)
    session.events_received()
    subscribe(session)
    assert session.events_received() == [SubscriptionChanged("posted", True)]
    with pytest.raises(IllegalInput, match=r"by C5: a verdict on what was asked about"):
        session.receive_subscription_checked("posted", None)
