"""A script as Python: what one pastes into a file to see a run again.

Owns how moves are spelt. What can be imported is spelt with its types; what cannot, plainly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from ..definition import ActorDefinition, definition_of
from ..errors import ActorError
from ..plain import Plain
from ._faults import Faults
from ._script import CALM_SECONDS, END, AnyActor, Failure, Move, Script
from ._source import CannotSpell, Source

_INDENT = "    "
_BY_ITSELF = frozenset({"deadlock", "left behind"})
"""What comes to light without being asked for: a world says it as it closes."""


class Snippet:
    """Spells one script.

    Args:
        actor: The class.
        others: Classes that it calls.
        script: The run.
        checks_each: Whether to check after each move, since later is too late.
    """

    def __init__(
        self,
        actor: type[AnyActor],
        others: Sequence[type[AnyActor]],
        script: Script,
        *,
        checks_each: bool = False,
    ) -> None:
        self._definition: ActorDefinition = definition_of(actor)
        self._classes = (actor, *others)
        self._script = script
        self._source = Source()
        self._notes: list[str] = []
        self._conns = 0
        self._check = ["world.check()"] if checks_each else []

    def text(
        self, failure: Failure, invariants: Sequence[Callable[..., object]], holder: Any
    ) -> str:
        """The program, which fails as the script did.

        Args:
            failure: What is wrong with the run.
            invariants: Those of the kind that failed, if one of them did.
            holder: The test class, which has them too, under ``invariants`` or
                ``client_invariants``.
        """
        self._source.use("pyactor.testing", "World")
        world = ", ".join([*map(self._class, self._classes), *self._options()])
        moves = [line for each in self._script.moves for line in (*self._move(each), *self._check)]
        moves += self._verdict(failure, invariants, holder)
        return "\n".join(
            [
                *self._source.imports,
                *self._notes,
                "",
                f"with World({world}) as world:",
                *(_INDENT + line for line in moves or ["pass"]),
            ]
        )

    # -------------------------------------------------------------- the world

    def _class(self, cls: type[AnyActor]) -> str:
        try:
            return self._source.name(cls)
        except CannotSpell:
            self._notes.append(f"# {cls.__name__} is made in a function: put this where it is")
            return cls.__name__

    def _options(self) -> list[str]:
        script, source = self._script, self._source
        options: list[str] = []
        choices = list(script.choices)
        while choices and not choices[-1]:
            choices.pop()
        faults = {
            each.name: getattr(script.faults, each.name)
            for each in attrs.fields(Faults)
            if getattr(script.faults, each.name) != getattr(Faults.NONE, each.name)
        }
        if choices or 1 in faults.values():
            given = ", ".join(f"{name}={source.text(value)}" for name, value in faults.items())
            source.use("pyactor.testing", "Faults")
            options.append(f"faults=Faults({given})")
        if choices:
            source.use("pyactor.testing", "FixedChooser")
            options.append(f"chooser=FixedChooser({choices})")
        if script.storage != "memory":
            options.append(f"storage={script.storage!r}")
        if script.encoding != "json":
            options.append(f"encoding={script.encoding!r}")
        if script.input is not None:
            value = self._typed(self._definition.structure_input, script.input)
            options.append(f"input={value or '...'}")
        return options

    # -------------------------------------------------------------- moves

    def _move(self, move: Move) -> list[str]:
        given = dict(move.given)
        lines: list[str] = []
        match move.what:
            case "connect":
                self._conns += 1
                lines = [f"c{self._conns} = world.connect({self._params(given.get('params'))})"]
            case "call":
                lines = [self._call("world.call", given, self._params(given.get("params")))]
            case "act":
                lines = [self._call(f"{move.who}.act", given, "")]
            case "schedule":
                first = f"{given['seconds']!r}, {given['action']!r}"
                args = self._arguments(given["action"], given["args"]) or ""
                lines = [f"world.schedule({first}{', ' if args else ''}{args})"]
            case "calm":
                self._source.use("pyactor.testing", "Faults")
                until = f"lambda: world.is_quiet, within={CALM_SECONDS:g}"
                lines = ["world.faults = Faults.NONE", f"world.advance_until({until})"]
            case _ if move == END:
                pass  # the end of the block does it
            case _:
                lines = [f"{move.who}.{move.what}({self._named(given)})"]
        return lines

    def _named(self, given: dict[str, Plain]) -> str:
        parts = []
        for name, value in given.items():
            if name == "conn":
                parts.append(str(value))
            elif value is not None:
                parts.append(f"{name}={self._source.text(value)}")
        return ", ".join(parts)

    def _params(self, plain: Plain) -> str:
        if plain is None:
            return ""
        typed = self._typed(self._definition.structure_params, plain)
        return f"params={typed}" if typed else f"plain_params={self._source.text(plain)}"

    def _call(self, method: str, given: dict[str, Plain], params: str) -> str:
        name, plain = str(given["name"]), given["args"]
        spec = self._definition.actions.get(name)
        args = None if spec is None else self._arguments(spec.attr, plain)
        if args is not None and method == "world.call" and "=" in args:
            args = None  # its keywords are its own
        if spec is None or args is None:
            parts = [f"{method}_plain({name!r}", self._source.text(plain)]
        else:
            parts = [f"{method}({spec.attr!r}", args]
        return ", ".join(part for part in (*parts, params) if part) + ")"

    def _arguments(self, action: Any, plain: Any) -> str | None:
        """Typed arguments as text; None if they do not fit, or other ones would be sent."""
        spec = self._definition.actions_by_attr[action]
        try:
            args, named = spec.structure_arguments(plain)
            trailing = len(spec.unstructure_arguments(args, named)) - len(plain)
            if trailing > 0 and not named:
                args = args[: len(args) - trailing]
            if spec.unstructure_arguments(args, named) != plain:
                return None
            texts = [self._source.text(each) for each in args]
            texts += [f"{name}={self._source.text(each)}" for name, each in named.items()]
        except (ActorError, TypeError, CannotSpell):
            return None
        return ", ".join(texts)

    def _typed(self, structure: Callable[[Plain], Any], plain: Plain) -> str | None:
        try:
            return self._source.text(structure(plain))
        except (ActorError, CannotSpell):
            return None

    # -------------------------------------------------------------- what is wrong

    def _verdict(
        self, failure: Failure, invariants: Sequence[Callable[..., object]], holder: Any
    ) -> list[str]:
        if failure.rule in _BY_ITSELF or END in self._script.moves:
            return []
        if failure.rule not in ("invariant", "client invariant"):
            return [f"world.check()  # {failure.rule}"]
        what = failure.client or "world.actor"
        try:
            name = self._source.name(invariants[failure.number])
        except CannotSpell:
            kind = failure.rule.replace(" ", "_") + "s"
            try:
                name = f"{self._source.name(holder)}.{kind}[{failure.number}]"
            except CannotSpell:
                return [f"# {kind}[{failure.number}], {failure.text}, fails for {what}"]
        return [f"assert {name}({what}) is not False"]
