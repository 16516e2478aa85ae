"""``pyactor serve`` as real processes, and a target whose moods are files beside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, NoReturn, Protocol

import pytest
from attrs import frozen

from pyactor.client import Client, Handle
from pyactor.definition import Actor, action

COUNTER = """
import asyncio, atexit, os, time
from pathlib import Path
from attrs import define
from pyactor import Actor, Registry, action, hook

VERSION = 1
if Path("broken").exists():
    raise RuntimeError("broken")
if Path("hanging").exists():
    Path("hangs").touch()
    time.sleep(600)

@define
class Count:
    n: int = 0
    rest: bytes = b""

class Counter(Actor[Count], name="counter"):
    @action
    def add(self, amount: int) -> int:
        return amount + 1

    @action
    def keep(self) -> int:
        self.state.n += 1
        return self.state.n

    @action
    async def fill(self, size: int) -> None:
        self.state.rest = os.urandom(size)
        await self.save_state(immediate=True)

    @action
    def pid(self) -> int:
        return os.getpid()

    @action
    async def ring_in(self, seconds: float) -> None:
        await self.schedule.after(seconds, Counter.ring)

    @action
    def ring(self) -> None:
        Path("rung").write_text(f"{os.getpid()}")

    @action
    def version(self) -> int:
        return VERSION

    @action
    def block(self) -> None:
        Path("blocked").touch()
        time.sleep(600)

    @hook
    async def on_sleep(self) -> None:
        print("falls asleep", flush=True)
        while Path("held").exists():
            await asyncio.sleep(0.01)
        print("asleep", flush=True)

atexit.register(print, "gone", flush=True)
registry = Registry(Counter)
with Path("loads").open("a") as loads:
    loads.write(".")
"""
"""It says when its actor sleeps and when its process ends."""


class Counter(Actor[None], name="counter"):
    """The client's view of it."""

    @action
    def add(self, amount: int) -> int:
        raise NotImplementedError

    @action
    def keep(self) -> int:
        raise NotImplementedError

    @action
    def pid(self) -> int:
        raise NotImplementedError

    @action
    def version(self) -> int:
        raise NotImplementedError

    @action
    async def fill(self, size: int) -> None:
        raise NotImplementedError

    @action
    async def ring_in(self, seconds: float) -> None:
        raise NotImplementedError


@frozen
class Served:
    """A running ``pyactor serve``, in a process group of its own."""

    folder: Path
    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def stdout(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def stderr(self) -> IO[str]:
        assert self.process.stderr is not None
        return self.process.stderr

    def set(self, mood: str, on: bool = True) -> None:
        """``broken``, ``hanging`` or ``held``."""
        if on:
            (self.folder / mood).touch()
        else:
            (self.folder / mood).unlink()

    def write(self, text: str) -> None:
        """Replace the target's code in one step, as editors do."""
        (self.folder / "next").write_text(text)
        (self.folder / "next").replace(self.folder / "served.py")

    def wait_for(self, name: str, size: int = 0) -> None:
        """Until a file of the target's is there, and has some size."""
        file = self.folder / name
        while not file.exists() or file.stat().st_size < size:
            time.sleep(0.01)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def send_all(self, number: signal.Signals) -> None:
        """What a terminal does: the whole foreground group gets it."""
        os.killpg(self.process.pid, number)

    def expect(self, *lines: str) -> None:
        """The next lines of standard output."""
        assert [self.stdout.readline() for _ in lines] == [f"{line}\n" for line in lines]

    def expect_error(self, part: str) -> None:
        """Read standard error up to a line that contains this."""
        seen = []
        for line in self.stderr:
            if part in line:
                return
            seen.append(line)
        raise AssertionError(f"{part!r} is not in {seen}")

    def end(self) -> tuple[int, str, str]:
        """Wait for the end: the exit code, and the rest of both outputs."""
        stdout, stderr = self.process.communicate(timeout=30)
        return self.process.returncode, stdout, stderr

    def pid(self) -> int:
        """The serving process. Waits in the backlog while there is none."""

        async def ask() -> int:
            async with Client(self.url) as client:
                return await counter(client).rpc.pid()

        return asyncio.run(ask())

    def version(self) -> int:
        """Of the code that is served."""

        async def ask() -> int:
            async with Client(self.url) as client:
                return await counter(client).rpc.version()

        return asyncio.run(ask())

    def keep(self) -> int:
        """How often this was asked of the actor, whatever has served it."""

        async def ask() -> int:
            async with Client(self.url) as client:
                return await counter(client).rpc.keep()

        return asyncio.run(ask())

    def fill(self, size: int) -> None:
        """Let the actor's state have so many bytes, and save it at once."""

        async def ask() -> None:
            async with Client(self.url) as client:
                await counter(client).rpc.fill(size)

        asyncio.run(ask())

    def ring_in(self, seconds: float) -> None:
        """Schedule something; when it runs it writes the process's id to ``rung``."""

        async def ask() -> None:
            async with Client(self.url) as client:
                await counter(client).rpc.ring_in(seconds)

        asyncio.run(ask())

    def get(self, path: str, headers: dict[str, str] | None = None) -> int:
        """The status of a plain request."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers or {})
            return connection.getresponse().status


def counter(client: Client) -> Handle[Counter]:
    return client.actor(Counter).get_or_create("a")


class Serve(Protocol):
    """Start ``pyactor serve`` with some options, and wait until it is ready."""

    def __call__(self, *options: str, target: str = "served:registry") -> Served: ...


def _never(*arguments: object) -> NoReturn:
    raise AssertionError("this would have replaced the process that runs the tests")


@pytest.fixture(autouse=True)
def _stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep ``serve`` from becoming another program when it is invoked in this process."""
    monkeypatch.setattr(os, "execv", _never)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start servers in an empty folder; they are gone after the test."""
    (tmp_path / "served.py").write_text(COUNTER)
    processes: list[subprocess.Popen[str]] = []

    def start(*options: str, target: str = "served:registry") -> Served:
        process = subprocess.Popen(
            [sys.executable, "-m", "pyactor.cli", "serve", target, "--port", "0", *options],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Two versions of one size within a second would share their bytecode.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        processes.append(process)
        assert process.stdout is not None
        match = re.match(
            r"serving (http://127\.0\.0\.1:\d+)   \(Ctrl-C ends it\)\n", process.stdout.readline()
        )
        assert match
        return Served(tmp_path, process, match[1])

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
