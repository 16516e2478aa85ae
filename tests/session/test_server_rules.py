"""Every short life of a connection, enumerated and held against a model.

``Model`` predicts what a session gives out from the words of rules C1-C7, C9, C10, C13 and C16,
with and without subscriptions under check; it knows no table.
"""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from pyactor.session import (
    CheckSubscription,
    Close,
    Closed,
    End,
    EndCause,
    Hook,
    Joined,
    Left,
    Phase,
    RunAction,
    RunDeferred,
    RunHook,
    ServerSession,
    SubscriptionChanged,
)
from pyactor.wire.messages import (
    ActionRequest,
    ActorIdentity,
    Error,
    Event,
    Init,
    SubscriptionRequest,
    ToServer,
)

ACTOR = ActorIdentity("actor-1", 1, "room")
REFUSAL = Error("user", "no", "not you")
REFUSED: list[object] = [
    Error("user", "no", "not you", None, None, ACTOR),
    Close(1011, "user.no"),
]
UNHEARD = {EndCause.CLIENT_CLOSED, EndCause.DROPPED}
HELD_AT_MOST = 2

Outputs = tuple[list[object], list[object]]  # events, frames


VERDICTS = {"allowed": None, "forbidden": Error("auth", "forbidden", "not you")}


class Model:
    """What a session must give out, told by the rules instead of by a table."""

    def __init__(self, *, checks: bool) -> None:
        self.checks = checks
        self.asked: str | None = None  # about the event of that name
        self.running: Hook | None = Hook.ON_BEFORE_CONNECT
        self.end: End | None = None
        self.refused = False
        self.gone = False
        self.in_conns = False
        self.answers = False  # on_connect returned, and it has not left
        self.left = False
        self.deferring = False
        self.deferred = False
        self.waiting: list[ToServer] = []
        self.subscribed: set[str] = set()

    def clone(self) -> Model:
        twin = copy.copy(self)
        twin.waiting = self.waiting[:]
        twin.subscribed = set(self.subscribed)
        return twin

    @property
    def over(self) -> bool:
        return self.deferred and self.gone

    def _go(self) -> Outputs:
        """The end of a connection that no hook is connecting (C3, C4, C9)."""
        assert self.end is not None
        events: list[object] = [Left(), RunHook(Hook.ON_DISCONNECT)]
        self.in_conns = self.answers = False
        self.left = True
        self.waiting = []
        self.subscribed.clear()
        self.running = Hook.ON_DISCONNECT
        return events, self._close()

    def _close(self) -> list[object]:
        if self.end is None or self.gone or self.end.cause in UNHEARD:
            return []
        return [Close(self.end.code, self.end.reason)]

    def _reject(self, frames: list[object]) -> Outputs:
        """No later hook runs (C2, C7); what was deferred runs all the same (C10)."""
        events: list[object] = [Left()] if self.in_conns else []
        self.in_conns = False
        self.left = True
        self.running = None
        self.deferring = True
        return [*events, RunDeferred()], frames

    def returned(self) -> Outputs:
        hook, self.running = self.running, None
        if hook is Hook.ON_DISCONNECT:
            self.deferring = True
            return [RunDeferred()], []
        if self.end is not None:
            return self._go() if hook is Hook.ON_CONNECT else self._reject(self._close())
        if hook is Hook.ON_BEFORE_CONNECT:
            self.running = Hook.CREATE_CONN_STATE
            return [RunHook(Hook.CREATE_CONN_STATE)], []
        if hook is Hook.CREATE_CONN_STATE:
            self.running = Hook.ON_CONNECT
            self.in_conns = True
            return [Joined(), RunHook(Hook.ON_CONNECT)], []
        self.answers = True
        return self._released(), [Init("actor-1", "conn-1")]

    def failed(self) -> Outputs:
        if self.running is Hook.ON_DISCONNECT:
            return self.returned()
        if self.end is not None:
            return self._reject(self._close())
        self.refused = True
        return self._reject(REFUSED)

    def message(self, message: ToServer) -> Outputs:
        if self.answers and self.asked is None:
            return self._dispatched(message), []
        if not self.left and self.end is None:
            self.waiting.append(message)
            if len(self.waiting) > HELD_AT_MOST:
                return self.ended(End(EndCause.BACKLOG, 1011, "message.incoming_backlog"))
        return [], []

    def ended(self, end: End) -> Outputs:
        if self.end is None and not self.refused:
            self.end = end
            if self.answers:
                return self._go()
        return [], []

    def lost(self) -> Outputs:
        self.gone = True
        outputs = self.ended(End(EndCause.DROPPED, 1006, ""))
        return ([Closed()], []) if self.over else outputs

    def deferred_finished(self) -> Outputs:
        self.deferring, self.deferred = False, True
        return ([Closed()], []) if self.over else ([], [])

    def sent(self, event: Event) -> Outputs:
        return [], [event] if self.in_conns and not self.gone else []

    def checked(self, refusal: Error | None) -> Outputs:
        """The verdict (C5): late ones change nothing, and none ends the connection."""
        name, self.asked = self.asked, None
        assert name is not None
        if self.left:
            return [], []
        if refusal is not None:
            return self._released(), [refusal]
        self.subscribed.add(name)
        return [SubscriptionChanged(name, True), *self._released()], []

    def _released(self) -> list[object]:
        """What was held, in order, up to the next question (C5)."""
        events: list[object] = []
        while self.waiting and self.asked is None:
            events += self._dispatched(self.waiting.pop(0))
        return events

    def _dispatched(self, message: ToServer) -> list[object]:
        if isinstance(message, ActionRequest):
            return [RunAction(message)]
        if message.subscribe == (message.event_name in self.subscribed):
            return []
        if message.subscribe and self.checks:
            self.asked = message.event_name
            return [CheckSubscription(message.event_name)]
        self.subscribed ^= {message.event_name}
        return [SubscriptionChanged(message.event_name, message.subscribe)]


class Pair:
    """A session and the model, given the same inputs."""

    def __init__(self, session: ServerSession, model: Model) -> None:
        self.session = session
        self.model = model

    @classmethod
    def begin(cls, *, checks: bool) -> Pair:
        session = ServerSession(
            actor=ACTOR,
            connection_id="conn-1",
            max_held_messages=HELD_AT_MOST,
            max_held_size=1000,
            checks_subscriptions=checks,
        )
        assert session.events_received() == [RunHook(Hook.ON_BEFORE_CONNECT)]
        return cls(session, Model(checks=checks))

    @classmethod
    def begin_open(cls, *, checks: bool) -> Pair:
        """Past the hooks of connecting."""
        pair = cls.begin(checks=checks)
        for _ in range(3):
            pair.do("returned")
        return pair

    def clone(self) -> Pair:
        twin = object.__new__(ServerSession)
        for name in ServerSession.__slots__:
            value = getattr(self.session, name)
            setattr(twin, name, value.copy() if isinstance(value, list | set) else value)
        return Pair(twin, self.model.clone())

    def do(self, name: str, value: object = None) -> None:
        """Give both the input, and compare all that they give out and tell."""
        session, model = self.session, self.model
        match value:
            case End():
                session.receive_end(value)
                expected = model.ended(value)
            case ActionRequest() | SubscriptionRequest():
                session.receive_message(value, 1)
                expected = model.message(value)
            case Event():
                session.send_event(value)
                expected = model.sent(value)
            case _:
                expected = self._report(name)
        frames, events = session.messages_to_send(), session.events_received()
        assert (events, frames) == expected
        assert session.running is model.running
        assert session.in_conns is model.in_conns
        assert session.end == model.end
        assert set(session.subscriptions) == model.subscribed
        assert (session.phase is Phase.CLOSED) is model.over

    def _report(self, name: str) -> Outputs:
        session, model = self.session, self.model
        if name == "lost":
            session.receive_transport_closed()
            return model.lost()
        if name == "finished":
            session.receive_deferred_finished()
            return model.deferred_finished()
        if name in VERDICTS:
            assert model.asked is not None
            session.receive_subscription_checked(model.asked, VERDICTS[name])
            return model.checked(VERDICTS[name])
        assert session.running is not None
        if name == "failed":
            session.receive_hook_failed(session.running, REFUSAL)
            return model.failed()
        session.receive_hook_returned(session.running)
        return model.returned()


# ------------------------------------------------------------------ every short life

KICK = End(EndCause.DISCONNECT, 1000, "bye")
AWAY = End(EndCause.CLIENT_CLOSED, 1000, "")
ALPHABET: list[tuple[str, object]] = [
    ("returned", None),
    ("failed", None),
    ("lost", None),
    ("finished", None),
    ("kick", KICK),
    ("away", AWAY),
    ("act", ActionRequest(1, "post", [])),
    ("subscribe", SubscriptionRequest("posted", True)),
    ("send", Event("posted", [])),
]
CHECKS: list[tuple[str, object]] = [
    ("returned", None),
    ("lost", None),
    ("kick", KICK),
    ("finished", None),
    ("allowed", None),
    ("forbidden", None),
    ("act", ActionRequest(1, "post", [])),
    ("subscribe", SubscriptionRequest("posted", True)),
    ("and another", SubscriptionRequest("left", True)),
    ("unsubscribe", SubscriptionRequest("posted", False)),
]


def possible(model: Model, name: str) -> bool:
    """Whether the input is legal: the others are covered pair by pair in the grid."""
    if name in {"returned", "failed"}:
        return model.running is not None
    if name == "lost":
        return not model.gone
    if name in VERDICTS:
        return model.asked is not None
    return model.deferring if name == "finished" else True


def lives(
    first: Pair, length: int, alphabet: list[tuple[str, object]]
) -> Iterator[tuple[str, ...]]:
    """Every sequence of legal inputs of this length, each checked step by step on the way."""
    stack: list[tuple[tuple[str, ...], Pair]] = [((), first)]
    while stack:
        path, pair = stack.pop()
        if len(path) == length or pair.model.over:
            yield path
            continue
        for name, value in alphabet:
            if possible(pair.model, name):
                twin = pair.clone()
                try:
                    twin.do(name, value)
                except Exception as error:
                    error.add_note(f"after {', '.join((*path, name))}")
                    raise
                stack.append(((*path, name), twin))


@pytest.mark.parametrize(
    ("length", "names", "at_least"),
    [
        (5, {name for name, _ in ALPHABET}, 20_000),
        # Long enough for whole lives, by the inputs that move a connection on.
        (9, {"returned", "failed", "lost", "finished", "kick", "act"}, 90_000),
    ],
    ids=["all inputs", "whole lives"],
)
def test_every_life_of_a_bounded_length(length: int, names: set[str], at_least: int) -> None:
    alphabet = [(name, value) for name, value in ALPHABET if name in names]
    assert count_lives(Pair.begin(checks=False), length, alphabet) > at_least


def test_every_open_life_of_a_bounded_length_under_check() -> None:
    assert count_lives(Pair.begin_open(checks=True), 6, CHECKS) > 80_000


def count_lives(first: Pair, length: int, alphabet: list[tuple[str, object]]) -> int:
    started = time.perf_counter()
    lengths = Counter(len(path) for path in lives(first, length, alphabet))
    seconds = time.perf_counter() - started
    count = lengths.total()
    print(f"\n{count:,} lives of up to {length} of {len(alphabet)} inputs in {seconds:.1f} s")
    return count


def test_the_model_is_told_apart_from_a_wrong_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The enumeration finds a planted fault, and says after which inputs."""

    def forget(self: ServerSession, end: End) -> None:
        del self, end

    monkeypatch.setattr(ServerSession, "_remember", forget)
    with pytest.raises(AssertionError) as caught:
        list(lives(Pair.begin(checks=False), 2, ALPHABET))
    assert caught.value.__notes__[0].startswith("after ")
