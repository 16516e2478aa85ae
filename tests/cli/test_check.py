"""``pyactor check``: mistakes as file:line lines, or tables of what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BAD = """from __future__ import annotations

from attrs import define

from pyactor import Actor, Conn, Event, Registry, action, hook


@define
class Login:
    user: str


class Room(Actor[None, None, Login], name="room"):
    @hook
    async def on_before_connect(self, params: str) -> None: ...

    @hook
    async def on_connect(self) -> None: ...

    @hook
    async def on_disconect(self, conn: Conn[None, Login]) -> None: ...

    async def on_wake(self) -> None: ...


class Hall(Actor[None], name="hall"):
    @action
    def add(self, amount) -> int:
        return 1

    @action
    def later(self, what: Missing) -> int:
        return 1

    class Inner(Actor[None], name="inner"):
        posted = Event[int]()


registry = Registry(Room, Hall)
"""

GOOD = """from __future__ import annotations

from attrs import define

from pyactor import Actor, Conn, Event, action, hook


@define
class Message:
    text: str


class Base(Actor[None], abstract=True):
    message_posted = Event[Message]()


class Room(Base, name="room", wire_case="camel"):
    room_closed = Event[None]()

    @action(timeout=5)
    async def post_all(self, texts: list[str], *, is_loud: bool = False) -> Message | None:
        return None

    @action
    def plain(self):
        ...

    @hook
    def on_connect(self, conn: Conn[None, None]) -> None: ...


class Outer:
    class Nested(Actor[None], name="nested"):
        @action
        def ping(self) -> str:
            return "pong"
"""


def check(tmp_path: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "some_actors.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "pyactor.cli", "check", *(arguments or ("some_actors",))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


@pytest.mark.parametrize("target", ["some_actors", "some_actors.py"])
def test_six_mistakes_are_six_lines(tmp_path: Path, target: str) -> None:
    done = check(tmp_path, BAD, target)
    lines = re.findall(r"^some_actors\.py:(\d+): (.*)$", done.stdout, re.MULTILINE)
    assert [int(line) for line, _ in lines] == [15, 18, 21, 23, 28, 32]
    assert done.stdout.splitlines()[-1] == "6 problems"
    assert "did you mean 'on_disconnect'" in done.stdout
    assert "expected: " in done.stdout
    assert (done.returncode, done.stderr) == (1, "")


def test_a_good_module_is_shown_as_tables(tmp_path: Path) -> None:
    done = check(tmp_path, GOOD.replace("def plain(self):", "def plain(self) -> None:"))
    assert (done.returncode, done.stderr) == (0, "")
    for shown in (
        "room  Room in some_actors.py",
        "postAll",
        "post_all(texts: list[str], *, is_loud:",
        "timeout 5 s",
        "roomClosed",
        "room_closed: None",
        "message_posted: Message ",
        "on_connect(conn: Conn[None, None]) ->",
        "nested  Outer.Nested in some_actors.py",
        "2 actors, no problems",
    ):
        assert shown in done.stdout
    assert "Base" not in done.stdout


def test_a_module_without_actors(tmp_path: Path) -> None:
    done = check(tmp_path, "from pyactor import Actor\n")
    assert done.returncode == 1
    assert "some_actors has no actor class" in done.stderr


def test_a_module_that_cannot_be_imported(tmp_path: Path) -> None:
    done = check(tmp_path, "import absent_x\n")
    assert done.returncode == 2
    assert "some_actors cannot be imported" in done.stderr
    assert "some_actors.py:1: ModuleNotFoundError: No module named 'absent_x'" in done.stderr
    assert "Traceback" not in done.stderr
