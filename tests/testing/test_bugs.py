"""The bugs of ``examples/bugs`` are found, each by three lines of test; their fixed twins pass."""

from __future__ import annotations

import importlib.util
import sys
import unittest
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from attrs import field, frozen

from pyactor.testing import LifecycleFailure, WorldConn, lifecycle_test

FOLDER = Path(__file__).parents[2] / "examples" / "bugs"


def no_call_fails_by_on_state_change(conn: WorldConn) -> bool:
    return all(call.error_name != "actor.state_mutation_reentrant" for call in conn.calls.values())


@frozen
class Bug:
    """An actor of ``examples/bugs``.

    Attributes:
        actor: Its class; the twin is called ``Fixed…``.
        wrong: What is wrong with it.
        invariant: What does not hold, by its name in the module.
        client_invariants: The same for clients.
    """

    actor: str
    wrong: str
    invariant: str = ""
    client_invariants: tuple[Callable[[WorldConn], object], ...] = field(default=())


BUGS = {
    "presence": Bug(
        "Room",
        "It counts connections, not people: who reconnects before the old connection is noticed"
        " to be dead counts twice. And a count that is kept outlives a crash, its people do not.",
        "everybody_counts_once",
    ),
    "account": Bug(
        "Account",
        "A lost update: it reads the balance before an await and writes it after; what was paid in"
        " or out meanwhile is overwritten.",
        "entries_make_the_balance",
    ),
    "booth": Bug(
        "Booth",
        "The lock is taken in on_before_connect and released in on_disconnect, which does not run"
        " for a connection that was rejected after that (C4). What must be undone is deferred.",
        "nobody_locks_an_empty_booth",
    ),
    "typing_now": Bug(
        "Chat",
        "The clean-up is forgotten: who goes while typing types for ever.",
        "only_who_is_here_types",
    ),
    "dice": Bug(
        "Dice",
        "After the await it takes for granted that its caller is still there: an action goes on"
        " when its connection has gone (C6), and puts back what on_disconnect has deleted.",
        "who_has_points_plays",
    ),
    "document": Bug(
        "Document",
        "It changes the state in on_state_change, so that every call that changes something fails"
        " (A7).",
        client_invariants=(no_call_fails_by_on_state_change,),
    ),
    "table": Bug(
        "Table",
        "It checks, and acts after an await: two guests find the last seat free at one time.",
        "nobody_stands",
    ),
    "till": Bug(
        "Till",
        "The total is an attribute, which a sleep or a crash forgets, and the sales are state.",
        "it_adds_up",
    ),
}


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bugs_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_of(name: str, actor: str) -> type[unittest.TestCase]:
    module, bug = load(name), BUGS[name]
    invariants: list[Any] = [getattr(module, bug.invariant)] if bug.invariant else []
    return lifecycle_test(
        getattr(module, actor), invariants=invariants, client_invariants=bug.client_invariants
    )


@pytest.mark.parametrize("name", BUGS)
def test_the_bug_is_found(name: str) -> None:
    bug = BUGS[name]
    with pytest.raises(LifecycleFailure) as caught:
        made_of(name, bug.actor)("test_lifecycle").debug()
    expected = bug.invariant or bug.client_invariants[0].__name__
    assert expected in str(caught.value).splitlines()[0]
    print(caught.value)


@pytest.mark.parametrize("name", BUGS)
def test_its_fixed_twin_passes(name: str) -> None:
    made_of(name, f"Fixed{BUGS[name].actor}")("test_lifecycle").debug()


def test_every_bug_is_told_of() -> None:
    assert sorted(BUGS) == sorted(path.stem for path in FOLDER.glob("*.py"))
