"""The order of hooks, actions and ends of one connection: C1, C3, C4, C5, C6, C7."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define

from pyactor.definition import Actor, Conn, Event, action, hook

Play = Callable[..., None]


@define
class Member:
    name: str = "nobody"


@define
class Params:
    name: str = "ann"
    slow: str = ""
    fails: str = ""


class Room(Actor[None, Member, Params], name="room"):
    """Notes what happens, in one list for each actor; any hook may be slow or fail."""

    said = Event[str]()

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.go_on = asyncio.Event()

    async def _step(self, name: str, params: Params) -> None:
        self.trace.append(f"{name}{'+' if self.conns else '-'}")
        if params.slow == name:
            await self.go_on.wait()
        if params.fails == name:
            raise RuntimeError(name)
        self.trace.append(f"/{name}")

    @hook
    async def on_before_connect(self, params: Params) -> None:
        await self._step("before", params)

    @hook
    async def create_conn_state(self, params: Params) -> Member:
        await self._step("state", params)
        return Member(params.name)

    @hook
    async def on_connect(self, conn: Conn[Member, Params]) -> None:
        conn.defer(lambda: self.trace.append("deferred"))
        await self._step("connect", conn.params)

    @hook
    async def on_disconnect(self, conn: Conn[Member, Params]) -> None:
        self.said.broadcast(f"{conn.state.name} left")
        await self._step("disconnect", conn.params)

    @action
    async def say(self, text: str, *, waits: bool = False) -> str:
        self.trace.append(f"say {text}")
        if waits:
            await self.go_on.wait()
            self.trace.append(f"said {text}")
        return text


WHOLE = [
    "before-", "/before", "state-", "/state", "connect+", "/connect",
    "say hi", "disconnect-", "/disconnect", "deferred",
]  # fmt: skip


def test_the_hooks_run_once_in_their_order(play: Play) -> None:
    """C1; and C3 by the sign: the connection is in conns from on_connect to the close."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.call("say", "hi")
        await stage.settle()
        peer.leave()
        await stage.settle()
        assert stage.instance.actor.trace == WHOLE

    play(Room, scene)


def test_http_runs_the_same_order(play: Play) -> None:
    """C14, C1."""

    async def scene(stage: Any) -> None:
        assert await stage.http("say", "hi") == "hi"
        assert stage.instance.actor.trace == WHOLE

    play(Room, scene)


@pytest.mark.parametrize("end", ["leave", "drop"])
def test_its_own_farewell_does_not_reach_it(play: Play, end: str) -> None:
    """C3: its subscriptions are gone in on_disconnect, the others' are not."""

    async def scene(stage: Any) -> None:
        ann, bob = await stage.peer(), await stage.peer(params={"name": "bob"})
        ann.subscribe("said")
        bob.subscribe("said")
        getattr(ann, end)()
        await stage.settle()
        assert ann.events == []
        assert bob.events == [("said", ["ann left"])]
        assert list(stage.instance.conns_by_id) == [bob.conn_id]

    play(Room, scene)


def test_the_farewell_of_a_kicked_connection_does_not_reach_it(play: Play) -> None:
    """C3: also while its transport is still open."""

    async def scene(stage: Any) -> None:
        ann = await stage.peer(answers_close=False)
        ann.subscribe("said")
        [conn] = stage.instance.conns.values()
        conn.disconnect("bye")
        await stage.settle()
        assert "/disconnect" in stage.instance.actor.trace
        assert ann.events == []

    play(Room, scene)


@pytest.mark.parametrize("hook_name", ["before", "state", "connect"])
def test_a_hook_that_raises_ends_the_attempt(play: Play, hook_name: str) -> None:
    """C2, C4: no later hook, no on_disconnect."""

    async def scene(stage: Any) -> None:
        bob = await stage.peer()
        stage.instance.actor.trace.clear()
        ann = await stage.peer(params={"fails": hook_name})
        trace = [line.strip("+-") for line in stage.instance.actor.trace if line[0] != "/"]
        assert (
            trace
            == {
                "before": ["before"],
                "state": ["before", "state"],
                "connect": ["before", "state", "connect", "deferred"],
            }[hook_name]
        )
        assert ann.errors == ["core.internal_error"]
        assert ann.closed == (1011, "core.internal_error")
        assert not ann.is_init
        assert list(stage.instance.conns_by_id) == [bob.conn_id]
        assert bob.closed is None

    play(Room, scene)


@pytest.mark.parametrize("hook_name", ["before", "state", "connect"])
def test_messages_are_held_until_on_connect_returned(play: Play, hook_name: str) -> None:
    """C5: in order, and Init comes before the answers."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer(params={"slow": hook_name})
        ids = [peer.call("say", text) for text in ("a", "b", "c")]
        await stage.settle()
        trace = stage.instance.actor.trace
        assert not any(line.startswith("say") for line in trace)
        assert not peer.is_init
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert trace[-4:] == ["/connect", "say a", "say b", "say c"]
        assert [peer.answer(id_) for id_ in ids] == ["a", "b", "c"]
        assert type(peer.received[0]).__name__ == "Init"

    play(Room, scene)


def test_no_message_is_dispatched_after_it_left(play: Play) -> None:
    """C5: what still arrives of a connection that is closing is dropped."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer(params={"slow": "disconnect"}, answers_close=False)
        [conn] = stage.instance.conns.values()
        conn.disconnect()
        peer.call("say", "late")
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert "say late" not in stage.instance.actor.trace

    play(Room, scene)


def test_actions_start_in_order_and_interleave(play: Play) -> None:
    """C6."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        first = peer.call("say", "1", {"waits": True})
        rest = [peer.call("say", str(n)) for n in range(2, 9)]
        await stage.settle()
        actor = stage.instance.actor
        assert actor.trace[6:] == [f"say {n}" for n in range(1, 9)]
        assert [peer.answer(id_) for id_ in rest] == [str(n) for n in range(2, 9)]
        actor.go_on.set()
        await stage.settle()
        assert peer.answer(first) == "1"

    play(Room, scene)


def test_an_action_survives_its_connection(play: Play) -> None:
    """C6: it runs to its end; its answer is dropped."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer(answers_close=False)
        peer.call("say", "on", {"waits": True})
        await stage.settle()
        [conn] = stage.instance.conns.values()
        conn.disconnect()
        await stage.settle()
        assert "/disconnect" in stage.instance.actor.trace
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert stage.instance.actor.trace[-1] == "said on"
        assert len(peer.received) == 1

    play(Room, scene)


@pytest.mark.parametrize("end", ["leave", "drop"])
@pytest.mark.parametrize("hook_name", ["before", "state"])
def test_an_end_in_preflight_waits_for_the_hook_and_runs_no_other(
    play: Play, hook_name: str, end: str
) -> None:
    """C7, C4."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer(params={"slow": hook_name})
        peer.call("say", "held")
        getattr(peer, end)()
        await stage.settle()
        trace = stage.instance.actor.trace
        assert trace[-1] == f"{hook_name}-"
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert trace[-1] == f"/{hook_name}"
        assert stage.instance.drivers == {}

    play(Room, scene)


@pytest.mark.parametrize("end", ["leave", "drop", "disconnect"])
@pytest.mark.parametrize("fails", ["", "connect"])
def test_an_end_in_on_connect_waits_for_it(play: Play, end: str, fails: str) -> None:
    """C7, C4: on_disconnect runs if on_connect returned; no Init, no held message."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer(params={"slow": "connect", "fails": fails})
        peer.call("say", "held")
        [conn] = stage.instance.conns.values()
        _ = conn.disconnect("out") if end == "disconnect" else getattr(peer, end)()
        await stage.settle()
        trace = stage.instance.actor.trace
        assert trace[-1] == "connect+"
        assert peer.closed is None
        assert list(stage.instance.conns) == [conn.id]
        stage.instance.actor.go_on.set()
        await stage.settle()
        after = ["deferred"] if fails else ["/connect", "disconnect-", "/disconnect", "deferred"]
        assert trace[trace.index("connect+") + 1 :] == after
        assert peer.received == []
        assert peer.closed == ((1000, "out") if end == "disconnect" else None)

    play(Room, scene)


def test_the_first_end_wins(play: Play) -> None:
    """C7: the host stops after the connection was disconnected."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer(params={"slow": "connect"})
        [conn] = stage.instance.conns.values()
        conn.disconnect("first")
        actor = stage.instance.actor
        stopping = asyncio.create_task(stage.host.stop())
        await stage.settle()
        actor.go_on.set()
        await stopping
        assert peer.closed == (1000, "first")

    play(Room, scene)
