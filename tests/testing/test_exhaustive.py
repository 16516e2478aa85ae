"""Every sequence of inputs that a connection's session can be given, of any length.

What a session does next depends on what it holds and nothing else, and there is only so much that
it can hold; so to try each input once in each situation is to try every sequence. Each step is
compared with an oracle that is told the rules in plain words and has neither table nor stages.
What is counted as sequences of up to ``LENGTH`` inputs is counted, not stepped through one by one.

Beside it: ``tests/session/test_server_table.py`` has what each pair of situation and input gives
out, by hand; ``test_server_machine.py`` reads the rules off random long lives.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import product, zip_longest
from operator import attrgetter
from typing import Any, TypeAlias

import pytest
from attrs import define, evolve, field, frozen
from typing_extensions import override

from pyactor.errors import IllegalInput
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
    ActionResponse,
    ActorIdentity,
    Error,
    Event,
    Init,
    SubscriptionRequest,
    ToServer,
)

LENGTH = 20
IS_DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"

ACTOR = ActorIdentity("actor-1", 1, "room")
REFUSAL = Error("user", "no", "not you")
FORBIDDEN = Error("auth", "forbidden", "not that")
EVENT = Event("posted", ["hi"])
BEFORE, STATE, CONNECT, DISCONNECT = Hook
UNHEARD = {EndCause.CLIENT_CLOSED, EndCause.DROPPED}
NEXT = {BEFORE: STATE, STATE: CONNECT}

# ------------------------------------------------------------------ the oracle


@define(eq=False)
class Oracle:
    """One connection, told in the order of the rules. It has the inputs of a session."""

    checks: bool
    max_held: int
    hook: Hook | None = BEFORE
    in_conns: bool = False
    is_open: bool = False
    is_rejected: bool = False
    is_over: bool = False
    deferring: bool = False
    attached: bool = True
    end: End | None = None
    heard: frozenset[str] = frozenset()
    asked: str | None = None
    held: list[tuple[ToServer, int]] = field(factory=list)
    frames: list[object] = field(factory=list)
    events: list[object] = field(factory=lambda: [RunHook(BEFORE)])

    @property
    def connects(self) -> bool:
        return self.hook in (BEFORE, STATE, CONNECT)

    @property
    def phase(self) -> Phase:
        if self.is_over:
            return Phase.CLOSED
        if self.connects:
            return Phase.OPENING if self.in_conns else Phase.PREFLIGHT
        if self.is_open:
            return Phase.OPEN
        return Phase.REJECTED if self.is_rejected else Phase.CLOSING

    def receive_hook_returned(self, hook: Hook) -> None:
        self._needs(hook is self.hook)  # C1
        if hook is DISCONNECT:
            self._defers()
        elif hook is CONNECT and self.end is None:
            self.hook, self.is_open = None, True
            self._sends(Init("actor-1", "conn"))
            self._releases()  # C5: in order
        elif hook is CONNECT:
            self._leaves()  # C7: on_disconnect runs, and Init is never sent
        elif self.end is not None:
            self._is_refused([])  # C7: without a further hook
        else:
            if hook is STATE:
                self.in_conns = True  # C3
                self.events.append(Joined())
            self._runs(NEXT[hook])

    def receive_hook_failed(self, hook: Hook, error: Error) -> None:
        self._needs(hook is self.hook)
        if hook is DISCONNECT:
            self._defers()  # C12
        else:
            told = evolve(error, actor=ACTOR)
            self._is_refused([told, Close(1011, f"{error.group}.{error.code}")])  # C2

    def receive_message(self, message: ToServer, size: int) -> None:
        if not (self.connects or self.is_open) or (self.connects and self.end):
            return  # C5, C7
        if self.connects or self.asked is not None:
            self.held.append((message, size))
            if len(self.held) > self.max_held or sum(s for _, s in self.held) > self.max_held + 1:
                self.receive_end(End(EndCause.BACKLOG, 1011, "message.incoming_backlog"))  # C16
        elif isinstance(message, ActionRequest):
            self.events.append(RunAction(message))
        elif message.subscribe == (message.event_name in self.heard):
            pass  # nothing new
        elif message.subscribe and self.checks:
            self.asked = message.event_name
            self.events.append(CheckSubscription(message.event_name))
        else:
            self._hears(message.event_name, message.subscribe)

    def receive_subscription_checked(self, event_name: str, error: Error | None) -> None:
        self._needs(self.is_open or not (self.connects or self.is_rejected) or self.is_over)
        if not self.is_open:
            return  # C5: too late
        self._needs(self.asked == event_name)
        self.asked = None
        if error is None:
            self._hears(event_name, True)
        else:
            self.send_error(None, error)
        self._releases()

    def receive_end(self, end: End) -> None:
        if self.end is None and (self.connects or self.is_open):  # C7: the first cause wins
            self.end = end
            self.held = []
            if self.is_open:
                self._leaves()

    def receive_transport_closed(self) -> None:
        self._needs(self.attached)
        self.attached = False
        self.frames.clear()
        self.receive_end(End(EndCause.DROPPED, 1006, ""))
        self._is_done()

    def receive_deferred_finished(self) -> None:
        self._needs(self.deferring)
        self.deferring = False
        self._is_done()

    def send_event(self, event: Event) -> None:
        if self.in_conns:  # C13
            self._sends(event)

    def send_response(self, action_id: int, output: Any) -> None:
        if self.is_open:  # C6
            self._sends(ActionResponse(action_id, output))

    def send_error(self, action_id: int | None, error: Error) -> None:
        if self.is_open:
            self._sends(evolve(error, action_id=action_id))

    def refuse_subscription(self, event_name: str, error: Error) -> None:
        self.heard -= {event_name}
        self.send_error(None, error)

    def is_subscribed(self, event_name: str) -> bool:
        return event_name in self.heard

    def messages_to_send(self) -> list[object]:
        frames, self.frames = self.frames, []
        return frames

    def events_received(self) -> list[object]:
        events, self.events = self.events, []
        return events

    def _needs(self, legal: bool) -> None:
        if not legal:
            raise IllegalInput("by the oracle")

    def _sends(self, frame: object) -> None:
        if self.attached:
            self.frames.append(frame)

    def _runs(self, hook: Hook) -> None:
        self.hook = hook
        self.events.append(RunHook(hook))

    def _hears(self, name: str, subscribed: bool) -> None:
        self.heard = self.heard | {name} if subscribed else self.heard - {name}
        self.events.append(SubscriptionChanged(name, subscribed))

    def _releases(self) -> None:
        while self.held and self.asked is None:
            self.receive_message(*self.held.pop(0))

    def _says_goodbye(self, refusal: Sequence[object]) -> None:
        """C3, C9: told once, and by the first end; out of ``conns`` before anything else runs."""
        if self.end is None:
            for frame in refusal:
                self._sends(frame)
        elif self.end.cause not in UNHEARD:
            self._sends(Close(self.end.code, self.end.reason))
        if self.in_conns:
            self.events.append(Left())
        self.in_conns, self.is_open, self.heard, self.held = False, False, frozenset(), []

    def _leaves(self) -> None:
        self._says_goodbye([])
        self._runs(DISCONNECT)  # C4

    def _is_refused(self, refusal: Sequence[object]) -> None:
        self.is_rejected = True
        self._says_goodbye(refusal)
        self._defers()

    def _defers(self) -> None:
        self.hook, self.deferring = None, True  # C10: last
        self.events.append(RunDeferred())

    def _is_done(self) -> None:
        ended = self.hook is None and not self.is_open and not self.deferring
        if ended and not self.attached and not self.is_over:
            self.is_over = True
            self.events.append(Closed())


RULE_OF = {
    RunHook: "C1, C4",
    Joined: "C3",
    Left: "C3",
    RunAction: "C5, C6",
    CheckSubscription: "C5",
    SubscriptionChanged: "C5",
    RunDeferred: "C10",
    Closed: "C9",
    Init: "C7",
    Close: "C7, C9",
    Error: "C2, C5",
    ActionResponse: "C6",
    Event: "C13",
}

# ------------------------------------------------------------------ inputs

Given: TypeAlias = Callable[[Any, ActionRequest], None]

ACTIONS = [ActionRequest(number, "post", []) for number in range(8)]
ENDS = {
    "client closes": End(EndCause.CLIENT_CLOSED, 1000, ""),
    "disconnect": End(EndCause.DISCONNECT, 1000, "bye"),
    "disconnect again": End(EndCause.DISCONNECT, 1000, "no, you"),
    "sleep": End(EndCause.SLEEP, 1001, "ws.going_away"),
}


def told(method: str, *what: object) -> Given:
    return lambda to, _: getattr(to, method)(*what)


def inputs(names: Sequence[str], ends: Sequence[str]) -> dict[str, Given]:
    """What one connection can be told; an action comes with a number that no held one has."""
    given: dict[str, Given] = {
        "action": lambda to, fresh: to.receive_message(fresh, 1),
        "transport closes": told("receive_transport_closed"),
        "deferred finishes": told("receive_deferred_finished"),
        "send": told("send_event", EVENT),
        "action answers": told("send_response", 1, "out"),
        "action fails": told("send_error", 1, REFUSAL),
    }
    for hook in Hook:
        given[f"{hook.value} returns"] = told("receive_hook_returned", hook)
        given[f"{hook.value} fails"] = told("receive_hook_failed", hook, REFUSAL)
    for name in names:
        given |= {
            f"subscribe {name}": told("receive_message", SubscriptionRequest(name, True), 2),
            f"unsubscribe {name}": told("receive_message", SubscriptionRequest(name, False), 2),
            f"may hear {name}": told("receive_subscription_checked", name, None),
            f"may not hear {name}": told("receive_subscription_checked", name, FORBIDDEN),
            f"{name} is no event": told("refuse_subscription", name, FORBIDDEN),
        }
    return given | {label: told("receive_end", ENDS[label]) for label in ends}


def broadcast(to: Any, _: ActionRequest) -> None:
    if to.is_subscribed(EVENT.name):
        to.send_event(EVENT)


# ------------------------------------------------------------------ situations


@define(eq=False)
class Twins:
    """A session and its oracle, which are told the same."""

    session: ServerSession
    oracle: Oracle

    def tell(self, given: Given) -> bool:
        """Whether the input was legal; both must think so."""
        held = {id(message) for message, _ in self.oracle.held}
        fresh = next(action for action in ACTIONS if id(action) not in held)
        legal = []
        for one in (self.session, self.oracle):
            try:
                given(one, fresh)
                legal.append(True)
            except IllegalInput:
                legal.append(False)
        assert legal[0] is legal[1], f"legal: {legal[0]}, by the rules: {legal[1]} (C1, C4, C9)"
        return legal[0]

    def drain(self) -> list[object]:
        """What they give out, which must be the same; and so must be what they say of themselves.

        The frames first, as a driver does.
        """
        session, oracle = self.session, self.oracle
        got: list[object] = [*session.messages_to_send(), *session.events_received()]
        expected = [*oracle.messages_to_send(), *oracle.events_received()]
        if got != expected:
            odd = next(one or other for one, other in zip_longest(expected, got) if one != other)
            raise AssertionError(f"{RULE_OF[type(odd)]}: {got} came out, not {expected}")
        assert session.phase is oracle.phase, "C7"
        assert session.running is oracle.hook, "C1"
        assert session.in_conns is oracle.in_conns, "C3"
        assert session.end == oracle.end, "C7: the first end"
        assert set(session.subscriptions) == oracle.heard, "C3, C5"
        return got

    def copy(self, shared: dict[int, Any]) -> Twins:
        return Twins(SESSION.copy(self.session, shared), ORACLE.copy(self.oracle, shared))

    def key(self) -> tuple[object, ...]:
        """All that they hold. There is one object for each message, and it stands for itself."""
        return (*SESSION.key(self.session), *ORACLE.key(self.oracle))


class Copier:
    """Makes copies and keys of one class's objects; ``copy`` would take most of the time."""

    def __init__(self, cls: type[Any], boxes: Sequence[str]) -> None:
        """Take the class, and the names of the slots that hold a list or a set."""
        names = [name for name in cls.__slots__ if name != "__weakref__"]
        self._cls = cls
        self._values = attrgetter(*names)
        self._setters = [getattr(cls, name).__set__ for name in names]
        self._boxes = [names.index(name) for name in boxes]

    def copy(self, original: Any, shared: dict[int, Any]) -> Any:
        """A copy that shares a list or a set only where the original does.

        Args:
            original: What to copy.
            shared: The lists and sets that are copied already, by the identity of the original.
        """
        values = list(self._values(original))
        for place in self._boxes:
            box = values[place]
            values[place] = shared.setdefault(id(box), box.copy())
        made = object.__new__(self._cls)
        for setter, value in zip(self._setters, values, strict=True):
            setter(made, value)
        return made

    def key(self, one: Any) -> tuple[object, ...]:
        """All that it holds, by value."""
        values = list(self._values(one))
        for place in self._boxes:
            box = values[place]
            values[place] = frozenset(box) if isinstance(box, set) else tuple(map(_identity, box))
        return tuple(values)


def _identity(held: tuple[ToServer, int]) -> tuple[int, int]:
    message, size = held
    return id(message), size


SESSION = Copier(ServerSession, ["_events", "_frames", "_held", "_numbered", "_subscriptions"])
ORACLE = Copier(Oracle, ["events", "frames", "held"])


# ------------------------------------------------------------------ the walk


@frozen
class Bounds:
    """How much of it all is tried."""

    connections: int = 1
    names: tuple[str, ...] = ("posted",)
    ends: tuple[str, ...] = ("client closes", "sleep")
    max_held: int = 1
    checks: bool = False
    without: tuple[str, ...] = ()


@frozen(eq=False)
class Step:
    """One input that was legal, what came out, and the number of the situation that it led to."""

    label: str
    out: tuple[object, ...]
    to: int


class Walk:
    """Each input in each situation that any sequence of inputs leads to."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.inputs = self._inputs()
        self.refused = 0
        self.situations: list[list[Twins]] = []
        self.steps: list[list[Step]] = []
        self.ways: list[tuple[str, ...]] = []
        self._numbers: dict[object, int] = {}
        self._number(self._start(), ())
        for number, situation in enumerate(self.situations):  # it grows meanwhile
            self.steps.append(list(self._steps_from(number, situation)))

    def _inputs(self) -> dict[str, tuple[range, Given]]:
        everybody = range(self.bounds.connections)
        each = {
            f"{one}: {label}": (range(one, one + 1), given)
            for one in everybody
            for label, given in inputs(self.bounds.names, self.bounds.ends).items()
            if not label.startswith(self.bounds.without)
        }
        return {**each, "broadcast": (everybody, broadcast)}

    def _start(self) -> list[Twins]:
        start = [
            Twins(
                ServerSession(
                    actor=ACTOR,
                    connection_id="conn",
                    max_held_messages=self.bounds.max_held,
                    max_held_size=self.bounds.max_held + 1,
                    checks_subscriptions=self.bounds.checks,
                ),
                Oracle(self.bounds.checks, self.bounds.max_held),
            )
            for _ in range(self.bounds.connections)
        ]
        for twins in start:
            twins.drain()
        return start

    def _steps_from(self, number: int, situation: list[Twins]) -> Iterator[Step]:
        for label, (whom, given) in self.inputs.items():
            way = (*self.ways[number], label)
            shared: dict[int, Any] = {}
            twins = [each.copy(shared) for each in situation]
            try:
                legal = [twins[one].tell(given) for one in whom]
                out = tuple(each for one in twins for each in one.drain())
                if all(legal):
                    yield Step(label, out, self._number(twins, way))
                else:
                    self.refused += 1
                    assert _key(twins) == _key(situation), "an illegal input changed something"
            except AssertionError as error:
                error.add_note("after " + ", ".join(way))
                raise

    def _number(self, situation: list[Twins], way: tuple[str, ...]) -> int:
        number = self._numbers.setdefault(_key(situation), len(self.situations))
        if number == len(self.situations):
            self.situations.append(situation)
            self.ways.append(way)
        return number

    def sequences(self, length: int) -> int:
        """How many sequences of up to so many legal inputs there are."""
        ending, total = {0: 1}, 1
        for _ in range(length):
            longer: dict[int, int] = {}
            for number, ways in ending.items():
                for step in self.steps[number]:
                    longer[step.to] = longer.get(step.to, 0) + ways
            ending = longer
            total += sum(ending.values())
        return total

    @override
    def __str__(self) -> str:
        count = sum(map(len, self.steps))
        return (
            f"{len(self.situations):,} situations, {count:,} steps, {self.refused:,} were illegal;"
            f" {self.sequences(LENGTH):.1e} sequences of up to {LENGTH} inputs, and all longer ones"
        )


def _key(situation: list[Twins]) -> tuple[object, ...]:
    return tuple(twins.key() for twins in situation)


# ------------------------------------------------------------------ what holds in all of it

ALL = Bounds(names=("posted", "left"), ends=tuple(ENDS), max_held=3 if IS_DEEP else 2)
WALKS = {
    "one connection": ALL,
    "one connection, asked what it may hear": evolve(ALL, checks=True),
    "two connections": Bounds(
        connections=2,
        ends=("sleep",),
        max_held=1 if IS_DEEP else 0,
        # Of these the other one takes no notice, which one connection alone cannot show either.
        without=("unsubscribe", "action answers", "action fails", "may", "posted is no event"),
    ),
}


@pytest.mark.parametrize("name", WALKS)
def test_every_sequence_keeps_the_rules(name: str, report: Callable[[str, str], None]) -> None:
    report("every sequence of inputs of a session", f"{name}: {Walk(WALKS[name])}")


@pytest.fixture(scope="module")
def walk() -> Walk:
    """A small one, to look at as a whole."""
    return Walk(Bounds(ends=("client closes", "sleep"), max_held=0, checks=True))


def test_a_driver_that_drains_late_finds_the_same(walk: Walk) -> None:
    told = list(walk.inputs.items())
    for number, [situation] in enumerate(walk.situations):
        for (first, (_, one)), (second, (_, other)) in product(told, repeat=2):
            twins = situation.copy({})
            try:
                twins.tell(one)
                twins.tell(other)
                twins.drain()
            except AssertionError as error:
                error.add_note(", ".join((*walk.ways[number], first, second)))
                raise


# All that a connection is told once at most, in the order of its telling, to the end.
LIVES = """
before_connect Close RunDeferred Closed
before_connect Error Close RunDeferred Closed
before_connect RunDeferred Closed
before_connect create_conn_state Close RunDeferred Closed
before_connect create_conn_state Error Close RunDeferred Closed
before_connect create_conn_state Joined connect Close Left RunDeferred Closed
before_connect create_conn_state Joined connect Close Left disconnect RunDeferred Closed
before_connect create_conn_state Joined connect Error Close Left RunDeferred Closed
before_connect create_conn_state Joined connect Init Close Left disconnect RunDeferred Closed
before_connect create_conn_state Joined connect Init Left disconnect RunDeferred Closed
before_connect create_conn_state Joined connect Left RunDeferred Closed
before_connect create_conn_state Joined connect Left disconnect RunDeferred Closed
before_connect create_conn_state RunDeferred Closed
"""


def test_there_are_no_other_lives_than_these(walk: Walk) -> None:
    lives: list[tuple[int, tuple[object, ...]]] = [(0, (RunHook(BEFORE),))]
    known: set[object] = set(lives)
    for number, life in lives:  # it grows meanwhile
        for step in walk.steps[number]:
            told = tuple(each for each in step.out if is_of_a_life(each))
            longer = (step.to, (*life, *told))
            if longer not in known:
                known.add(longer)
                lives.append(longer)
    over = {" ".join(map(name_of, life)) for _, life in lives if life[-1] == Closed()}
    assert sorted(over) == LIVES.strip().splitlines()


def is_of_a_life(out: object) -> bool:
    """Whether a connection is told it once at most."""
    if isinstance(out, Error):
        return out.actor is not None  # others refuse an action or a subscription
    return isinstance(out, RunHook | Joined | Left | RunDeferred | Closed | Init | Close)


def name_of(out: object) -> str:
    return out.hook.value.removeprefix("on_") if isinstance(out, RunHook) else type(out).__name__


def test_whatever_has_ended_is_soon_over(walk: Walk) -> None:
    """What its driver has to say to it, in any order, leads to CLOSED in a few steps."""
    own = ("0: on_", "0: create_", "0: deferred finishes", "0: transport closes")

    def longest(number: int) -> int:
        if walk.situations[number][0].session.phase is Phase.CLOSED:
            return 0
        to = [step.to for step in walk.steps[number] if step.label.startswith(own)]
        assert to, f"it is stuck after {walk.ways[number]}"
        return 1 + max(map(longest, to))

    ended = [
        number
        for number, [twins] in enumerate(walk.situations)
        if twins.oracle.end is not None or twins.oracle.is_rejected
    ]
    assert max(map(longest, ended)) == 4
