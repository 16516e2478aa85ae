"""The project's own actors survive their lifecycle tests, with all that may go wrong in them.

``make test`` looks for a moment; ``make deep`` takes at least 100,000 steps.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pyactor.testing import lifecycle_test
from pyactor.testing._plan import Tally

ROOT = Path(__file__).parents[2]
IS_DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
WORLDS = 300 if IS_DEEP else 8
DEEP_STEPS = 100_000

SAMPLES = [
    ("examples/authentication.py", "MembersOnly"),
    ("examples/chat_room.py", "ChatRoom"),
    ("examples/constant_conn_state.py", "Lobby"),
    ("examples/created_conn_state.py", "Room"),
    ("examples/direct_message.py", "Room"),
    ("examples/disconnect_self.py", "Limited"),
    ("examples/kick.py", "SecureRoom"),
    ("examples/presence.py", "Room"),
    ("examples/reminders.py", "Reminders"),
    ("tests/testing/mutants/subjects.py", "Subject"),
    ("tests/testing/mutants/subjects.py", "Watched"),
]

tallies: dict[str, Tally] = {}


def load(path: str, name: str) -> Any:
    module_name = f"samples_{Path(path).stem}"
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, ROOT / path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[module_name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return getattr(sys.modules[module_name], name)


@pytest.mark.parametrize(("path", "name"), SAMPLES, ids=lambda each: Path(each).stem)
def test_sample_survives(path: str, name: str, report: Callable[[str, str], None]) -> None:
    test: Any = lifecycle_test(load(path, name), settings=settings(max_examples=WORLDS))
    try:
        test("test_lifecycle").debug()
    finally:
        tally = tallies[f"{path}:{name}"] = test.tally
        rate = tally.steps / tally.seconds
        report(
            "lifecycle tests of this project's actors",
            f"{name:<12} {tally.examples:>6,} worlds {tally.steps:>8,} steps "
            f"{tally.events:>10,} events {rate:>7,.0f} steps a second  {path}",
        )


@pytest.mark.skipif(not IS_DEEP, reason="make deep")
def test_the_deep_profile_takes_as_many_steps_as_promised() -> None:
    assert set(tallies) == {f"{path}:{name}" for path, name in SAMPLES}
    assert sum(each.steps for each in tallies.values()) >= DEEP_STEPS
