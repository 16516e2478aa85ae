"""C14: an HTTP action is the whole life of a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define

from pyactor.definition import Actor, ActorOptions, Conn, Event, action, hook
from pyactor.errors import UserError

Play = Callable[..., None]


@define
class Params:
    leaves_in: str = ""


class Refused(UserError):
    code = "refused"


class Shop(Actor[None, None, Params], name="shop", options=ActorOptions(sleep_grace_period=4)):
    rang = Event[None]()

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.go_on = asyncio.Event()

    @hook
    async def on_before_connect(self, params: Params) -> None:
        if params.leaves_in == "refused":
            raise Refused("closed today")
        if params.leaves_in == "slowly":
            await asyncio.sleep(1)

    @hook
    async def on_connect(self, conn: Conn[None, Params]) -> None:
        self.trace.append("connect")
        if conn.params.leaves_in == "on_connect":
            conn.disconnect("full")

    @hook
    async def on_disconnect(self, conn: Conn[None, Params]) -> None:
        await asyncio.sleep(1)
        self.trace.append("disconnect")

    @action
    async def buy(self, what: str) -> str:
        self.conn.send(Shop.rang)
        self.rang.broadcast()
        self.trace.append(f"buy {what}")
        return f"{what} of {len(self.conns)}"

    @action
    async def leave(self, outcome: str) -> str:
        self.conn.disconnect("bye")
        assert self.conn.id not in self.conns
        await asyncio.sleep(3)
        if outcome == "error":
            raise Refused("after all")
        return outcome

    @action
    async def wait(self) -> str:
        await self.go_on.wait()
        self.trace.append("waited")
        return "waited"


def test_the_answer_comes_once_the_connection_is_gone(play: Play) -> None:
    async def scene(stage: Any) -> None:
        began = stage.time
        assert await stage.http("buy", "tea") == "tea of 1"
        assert stage.time - began == pytest.approx(1)
        assert stage.instance.actor.trace == ["connect", "buy tea", "disconnect"]
        assert stage.instance.drivers == {}

    play(Shop, scene)


def test_each_call_has_a_connection_of_its_own(play: Play) -> None:
    async def scene(stage: Any) -> None:
        answers = await asyncio.gather(*(stage.http("buy", str(n)) for n in range(3)))
        assert [answer.split()[0] for answer in answers] == ["0", "1", "2"]
        assert stage.instance.actor.trace.count("connect") == 3
        assert stage.instance.actor.trace.count("disconnect") == 3

    play(Shop, scene)


@pytest.mark.parametrize("outcome", ["left", "error"])
def test_after_a_disconnect_the_answer_is_still_the_actions(play: Play, outcome: str) -> None:
    """And on_disconnect does not wait for the action."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.http("leave", outcome))
        await asyncio.sleep(2)
        assert stage.instance.actor.trace == ["connect", "disconnect"]
        assert not call.done()
        answer = await call
        if outcome == "error":
            assert (answer.code, answer.message) == ("refused", "after all")
        else:
            assert answer == "left"

    play(Shop, scene)


def test_a_refusal_is_the_answer(play: Play) -> None:
    """C2."""

    async def scene(stage: Any) -> None:
        error = await stage.http("buy", "tea", params={"leaves_in": "refused"})
        assert (error.group, error.code, error.message) == ("user", "refused", "closed today")
        assert stage.instance.actor.trace == []

    play(Shop, scene)


def test_ended_while_connecting_the_action_never_runs(play: Play) -> None:
    """C7: the client is told so."""

    async def scene(stage: Any) -> None:
        error = await stage.http("buy", "tea", params={"leaves_in": "on_connect"})
        assert (error.group, error.code, error.message) == ("connection", "disconnected", "full")
        assert stage.instance.actor.trace == ["connect", "disconnect"]

    play(Shop, scene)


def test_an_unknown_action_runs_the_hooks(play: Play) -> None:
    async def scene(stage: Any) -> None:
        error = await stage.http("nope")
        assert (error.group, error.code) == ("action", "not_found")
        assert stage.instance.actor.trace == ["connect", "disconnect"]

    play(Shop, scene)


@pytest.mark.parametrize("in_time", [True, False])
def test_a_call_while_the_host_stops(play: Play, in_time: bool) -> None:
    """C15: it is answered if it ends within the grace period, and cancelled after it."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.http("wait"))
        await stage.settle()
        actor = stage.instance.actor
        stopping = asyncio.create_task(stage.host.stop())
        await stage.settle()
        began = stage.time
        if in_time:
            actor.go_on.set()
        answer = await call
        await stopping
        if in_time:
            assert answer == "waited"
        else:
            assert stage.time - began == pytest.approx(4, abs=0.01)
            assert (answer.group, answer.code) == ("actor", "interrupted")

    play(Shop, scene)


def test_the_action_outlives_a_client_that_vanishes(play: Play) -> None:
    """C6: on_disconnect does not wait for it either."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.http("wait"))
        await stage.settle()
        actor = stage.instance.actor
        call.cancel()
        await asyncio.sleep(2)
        assert actor.trace == ["connect", "disconnect"]
        assert stage.instance.drivers == {}
        actor.go_on.set()
        await stage.settle()
        assert actor.trace == ["connect", "disconnect", "waited"]

    play(Shop, scene)


def test_a_client_that_vanishes_while_it_connects(play: Play) -> None:
    """C7: the action never runs."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.http("buy", "tea", params={"leaves_in": "slowly"}))
        await stage.settle()
        call.cancel()
        await asyncio.sleep(2)
        assert stage.instance.actor.trace == []
        assert stage.instance.drivers == {}

    play(Shop, scene)
