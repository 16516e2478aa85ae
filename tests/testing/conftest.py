"""An actor with every hook, and one day in its world."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import Factory, define

from pyactor.definition import Actor, ActorOptions, AnyEvent, Conn, Event, UserError, action, hook
from pyactor.testing import World


@define
class HouseState:
    visits: int = 0
    notes: list[str] = Factory(list)


@define
class Guest:
    name: str


@define
class Door:
    name: str = "somebody"
    trouble: str = ""


class NoEntry(UserError):
    code = "no_entry"


class House(
    Actor[HouseState, Guest, Door],
    name="house",
    options=ActorOptions(sleep_timeout=20, max_outgoing_backlog=2000, max_held_messages=8),
):
    """Has every hook of a connection and most of an actor; ``trouble`` says what goes wrong."""

    news = Event[str]()
    count = Event[int]()

    @hook
    async def create_state(self, input: None) -> HouseState:
        await asyncio.sleep(0.01)
        return HouseState()

    @hook
    async def on_create(self) -> None:
        await self.schedule.after(3, House.note, "first")

    @hook
    async def on_wake(self) -> None:
        await asyncio.sleep(0.01)

    @hook
    async def on_before_connect(self, params: Door) -> None:
        self.connecting.defer(lambda: None)
        await asyncio.sleep(0.1)
        if params.trouble == "before":
            raise NoEntry("not at this time", metadata={"opens": 8})

    @hook
    async def create_conn_state(self, params: Door) -> Guest:
        async def sweep() -> None:
            await asyncio.sleep(0.05)
            if params.trouble == "deferred":
                raise ValueError("the broom is broken")

        self.connecting.defer(sweep)
        await asyncio.sleep(0.1)
        if params.trouble == "state":
            raise ValueError("a private matter")
        return Guest(params.name)

    @hook
    async def on_connect(self, conn: Conn[Guest, Door]) -> None:
        conn.defer(lambda: None)
        conn.send(House.news, "welcome")
        await asyncio.sleep(0.1)
        if conn.params.trouble == "hang":
            await asyncio.sleep(1000)
        if conn.params.trouble == "connect":
            raise NoEntry("full")
        self.state.visits += 1
        self.news.broadcast(f"{conn.state.name} came")

    @hook
    async def on_disconnect(self, conn: Conn[Guest, Door]) -> None:
        await asyncio.sleep(0.05)
        self.news.broadcast(f"{conn.state.name} left")
        if conn.params.trouble == "disconnect":
            raise ValueError("the door is stuck")

    @hook
    async def on_sleep(self) -> None:
        await asyncio.sleep(0.1)

    @hook
    async def on_destroy(self) -> None:
        await asyncio.sleep(0.1)

    @action
    async def note(self, text: str) -> int:
        self.state.notes.append(text)
        await asyncio.sleep(0.01)
        self.news.broadcast(text)
        return len(self.state.notes)

    @action
    def tick(self, number: int = 1) -> int:
        self.count.broadcast(number)
        return number

    @action(timeout=2)
    async def wait(self) -> int:
        await asyncio.sleep(1000)
        return 1

    @action
    async def fail(self, public: bool) -> None:
        await asyncio.sleep(0.01)
        if public:
            raise NoEntry("public words", metadata=[1])
        raise KeyError("private words")

    @action
    async def flood(self) -> None:
        for _ in range(40):
            self.news.broadcast("x" * 100)

    @action
    async def keep(self) -> None:
        self.state.notes.append("kept")
        await self.save_state(immediate=True)

    @action
    async def ask_out(self, name: str) -> None:
        for conn in list(self.conns.values()):
            if conn.state.name == name:
                await conn.disconnect("asked")


class Watched(House, name="watched"):
    """The same with ``can_subscribe`` and ``on_state_change``."""

    changes = 0

    @hook
    async def can_subscribe(self, conn: Conn[Guest, Door], event: AnyEvent) -> bool:
        await asyncio.sleep(0.05)
        return conn.params.trouble != "deaf"

    @hook
    def on_state_change(self, state: HouseState) -> None:
        self.changes += 1
        if state.notes[-1:] == ["meddle"]:
            state.visits += 100


def day(world: World[Any]) -> None:
    """A day in which everything happens once; each step of it is checked."""

    def passes(seconds: float) -> None:
        world.advance(seconds)
        world.check()

    ann, bob = world.connect(Door("ann")), world.connect(Door("bob"))
    for conn in (ann, bob):
        conn.subscribe("news")
        conn.subscribe("count")
    ann.act("note", "hello")
    bob.act("tick", 1)
    bob.act("tick", 2)
    bob.act_plain("tick", ["no number"])
    bob.act_plain("nothing", [])
    passes(1)
    for trouble in ("before", "state", "connect", "hang", "deferred", "disconnect", "deaf"):
        conn = world.connect(Door(trouble, trouble))
        conn.subscribe("news")
        conn.act("tick", 7)
    gone = [world.connect(Door(f"gone{number}")) for number in range(4)]
    passes(0.05)
    gone[0].drop()
    passes(0.1)
    gone[1].close()
    passes(0.08)
    gone[2].drop()
    world.disconnect(gone[3], "too late")
    world.disconnect(gone[3], "later still")
    passes(1)
    for number in range(4):
        ann.act("tick", number)
    ann.act("wait")
    ann.act("fail", True)
    ann.act("fail", False)
    world.call("note", "by post")
    world.call("fail", False)
    world.call("tick", params=Door("h", "connect"))
    passes(3)
    bob.subscribe("news", subscribed=False)
    ann.act("note", "for ann")
    world.disconnect(bob, "first", awaited=True)
    world.disconnect(bob, "second")
    passes(2)
    eve, slow = world.connect(Door("eve")), world.connect(Door("slow"))
    for conn in (eve, slow):
        conn.subscribe("news")
    passes(1)
    ann.act("ask_out", "eve")
    passes(1)
    slow.slow()
    passes(0)
    ann.act("flood")
    passes(6)
    ann = world.connect(Door("ann"))
    many = world.connect(Door("many"))
    for number in range(12):
        many.act("tick", number)
    passes(8)
    ann.act("keep")
    passes(0.5)
    ann.act("note", "meddle")
    passes(2)
    ann.act("note", "late")
    passes(1.5)
    world.crash()
    passes(3)
    ann = world.connect(Door("ann"))
    passes(25)
    ann.act("note", "again")
    world.schedule(30, "note", "scheduled")
    passes(0.5)
    ann.act("wait")
    ann.act("note", "unanswered")
    ann.drop()
    passes(25)
    passes(20)
    passes(30)
    world.wake()
    passes(1)
    busy = world.connect(Door("busy"))
    silent = world.connect(Door("silent"))
    silent.subscribe("news")
    passes(1)
    silent.half_open()
    busy.act("note", "before sleep")
    passes(0)
    world.sleep()
    passes(30)
    world.call("note", "unsaved")
    passes(0.5)
    world.sleep()
    passes(5)
    world.connect(Door("last"))
    passes(1)
    world.destroy()
    passes(10)
    world.connect(Door("new"))
    world.call("note", "new")
    passes(2)


@pytest.fixture
def a_day(quiet: None) -> Callable[[World[Any]], None]:
    """Live through a day: ``day``."""
    return day


@pytest.fixture
def house() -> type[House]:
    """An actor class with every hook of a connection."""
    return House


@pytest.fixture
def watched() -> type[Watched]:
    """The same with ``can_subscribe`` and ``on_state_change``."""
    return Watched


@pytest.fixture
def door() -> type[Door]:
    """The Params of both."""
    return Door


@pytest.fixture
def quiet() -> Iterator[None]:
    """What the actors raise on purpose is not to fill the output."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
