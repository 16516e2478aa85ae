"""C9: ``conn.disconnect`` begins at once, is shared, never raises and never waits for itself."""

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
    name: str = "ann"
    awaits_in: str = ""
    target: str = ""


class Door(
    Actor[None, None, Params],
    name="door",
    options=ActorOptions(on_connect_timeout=2, on_disconnect_timeout=3, close_timeout=4),
):
    """Any hook awaits the end of any connection: its own, or that of the one it is told."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.go_on = asyncio.Event()
        self.known: dict[str, Conn[None, Params]] = {}

    async def _await_end(self, place: str, conn: Conn[None, Params]) -> None:
        name = conn.params.name
        if conn.params.awaits_in == place:
            self.trace.append(f"{name} awaits in {place}")
            await self.known[conn.params.target or name].disconnect(f"by {name}")
            self.trace.append(f"{name} goes on in {place}")

    @hook
    async def on_connect(self, conn: Conn[None, Params]) -> None:
        self.known[conn.params.name] = conn
        if conn.params.awaits_in == "deferred":
            conn.defer(lambda: self._await_end("deferred", conn))
        await self._await_end("on_connect", conn)

    @hook
    async def on_disconnect(self, conn: Conn[None, Params]) -> None:
        self.trace.append(f"{conn.params.name} leaves")
        if conn.params.awaits_in == "hold":
            await self.go_on.wait()
        await self._await_end("on_disconnect", conn)
        self.trace.append(f"{conn.params.name} left")

    @action
    async def kick(self, name: str) -> str:
        await self.known[name].disconnect("kicked")
        self.trace.append("kicked")
        return "kicked"

    @action
    def kick_and_forget(self, name: str) -> str:
        self.known[name].disconnect("kicked")
        return f"still {name in [c.params.name for c in self.conns.values()]}"


def test_it_begins_without_await(play: Play) -> None:
    """Gone from conns when the call returns."""

    async def scene(stage: Any) -> None:
        ann, bob = await stage.peer(), await stage.peer(params={"name": "bob"})
        answer = ann.call("kick_and_forget", "bob")
        await stage.settle()
        assert ann.answer(answer) == "still False"
        assert bob.closed == (1000, "kicked")
        assert ann.closed is None
        assert stage.instance.actor.trace == ["bob leaves", "bob left"]

    play(Door, scene)


def test_awaited_from_an_action_of_another(play: Play) -> None:
    """The await ends once on_disconnect ran; its close frame went out before."""

    async def scene(stage: Any) -> None:
        ann = await stage.peer()
        bob = await stage.peer(params={"name": "bob", "awaits_in": "hold"})
        answer = ann.call("kick", "bob")
        await stage.settle()
        assert bob.closed == (1000, "kicked")
        assert stage.instance.actor.trace == ["bob leaves"]
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert stage.instance.actor.trace == ["bob leaves", "bob left", "kicked"]
        assert ann.answer(answer) == "kicked"

    play(Door, scene)


def test_awaited_from_its_own_action(play: Play) -> None:
    """A closing does not wait for actions, so this is no cycle; the answer is dropped (C6)."""

    async def scene(stage: Any) -> None:
        ann = await stage.peer()
        ann.call("kick", "ann")
        await stage.settle()
        assert stage.instance.actor.trace == ["ann leaves", "ann left", "kicked"]
        assert ann.closed == (1000, "kicked")

    play(Door, scene)


def test_awaited_from_its_own_http_action(play: Play) -> None:
    """C14: what the action returns is still the answer."""

    async def scene(stage: Any) -> None:
        assert await stage.http("kick", "ann") == "kicked"
        assert stage.instance.actor.trace == ["ann leaves", "ann left", "kicked"]

    play(Door, scene)


@pytest.mark.parametrize("place", ["on_connect", "on_disconnect", "deferred"])
def test_awaiting_itself_returns_at_once(play: Play, place: str) -> None:
    """No deadlock, not even until the hook's timeout."""

    async def scene(stage: Any) -> None:
        ann = await stage.peer(params={"awaits_in": place})
        began = stage.time
        [driver] = stage.instance.drivers.values() if place != "on_connect" else [None]
        if driver is not None:
            await driver.conn.disconnect("first")
        assert stage.time == began
        assert stage.instance.drivers == {}
        assert f"ann goes on in {place}" in stage.instance.actor.trace
        assert stage.instance.actor.trace.count("ann left") == 1
        assert ann.closed == (1000, "by ann" if place == "on_connect" else "first")

    play(Door, scene)


@pytest.mark.parametrize("place", ["on_disconnect", "deferred"])
def test_two_that_await_each_other(play: Play, place: str) -> None:
    """The await that would close the cycle returns; both connections end at once."""

    async def scene(stage: Any) -> None:
        await stage.peer(params={"name": "ann", "awaits_in": place, "target": "bob"})
        await stage.peer(params={"name": "bob", "awaits_in": place, "target": "ann"})
        ann, bob = stage.instance.actor.known.values()
        began = stage.time
        await asyncio.gather(ann.disconnect(), bob.disconnect())
        assert stage.time == began
        assert stage.instance.drivers == {}
        assert sum("goes on" in line for line in stage.instance.actor.trace) == 2

    play(Door, scene)


def test_a_ring_of_three(play: Play) -> None:
    async def scene(stage: Any) -> None:
        for name, target in (("a", "b"), ("b", "c"), ("c", "a")):
            await stage.peer(params={"name": name, "awaits_in": "on_disconnect", "target": target})
        began = stage.time
        await stage.instance.actor.known["a"].disconnect()
        assert stage.time == began
        assert stage.instance.drivers == {}

    play(Door, scene)


def test_a_chain_is_awaited_in_full(play: Play) -> None:
    """Only a cycle is cut: ann's end waits for bob's."""

    async def scene(stage: Any) -> None:
        await stage.peer(params={"name": "bob", "awaits_in": "hold"})
        await stage.peer(params={"name": "ann", "awaits_in": "on_disconnect", "target": "bob"})
        stage.instance.actor.known["ann"].disconnect()
        await stage.settle()
        assert stage.instance.actor.trace == [
            "ann leaves",
            "ann awaits in on_disconnect",
            "bob leaves",
        ]
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert stage.instance.actor.trace[-3:] == [
            "bob left", "ann goes on in on_disconnect", "ann left",
        ]  # fmt: skip

    play(Door, scene)


def test_a_timed_out_wait_counts_no_longer(play: Play) -> None:
    """A scope ends with its hook: bob's end waits for nobody who is over."""

    async def scene(stage: Any) -> None:
        await stage.peer(params={"name": "bob", "awaits_in": "on_disconnect", "target": "ann"})
        await stage.peer(params={"name": "ann", "awaits_in": "hold"})
        began = stage.time
        await stage.instance.actor.known["bob"].disconnect()
        assert stage.time - began == pytest.approx(3)
        assert stage.instance.drivers == {}

    play(Door, scene)


def test_the_first_reason_wins(play: Play) -> None:
    async def scene(stage: Any) -> None:
        ann = await stage.peer(params={"awaits_in": "hold"})
        conn = stage.instance.actor.known["ann"]
        ends = [asyncio.ensure_future(conn.disconnect(reason)) for reason in ("one", "two")]
        await stage.settle()
        assert not any(end.done() for end in ends)
        stage.instance.actor.go_on.set()
        assert await asyncio.gather(*ends) == [None, None]
        assert ann.closed == (1000, "one")
        assert stage.instance.actor.trace == ["ann leaves", "ann left"]
        await conn.disconnect("three")

    play(Door, scene)


def test_a_cancelled_waiter_cancels_nothing_else(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.peer(params={"awaits_in": "hold"})
        awaitable = stage.instance.actor.known["ann"].disconnect()
        first, second = asyncio.ensure_future(awaitable), asyncio.ensure_future(awaitable)
        await stage.settle()
        first.cancel()
        await stage.settle()
        assert first.cancelled()
        assert not second.done()
        stage.instance.actor.go_on.set()
        await second
        assert stage.instance.actor.trace == ["ann leaves", "ann left"]

    play(Door, scene)


def test_it_waits_for_the_transport(play: Play) -> None:
    """A peer that does not answer the close frame holds it up for close_timeout at most."""

    async def scene(stage: Any) -> None:
        await stage.peer(answers_close=False)
        began = stage.time
        await stage.instance.actor.known["ann"].disconnect()
        assert stage.time - began == pytest.approx(4)
        assert stage.instance.actor.trace == ["ann leaves", "ann left"]

    play(Door, scene)


class Grumpy(Actor[None], name="grumpy"):
    @hook
    async def on_disconnect(self, conn: Conn) -> None:
        raise RuntimeError("no goodbye")


def test_it_never_raises(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.peer()
        [conn] = stage.instance.conns.values()
        await conn.disconnect()

    play(Grumpy, scene)


class Heir(Actor[None], name="heir"):
    """A hook leaves a task behind, which ends the connection when the hook is long over."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.go_on = asyncio.Event()

    @hook
    def on_connect(self, conn: Conn) -> None:
        async def end() -> None:
            await self.go_on.wait()
            await conn.disconnect()
            self.trace.append("gone")

        self.task = asyncio.create_task(end())

    @hook
    async def on_disconnect(self, conn: Conn) -> None:
        await asyncio.sleep(1)
        self.trace.append("left")


def test_a_task_that_a_hook_left_behind_waits_in_full(play: Play) -> None:
    """The hook is over and holds up no closing, so this is no cycle."""

    async def scene(stage: Any) -> None:
        await stage.peer()
        actor = stage.instance.actor
        actor.go_on.set()
        await actor.task
        assert actor.trace == ["left", "gone"]

    play(Heir, scene)
