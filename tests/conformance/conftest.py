"""What the official client needs: Node with the package, servers of the actors, and a summary.

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
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import pytest
from attrs import Factory, define, field, frozen

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENCODINGS = ("json", "cbor", "bare")
ACTORS = "tests/conformance/actors.py:registry"
OLDEST_NODE = 20
GUARDED = {"token": "s3cret+%41&~", "namespace": "prod", "origin": "http://app.example"}
START_SECONDS = 20
STOP_SECONDS = 25  # longer than the grace period

ALL = "PYACTOR_CONFORMANCE_ALL"
"""Set by ``make conformance``: every encoding, and the browser, on every server."""
WAYS = [*(("serve", each) for each in ENCODINGS), ("uvicorn", "bare"), ("hypercorn", "cbor")]
"""Server and encoding where time is short. What carries a message knows nothing of its encoding."""

Hosts: TypeAlias = "dict[str, dict[str, str]]"
Way: TypeAlias = "tuple[str, str]"
Outcomes: TypeAlias = "dict[Way, list[bool | str]]"
"""Of each way whether a check passed, or why it was not run."""


# ------------------------------------------------------------------ servers


@frozen
class ServerKind:
    """One way to serve the actors.

    Attributes:
        command: What follows ``python -m``; ``{port}`` is free.
        path: Below which the actors are.
        unable: Checks that the server makes impossible, each with the exact reason.
        has_tls: With it a browser speaks HTTP/2. Its certificate is nobody's.
    """

    command: tuple[str, ...]
    path: str = ""
    unable: Mapping[str, str] = field(factory=dict[str, str])
    has_tls: bool = False


SERVERS = {
    "serve": ServerKind(("pyactor.cli", "serve", ACTORS, "--port", "0")),
    "uvicorn": ServerKind(
        ("uvicorn", "tests.conformance.asgi_apps:mounted", "--port", "0"), path="/live"
    ),
    "hypercorn": ServerKind(
        ("hypercorn", "tests.conformance.asgi_apps:alone", "--workers", "0", "-b", "127.0.0.1:0"),
        unable={
            "webSocket: close codes of the client": (
                "hypercorn tells an app 1006 for every close of a client, without its reason"
            )
        },
    ),
    "hypercorn-h2": ServerKind(
        ("hypercorn", "tests.conformance.asgi_apps:alone", "--workers", "0", "-b", "127.0.0.1:0"),
        has_tls=True,
    ),
}


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
    """One test for each check, server and encoding; the names are the runner's own."""
    if "check" in metafunc.fixturenames:
        servers = [name for name, kind in SERVERS.items() if not kind.has_tls]
        every = [(server, encoding) for server in servers for encoding in ENCODINGS]
        metafunc.parametrize("way", every if ALL in os.environ else WAYS, ids="-".join)
        metafunc.parametrize("check", check_names())
    elif "browsed" in metafunc.fixturenames:
        metafunc.parametrize("browsed", SERVERS if ALL in os.environ else ["serve"])


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
    data = ["--data-dir", str(log.with_suffix(".data"))]
    command = ["pyactor.cli", "serve", target, *data, "--port", "0", *options]
    with _running(command, log, {}) as served:
        yield served


@contextlib.contextmanager
def _running(command: Sequence[str], log: Path, environment: dict[str, str]) -> Iterator[Served]:
    """A server of whatever kind, which says where it is; it must end in good order."""
    with (
        log.open("w", encoding="utf-8") as said,
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdout=said,
            stderr=said,
            text=True,
        ) as process,
    ):
        try:
            until = time.monotonic() + START_SECONDS
            while not (found := re.search(r"https?://\S+:\d+", log.read_text(encoding="utf-8"))):
                words = f"{command[0]} did not start:\n{log.read_text(encoding='utf-8')}"
                assert process.poll() is None, words
                assert time.monotonic() < until, words
                time.sleep(0.02)
            yield Served(process, found[0])
            process.send_signal(signal.SIGTERM)
            # uvicorn ends by the signal itself, once all is done.
            assert process.wait(STOP_SECONDS) in (0, -signal.SIGTERM)
        finally:
            process.kill()


def _serving_as(server: str, log: Path, access: dict[str, str]) -> AbstractContextManager[Served]:
    """A server of one kind, open to everybody or not."""
    if server == "serve":
        options = zip(("--token", "--namespace", "--allow-origin"), access.values(), strict=False)
        return _serving(log, *(word for pair in options for word in pair))
    setting = {"data": str(log.with_suffix(".data")), "access": access}
    kind = SERVERS[server]
    certificate = _certificate(log.with_suffix(".pem")) if kind.has_tls else ()
    return _running((*kind.command, *certificate), log, {"CONFORMANCE": json.dumps(setting)})


def _certificate(path: Path) -> tuple[str, ...]:
    """The options of a server for a certificate of its own, which nobody has signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, which makes the certificate")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x"
    files = ("-keyout", path, "-out", path.with_suffix(".crt"))
    subprocess.run([openssl, *command.split(), *files], capture_output=True, check=True)
    return ("--keyfile", str(path), "--certfile", str(path.with_suffix(".crt")))


@pytest.fixture
def serving(node: Node) -> Callable[..., AbstractContextManager[Served]]:
    """Hosts of a test's own."""
    return _serving


@pytest.fixture(scope="session")
def hosts_of(
    node: Node, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Hosts]]:
    """For a kind of server the host of nearly all checks, open to everybody, and one that is not.

    The second has a token, a namespace, and a list of origins whose pages may use it.
    """
    logs = tmp_path_factory.mktemp("hosts")
    begun: dict[str, Hosts] = {}
    with contextlib.ExitStack() as stack:

        def begin(server: str) -> Hosts:
            if server not in begun:
                path = SERVERS[server].path
                served, guarded = (
                    stack.enter_context(_serving_as(server, logs / f"{server}-{name}.log", access))
                    for name, access in (("open", {}), ("guarded", GUARDED))
                )
                begun[server] = {
                    "open": {"url": served.url + path},
                    "guarded": {"url": guarded.url + path, **GUARDED},
                }
            return begun[server]

        yield begin


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
def runs(
    request: pytest.FixtureRequest, node: Node, hosts_of: Callable[[str], Hosts]
) -> Iterator[dict[Way, Run]]:
    """Runs of what was selected, one for each way, those of one server beside each other."""
    selected: dict[Way, list[str]] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and "check" in item.fixturenames:
            params: dict[str, Any] = dict(item.callspec.params)
            server, encoding = params["way"]
            if params["check"] not in SERVERS[server].unable:
                selected.setdefault((server, encoding), []).append(params["check"])
    with contextlib.ExitStack() as stack:
        runs = {}
        for (server, encoding), names in selected.items():
            setting = {"encoding": encoding, "hosts": hosts_of(server), "names": names}
            process = stack.enter_context(node.start("runner.mjs", setting))
            stack.callback(process.kill)
            runs[server, encoding] = Run(node, process)
        yield runs


@pytest.fixture
def unable(way: Way, check: str) -> str | None:
    """Why the server makes a check impossible, or None."""
    return SERVERS[way[0]].unable.get(check)


@pytest.fixture(scope="module")
def outcomes(report: Callable[[str, str], None]) -> Iterator[Outcomes]:
    """What came of each check, by its way; how many passed is said after the tests."""
    outcomes: Outcomes = {}
    yield outcomes
    for (server, encoding), results in outcomes.items():
        line = f"{server:9} {encoding:5} {results.count(True)} of {len(results)} checks passed"
        reasons = [result for result in results if isinstance(result, str)]
        report("the official client, rivetkit 2.3.19", "; not run: ".join([line, *reasons]))
