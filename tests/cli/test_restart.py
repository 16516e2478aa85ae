"""``pyactor serve`` keeps its port open: across SIGHUP, changes of files, and crashes."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from pyactor.cli._serve import _directory_of

if TYPE_CHECKING:
    from tests.cli.conftest import Serve

OPEN_A_TERMINAL = """
import os, sys
terminal = os.open(sys.argv[1], os.O_RDWR)
for number in sys.argv[2]:
    os.dup2(terminal, int(number))
os.close(terminal)
os.execv(sys.executable, [sys.executable, "-m", "pyactor.cli", *sys.argv[3:], "--port", "0"])
"""


def test_sighup_keeps_connects_waiting_until_the_old_server_is_gone(serve: Serve) -> None:
    served = serve()
    before = served.pid()
    served.set("held")
    served.send_all(signal.SIGHUP)  # which the server leaves to its parent
    served.expect("restarting", "falls asleep")
    waiting = HTTPConnection("127.0.0.1", served.port, timeout=30)
    waiting.request("GET", "/metadata")  # into the backlog
    served.send(signal.SIGHUP)  # still the same restart
    served.wait_for("loads", 3)  # from here on, only the old server is in the way
    served.set("held", on=False)
    with waiting.getresponse() as response:
        assert response.status == 200
    waiting.close()
    served.expect("asleep", "gone", "serving again")
    assert served.pid() != before
    served.send(signal.SIGTERM)
    served.expect("stopping", "falls asleep", "asleep", "gone")
    assert served.end() == (0, "", "")


def test_new_code_that_does_not_load_leaves_the_old_server_alone(serve: Serve) -> None:
    served = serve()
    before = served.pid()
    served.set("broken")
    served.send(signal.SIGHUP)
    served.expect_error("RuntimeError: broken")
    served.expect_error("the new server ended with code 2; the old one goes on")
    assert served.pid() == before
    # Neither does code that never comes to an end; another SIGHUP begins anew.
    served.set("broken", on=False)
    served.set("hanging")
    served.send(signal.SIGHUP)
    served.wait_for("hangs")
    assert served.pid() == before
    served.set("hanging", on=False)
    served.send(signal.SIGHUP)
    served.expect("restarting", "falls asleep", "asleep", "gone", "serving again")
    assert served.pid() != before


def test_a_crashed_server_is_replaced_at_once_and_a_crash_loop_slows_down(serve: Serve) -> None:
    served = serve()
    os.kill(served.pid(), signal.SIGKILL)
    served.expect_error("the server was killed by SIGKILL; it starts again at once")
    after = served.pid()
    served.expect("serving again")
    served.set("broken")
    os.kill(after, signal.SIGKILL)
    for delay in ("0.1", "0.2", "0.4"):
        served.expect_error(f"; it starts again in {delay} s")
    served.set("broken", on=False)
    last = served.pid()
    served.expect("serving again")
    served.set("broken")
    os.kill(last, signal.SIGKILL)
    served.expect_error("; it starts again in 1.6 s")  # it goes on, or begins anew
    served.send(signal.SIGTERM)  # while there is no server
    assert served.end() == (0, "stopping\n", "")


def test_the_server_ends_in_good_order_when_its_parent_is_killed(serve: Serve) -> None:
    served = serve()
    served.pid()
    served.send(signal.SIGKILL)
    # The end of the output is the end of everybody who could write to it.
    assert served.end() == (-signal.SIGKILL, "falls asleep\nasleep\ngone\n", "")


def test_a_server_that_is_stuck_does_not_outlive_its_parent_by_more_than_the_grace(
    serve: Serve,
) -> None:
    served = serve("--grace", "0.1")
    with socket.create_connection(("127.0.0.1", served.port)) as stuck:
        stuck.sendall(
            b"POST /gateway/counter/action/block?rvt-method=getOrCreate&rvt-key=a HTTP/1.1\r\n"
            b"host: x\r\nx-rivet-encoding: json\r\ncontent-length: 11\r\n\r\n" + b'{"args":[]}'
        )
        served.wait_for("blocked")
        served.send(signal.SIGKILL)
        assert served.end() == (-signal.SIGKILL, "", "")


def test_no_connect_is_refused_during_five_restarts(serve: Serve) -> None:
    served = serve()
    done = threading.Event()
    outcomes: list[OSError | None] = []

    def connect() -> None:
        while not done.is_set():
            try:
                socket.create_connection(("127.0.0.1", served.port), timeout=30).close()
                outcomes.append(None)
            except OSError as error:
                outcomes.append(error)

    thread = threading.Thread(target=connect)
    thread.start()
    try:
        for _ in range(5):
            served.send(signal.SIGHUP)
            served.expect("restarting", "gone", "serving again")
    finally:
        done.set()
        thread.join()
    assert len(outcomes) > 5
    assert set(outcomes) == {None}


def test_reload_serves_the_code_as_it_is_now(serve: Serve) -> None:
    served = serve("--reload")
    (served.folder / "data.txt").write_text("no code")
    served.write((served.folder / "served.py").read_text().replace("VERSION = 1", "VERSION = 2"))
    served.expect("restarting", "gone", "serving again")
    assert served.version() == 2
    served.write("def")
    served.expect_error("served.py:1: ")
    served.expect_error("the old one goes on")
    assert served.version() == 2


def test_reload_wants_watchfiles_and_something_to_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "outer_pack" / "inner_pack"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "plain_module.py").touch()
    assert _directory_of("outer_pack.inner_pack.actors:registry") == str(package.parent)
    assert _directory_of("plain_module:registry") == str(tmp_path)
    assert _directory_of("outer_pack/actors.py") == str(package.parent)
    with pytest.raises(click.ClickException, match="no module 'absent_x'"):
        _directory_of("absent_x")
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(click.ClickException, match=r"pip install 'pyactor-sdk\[reload\]'"):
        _directory_of("plain_module")


@pytest.mark.parametrize("numbers", ["01", "0", "1", "2"])
def test_a_terminal_that_is_closed_ends_it(serve: Serve, tmp_path: Path, numbers: str) -> None:
    """The terminal's SIGHUP is no request to restart, wherever the output goes."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", OPEN_A_TERMINAL, os.ttyname(theirs), numbers, "serve", "served.py"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        stdout = ours if "1" in numbers else process.stdout.fileno()
        shown = b""
        while b"Ctrl-C" not in shown:
            shown += os.read(stdout, 1024)
        os.close(theirs)
        os.close(ours)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()
