"""The pytest plugin: what its fixtures do. These tests use it as anybody would."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Literal

import pytest
from attrs import Factory, define

from pyactor import Actor, Closed, Conn, Event, Unauthorised, UserError, action, hook
from pyactor.client import Client
from pyactor.errors import ActorNotFound, ConnectionLost
from pyactor.storage import InlineStorage, MemoryCore, SqliteStorage
from pyactor.testing import VirtualLoop
from pyactor.testing.fixtures import ActorHostFactory, Connect, VirtualHost, WatchedConnection


@define
class Join:
    user: str


@define
class Said:
    text: str
    by: str


@define
class RoomState:
    said: list[Said] = Factory(list)


class NoGuests(UserError):
    code = "no_guests"


class Room(Actor[RoomState, Join, Join], name="room", wire_case="camel", errors=(NoGuests,)):
    was_said = Event[Said]()
    was_left = Event[str]()
    was_closed = Event[None]()

    @hook
    def create_conn_state(self, params: Join) -> Join:
        if params.user == "guest":
            raise NoGuests("members only")
        return params

    @hook
    def on_disconnect(self, conn: Conn[Join, Join]) -> None:
        self.was_left.broadcast(conn.state.user)

    @action
    def say(self, text: str) -> int:
        said = Said(text, self.conn.state.user)
        self.state.said.append(said)
        self.was_said.broadcast(said)
        return len(self.state.said)

    @action
    async def say_later(self, seconds: float, text: str) -> None:
        self.wait_until(self._say(seconds, Said(text, self.conn.state.user)))

    async def _say(self, seconds: float, said: Said) -> None:
        await asyncio.sleep(seconds)
        self.was_said.broadcast(said)

    @action
    def close(self) -> None:
        self.was_closed.broadcast()

    @action
    def end(self, reason: str) -> None:
        for conn in list(self.conns.values()):
            conn.disconnect(reason)


@define
class BellState:
    rung: int = 0


class Bell(Actor[BellState], name="bell"):
    rang = Event[int]()

    @action
    def ring(self, times: int) -> None:
        self.state.rung += times
        self.rang.broadcast(times)

    @action
    async def ring_later(self, seconds: float) -> None:
        await self.schedule.after(seconds, Bell.ring, 1)


def now() -> float:
    return asyncio.get_running_loop().time()


async def end(conn: WatchedConnection[Room]) -> None:
    with pytest.raises(ConnectionLost):
        await conn.rpc.end("over")


# ------------------------------------------------------------------ expect


async def test_an_event_comes_with_its_typed_payload_however_early_it_came(
    connect: Connect,
) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    assert await ann.rpc.say("one") == 1
    await ann.rpc.close()
    await ann.rpc.say("two")
    assert await ann.expect(Room.was_said) == Said("one", "ann")
    assert await ann.expect(Room.was_said) == Said("two", "ann")
    assert await ann.expect(Room.was_closed) is None  # type: ignore[func-returns-value]
    await ann.expect_nothing()
    assert now() == 0


async def test_an_event_is_waited_for_in_virtual_time(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    await ann.rpc.say_later(3, "late")
    assert await ann.expect(Room.was_said) == Said("late", "ann")
    assert now() == 3


async def test_an_event_at_the_end_of_the_time_is_in_time(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    await ann.rpc.say_later(5, "just in time")
    await ann.expect(Room.was_said, timeout=5)
    await ann.rpc.say_later(5.001, "too late")
    with pytest.raises(
        AssertionError, match=r"^expected Room\.was_said within 5 s on connection 1"
    ):
        await ann.expect(Room.was_said, timeout=5)
    assert now() == 10


async def test_two_may_expect_at_a_time(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    bob = await connect(Room, "a", params=Join("bob"))
    await ann.rpc.say_later(1, "hi")
    said = [ann.expect(Room.was_said), bob.expect(Room.was_said), bob.expect_nothing(Bell.rang)]  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Bell"):
        await said.pop()
    assert await asyncio.gather(*said) == [Said("hi", "ann")] * 2
    await asyncio.gather(ann.expect_nothing(within=1), bob.expect_nothing(within=1))


async def test_a_failure_names_what_did_arrive(connect: Connect) -> None:
    ann = await connect(Room, "a", "b", params=Join("ann"))
    await ann.rpc.say("one")
    await ann.expect(Room.was_said)
    await ann.rpc.say_later(2, "two")
    with pytest.raises(AssertionError) as failure:
        await ann.expect(Room.was_left)
    assert str(failure.value).splitlines() == [
        "expected Room.was_left within 5 s on connection 1 to Room('a', 'b'); what did arrive:",
        "     0.000 s  event was_said Said(text='one', by='ann')  (expected)",
        "     2.000 s  event was_said Said(text='two', by='ann')",
    ]


async def test_a_failure_says_when_nothing_arrived(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    with pytest.raises(AssertionError, match=r"what did arrive:\n  nothing$"):
        await ann.expect(Room.was_said)


async def test_no_event_is_waited_for_after_the_end(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    await end(ann)
    with pytest.raises(AssertionError) as failure:
        await ann.expect(Room.was_said, timeout=1000)
    assert str(failure.value).splitlines() == [
        "expected Room.was_said before the end on connection 1 to Room('a'); what did arrive:",
        "     0.000 s  the end 1000 over",
    ]
    assert now() == 0


async def test_the_end_is_no_event(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    bob = await connect(Room, "a", params=Join("bob"))
    await bob.close()
    await bob.expect_close(code=1000)
    assert await ann.expect(Room.was_left) == "bob"


async def test_nothing_is_expected(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    await ann.rpc.say_later(2, "hi")
    await ann.expect_nothing(within=1)
    await ann.expect_nothing(Room.was_left, within=2)
    with pytest.raises(AssertionError, match=r"^expected nothing within 0 s .*\n +2\.000 s  event"):
        await ann.expect_nothing()
    with pytest.raises(AssertionError, match=r"^expected no Room\.was_said within 0 s"):
        await ann.expect_nothing(Room.was_said)
    await ann.expect(Room.was_said)
    await end(ann)
    with pytest.raises(AssertionError, match="the end 1000 over"):
        await ann.expect_nothing()


async def test_the_end_is_expected(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    with pytest.raises(AssertionError, match=r"^expected the end within 5 s"):
        await ann.expect_close()
    with pytest.raises(AssertionError, match=r"^expected the end 1000 over within 1 s"):
        await ann.expect_close(code=1000, reason="over", timeout=1)
    await end(ann)
    assert await ann.expect_close(code=1000, reason="over") == Closed(1000, "over")


async def test_another_end_is_none_that_was_expected(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    await end(ann)
    with pytest.raises(AssertionError, match=r"^expected the end 1011, not the end 1000 over on"):
        await ann.expect_close(code=1011)
    bob = await connect(Room, "a", params=Join("bob"))
    await end(bob)
    with pytest.raises(AssertionError, match=r"^expected the end why\?, not the end 1000 over on"):
        await bob.expect_close(reason="why?")


async def test_it_is_subscribed_to_what_a_test_says(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"), subscribe=[Room.was_closed])
    await ann.rpc.say("hi")
    await ann.rpc.close()
    await ann.expect(Room.was_closed)
    with pytest.raises(AssertionError, match=r"Room\.was_said, to which it is not subscribed, wi"):
        await ann.expect(Room.was_said)


async def test_callbacks_are_called_as_in_any_client(connect: Connect) -> None:
    ann = await connect(Room, "a", params=Join("ann"))
    heard = list[Said]()
    ann.on(Room.was_said)(heard.append)
    await ann.rpc.say("hi")
    ann.off(Room.was_said, heard.append)
    await ann.rpc.say("not heard")
    assert heard == [Said("hi", "ann")]
    await ann.expect(Room.was_said)
    assert (await ann.expect(Room.was_said)).text == "not heard"


# ------------------------------------------------------------------ connect


async def test_a_rejection_is_the_declared_error(connect: Connect) -> None:
    with pytest.raises(NoGuests, match="members only"):
        await connect(Room, "a", params=Join("guest"))


async def test_params_are_the_declared_ones(connect: Connect) -> None:
    with pytest.raises(TypeError, match="Join"):
        await connect(Room, "a", params="ann")
    with pytest.raises(TypeError, match="Join"):
        await connect(Room, "a")


async def test_a_handle_says_which_actor(actor_host: ActorHostFactory, connect: Connect) -> None:
    host = actor_host(Room)
    rooms = host.client.actor(Room)
    with pytest.raises(ActorNotFound):
        await connect(rooms.get("a", params=Join("ann")))
    ann = await connect(await rooms.create("a", params=Join("ann")))
    await ann.rpc.say("hi")
    assert (await ann.expect(Room.was_said)).by == "ann"
    with pytest.raises(TypeError, match="the handle has them"):
        await connect(rooms.get("a", params=Join("ann")), params=Join("bob"))


async def test_a_host_of_two_classes(actor_host: ActorHostFactory, connect: Connect) -> None:
    actor_host(Room, Bell)
    await connect(Room, "a", params=Join("ann"))
    bell = await connect(Bell)
    await bell.rpc.ring(3)
    assert await bell.expect(Bell.rang) == 3


async def test_a_class_that_is_not_served_is_told_with_the_remedy(connect: Connect) -> None:
    await connect(Room, "a", params=Join("ann"))
    with pytest.raises(TypeError, match=r"does not serve Bell.*actor_host\(Room, Bell\)"):
        await connect(Bell)


async def test_two_hosts(actor_host: ActorHostFactory, connect: Connect) -> None:
    storage = InlineStorage(MemoryCore())
    first, second = actor_host(Room, storage=storage), actor_host(Room, storage=storage)
    ann = await connect(Room, "a", params=Join("ann"), host=first)
    await ann.rpc.say("hi")
    await first.stop()
    await ann.expect_close()
    bob = await connect(Room, "a", params=Join("bob"))
    assert await bob.rpc.say("hi") == 2
    assert second.actor(Room, "a").state.said == [Said("hi", "ann"), Said("hi", "bob")]


async def test_another_loop_is_refused(actor_host: ActorHostFactory, connect: Connect) -> None:
    host = actor_host(Room)
    refused = list[str]()

    def run_elsewhere() -> None:
        for elsewhere in (connect(Room, "a", params=Join("ann")), host.advance(1), host.settle()):
            with pytest.raises(RuntimeError, match="in real time") as failure:
                asyncio.run(elsewhere)
            refused.append(str(failure.value))

    thread = threading.Thread(target=run_elsewhere)
    thread.start()
    thread.join()
    assert len(refused) == 3


# ------------------------------------------------------------------ the host


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
async def test_a_restart_keeps_what_is_durable(
    actor_host: ActorHostFactory, connect: Connect, storage: Literal["memory", "sqlite"]
) -> None:
    host = actor_host(Room, storage=storage)
    ann = await connect(Room, "a", params=Join("ann"))
    await ann.rpc.say("hi")
    await host.restart()
    await ann.expect_close(code=1001)
    assert not host.is_awake(Room, "a")
    with pytest.raises(LookupError, match=r"room \('a',\) is not awake; awake: none"):
        host.actor(Room, "a")
    handle = host.client.actor(Room).get("a", params=Join("bob"))
    assert await handle.rpc.say("hi") == 2
    assert host.actor(Room, "a").state.said[0] == Said("hi", "ann")


async def test_time_goes_on_as_far_as_it_is_told(
    actor_host: ActorHostFactory, connect: Connect
) -> None:
    host = actor_host(Room)
    ann = await connect(Room, "a", params=Join("ann"))
    await ann.rpc.say_later(3600, "an hour later")
    await host.advance(3599)
    await ann.expect_nothing()
    await host.advance(1)
    await ann.expect(Room.was_said, timeout=0)
    assert now() == 3600
    with pytest.raises(ValueError, match="time does not go back"):
        await host.advance(-1)


async def test_an_actor_that_nobody_needs_falls_asleep(
    actor_host: ActorHostFactory, connect: Connect
) -> None:
    host = actor_host(Room)
    ann = await connect(Room, "a", params=Join("ann"))
    await ann.close()
    assert host.is_awake(Room, "a")
    await host.advance(31)
    assert not host.is_awake(Room, "a")


async def test_a_sleeping_actor_is_woken_for_what_it_has_scheduled(
    actor_host: ActorHostFactory,
) -> None:
    host = actor_host(Bell)
    handle = host.client.actor(Bell).get_or_create()
    day = 86_400.0
    await handle.rpc.ring_later(day)
    await handle.rpc.ring_later(2 * day)
    await host.advance(day - 1)
    assert not host.is_awake(Bell)
    await host.advance(1)
    assert host.actor(Bell).state.rung == 1
    await host.restart()
    await host.advance(day)
    assert host.actor(Bell).state.rung == 2


async def test_a_subscription_holds_once_it_is_connected(
    actor_host: ActorHostFactory, connect: Connect
) -> None:
    host = actor_host(Room)
    ann = await connect(Room, "a", params=Join("ann"))
    host.actor(Room, "a").was_closed.broadcast()
    await ann.expect(Room.was_closed)


async def test_clients_of_the_host_show_its_token(
    actor_host: ActorHostFactory, connect: Connect
) -> None:
    host = actor_host(Room, token="s3cret")
    ann = await connect(Room, "a", params=Join("ann"))
    assert await ann.rpc.say("hi") == 1
    handle = host.client.actor(Room).get("a", params=Join("bob"))
    assert await handle.rpc.say("hi") == 2
    async with Client(host) as stranger:
        with pytest.raises(Unauthorised):
            await stranger.actor(Room).get("a", params=Join("eve")).rpc.say("hi")


async def test_a_storage_on_a_thread_is_refused(actor_host: ActorHostFactory) -> None:
    with pytest.raises(TypeError, match='storage="sqlite"'):
        actor_host(Room, storage=SqliteStorage.__new__(SqliteStorage))
    with pytest.raises(ValueError, match="not 'disk'"):
        actor_host(Room, storage="disk")  # type: ignore[arg-type]


# ------------------------------------------------------------------ async fixtures

_variable: ContextVar[str] = ContextVar("_variable", default="unset")


@pytest.fixture
async def host(actor_host: ActorHostFactory) -> VirtualHost:
    await asyncio.sleep(100)
    return actor_host(Room)


@pytest.fixture
async def unrelated() -> AsyncIterator[asyncio.AbstractEventLoop]:
    _variable.set("of the fixture")
    yield asyncio.get_running_loop()
    await asyncio.sleep(100)


class TestInAClass:
    name = "unset"

    @pytest.fixture
    async def ann(self, host: VirtualHost, connect: Connect) -> WatchedConnection[Room]:
        self.name = "ann"
        return await connect(Room, "a", params=Join(self.name))

    async def test_it_is_shared_with_the_fixture(
        self, ann: WatchedConnection[Room], unrelated: asyncio.AbstractEventLoop
    ) -> None:
        assert unrelated is asyncio.get_running_loop()
        assert isinstance(unrelated, VirtualLoop)
        assert _variable.get() == "of the fixture"
        assert (self.name, now()) == ("ann", 100)
        await ann.rpc.say("hi")
        assert (await ann.expect(Room.was_said)).by == "ann"
