"""Sessions in every situation, reached by public inputs only."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from pyactor.session import End, EndCause, Hook, ServerSession
from pyactor.wire.messages import ActorIdentity, Error, SubscriptionRequest

ACTOR = ActorIdentity("actor-1", 3, "room")
REFUSAL = Error("user", "bad_token", "no", {"why": 1})
KICK = End(EndCause.DISCONNECT, 1000, "bye")

BEFORE, STATE = Hook.ON_BEFORE_CONNECT, Hook.CREATE_CONN_STATE
CONNECT, DISCONNECT = Hook.ON_CONNECT, Hook.ON_DISCONNECT


def new_session(
    *, max_held_messages: int = 3, max_held_size: int = 100, checks_subscriptions: bool = False
) -> ServerSession:
    return ServerSession(
        actor=ACTOR,
        connection_id="conn-1",
        max_held_messages=max_held_messages,
        max_held_size=max_held_size,
        checks_subscriptions=checks_subscriptions,
    )


def snapshot(session: object) -> dict[str, object]:
    """All that a session knows, queued output included."""
    names: tuple[str, ...] = type(session).__slots__  # type: ignore[attr-defined]
    return {name: copy.deepcopy(getattr(session, name)) for name in names}


def _returned(hook: Hook) -> Callable[[ServerSession], None]:
    return lambda session: session.receive_hook_returned(hook)


def _failed(hook: Hook) -> Callable[[ServerSession], None]:
    return lambda session: session.receive_hook_failed(hook, REFUSAL)


def _end(session: ServerSession) -> None:
    session.receive_end(KICK)


def _subscribe(session: ServerSession) -> None:
    session.receive_message(SubscriptionRequest("posted", True), 10)


Step = Callable[[ServerSession], None]
_gone: Step = ServerSession.receive_transport_closed
_deferred: Step = ServerSession.receive_deferred_finished

_AT_STATE = (_returned(BEFORE),)
_AT_CONNECT = (*_AT_STATE, _returned(STATE))
_OPEN = (*_AT_CONNECT, _returned(CONNECT))
_REFUSED = (_failed(BEFORE),)
_REJECTED = (_end, _returned(BEFORE))
_DEFERRED = (*_OPEN, _end, _returned(DISCONNECT))

SITUATIONS: dict[str, tuple[Step, ...]] = {
    "before_connect": (),
    "before_connect ended": (_end,),
    "before_connect gone": (_gone,),
    "conn_state": _AT_STATE,
    "conn_state ended": (*_AT_STATE, _end),
    "conn_state gone": (*_AT_STATE, _gone),
    "connect": _AT_CONNECT,
    "connect ended": (*_AT_CONNECT, _end),
    "connect gone": (*_AT_CONNECT, _gone),
    "open": _OPEN,
    "check": (*_OPEN, _subscribe),  # with checks_subscriptions=True
    "disconnect": (*_OPEN, _end),
    "disconnect gone": (*_OPEN, _gone),
    "closing deferred": _DEFERRED,
    "closing deferred gone": (*_OPEN, _gone, _returned(DISCONNECT)),
    "closing waits": (*_DEFERRED, _deferred),
    "refused deferred": _REFUSED,
    "refused deferred gone": (*_REFUSED, _gone),
    "refused waits": (*_REFUSED, _deferred),
    "refused closed": (*_REFUSED, _deferred, _gone),
    "rejected deferred": _REJECTED,
    "rejected deferred gone": (_gone, _returned(BEFORE)),
    "rejected waits": (*_REJECTED, _deferred),
    "closed": (*_DEFERRED, _deferred, _gone),
}


@pytest.fixture
def reach() -> Callable[..., ServerSession]:
    """The session of a named situation, its outputs drained."""

    def make(situation: str, *, checks_subscriptions: bool = False) -> ServerSession:
        session = new_session(checks_subscriptions=checks_subscriptions)
        for step in SITUATIONS[situation]:
            step(session)
        session.messages_to_send()
        session.events_received()
        return session

    return make


@pytest.fixture
def snapshot_of() -> Callable[[object], dict[str, object]]:
    return snapshot


@pytest.fixture
def make_session() -> Callable[..., ServerSession]:
    return new_session
