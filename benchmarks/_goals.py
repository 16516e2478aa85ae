"""The goals P0 to P7: each a ratio, taken round by round, and whether its median is good enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from attrs import frozen

from . import _servers as servers
from ._works import Result

Measured = Mapping[str, Mapping[str, Sequence[Result]]]
"""Work -> server -> the rounds."""


@frozen
class Goal:
    """A ratio that is to be small, or large, enough.

    Attributes:
        name: P0 …
        text: What is compared.
        above: Work, server and field of the numerator.
        below: The same of the denominator.
        limit: The ratio that is accepted; None if it is only shown.
        stretch: The one that is hoped for.
        at_least: Whether the ratio is to be large.
    """

    name: str
    text: str
    above: tuple[str, str, str]
    below: tuple[str, str, str]
    limit: float | None = None
    stretch: float | None = None
    at_least: bool = True


@frozen
class Verdict:
    """What came of a goal.

    Attributes:
        goal: Which.
        ratios: Of each round; none if a server of it is missing.
        met: Whether the median is within the limit; None without limit or ratios.
    """

    goal: Goal
    ratios: tuple[float, ...]
    met: bool | None

    @property
    def ratio(self) -> float:
        """The median."""
        return median(self.ratios)


_OURS, _FAST = servers.PYACTOR, servers.PYACTOR_FAST
_BARE, _BARE_FAST = servers.BARE, servers.BARE_FAST

GOALS = (
    Goal(
        "P0",
        "CPU per action, 64 connections: pyactor, default install / bare websockets + json",
        ("actions", _OURS, "cpu"),
        ("actions", _BARE, "cpu"),
        limit=1.25,
        stretch=1.0,
        at_least=False,
    ),
    Goal(
        "P1",
        "actions for the same CPU, 64 connections: pyactor + fast / picows + msgspec",
        ("actions", servers.PICOWS, "cpu"),
        ("actions", _FAST, "cpu"),
        limit=0.30,
    ),
    Goal(
        "P2",
        "actions for the same CPU: pyactor + fast / RivetKit TS with its engine",
        ("actions", servers.RIVETKIT, "cpu"),
        ("actions", _FAST, "cpu"),
        limit=14,
    ),
    Goal(
        "P2, default",
        "the same without the extra",
        ("actions", servers.RIVETKIT, "cpu"),
        ("actions", _OURS, "cpu"),
    ),
    Goal(
        "P3",
        "deliveries for the same CPU, 1,000 subscribers: pyactor / websockets.broadcast",
        ("broadcast", _BARE, "cpu"),
        ("broadcast", _OURS, "cpu"),
        limit=1.0,
        stretch=1.4,
    ),
    Goal(
        "P3, fast",
        "the same, both with uvloop and msgspec",
        ("broadcast", _BARE_FAST, "cpu"),
        ("broadcast", _FAST, "cpu"),
    ),
    Goal(
        "P4",
        "connects and closes for the same CPU: pyactor, full lifecycle / bare websockets",
        ("churn", _BARE, "cpu"),
        ("churn", _OURS, "cpu"),
        limit=0.8,
    ),
    Goal(
        "P4, fast",
        "the same, both with uvloop and msgspec",
        ("churn", _BARE_FAST, "cpu"),
        ("churn", _FAST, "cpu"),
    ),
    Goal(
        "P5",
        "median time of a sequential action: pyactor / bare websockets",
        ("sequential", _OURS, "p50"),
        ("sequential", _BARE, "p50"),
        limit=1.35,
        at_least=False,
    ),
    Goal(
        "P5, fast",
        "the same, both with uvloop and msgspec",
        ("sequential", _FAST, "p50"),
        ("sequential", _BARE_FAST, "p50"),
    ),
    Goal(
        "P6",
        "memory of an idle connection: pyactor / bare websockets without compression",
        ("idle", _OURS, "bytes"),
        ("idle", _BARE, "bytes"),
        limit=1.5,
        at_least=False,
    ),
    Goal(
        "P7",
        "batched saves for the same CPU: SqliteStorage / raw sqlite3, same pragmas",
        ("storage, batched", "sqlite3", "cpu"),
        ("storage, batched", "SqliteStorage", "cpu"),
        limit=0.5,
    ),
    Goal(
        "P7, rate",
        "batched saves per second: SqliteStorage / raw sqlite3",
        ("storage, batched", "SqliteStorage", "rate"),
        ("storage, batched", "sqlite3", "rate"),
    ),
)


def judge(goal: Goal, measured: Measured) -> Verdict:
    """Compare round by round, then take the median."""
    above, below = (_rounds(measured, *side) for side in (goal.above, goal.below))
    ratios = tuple(a / b for a, b in zip(above, below, strict=False) if b > 0)
    if not ratios or goal.limit is None:
        return Verdict(goal, ratios, None)
    ratio = median(ratios)
    return Verdict(goal, ratios, ratio >= goal.limit if goal.at_least else ratio <= goal.limit)


def _rounds(measured: Measured, work: str, server: str, name: str) -> list[float]:
    return [result[name] for result in measured.get(work, {}).get(server, ())]
