"""Each planted fault is found by the lifecycle test, and the rule that it breaks is named."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "mutants"
HUNT = runpy.run_path(str(HERE / "hunt.py"))
MUTANTS: dict[str, dict[str, Any]] = HUNT["mutants"]()
HOW = "deep" if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else "quick"

HUNTED = [name for name, each in MUTANTS.items() if HOW == "deep" or each.get("quick")]
NONE = "none"
TITLE = f"planted faults ({HOW}): rule broken, found as, examples, lines, seconds"

Report = Callable[[str, str], None]


def hunt(name: str) -> dict[str, Any]:
    command = (sys.executable, "-W", "ignore", str(HERE / "hunt.py"), name, HOW)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", HUNTED)
def test_the_fault_is_found(name: str, report: Report) -> None:
    mutant, found = MUTANTS[name], hunt(name)
    report(
        TITLE,
        f"{list(MUTANTS).index(name) + 1:>2} {name:<66} {mutant['rule']:>4}"
        f" {found['rule'] or 'no':>4} {found['examples']:>4} {found.get('lines', 0):>5}"
        f" {found['seconds']:>6.1f}",
    )
    assert found["rule"] in {mutant["rule"], *mutant.get("seen_as", ())}, found.get("text")


@pytest.mark.skipif(HOW != "deep", reason="make deep; test_samples looks at the same actors")
@pytest.mark.timeout(600)
def test_without_a_fault_none_is_found() -> None:
    found = hunt(NONE)
    assert found["rule"] is None, found["text"]


def test_a_quick_run_hunts_faults_of_every_rule() -> None:
    quick = [each["rule"] for each in MUTANTS.values() if each.get("quick")]
    assert set(quick) == {each["rule"] for each in MUTANTS.values()}
    assert len(quick) >= 28


@pytest.mark.parametrize("name", MUTANTS)
def test_the_fault_can_be_planted(name: str) -> None:
    for path, source in HUNT["changed_sources"](MUTANTS[name]).items():
        compile(source, str(path), "exec")


def test_a_text_that_is_not_there_is_refused() -> None:
    edit = {"module": "session/_server.py", "old": "no such text", "new": ""}
    with pytest.raises(HUNT["Unplanted"], match="has the old text 0 times, not once"):
        HUNT["changed_sources"]({"name": "stale", "edit": [edit]})


def test_every_rule_has_its_fault() -> None:
    rules = {mutant["rule"] for mutant in MUTANTS.values()}
    assert rules == {*(f"C{n}" for n in range(1, 17)), *(f"A{n}" for n in range(1, 8))}
    assert len(MUTANTS) >= 25
