"""What becomes of calls when a connection is lost, and how long they may take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from pyactor.client import ClientOptions, Connection
from pyactor.definition import Actor, action
from pyactor.errors import CallTimedOut, ConnectionLost
from pyactor.wire import messages

if TYPE_CHECKING:
    from tests.client.conftest import Live, Peer, World


class Room(Actor[None], name="room"):
    @action
    def post(self, text: str) -> str:
        return text


def connection(world: World, options: ClientOptions | None = None) -> Connection[Room]:
    return world.client().actor(Room).get("a").connect(options=options)


async def lose(world: World) -> None:
    """Lose the connection; the next attempts fail."""
    world.is_down = True
    world.restart()
    await world.settle()


def test_a_call_in_flight_may_have_run_and_one_that_waits_has_not(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            world.peer.answer = type(world.peer).hold
            sent = asyncio.create_task(conn.rpc.post("sent"))
            await world.settle()
            await lose(world)
            waiting = asyncio.create_task(conn.rpc.post("waiting"))
            with pytest.raises(ConnectionLost, match="before 'post' was answered") as caught:
                await sent
            assert caught.value.may_have_run
            await conn.close()
            with pytest.raises(ConnectionLost, match="before 'post' was sent") as caught:
                await waiting
            assert not caught.value.may_have_run

    live(scenario)


def test_a_call_is_never_sent_twice(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            world.peer.answer = type(world.peer).hold
            sent = asyncio.create_task(conn.rpc.post("sent"))
            await world.settle()
            world.restart()
            await world.settle()
            waiting = [asyncio.create_task(conn.rpc.post(str(n))) for n in range(3)]
            assert await asyncio.gather(*waiting) == ["0", "1", "2"]
            assert isinstance(sent.exception(), ConnectionLost)
            assert [m.args for m in world.peer.received] == [["0"], ["1"], ["2"]]  # type: ignore[union-attr] # pyright: ignore[reportAttributeAccessIssue]

    live(scenario)


def test_waiting_has_a_deadline(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world, ClientOptions(wait_timeout=5)) as conn:
            await lose(world)
            start = world.now
            with pytest.raises(CallTimedOut, match=r"not connected for 5 s.*not sent") as caught:
                await conn.rpc.post("x")
            assert world.now - start == pytest.approx(5)
            assert not caught.value.may_have_run
            world.is_down = False
            await conn.ready
            await world.settle()
            assert world.peer.received == []

    live(scenario)


def test_a_call_that_was_sent_in_time_does_not_wait_any_more(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world, ClientOptions(wait_timeout=5, call_timeout=20)) as conn:
            await lose(world)
            call = asyncio.create_task(conn.rpc.post("x"))
            await asyncio.sleep(1)
            world.is_down = False
            world.greetings.append(later)
            await conn.ready
            with pytest.raises(CallTimedOut, match="'post' of room was not answered within 20 s"):
                await call

    def later(peer: Peer) -> None:
        peer.answer = type(peer).hold
        peer.welcome()

    live(scenario)


def test_every_call_has_a_timeout(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            world.peer.answer = type(world.peer).hold
            start = world.now
            with pytest.raises(CallTimedOut, match="not answered within 65 s") as caught:
                await conn.rpc.post("x")
            assert caught.value.may_have_run
            assert world.now - start == pytest.approx(65)
            [request] = world.peer.received
            assert isinstance(request, messages.ActionRequest)
            world.peer.send(messages.ActionResponse(request.id, "late"))
            await world.settle()
            assert conn.status == "connected"

    live(scenario)


def test_a_call_s_own_timeout_bounds_its_waiting_too(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world, ClientOptions(wait_timeout=50, call_timeout=4)) as conn:
            await lose(world)
            with pytest.raises(CallTimedOut, match="not sent within 4 s") as caught:
                await conn.rpc.post("x")
            assert not caught.value.may_have_run

    live(scenario)


def test_the_queue_is_bounded_and_a_place_in_it_is_given_back(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world, ClientOptions(max_waiting_calls=2)) as conn:
            await lose(world)
            waiting = [asyncio.create_task(conn.rpc.post(str(n))) for n in range(2)]
            await world.settle()
            with pytest.raises(ConnectionLost, match="not connected, and 2 calls wait") as caught:
                await conn.rpc.post("one too many")
            assert not caught.value.may_have_run
            waiting[0].cancel()
            await world.settle()
            waiting.append(asyncio.create_task(conn.rpc.post("2")))
            world.is_down = False
            assert await asyncio.gather(*waiting[1:]) == ["1", "2"]
            assert waiting[0].cancelled()

    live(scenario)


def test_what_cannot_be_encoded_fails_alone_while_it_would_wait(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            await lose(world)
            with pytest.raises(ValueError, match="nan"):
                await conn.call_by_name("unknown", float("nan"))
            good = asyncio.create_task(conn.rpc.post("good"))
            world.is_down = False
            assert await good == "good"

    live(scenario)


def test_cancelling_one_waiter_leaves_the_others(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with connection(world) as conn:
            ready = [asyncio.ensure_future(conn.ready) for _ in range(2)]
            await lose(world)
            ready += [asyncio.ensure_future(conn.ready) for _ in range(2)]
            await world.settle()
            ready[2].cancel()
            world.is_down = False
            await asyncio.gather(*ready[:2], ready[3])
            assert ready[2].cancelled()

    live(scenario)
