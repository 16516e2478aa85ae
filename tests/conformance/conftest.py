"""What the official client needs: Node with the package, hosts of ``pyactor serve``, and a summary.

Where Node or the package is missing, its tests are skipped with the reason; with ``CI`` in the
environment that is an error, so that CI cannot pass without them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import pytest
from attrs import Factory, define, frozen

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENCODINGS = ("json", "cbor", "bare")
ACTORS = "tests/conformance/actors.py:registry"
OLDEST_NODE = 20
GUARDED = {"token": "s3cret+%41&~", "namespace": "prod", "origin": "http://app.example"}
STOP_SECONDS = 25  # longer than the grace period

Hosts: TypeAlias = "dict[str, dict[str, str]]"
Outcomes: TypeAlias = "dict[str, list[bool]]"
OUTCOMES = pytest.StashKey[Outcomes]()


# ------------------------------------------------------------------ Node and the package


def give_up(reason: str) -> NoReturn:
    """Skip, or fail where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def why_not() -> str | None:
    """What is missing to run the official client, or None."""
    node = shutil.which("node")
    if node is None:
        return f"Node is not installed: these tests want Node {OLDEST_NODE} or newer"
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(found.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        return f"Node {found.strip()} is too old: these tests want {OLDEST_NODE} or newer"
    if not (HERE / "node_modules" / ".installed").exists():
        return "the official client is not installed: make conformance installs it, with npm"
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each check and encoding; the names are the runner's own."""
    if "check" in metafunc.fixturenames:
        metafunc.parametrize("encoding", ENCODINGS)
        metafunc.parametrize("check", check_names())


def check_names() -> list[str]:
    """The names of all checks, in order; without Node there is one, to be skipped."""
    node = shutil.which("node")
    if node is None:
        return ["all"]
    listed = subprocess.run([node, "runner.mjs"], cwd=HERE, capture_output=True, check=True)
    names: list[str] = json.loads(listed.stdout)
    return names


@frozen
class Node:
    """Runs scripts of this folder."""

    path: str
    folder: Path

    def start(self, script: str, setting: object) -> subprocess.Popen[str]:
        """Start a script with its setting as JSON; what it logs is in a file."""
        environment = {**os.environ, "RIVET_LOG_LEVEL": "silent"}
        with self.log.open("a", encoding="utf-8") as log:
            return subprocess.Popen(
                [self.path, script, json.dumps(setting)],
                cwd=HERE,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
            )

    def run(self, script: str, setting: object, *, seconds: float) -> Any:
        """Run a script to its end; what it prints, as JSON."""
        with self.start(script, setting) as process:
            try:
                printed, _ = process.communicate(timeout=seconds)
            finally:
                process.kill()
        assert process.returncode == 0, f"{script} failed:\n{self.last_words()}"
        return json.loads(printed)

    @property
    def log(self) -> Path:
        return self.folder / "node.log"

    def last_words(self) -> str:
        return self.log.read_text(encoding="utf-8")[-4000:]


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    if reason := why_not():
        give_up(reason)
    path = shutil.which("node")
    assert path is not None
    return Node(path, tmp_path_factory.mktemp("node"))


# ------------------------------------------------------------------ hosts


@frozen
class Served:
    """A running ``pyactor serve``: the parent's process, and where it listens."""

    process: subprocess.Popen[str]
    url: str


@contextlib.contextmanager
def _serving(log: Path, *options: str, target: str = ACTORS) -> Iterator[Served]:
    """A ``pyactor serve`` on a free port; it must end in good order."""
    command = [sys.executable, "-m", "pyactor.cli", "serve", target]
    data = ["--data-dir", str(log.with_suffix(".data"))]
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [*command, *data, "--port", "0", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.match(r"serving (http://\S+)", said)
            assert found, f"pyactor serve said {said!r}\n{log.read_text(encoding='utf-8')}"
            yield Served(process, found[1])
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_SECONDS) == 0
        finally:
            process.kill()


@pytest.fixture
def serving(node: Node) -> Callable[..., contextlib.AbstractContextManager[Served]]:
    """Hosts of a test's own."""
    return _serving


@pytest.fixture(scope="session")
def hosts(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """The host of nearly all checks, open to everybody, and one that is not.

    The second has a token, a namespace, and a list of origins whose pages may use it.
    """
    logs = tmp_path_factory.mktemp("hosts")
    options = ("--token", "--namespace", "--allow-origin")
    pairs = [word for pair in zip(options, GUARDED.values(), strict=True) for word in pair]
    with _serving(logs / "open.log") as served, _serving(logs / "guarded.log", *pairs) as guarded:
        yield {"open": {"url": served.url}, "guarded": {"url": guarded.url, **GUARDED}}


# ------------------------------------------------------------------ checks and what came of them


@frozen
class Result:
    """What came of one check."""

    error: str | None


@define
class Run:
    """One Node process that runs the checks of one encoding, in order."""

    node: Node
    process: subprocess.Popen[str]
    results: dict[str, Result] = Factory(dict[str, Result])

    def result(self, check: str) -> Result:
        """Wait for the result of a check."""
        assert self.process.stdout is not None
        while check not in self.results:
            line = self.process.stdout.readline()
            assert line, f"the runner ended before {check!r}:\n{self.node.last_words()}"
            found = json.loads(line)
            self.results[found["check"]] = Result(found["error"])
        return self.results[check]


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest, node: Node, hosts: Hosts) -> Iterator[dict[str, Run]]:
    """Runs of what was selected, one for each encoding, beside each other."""
    selected: dict[str, list[str]] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and "check" in item.fixturenames:
            params = item.callspec.params
            selected.setdefault(str(params["encoding"]), []).append(str(params["check"]))
    with contextlib.ExitStack() as stack:
        runs = {}
        for encoding, names in selected.items():
            setting = {"encoding": encoding, "hosts": hosts, "names": names}
            process = stack.enter_context(node.start("runner.mjs", setting))
            stack.callback(process.kill)
            runs[encoding] = Run(node, process)
        yield runs


@pytest.fixture(scope="session")
def outcomes(pytestconfig: pytest.Config) -> Outcomes:
    """Encoding -> whether each check passed."""
    return pytestconfig.stash.setdefault(OUTCOMES, {})


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many checks the official client passed."""
    outcomes: Outcomes = config.stash.get(OUTCOMES, {})
    if outcomes:
        terminalreporter.section("the official client, rivetkit 2.3.19")
        for encoding, passed in outcomes.items():
            terminalreporter.line(f"{encoding:5} {sum(passed)} of {len(passed)} checks passed")
