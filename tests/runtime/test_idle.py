"""When an actor falls asleep by itself, what keeps it awake, and ``run``: A3."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from attrs import define

from pyactor.definition import Actor, ActorOptions, action, hook
from pyactor.errors import GoingAway
from pyactor.wire.http import HttpRequest

Play = Callable[..., None]
OPTIONS = ActorOptions(sleep_timeout=10, sleep_grace_period=6, action_timeout=100)


@define
class Count:
    n: int = 0
    wakes: int = 0


class Sleeper(Actor[Count], name="sleeper", options=OPTIONS):
    trace: list[str] = []  # noqa: RUF012 - shared on purpose: it outlives the instances

    @hook
    def on_wake(self) -> None:
        self.state.wakes += 1

    @hook
    def on_sleep(self) -> None:
        Sleeper.trace.append("on_sleep" if self.aborted else "not aborted")

    @action
    def add(self) -> int:
        self.state.n += 1
        return self.state.n

    @action
    def wakes(self) -> int:
        return self.state.wakes

    @action
    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def job(self, name: str, seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
            if name == "fails":
                raise ValueError(name)
        except asyncio.CancelledError:
            Sleeper.trace.append(f"{name} cancelled")
            raise
        Sleeper.trace.append(f"{name} done")
        return name

    @action
    async def start(self, how: str, name: str, seconds: float) -> None:
        if how == "keep_awake":
            task = asyncio.create_task(self.keep_awake(self.job(name, seconds)))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        else:
            self.wait_until(self.job(name, seconds))


@pytest.fixture(autouse=True)
def _clean() -> None:
    Sleeper.trace.clear()


async def awake_for(stage: Any) -> float:
    """Seconds until no instance is left."""
    began: float = stage.time
    while stage.host.directory.instances:  # noqa: ASYNC110 - in virtual time; nothing tells
        await asyncio.sleep(0.1)
    passed: float = stage.time - began
    return passed


def test_it_falls_asleep_and_the_next_call_wakes_it(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("add")
        assert await awake_for(stage) == pytest.approx(10, abs=0.2)
        assert Sleeper.trace == ["on_sleep"]
        assert await stage.http("add") == 2
        assert await stage.http("wakes") == 2

    play(Sleeper, scene)


def test_any_activity_resets_it(play: Play) -> None:
    async def scene(stage: Any) -> None:
        for _ in range(5):
            await stage.http("add")
            await asyncio.sleep(9)
        assert await stage.http("wakes") == 1
        assert await awake_for(stage) == pytest.approx(10, abs=0.2)

    play(Sleeper, scene)


def test_a_loop_that_is_held_up_does_not_put_it_to_sleep_before_its_callers(play: Play) -> None:
    """Whoever waits for the start is served, however late the loop comes to it."""

    class Late(Sleeper):
        @hook
        def on_wake(self) -> None:
            loop: Any = asyncio.get_running_loop()

            def hold_up(turns: int) -> None:
                loop.now += 100
                if turns:
                    loop.call_soon(hold_up, turns - 1)

            task = asyncio.current_task()
            assert task is not None
            task.add_done_callback(lambda _: hold_up(8))  # so behind what the run time does
            self.state.wakes += 1

    async def scene(stage: Any) -> None:
        answers = await asyncio.gather(*(stage.http("wakes") for _ in range(3)))
        assert answers == [1, 1, 1]

    play(Late, scene)


def test_one_timer_however_much_happens(play: Play) -> None:
    async def scene(stage: Any) -> None:
        loop: Any = asyncio.get_running_loop()
        await stage.http("add")
        await asyncio.sleep(2)
        for _ in range(200):
            await stage.http("wakes")
        # A timeout for each call is long cancelled; what waits is for sleep and for the save.
        assert loop.timers == 2

    play(Sleeper, scene)


def test_a_connection_keeps_it_awake(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        await asyncio.sleep(100)
        assert peer.closed is None
        peer.leave()
        assert await awake_for(stage) == pytest.approx(10, abs=0.2)

    play(Sleeper, scene)


def test_a_call_in_flight_keeps_it_awake(play: Play) -> None:
    """Also one whose connection is gone (C6)."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.call("wait", 50)
        await stage.settle()
        peer.drop()
        assert await awake_for(stage) == pytest.approx(60, abs=0.2)

    play(Sleeper, scene)


def test_keep_awake_keeps_it_awake(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("start", "keep_awake", "a", 20)
        assert await awake_for(stage) == pytest.approx(30, abs=0.2)
        assert Sleeper.trace == ["a done", "on_sleep"]

    play(Sleeper, scene)


def test_wait_until_does_not_but_is_waited_for(play: Play) -> None:
    """It begins to stop on time, and leaves memory when the work is done."""

    async def scene(stage: Any) -> None:
        await stage.http("start", "wait_until", "a", 14)
        assert await awake_for(stage) == pytest.approx(14, abs=0.2)
        assert Sleeper.trace == ["on_sleep", "a done"]

    play(Sleeper, scene)


@pytest.mark.parametrize("how", ["keep_awake", "wait_until"])
def test_the_grace_period_ends_what_runs_in_the_background(play: Play, how: str) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("start", how, "a", 1000)
        stage.instance.sleep()
        assert await awake_for(stage) == pytest.approx(6, abs=0.2)
        assert Sleeper.trace == ["on_sleep", "a cancelled"]

    play(Sleeper, scene)


def test_what_ignores_its_cancellation_is_left_behind(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """A second after the grace period, and another for the connections; then it is said.

    It is cancelled once more as its actor leaves: of its own it may do what it likes.
    """
    go = asyncio.Event()

    class Stubborn(Sleeper):
        @hook
        async def run(self) -> None:
            if go.is_set():
                return  # the next life
            while not go.is_set():
                try:
                    await go.wait()
                except asyncio.CancelledError:
                    Sleeper.trace.append("no")
            self.state.n = 99
            with pytest.raises(GoingAway):
                await self.save_state(immediate=True)
            Sleeper.trace.append("ran")

    async def scene(stage: Any) -> None:
        assert await stage.http("add") == 1
        stage.instance.sleep()
        assert await awake_for(stage) == pytest.approx(8, abs=0.2)
        assert "code that ignores its cancellation is left behind" in caplog.text
        go.set()
        await stage.settle()
        assert Sleeper.trace == ["on_sleep", "no", "no", "ran"]
        assert await stage.http("add") == 2

    play(Stubborn, scene)


def test_an_error_in_the_background_is_logged(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("start", "wait_until", "fails", 1)
        await asyncio.sleep(2)

    play(Sleeper, scene)
    assert "what wait_until waits for failed" in caplog.text


def test_keep_awake_gives_the_result(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("add")
        assert await stage.instance.actor.keep_awake(stage.instance.actor.job("a", 1)) == "a"
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future.set_result(3)
        assert await stage.instance.actor.keep_awake(future) == 3

    play(Sleeper, scene)


# ------------------------------------------------------------------ run


class Runner(Actor[Count], name="runner", options=OPTIONS):
    trace: list[str] = []  # noqa: RUF012 - shared on purpose: it outlives the instances
    how: str = "until aborted"

    @hook
    async def on_wake(self) -> None:
        Runner.trace.append("on_wake")

    @hook
    async def run(self) -> None:
        Runner.trace.append("run")
        assert self.caller is None
        match Runner.how:
            case "until aborted":
                while not self.aborted:
                    self.state.n += 1
                    await asyncio.sleep(1)
            case "event":
                await self.abort_event.wait()
            case "stubborn":
                try:
                    await asyncio.Event().wait()
                finally:
                    Runner.trace.append("cancelled")
            case "fails":
                await asyncio.sleep(5)
                raise ValueError(Runner.how)
            case "destroy":
                await asyncio.sleep(1)
                self.destroy()
                await self.abort_event.wait()
        Runner.trace.append("ran")

    @hook
    def on_sleep(self) -> None:
        Runner.trace.append("on_sleep")

    @action
    def count(self) -> int:
        return self.state.n


@pytest.fixture(autouse=True)
def _clean_runner() -> None:
    Runner.trace.clear()
    Runner.how = "until aborted"


def test_run_starts_after_on_wake_and_keeps_the_actor_awake(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("count")
        await asyncio.sleep(100)
        assert Runner.trace == ["on_wake", "run"]
        assert await stage.http("count") == pytest.approx(100, abs=1)

    play(Runner, scene)


def test_what_run_does_is_saved_meanwhile(play: Play) -> None:
    """A4: it may change the state at any time, so it is looked at in each interval."""

    async def scene(stage: Any) -> None:
        await stage.http("count")
        await asyncio.sleep(10)
        assert len(stage.storage.states) in range(9, 12)

    play(Runner, scene)


@pytest.mark.parametrize("how", ["until aborted", "event"])
def test_run_is_told_of_the_stop_and_may_end_by_itself(play: Play, how: str) -> None:
    async def scene(stage: Any) -> None:
        Runner.how = how
        await stage.http("count")
        began = stage.time
        await stage.host.stop()
        assert stage.time - began < 1.1
        assert Runner.trace[:2] == ["on_wake", "run"]
        assert sorted(Runner.trace[2:]) == ["on_sleep", "ran"]

    play(Runner, scene)


def test_run_is_cancelled_at_the_end_of_the_grace_period(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        Runner.how = "stubborn"
        await stage.http("count")
        began = stage.time
        await stage.host.stop()
        assert stage.time - began == pytest.approx(6, abs=0.1)
        assert Runner.trace == ["on_wake", "run", "on_sleep", "cancelled"]

    play(Runner, scene)
    assert "hook 'run' failed" not in caplog.text


def test_an_error_of_run_is_logged_and_the_actor_falls_idle(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        Runner.how = "fails"
        await stage.http("count")
        assert await awake_for(stage) == pytest.approx(15, abs=0.2)

    play(Runner, scene)
    assert "hook 'run' failed" in caplog.text


def test_run_may_destroy_its_actor_while_it_runs(play: Play) -> None:
    async def scene(stage: Any) -> None:
        Runner.how = "destroy"
        await stage.http("count")
        await asyncio.sleep(1.1)
        assert await stage.storage.list("runner") == []

    play(Runner, scene)


def test_a_start_that_fails_runs_no_run(play: Play) -> None:
    class Failing(Runner):
        @hook
        async def on_wake(self) -> None:
            raise ValueError("no")

    async def scene(stage: Any) -> None:
        await stage.http("count")
        assert Runner.trace == []

    play(Failing, scene)


def test_a_body_that_is_slow_to_come_neither_wakes_nor_misses_the_actor(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("add")

        async def body() -> AsyncIterator[bytes]:
            await asyncio.sleep(30)
            assert stage.host.directory.instances == []
            yield b'{"args":[]}'

        target = "/gateway/sleeper/action/add?rvt-method=get&rvt-key=a"
        answer = await stage.host.respond(HttpRequest("POST", target, {}, body()))
        assert (answer.status, answer.body) == (200, b'{"output":2}')
        assert stage.instance.state.wakes == 2

    play(Sleeper, scene)
