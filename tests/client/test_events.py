"""Events as callbacks and as iterators, over drops, and what becomes of their failures."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING, Any

import pytest

from pyactor.client import Closed, Connection
from pyactor.definition import Actor, Event
from pyactor.errors import EventBacklog, EventNotFound
from pyactor.wire import messages

if TYPE_CHECKING:
    from tests.client.conftest import Live, World


class Room(Actor[None], name="room"):
    posted = Event[int]()
    cleared = Event[None]()


class Other(Actor[None], name="other"):
    ticked = Event[None]()


def connection(world: World) -> Connection[Room]:
    return world.client().actor(Room).get("a").connect()


def post(world: World, *numbers: object) -> None:
    world.peer.send(*(messages.Event("posted", [number]) for number in numbers))


# ------------------------------------------------------------------ iterators


def test_an_iterator_over_drops(live: Live) -> None:
    async def scenario(world: World) -> None:
        seen: list[int | None] = []
        conn = connection(world)

        async def take() -> None:
            seen.extend([number async for number in conn.events(Room.posted)])

        taking = asyncio.create_task(take())
        await world.settle()
        async with conn:
            assert list(world.peer.subscribed) == ["posted"]
            post(world, 1, 2)
            await world.settle()
            world.restart()
            await world.settle()
            await conn.ready
            await world.settle()
            assert list(world.peer.subscribed) == ["posted"]
            post(world, 3)
            await world.settle()
        await taking
        assert seen == [1, 2, 3]

    live(scenario)


def test_what_waits_is_taken_before_the_end(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            numbers, cleared = conn.events(Room.posted), conn.events(Room.cleared)
            post(world, 1, 2)
            world.peer.send(messages.Event("cleared", []))
            await world.settle()
        assert [number async for number in numbers] == [1, 2]
        assert [nothing async for nothing in cleared] == [None]
        assert [number async for number in conn.events(Room.posted)] == []

    live(scenario)


def test_the_oldest_are_dropped_and_counted(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            stream = conn.events(Room.posted, max_waiting=2)
            post(world, 1, 2, 3, 4)
            await world.settle()
            assert stream.dropped == 2
            assert [await anext(stream), await anext(stream)] == [3, 4]

    live(scenario)


def test_or_the_iterator_fails(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            stream = conn.events(Room.posted, max_waiting=2, when_full="fail")
            post(world, 1, 2, 3, 4)
            await world.settle()
            assert [await anext(stream), await anext(stream)] == [1, 2]
            for _ in range(2):
                with pytest.raises(EventBacklog, match="more than 2 events 'posted' of room"):
                    await anext(stream)

    live(scenario)


@pytest.mark.parametrize("how", ["let go", "aclose", "async with"])
def test_who_stops_taking_is_not_subscribed_any_more(live: Live, how: str) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            if how == "let go":
                async for number in conn.events(Room.posted):
                    assert number == 1
                    break
                gc.collect()
            elif how == "aclose":
                stream = conn.events(Room.posted)
                await world.settle()
                await stream.aclose()
                await stream.aclose()
                assert [number async for number in stream] == []
            else:
                async with conn.events(Room.posted) as stream:
                    assert await anext(stream) == 1
            await world.settle()
            assert world.peer.received == [
                messages.SubscriptionRequest("posted", True),
                messages.SubscriptionRequest("posted", False),
            ]

    async def fed(world: World) -> None:
        async def soon() -> None:
            while not world.peers or not world.peer.subscribed:  # noqa: ASYNC110
                await asyncio.sleep(0)
            post(world, 1)

        feeding = asyncio.create_task(soon())
        await scenario(world)
        await feeding

    live(fed)


def test_one_of_two_iterators_stops(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            first, second = conn.events(Room.posted), conn.events(Room.posted)
            await first.aclose()
            await world.settle()
            post(world, 1)
            assert await anext(second) == 1
            assert list(world.peer.subscribed) == ["posted"]

    live(scenario)


def test_cancelling_a_taker_loses_no_event(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            stream = conn.events(Room.posted)
            taking = asyncio.ensure_future(anext(stream))
            await world.settle()
            taking.cancel()
            post(world, 1)
            await world.settle()
            assert await anext(stream) == 1

    live(scenario)


def test_arguments_that_are_none(live: Live) -> None:
    async def scenario(world: World) -> None:
        conn: Any = connection(world)
        with pytest.raises(ValueError, match="max_waiting"):
            conn.events(Room.posted, max_waiting=0)
        with pytest.raises(ValueError, match="'drop_oldest' or 'fail'"):
            conn.events(Room.posted, when_full="drop_newest")
        with pytest.raises(TypeError, match="Other"):
            conn.events(Other.ticked)

    live(scenario)


# ------------------------------------------------------------------ callbacks


def test_what_a_callback_raises_is_logged_and_goes_to_on_error(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(world: World) -> None:
        errors: list[object] = []
        conn = connection(world)
        conn.on_error(lambda error: errors.append(type(error)))

        @conn.on_error
        def broken(_: Exception) -> None:
            raise RuntimeError("on_error itself")

        @conn.on(Room.posted)
        def one(number: int) -> None:
            raise ZeroDivisionError(number)

        @conn.on(Room.posted)
        async def other(number: int) -> None:
            raise KeyError(number)

        @conn.on_open
        async def opened() -> None:
            raise BufferError("on_open")

        async with conn:
            post(world, 1, "no number")
            world.peer.send(messages.Error("event", "not_found", "no such event"))
            await world.settle()
        kinds = {ZeroDivisionError, KeyError, BufferError, EventNotFound}
        assert kinds < set(errors)
        assert RuntimeError not in errors
        assert len(errors) == 5

    with caplog.at_level(logging.ERROR, "pyactor.client"):
        live(scenario)
    said = [record.getMessage() for record in caplog.records]
    assert said.count("a callback of event 'posted' raised") == 2
    assert said.count("a callback of 'on_open' raised") == 1
    assert said.count("a callback of 'on_error' raised") == 5


def test_async_on_close_may_finish_beside_close(live: Live) -> None:
    async def scenario(world: World) -> None:
        seen: list[object] = []
        conn = connection(world)

        @conn.on_close
        async def closed(how: Closed) -> None:
            await asyncio.sleep(1)
            seen.append(how)

        @conn.on_close
        async def hang(how: Closed) -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                seen.append("cancelled")

        async with conn:
            pass
        assert seen == [Closed(1000, ""), "cancelled"]

    live(scenario)


def test_no_callback_after_close(live: Live) -> None:
    async def scenario(world: World) -> None:
        seen: list[object] = []
        conn = connection(world)
        async with conn:
            conn.on(Room.posted)(seen.append)
            await world.settle()
            for register in (conn.on_status_change, conn.on_close, conn.on_error):
                register(seen.append)
        seen.clear()
        post(world, 1)
        await asyncio.sleep(60)
        assert seen == []

    live(scenario)


def test_a_callback_may_close(live: Live) -> None:
    async def scenario(world: World) -> None:
        seen: list[object] = []
        conn = connection(world)
        conn.on_status_change(seen.append)

        @conn.on_open
        async def opened() -> None:
            await conn.close()
            seen.append("closed")

        conn.open()
        assert await conn.wait_closed() == Closed(1000, "")
        await world.settle()
        assert seen == ["connecting", "connected", "idle", "closed"]

    live(scenario)


def test_what_a_callback_does_changes_no_order(live: Live) -> None:
    async def scenario(world: World) -> None:
        seen: list[object] = []
        conn = connection(world)

        @conn.on_status_change
        def busy(_: object) -> None:
            conn.off(Room.posted, conn.on(Room.posted)(seen.append))

        conn.on_status_change(seen.append)
        conn.on_close(seen.append)
        async with conn:
            world.restart()
            await world.settle()
            assert seen == ["connecting", "connected", "disconnected", Closed(1006, "")]

    live(scenario)
