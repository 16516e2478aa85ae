"""A run of a world written down: what was asked for, move by move, and what was chosen.

Owns the form of a script and how it is played. The same script plays the same run: a search plays
what it draws, a file and a snippet what was drawn once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from attrs import field, frozen

from ..definition import Actor, definition_of
from ..plain import Plain
from ._chooser import Chooser, FixedChooser
from ._clients import WorldConn
from ._faults import Faults
from ._loop import Deadlock
from ._rules import RuleBroken, Violation
from ._world import World

AnyActor = Actor[Any, Any, Any, Any]
ActorInvariant = Callable[[Any], object]
"""Takes the live actor; fails by returning False or by raising."""
ClientInvariant = Callable[[WorldConn], object]
"""Takes a client, with all it has seen; fails by returning False or by raising."""

CALM_SECONDS = 300.0
"""Virtual seconds at most until nothing is half done, once faults have ended."""


@frozen
class Move:
    """One thing that is asked of a world, all of it plain.

    Attributes:
        who: ``world``, or the short name of a client.
        what: The name of the method, as far as ``World`` and ``WorldConn`` have one.
        given: Its arguments by name.
    """

    who: str
    what: str
    given: Mapping[str, Plain] = field(factory=dict[str, Plain])


END = Move("world", "close")
"""The world comes to its end, and is judged once more."""


@frozen
class Script:
    """A whole run.

    Attributes:
        moves: In order.
        choices: What the chooser answered, in order; plainly, 0, once they are used up.
        faults: Of the world.
        storage: Of the world.
        encoding: Of the world.
        input: The plain input of a creation; None for none.
    """

    moves: Sequence[Move]
    choices: Sequence[int] = ()
    faults: Faults = Faults.NONE
    storage: Literal["memory", "sqlite"] = "memory"
    encoding: str = "json"
    input: Plain = None


@frozen
class Failure:
    """What is wrong with a run.

    Attributes:
        rule: ``C4``, or where it is none of the numbered ones: ``invariant``, ``client
            invariant``, ``deadlock`` or ``left behind``.
        text: What the rule says, or what the invariant is called.
        what: What is so here.
        step: The step of the trace that breaks it; None where no single one does.
        number: Which invariant it is, from 0.
        client: The client that a client invariant failed for.
        error: What an invariant raised.
    """

    rule: str
    text: str
    what: str
    step: int | None = None
    number: int = 0
    client: str = ""
    error: BaseException | None = field(default=None, eq=False)

    @property
    def kind(self) -> tuple[str, int]:
        """What two failures of one kind share."""
        return self.rule, self.number


@frozen
class Expectations:
    """What must hold besides the rules.

    Attributes:
        invariants: Of the live actor, whenever nothing of it is half done.
        client_invariants: Of each client, always.
    """

    invariants: tuple[ActorInvariant, ...] = ()
    client_invariants: tuple[ClientInvariant, ...] = ()

    def of(self, rule: str) -> Sequence[Callable[[Any], object]]:
        """The invariants of a failure's ``rule``; none if it is a numbered one."""
        return {"invariant": self.invariants, "client invariant": self.client_invariants}.get(
            rule, ()
        )


class Player:
    """Plays moves in a world of its own, and judges after each.

    Args:
        actor: The class.
        others: Classes that it calls.
        script: What the world is like; its moves are only played by ``play_all``.
        chooser: Instead of the script's own choices.
        expected: What must hold besides the rules.

    Attributes:
        world: The world.
        moves: What has been played.
    """

    def __init__(
        self,
        actor: type[AnyActor],
        others: Sequence[type[AnyActor]],
        script: Script,
        expected: Expectations,
        *,
        chooser: Chooser | None = None,
    ) -> None:
        self.moves: list[Move] = []
        self._script = script
        self._expected = expected
        self._seen: dict[str, tuple[int, object]] = {}
        given: dict[str, Any] = {}
        if script.input is not None:
            given["input"] = definition_of(actor).structure_input(script.input)
        self.world: World[Any] = World(
            actor,
            *others,
            chooser=chooser or FixedChooser(script.choices),
            faults=script.faults,
            storage=script.storage,
            encoding=script.encoding,
            **given,
        )

    # -------------------------------------------------------------- playing

    def play(self, move: Move) -> Failure | None:
        """Ask one thing of the world, and let happen what is then to happen.

        Returns:
            What came to light by itself: a deadlock, or what the end of the world found.
        """
        self.moves.append(move)
        target: Any = self if move.what in _OWN else self.world
        if move.who != "world":
            target = self.world.conns[int(move.who[1:]) - 1]
        given = dict(move.given)
        if "conn" in given:
            given["conn"] = self.world.conns[int(str(given["conn"])[1:]) - 1]
        try:
            getattr(target, _METHODS.get(move.what, move.what))(**given)
        except RuleBroken as error:
            return self._violated(error.violation)
        except Deadlock as error:
            return Failure("deadlock", "Everything waits for what never comes.", str(error))
        except AssertionError as error:
            return _left_behind(str(error))
        return None

    def play_one(self, move: Move) -> Failure | None:
        """Play a move and judge."""
        failure = self.play(move)
        return failure if failure is not None or move == END else self.judge()

    def play_all(self, *, checks_each: bool = True) -> Failure | None:
        """Play the script until something is wrong with it.

        Args:
            checks_each: Whether to judge after each move, or after the last one only.
        """
        last = len(self._script.moves) - 1
        for index, move in enumerate(self._script.moves):
            judges = checks_each or index == last
            failure = self.play_one(move) if judges else self.play(move)
            if failure is not None:
                return failure
        return None

    def close(self) -> None:
        """Throw the world away."""
        self.world.close(checks=False)

    # -------------------------------------------------------------- judging

    def judge(self) -> Failure | None:
        """What is wrong with the run so far, if anything is."""
        failure = self._violated(self.world.violation())
        if failure is None and self.world.findings:
            failure = _left_behind("\n".join(self.world.findings))
        return failure or self._judge_clients() or self._judge_actor()

    def _judge_clients(self) -> Failure | None:
        invariants = self._expected.client_invariants
        if not invariants:
            return None
        for conn in self.world.conns:
            state = len(conn.received), conn.ended
            if self._seen.get(conn.name) == state:
                continue
            self._seen[conn.name] = state
            for number, each in enumerate(invariants):
                failure = _ask("client invariant", number, each, conn, conn.name)
                if failure is not None:
                    return failure
        return None

    def _judge_actor(self) -> Failure | None:
        invariants = self._expected.invariants
        actor = self.world.actor if invariants and self.world.is_quiet else None
        if actor is None:
            return None
        for number, each in enumerate(invariants):
            failure = _ask("invariant", number, each, actor)
            if failure is not None:
                return failure
        return None

    def _violated(self, violation: Violation | None) -> Failure | None:
        if violation is None:
            return None
        return Failure(violation.rule, violation.text, violation.what, violation.step)

    # -------------------------------------------------------------- moves of our own

    def connect(self, params: Plain = None) -> None:
        """Connect, with plain parameters; None for none."""
        if params is None:
            self.world.connect()
        else:
            self.world.connect(plain_params=params)

    def call(self, name: str, args: list[Plain], params: Plain = None) -> None:
        """Call over HTTP, by the name on the wire, with plain arguments and parameters."""
        if params is None:
            self.world.call_plain(name, args)
        else:
            self.world.call_plain(name, args, plain_params=params)

    def schedule(self, seconds: float, action: str, args: list[Plain]) -> None:
        """Let an action run later, by its name in Python, with plain arguments."""
        typed, named = self.world.definition.action(action).structure_arguments(args)
        self.world.schedule(seconds, action, *typed, **named)

    def calm(self) -> None:
        """No more faults; let time go on until nothing is half done."""
        world = self.world
        world.faults = Faults.NONE
        world.advance_until(lambda: world.is_quiet, within=CALM_SECONDS)


_OWN = frozenset({"connect", "call", "schedule", "calm"})
_METHODS: Mapping[str, str] = MappingProxyType({"act": "act_plain"})


def _left_behind(what: str) -> Failure:
    return Failure("left behind", "Code leaves nothing behind.", what)


def _ask(
    rule: str, number: int, invariant: Callable[[Any], object], value: object, client: str = ""
) -> Failure | None:
    text = name_of(invariant)
    try:
        verdict = invariant(value)
    except Exception as error:  # noqa: BLE001 - whatever it raises is its verdict
        what = f"it raised {type(error).__name__}: {error}"
        return Failure(rule, text, what, None, number, client, error)
    if verdict is False:
        return Failure(rule, text, "it returned False", None, number, client)
    return None


def name_of(function: Callable[..., object]) -> str:
    """What a function is called in a report."""
    return str(getattr(function, "__qualname__", repr(function))).rpartition("<locals>.")[2]
