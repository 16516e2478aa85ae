"""The parent of ``pyactor serve`` by itself, above servers that only know the words on the line."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyactor.cli import _parent
from pyactor.cli._parent import _LONG_LIFE, Backoff

STUB = f"""#!{sys.executable} -IS
import os, signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(int(sys.argv[1])))
line = socket.socket(fileno=int(sys.argv[-1]))
line.send(b"l")
line.recv(1)
print(os.getpid(), flush=True)
line.send(b"r")
while True:
    signal.pause()
"""


@contextlib.contextmanager
def parent(stub: Path, exit_code: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A parent whose servers are this script, which stops with an exit code."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        arguments = [str(fd), "20", "http://there", "", str(stub), str(exit_code)]
        process = subprocess.Popen(
            [sys.executable, "-P", _parent.__file__, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=(fd,),
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=30)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


def error(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline().rstrip()


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """The server's script."""
    path = tmp_path / "stub"
    path.write_text(STUB)
    path.chmod(0o700)
    return path


def test_a_command_that_is_gone_for_a_while_ends_nothing(stub: Path) -> None:
    absent = "cannot be started (No such file or directory)"
    with parent(stub) as process:
        pid = int(line(process))
        assert line(process) == "serving http://there   (Ctrl-C ends it)"
        stub.rename(stub.with_name("moved"))
        process.send_signal(signal.SIGHUP)
        assert error(process) == f"the new server {absent}; the old one goes on"
        os.kill(pid, signal.SIGKILL)
        assert error(process) == "the server was killed by SIGKILL; it starts again at once"
        assert error(process) == f"the server {absent}; it starts again in 0.1 s"
        stub.with_name("moved").rename(stub)
        process.send_signal(signal.SIGHUP)  # no need to wait for the pause to end
        assert int(line(process)) != pid
        assert line(process) == "serving again"


def test_a_command_that_was_never_there(tmp_path: Path) -> None:
    with parent(tmp_path / "absent") as process:
        assert process.wait(timeout=30) == 1
        assert error(process) == "the first server cannot be started (No such file or directory)"


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="this system has no such signals")
def test_a_signal_without_a_name(stub: Path) -> None:
    with parent(stub) as process:
        pid = int(line(process))
        assert line(process).startswith("serving ")
        os.kill(pid, signal.SIGRTMIN + 3)
        assert error(process) == (
            f"the server was killed by signal {signal.SIGRTMIN + 3}; it starts again at once"
        )


def test_a_server_that_fails_while_it_stops(stub: Path) -> None:
    with parent(stub, exit_code=5) as process:
        pid = int(line(process))
        assert line(process).startswith("serving ")
        process.send_signal(signal.SIGHUP)
        assert line(process) == "restarting"
        assert error(process) == "the server ended with code 5 while it stopped"
        assert int(line(process)) != pid  # it is replaced all the same
        assert line(process) == "serving again"
        process.send_signal(signal.SIGTERM)
        assert line(process) == "stopping"
        assert process.wait(timeout=30) == 1


def test_a_start_that_fails_was_no_life_however_long_it_took(stub: Path) -> None:
    with parent(stub) as process:
        pid = int(line(process))
        assert line(process).startswith("serving ")
        stub.write_text(
            f"#!{sys.executable} -IS\nimport time\ntime.sleep({_LONG_LIFE})\nraise SystemExit(3)"
        )
        os.kill(pid, signal.SIGKILL)
        assert error(process) == "the server was killed by SIGKILL; it starts again at once"
        for pause in ("0.1", "0.2"):
            assert error(process) == f"the server ended with code 3; it starts again in {pause} s"


def test_the_pause_doubles_up_to_ten_seconds_and_a_long_life_ends_it() -> None:
    backoff = Backoff()
    assert [backoff.after(0.5) for _ in range(10)] == pytest.approx(
        [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]
    )
    assert [backoff.after(1), backoff.after(0.9)] == [0, 0.1]
