"""``pyactor serve`` as a process: it says where it is, and stops in good order when told."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyactor.cli import main
from pyactor.client import Client, Closed
from pyactor.definition import Actor, action

TARGET = """
from pyactor import Actor, Registry, action, hook

class Counter(Actor[None], name="counter"):
    @action
    def add(self, amount: int) -> int:
        return amount + 1

    @hook
    async def on_sleep(self) -> None:
        print("asleep", flush=True)
# never

registry = Registry(Counter)
"""


class Counter(Actor[None], name="counter"):
    @action
    def add(self, amount: int) -> int:
        return amount + 1


@contextmanager
def serving(
    folder: Path, *options: str, sleeps_for_ever: bool = False
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running ``pyactor serve`` and its URL."""
    never = "        await __import__('asyncio').Event().wait()\n" if sleeps_for_ever else ""
    (folder / "served.py").write_text(TARGET.replace("# never\n", never))
    process = subprocess.Popen(
        [sys.executable, "-m", "pyactor.cli", "serve", "served:registry", "--port", "0", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        match = re.match(r"serving (http://127\.0\.0\.1:\d+) ", process.stdout.readline())
        assert match
        yield process, match[1]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_connections_puts_actors_to_sleep_and_exits_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    async def main(process: subprocess.Popen[str], url: str) -> None:
        async with Client(url) as client:
            counter = client.actor(Counter).get_or_create("a")
            assert await counter.rpc.add(1) == 2
            async with counter.connect() as conn:
                assert await conn.rpc.add(2) == 3
                process.send_signal(number)
                assert await conn.wait_closed() == Closed(1001, "ws.going_away")

    with serving(tmp_path) as (process, url):
        asyncio.run(main(process, url))
        stdout, stderr = process.communicate(timeout=20)
        assert stdout == "stopping\nasleep\n"
        assert stderr == ""
        assert process.returncode == 0


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    async def main(process: subprocess.Popen[str], url: str) -> None:
        async with Client(url) as client:
            assert await client.actor(Counter).get_or_create("a").rpc.add(1) == 2
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopping\n"
        assert process.stdout.readline() == "asleep\n"
        process.send_signal(signal.SIGTERM)

    with serving(tmp_path, sleeps_for_ever=True) as (process, url):
        asyncio.run(main(process, url))
        process.communicate(timeout=10)
        assert process.returncode == -signal.SIGTERM


def test_data_dir_is_said_to_be_unused_once(tmp_path: Path) -> None:
    with serving(tmp_path, "--data-dir", "state") as (process, _):
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=20)
        assert stderr == "--data-dir state is not used yet: state is kept in memory only\n"
        assert process.returncode == 0
    assert not (tmp_path / "state").exists()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pyactor.cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(TARGET)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run(tmp_path, "serve", "served.py", "--port", port)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_mistakes_are_messages(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(TARGET.replace("amount: int", "amount"))
    done = run(tmp_path, "serve", "served.py")
    assert done.returncode == 1
    assert "Counter is not a valid actor (1 problem)" in done.stderr
    assert re.search(r"served\.py:\d+: ", done.stderr)
    assert "Traceback" not in done.stderr


def test_help_names_the_commands() -> None:
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    for command in ("serve", "check", "demo"):
        assert command in done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Usage: "),
        (["serve"], "Missing argument 'TARGET'"),
        (["serve", "absent_x"], "no module 'absent_x'"),
        (["serve", "absent_x.py"], "no file absent_x.py"),
        (["serve", "absent_x", "--port", "70000"], "is not in the range"),
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
