"""Random long lives of a connection; the invariants are the rules, read off the trace alone.

No table and no model of the transitions: each rule is said once, about what was put in and what
came out.
"""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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
)

ACTOR = ActorIdentity("actor-1", 1, "room")
REFUSAL = Error("user", "no", "not you")
REFUSED: list[object] = [
    Error("user", "no", "not you", None, None, ACTOR),
    Close(1011, "user.no"),
]
FORBIDDEN = Error("auth", "forbidden", "not you")
CONNECTING = {Phase.PREFLIGHT, Phase.OPENING}
HELD_AT_MOST = 3


class Life(RuleBasedStateMachine):
    """One connection; the invariants are the rules, told of the trace alone."""

    checks = False

    def __init__(self) -> None:
        super().__init__()
        self.session = ServerSession(
            actor=ACTOR,
            connection_id="conn-1",
            max_held_messages=HELD_AT_MOST,
            max_held_size=1000,
            checks_subscriptions=self.checks,
        )
        self.verdicts: list[bool] = []
        self.gone = False
        self.deferring = False
        self.count = 0
        self.returned: list[Hook] = []
        self.failed: list[Hook] = []
        self.first_end: End | None = None
        self.arrived: list[int] = []
        self.sent: list[Event] = []
        self.events: list[object] = []
        self.frames: list[object] = []
        self.drain()

    def drain(self) -> None:
        frames, events = self.session.messages_to_send(), self.session.events_received()
        assert not (self.gone and frames)
        self.frames += frames
        self.events += events
        self.deferring |= RunDeferred() in events

    @property
    def rejecting(self) -> list[Hook]:
        """The hook whose failure ended the attempt, if one did."""
        return [hook for hook in self.failed if hook is not Hook.ON_DISCONNECT]

    @property
    def runs(self) -> list[Hook]:
        return [event.hook for event in self.events if isinstance(event, RunHook)]

    @precondition(lambda self: self.session.running is not None)
    @rule()
    def hook_returns(self) -> None:
        hook = self.session.running
        assert hook is not None
        self.session.receive_hook_returned(hook)
        self.returned.append(hook)
        self.drain()

    @precondition(lambda self: self.session.running is not None)
    @rule()
    def hook_fails(self) -> None:
        hook = self.session.running
        assert hook is not None
        self.session.receive_hook_failed(hook, REFUSAL)
        self.failed.append(hook)
        self.drain()

    @rule(hook=st.sampled_from(Hook))
    def wrong_hook_ends(self, hook: Hook) -> None:
        if hook is not self.session.running:
            with pytest.raises(IllegalInput):
                self.session.receive_hook_returned(hook)
            with pytest.raises(IllegalInput):
                self.session.receive_hook_failed(hook, REFUSAL)

    @rule()
    def action_arrives(self) -> None:
        self.count += 1
        self.arrived.append(self.count)
        self.message(ActionRequest(self.count, "post", []))

    @rule(name=st.sampled_from(["posted", "left"]), subscribe=st.booleans())
    def subscription_arrives(self, name: str, subscribe: bool) -> None:
        self.message(SubscriptionRequest(name, subscribe))

    @property
    def questions(self) -> list[str]:
        return [e.event_name for e in self.events if isinstance(e, CheckSubscription)]

    @property
    def is_asked(self) -> bool:
        return len(self.questions) > len(self.verdicts)

    @precondition(lambda self: self.is_asked)
    @rule(refused=st.booleans())
    def verdict_comes(self, refused: bool) -> None:
        before = len(self.events)
        name = self.questions[-1]
        self.verdicts.append(refused)
        self.session.receive_subscription_checked(name, FORBIDDEN if refused else None)
        was_open = self.session.phase is Phase.OPEN
        self.drain()
        if was_open:
            assert (self.events[before : before + 1] == [SubscriptionChanged(name, True)]) is (
                not refused
            )
        else:
            assert self.events[before:] == []

    def message(self, message: ActionRequest | SubscriptionRequest) -> None:
        before = self.session.end
        was_held = self.session.phase in CONNECTING or self.is_asked
        self.session.receive_message(message, 1)
        if self.session.end is not before:
            assert was_held
            self.first_end = End(EndCause.BACKLOG, 1011, "message.incoming_backlog")
        self.drain()

    @rule(cause=st.sampled_from(EndCause))
    def somebody_ends_it(self, cause: EndCause) -> None:
        self.count += 1
        end = End(cause, 3000 + self.count, cause.value)
        before = (self.session.phase, self.session.running)
        self.session.receive_end(end)
        self.ended(end, before)

    @precondition(lambda self: not self.gone)
    @rule()
    def transport_closes(self) -> None:
        before = (self.session.phase, self.session.running)
        self.session.receive_transport_closed()
        self.gone = True
        self.ended(End(EndCause.DROPPED, 1006, ""), before)

    def ended(self, end: End, before: tuple[Phase, Hook | None]) -> None:
        if before[0] in CONNECTING:
            assert (self.session.phase, self.session.running) == before  # C7
        if self.first_end is None and not self.rejecting:
            self.first_end = end
        self.drain()

    @precondition(lambda self: self.deferring)
    @rule()
    def deferred_finishes(self) -> None:
        self.session.receive_deferred_finished()
        self.deferring = False
        self.drain()

    @rule()
    def event_is_sent(self) -> None:
        self.count += 1
        event = Event("posted", [self.count])
        if Joined() in self.events and Left() not in self.events and not self.gone:
            self.sent.append(event)
        self.session.send_event(event)
        self.drain()

    @precondition(lambda self: self.session.phase is not Phase.OPEN)
    @rule()
    def answer_comes_when_not_open(self) -> None:
        self.session.send_response(1, None)
        self.session.send_error(1, REFUSAL)
        assert self.session.messages_to_send() == []  # C6

    # -------------------------------------------------------------- the rules, on the trace

    def index(self, event: object) -> int:
        return self.events.index(event) if event in self.events else len(self.events)

    @invariant()
    def c1_order(self) -> None:
        order = list(Hook)
        assert self.runs == sorted(set(self.runs), key=order.index)
        finished = self.returned + self.failed
        assert len(self.runs) - len(finished) in {0, 1}
        if Hook.ON_CONNECT in self.runs:
            assert self.returned[:2] == [Hook.ON_BEFORE_CONNECT, Hook.CREATE_CONN_STATE]

    @invariant()
    def c2_rejection(self) -> None:
        failed = self.rejecting
        assert len(failed) <= 1
        if failed:
            assert self.runs[-1] is failed[0]
        errors = [frame for frame in self.frames if isinstance(frame, Error)]
        refusals = [error for error in errors if error == FORBIDDEN]
        assert len(refusals) <= self.verdicts.count(True)
        assert len(errors) - len(refusals) == (1 if failed and self.session.end is None else 0)
        if len(errors) > len(refusals):
            assert self.frames[-2:] == REFUSED

    @invariant()
    def c3_visibility(self) -> None:
        assert self.events.count(Joined()) <= 1
        assert self.events.count(Left()) <= self.events.count(Joined())
        assert self.session.in_conns == (Joined() in self.events and Left() not in self.events)
        assert self.index(Joined()) <= self.index(RunHook(Hook.ON_CONNECT))
        assert self.index(Left()) <= self.index(RunHook(Hook.ON_DISCONNECT))
        assert (Joined() in self.events) <= (Hook.CREATE_CONN_STATE in self.returned)
        if not self.session.in_conns:
            assert set(self.session.subscriptions) == set()

    @invariant()
    def c4_exactly_once(self) -> None:
        times = self.events.count(RunHook(Hook.ON_DISCONNECT))
        opened = Hook.ON_CONNECT in self.returned
        assert times == (1 if opened and self.session.phase is not Phase.OPEN else 0)

    @invariant()
    def c5_and_c6_messages(self) -> None:
        started = [event.request.id for event in self.events if isinstance(event, RunAction)]
        if Hook.ON_CONNECT not in self.returned:
            assert not started
        assert started == self.arrived[: len(started)]
        if self.session.phase is Phase.OPEN and not self.is_asked:
            assert started == self.arrived
        dispatched = [
            place
            for place, event in enumerate(self.events)
            if isinstance(event, RunAction | SubscriptionChanged | CheckSubscription)
        ]
        assert not dispatched or dispatched[-1] < self.index(Left())

    @invariant()
    def c7_the_first_end(self) -> None:
        assert self.session.end == self.first_end
        closes = [frame for frame in self.frames if isinstance(frame, Close)]
        if self.first_end is not None and closes:
            assert closes == [Close(self.first_end.code, self.first_end.reason)]
        if self.first_end is not None and self.session.phase in {Phase.CLOSING, Phase.REJECTED}:
            unheard = self.first_end.cause in {EndCause.CLIENT_CLOSED, EndCause.DROPPED}
            assert bool(closes) is not unheard or self.gone

    @invariant()
    def c7_init(self) -> None:
        opened = [frame for frame in self.frames if isinstance(frame, Init)]
        assert len(opened) <= 1
        if Hook.ON_CONNECT not in self.returned:
            assert not opened
        if self.session.phase is Phase.OPEN:
            assert len(opened) == 1

    @invariant()
    def c9_and_c10_the_end(self) -> None:
        closes = [frame for frame in self.frames if isinstance(frame, Close)]
        assert len(closes) <= 1
        assert not closes or self.frames[-1] == closes[0]
        assert self.events.count(RunDeferred()) <= 1
        if RunDeferred() in self.events:
            assert self.session.running is None
            assert self.events[self.index(RunDeferred()) + 1 :] in ([], [Closed()])
        assert (self.events.count(Closed()) == 1) == (self.session.phase is Phase.CLOSED)

    @invariant()
    def c13_sends(self) -> None:
        assert [frame for frame in self.frames if isinstance(frame, Event)] == self.sent
        assert not any(isinstance(frame, ActionResponse) for frame in self.frames)


class LifeUnderCheck(Life):
    """The same where ``can_subscribe`` decides."""

    checks = True

    @invariant()
    def c5_nothing_is_heard_unasked(self) -> None:
        allowed = [n for n, no in zip(self.questions, self.verdicts, strict=False) if not no]
        heard = self.events.count(SubscriptionChanged("posted", True))
        assert heard <= allowed.count("posted")
        assert set(self.session.subscriptions) <= set(allowed)


TestLife = Life.TestCase
TestLifeUnderCheck = LifeUnderCheck.TestCase
