"""C11: every hook and action has a time limit, and life goes on the moment it is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from attrs import Factory, define

from pyactor.definition import Actor, ActorOptions, Conn, action, hook
from pyactor.host import ActorHost
from pyactor.wire import messages

Play = Callable[..., None]


@define
class Params:
    slow: str = ""


class Clinger(
    Actor[None, None, Params],
    name="clinger",
    options=ActorOptions(
        on_before_connect_timeout=1,
        create_conn_state_timeout=2,
        on_connect_timeout=3,
        on_disconnect_timeout=4,
        action_timeout=10,
    ),
):
    """Its slow hooks and actions ignore their cancellation for 7 seconds, then end anyhow."""

    def __init__(self) -> None:
        self.trace: list[str] = []

    async def _cling(self, name: str, slow: str) -> None:
        self.trace.append(name)
        if slow != name:
            return
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.trace.append(f"{name} cancelled")
            await asyncio.sleep(7)
            self.trace.append(f"{name} over")

    @hook
    async def on_before_connect(self, params: Params) -> None:
        self.connecting.defer(lambda: self.trace.append("deferred"))
        await self._cling("on_before_connect", params.slow)

    @hook
    async def create_conn_state(self, params: Params) -> None:
        await self._cling("create_conn_state", params.slow)

    @hook
    async def on_connect(self, conn: Conn[None, Params]) -> None:
        await self._cling("on_connect", conn.params.slow)

    @hook
    async def on_disconnect(self, conn: Conn[None, Params]) -> None:
        await self._cling("on_disconnect", conn.params.slow)

    @action
    async def work(self, name: str) -> str:
        await self._cling(name, "work")
        return "late"

    @action(timeout=0.5)
    async def hurry(self) -> None:
        await asyncio.Event().wait()


@define
class Notes:
    lines: list[str] = Factory(list)


class Careful(
    Actor[Notes],
    name="careful",
    options=ActorOptions(action_timeout=1, state_save_interval=0.5, sleep_timeout=100),
):
    @action
    async def work(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(6)
            self.state.lines.append("looked for the key")
            await asyncio.sleep(1)
            self.state.lines.append("put away")

    @action
    def notes(self) -> list[str]:
        return self.state.lines


@pytest.mark.parametrize(
    ("name", "seconds"), [("on_before_connect", 1), ("create_conn_state", 2), ("on_connect", 3)]
)
def test_a_hook_that_times_out_rejects_at_once(
    play: Play, caplog: pytest.LogCaptureFixture, name: str, seconds: int
) -> None:
    """It is cancelled, nobody waits for it, and what it returns later has no effect."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer(params={"slow": name})
        trace = stage.instance.actor.trace
        await asyncio.sleep(seconds - 0.1)
        assert trace[-1] == name
        assert not peer.closed
        await asyncio.sleep(0.2)
        assert trace[-2:] in ([f"{name} cancelled", "deferred"], ["deferred", f"{name} cancelled"])
        assert peer.errors == ["actor.callback_timed_out"]
        assert peer.closed == (1011, "actor.callback_timed_out")
        assert stage.instance.conns == {}  # no ghost
        assert stage.instance.drivers == {}
        await asyncio.sleep(8)
        assert trace[-1] == f"{name} over"
        assert not peer.is_init
        assert stage.instance.conns == {}

    play(Clinger, scene)
    assert f"hook '{name}' ended after its timeout of {seconds} s;" in caplog.text
    assert "what it returned is dropped" in caplog.text


def test_the_client_learns_which_hook_timed_out(play: Play) -> None:
    async def scene(stage: Any) -> None:
        error = await stage.http("work", "x", params={"slow": "on_connect"})
        assert (error.group, error.code) == ("actor", "callback_timed_out")
        assert error.message == "hook 'on_connect' ran longer than 3 s"
        await asyncio.sleep(8)  # what clings ends

    play(Clinger, scene)


def test_on_disconnect_that_times_out_holds_up_nothing(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer(params={"slow": "on_disconnect"})
        [conn] = stage.instance.conns.values()
        began = stage.time
        await conn.disconnect()
        assert stage.time - began == pytest.approx(4)
        assert stage.instance.drivers == {}
        assert peer.closed == (1000, "")
        assert "deferred" in stage.instance.actor.trace
        await asyncio.sleep(8)  # what clings ends

    play(Clinger, scene)
    assert "hook 'on_disconnect' ran longer than 4 s" in caplog.text


def test_an_action_that_times_out_is_answered_at_once(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """One answer only: the late result is logged and dropped."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        began = stage.time
        slow, hurried = peer.call("work", "work"), peer.call("hurry")
        await asyncio.sleep(0.6)
        error = peer.answer(hurried)
        assert (error.group, error.code) == ("action", "timed_out")
        assert error.message == "action 'hurry' ran longer than 0.5 s"
        await asyncio.sleep(began + 10.1 - stage.time)
        error = peer.answer(slow)
        assert (error.group, error.code) == ("action", "timed_out")
        assert peer.closed is None
        assert stage.instance.actor.trace[-1] == "work cancelled"
        await asyncio.sleep(8)
        assert stage.instance.actor.trace[-1] == "work over"
        assert isinstance(peer.answer(slow), messages.Error)

    play(Clinger, scene)
    assert "action 'work' ended after its timeout of 10 s;" in caplog.text


def test_what_a_timed_out_action_still_changes_is_saved(play: Play) -> None:
    """A4, C11: nothing is rolled back, neither what it changes as it is being cancelled."""

    async def scene(stage: Any) -> None:
        await stage.http("work")
        await asyncio.sleep(5.9)
        stage.storage.opens.clear()
        await asyncio.sleep(1.6)  # a commit is under way as the action ends
        stage.storage.opens.set()
        await asyncio.sleep(1)
        await stage.crash()
        assert await stage.http("notes") == ["looked for the key", "put away"]

    play(Careful, scene)


def test_an_http_action_that_times_out(play: Play) -> None:
    async def scene(stage: Any) -> None:
        error = await stage.http("hurry")
        assert (error.group, error.code) == ("action", "timed_out")
        assert stage.instance.drivers == {}

    play(Clinger, scene)


def test_a_deferred_callback_has_the_limit_of_on_disconnect(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        [conn] = stage.instance.conns.values()
        conn.defer(asyncio.Event().wait)
        peer.leave()
        await asyncio.sleep(3.9)
        assert list(stage.instance.drivers) == [conn.id]
        await asyncio.sleep(0.2)
        assert stage.instance.drivers == {}
        assert stage.instance.actor.trace[-1] == "deferred"

    play(Clinger, scene)
    assert "a deferred callback of connection" in caplog.text


class Blocking(
    Actor[None], name="blocking", options=ActorOptions(on_connect_timeout=1, action_timeout=1)
):
    """Sync code that takes its time: the clock moves while it holds the loop."""

    @hook
    def on_connect(self, conn: Conn) -> None:
        _block(1.5)

    @action
    def work(self) -> str:
        _block(2.5)
        return "done"


def _block(seconds: float) -> None:
    loop: Any = asyncio.get_running_loop()
    loop.now += seconds


def test_sync_code_is_not_timed_out_but_logged(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """What it returned counts."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        assert peer.is_init
        call = peer.call("work")
        await stage.settle()
        assert peer.answer(call) == "done"

    play(Blocking, scene)
    slow = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert slow == [
        "hook 'on_connect' blocked the event loop for 1.500 s",
        "action 'work' blocked the event loop for 2.500 s",
    ]


class Stuck(
    Actor[None],
    name="stuck",
    options=ActorOptions(create_state_timeout=1, on_create_timeout=1, on_wake_timeout=1),
):
    """Each start hook hangs in turn, one for each attempt."""

    hangs_in: list[str] = []  # noqa: RUF012 - shared on purpose: attempts are new instances

    async def _step(self, name: str) -> None:
        if self.hangs_in and self.hangs_in[0] == name:
            self.hangs_in.pop(0)
            await asyncio.Event().wait()

    @hook
    async def create_state(self, input: None) -> None:
        await self._step("create_state")

    @hook
    async def on_create(self) -> None:
        await self._step("on_create")

    @hook
    async def on_wake(self) -> None:
        await self._step("on_wake")

    @action
    def hello(self) -> str:
        return "hello"


def test_a_start_hook_that_times_out_fails_that_start_only(play: Play) -> None:
    async def scene(stage: Any) -> None:
        Stuck.hangs_in[:] = names = ["create_state", "on_create", "on_wake"]
        for name in names:
            began = stage.time
            error = await stage.http("hello")
            assert error.message == f"hook {name!r} ran longer than 1 s"
            assert stage.time - began == pytest.approx(1)
            assert isinstance(stage.host, ActorHost)
            assert stage.host.directory.instances == []
        assert await stage.http("hello") == "hello"

    play(Stuck, scene)
