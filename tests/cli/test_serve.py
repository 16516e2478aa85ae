"""``pyactor serve``: it says where it is, keeps its token to itself, and ends in good order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from pyactor.cli import main
from pyactor.client import Client, ClientOptions, Closed

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Served

BAD = """
from pyactor import Actor, Registry, action

class Counter(Actor[None], name="counter"):
    @action
    def add(self, amount) -> int:
        return amount

registry = Registry(Counter)
"""


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A command that is run in here blocks no signal of this process."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


async def leave_a_connection_open(served: Served, number: signal.Signals, everybody: bool) -> None:
    from tests.cli.conftest import counter

    async with Client(served.url) as client:
        assert await counter(client).rpc.add(1) == 2
        once = ClientOptions(reconnect="never")
        async with counter(client).connect(options=once) as conn:
            assert await conn.rpc.add(2) == 3
            (served.send_all if everybody else served.send)(number)
            assert await conn.wait_closed() == Closed(1001, "ws.going_away")


@pytest.mark.parametrize(
    ("number", "everybody"),
    [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGINT, True)],
    ids=["kill", "kill the group", "Ctrl-C"],
)
def test_a_signal_ends_connections_puts_actors_to_sleep_and_exits_0(
    serve: Serve, number: signal.Signals, everybody: bool
) -> None:
    served = serve()
    asyncio.run(leave_a_connection_open(served, number, everybody))
    code, stdout, stderr = served.end()
    assert (code, stderr) == (0, "")
    lines = stdout.splitlines()
    # Where all get the signal, either may speak first.
    assert "stopping" in lines
    assert [each for each in lines if each != "stopping"] == ["falls asleep", "asleep", "gone"]


def test_a_second_signal_ends_everything_at_once(serve: Serve) -> None:
    served = serve()
    pid = served.pid()
    served.set("held")
    served.send(signal.SIGTERM)
    served.expect("stopping", "falls asleep")
    while served.process.poll() is None:  # not before a second has passed
        served.send(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            served.process.wait(timeout=0.05)
    assert served.end() == (130, "", "")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_two_signals_in_a_moment_are_one(serve: Serve) -> None:
    served = serve()
    assert served.keep() == 1
    served.set("held")
    served.send(signal.SIGINT)
    served.send(signal.SIGTERM)
    served.expect("stopping", "falls asleep")
    served.set("held", on=False)
    served.expect("asleep", "gone")
    assert served.end() == (0, "", "")
    assert serve().keep() == 2


def test_what_does_not_stop_within_the_grace_is_killed(serve: Serve) -> None:
    served = serve("--grace", "0.1")
    served.pid()
    served.set("held")
    served.send(signal.SIGTERM)
    assert served.end() == (
        1,
        "stopping\nfalls asleep\n",
        "the server did not stop within 0.1 s and is killed\n",
    )


def test_a_token_is_wanted_and_in_no_list_of_processes(serve: Serve) -> None:
    served = serve("--token", "s3cret", "--namespace", "ours", "--allow-origin", "http://a.b:1")
    actors = "/actors?name=counter&namespace="
    assert served.get(f"{actors}ours") == 401
    assert served.get(f"{actors}ours", {"x-rivet-token": "s3cret"}) == 200
    assert served.get(f"{actors}default", {"x-rivet-token": "s3cret"}) == 404
    for origin, status in (("http://a.b:1", 200), ("http://a.b:2", 403)):
        headers = {"x-rivet-token": "s3cret", "origin": origin}
        assert served.get(f"{actors}ours", headers) == status
    shown = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pgid=,args="],  # noqa: S607 - wherever it is
        capture_output=True,
        text=True,
        check=True,
    )
    ours = [
        line for line in shown.stdout.splitlines() if int(line.split()[0]) == served.process.pid
    ]
    assert len(ours) == 2
    assert "s3cret" not in "".join(ours)


def test_the_token_may_come_by_the_environment(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYACTOR_TOKEN", "s3cret")
    assert serve().get("/actors?name=counter") == 401


@pytest.mark.parametrize("options", [(), ("--data-dir", "a/b")])
def test_actors_outlive_their_server(
    serve: Serve, tmp_path: Path, options: tuple[str, ...]
) -> None:
    for expected in (1, 2):
        served = serve(*options)
        assert served.keep() == expected
        served.send(signal.SIGTERM)
        assert served.end()[0] == 0
    assert (tmp_path / (options[1] if options else ".pyactor")).is_dir()


def test_what_is_scheduled_before_a_restart_runs_after_it(serve: Serve) -> None:
    """A5: also though nobody asks for the actor any more."""
    for seconds in (1, 5, 25):
        served = serve()
        served.ring_in(seconds)
        served.send(signal.SIGTERM)
        assert served.end()[0] == 0
        if not (served.folder / "rung").exists():
            break
        (served.folder / "rung").unlink()  # the machine is slow: the old server still ran it
    again = serve()
    again.wait_for("rung", 1)
    assert (again.folder / "rung").read_text() == str(again.pid())


def test_in_memory_nothing_is_left(serve: Serve, tmp_path: Path) -> None:
    for _ in range(2):
        served = serve("--in-memory")
        assert served.keep() == 1
        served.send(signal.SIGTERM)
        assert served.end()[0] == 0
    assert not (tmp_path / ".pyactor").exists()


def test_two_servers_cannot_have_the_same_data(serve: Serve, tmp_path: Path) -> None:
    first = serve()
    done = run(tmp_path, "served:registry", "--port", "0")
    assert done.returncode == 1
    assert "is in use" in done.stderr
    assert str(first.pid()) in done.stderr
    assert str(tmp_path / ".pyactor") in done.stderr
    assert first.keep() == 1


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pyactor.cli", "serve", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_an_address_that_cannot_be_had(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run(tmp_path, "served.py", "--port", port)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use; choose" in done.stderr
    done = run(tmp_path, "served.py", "--host", "no.such.host.invalid", "--port", "0")
    assert done.returncode == 1
    assert "cannot listen on no.such.host.invalid:0: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("target", "text", "code", "says"),
    [
        ("absent_x", "", 2, r"there is no module 'absent_x'"),
        ("served.py", BAD, 1, r"Counter is not a valid actor \(1 problem\)\n.*served\.py:\d+: "),
        (
            "served.py",
            "import os\nos.kill(os.getpid(), 9)",
            137,
            "the first server was killed by SIGKILL",
        ),
    ],
)
def test_a_first_start_that_fails_ends_it(
    tmp_path: Path, target: str, text: str, code: int, says: str
) -> None:
    (tmp_path / "served.py").write_text(text)
    done = run(tmp_path, target, "--port", "0")
    assert (done.returncode, done.stdout) == (code, "")
    assert re.search(says, done.stderr)
    assert "Traceback" not in done.stderr


def test_help_names_the_commands() -> None:
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    _, _, commands = done.output.partition("Commands:\n")
    assert re.findall(r"^  (\S+)  ", commands, re.MULTILINE) == [
        "call",
        "check",
        "demo",
        "serve",
        "tail",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Usage: "),
        (["serve"], "Missing argument 'TARGET'"),
        (["serve", "x", "--port", "70000"], "is not in the range"),
        (["serve", "x", "--grace", "-1"], "is not in the range"),
        (["serve", "x", "--token", ""], "an empty token protects nothing"),
        (["serve", "x", "--allow-origin", "http://a.b/"], "'http://a.b/' is no origin"),
        (["check"], "Missing argument 'TARGET'"),
        (["check", "absent_x"], "no module 'absent_x'"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_a_command_that_cannot_be_followed_exits_2(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert says in done.output


def test_an_empty_token_in_the_environment_is_refused_too() -> None:
    done = CliRunner().invoke(main, ["serve", "x"], env={"PYACTOR_TOKEN": ""})
    assert done.exit_code == 2
    assert "an empty token protects nothing" in done.output


def test_an_early_hang_up_waits_for_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end the command otherwise; the parent, which takes it, unblocks it."""
    blocked: list[set[int]] = []

    def serve_target(_target: str, **_options: object) -> None:
        blocked.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    monkeypatch.setattr("pyactor.cli._serve.serve_target", serve_target)
    assert CliRunner().invoke(main, ["serve", "x"]).exit_code == 0
    assert signal.SIGHUP in blocked[0]
