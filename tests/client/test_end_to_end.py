"""The client and a real host: in memory and over sockets, the same behaviour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from attrs import Factory, define

from pyactor import (
    ActionNotFound,
    Actor,
    ActorContract,
    ActorError,
    ActorNotFound,
    ActorNotRegistered,
    Client,
    ClientOptions,
    Closed,
    Conn,
    ConnectionLost,
    DuplicateKey,
    Event,
    Host,
    InvalidArguments,
    InvalidParams,
    Registry,
    UserError,
    action,
    hook,
)


@define
class Login:
    user_name: str
    tags: tuple[str, ...] = ()


@define
class Setup:
    greeting: str
    blob: bytes = b""


@define
class Said:
    who_said: str
    text: str


@define
class RoomState:
    greeting: str
    said: list[Said] = Factory(list)


class Denied(UserError):
    code = "denied"


class Odd(UserError):
    code = "odd"


class Room(Actor[RoomState, Login, Login, Setup], name="room", wire_case="camel", errors=(Denied,)):
    was_said = Event[Said]()
    was_cleared = Event[None]()
    greeted = Event[str]()

    @hook
    def create_state(self, input: Setup) -> RoomState:
        return RoomState(input.greeting + input.blob.decode())

    @hook
    def on_before_connect(self, params: Login) -> None:
        if params.user_name == "mallory":
            raise Denied("not you", metadata={"tags": list(params.tags)})

    @hook
    def create_conn_state(self, params: Login) -> Login:
        return params

    @hook
    def on_connect(self, conn: Conn[Login, Login]) -> None:
        conn.send(Room.greeted, f"{self.state.greeting} {conn.state.user_name}")

    @action
    def say(self, text: str, *, is_loud: bool = False) -> Said:
        said = Said(self.conn.state.user_name, text.upper() if is_loud else text)
        self.state.said.append(said)
        self.was_said.broadcast(said)
        return said

    @action
    def clear(self) -> int:
        count = len(self.state.said)
        self.state.said.clear()
        self.was_cleared.broadcast()
        return count

    @action
    def refuse(self, is_declared: bool) -> None:
        if is_declared:
            raise Denied("not now")
        raise Odd("odd", metadata=[1])

    @action
    def crash(self) -> None:
        raise ZeroDivisionError("secret")

    @action
    async def kick(self, user_name: str) -> int:
        targets = [conn for conn in self.conns.values() if conn.state.user_name == user_name]
        for conn in targets:
            await conn.disconnect(f"bye {user_name}")
        return len(targets)

    @action
    def where(self) -> list[str]:
        return [self.actor_id, *self.key]


class Elsewhere(Actor[None], name="elsewhere"):
    @action
    def ping(self) -> str:
        return "pong"


@asynccontextmanager
async def over_sockets(host: Host) -> AsyncIterator[Client]:
    async with host, Client(host.url) as client:
        yield client


@asynccontextmanager
async def in_memory(host: Host) -> AsyncIterator[Client]:
    async with Client(host) as client:
        yield client
    await host.stop()


WAYS = [over_sockets, in_memory]
Use = Callable[[Client], Coroutine[None, None, None]]
Run = Callable[[Use], None]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a scenario with a client of a fresh host; afterwards no task may be left."""

    def runner(use: Use) -> None:
        async def main() -> None:
            async with request.param(Host(Registry(Room), port=0)) as client:
                await use(client)
            # What the loop itself has begun may take one more turn.
            await asyncio.sleep(0)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert left == set()

        asyncio.run(main())

    return runner


ANN, BOB = Login("ann"), Login("bob")
SETUP = Setup("hello")


def test_calls_without_a_connection(run: Run) -> None:
    async def use(client: Client) -> None:
        room = client.actor(Room).get_or_create("a", params=ANN, input=SETUP)
        assert await room.rpc.say("hi", is_loud=True) == Said("ann", "HI")
        assert await room.call(Room.say, "ho") == Said("ann", "ho")
        assert await room.call_by_name("say", "dynamic") == Said("ann", "dynamic")
        assert await client.actor(Room).get("a", params=BOB).rpc.clear() == 3

    run(use)


def test_a_connection_with_events(run: Run) -> None:
    async def use(client: Client) -> None:
        rooms = client.actor(Room)
        room = rooms.get_or_create("a", params=ANN, input=Setup("hello", b"!"))
        seen: list[object] = []
        conn = room.connect()
        conn.on(Room.greeted)(seen.append)
        conn.on(Room.was_said)(seen.append)
        async with conn:
            assert await room.resolve() == conn.actor_id
            async with rooms.get("a", params=BOB).connect() as other:
                await other.rpc.say("1")

                @conn.once(Room.was_cleared)
                async def cleared() -> None:
                    seen.append("cleared")

                assert await conn.rpc.clear() == 1
                await conn.rpc.say("2")
            conn.off(Room.was_said, seen.append)
            await conn.rpc.say("3")
        assert seen == ["hello! ann", Said("bob", "1"), "cleared", Said("ann", "2")]

    run(use)


def test_rejection_and_errors(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def use(client: Client) -> None:
        rooms = client.actor(Room)
        mallory = rooms.get_or_create("a", params=Login("mallory", ("x", "y")), input=SETUP)
        with pytest.raises(Denied, match="not you") as denied:
            await mallory.rpc.clear()
        assert denied.value.metadata == {"tags": ["x", "y"]}
        conn = mallory.connect()
        with pytest.raises(Denied, match="not you"):
            await conn.__aenter__()
        assert await conn.wait_closed() == Closed(1011, "user.denied")

        ann = rooms.get("a", params=ANN)
        async with ann.connect() as conn:
            for way in (ann, conn):
                with pytest.raises(Denied, match="not now"):
                    await way.rpc.refuse(True)
                with pytest.raises(ActorError, match="odd") as odd:
                    await way.rpc.refuse(False)
                assert type(odd.value) is ActorError
                assert (odd.value.name, odd.value.metadata) == ("user.odd", [1])
                with pytest.raises(ActorError, match="internal error") as internal:
                    await way.rpc.crash()
                assert internal.value.name == "core.internal_error"
                with pytest.raises(ActionNotFound, match="fly"):
                    await way.call_by_name("fly", 1, high=True)
            assert await conn.rpc.clear() == 0

    run(use)


def test_a_host_checks_what_an_older_client_sends(run: Run) -> None:
    class OldRoom(Actor[None], name="room", wire_case="camel"):
        @action
        def say(self, text: int) -> int:
            return text

    async def use(client: Client) -> None:
        await client.actor(Room).create("a", params=ANN, input=SETUP)
        old = client.actor(OldRoom).get("a")
        with pytest.raises(InvalidParams):
            await old.rpc.say(1)
        with pytest.raises(InvalidParams):
            await old.connect().__aenter__()
        new: Any = client.actor(Room).get("a", params=ANN)
        with pytest.raises(InvalidArguments, match=r"'text'.*expected str, got int"):
            # Past the definition, as a client of another version would.
            await new._call("say", [1])

    run(use)


def test_a_contract_is_enough_for_a_client(run: Run) -> None:
    class RoomContract(ActorContract[Login, Setup], name="room", wire_case="camel"):
        was_said = Event[Said]()

        @action
        async def say(self, text: str, *, is_loud: bool = False) -> Said:
            raise NotImplementedError

    async def use(client: Client) -> None:
        room = client.actor(RoomContract).get_or_create("a", params=ANN, input=SETUP)
        seen: list[Said] = []
        async with room.connect() as conn:
            conn.on(RoomContract.was_said)(seen.append)
            said = await conn.call(RoomContract.say, "hi", is_loud=True)
            assert seen == [said] == [Said("ann", "HI")]

    run(use)


def test_kicked(run: Run) -> None:
    async def use(client: Client) -> None:
        rooms = client.actor(Room)
        ann = rooms.get_or_create("a", params=ANN, input=SETUP)
        async with rooms.get_or_create("a", params=BOB, input=SETUP).connect() as conn:
            assert await ann.rpc.kick("bob") == 1
            assert await conn.wait_closed() == Closed(1000, "bye bob")
            with pytest.raises(ConnectionLost, match=r"\(1000: bye bob\)"):
                await conn.rpc.clear()
        async with rooms.get("a", params=BOB).connect() as conn:
            with pytest.raises(ConnectionLost) as caught:
                await conn.rpc.kick("bob")
            assert caught.value.may_have_run

    run(use)


@pytest.mark.parametrize(
    "key", [(), ("",), ("a,b",), ("a", "b"), ("a/b\\", "ü "), ("", ""), (",", "")]
)
def test_every_key_arrives_as_it_is(run: Run, key: tuple[str, ...]) -> None:
    async def use(client: Client) -> None:
        rooms = client.actor(Room)
        with pytest.raises(ActorNotFound):
            await rooms.get(*key, params=ANN).rpc.where()
        with pytest.raises(ActorNotFound):
            await rooms.get(*key, params=ANN).resolve()
        actor_id, *arrived = await rooms.get_or_create(*key, params=ANN, input=SETUP).rpc.where()
        assert tuple(arrived) == key
        for room in (rooms.get(*key, params=ANN), rooms.get_for_id(actor_id, params=ANN)):
            assert await room.rpc.where() == [actor_id, *key]
            assert await room.resolve() == actor_id
            async with room.connect() as conn:
                assert conn.actor_id == actor_id

    run(use)


def test_create(run: Run) -> None:
    async def use(client: Client) -> None:
        rooms = client.actor(Room)
        room = await rooms.create("a", params=ANN, input=SETUP)
        assert room.key == ("a",)
        assert (await room.rpc.where())[1:] == ["a"]
        with pytest.raises(DuplicateKey):
            await rooms.create("a", params=ANN, input=SETUP)
        elsewhere = client.actor(Elsewhere)
        with pytest.raises(ActorNotRegistered):
            await elsewhere.create("a")
        with pytest.raises(ActorNotRegistered):
            await elsewhere.get_or_create("a").rpc.ping()
        with pytest.raises(ActorNotRegistered):
            await elsewhere.get_or_create("a").connect().__aenter__()
        with pytest.raises(ActorNotFound):
            await rooms.get_for_id("nobody", params=ANN).connect().__aenter__()

    run(use)


def test_the_host_stops_under_an_open_connection() -> None:
    async def main() -> None:
        host = Host(Registry(Room), port=0)
        async with host:
            client = Client(host.url)
            room = client.actor(Room).get_or_create("a", params=ANN, input=SETUP)
            conn = await room.connect(options=ClientOptions(reconnect="never")).__aenter__()
        assert await conn.wait_closed() == Closed(1001, "ws.going_away")
        await client.aclose()

    asyncio.run(main())
