"""Events that are replayed, and subscriptions that are acknowledged: a client and a real host.

Between them is a network that fails as the test says. Whatever happens, what a client gets has no
hole and no repeat, unless a `Gap` says so, from the acknowledgement of its subscription on.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from pyactor.client import Client, ClientOptions, Gap
from pyactor.definition import Actor, AnyEvent, Conn, Event, action, hook
from pyactor.errors import (
    ActorError,
    CallTimedOut,
    ConnectionLost,
    EventNotFound,
    Forbidden,
    HostUnreachable,
    NotAcknowledged,
)
from pyactor.host import ActorHost, Registry
from pyactor.wire.channel import Channel, ChannelReceiver
from pyactor.wire.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from tests.client.conftest import Live, World

OPTIONS = ClientOptions(open_timeout=3, call_timeout=12, backoff_max=2)
KEPT = 4


class Room(Actor[None], name="room"):
    said = Event[int](replay=KEPT)
    left = Event[str]()
    secret = Event[int](replay=1)

    @hook
    def can_subscribe(self, conn: Conn, event: AnyEvent) -> bool:
        return event != Room.secret

    @action
    def say(self, number: int) -> None:
        self.said.broadcast(number)

    @action
    def say_to_me(self, number: int) -> None:
        self.conn.send(Room.said, number)


class Muffled:
    """A channel whose peer hears nothing more, once it is told so, and cannot be heard."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.is_silent = False
        self.receiver: ChannelReceiver | None = None

    @property
    def backlog(self) -> int:
        return self.channel.backlog

    def attach(self, receiver: ChannelReceiver, **times: float) -> None:
        self.receiver = receiver
        self.channel.attach(self, **times)

    def receive_data(self, data: str | bytes) -> None:
        if not self.is_silent:
            assert self.receiver is not None
            self.receiver.receive_data(data)

    def receive_close(self, code: int, reason: str) -> None:
        assert self.receiver is not None
        self.receiver.receive_close(code, reason)

    def receive_lost(self) -> None:
        assert self.receiver is not None
        self.receiver.receive_lost()

    def send(self, data: str | bytes) -> None:
        if not self.is_silent:
            self.channel.send(data)

    async def drained(self) -> None:
        await self.channel.drained()

    def pause(self) -> None:
        self.channel.pause()

    def resume(self) -> None:
        self.channel.resume()

    def close(self, code: int, reason: str) -> None:
        self.channel.close(code, reason)

    def abort(self) -> None:
        self.channel.abort()


class Stage:
    """A host of its own for each life, and the network before it."""

    def __init__(self, options: ClientOptions = OPTIONS) -> None:
        self.hosts = [ActorHost(Registry(Room))]
        self.channels: list[Muffled] = []
        self.is_down = False
        self.is_plain = False  # as a host without the extension
        self.said = 0
        self.client = Client(self, options=options)
        self.room = self.client.actor(Room).get_or_create("a")

    async def respond(self, request: HttpRequest, /) -> HttpResponse:
        return await self.hosts[-1].respond(request)

    def open_channel(self, request: HttpRequest, channel: Channel, /) -> None:
        if self.is_down:
            raise HostUnreachable("refused")
        if self.is_plain:
            offered = request.headers["sec-websocket-protocol"]
            plain = offered.replace(", pyactor_extension.1", "")
            request = evolve(request, headers={**request.headers, "sec-websocket-protocol": plain})
        self.channels.append(Muffled(channel))
        self.hosts[-1].open_channel(request, self.channels[-1])

    async def say(self, count: int = 1) -> None:
        """Broadcast the next numbers, from beside all connections."""
        for _ in range(count):
            self.said += 1
            await self.room.rpc.say(self.said)

    def drop(self) -> None:
        for channel in self.channels:
            channel.abort()

    def restart(self) -> None:
        self.drop()
        self.hosts.append(ActorHost(Registry(Room)))

    def happen(self, what: str, how: float) -> None:
        """Let something happen to the network."""
        match what:
            case "drop":
                self.drop()
            case "restart":
                self.restart()
            case "host goes down" | "host comes up":
                self.is_down = what == "host goes down"
            case "half-open":
                # In memory there are no pings: the client finds out when this is dropped.
                for channel in self.channels:
                    channel.is_silent = True
                asyncio.get_running_loop().call_later(how * 5, self.channels[-1].abort)
            case _:
                self.is_plain = what == "a host without the extension"
                self.drop()

    async def end(self) -> None:
        await self.client.aclose()
        for host in self.hosts:
            await host.stop()


async def settle() -> None:
    for _ in range(60):
        await asyncio.sleep(0)


def drain(stream: Any) -> list[Any]:
    """What waits in a stream."""
    taken = list(stream._waiting._payloads)
    stream._waiting.clear()
    return taken


# ------------------------------------------------------------------ what is missed


def test_what_was_missed_arrives_though_nothing_came_before_the_drop(live: Live) -> None:
    async def scenario(_: World) -> None:
        stage = Stage()
        async with stage.room.connect() as conn:
            stream = conn.events(Room.said, gaps=True)
            await conn.subscribed(Room.said)
            stage.is_down = True
            stage.drop()
            await stage.say(KEPT)
            stage.is_down = False
            await conn.subscribed(Room.said)
            await stage.say()
            await settle()
            assert drain(stream) == [1, 2, 3, 4, 5]
            stage.drop()
            await settle()
            await stage.say(2)
            await conn.subscribed(Room.said)
            await settle()
            assert drain(stream) == [6, 7]
        await stage.end()

    live(scenario)


def test_a_gap_stands_where_events_are_missing(live: Live) -> None:
    async def scenario(_: World) -> None:
        stage = Stage()
        heard: list[object] = []
        async with stage.room.connect() as conn:
            conn.on(Room.said)(heard.append)

            @conn.on_gap(Room.said)
            async def missed(gap: Gap) -> None:
                heard.append(gap)

            await conn.subscribed(Room.said)
            await stage.say()
            stage.drop()
            await settle()
            await stage.say(KEPT + 3)
            await conn.subscribed(Room.said)
            await settle()
            assert set(heard) == {1, Gap("said", 3), 5, 6, 7, 8}
            heard.clear()
            stage.restart()
            await stage.say(2)
            await conn.subscribed(Room.said)
            await settle()
            assert set(heard) == {Gap("said", None), 9, 10}
            assert str(Gap("said", 3)) == "3 of event 'said' missed"
        await stage.end()

    live(scenario)


def test_a_gap_that_nobody_asks_for_is_logged(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(_: World) -> None:
        stage = Stage()
        async with stage.room.connect() as conn:
            stream = conn.events(Room.said)
            await conn.subscribed(Room.said)
            stage.restart()
            await settle()
            await conn.subscribed(Room.said)
            assert drain(stream) == []
        await stage.end()

    with caplog.at_level(logging.WARNING, "pyactor.client"):
        live(scenario)
    assert "room: an unknown number of event 'said' missed, and nothing asks for gaps" in (
        caplog.messages
    )


def test_an_event_sent_to_this_client_alone_has_no_number(live: Live) -> None:
    async def scenario(_: World) -> None:
        stage = Stage()
        async with stage.room.connect() as conn:
            stream = conn.events(Room.said, gaps=True)
            await conn.subscribed(Room.said)
            await conn.rpc.say_to_me(100)
            await stage.say()
            await settle()
            assert drain(stream) == [100, 1]
        await stage.end()

    live(scenario)


def test_who_stops_listening_begins_anew(live: Live) -> None:
    async def scenario(_: World) -> None:
        stage = Stage()
        async with stage.room.connect() as conn:
            async with conn.events(Room.said, gaps=True) as stream:
                await conn.subscribed(Room.said)
            await stage.say()
            await settle()
            assert drain(stream) == []
            later = conn.events(Room.said, gaps=True)
            await conn.subscribed(Room.said)
            await stage.say()
            await settle()
            assert drain(later) == [2]
            with pytest.raises(ValueError, match="'left' of room is not replayed"):
                conn.events(Room.left, gaps=True)
            with pytest.raises(ValueError, match="not replayed"):
                conn.on_gap(Room.left)
        await stage.end()

    live(scenario)


# ------------------------------------------------------------------ acknowledgements


def test_an_event_that_is_not_replayed_is_acknowledged_too(live: Live) -> None:
    async def scenario(_: World) -> None:
        stage = Stage()
        async with stage.room.connect() as conn:
            conn.on(Room.left)(print)
            for _again in range(2):
                await conn.subscribed(Room.left)
                assert conn.status == "connected"
                stage.drop()
                await settle()
        await stage.end()

    live(scenario)


def test_it_waits_for_a_connection(live: Live) -> None:
    async def scenario(world: World) -> None:
        stage = Stage()
        async with stage.room.connect() as conn:
            stage.is_down = True
            stage.drop()
            await settle()
            conn.on(Room.said)(print)
            with pytest.raises(CallTimedOut, match="within 5 s") as caught:
                await conn.subscribed(Room.said, timeout=5)
            assert not caught.value.may_have_run
            waiting = asyncio.create_task(conn.subscribed(Room.said))
            await settle()
            stage.is_down = False
            await waiting
            assert conn.status == "connected"
            before = world.now
            stage.channels[-1].is_silent = True
            conn.on(Room.left)(print)
            with pytest.raises(CallTimedOut) as caught:
                await conn.subscribed(Room.left)
            assert caught.value.may_have_run
            assert world.now - before == pytest.approx(OPTIONS.call_timeout)
        await stage.end()

    live(scenario)


def test_a_refusal_is_raised_and_told(live: Live) -> None:
    async def scenario(_: World) -> None:
        stage = Stage()
        errors: list[Exception] = []
        async with stage.room.connect() as conn:
            conn.on_error(errors.append)
            conn.on(Room.secret)(print)
            for _again in range(2):  # while it is asked, and afterwards
                with pytest.raises(Forbidden, match="may not subscribe to event 'secret'"):
                    await conn.subscribed(Room.secret)
            assert [type(each) for each in errors] == [Forbidden]
            assert conn.status == "connected"
        await stage.end()

    live(scenario)


def test_what_asks_for_nothing_waits_for_nothing(live: Live) -> None:
    async def scenario(_: World) -> None:
        stage = Stage()
        conn = stage.room.connect()
        conn.on(Room.said)(print)
        with pytest.raises(ConnectionLost, match="is not open"):
            await conn.subscribed(Room.said)
        async with conn:
            with pytest.raises(RuntimeError, match="nothing asks for event 'left'"):
                await conn.subscribed(Room.left)
            stage.channels[-1].is_silent = True
            conn.on(Room.left)(print)
            waiting = asyncio.create_task(conn.subscribed(Room.left))
            await settle()
            conn.off(Room.left, print)
            with pytest.raises(RuntimeError, match="nothing asks for event 'left'"):
                await waiting
            conn.on(Room.left)(print)
            waiting = asyncio.create_task(conn.subscribed(Room.left))
            await settle()
        for ended in (waiting, conn.subscribed(Room.left)):
            with pytest.raises(ConnectionLost, match="for good"):
                await ended
        await stage.end()

    live(scenario)


def test_a_host_without_the_extension_acknowledges_nothing(live: Live) -> None:
    async def scenario(_: World) -> None:
        stage = Stage()
        async with stage.room.connect() as conn:
            stream = conn.events(Room.said, gaps=True)
            await conn.subscribed(Room.said)
            await stage.say()
            stage.is_down = stage.is_plain = True
            stage.drop()
            await settle()
            waiting = asyncio.create_task(conn.subscribed(Room.said))
            await settle()
            stage.is_down = False
            for refused in (waiting, conn.subscribed(Room.said)):
                with pytest.raises(NotAcknowledged, match="without pyactor's extension"):
                    await refused
            await stage.say()
            stage.drop()
            await conn.ready
            await settle()
            await conn.ready
            await stage.say()
            await settle()
            stage.is_plain = False
            stage.drop()
            await settle()
            await conn.subscribed(Room.said)
            await stage.say()
            await settle()
            unknown = Gap("said", None)
            assert drain(stream) == [1, unknown, 2, unknown, 3, unknown, 4]
        await stage.end()

    live(scenario)


def test_an_event_that_the_host_has_not_is_refused(live: Live) -> None:
    class Newer(Actor[None], name="room"):
        brand_new = Event[int](replay=1)

    async def scenario(_: World) -> None:
        stage = Stage()
        async with stage.client.actor(Newer).get_or_create("a").connect() as conn:
            conn.on(Newer.brand_new)(print)
            with pytest.raises(EventNotFound):
                await conn.subscribed(Newer.brand_new)
        await stage.end()

    live(scenario)


# ------------------------------------------------------------------ whatever happens

Step: TypeAlias = "tuple[str, float]"
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "time passes",
                "a moment",
                "a moment",
                "say",
                "say",
                "say much",
                "drop",
                "restart",
                "host goes down",
                "host comes up",
                "half-open",
                "half-open",
                "subscribed",
                "listen anew",
                "a host without the extension",
                "a host with it",
            ]
        ),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=30,
)


class Listener:
    """One client, and what must hold of what it gets."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.conn = stage.room.connect()
        self.last: int | None = None
        self.may_miss = True  # until its subscription is acknowledged
        self.waiting: list[asyncio.Task[None]] = []
        self.stream = self.conn.events(Room.said, gaps=True, max_waiting=10_000)

    async def begin(self) -> None:
        """Acknowledged: from here on everything counts."""
        await self.conn.subscribed(Room.said)
        self.check()
        self.last, self.may_miss = self.stage.said, False

    async def listen_anew(self) -> None:
        self.check()
        await self.stream.aclose()
        self.stream = self.conn.events(Room.said, gaps=True, max_waiting=10_000)
        self.last, self.may_miss = None, True

    def check(self) -> None:
        """Neither hole nor repeat in what came since."""
        for item in drain(self.stream):
            if isinstance(item, Gap):
                assert self.last is not None or self.may_miss
                if item.missed is None:
                    self.may_miss = True
                elif self.last is not None:
                    assert item.missed > 0
                    self.last += item.missed
            else:
                if self.last is not None:
                    assert item > self.last
                    assert item == self.last + 1 or self.may_miss
                self.last, self.may_miss = item, False

    async def step(self, what: str, how: float) -> None:
        """Do one step, as the client, the actor or the network."""
        stage = self.stage
        match what:
            case "time passes":
                await asyncio.sleep(how * 4)
            case "a moment":
                for _turn in range(int(how * 12)):
                    await asyncio.sleep(0)
            case "say" | "say much":
                await stage.say((1 if what == "say" else KEPT) + int(how * 3))
            case "subscribed":
                task = asyncio.create_task(self.conn.subscribed(Room.said))
                self.waiting.append(task)
            case "listen anew":
                await self.listen_anew()
            case _:
                stage.happen(what, how)

    async def end(self) -> None:
        """The network is well again: everything arrives, or a gap says what does not."""
        stage = self.stage
        stage.is_down = False
        stage.happen("a host with it", 0)  # which drops what a plain one still holds
        for channel in stage.channels:
            if channel.is_silent:
                channel.abort()
        await asyncio.sleep(OPTIONS.open_timeout + OPTIONS.backoff_max)
        await self.conn.ready
        await self.conn.subscribed(Room.said)
        await stage.say()
        await settle()
        self.check()
        assert self.last == stage.said
        await self.conn.close()
        for task in self.waiting:
            await asyncio.wait([task])
            error = task.exception()
            assert error is None or isinstance(error, ActorError | RuntimeError)


@given(steps=STEPS)
def test_there_is_no_hole_and_no_repeat_unless_a_gap_says_so(live: Live, steps: list[Step]) -> None:
    async def scenario(_: World) -> None:
        stage = Stage()
        listener = Listener(stage)
        listener.conn.open()
        await listener.begin()
        for what, how in steps:
            await listener.step(what, how)
            listener.check()
        await listener.end()
        await stage.end()

    live(scenario)
