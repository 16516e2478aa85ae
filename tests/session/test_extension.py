"""The host's side of the extension: what is acknowledged, refused, numbered (C5, C13)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyactor.session import (
    CheckSubscription,
    End,
    EndCause,
    Hook,
    ServerSession,
    SubscriptionChanged,
)
from pyactor.wire.messages import (
    ActorIdentity,
    Error,
    ExtendedInit,
    Init,
    NumberedEvent,
    Position,
    Subscribed,
    SubscribeRequest,
    SubscriptionRequest,
)

Make = Callable[..., ServerSession]
AFTER = Position("life", 3)
REQUEST = SubscribeRequest(7, "posted", AFTER)
ERROR = Error("auth", "forbidden", "not you")
KICK = End(EndCause.DISCONNECT, 1000, "bye")


@pytest.fixture
def open_session(make_session: Make) -> Make:
    """Makes one whose ``Init`` is sent."""

    def make(*, checks_subscriptions: bool = False) -> ServerSession:
        session = make_session(checks_subscriptions=checks_subscriptions)
        for hook in (Hook.ON_BEFORE_CONNECT, Hook.CREATE_CONN_STATE, Hook.ON_CONNECT):
            session.receive_hook_returned(hook)
        session.messages_to_send()
        session.events_received()
        return session

    return make


@pytest.mark.parametrize("extension", [0, 1])
def test_only_who_asked_for_it_hears_of_it_in_init(extension: int) -> None:
    session = ServerSession(
        actor=ActorIdentity("actor-1", 1),
        connection_id="conn-1",
        max_held_messages=1,
        max_held_size=1,
        checks_subscriptions=False,
        extension=extension,
    )
    for hook in (Hook.ON_BEFORE_CONNECT, Hook.CREATE_CONN_STATE, Hook.ON_CONNECT):
        session.receive_hook_returned(hook)
    init = ExtendedInit("actor-1", "conn-1", 1) if extension else Init("actor-1", "conn-1")
    assert session.messages_to_send() == [init]


def test_a_request_is_to_be_answered(open_session: Make) -> None:
    session = open_session()
    session.receive_message(REQUEST, 1)
    assert session.events_received() == [SubscriptionChanged("posted", True, 7, AFTER)]
    assert session.is_subscribed("posted")
    assert session.is_numbered("posted")
    session.send_subscribed(7, Position("life", 5))
    session.send_event(NumberedEvent("posted", [], 6))
    assert session.messages_to_send() == [
        Subscribed(7, Position("life", 5)),
        NumberedEvent("posted", [], 6),
    ]


def test_a_plain_request_is_neither_answered_nor_numbered(open_session: Make) -> None:
    session = open_session()
    session.receive_message(SubscriptionRequest("posted", True), 1)
    assert session.events_received() == [SubscriptionChanged("posted", True)]
    assert not session.is_numbered("posted")


@pytest.mark.parametrize("checks_subscriptions", [False, True])
def test_who_is_subscribed_already_is_answered_too(
    open_session: Make, checks_subscriptions: bool
) -> None:
    session = open_session(checks_subscriptions=checks_subscriptions)
    session.receive_message(SubscriptionRequest("posted", True), 1)
    if checks_subscriptions:
        session.receive_subscription_checked("posted", None)
    session.events_received()
    session.receive_message(REQUEST, 1)
    assert session.events_received() == [SubscriptionChanged("posted", True, 7, AFTER)]
    assert session.is_numbered("posted")


def test_an_end_of_it_ends_the_numbers(open_session: Make) -> None:
    session = open_session()
    session.receive_message(REQUEST, 1)
    session.receive_message(SubscriptionRequest("posted", False), 1)
    assert not session.is_numbered("posted")
    session.receive_message(REQUEST, 1)
    session.receive_end(KICK)
    assert not session.is_numbered("posted")
    session.messages_to_send()
    session.send_subscribed(7, None)
    assert session.messages_to_send() == []


def test_nothing_is_answered_before_the_verdict(open_session: Make) -> None:
    session = open_session(checks_subscriptions=True)
    session.receive_message(REQUEST, 1)
    assert session.events_received() == [CheckSubscription("posted")]
    assert not session.is_numbered("posted")
    session.receive_subscription_checked("posted", None)
    assert session.events_received() == [SubscriptionChanged("posted", True, 7, AFTER)]


def test_a_refusal_names_the_request(open_session: Make) -> None:
    session = open_session(checks_subscriptions=True)
    session.receive_message(REQUEST, 1)
    session.receive_subscription_checked("posted", ERROR)
    told = Error("auth", "forbidden", "not you", action_id=7)
    assert session.messages_to_send() == [told]
    session.refuse_subscription("posted", ERROR, 7)
    assert session.messages_to_send() == [told]
    assert not session.is_numbered("posted")
