"""``on_state_change``: once for each change, before the answer: A7."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from attrs import Factory, define

from pyactor.definition import Actor, ActorOptions, Conn, Event, action, hook
from pyactor.errors import NoCallerError, UserError

Play = Callable[..., None]


@define
class Board:
    lines: list[str] = Factory(list)
    tags: dict[str, int] = Factory(dict)


class Watched(Actor[Board], name="watched", options=ActorOptions(action_timeout=5)):
    changed = Event[int]()
    seen: list[str] = []  # noqa: RUF012 - shared on purpose: it outlives the instances
    does: str = ""

    @hook
    def on_state_change(self, state: Board) -> None:
        Watched.seen.append(" ".join(state.lines))
        self.changed.broadcast(len(state.lines))
        match Watched.does:
            case "change":
                self.state.lines.append("!")
            case "raise":
                raise UserError("no")
            case "destroy":
                self.destroy()
            case "sleep":
                self.sleep()
            case "who":
                assert self.caller is None
                _ = self.conn

    @hook
    def on_create(self) -> None:
        self.state.lines.append("new")

    @hook
    def on_wake(self) -> None:
        self.state.tags["wakes"] = self.state.tags.get("wakes", 0) + 1

    @hook
    def on_disconnect(self, conn: Conn[None, None]) -> None:
        self.state.lines.append("left")

    @action
    async def write(self, line: str) -> int:
        self.state.lines.append(line)
        return len(self.state.lines)

    @action
    def look(self) -> list[str]:
        return self.state.lines

    @action
    def fail(self) -> None:
        self.state.lines.append("failed")
        raise UserError("no", code="no")

    @action
    async def hang(self) -> None:
        self.state.lines.append("hung")
        await asyncio.Event().wait()

    @action
    def undo(self) -> None:
        self.state.lines.append("x")
        self.state.lines.pop()

    @action
    def replace(self) -> None:
        self.state = Board(["other"])

    @action
    def spoil(self) -> None:
        self.state.lines = 3  # type: ignore[assignment] # on purpose


@pytest.fixture(autouse=True)
def _clean() -> None:
    Watched.seen.clear()
    Watched.does = ""


def test_it_runs_before_the_answer_and_once_for_each_change(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.subscribe("changed")
        Watched.seen.clear()
        call = peer.call("write", "a")
        await stage.settle()
        assert Watched.seen == ["new a"]
        assert peer.answer(call) == 2
        kinds = [type(message).__name__ for message in peer.received[-2:]]
        assert kinds == ["Event", "ActionResponse"]
        for _ in range(3):
            assert await stage.http("look") == ["new", "a", *["left"] * _]
        assert Watched.seen == ["new a", "new a left", "new a left left", "new a left left left"]

    play(Watched, scene)


def test_reading_never_triggers_it(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        Watched.seen.clear()
        for name in ("look", "undo", "look"):
            peer.call(name)
            await stage.settle()
        assert Watched.seen == []

    play(Watched, scene)


@define
class Tags:
    numbers: set[int] = Factory(lambda: {0, 8})


class Tagged(Actor[Tags], name="tagged"):
    told = 0

    @hook
    def on_state_change(self, state: Tags) -> None:
        Tagged.told += 1

    @action
    def put(self, numbers: list[int]) -> None:
        self.state.numbers = set(numbers)


def test_a_set_that_came_about_otherwise_is_no_change(play: Play) -> None:
    assert list({0, 8}) != list({8, 0})  # what CPython does, or this proves nothing

    Tagged.told = 0

    async def scene(stage: Any) -> None:
        await stage.http("put", [8, 0])
        assert Tagged.told == 0
        await stage.http("put", [8, 1])
        assert Tagged.told == 1

    play(Tagged, scene)


def test_making_the_state_is_no_change_but_on_wake_may_make_one(play: Play) -> None:
    """From ``create_state`` and ``on_create`` comes the state that changes count from (A2)."""

    async def scene(stage: Any) -> None:
        await stage.peer()
        assert Watched.seen == ["new"]  # that is on_wake's
        await stage.host.stop()
        Watched.seen.clear()
        stage.restart()
        await stage.peer()
        assert Watched.seen == ["new left"]

    play(Watched, scene)


@pytest.mark.parametrize(
    ("name", "line"), [("fail", "new failed"), ("hang", "new hung"), ("replace", "other")]
)
def test_an_error_a_timeout_and_a_new_state_change_it_too(play: Play, name: str, line: str) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        Watched.seen.clear()
        call = peer.call(name)
        await asyncio.sleep(5.1)
        assert Watched.seen == [line]
        error = peer.answer(call)
        assert getattr(error, "code", None) == {"fail": "no", "hang": "timed_out"}.get(name)

    play(Watched, scene)


def test_a_change_inside_it_fails_the_call(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """The change stays and is not reported again."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        Watched.seen.clear()
        Watched.does = "change"
        call = peer.call("write", "a")
        await stage.settle()
        error = peer.answer(call)
        assert (error.group, error.code) == ("actor", "state_mutation_reentrant")
        assert "hook 'on_state_change' of watched changed the state" in error.message
        Watched.does = ""
        call = peer.call("look")
        await stage.settle()
        assert peer.answer(call) == ["new", "a", "!"]
        assert Watched.seen == ["new a"]
        await asyncio.sleep(1.1)
        assert b"!" in stage.storage.states[-1]

    play(Watched, scene)


def test_a_call_that_failed_already_keeps_its_own_error(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        Watched.does = "change"
        call = peer.call("fail")
        await stage.settle()
        assert peer.answer(call).code == "no"
        Watched.does = ""

    play(Watched, scene)


def test_an_error_in_it_is_logged_and_fails_nothing(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        Watched.does = "raise"
        call = peer.call("write", "a")
        await stage.settle()
        assert peer.answer(call) == 2
        Watched.does = ""

    play(Watched, scene)
    assert "hook 'on_state_change' failed" in caplog.text


def test_nobody_is_calling_in_it(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """Several calls may have made the change, so it is none of theirs."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        Watched.does = "who"
        peer.call("write", "a")
        await stage.settle()
        Watched.does = ""

    play(Watched, scene)
    assert "no connection is calling hook 'on_state_change' of Watched" in caplog.text
    assert NoCallerError.__name__ in caplog.text


def test_a_state_that_cannot_be_encoded_fails_its_call(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        call = peer.call("spoil")
        await stage.settle()
        assert peer.answer(call).code == "internal_error"
        stage.instance.state.lines = []

    play(Watched, scene)
    assert "state of watched: expected list, got int @ $.lines" in caplog.text


def test_a_class_without_it_is_not_snapshotted_for_answers(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain(Actor[Board], name="plain"):
        @action
        def write(self, line: str) -> None:
            self.state.lines.append(line)

    async def scene(stage: Any) -> None:
        await stage.http("write", "a")
        count = 0
        snapshot = stage.instance.saver.snapshot

        def counted() -> bytes:
            nonlocal count
            count += 1
            data: bytes = snapshot()
            return data

        monkeypatch.setattr(stage.instance.saver, "snapshot", counted)
        for _ in range(50):
            await stage.http("write", "b")
        assert count == 0
        await asyncio.sleep(1.1)
        assert count == 1

    play(Plain, scene)


@pytest.mark.parametrize("how", ["destroy", "sleep"])
def test_the_hook_may_end_the_actor(play: Play, how: str) -> None:
    """As from anywhere else it is done after the running call, which is answered."""

    async def scene(stage: Any) -> None:
        first = await stage.http("look")
        instance = stage.instance
        Watched.does = how
        assert isinstance(await stage.http("write", "x"), int)
        Watched.does = ""
        await stage.settle()
        assert not instance.is_ready
        assert ("x" in await stage.http("look")) is (how == "sleep")
        assert first[0] == "new"

    play(Watched, scene)
