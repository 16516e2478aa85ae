"""``lifecycle_test``: a test class for one actor, for pytest and unittest alike.

Owns how a search is set up, run and reported. What is searched is ``_machine``'s.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import unittest
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from ..definition import Actor, definition_of
from ._clients import WorldConn
from ._faults import Faults
from ._machine import Lifecycle
from ._plan import Plan, Tally
from ._replay import replay, save
from ._report import LifecycleFailure
from ._script import Expectations
from ._shorten import Shortener
from ._strategies import Overrides, Strategies, Values

__unittest = True  # unittest leaves frames of this module out of a traceback

A = TypeVar("A", bound=Actor[Any, Any, Any, Any])

SAVE_TO = "PYACTOR_SAVE_TRANSCRIPT"
"""The environment variable with the folder, or ``.json`` file, that failed runs are written to."""


_EXPECTED = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
)
"""A world takes many draws and some time: none of these is a mistake of the user's."""


class _LifecycleTestCase(unittest.TestCase):
    """What ``lifecycle_test`` makes subclasses of."""

    invariants: ClassVar[tuple[Callable[[Any], object], ...]]
    client_invariants: ClassVar[tuple[Callable[[WorldConn], object], ...]]
    tally: ClassVar[Tally]
    """What the last search has done."""
    _machine: ClassVar[type[Lifecycle]]
    _settings: ClassVar[hypothesis.settings | None]
    _save_to: ClassVar[Path | None]

    def test_lifecycle(self) -> None:
        """Search for a run that breaks a rule or an invariant."""
        __tracebackhide__ = True
        _name_as_assigned(type(self))
        tally = type(self).tally = self._machine.tally = Tally()
        try:
            with _quiet():
                run_state_machine_as_test(self._machine, settings=_settings(self._settings))
        except LifecycleFailure:
            pass  # what it is, the tally has
        except Flaky as error:
            raise AssertionError(
                "Two runs of the same moves differed, so there is nothing to report: does the "
                "actor keep anything outside itself, or use the real time?"
            ) from error
        finally:
            print(self._summary(tally))  # noqa: T201 - pytest shows it with -s, or if this fails
        if tally.failure is not None:
            with _quiet():
                report = tally.failure = Shortener(tally.failure).shortened()
                saved = _file_for(self._save_to, type(self).__name__)
                if saved is not None:
                    save(saved, report)
                text = report.text(saved)
            raise LifecycleFailure(text) from report.failure.error

    def _summary(self, tally: Tally) -> str:
        rate = tally.steps / tally.seconds if tally.seconds else 0
        return (
            f"{type(self).__name__}: {tally.examples:,} worlds, {tally.steps:,} steps, "
            f"{tally.events:,} events, {rate:,.0f} steps a second"
        )


def lifecycle_test(
    actor: type[A],
    *,
    params: Values | None = None,
    input: Values | None = None,  # noqa: A002 - named as api.md names it
    arguments: Overrides = MappingProxyType({}),
    invariants: Sequence[Callable[[A], object]] = (),
    client_invariants: Sequence[Callable[[WorldConn], object]] = (),
    faults: Faults | None = None,
    settings: hypothesis.settings | None = None,
    others: Sequence[type[Actor[Any, Any, Any, Any]]] = (),
    storage: Literal["memory", "sqlite"] = "memory",
    examples: Sequence[str | Path] = (),
    save_to: str | Path | None = None,
) -> type[unittest.TestCase]:
    """Make a test class that searches for what breaks an actor.

        TestChatRoom = lifecycle_test(ChatRoom)

    Hypothesis draws what clients, network, host and time do, and shrinks what breaks a rule
    (C1-C16, A1-A7) or an invariant to a short transcript. Values come from the types of
    parameters and attributes, and from the validators of attrs classes.

    Args:
        actor: The class.
        params: Connection parameters to try: a strategy or a list of them.
        input: Inputs of a creation to try, in the same way.
        arguments: What to try instead, by type, or by the name of a parameter or attribute:
            ``{"user_id": ["ann", "bob"], "post.text": st.text(), int: st.integers(0, 9)}``.
        invariants: Take the live actor, and fail by returning False or raising. Asked whenever
            no connection is in OPENING or CLOSING, and no hook or action of it runs or is due.
        client_invariants: Take a client, with all that it has seen; asked after every step.
        faults: What may go wrong; ``Faults.usual()`` by default. Each world has some of it.
        settings: Of Hypothesis; by default those of the profile that is loaded.
        others: Classes that the actor calls.
        storage: Which storage keeps the actors.
        examples: Files of saved runs, each of them a test of its own.
        save_to: The folder, or ``.json`` file, that a failed run is written to; by default what
            the environment variable ``PYACTOR_SAVE_TRANSCRIPT`` says.

    Returns:
        A class that pytest and unittest collect, called ``Test`` and the actor's name.

    Raises:
        DefinitionError: The class is no valid actor.
        ValueError: ``arguments`` names something that the actor does not have.
    """
    definition = definition_of(actor)
    name = f"Test{actor.__name__}"
    expected = Expectations(tuple(invariants), tuple(client_invariants))
    module = sys._getframe(1).f_globals.get("__name__", __name__)
    body: dict[str, Any] = {
        "__module__": module,
        "__doc__": f"Lifecycles of {definition.name}.",
        "invariants": expected.invariants,
        "client_invariants": expected.client_invariants,
        "_settings": settings,
        "_save_to": None if save_to is None else Path(save_to),
    }
    for path in map(Path, examples):
        body[f"test_saved_{path.stem}"] = _saved_test(actor, tuple(others), path, expected)
    test: type[_LifecycleTestCase] = type(name, (_LifecycleTestCase,), body)
    plan = Plan(
        actor,
        tuple(others),
        definition,
        Strategies(definition, arguments, params=params, input=input),
        expected,
        Faults.usual() if faults is None else faults,
        storage,
        test,
    )
    # Hypothesis tells searches apart by the names of their machines.
    machine = {"plan": plan, "tally": Tally(), "__module__": module}
    test._machine = type(f"{name}_{definition.name}", (Lifecycle,), machine)
    return test


def _saved_test(
    actor: type[Any], others: tuple[type[Any], ...], path: Path, expected: Expectations
) -> Callable[[Any], None]:
    def test_saved(self: Any) -> None:
        __tracebackhide__ = True
        del self  # all that it needs is in the file
        with _quiet():
            replay(
                path,
                actor,
                others=others,
                invariants=expected.invariants,
                client_invariants=expected.client_invariants,
            )

    return test_saved


def _name_as_assigned(cls: type[Any]) -> None:
    """Give a test class the name that its module has it under, for reports and snippets."""
    for name, value in vars(sys.modules.get(cls.__module__)).items():
        if value is cls:
            cls.__name__ = cls.__qualname__ = name
            return


def _settings(given: hypothesis.settings | None) -> hypothesis.settings:
    """The user's settings, but for what is ours: to shorten a run, and to report it."""
    parent = given or hypothesis.settings()
    return hypothesis.settings(
        parent,
        deadline=None,
        verbosity=min(parent.verbosity, Verbosity.quiet),
        report_multiple_bugs=False,
        print_blob=False,
        phases=[each for each in parent.phases if each not in (Phase.shrink, Phase.explain)],
        suppress_health_check=_EXPECTED,
    )


def _file_for(save_to: Path | None, name: str) -> Path | None:
    if save_to is None:
        text = os.environ.get(SAVE_TO)
        if not text:
            return None
        save_to = Path(text)
    return save_to if save_to.suffix == ".json" else save_to / f"{name}.json"


@contextmanager
def _quiet() -> Iterator[None]:
    """Hundreds of worlds log as one does; and what was there before need not be swept each time."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    freezes = not gc.get_freeze_count()  # a freeze of somebody else's is not ours to undo
    if freezes:
        gc.collect()
        gc.freeze()
    try:
        yield
    finally:
        if freezes:
            gc.unfreeze()
        logging.disable(before)
