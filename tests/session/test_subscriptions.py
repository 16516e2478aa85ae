"""What a client knows of its subscriptions: acknowledged, refused, and up to where (C13)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyactor.session._client import (
    ClientSession,
    ErrorArrived,
    EventArrived,
    Missed,
    SubscriptionAcknowledged,
    SubscriptionRefused,
    SubscriptionState,
)
from pyactor.wire.messages import (
    ActionRequest,
    Error,
    ExtendedInit,
    Init,
    NumberedEvent,
    Position,
    Subscribed,
    SubscribeRequest,
    SubscriptionRequest,
)

EXTENDED = ExtendedInit("actor-1", "conn-1", 1)
PLAIN = Init("actor-1", "conn-1")
ACKNOWLEDGED = SubscriptionAcknowledged("posted")
TOLD = (EventArrived, Missed, SubscriptionAcknowledged, SubscriptionRefused, ErrorArrived)


def opened(init: Init | ExtendedInit = EXTENDED, *, is_replayed: bool = True) -> ClientSession:
    """A session that wants ``posted`` and has sent its first request for it."""
    session = ClientSession(max_waiting=10)
    session.subscribe("posted", is_replayed=is_replayed)
    session.connect()
    session.receive_message(init)
    session.events_received()
    return session


def told(session: ClientSession) -> list[Any]:
    return [each for each in session.events_received() if isinstance(each, TOLD)]


def come_back(session: ClientSession, init: Init | ExtendedInit = EXTENDED) -> list[Any]:
    """Lose the connection and make it anew; what is then asked of the host."""
    session.receive_lost()
    session.retry()
    session.messages_to_send()
    session.receive_message(init)
    return session.messages_to_send()


def acknowledge(session: ClientSession, *position: Any) -> list[Any]:
    """Answer the latest request of ``posted`` with a position, or without; what that tells."""
    (*_, request) = session.messages_to_send()
    assert isinstance(request, SubscribeRequest)
    session.receive_message(Subscribed(request.id, Position(*position) if position else None))
    return told(session)


def event(sequence: int) -> NumberedEvent:
    return NumberedEvent("posted", [sequence], sequence)


def arrived(sequence: int) -> EventArrived:
    return EventArrived("posted", [sequence])


def test_a_request_has_an_id_that_no_call_has() -> None:
    session = ClientSession(max_waiting=10)
    session.subscribe("posted")
    session.subscribe("left")
    session.connect()
    first = session.call("post", [])
    session.receive_message(EXTENDED)
    second = session.call("post", [])
    frames = session.messages_to_send()
    asked = [frame for frame in frames if isinstance(frame, SubscribeRequest)]
    assert [frame.event_name for frame in asked] == ["posted", "left"]
    assert frames[2:] == [ActionRequest(first, "post", []), ActionRequest(second, "post", [])]
    assert len({first, second, *(frame.id for frame in asked)}) == 4
    session.unsubscribe("left")
    assert session.messages_to_send() == [SubscriptionRequest("left", False)]


def test_an_acknowledgement_is_told() -> None:
    session = opened()
    assert session.extension == 1
    assert session.subscription("posted") == (SubscriptionState.PENDING, None)
    assert session.subscription("left") == (SubscriptionState.NONE, None)
    assert acknowledge(session, "life", 0) == [ACKNOWLEDGED]
    assert session.subscription("posted") == (SubscriptionState.ACKNOWLEDGED, None)
    session.receive_lost()
    assert session.subscription("posted") == (SubscriptionState.PENDING, None)


def test_a_refusal_is_told_and_asked_about_anew() -> None:
    session = opened()
    (request,) = session.messages_to_send()
    assert isinstance(request, SubscribeRequest)
    error = Error("auth", "forbidden", "no", action_id=request.id)
    session.receive_message(error)
    session.receive_message(error)
    assert told(session) == [SubscriptionRefused("posted", error)]
    assert session.subscription("posted") == (SubscriptionState.REFUSED, error)
    assert come_back(session) == [SubscribeRequest(request.id + 1, "posted")]
    assert session.subscription("posted") == (SubscriptionState.PENDING, None)


def test_it_comes_back_with_its_position() -> None:
    session = opened()
    acknowledge(session, "life", 4)
    session.receive_message(event(5))
    session.receive_message(event(6))
    assert told(session) == [arrived(5), arrived(6)]
    assert come_back(session) == [SubscribeRequest(2, "posted", Position("life", 6))]


def test_the_position_of_the_acknowledgement_counts_if_no_event_came() -> None:
    session = opened()
    acknowledge(session, "life", 4)
    for request_id in (2, 3):  # the second time nothing was acknowledged in between
        assert come_back(session) == [SubscribeRequest(request_id, "posted", Position("life", 4))]


@pytest.mark.parametrize(
    ("position", "missed"),
    [
        (("life", 4), []),
        (("life", 5), [Missed("posted", 1)]),
        (("life", 9), [Missed("posted", 5)]),
        (("life", 3), [Missed("posted", None)]),  # a host that contradicts itself
        (("next", 4), [Missed("posted", None)]),
        (("next", 0), [Missed("posted", None)]),
        ((), [Missed("posted", None)]),
    ],
)
def test_what_an_acknowledgement_says_of_what_is_missing(
    position: tuple[Any, ...], missed: list[Missed]
) -> None:
    session = opened()
    acknowledge(session, "life", 4)
    session.receive_lost()
    session.retry()
    session.receive_message(EXTENDED)
    told(session)
    assert acknowledge(session, *position) == [*missed, ACKNOWLEDGED]


def test_a_hole_is_told_and_a_repeat_is_not_delivered() -> None:
    session = opened()
    acknowledge(session, "life", 0)
    for sequence in (1, 1, 4, 3, 5):
        session.receive_message(event(sequence))
    assert told(session) == [arrived(1), Missed("posted", 2), arrived(4), arrived(5)]


def test_a_numbered_event_of_no_subscription_is_not_delivered() -> None:
    session = opened()
    session.receive_message(event(1))  # before it was acknowledged
    acknowledge(session, "life", 1)
    session.unsubscribe("posted")
    session.receive_message(event(2))
    session.subscribe("posted")  # anew, from wherever the host then is
    session.receive_message(event(3))
    (*_, request) = session.messages_to_send()
    assert request == SubscribeRequest(2, "posted")
    assert told(session) == []


def test_an_event_without_position_is_not_expected_to_be_numbered() -> None:
    session = opened()
    acknowledge(session)
    session.receive_message(event(1))
    assert told(session) == []


def test_a_late_answer_to_what_was_given_up_says_nothing() -> None:
    session = opened()
    (request,) = session.messages_to_send()
    assert isinstance(request, SubscribeRequest)
    session.unsubscribe("posted")
    session.unsubscribe("posted")
    session.subscribe("posted")
    session.receive_message(Subscribed(request.id, Position("life", 9)))
    assert told(session) == []
    assert session.subscription("posted") == (SubscriptionState.PENDING, None)


def test_what_is_asked_for_while_nothing_is_connected_has_no_request_to_forget() -> None:
    session = ClientSession(max_waiting=1)
    session.subscribe("posted")
    session.unsubscribe("posted")
    assert session.subscription("posted") == (SubscriptionState.NONE, None)


# ------------------------------------------------------------------ hosts without the extension


def test_a_plain_host_answers_nothing() -> None:
    session = opened(PLAIN)
    assert session.extension == 0
    assert session.messages_to_send() == [SubscriptionRequest("posted", True)]
    assert session.subscription("posted") == (SubscriptionState.UNANSWERED, None)


@pytest.mark.parametrize("is_replayed", [True, False])
def test_behind_a_plain_host_anything_may_be_missing(is_replayed: bool) -> None:
    session = opened(PLAIN, is_replayed=is_replayed)
    lost = [Missed("posted", None)] if is_replayed else []
    assert come_back(session, PLAIN) == [SubscriptionRequest("posted", True)]
    assert told(session) == lost
    session.receive_lost()
    session.retry()
    session.receive_message(EXTENDED)
    assert told(session) == []
    assert acknowledge(session, "life", 7) == [*lost, ACKNOWLEDGED]


def test_a_position_is_lost_to_a_plain_host() -> None:
    session = opened(is_replayed=False)
    acknowledge(session, "life", 7)
    come_back(session, PLAIN)
    assert told(session) == [Missed("posted", None)]
    come_back(session)
    assert told(session) == []


def test_a_host_that_keeps_nothing_of_the_event() -> None:
    session = opened()
    assert acknowledge(session) == [ACKNOWLEDGED]
    session.receive_lost()
    session.retry()
    session.receive_message(EXTENDED)
    told(session)
    assert acknowledge(session) == [Missed("posted", None), ACKNOWLEDGED]


def test_an_init_that_comes_again_changes_nothing() -> None:
    session = opened()
    session.receive_message(PLAIN)
    assert session.extension == 1


# ------------------------------------------------------------------ whatever a host does


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.integers(1, 8)),
        st.tuples(st.just("acknowledge"), st.sampled_from(["a", "b"]), st.integers(0, 8)),
        st.tuples(st.just("lose")),
    ),
    max_size=30,
)


@given(steps=STEPS)
def test_there_is_no_hole_and_no_repeat_unless_it_is_told(steps: list[tuple[Any, ...]]) -> None:
    session = opened()
    known: tuple[str, int] | None = None  # in whose life, and what was delivered last
    for step in steps:
        request_id = 0
        for frame in session.messages_to_send():
            request_id = frame.id if isinstance(frame, SubscribeRequest) else request_id
        match step:
            case ("event", sequence):
                session.receive_message(event(sequence))
            case ("acknowledge", epoch, sequence) if request_id:
                session.receive_message(Subscribed(request_id, Position(epoch, sequence)))
                new = (epoch, sequence)
                gaps = [each for each in told(session) if isinstance(each, Missed)]
                assert bool(gaps) == (known is not None and known != new)
                known = new
            case ("lose",):
                session.receive_lost()
                session.retry()
                session.receive_message(EXTENDED)
        for each in told(session):
            if isinstance(each, Missed):
                if known is not None and each.count is not None:
                    known = (known[0], known[1] + each.count)
            elif isinstance(each, EventArrived):
                assert known is not None
                assert each.args == [known[1] + 1]
                known = (known[0], known[1] + 1)
