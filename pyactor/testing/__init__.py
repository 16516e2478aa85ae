"""Property-based tests of a user's own actor in virtual time: ``World`` and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._chooser import Chooser, FixedChooser, PlainChooser, SeededChooser
from ._clients import WorldCall, WorldConn
from ._faults import Faults, InjectedFault
from ._loop import Deadlock, VirtualLoop
from ._replay import replay
from ._report import LifecycleFailure
from ._rules import RuleBroken, Violation
from ._trace import Step, Trace, What
from ._world import World

if TYPE_CHECKING:
    from ._lifecycle import lifecycle_test

__all__ = [
    "Chooser",
    "Deadlock",
    "Faults",
    "FixedChooser",
    "InjectedFault",
    "LifecycleFailure",
    "PlainChooser",
    "RuleBroken",
    "SeededChooser",
    "Step",
    "Trace",
    "Violation",
    "VirtualLoop",
    "What",
    "World",
    "WorldCall",
    "WorldConn",
    "lifecycle_test",
    "replay",
]


def __getattr__(name: str) -> Any:
    """``lifecycle_test``, which alone needs Hypothesis, once it is asked for."""
    if name != "lifecycle_test":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from ._lifecycle import lifecycle_test  # noqa: PLC0415 - the rest works without Hypothesis
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise ModuleNotFoundError(
            "lifecycle_test needs Hypothesis: pip install 'pyactor-sdk[testing]'", name=error.name
        ) from error
    return lifecycle_test
