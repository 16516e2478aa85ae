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

from pyactor.client import Client, Closed
from pyactor.definition import Actor, action

TARGET = """
from pyactor import Actor, Registry, action, hook

class Counter(Actor[None], name="counter"):
    @action
    def add(self, amount: int) -> int:
        return amount + 1

    @hook
    def on_sleep(self) -> None:
        print("asleep", flush=True)

registry = Registry(Counter)
"""


class Counter(Actor[None], name="counter"):
    @action
    def add(self, amount: int) -> int:
        return amount + 1


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running ``pyactor serve`` and its URL."""
    (folder / "served.py").write_text(TARGET)
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
    assert run(tmp_path, "serve", "absent_x").returncode == 2


def test_help_names_the_commands(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    for command in ("serve", "check", "demo"):
        assert command in done.stdout
