"""Makes a failed run shorter.

Owns which shorter runs are tried. It knows moves, where Hypothesis knows bytes: it leaves one out
with all that was chosen in it, so some dozens of runs do what takes Hypothesis hundreds. A run
counts as the same if it fails for the same rule or invariant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs
from attrs import define, frozen
from typing_extensions import override

from ..plain import Plain
from ._chooser import Chooser
from ._faults import Faults
from ._report import Report
from ._script import Failure, Move, Player, Script
from ._trace import Trace

_ENDINGS = (
    Move("world", "settle"),
    Move("world", "advance", {"seconds": 1.0}),
    Move("world", "advance", {"seconds": 61.0}),
)
_FEW = 16
"""Moves of which pairs are tried."""
_MOST_PLAYS = 500
"""How many shorter runs are tried at most: some seconds."""


@frozen
class _Part:
    """A move, and what is chosen while it is played: for what, and the answer."""

    move: Move
    choices: tuple[tuple[str, int], ...]


class _PartChooser(Chooser):
    """Answers from the choices of the part that is played, each for what it was made for.

    So a choice stays with its hook where another is no longer asked for.

    Args:
        more: What is answered while no part has choices of its own.
    """

    def __init__(self, more: Sequence[int] = ()) -> None:
        self._more = iter(more)
        self._left: dict[str, deque[int]] = {}
        self.used: list[tuple[str, int]] = []

    def begin(self, part: _Part) -> None:
        """The next part is played."""
        self.used = []
        self._left = {}
        for label, answer in part.choices:
            self._left.setdefault(label, deque()).append(answer)

    @override
    def choose(self, label: str, options: int, /) -> int:
        left = self._left.get(label)
        chosen = min(left.popleft() if left else next(self._more, 0), options - 1)
        self.used.append((label, chosen))
        return chosen


@define
class _Run:
    parts: list[_Part]
    faults: Faults
    failure: Failure | None
    trace: Trace


class Shortener:
    """Makes one failed run shorter.

    Args:
        report: The run.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._plays = 0
        parts = [_Part(move, ()) for move in report.script.moves]
        self._best = self._played(parts, report.script.faults, report.script.choices)

    def shortened(self) -> Report:
        """The shortest run that was found to fail in the same way; the same one if none was."""
        if not self._is_same(self._best):
            return self._report
        self._drop_moves()
        self._end_sooner()
        weight = -1
        while weight != self._weight() and self._plays < _MOST_PLAYS:
            weight = self._weight()
            self._drop_moves()
            self._drop_faults()
            self._drop_choices()
            self._simplify_moves()
            if weight == self._weight():
                self._drop_pairs()
        best = self._best
        assert best.failure is not None  # the same
        script = self._script(best.parts, best.faults)
        return attrs.evolve(self._report, script=script, failure=best.failure, trace=best.trace)

    # -------------------------------------------------------------- what is tried

    def _end_sooner(self) -> None:
        """Stop after fewer moves, and let come to light what is wrong by then."""
        for kept in range(1, len(self._best.parts) - 1):
            parts = self._best.parts[:kept]
            if any(self._try([*parts, _Part(ending, ())]) for ending in _ENDINGS):
                return

    def _drop_moves(self) -> None:
        size = max(1, len(self._best.parts) // 2)
        while size:
            end = len(self._best.parts)
            while end > 0:
                start = max(0, end - size)
                if self._try(_without(self._best.parts, range(start, end))):
                    end = min(start, len(self._best.parts))
                else:
                    end = start
            size //= 2

    def _drop_pairs(self) -> None:
        """Two moves that need each other go together."""
        if len(self._best.parts) > _FEW:
            return
        for last in reversed(range(len(self._best.parts))):
            for first in range(last):
                if self._try(_without(self._best.parts, (first, last))):
                    break

    def _drop_faults(self) -> None:
        for each in attrs.fields(Faults):
            plain = getattr(Faults.NONE, each.name)
            faults = attrs.evolve(self._best.faults, **{each.name: plain})
            if faults != self._best.faults:
                self._try(self._best.parts, faults)

    def _drop_choices(self) -> None:
        for at in range(len(self._best.parts)):
            if at < len(self._best.parts) and _weight(self._best.parts[at]):
                self._drop_choices_of(at)

    def _drop_choices_of(self, at: int) -> None:
        if self._try(_with_choices(self._best.parts, at, ())):
            return
        for index, (label, answer) in enumerate(self._best.parts[at].choices):
            now = self._best.parts[at].choices
            if answer and index < len(now) and now[index][1]:
                without = (*now[:index], (label, 0), *now[index + 1 :])
                self._try(_with_choices(self._best.parts, at, without))

    def _simplify_moves(self) -> None:
        at = 0
        while at < len(self._best.parts):
            for move in _simpler(self._best.parts[at].move):
                parts = list(self._best.parts)
                parts[at] = attrs.evolve(parts[at], move=move)
                if self._try(parts):
                    break
            at += 1

    # -------------------------------------------------------------- trying

    def _try(self, parts: list[_Part], faults: Faults | None = None) -> bool:
        if self._plays >= _MOST_PLAYS or not parts:
            return False
        run = self._played(parts, self._best.faults if faults is None else faults)
        if self._is_same(run):
            self._best = run
            return True
        return False

    def _is_same(self, run: _Run) -> bool:
        return run.failure is not None and run.failure.kind == self._report.failure.kind

    def _played(self, parts: list[_Part], faults: Faults, more: Sequence[int] = ()) -> _Run:
        self._plays += 1
        report = self._report
        chooser = _PartChooser(more)
        script = self._script(parts, faults)
        player = Player(report.actor, report.others, script, report.expected, chooser=chooser)
        failure: Failure | None = None
        played: list[_Part] = []
        try:
            for part in parts:
                chooser.begin(part)
                failure = player.play_one(part.move)
                played.append(_Part(part.move, tuple(chooser.used)))
                if failure is not None:
                    break
        finally:
            player.close()
        return _Run(played, faults, failure, player.world.trace)

    def _script(self, parts: list[_Part], faults: Faults) -> Script:
        return attrs.evolve(
            self._report.script,
            moves=tuple(each.move for each in parts),
            choices=tuple(answer for each in parts for _, answer in each.choices),
            faults=faults,
        )

    def _weight(self) -> int:
        parts = self._best.parts
        choices = sum(map(_weight, parts))
        return 1000 * len(parts) + 10 * choices + sum(len(repr(each.move)) for each in parts)


# ------------------------------------------------------------------ shorter runs


def _weight(part: _Part) -> int:
    """How many of its choices are not plain."""
    return sum(1 for _, answer in part.choices if answer)


def _with_choices(parts: list[_Part], at: int, choices: tuple[tuple[str, int], ...]) -> list[_Part]:
    return [*parts[:at], attrs.evolve(parts[at], choices=choices), *parts[at + 1 :]]


def _without(parts: list[_Part], dropped: Collection[int]) -> list[_Part]:
    """The parts but some; a client that no longer comes does nothing, and the others move up."""
    names: dict[str, str] = {"world": "world"}
    left: list[_Part] = []
    count = kept = 0
    for index, part in enumerate(parts):
        move = part.move
        is_dropped = index in dropped
        if move.what == "connect":
            count += 1
            if not is_dropped:
                kept += 1
                names[f"c{count}"] = f"c{kept}"
        conn = move.given.get("conn")
        if is_dropped or move.who not in names or (conn is not None and conn not in names):
            continue
        given = dict(move.given)
        if conn is not None:
            given["conn"] = names[str(conn)]
        left.append(attrs.evolve(part, move=Move(names[move.who], move.what, given)))
    return left


def _simpler(move: Move) -> Iterator[Move]:
    """Moves that do nearly the same, the simplest first."""
    if move.what == "turns":
        yield _ENDINGS[0]
    elif move.who == "world" and move.what not in _CALM:
        yield _ENDINGS[1]
    elif move.what == "call":
        yield Move("world", "wake")
    elif move.who not in ("world", "c1"):
        yield attrs.evolve(move, who="c1")
    for name, value in move.given.items():
        if name in ("reason", "awaited", "params"):
            yield attrs.evolve(move, given={k: v for k, v in move.given.items() if k != name})
        if name in ("args", "params", "seconds", "commits", "reason"):
            for simpler in _simpler_values(value):
                yield attrs.evolve(move, given={**move.given, name: simpler})


_CALM = frozenset({"settle", "advance", "connect", "call", "wake"})

_SIMPLEST: Mapping[type, tuple[Any, ...]] = MappingProxyType(
    {str: ("", "a"), int: (0, 1), float: (1.0,), bool: (False,)}
)


def _simpler_values(value: Plain) -> Iterator[Plain]:
    for each in _SIMPLEST.get(type(value), ()):
        if each == value:
            return
        if not isinstance(value, float) or value > each:
            yield each
    if isinstance(value, list):
        for at, item in enumerate(value):
            for simpler in _simpler_values(item):
                yield [*value[:at], simpler, *value[at + 1 :]]
    elif isinstance(value, dict):
        for key, item in value.items():
            yield {name: each for name, each in value.items() if name != key}
            for simpler in _simpler_values(item):
                yield {**value, key: simpler}
