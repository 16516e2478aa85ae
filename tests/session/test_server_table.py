"""Every (situation, input) pair of the host's side, against a grid written by hand.

A situation is a phase, what runs in it, whether an end is remembered, whether the transport is
gone; subscriptions are checked. The grid knows nothing of the table it is held against.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
from pyactor.session._transitions import RETURNED, Stage
from pyactor.wire.messages import ActionRequest, ActorIdentity, Error, Init, SubscriptionRequest

ACTION = ActionRequest(7, "post", ["hi"])
LATER = End(EndCause.SLEEP, 1001, "ws.going_away")
REFUSAL = Error("user", "bad_token", "no", {"why": 1})

INPUTS: dict[str, Callable[[ServerSession], None]] = {
    "b+": lambda s: s.receive_hook_returned(Hook.ON_BEFORE_CONNECT),
    "b-": lambda s: s.receive_hook_failed(Hook.ON_BEFORE_CONNECT, REFUSAL),
    "s+": lambda s: s.receive_hook_returned(Hook.CREATE_CONN_STATE),
    "s-": lambda s: s.receive_hook_failed(Hook.CREATE_CONN_STATE, REFUSAL),
    "c+": lambda s: s.receive_hook_returned(Hook.ON_CONNECT),
    "c-": lambda s: s.receive_hook_failed(Hook.ON_CONNECT, REFUSAL),
    "d+": lambda s: s.receive_hook_returned(Hook.ON_DISCONNECT),
    "d-": lambda s: s.receive_hook_failed(Hook.ON_DISCONNECT, REFUSAL),
    "msg": lambda s: s.receive_message(ACTION, 10),
    "sub": lambda s: s.receive_message(SubscriptionRequest("posted", True), 10),
    "ok": lambda s: s.receive_subscription_checked("posted", None),
    "no": lambda s: s.receive_subscription_checked("posted", REFUSAL),
    "end": lambda s: s.receive_end(LATER),
    "fin": ServerSession.receive_deferred_finished,
    "lost": ServerSession.receive_transport_closed,
}

# '.' is illegal; '=' is legal, gives out nothing, and neither phase nor running hook changes.
GRID = """
situation               b+    b-   s+   s-   c+    c-    d+    d-    msg sub ok no  end  fin  lost
before_connect          state deny .    .    .     .     .     .     =   =   .  .   =    .    =
before_connect ended    bye   bye  .    .    .     .     .     .     =   =   .  .   =    .    =
before_connect gone     hush  hush .    .    .     .     .     .     =   =   .  .   =    .    .
conn_state              .     .    join deny .     .     .     .     =   =   .  .   =    .    =
conn_state ended        .     .    bye  bye  .     .     .     .     =   =   .  .   =    .    =
conn_state gone         .     .    hush hush .     .     .     .     =   =   .  .   =    .    .
connect                 .     .    .    .    open  deny! .     .     =   =   .  .   =    .    =
connect ended           .     .    .    .    leave bye!  .     .     =   =   .  .   =    .    =
connect gone            .     .    .    .    lose  hush! .     .     =   =   .  .   =    .    .
open                    .     .    .    .    .     .     .     .     act ask .  .   away .    lose
check                   .     .    .    .    .     .     .     .     =   =   on off away .    lose
disconnect              .     .    .    .    .     .     defer defer =   =   =  =   =    .    =
disconnect gone         .     .    .    .    .     .     defer defer =   =   =  =   =    .    .
closing deferred        .     .    .    .    .     .     .     .     =   =   =  =   =    =    =
closing deferred gone   .     .    .    .    .     .     .     .     =   =   =  =   =    over .
closing waits           .     .    .    .    .     .     .     .     =   =   =  =   =    .    over
refused deferred        .     .    .    .    .     .     .     .     =   =   .  .   =    =    =
refused deferred gone   .     .    .    .    .     .     .     .     =   =   .  .   =    over .
refused waits           .     .    .    .    .     .     .     .     =   =   .  .   =    .    over
refused closed          .     .    .    .    .     .     .     .     =   =   =  =   =    .    .
rejected deferred       .     .    .    .    .     .     .     .     =   =   .  .   =    =    =
rejected deferred gone  .     .    .    .    .     .     .     .     =   =   .  .   =    over .
rejected waits          .     .    .    .    .     .     .     .     =   =   .  .   =    .    over
closed                  .     .    .    .    .     .     .     .     =   =   =  =   =    .    .
"""

KICKED = Close(1000, "bye")
ERROR = Error("user", "bad_token", "no", {"why": 1}, None, ActorIdentity("actor-1", 3, "room"))
REFUSED = [ERROR, Close(1011, "user.bad_token")]

# phase, running hook, events, frames
OUTCOMES: dict[str, tuple[Phase, Hook | None, list[object], list[object]]] = {
    "state": (
        Phase.PREFLIGHT,
        Hook.CREATE_CONN_STATE,
        [RunHook(Hook.CREATE_CONN_STATE)],
        [],
    ),
    "deny": (Phase.REJECTED, None, [RunDeferred()], REFUSED),
    "deny!": (Phase.REJECTED, None, [Left(), RunDeferred()], REFUSED),
    "bye": (Phase.REJECTED, None, [RunDeferred()], [KICKED]),
    "bye!": (Phase.REJECTED, None, [Left(), RunDeferred()], [KICKED]),
    "hush": (Phase.REJECTED, None, [RunDeferred()], []),
    "hush!": (Phase.REJECTED, None, [Left(), RunDeferred()], []),
    "join": (Phase.OPENING, Hook.ON_CONNECT, [Joined(), RunHook(Hook.ON_CONNECT)], []),
    "open": (Phase.OPEN, None, [], [Init("actor-1", "conn-1")]),
    "ask": (Phase.OPEN, None, [CheckSubscription("posted")], []),
    "on": (Phase.OPEN, None, [SubscriptionChanged("posted", True)], []),
    "off": (Phase.OPEN, None, [], [REFUSAL]),
    "act": (Phase.OPEN, None, [RunAction(ACTION)], []),
    "leave": (
        Phase.CLOSING,
        Hook.ON_DISCONNECT,
        [Left(), RunHook(Hook.ON_DISCONNECT)],
        [KICKED],
    ),
    "away": (
        Phase.CLOSING,
        Hook.ON_DISCONNECT,
        [Left(), RunHook(Hook.ON_DISCONNECT)],
        [Close(1001, "ws.going_away")],
    ),
    "lose": (Phase.CLOSING, Hook.ON_DISCONNECT, [Left(), RunHook(Hook.ON_DISCONNECT)], []),
    "defer": (Phase.CLOSING, None, [RunDeferred()], []),
    "over": (Phase.CLOSED, None, [Closed()], []),
}


def cells() -> list[tuple[str, str, str]]:
    header, *lines = GRID.strip().splitlines()
    names = header.split()[1:]
    grid = []
    for line in lines:
        outcomes = line[24:].split()
        assert len(outcomes) == len(names) == len(INPUTS), line
        grid += [(line[:24].strip(), n, o) for n, o in zip(names, outcomes, strict=True)]
    return grid


@pytest.mark.parametrize(("situation", "given", "outcome"), cells())
def test_pair(
    situation: str,
    given: str,
    outcome: str,
    reach: Callable[..., ServerSession],
    snapshot_of: Callable[[object], dict[str, object]],
) -> None:
    session = reach(situation, checks_subscriptions=True)
    before = snapshot_of(session)
    phase, running = session.phase, session.running
    if outcome == ".":
        with pytest.raises(IllegalInput):
            INPUTS[given](session)
        assert snapshot_of(session) == before
        return
    INPUTS[given](session)
    frames, events = session.messages_to_send(), session.events_received()
    if outcome == "=":
        assert (session.phase, session.running, events, frames) == (phase, running, [], [])
        return
    assert (session.phase, session.running, events, frames) == OUTCOMES[outcome]


def situation_of(session: ServerSession) -> tuple[Stage, bool, bool]:
    return session._stage, session.end is not None, session._transport_open


def test_the_grid_has_every_situation_there_is(reach: Callable[..., ServerSession]) -> None:
    named = {situation for situation, _, _ in cells()}
    known = {situation_of(reach(name, checks_subscriptions=True)) for name in named}
    assert len(known) == len(named)
    for name in named:
        for step in INPUTS.values():
            session = reach(name, checks_subscriptions=True)
            try:
                step(session)
            except IllegalInput:
                continue
            assert situation_of(session) in known
    assert {stage for stage, _, _ in known} == set(Stage)


@pytest.mark.parametrize("situation", sorted({situation for situation, _, _ in cells()}))
def test_an_illegal_input_says_what_where_why_and_what_else(
    situation: str, reach: Callable[..., ServerSession]
) -> None:
    session = reach(situation, checks_subscriptions=True)
    hook = next(each for each in Hook if each is not session.running)
    with pytest.raises(IllegalInput) as caught:
        session.receive_hook_returned(hook)
    message = str(caught.value)
    same = {"sub": "msg", "no": "ok"}  # one input each, by what it brings
    legal = {
        same.get(name, name)
        for here, name, outcome in cells()
        if here == situation and outcome != "."
    }
    assert message.startswith(f"connection conn-1: '{RETURNED[hook].label}' is illegal in ")
    assert session.phase.value in message
    assert (" by C1" in message) or (" by C4" in message)
    assert message.partition("Legal here: ")[2].count("'") == 2 * len(legal)
