"""What ignores its cancellation after the grace period, and that nothing follows it: C10."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pyactor.definition import Actor, ActorOptions, Conn, action, hook

Play = Callable[..., None]
GRACE = 6.0
LAST_WAITS = 2.0


class Clinging(
    Actor[None],
    name="clinging",
    options=ActorOptions(
        sleep_grace_period=GRACE,
        on_before_connect_timeout=20,
        on_connect_timeout=20,
        on_disconnect_timeout=20,
        action_timeout=1,
    ),
):
    """Stays where ``stays`` says, whoever cancels it, until it may go."""

    trace: list[str] = []  # noqa: RUF012 - shared on purpose: it outlives the instances
    stays: str = ""
    go = asyncio.Event()

    async def _step(self, name: str) -> None:
        Clinging.trace.append(name)
        while Clinging.stays == name and not Clinging.go.is_set():
            try:
                await Clinging.go.wait()
            except asyncio.CancelledError:
                Clinging.trace.append("no")
        if Clinging.stays == name:
            Clinging.trace.append(f"{name} ends")

    def _tidy_up(self) -> None:
        Clinging.trace.append("deferred")

    @hook
    async def on_before_connect(self, params: None) -> None:
        self.connecting.defer(self._tidy_up)
        await self._step("on_before_connect")

    @hook
    async def on_connect(self, conn: Conn[None, None]) -> None:
        await self._step("on_connect")

    @hook
    async def on_disconnect(self, conn: Conn[None, None]) -> None:
        await self._step("on_disconnect")

    @hook
    async def run(self) -> None:
        if Clinging.stays == "run":
            await self._step("run")

    @action
    async def work(self) -> None:
        await self._step("work")

    @action
    def wait(self) -> None:
        self.wait_until(self._step("wait"))

    @action
    def defer_slow(self, count: int) -> None:
        async def slow() -> None:
            Clinging.trace.append("slow")
            await asyncio.sleep(60)

        for _ in range(count):
            self.conn.defer(slow)


@pytest.fixture(autouse=True)
def _clean() -> None:
    Clinging.trace.clear()
    Clinging.stays = ""
    Clinging.go = asyncio.Event()


async def seconds_to_stop(stage: Any) -> float:
    began: float = stage.time
    await stage.host.stop()
    assert stage.host.directory.instances == []
    passed: float = stage.time - began
    return passed


@pytest.mark.parametrize("how", ["it ends", "its timeout"])
@pytest.mark.parametrize("stays", ["on_before_connect", "on_connect", "on_disconnect"])
def test_nothing_of_the_actor_begins_once_it_has_left(
    play: Play, caplog: pytest.LogCaptureFixture, stays: str, how: str
) -> None:
    """C10, A1: neither a deferred callback nor on_disconnect; what is skipped is logged by name."""

    async def scene(stage: Any) -> None:
        Clinging.stays = stays
        await stage.peer()
        [conn_id] = stage.instance.drivers
        assert await seconds_to_stop(stage) == pytest.approx(GRACE + LAST_WAITS, abs=0.2)
        left = list(Clinging.trace)
        assert "deferred" not in left
        if how == "its timeout":
            await asyncio.sleep(60)
            assert left == Clinging.trace
        Clinging.go.set()
        await stage.settle()
        assert Clinging.trace == [*left, f"{stays} ends"]
        assert f"code that ignores its cancellation is left behind: hook '{stays}'" in caplog.text
        assert (
            f"deferred callbacks of connection {conn_id} do not run, as the actor has left memory: "
            "Clinging._tidy_up"
        ) in caplog.text
        assert f"hook '{stays}' ended after its actor left memory; what it returned" in caplog.text

    play(Clinging, scene)


def test_what_is_deferred_once_it_has_left_is_skipped(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """C10: also by code that still has the connection in hand."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        [conn] = stage.instance.conns.values()
        peer.leave()
        await stage.host.stop()
        Clinging.trace.clear()
        conn.defer(lambda: Clinging.trace.append("late"))
        await stage.settle()
        assert Clinging.trace == []
        assert f"deferred callbacks of connection {conn.id} do not run" in caplog.text

    play(Clinging, scene)


def test_callbacks_that_heed_their_cancellation_are_not_called_stubborn(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is cancelled in its turn; those for which it is too late are skipped."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.call("defer_slow", 9)
        await stage.settle()
        assert await seconds_to_stop(stage) == pytest.approx(GRACE + LAST_WAITS, abs=0.2)
        ran = Clinging.trace.count("slow")
        assert 2 <= ran < 9
        assert "deferred" not in Clinging.trace
        assert "is left behind" not in caplog.text
        assert caplog.text.count("Clinging.defer_slow.<locals>.slow") == 9 - ran

    play(Clinging, scene)


def test_a_call_past_its_timeout_is_waited_for_and_cancelled_again(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """C11: life goes on at once; but while its task runs the actor does not leave unawares."""

    async def scene(stage: Any) -> None:
        Clinging.stays = "work"
        error = await stage.http("work")
        assert error.code == "timed_out"
        assert Clinging.trace.count("no") == 1
        assert await seconds_to_stop(stage) == pytest.approx(GRACE + LAST_WAITS, abs=0.2)
        assert Clinging.trace.count("no") > 1
        assert "is left behind: action 'work'" in caplog.text
        Clinging.go.set()
        await stage.settle()
        assert "action 'work' ended after its timeout of 1 s; what it returned" in caplog.text

    play(Clinging, scene)


def test_what_wait_until_waits_for_is_named_too(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        Clinging.stays = "wait"
        await stage.http("wait")
        assert await seconds_to_stop(stage) == pytest.approx(GRACE + LAST_WAITS, abs=0.2)
        assert "is left behind: what wait_until or keep_awake waits for" in caplog.text
        Clinging.go.set()
        await stage.settle()

    play(Clinging, scene)


def test_run_that_is_left_behind_is_not_late_for_a_timeout(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        Clinging.stays = "run"
        await stage.peer()
        await stage.host.stop()
        Clinging.go.set()
        await stage.settle()
        assert "hook 'run' ended after its actor left memory; what it returned" in caplog.text
        assert "None s" not in caplog.text

    play(Clinging, scene)
