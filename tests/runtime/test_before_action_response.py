"""``on_before_action_response``: the last word on what an action answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define

from pyactor.definition import Actor, ActorOptions, action, hook
from pyactor.errors import UserError

Play = Callable[..., None]


@define
class Point:
    x: int
    y: int = 0


class Plot(Actor[None], name="plot", wire_case="camel", options=ActorOptions(action_timeout=4)):
    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[Any, ...], Any]] = []
        self.change: Callable[[Any], Any] = lambda output: output
        self.delay = 0.0

    @hook
    async def on_before_action_response(self, name: str, args: tuple[Any, ...], output: Any) -> Any:
        self.seen.append((name, args, output))
        await asyncio.sleep(self.delay)
        return self.change(output)

    @action
    def move_to(self, point: Point, *, by: int = 1, times: int = 2) -> Point:
        return Point(point.x + by * times, point.y)

    @action
    async def total(self, *numbers: int) -> int:
        return sum(numbers)

    @action(name="points.twice", timeout=2)
    async def twice(self, number: int = 1) -> int:
        return 2 * await self.total(number)

    @action
    def fail(self) -> None:
        raise UserError("no")


def test_it_sees_typed_arguments_and_the_output(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        calls = [
            peer.call("moveTo", {"x": 1}, {"times": 3}),
            peer.call("total", 1, 2, 3),
            peer.call("points.twice"),
        ]
        await stage.settle()
        assert [peer.answer(each) for each in calls] == [{"x": 4, "y": 0}, 6, 2]
        assert stage.instance.actor.seen == [
            ("move_to", (Point(1), 1, 3), Point(4)),
            ("total", (1, 2, 3), 6),
            ("twice", (1,), 2),  # and not once more for the call on self
        ]

    play(Plot, scene)


def test_what_it_returns_is_the_answer(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        stage.instance.actor.change = lambda output: output * 10
        called = peer.call("total", 1)
        await stage.settle()
        assert peer.answer(called) == 10
        assert await stage.http("total", 2) == 20

    play(Plot, scene)


@pytest.mark.parametrize("output", ["10", None, Point(1)], ids=repr)
def test_it_is_checked_as_the_result_is(
    play: Play, caplog: pytest.LogCaptureFixture, output: Any
) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        stage.instance.actor.change = lambda _: output
        called = peer.call("total", 1)
        await stage.settle()
        error = peer.answer(called)
        assert (error.group, error.code) == ("core", "internal_error")

    play(Plot, scene)
    assert "result of action 'total': expected int" in caplog.text


def test_what_it_raises_is_the_actions_error(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()

        def refuse(output: int) -> int:
            raise UserError("too much") if output > 5 else RuntimeError("secret")

        stage.instance.actor.change = refuse
        called = [peer.call("total", 6), peer.call("total", 1)]
        await stage.settle()
        answers = [peer.answer(each) for each in called]
        assert [each.message for each in answers] == ["too much", "An internal error occurred"]
        assert peer.closed is None

    play(Plot, scene)
    [record] = caplog.records  # what is public is not logged (C8)
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "secret"


def test_it_does_not_run_for_a_call_that_failed(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        called = [peer.call("fail"), peer.call("total", "x"), peer.call("nope")]
        await stage.settle()
        codes = [peer.answer(each).code for each in called]
        assert codes == ["user_error", "invalid_arguments", "not_found"]
        assert stage.instance.actor.seen == []

    play(Plot, scene)


@pytest.mark.parametrize(("name", "seconds"), [("total", 4), ("points.twice", 2)])
def test_it_runs_under_the_actions_timeout(play: Play, name: str, seconds: int) -> None:
    """C11: the action's own, or the actor's."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        stage.instance.actor.delay = 60.0
        called = peer.call(name, 1)
        await asyncio.sleep(seconds - 0.1)
        assert not any(getattr(each, "action_id", None) == called for each in peer.received)
        await asyncio.sleep(0.2)
        error = peer.answer(called)
        assert (error.group, error.code) == ("action", "timed_out")
        assert error.message == f"action {name!r} ran longer than {seconds} s"

    play(Plot, scene)


class Plain(Actor[None], name="plain"):
    @hook
    def on_before_action_response(self, name: str, args: tuple[Any, ...], output: str) -> str:
        return f"{name}{args}: {output} to {self.conn.id == self.conn.id}"

    @action
    def greet(self, who: str) -> str:
        return f"hello {who}"


def test_it_need_not_be_async_and_knows_the_caller(play: Play) -> None:
    async def scene(stage: Any) -> None:
        assert await stage.http("greet", "ann") == "greet('ann',): hello ann to True"

    play(Plain, scene)
