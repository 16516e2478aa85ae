"""The search: a Hypothesis state machine whose rules are all that can happen to an actor.

Owns which moves are drawn, and how often. Every draw has a plain answer that comes first, so what
is found shrinks towards few moves, one at a time, with nothing late and nothing lost. What a move
does is ``_script``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from time import perf_counter
from typing import Any, ClassVar, TypeVar

import attrs
import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from typing_extensions import override

from ..plain import Plain
from ._clients import WorldConn
from ._draws import HypothesisChooser, up_to
from ._faults import Faults
from ._plan import Plan, Tally
from ._report import LifecycleFailure, Report
from ._script import END, Failure, Move, Player, Script
from ._world import World

_T = TypeVar("_T")

_MOST_LIVE = 6
"""Clients that live at one time."""
_PAUSES: Sequence[Move | None] = (
    Move("world", "settle"),
    Move("world", "settle"),
    None,
    Move("world", "advance", {"seconds": 0.1}),
    Move("world", "advance", {"seconds": 1.0}),
    Move("world", "turns", {"count": 1}),
    Move("world", "turns", {"count": 2}),
    Move("world", "turns", {"count": 5}),
)
"""What happens after a move. Without a pause, the next one comes at the same instant."""
_MANY = 8
"""How often something is asked for while a client does not read."""
_SECONDS: Sequence[float] = (1.0, 0.001, 0.1, 5.0, 20.0, 61.0)
_REASONS = (None, "be nice", "")


def _has_actions(machine: Lifecycle) -> bool:
    return bool(machine.plan.definition.actions)


def _has_jobs(machine: Lifecycle) -> bool:
    return bool(machine.plan.jobs)


def _has_events(machine: Lifecycle) -> bool:
    return bool(machine.plan.definition.events) and bool(machine.live)


def _has_callers(machine: Lifecycle) -> bool:
    return bool(machine.plan.definition.actions) and bool(machine.live)


def _has_live(machine: Lifecycle) -> bool:
    return bool(machine.live)


def _has_room(machine: Lifecycle) -> bool:
    return len(machine.live) < _MOST_LIVE


class Lifecycle(RuleBasedStateMachine):
    """One world, and what happens to it. A subclass says which by ``plan`` and ``tally``."""

    plan: ClassVar[Plan]
    tally: ClassVar[Tally]

    def __init__(self) -> None:
        super().__init__()
        self._began = perf_counter()
        self._player: Player | None = None
        self._is_over = False
        self._gone: set[str] = set()
        self.live: list[WorldConn] = []

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """A world with some of the faults."""
        plan = self.plan
        self._data = data.conjecture_data
        self._chooser = HypothesisChooser(self._data)
        script = Script(
            (),
            (),
            self._some_of(plan.faults),
            plan.storage,
            input=plan.definition.unstructure_input(self._draw(plan.strategies.input)),
        )
        self._script = script
        self._player = Player(plan.actor, plan.others, script, plan.expected, chooser=self._chooser)

    @override
    def teardown(self) -> None:
        tally, player = self.tally, self._player
        if player is None:
            return
        try:
            if not (self._is_over or self._data.frozen):
                self._end()
        finally:
            tally.examples += 1
            tally.events += len(player.world.trace)
            tally.seconds += perf_counter() - self._began
            player.close()

    def _end(self) -> None:
        """Let everything come to rest, and then to its end."""
        self._judged(Move("world", "calm"))
        self._judged(Move("world", "shutdown"))
        self._play(END)

    # -------------------------------------------------------------- clients come

    @precondition(_has_room)
    @rule()
    def connect(self) -> None:
        """Clients come, several at one instant among them; some begin before they are let in."""
        for _ in range(self._pick((1, 1, 2, 3))):
            self._play(Move("world", "connect", self._params()))
            conn = self._world.conns[-1]
            subscribes = self._pick((False, True))
            if subscribes:
                for event in self._events:
                    self._play(Move(conn.name, "subscribe", {"event": event}))
            self._act_as(conn, self._pick((0, 0, 1, 2)))
        self._pause()

    @precondition(_has_room)
    @rule()
    def connect_in_vain(self) -> None:
        """A client comes with what need not be connection parameters."""
        params = self._draw(self.plan.strategies.ill_fitting_params)
        self._play(Move("world", "connect", {} if params is None else {"params": params}))
        self._pause()

    # -------------------------------------------------------------- calls

    @precondition(_has_actions)
    @rule()
    def act(self) -> None:
        """A client calls an action, or somebody does over HTTP."""
        self._act()
        self._pause()

    @precondition(_has_actions)
    @rule()
    def act_at_once(self) -> None:
        """Several calls at one instant."""
        for _ in range(self._pick((2, 3, 4))):
            self._act()
        self._pause()

    @precondition(_has_actions)
    @rule()
    def act_in_vain(self) -> None:
        """A call that need not fit, or what is no message at all."""
        conn = self._some_conn()
        kind = self._pick(("arguments", "name", "message"))
        if conn is not None and kind == "message":
            self._play(Move(conn.name, "send_raw", {"data": "no message"}))
        elif kind == "name":
            self._call(conn, "no such action", [])
        else:
            spec = self._pick(self._actions)
            self._call(
                conn, spec.name, self._draw(self.plan.strategies.ill_fitting_arguments(spec.attr))
            )
        self._pause()

    @precondition(_has_events)
    @rule()
    def subscribe(self) -> None:
        """A client subscribes to an event, or no longer wants it."""
        event = self._pick(self._events)
        given: dict[str, Plain] = {"event": event}
        if self._pick((True, True, False)) is False:
            given["subscribed"] = False
        conn = self._pick(self.live)
        self._play(Move(conn.name, "subscribe", given))
        self._act_as(conn, self._pick((0, 0, 1)))
        self._pause()

    # -------------------------------------------------------------- clients go

    @precondition(_has_live)
    @rule()
    def client_ends(self) -> None:
        """A client closes, vanishes, or falls silent."""
        conn = self._pick(self.live)
        self._play(Move(conn.name, self._pick(("close", "drop", "half_open"))))
        self._gone.add(conn.name)
        self._pause()

    @precondition(_has_callers)
    @rule()
    def act_and_end(self) -> None:
        """A client calls an action and its connection ends, perhaps before the answer."""
        conn = self._pick(self.live)
        self._act_as(conn)
        self._pause()
        how = self._pick(("drop", "close", "disconnect"))
        if how == "disconnect":
            self._disconnect(conn)
        else:
            self._play(Move(conn.name, how))
            self._gone.add(conn.name)
        self._pause()

    @precondition(_has_live)
    @rule()
    def server_ends(self) -> None:
        """The server ends a connection from outside of the actor, awaited or not."""
        self._disconnect(self._pick(self.live))
        self._pause()

    @precondition(_has_live)
    @rule()
    def both_end(self) -> None:
        """Client and server end a connection at one instant."""
        conn = self._pick(self.live)
        close = Move(conn.name, self._pick(("close", "drop")))
        if self._pick((True, False)):
            self._play(close)
            self._disconnect(conn)
        else:
            self._disconnect(conn)
            self._play(close)
        self._gone.add(conn.name)
        self._pause()

    @precondition(_has_live)
    @rule()
    def read_slowly(self) -> None:
        """A client reads nothing for a while, in which it may miss a lot, or reads again."""
        how = self._pick(("slow", "much", "read_on"))
        conn = self._pick(self.live)
        self._play(Move(conn.name, "read_on" if how == "read_on" else "slow"))
        if how == "much" and self._actions:
            self._judged(Move("world", "advance", {"seconds": 1.0}))  # it is open by now
            spec = self._pick(self._actions)
            args = self._draw(self.plan.strategies.arguments(spec.attr))
            caller = self._some_conn()
            for _ in range(_MANY):
                self._call(caller, spec.name, args)
                self._judged(Move("world", "settle"))
        self._pause()

    # -------------------------------------------------------------- the actor and its host

    @rule()
    def rest(self) -> None:
        """The actor falls asleep, or is woken, or ends for good."""
        self._play(Move("world", self._pick(("sleep", "wake", "destroy"))))
        self._pause()

    @precondition(_has_jobs)
    @rule()
    def schedule(self) -> None:
        """An action is to run later."""
        spec = self._pick(self.plan.jobs)
        args = self._draw(self.plan.strategies.arguments(spec.attr))
        seconds = self._pick(_SECONDS)
        self._play(
            Move("world", "schedule", {"seconds": seconds, "action": spec.attr, "args": args})
        )
        self._pause()

    @rule()
    def stop_host(self) -> None:
        """The host stops in an orderly way, and another starts."""
        self._play(Move("world", "shutdown"))
        self._play(Move("world", "restart"))
        self._pause()

    @rule()
    def crash(self) -> None:
        """The process dies now, or in a commit that comes."""
        fault = self._pick(("now", "dies before", "dies after", "fails"))
        if fault == "now":
            self._play(Move("world", "crash"))
        else:
            commits = self._pick((0, 1, 2))
            self._play(Move("world", "at_commit", {"commits": commits, "fault": fault}))
        self._pause()

    @rule()
    def wait(self) -> None:
        """Time goes on."""
        self._judged(Move("world", "advance", {"seconds": self._pick(_SECONDS)}))

    # -------------------------------------------------------------- moves

    def _act(self) -> None:
        self._act_as(self._some_conn())

    def _act_as(self, conn: WorldConn | None, times: int = 1) -> None:
        """Call actions: as a client with a connection, or, without one, over HTTP."""
        for _ in range(times if self._actions else 0):
            spec = self._pick(self._actions)
            self._call(conn, spec.name, self._draw(self.plan.strategies.arguments(spec.attr)))

    def _call(self, conn: WorldConn | None, name: str, args: list[Plain]) -> None:
        given = {"name": name, "args": args}
        if conn is not None:
            self._play(Move(conn.name, "act", given))
        else:
            self._play(Move("world", "call", {**given, **self._params()}))

    def _disconnect(self, conn: WorldConn) -> None:
        given: dict[str, Plain] = {"conn": conn.name}
        reason = self._pick(_REASONS)
        if reason is not None:
            given["reason"] = reason
        if self._pick((False, True)):
            given["awaited"] = True
        self._play(Move("world", "disconnect", given))

    def _params(self) -> dict[str, Plain]:
        params = self._draw(self.plan.strategies.params)
        return {} if params is None else {"params": params}

    def _some_conn(self) -> WorldConn | None:
        """A client with a connection, or None for a call over HTTP."""
        live: list[WorldConn | None] = [*self.live, None]
        return self._pick(live)

    @property
    def _world(self) -> World[Any]:
        assert self._player is not None  # ``begin`` comes first
        return self._player.world

    @property
    def _actions(self) -> Sequence[Any]:
        return list(self.plan.definition.actions.values())

    @property
    def _events(self) -> Sequence[str]:
        return list(self.plan.definition.events_by_attr)

    # -------------------------------------------------------------- playing and judging

    def _pause(self) -> None:
        pause = self._pick(_PAUSES)
        if pause is not None:
            self._judged(pause)

    def _play(self, move: Move) -> None:
        player = self._player
        assert player is not None  # ``begin`` comes first
        failure = player.play(move)
        if self._chooser.stopped is not None:
            self._is_over = True
            raise self._chooser.stopped
        if failure is not None:
            self._fail(failure)

    def _judge(self) -> None:
        player = self._player
        assert player is not None  # ``begin`` comes first
        self.tally.steps += 1
        self.live = [
            conn
            for conn in player.world.conns
            if conn.ended is None and conn.name not in self._gone
        ]
        failure = player.judge()
        if failure is not None:
            self._fail(failure)

    def _judged(self, move: Move) -> None:
        self._play(move)
        self._judge()

    def _fail(self, failure: Failure) -> None:
        player, plan = self._player, self.plan
        assert player is not None  # it found the failure
        self._is_over = True
        script = attrs.evolve(
            self._script, moves=tuple(player.moves), choices=tuple(self._chooser.choices)
        )
        self.tally.failure = Report(
            plan.actor, plan.others, plan.expected, script, failure, player.world.trace, plan.holder
        )
        if self.tally.found_after is None:
            self.tally.found_after = self.tally.examples + 1
        raise _error_of(failure.kind)(failure.what) from failure.error

    # -------------------------------------------------------------- draws

    def _draw(self, strategy: st.SearchStrategy[_T]) -> _T:
        try:
            drawn: _T = self._data.draw(strategy)
        except BaseException:
            self._is_over = True
            raise
        return drawn

    def _pick(self, options: Sequence[_T]) -> _T:
        return options[self._draw(up_to(len(options)))] if len(options) > 1 else options[0]

    def _some_of(self, faults: Faults) -> Faults:
        """The same faults, each kind either as it is or never."""
        off: dict[str, Any] = {
            each.name: 0
            for each in attrs.fields(Faults)
            if type(getattr(faults, each.name)) is int
            and getattr(faults, each.name)
            and not self._pick((False, True))
        }
        return attrs.evolve(faults, **off)


@cache
def _error_of(kind: tuple[str, int]) -> type[LifecycleFailure]:
    """An error for each kind: Hypothesis shrinks one error, and does not slip to another."""
    return type("LifecycleFailure", (LifecycleFailure,), {"kind": kind})
