"""Deferred callbacks and the isolation of what runs at a connection's end: C10, C12."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define

from pyactor.definition import Actor, ActorOptions, Conn, action, hook

Play = Callable[..., None]


@define
class Params:
    fails: str = ""


class Tidy(Actor[None, None, Params], name="tidy", options=ActorOptions(on_connect_timeout=1)):
    """Defers a callback in every hook and action, sync and async, and fails where it is told."""

    def __init__(self) -> None:
        self.trace: list[str] = []

    def _later(self, name: str) -> Callable[[], Any]:
        async def callback() -> None:
            await asyncio.sleep(0)
            self.trace.append(name)

        return callback

    def _fail(self, name: str, params: Params) -> None:
        if params.fails == name:
            raise RuntimeError(f"{name} fails")

    @hook
    def on_before_connect(self, params: Params) -> None:
        self.connecting.defer(self._later("before"))
        self._fail("before", params)

    @hook
    def create_conn_state(self, params: Params) -> None:
        self.connecting.defer(lambda: self.trace.append("state"))
        self._fail("state", params)

    @hook
    async def on_connect(self, conn: Conn[None, Params]) -> None:
        conn.defer(self._later("connect"))
        self._fail("connect", conn.params)
        if conn.params.fails == "timeout":
            await asyncio.Event().wait()

    @hook
    def on_disconnect(self, conn: Conn[None, Params]) -> None:
        self.trace.append("on_disconnect")
        conn.defer(self._later("disconnect"))
        self._fail("disconnect", conn.params)

    @action
    def use(self) -> None:
        self.conn.defer(self._later("use 1"))
        self.conn.defer(lambda: self.trace.append("use 2"))


ALL = ["on_disconnect", "disconnect", "use 2", "use 1", "connect", "state", "before"]


@pytest.mark.parametrize("end", ["leave", "drop", "disconnect"])
def test_last_in_first_out_whatever_ended_it(play: Play, end: str) -> None:
    """C10: after on_disconnect, and what it deferred itself comes first."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.call("use")
        await stage.settle()
        [conn] = stage.instance.conns.values()
        _ = conn.disconnect() if end == "disconnect" else getattr(peer, end)()
        await stage.settle()
        assert stage.instance.actor.trace == ALL

    play(Tidy, scene)


def test_stateless_calls_too(play: Play) -> None:
    """C10, C14: before the answer is given."""

    async def scene(stage: Any) -> None:
        assert await stage.http("use") is None
        assert stage.instance.actor.trace == ALL

    play(Tidy, scene)


@pytest.mark.parametrize(
    ("fails", "ran"),
    [
        ("before", ["before"]),
        ("state", ["state", "before"]),
        ("connect", ["connect", "state", "before"]),
        ("timeout", ["connect", "state", "before"]),
    ],
)
def test_after_a_failed_attempt(play: Play, fails: str, ran: list[str]) -> None:
    """C10: also after a failed preflight hook and a timed-out on_connect."""

    async def scene(stage: Any) -> None:
        await stage.peer(params={"fails": fails})
        await asyncio.sleep(1.1)
        assert stage.instance.actor.trace == ran
        assert stage.instance.drivers == {}

    play(Tidy, scene)


def test_what_is_deferred_on_a_gone_connection_runs_at_once(play: Play) -> None:
    """C10: it is not lost, whatever else is deferred or fails."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        [conn] = stage.instance.conns.values()
        peer.leave()
        await stage.settle()
        trace = stage.instance.actor.trace
        trace.clear()
        conn.defer(lambda: trace.append("late"))
        assert trace == []
        await stage.settle()
        assert trace == ["late"]

    play(Tidy, scene)


def test_a_failing_on_disconnect_stops_nothing(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """C12: logged in full; the callbacks run, the close is complete."""

    async def scene(stage: Any) -> None:
        await stage.peer(params={"fails": "disconnect"})
        [conn] = stage.instance.conns.values()
        await conn.disconnect()
        assert stage.instance.actor.trace == [
            "on_disconnect", "disconnect", "connect", "state", "before",
        ]  # fmt: skip
        assert stage.instance.drivers == {}

    play(Tidy, scene)
    assert "hook 'on_disconnect' of connection" in caplog.text
    assert "RuntimeError: disconnect fails" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError("boom"), asyncio.CancelledError("boom")])
def test_a_failing_callback_stops_nothing(
    play: Play, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    """C12: the next one runs, and the connection is gone in the end."""

    async def scene(stage: Any) -> None:
        await stage.peer()
        [conn] = stage.instance.conns.values()

        def boom() -> None:
            raise error

        conn.defer(boom)
        await conn.disconnect()
        assert stage.instance.actor.trace[-3:] == ["connect", "state", "before"]
        assert stage.instance.drivers == {}

    play(Tidy, scene)
    assert "a deferred callback of connection" in caplog.text
