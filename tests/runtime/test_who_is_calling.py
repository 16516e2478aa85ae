"""``self.conn``, ``self.caller`` and ``self.connecting``: lifecycle.md, "Who is calling"."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define

from pyactor.client import Client
from pyactor.definition import Actor, Conn, action, hook
from pyactor.errors import NoCallerError
from pyactor.host import ActorHost, Registry

Play = Callable[..., None]

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")


@define
class Params:
    name: str = "ann"


class Asked(Actor[None, None, Params], name="asked"):
    """Writes down what it knows of its caller wherever its code runs."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}
        self.variables: list[str] = []
        self.go_on = asyncio.Event()

    def _look(self, place: str) -> None:
        self.variables.append(request_id.get())
        request_id.set(f"set by {place}")
        try:
            self.seen[place] = self.conn.params.name
            assert self.caller is self.conn
        except NoCallerError as error:
            self.seen[place] = str(error)
            assert self.caller is None

    @hook
    def create_state(self, input: None) -> None:
        self._look("create_state")

    @hook
    def on_create(self) -> None:
        self._look("on_create")

    @hook
    def on_wake(self) -> None:
        self._look("on_wake")

    @hook
    def on_sleep(self) -> None:
        self._look("on_sleep")

    @hook
    async def on_before_connect(self, params: Params) -> None:
        self._look("on_before_connect")
        self.connecting.defer(lambda: self._look("deferred"))
        await asyncio.sleep(1)
        self.seen["connecting"] = (self.connecting.params.name, self.connecting.id)

    @hook
    def create_conn_state(self, params: Params) -> None:
        assert self.connecting.id == self.seen["connecting"][1]

    @hook
    def on_connect(self, conn: Conn[None, Params]) -> None:
        self._look("on_connect")
        assert self.conn is conn
        assert self.conn.id == self.seen["connecting"][1]
        with pytest.raises(RuntimeError, match="on_connect"):
            _ = self.connecting

    @hook
    def on_disconnect(self, conn: Conn[None, Params]) -> None:
        self._look("on_disconnect")
        assert self.conn is conn

    @action
    async def who(self) -> str:
        self._look("action")
        await self.go_on.wait()
        return self.conn.params.name

    @action
    def later(self) -> None:
        """A task that user code starts keeps its caller."""

        async def look() -> None:
            await self.go_on.wait()
            self._look("task")

        self._task = asyncio.create_task(look())


def test_each_place_sees_its_caller_or_says_that_there_is_none(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer(params={"name": "bob"})
        await asyncio.sleep(1.1)
        actor = stage.instance.actor
        actor.go_on.set()
        peer.call("who")
        peer.call("later")
        await stage.settle()
        peer.leave()
        await stage.settle()
        await stage.host.stop()
        assert actor.seen.pop("connecting")[0] == "bob"
        named = {place: actor.seen.pop(place) for place in ("on_connect", "action", "task")}
        named |= {place: actor.seen.pop(place) for place in ("on_disconnect", "deferred")}
        assert set(named.values()) == {"bob"}
        places = {"create_state", "on_create", "on_wake", "on_sleep", "on_before_connect"}
        assert actor.seen.keys() == places
        for place, message in actor.seen.items():
            assert f"hook {place!r}" in message

    play(Asked, scene)


def test_concurrent_callers_are_not_mixed_up(play: Play) -> None:
    async def scene(stage: Any) -> None:
        names = ["a", "b", "c"]
        peers = [await stage.peer(params={"name": name}) for name in names]
        await asyncio.sleep(1.1)
        calls = [peer.call("who") for peer in peers]
        http = asyncio.create_task(stage.http("who", params={"name": "d"}))
        await asyncio.sleep(1.1)
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert [peer.answer(call) for peer, call in zip(peers, calls, strict=True)] == names
        assert await http == "d"

    play(Asked, scene)


def test_outside_of_any_call_there_is_no_caller(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.peer()
        actor = stage.instance.actor
        with pytest.raises(NoCallerError, match="outside any hook or action"):
            _ = actor.conn
        assert actor.caller is None
        with pytest.raises(RuntimeError):
            _ = actor.connecting

    play(Asked, scene)


def test_context_variables_are_those_of_the_host(play: Play) -> None:
    """Neither the request that happened to start the actor nor another call shows through."""

    async def scene(stage: Any) -> None:
        request_id.set("of a request")
        peer = await stage.peer()
        await asyncio.sleep(1.1)
        actor = stage.instance.actor
        actor.go_on.set()
        peer.call("who")
        await stage.settle()
        await stage.http("who")
        peer.leave()
        await stage.settle()
        await stage.host.stop()
        assert len(actor.variables) > 10
        assert set(actor.variables) == {"none"}

    play(Asked, scene)


class Outer(Actor[None], name="outer"):
    """Asks another actor, in the same process, in the midst of an action."""

    actors: Client

    @action
    async def ask(self) -> list[str]:
        before = self.conn.id
        inner = self.actors.actor(Inner).get_or_create("b")
        seen = await inner.rpc.look(self.actor_id)
        async with inner.connect() as conn:
            over_socket = await conn.rpc.look(self.actor_id)
        assert self.conn.id == before
        return [before, seen, over_socket]


class Inner(Actor[None], name="inner"):
    started_by: list[str]
    outer: Any

    @hook
    def on_wake(self) -> None:
        self.started_by = [] if self.caller is None else [self.caller.id]

    @action
    async def look(self, other: str) -> str:
        assert self.started_by == []
        assert Inner.outer.caller is None  # the caller of the actor that called is not seen here
        return self.conn.id


def test_a_call_to_another_actor_does_not_carry_the_caller(play: Play) -> None:
    async def scene(stage: Any) -> None:
        host = ActorHost(Registry(Outer, Inner))
        async with Client(host) as client:
            Outer.actors = client
            outer = client.actor(Outer).get_or_create("a")
            actor_id = await outer.resolve()
            [Inner.outer] = [each.actor for each in host.directory.instances]
            assert Inner.outer.actor_id == actor_id
            ids = await outer.rpc.ask()
            async with outer.connect() as conn:
                ids += await conn.rpc.ask()
            assert len(set(ids)) == 6
        await host.stop()

    play(Asked, scene)
