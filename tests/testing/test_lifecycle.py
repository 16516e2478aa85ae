"""``lifecycle_test``: it finds what is broken, says so shortly, and leaves alone what is not."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import re
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from hypothesis import settings
from typing_extensions import override

from pyactor import Actor, DefinitionError, Event, UserError, action, hook
from pyactor.session import ServerSession
from pyactor.testing import Faults, LifecycleFailure, RuleBroken, WorldConn, lifecycle_test
from pyactor.testing._plan import Tally

ROOT = Path(__file__).parents[2]
QUICK = settings(max_examples=60, database=None, derandomize=True)


class Full(UserError):
    code = "full"


@define
class Join:
    name: str = "ann"


@define
class Tab:
    total: int = 0
    paid: int = 0


@pytest.fixture(scope="module")
def leaky() -> tuple[str, Tally]:
    """What the test of the leaky bar reports."""
    report, tally = run(HiddenLeakyBar)
    assert report is not None
    return report, tally


class Bar(Actor[Tab, None, Join], errors=(Full,)):
    """A clean actor: what it pays is what it drinks."""

    poured = Event[int]()

    @hook
    async def on_before_connect(self, params: Join) -> None:
        await asyncio.sleep(0.1)
        if params.name == "b":
            raise Full("no bobs")

    @action
    async def drink(self, price: int) -> int:
        await asyncio.sleep(abs(price) % 3)
        self.state.total += price
        self.state.paid += price
        self.poured.broadcast(price)
        return self.state.total


class LeakyBar(Bar):
    """Whoever leaves while they drink has not paid."""

    @action
    @override
    async def drink(self, price: int) -> int:
        self.state.total += price
        await asyncio.sleep(1)
        if self.conn.id in self.conns:
            self.state.paid += price
        return self.state.total


def everything_is_paid(bar: Bar) -> bool:
    return bar.state.total == bar.state.paid


def raises_where_it_is_not(bar: Bar) -> None:
    assert bar.state.total == bar.state.paid, "somebody has not paid"


def run(test: type[unittest.TestCase]) -> tuple[str | None, Tally]:
    """Run a lifecycle test: what it reports, or None, and what it did."""
    tally: Any = test
    try:
        test("test_lifecycle").debug()
    except LifecycleFailure as error:
        return str(error), tally.tally
    return None, tally.tally


def snippet_of(report: str) -> str:
    _, _, after = report.partition("To see it again:\n\n")
    return textwrap.dedent(after.rpartition("\n\n")[0])


def transcript_of(report: str) -> list[str]:
    found = re.search(r"what happens\n(.*?)\n\nTo see it again", report, re.DOTALL)
    assert found
    return found[1].splitlines()


CleanBar = lifecycle_test(Bar, invariants=[everything_is_paid], settings=QUICK)
HiddenLeakyBar = lifecycle_test(LeakyBar, invariants=[everything_is_paid], settings=QUICK)
LambdaBar = lifecycle_test(
    LeakyBar, invariants=[lambda bar: bar.state.total == bar.state.paid], settings=QUICK
)
for each in (CleanBar, HiddenLeakyBar, LambdaBar):
    each.__test__ = False  # type: ignore[attr-defined] # the tests below run them


# ------------------------------------------------------------------ found and shown


def test_a_clean_actor_passes_and_enough_is_tried() -> None:
    report, tally = run(CleanBar)
    assert report is None
    assert tally.examples >= 60
    assert tally.steps > 1_000


def test_a_broken_invariant_is_found_and_the_transcript_is_short(leaky: tuple[str, Tally]) -> None:
    report, tally = leaky
    assert tally.failure is not None
    assert report.startswith("LeakyBar: the invariant everything_is_paid does not hold\n")
    assert "it returned False" in report
    assert len(tally.failure.script.moves) <= 8
    lines = transcript_of(report)
    assert len(lines) <= 45
    assert all(re.match(r"[> ] +\d+\.\d{3}  (\w+)? +", line) for line in lines)
    assert any("drink(" in line and "begins" in line for line in lines)


def test_the_snippet_fails_by_itself(leaky: tuple[str, Tally]) -> None:
    snippet = snippet_of(leaky[0])
    assert "LeakyBar, everything_is_paid" in snippet
    with pytest.raises(AssertionError):
        exec(snippet, {})  # noqa: S102 - that is what it is for


def test_the_snippet_has_a_lambda_from_the_test_class() -> None:
    report, _ = run(LambdaBar)
    assert report is not None
    assert "assert LambdaBar.invariants[0](world.actor) is not False" in report
    with pytest.raises(AssertionError):
        exec(snippet_of(report), {})  # noqa: S102 - that is what it is for


def test_an_invariant_that_raises_is_reported_with_what_it_says() -> None:
    test = lifecycle_test(LeakyBar, invariants=[raises_where_it_is_not], settings=QUICK)
    with pytest.raises(LifecycleFailure) as caught:
        test("test_lifecycle").debug()
    assert "it raised AssertionError: somebody has not paid" in str(caught.value)
    assert isinstance(caught.value.__cause__, AssertionError)


def test_a_client_invariant_is_asked_of_what_a_client_saw() -> None:
    def nothing_was_poured(conn: WorldConn) -> bool:
        return not conn.events

    report, _ = run(lifecycle_test(Bar, client_invariants=[nothing_was_poured], settings=QUICK))
    assert report is not None
    assert re.match(r"Bar: the client invariant nothing_was_poured does not hold for c1\n", report)
    assert "<- poured(" in transcript_of(report)[-1] or "poured(" in report
    assert "c1.subscribe(event='poured')" in snippet_of(report)


def test_a_broken_rule_is_reported_with_its_number_and_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ServerSession, "is_subscribed", lambda self, name: True)
    report, tally = run(lifecycle_test(Bar, settings=QUICK))
    assert report is not None
    assert tally.failure is not None
    assert report.startswith("Bar: rule C13 is broken\n\n    C13 Sends. `conn.send` always sends")
    assert "    Here: " in report
    assert sum(line.startswith("> ") for line in transcript_of(report)) <= 1
    with pytest.raises(RuleBroken, match="C13 is broken"):
        exec(snippet_of(report), {})  # noqa: S102 - that is what it is for


def test_a_task_that_is_left_behind_is_found() -> None:
    tasks: set[asyncio.Task[Any]] = set()

    class Forgetful(Actor[None]):
        @action
        async def begin(self) -> None:
            tasks.add(asyncio.create_task(asyncio.sleep(1e9)))

    report, _ = run(lifecycle_test(Forgetful, settings=QUICK))
    assert report is not None
    assert report.startswith("Forgetful: something is left behind\n")
    assert "a task was left behind" in report
    assert "test_lifecycle.py" not in snippet_of(report)


def test_a_coroutine_that_nobody_awaits_is_found() -> None:
    class Hasty(Actor[None]):
        @action
        async def begin(self) -> None:
            self._later()  # type: ignore[unused-coroutine]

        async def _later(self) -> None: ...

    report, _ = run(lifecycle_test(Hasty, settings=QUICK))
    assert report is not None
    assert "Hasty._later' was never awaited" in report


# ------------------------------------------------------------------ how it is set up


def test_the_settings_of_the_user_are_kept() -> None:
    few = settings(max_examples=3, stateful_step_count=5, database=None)
    _, tally = run(lifecycle_test(Bar, settings=few))
    assert tally.examples <= 5
    assert tally.steps <= 5 * 10


def test_the_loaded_profile_decides_without_settings() -> None:
    before = settings.get_current_profile_name()
    settings.register_profile("tiny", max_examples=2, database=None)
    settings.load_profile("tiny")
    try:
        _, tally = run(lifecycle_test(Bar))
    finally:
        settings.load_profile(before)
    assert tally.examples <= 4


def test_without_faults_nothing_is_chosen() -> None:
    _, tally = run(
        lifecycle_test(
            LeakyBar, invariants=[everything_is_paid], faults=Faults.NONE, settings=QUICK
        )
    )
    assert tally.failure is not None
    assert tally.failure.script.choices == ()
    assert tally.failure.script.faults == Faults.NONE


def test_the_class_is_named_for_its_actor_and_module() -> None:
    test = lifecycle_test(Bar)
    assert issubclass(test, unittest.TestCase)
    assert (test.__name__, test.__module__) == ("TestBar", __name__)


def test_what_is_no_actor_is_refused_at_once() -> None:
    with pytest.raises((DefinitionError, TypeError)):
        lifecycle_test(Join)  # type: ignore[type-var]


def test_an_argument_of_another_name_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="'prize' is no type, parameter or attribute"):
        lifecycle_test(Bar, arguments={"prize": [1]})


def test_unittest_runs_it_and_shows_nothing_but_the_report() -> None:
    stream = io.StringIO()
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(HiddenLeakyBar)
    result = unittest.TextTestRunner(stream).run(suite)
    assert (result.testsRun, len(result.failures), len(result.errors)) == (1, 1, 0)
    text = stream.getvalue()
    assert "LifecycleFailure: LeakyBar: the invariant everything_is_paid" in text
    assert "hypothesis" not in text


def test_the_search_is_quiet_and_logs_as_before_afterwards(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = logging.root.manager.disable
    assert run(HiddenLeakyBar)[0]
    assert caplog.records == []
    assert logging.root.manager.disable == before


@pytest.mark.parametrize("is_frozen", [False, True])
def test_the_search_ends_its_own_freeze_of_the_heap_and_no_other(is_frozen: bool) -> None:
    gc.unfreeze()
    gc.collect()
    if is_frozen:
        gc.freeze()
    try:
        assert run(HiddenLeakyBar)[0]
        assert bool(gc.get_freeze_count()) == is_frozen
    finally:
        gc.freeze()  # as for all tests


def test_an_action_that_needs_a_caller_is_not_scheduled() -> None:
    def jobs(actor: type[Actor[Any, Any, Any]]) -> list[str]:
        machine: Any = lifecycle_test(actor)
        return [spec.attr for spec in machine._machine.plan.jobs]

    assert jobs(Bar) == ["drink"]
    assert jobs(LeakyBar) == []


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_neither_pyactor_nor_a_world_needs_hypothesis() -> None:
    code = """
        import sys
        sys.modules["hypothesis"] = None
        import pyactor
        from pyactor.testing import World, replay
        try:
            from pyactor.testing import lifecycle_test
        except ImportError as error:
            print(error)
    """
    told = python(textwrap.dedent(code))
    assert told == "lifecycle_test needs Hypothesis: pip install 'pyactor-sdk[testing]'\n"


BOOTH = """
from hypothesis import settings
from examples.bugs.booth import Booth, nobody_locks_an_empty_booth
from pyactor.testing import LifecycleFailure, lifecycle_test

TestBooth = lifecycle_test(
    Booth,
    invariants=[nobody_locks_an_empty_booth],
    settings=settings(database=None, derandomize=True),
)
try:
    TestBooth("test_lifecycle").debug()
except LifecycleFailure as error:
    print("REPORT", error, sep="\\n")
"""


@pytest.mark.parametrize("page", ["docs/testing.md", "README.md"])
def test_the_report_in_the_documentation_is_a_real_one(page: str) -> None:
    report = python(BOOTH).partition("REPORT\n")[2]
    text = (ROOT / page).read_text(encoding="utf-8")
    assert report.partition("\n\nPYACTOR_SAVE")[0] in text
