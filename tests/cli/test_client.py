"""``pyactor call`` and ``pyactor tail``, against real servers: output, exit codes, ends."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from click.testing import CliRunner

from pyactor.cli import main

if TYPE_CHECKING:
    from tests.cli.conftest import Serve

ROOM = """
from attrs import define
from pyactor import Actor, Event, Registry, UserError, action, hook

@define
class Who:
    name: str = "anon"

class Room(Actor[None, None, Who], name="room"):
    posted = Event[str]()

    @hook
    def on_before_connect(self, params: Who) -> None:
        if params.name == "mallory":
            raise UserError("go away", code="no", metadata={"name": params.name})

    @action
    def post(self, text: str, *, loud: bool = False) -> str:
        text = text.upper() if loud else text
        self.posted.broadcast(text)
        return text

    @action
    def whisper(self) -> int:
        others = [conn for conn in self.conns.values() if conn is not self.conn]
        for conn in others:
            conn.send(Room.posted, "psst")
        return len(others)

    @action
    def kick(self) -> None:
        for conn in list(self.conns.values()):
            if conn is not self.conn:
                conn.disconnect("out")

    @action
    def echo(self, number: int) -> int:
        return number

    @action
    def key_parts(self) -> list[str]:
        return list(self.key)

    @action
    def octets(self) -> bytes:
        return b"ab"

registry = Registry(Room)
"""

CAREFUL = """
import asyncio
from pathlib import Path
from pyactor import AnyEvent, Conn

class Careful(Actor[None], name="careful"):
    posted = Event[str]()

    @hook
    async def can_subscribe(self, conn: Conn, event: AnyEvent) -> bool:
        Path("asked").touch()
        while not Path("answered").exists():
            await asyncio.sleep(0.01)
        return True

registry = Registry(Room, Careful)
"""

Tail: TypeAlias = "Callable[..., subprocess.Popen[str]]"


@pytest.fixture
def url(serve: Serve, tmp_path: Path) -> str:
    (tmp_path / "room.py").write_text(ROOM)
    return serve("--in-memory", target="room:registry").url


@pytest.fixture
def tail() -> Iterator[Tail]:
    """Start ``pyactor tail``, and wait until it is connected and subscribed."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, wait: bool = True, **how: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pyactor.cli", "tail", *arguments]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, text=True, **(pipes | how))
        processes.append(process)
        if wait:
            assert process.stderr is not None
            assert process.stderr.readline().endswith("  connecting\n")
            assert "  connected as " in process.stderr.readline()
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_results_are_lines_of_json(url: str) -> None:
    def call(*arguments: str) -> tuple[int, str, str]:
        return run("call", url, "room", "a", *arguments, "--create")

    assert call("post", '"hé"') == (0, '"hé"\n', "")
    assert call("post", '"x"', '{"loud": true}', "--encoding", "bare") == (0, '"X"\n', "")
    assert call("echo", "-5", "--encoding", "cbor") == (0, "-5\n", "")
    assert call("octets") == (0, '["$Uint8Array","YWI="]\n', "")
    # What steers a terminal is shown, not obeyed, and the JSON stays the same.
    code, out, _ = call("post", '"\\u009b1m\\u202e"')
    assert (code, out, json.loads(out)) == (0, '"\\u009b1m\\u202e"\n', "\x9b1m\u202e")


def test_keys_have_one_form(url: str) -> None:
    def parts(key: str) -> object:
        return json.loads(run("call", url, "room", key, "key_parts", "--create")[1])

    assert parts("room/42") == ["room", "42"]
    assert parts(r"a\/b\\") == ["a/b\\"]
    assert parts(r"\0") == [""]
    assert parts("/") == []
    assert parts("a,b") == ["a,b"]


def test_errors_say_who_is_to_blame(url: str) -> None:
    assert run("call", url, "room", "a", "echo", "1") == (
        1,
        "",
        "actor.not_found: there is no room with the key ['a']\n  add --create to make it\n",
    )
    rejected = ("--create", "--params", '{"name": "mallory"}')
    told = 'user.no: go away\n  metadata: {"name":"mallory"}\n'
    assert run("call", url, "room", "a", "echo", "1", *rejected) == (1, "", told)
    code, out, err = run("tail", url, "room", "a", *rejected)
    assert (code, out) == (1, "")
    assert err.endswith(told)
    code, out, err = run("call", url, "room", "a", "nope", "--create")
    assert (code, out) == (1, "")
    assert err.startswith("action.not_found: room has no action 'nope' (actions: post, whisper")
    code, _, err = run("call", url, "rum", "a", "nope", "--create")
    assert (code, err) == (1, "actor.not_registered: no actor is named 'rum' (actors: room)\n")
    code, _, err = run("tail", url, "room", "a", "nope")
    assert code == 1
    assert err.count("event.not_found: room has no event 'nope' (events: posted)\n") == 1


def test_a_host_that_is_not_there() -> None:
    nowhere = "http://127.0.0.1:1"
    code, out, err = run("call", nowhere, "room", "a", "echo")
    assert (code, out) == (3, "")
    assert err.startswith(f"client.host_unreachable: no host answers at {nowhere}")
    code, out, err = run("tail", nowhere, "room", "a", "--timeout", "0.1")
    assert (code, out) == (3, "")
    assert ": retrying in 0." in err
    assert "\nclient.host_unreachable: no host answers" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["http://x", "room", "a", "post", "hello"], """a string is written '"hello"'"""),
        (["http://x", "room", "a", "post", "NaN"], """a string is written '"NaN"'"""),
        (["http://x", "room", "a//b", "post"], r"an empty part is written '\0'"),
        (["http://x", "room", "", "post"], "the key without parts is '/'"),
        (["127.0.0.1:6420", "room", "a", "post"], "a host's URL is http://host:port"),
        (["http://x", "room", "a", "post", "--timout", "3"], "No such option '--timout'"),
        (["http://x", "room", "a", "post", "--input", "3"], "add --create"),
        (["http://n:t@x", "room", "a", "post", "--token", "u"], "the token is given twice"),
    ],
)
def test_wrong_commands(arguments: list[str], message: str) -> None:
    code, out, err = run("call", *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_tail_shows_events_and_direct_sends_until_it_has_enough(url: str, tail: Tail) -> None:
    named = tail(url, "room", "a", "posted", "--create", "--count", "2")
    unnamed = tail(url, "room", "a", "--count", "1")
    assert run("call", url, "room", "a", "post", '"hi"')[0] == 0
    assert run("call", url, "room", "a", "whisper") == (0, "2\n", "")
    out, err = named.communicate(timeout=30)
    events = [json.loads(line) for line in out.splitlines()]
    assert [(each["event"], each["payload"]) for each in events] == [
        ("posted", "hi"),
        ("posted", "psst"),
    ]
    assert (named.returncode, err) == (0, "")
    assert json.loads(unnamed.communicate(timeout=30)[0])["payload"] == "psst"


def test_tail_ends_with_the_actor_or_its_user(url: str, tail: Tail) -> None:
    watching = tail(url, "room", "a", "posted", "--create")
    watching.send_signal(signal.SIGINT)
    assert watching.communicate(timeout=30) == ("", "")
    assert watching.returncode == 0
    kicked = tail(url, "room", "a")
    assert run("call", url, "room", "a", "kick")[0] == 0
    assert kicked.communicate(timeout=30)[1].endswith("  closed by the actor (1000: out)\n")
    assert kicked.returncode == 1


def test_tail_ends_quietly_when_its_reader_goes(url: str, tail: Tail) -> None:
    watching = tail(url, "room", "a", "posted", "--create")
    assert watching.stdout is not None
    assert watching.stderr is not None
    watching.stdout.close()
    # Without another event: as soon as the reader has gone.
    assert watching.wait(timeout=30) == 0
    assert watching.stderr.read() == ""


def test_call_ends_quietly_when_nobody_reads(url: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "pyactor.cli", "call", url, "room", "a", "echo", "1"]
    with os.fdopen(writing, "w") as pipe:
        ended = subprocess.run(
            [*command, "--create"], stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_tail_comes_back_after_a_restart(serve: Serve, tmp_path: Path, tail: Tail) -> None:
    (tmp_path / "room.py").write_text(ROOM)
    served = serve(target="room:registry")
    watching = tail(served.url, "room", "a", "posted", "--create", "--count", "1")
    served.send(signal.SIGHUP)
    assert watching.stderr is not None
    for line in watching.stderr:
        if "  connected as " in line:
            break
        assert "retrying in " in line or "missed" in line
    assert run("call", served.url, "room", "a", "post", '"again"')[0] == 0
    assert json.loads(watching.communicate(timeout=30)[0])["payload"] == "again"


def test_tail_says_connected_once_it_is_subscribed(
    serve: Serve, tmp_path: Path, tail: Tail
) -> None:
    (tmp_path / "room.py").write_text(ROOM + CAREFUL)
    served = serve("--in-memory", target="room:registry")
    watching = tail(served.url, "careful", "a", "posted", "--create", wait=False)
    assert watching.stderr is not None
    assert watching.stderr.readline().endswith("  connecting\n")
    served.wait_for("asked")  # the connection is open, and its subscription not answered
    assert not select.select([watching.stderr], [], [], 0)[0]
    served.set("answered")
    assert "  connected as " in watching.stderr.readline()


def test_a_terminal_gets_what_people_read(url: str) -> None:
    command = [sys.executable, "-m", "pyactor.cli", "call", url, "room", "a", "key_parts"]
    shown = {}
    for options in ((), ("--json",)):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*command, "--create", *options], stdout=theirs, env={**os.environ, "TERM": "dumb"}
        ) as process:
            os.close(theirs)
            assert process.wait(timeout=30) == 0
        shown[options] = os.read(ours, 1000).decode().replace("\r\n", "\n")
        os.close(ours)
    assert shown == {(): '[\n  "a"\n]\n', ("--json",): '["a"]\n'}


@pytest.mark.parametrize("command", ["call", "tail"])
@pytest.mark.parametrize("seconds", ["inf", "nan"])
def test_a_timeout_is_a_number_of_seconds(command: str, seconds: str) -> None:
    arguments = [command, "http://127.0.0.1:1", "room", "k", "post", "--timeout", seconds]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert f"{seconds} is no number of seconds" in result.stderr
