"""``self.client``: actors that call each other on one host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pyactor import Client
from pyactor.definition import (
    Actor,
    ActorOptions,
    Conn,
    Event,
    Request,
    Response,
    action,
    hook,
)
from pyactor.errors import (
    ActionTimedOut,
    ActorNotFound,
    CallbackTimedOut,
    CallTooDeep,
    ConnectionLost,
    UserError,
)
from pyactor.host import Registry
from pyactor.wire.http import HttpRequest, WholeBody, read_body

Play = Callable[..., None]


class Refused(UserError):
    code = "refused"


class Ping(Actor[int, None], errors=(Refused,), options=ActorOptions(action_timeout=20)):
    called = Event[str]()

    def __init__(self) -> None:
        self.lock = asyncio.Lock()

    @action
    async def rally(self, rounds: int) -> list[str]:
        """A calls B, which calls A, and so on."""
        if not rounds:
            return ["end"]
        return ["ping", *await self.client.actor(Pong).get_or_create("b").rpc.rally(rounds - 1)]

    @action
    async def locked_rally(self) -> str:
        """A true cycle of waits: A waits for B, which waits for A's lock."""
        async with self.lock:
            return await self.client.actor(Pong).get_or_create("b").rpc.call_back(self.key[0])

    @action
    async def needs_lock(self) -> str:
        async with self.lock:
            return "got it"

    @action
    async def who_calls(self) -> list[str]:
        pong = self.client.actor(Pong).get_or_create("b")
        return [self.conn.id, *await pong.rpc.who_called()]

    @action
    async def listen(self) -> str:
        async with self.client.actor(Pong).get_or_create("b").connect() as conn:
            said: asyncio.Future[str] = asyncio.get_running_loop().create_future()

            @conn.on(Pong.said)
            def hear(text: str) -> None:
                assert self.caller is not None  # the caller of this action, not of the event
                said.set_result(text)

            await conn.rpc.say("hi")
            return await said

    @action
    async def refused(self) -> str:
        try:
            await self.client.actor(Pong).get_or_create("b").rpc.refuse()
        except Refused as error:
            return error.message
        raise AssertionError

    @action
    async def missing(self) -> str:
        with pytest.raises(ActorNotFound):
            await self.client.actor(Pong).get("nobody").rpc.who_called()
        return "not found"

    @action
    def same_client(self) -> bool:
        return self.client is self.client

    @action
    def told(self, text: str) -> None: ...


class Pong(Actor[None, None], errors=(Refused,), options=ActorOptions(action_timeout=20)):
    said = Event[str]()

    @action
    async def rally(self, rounds: int) -> list[str]:
        if not rounds:
            return ["end"]
        return ["pong", *await self.client.actor(Ping).get_or_create("a").rpc.rally(rounds - 1)]

    @action
    async def call_back(self, key: str) -> str:
        return await self.client.actor(Ping).get_or_create(key).rpc.needs_lock()

    @action
    def who_called(self) -> list[str]:
        return [self.conn.id, str(len(self.conns))]

    @action
    def say(self, text: str) -> None:
        self.said.broadcast(text)

    @action
    def refuse(self) -> None:
        raise Refused("not for you")


def meeting(scene: Callable[[Any, Any], Any], *actors: type[Any]) -> Callable[[Any], Any]:
    """A scene with a host of several classes and a client from outside."""

    async def play_it(stage: Any) -> None:
        stage.registry = Registry(*actors)
        stage.restart()
        async with Client(stage.host) as client:
            await scene(stage, client)

    return play_it


def test_a_calls_b_calls_a(play: Play) -> None:
    async def scene(_: Any, client: Client) -> None:
        found = await client.actor(Ping).get_or_create("a").rpc.rally(5)
        assert found == ["ping", "pong", "ping", "pong", "ping", "end"]

    play(Ping, meeting(scene, Ping, Pong))


def test_a_true_cycle_of_waits_ends_with_the_actions_timeout(play: Play) -> None:
    async def scene(stage: Any, client: Client) -> None:
        ping = client.actor(Ping).get_or_create("a")
        with pytest.raises(ActionTimedOut, match="action 'locked_rally' ran longer than 20 s"):
            await ping.rpc.locked_rally()
        assert stage.time == pytest.approx(20, abs=0.1)
        assert await ping.rpc.needs_lock() == "got it"

    play(Ping, meeting(scene, Ping, Pong))


class Left(Actor[None, None]):
    @hook
    async def on_connect(self, conn: Conn[None, None]) -> None:
        await self.client.actor(Right).get_or_create("b").rpc.look()

    @action
    def look(self) -> None: ...


class Right(Actor[None, None]):
    @hook
    async def on_connect(self, conn: Conn[None, None]) -> None:
        await self.client.actor(Left).get_or_create("a").rpc.look()

    @action
    def look(self) -> None: ...


def test_a_cycle_of_on_connect_hooks_ends_at_once(play: Play) -> None:
    """Each connection makes another: without a bound that would never end."""

    async def scene(stage: Any, client: Client) -> None:
        with pytest.raises(CallTooDeep, match="actors call each other 100 deep, and now /gateway"):
            await client.actor(Left).get_or_create("a").rpc.look()
        assert stage.time < 1
        await asyncio.sleep(1)
        assert [len(each.conns) for each in stage.host.directory.instances] == [0, 0]

    play(Left, meeting(scene, Left, Right))


def test_a_cycle_of_connections_ends_at_once(play: Play) -> None:
    class Loop(Actor[None, None]):
        @hook
        async def on_connect(self, conn: Conn[None, None]) -> None:
            async with self.client.actor(Loop).get_or_create("a").connect():
                pass

        @action
        def look(self) -> None: ...

    async def scene(stage: Any, client: Client) -> None:
        with pytest.raises(CallTooDeep):
            await client.actor(Loop).get_or_create("a").rpc.look()
        assert stage.time < 1

    play(Loop, meeting(scene, Loop))


def test_a_task_and_a_schedule_of_an_action(play: Play) -> None:
    """A task that an action starts is as deep as the action; what is scheduled begins anew."""

    class Deep(Actor[None, None]):
        depths: list[str]

        def __init__(self) -> None:
            self.depths = []

        @action
        async def again(self, rounds: int) -> None:
            self.depths.append(self.conn.request.headers.get("x-pyactor-depth", "-"))
            if rounds:
                me = self.client.actor(Deep).get("a")
                await asyncio.create_task(me.rpc.again(rounds - 1))

        @action
        async def plan(self) -> None:
            await self.schedule.after(1, Deep.start)

        @action
        async def start(self) -> None:
            await self.client.actor(Deep).get("a").rpc.again(1)

    async def scene(stage: Any, client: Client) -> None:
        deep = client.actor(Deep).get_or_create("a")
        await deep.rpc.again(2)
        await deep.rpc.plan()
        await asyncio.sleep(2)
        assert stage.instance.actor.depths == ["-", "1", "2", "1", "2"]

    play(Deep, meeting(scene, Deep))


class Chicken(Actor[None, None]):
    @hook
    async def on_create(self) -> None:
        await self.client.actor(Egg).get_or_create("a").rpc.look()

    @action
    def look(self) -> None: ...


class Egg(Actor[None, None]):
    @hook
    async def on_create(self) -> None:
        await self.client.actor(Chicken).get_or_create("a").rpc.look()

    @action
    def look(self) -> None: ...


def test_two_that_need_each_other_to_start_fail_with_the_hooks_timeout(play: Play) -> None:
    async def scene(stage: Any, client: Client) -> None:
        with pytest.raises(CallbackTimedOut, match="hook 'on_create' ran longer than 5 s"):
            await client.actor(Chicken).get_or_create("a").rpc.look()
        assert stage.time == pytest.approx(5, abs=0.1)

    play(Chicken, meeting(scene, Chicken, Egg))


def test_the_callers_connection_is_not_carried_over(play: Play) -> None:
    async def scene(_: Any, client: Client) -> None:
        mine, theirs, count = await client.actor(Ping).get_or_create("a").rpc.who_calls()
        assert mine != theirs
        assert count == "1"

    play(Ping, meeting(scene, Ping, Pong))


def test_an_actor_may_connect_to_another_and_hear_its_events(play: Play) -> None:
    async def scene(_: Any, client: Client) -> None:
        assert await client.actor(Ping).get_or_create("a").rpc.listen() == "hi"

    play(Ping, meeting(scene, Ping, Pong))


def test_errors_come_as_their_own_class(play: Play) -> None:
    async def scene(_: Any, client: Client) -> None:
        ping = client.actor(Ping).get_or_create("a")
        assert await ping.rpc.refused() == "not for you"
        assert await ping.rpc.missing() == "not found"

    play(Ping, meeting(scene, Ping, Pong))


def test_a_host_has_one_client_and_closes_it(play: Play) -> None:
    seen: list[Client] = []

    class Room(Actor[None, None]):
        @action
        def look(self) -> None:
            seen.append(self.client)

    async def scene(stage: Any, client: Client) -> None:
        rooms = client.actor(Room)
        await rooms.get_or_create("a").rpc.look()
        await rooms.get_or_create("b").rpc.look()
        first, second = seen
        assert first is second
        await stage.host.stop()
        with pytest.raises(ConnectionLost, match="this client is closed"):
            await first.actor(Room).get_or_create("a").rpc.look()

    play(Room, meeting(scene, Room))


def test_a_connection_that_an_actor_left_open_does_not_hold_up_the_stop(play: Play) -> None:
    class Leaky(Actor[None, None]):
        @action
        async def leak(self) -> None:
            self.conn_to_pong = self.client.actor(Pong).get_or_create("b").connect()
            await self.conn_to_pong.__aenter__()

    async def scene(stage: Any, client: Client) -> None:
        await client.actor(Leaky).get_or_create("a").rpc.leak()
        before = stage.time
        await stage.host.stop()
        assert stage.time - before < 15

    play(Leaky, meeting(scene, Leaky, Pong))


@pytest.mark.parametrize("way", ["call", "create"])
@pytest.mark.parametrize("at", ["create_state", "on_create", "on_wake"])
def test_a_chain_of_starts_ends_at_once(play: Play, at: str, way: str) -> None:
    """Each start makes another actor: without a bound that would never end."""

    class Chain(Actor[int, None]):
        count = 0

        async def _next(self, where: str) -> None:
            if where != at:
                return
            Chain.count += 1
            chain = self.client.actor(Chain)
            if way == "create":
                await chain.create(str(Chain.count))
            else:
                await chain.get_or_create(str(Chain.count)).rpc.ping()

        @hook
        async def create_state(self, input: None) -> int:
            await self._next("create_state")
            return 0

        @hook
        async def on_create(self) -> None:
            await self._next("on_create")

        @hook
        async def on_wake(self) -> None:
            await self._next("on_wake")

        @action
        def ping(self) -> None: ...

    async def scene(stage: Any, client: Client) -> None:
        with pytest.raises(CallTooDeep, match="actors call each other 100 deep"):
            await client.actor(Chain).get_or_create("first").rpc.ping()
        assert stage.time < 1
        assert Chain.count == 101
        await asyncio.sleep(10)
        assert Chain.count == 101
        assert stage.host.directory.instances == []

    play(Chain, meeting(scene, Chain))


@pytest.mark.parametrize("streams", [False, True])
def test_a_raw_request_stands_as_deep_as_it_says(play: Play, streams: bool) -> None:
    class Asker(Actor[None, None]):
        @hook
        async def on_request(self, request: Request) -> Response:
            async def tell() -> AsyncIterator[bytes]:
                try:
                    await self.client.actor(Asker).get("a").rpc.ping()
                except CallTooDeep:
                    yield b"too deep"

            return Response(tell() if streams else b"".join([piece async for piece in tell()]))

        @action
        def ping(self) -> None: ...

    async def scene(stage: Any, _: Client) -> None:
        for depth, told in (("99", b""), ("100", b"too deep")):
            target = "/gateway/Asker/request?rvt-method=getOrCreate&rvt-key=a"
            answer = await stage.host.respond(
                HttpRequest("GET", target, {"x-pyactor-depth": depth})
            )
            body = WholeBody(answer.body) if isinstance(answer.body, bytes) else answer.body
            assert await read_body(body, 99) == told

    play(Asker, meeting(scene, Asker))
