"""What all tests share: the profiles of the property-based tests, and who runs and says what.

``HYPOTHESIS_PROFILE`` chooses one: ``dev`` (quick), ``ci`` (what ``make test`` uses: the same
examples in every run) or ``deep`` (``make deep``).
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# Deadlines measure the machine, not the code; the timeout of pytest catches what hangs.
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=200,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "deep",
    deadline=None,
    max_examples=5_000,
    print_blob=True,
    phases=tuple(Phase),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# ------------------------------------------------------------------ many processes (pytest-xdist)

# The tests of these files need what others of the file have begun or counted, so one process has
# all of them, from the start on; any other test goes to whoever is free. ``--dist loadgroup`` and
# its mark would say this where a test stands, but xdist 3.8 does not see the mark with pytest 9.2.
TOGETHER = {
    "tests/conformance/test_official_client.py",  # its hosts, and a run of the client per encoding
    "tests/testing/test_mutants.py",  # two hunts at a time, for all of them
    "tests/testing/test_samples.py",  # what all of them have tried is counted
}


def process_for(nodeid: str) -> str:
    """Tests of which this is the same go to the same process."""
    file = nodeid.partition("::")[0]
    return file if file in TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    scheduling: Any = LoadScopeScheduling(config, log)
    scheduling._split_scope = process_for
    return scheduling


def pytest_collection_finish() -> None:
    """What is there by now stays: to look through it again took most of the time of some tests."""
    gc.collect()
    gc.freeze()


# ------------------------------------------------------------------ what is printed after the tests

Sections: TypeAlias = "dict[str, list[str]]"
SECTIONS = pytest.StashKey[Sections]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Add a line to a section that is printed after the tests: its title, then the line."""

    def add(title: str, line: str) -> None:
        pytestconfig.stash.setdefault(SECTIONS, {}).setdefault(title, []).append(line)

    return add


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Of several processes the first one prints for all, and each tells it its own lines."""
    if (told := getattr(session.config, "workeroutput", None)) is not None:
        told["sections"] = session.config.stash.get(SECTIONS, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A process of pytest-xdist has ended; one that crashed has told nothing."""
    sections = node.config.stash.setdefault(SECTIONS, {})
    for title, lines in getattr(node, "workeroutput", {}).get("sections", {}).items():
        sections.setdefault(title, []).extend(lines)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for title, lines in config.stash.get(SECTIONS, {}).items():
        terminalreporter.section(title)
        for line in sorted(lines):  # processes end in any order
            terminalreporter.write_line(line)
