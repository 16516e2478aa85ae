"""What a search is about, and what it has done. Values only."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

from attrs import define, frozen

from ..definition import ActionSpec, ActorDefinition
from ._faults import Faults
from ._report import Report
from ._script import AnyActor, Expectations
from ._strategies import Strategies


@frozen
class Plan:
    """What a search is about.

    Attributes:
        actor: The class.
        others: Classes that it calls.
        definition: What the class declares.
        strategies: What its clients send.
        expected: What must hold besides the rules.
        faults: What may go wrong; each example has some of it.
        storage: Which storage keeps the actors.
        holder: The test class.
    """

    actor: type[AnyActor]
    others: tuple[type[AnyActor], ...]
    definition: ActorDefinition
    strategies: Strategies
    expected: Expectations
    faults: Faults
    storage: Literal["memory", "sqlite"]
    holder: Any

    @cached_property
    def jobs(self) -> tuple[ActionSpec, ...]:
        """The actions that may be scheduled: those whose code does not name ``self.conn``."""
        actions = self.definition.actions.values()
        return tuple(spec for spec in actions if "conn" not in _names_in(spec.function))


@define
class Tally:
    """What a search has done so far.

    Attributes:
        examples: Worlds.
        steps: Rules that were drawn.
        events: Lines of all traces.
        seconds: Real ones, in worlds and draws.
        found_after: After how many worlds the first failure was found; None if none was.
        failure: The last failure, which is the shrunk one once Hypothesis is done.
    """

    examples: int = 0
    steps: int = 0
    events: int = 0
    seconds: float = 0.0
    found_after: int | None = None
    failure: Report | None = None


def _names_in(function: Callable[..., Any]) -> tuple[str, ...]:
    code = getattr(function, "__code__", None)
    return () if code is None else tuple(code.co_names)
