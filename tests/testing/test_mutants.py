"""Each planted fault is found by the lifecycle test, and the rule that it breaks is named."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "mutants"
HUNT = runpy.run_path(str(HERE / "hunt.py"))
MUTANTS: dict[str, dict[str, Any]] = HUNT["mutants"]()
HOW = "deep" if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else "quick"

only_deep = pytest.mark.skipif(
    HOW != "deep", reason="a hunt for each of 68 faults takes minutes: make deep"
)
NONE = "none"

Report = Callable[[str, str], None]
Hunts = Mapping[str, "Future[dict[str, Any]]"]


def hunt(name: str) -> dict[str, Any]:
    command = (sys.executable, "-W", "ignore", str(HERE / "hunt.py"), name, HOW)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def hunts(request: pytest.FixtureRequest, report: Report) -> Iterator[Hunts]:
    """All hunts that the chosen tests ask for, two at a time."""
    asked = [
        str(item.callspec.params["name"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.fspath == request.path
        and hasattr(item, "callspec")
        and "hunts" in item.fixturenames
    ]
    with ThreadPoolExecutor(2) as pool:
        begun = {name: pool.submit(hunt, name) for name in asked}
        yield begun
        for each in begun.values():
            each.cancel()
    title = f"planted faults ({HOW}): rule broken, found as, examples, lines, seconds"
    for name, each in begun.items():
        if name in MUTANTS and each.done() and not each.cancelled() and each.exception() is None:
            found, rule = each.result(), MUTANTS[name]["rule"]
            report(
                title,
                f"{name:<66} {rule:>4} {found['rule'] or 'no':>4} {found['examples']:>4}"
                f" {found.get('lines', 0):>5} {found['seconds']:>6.1f}",
            )


@only_deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_fault_is_found(name: str, hunts: Hunts) -> None:
    mutant, found = MUTANTS[name], hunts[name].result()
    assert found["rule"] in {mutant["rule"], *mutant.get("seen_as", ())}, found.get("text")


@only_deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [NONE])
def test_without_a_fault_none_is_found(name: str, hunts: Hunts) -> None:
    found = hunts[name].result()
    assert found["rule"] is None, found["text"]


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
