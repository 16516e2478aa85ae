"""A connection that comes back: when it tries, what it brings, and when it gives up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define

from pyactor.client import ClientOptions, Closed, Connection, Handle
from pyactor.definition import Actor, Event, UserError, action
from pyactor.errors import (
    ActorError,
    ActorNotFound,
    CallbackTimedOut,
    ConnectionLost,
    GetParamsFailed,
    HostUnreachable,
    Unauthorised,
)
from pyactor.wire import messages

if TYPE_CHECKING:
    from tests.client.conftest import Live, Peer, World


@define
class Login:
    user: str


class Denied(UserError):
    code = "denied"


class Room(Actor[None, None, Login], name="room", errors=(Denied,)):
    posted = Event[str]()
    closed = Event[None]()

    @action
    def post(self, text: str) -> str:
        return text


def room(world: World, params: Any = None) -> Handle[Room]:
    return world.client().actor(Room).get("a", params=params or Login("ann"))


def silence(peer: Peer) -> None:
    pass


def turn_away(group: str, code: str) -> Callable[[Peer], None]:
    return lambda peer: peer.reject(group, code)


def watch(conn: Connection[Room]) -> list[object]:
    """Everything that is told of a connection, in order."""
    seen: list[object] = []
    conn.on_status_change(seen.append)
    conn.on_open(lambda: seen.append("open"))
    conn.on_close(seen.append)
    conn.on_error(lambda error: seen.append(type(error)))
    return seen


def pauses(times: list[float]) -> list[float]:
    return [round(b - a, 6) for a, b in pairwise(times)]


# ------------------------------------------------------------------ what is told


def test_a_life(live: Live) -> None:
    async def scenario(world: World) -> None:
        conn = room(world).connect()
        seen: list[object] = watch(conn)
        seen.append(conn.status)
        async with conn:
            seen.append(conn.status)
            first = conn.conn_id
            world.is_down = True
            world.peer.channel.abort()
            await asyncio.sleep(0.25)
            world.is_down = False
            await conn.ready
            assert conn.conn_id != first
            world.peer.channel.close(1001, "ws.going_away")
            await world.settle()
        assert conn.status == "idle"
        assert seen.pop(0) == "idle"
        assert seen.pop(3) == "connected"
        opened = ["connecting", "connected", "open"]
        lost = ["disconnected", Closed(1006, "")]
        refused = ["connecting", "disconnected", HostUnreachable]
        away = ["disconnected", Closed(1001, "ws.going_away"), "idle"]
        count = seen.count(HostUnreachable)
        assert count >= 1
        assert seen == [*opened, *lost, *(refused * count), *opened, *away]

    live(scenario)


def test_closing_is_told(live: Live) -> None:
    async def scenario(world: World) -> None:
        conn = room(world).connect()
        seen = watch(conn)
        async with conn:
            seen.clear()
        assert seen == ["idle", Closed(1000, "")]

    live(scenario)


def test_a_connection_can_be_opened_without_async_with(live: Live) -> None:
    async def scenario(world: World) -> None:
        conn = room(world).connect()
        with pytest.raises(ConnectionLost, match="is not open"):
            await conn.ready
        conn.open()
        assert conn.status == "connecting"
        with pytest.raises(RuntimeError, match="takes a new one"):
            conn.open()
        await conn.ready
        async with conn:
            assert await conn.rpc.post("hi") == "hi"
        with pytest.raises(ConnectionLost, match="ended for good"):
            await conn.ready

    live(scenario)


# ------------------------------------------------------------------ when it tries


def test_the_bounds_double_up_to_the_highest(live: Live) -> None:
    async def scenario(world: World) -> None:
        world.chance.random_of = lambda: 1.0
        world.is_down = True
        conn = room(world).connect()
        conn.open()
        await asyncio.sleep(40)
        assert pauses(world.attempts) == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
        await conn.close()

    live(scenario)


def test_the_jitter_is_full_and_the_bounds_are_options(live: Live) -> None:
    async def scenario(world: World) -> None:
        chances = iter([0.0, 0.5, 0.999, 0.25] + [1.0] * 9)
        world.chance.random_of = lambda: next(chances)
        world.is_down = True
        conn = room(world).connect(options=ClientOptions(backoff_initial=1, backoff_max=3))
        conn.open()
        await asyncio.sleep(8)
        assert pauses(world.attempts) == [0.0, 1.0, 2.997, 0.75, 3.0]
        await conn.close()

    live(scenario)


def test_only_a_connection_that_lasted_sets_the_bounds_back(live: Live) -> None:
    async def scenario(world: World) -> None:
        world.chance.random_of = lambda: 1.0
        async with room(world).connect() as conn:
            for lasts, pause in ((1, 0.25), (1, 0.5), (9, 1.0), (11, 0.25), (0, 0.5)):
                await asyncio.sleep(lasts)
                world.restart()
                lost = world.now
                await world.settle()
                await conn.ready
                assert world.now - lost == pytest.approx(pause)

    live(scenario)


@pytest.mark.parametrize("down", [0.0, 3.0])
def test_a_thousand_clients_do_not_come_back_at_once(live: Live, down: float) -> None:
    """Full jitter: clients that wait within a bound of b seconds come at a rate of n/b at most."""

    async def scenario(world: World) -> None:
        conns = [room(world).connect() for _ in range(1000)]
        for conn in conns:
            conn.open()
        await asyncio.gather(*(conn.ready for conn in conns))
        await asyncio.sleep(60)
        world.attempts.clear()
        world.peers, peers = [], world.peers
        start, world.is_down = world.now, bool(down)
        for peer in peers:
            peer.channel.abort()
        await world.settle()
        await asyncio.sleep(down)
        world.is_down = False
        await asyncio.gather(*(conn.ready for conn in conns))
        came = sorted(peer.at - start for peer in world.peers)
        assert len(came) == 1000
        # With no time down the bound is 0.25 s; after 3 s most wait within 2 s or 4 s.
        bound = 2.0 if down else 0.25
        window = bound / 10
        busiest = max(sum(at <= t < at + window for t in came) for at in came)
        assert busiest < 1000 / 10 * 1.5
        assert came[-1] <= down + (10 if down else 0.25)

    live(scenario)


def test_an_attempt_that_hangs_is_given_up(live: Live) -> None:
    async def scenario(world: World) -> None:
        world.chance.random_of = lambda: 0.0
        world.greetings.append(silence)
        conn = room(world).connect(options=ClientOptions(open_timeout=3))
        seen = watch(conn)
        async with conn:
            assert world.attempts == [0.0, 3.0]
            hung, good = world.peers
            hung.welcome()
            await world.settle()
            assert "lost" in hung.received
            assert conn.conn_id == "conn-3"
            assert seen.count("open") == 1
            assert "lost" not in good.received

    live(scenario)


def test_entering_gives_up_after_a_while_with_the_reason(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(world: World) -> None:
        world.is_down = True
        conn = room(world).connect()
        with pytest.raises(HostUnreachable, match="refused"):
            await conn.__aenter__()
        assert world.now == pytest.approx(30)
        assert conn.status == "idle"
        count = len(world.attempts)
        await asyncio.sleep(60)
        assert len(world.attempts) == count

    with caplog.at_level(logging.WARNING, "pyactor.client"):
        live(scenario)
    # Once, however often it tries.
    assert [record.getMessage() for record in caplog.records] == [
        "room: an attempt to connect failed: refused (client.host_unreachable)"
    ]


def test_entering_gives_up_on_a_host_that_says_nothing(live: Live) -> None:
    async def scenario(world: World) -> None:
        world.greetings.append(silence)
        conn = room(world).connect(options=ClientOptions(connect_timeout=2))
        with pytest.raises(HostUnreachable, match="not open within 2 s"):
            await conn.__aenter__()
        assert "lost" in world.peer.received

    live(scenario)


# ------------------------------------------------------------------ what it brings


def test_subscriptions_come_back_before_anything_else(live: Live) -> None:
    async def scenario(world: World) -> None:
        seen: list[object] = []
        async with room(world).connect() as conn:
            conn.on(Room.posted)(seen.append)
            conn.on(Room.closed)(lambda: seen.append("closed"))

            @conn.on_open
            async def opened() -> None:
                await conn.rpc.post("from on_open")

            world.restart()
            await world.settle()
            waiting = asyncio.create_task(conn.rpc.post("waiting"))
            await conn.ready
            assert await waiting == "waiting"
            await world.settle()
            subscriptions = [messages.SubscriptionRequest(n, True) for n in ("posted", "closed")]
            assert world.peer.received[:2] == subscriptions
            assert [m.args for m in world.peer.received[2:]] == [["waiting"], ["from on_open"]]  # type: ignore[union-attr] # pyright: ignore[reportAttributeAccessIssue]
            world.peer.send(messages.Event("posted", ["x"]), messages.Event("closed", []))
            await world.settle()
            assert seen == ["x", "closed"]

    live(scenario)


@pytest.mark.parametrize("is_async", [False, True])
def test_params_are_asked_for_anew(live: Live, is_async: bool) -> None:
    async def scenario(world: World) -> None:
        count = 0

        def ask() -> Login:
            nonlocal count
            count += 1
            return Login(f"token {count}")

        async def ask_slowly() -> Login:
            await asyncio.sleep(1)
            return ask()

        async with room(world, ask_slowly if is_async else ask).connect() as conn:
            world.restart()
            await world.settle()
            await conn.ready
        assert [peer.params for peer in world.peers] == [{"user": "token 1"}, {"user": "token 2"}]

    live(scenario)


def test_params_that_cannot_be_had_are_asked_for_again(live: Live) -> None:
    async def scenario(world: World) -> None:
        answers: list[object] = [ZeroDivisionError("no token"), 3, Login("at last")]

        def ask() -> Any:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        errors: list[Exception] = []
        conn = room(world, ask).connect()
        conn.on_error(errors.append)
        async with conn:
            assert world.peer.params == {"user": "at last"}
        assert [type(error) for error in errors] == [GetParamsFailed] * 2
        assert "ZeroDivisionError: no token" in str(errors[0])
        assert isinstance(errors[0].__cause__, ZeroDivisionError)

    live(scenario)


# ------------------------------------------------------------------ when it gives up


@pytest.mark.parametrize("name", ["actor.restarting", "ws.going_away", "guard.not_ready"])
def test_a_refusal_for_a_moment_is_no_end(live: Live, name: str) -> None:
    async def scenario(world: World) -> None:
        world.greetings += [turn_away(*name.split(".")), silence]
        world.greetings.append(lambda peer: peer.channel.close(1001, name))
        options = ClientOptions(open_timeout=1)
        async with room(world).connect(options=options) as conn:
            assert len(world.peers) == 4
            assert await conn.rpc.post("in") == "in"

    live(scenario)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("user.denied", Denied),
        ("auth.unauthorized", Unauthorised),
        ("actor.not_found", ActorNotFound),
        ("core.internal_error", ActorError),
        ("actor.callback_timed_out", CallbackTimedOut),
    ],
)
@pytest.mark.parametrize("by_frame", [True, False])
def test_a_rejection_is_the_end(
    live: Live, name: str, kind: type[ActorError], by_frame: bool
) -> None:
    async def scenario(world: World) -> None:
        conn = room(world).connect()
        seen = watch(conn)
        async with conn:
            stream = conn.events(Room.posted)
            world.greetings.append(
                turn_away(*name.split("."))
                if by_frame
                else lambda peer: peer.channel.close(1011, name)
            )
            world.restart()
            await world.settle()
            waiting = asyncio.create_task(conn.rpc.post("never sent"))
            assert await conn.wait_closed() == Closed(1011, name)
            assert seen[-2:] == ["idle", kind]
            assert conn.status == "idle"
            with pytest.raises(kind):
                await conn.ready
            with pytest.raises(ConnectionLost, match=f"before 'post' was sent.*{name}") as caught:
                await waiting
            assert not caught.value.may_have_run
            with pytest.raises(ConnectionLost):
                await conn.rpc.post("too late")
            with pytest.raises(kind):
                await anext(stream)
            await asyncio.sleep(60)
            assert len(world.attempts) == 2

    live(scenario)


def test_a_rejection_for_its_slowness_is_no_timeout_of_ours(live: Live) -> None:
    async def scenario(world: World) -> None:
        world.greetings.append(turn_away("actor", "callback_timed_out"))
        with pytest.raises(CallbackTimedOut):
            await room(world).connect().__aenter__()

    live(scenario)


def test_a_disconnect_by_the_actor_is_the_end(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with room(world).connect() as conn:
            stream = conn.events(Room.posted)
            world.peer.channel.close(1000, "Kicked by admin")
            assert await conn.wait_closed() == Closed(1000, "Kicked by admin")
            with pytest.raises(ConnectionLost, match=r"ended for good \(1000: Kicked by admin\)"):
                await conn.ready
            with pytest.raises(ConnectionLost, match="Kicked"):
                await anext(stream)
            with pytest.raises(ConnectionLost, match="Kicked"):
                await anext(conn.events(Room.posted))

    live(scenario)


def test_a_disconnect_by_the_actor_is_no_end_if_asked(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with room(world).connect(options=ClientOptions(reconnect="always")) as conn:
            world.peer.channel.close(1000, "Kicked by admin")
            await world.settle()
            assert conn.status == "disconnected"
            await conn.ready
            assert len(world.peers) == 2

    live(scenario)


def test_a_connection_for_once(live: Live) -> None:
    async def scenario(world: World) -> None:
        conn = room(world).connect(options=ClientOptions(reconnect="never"))
        seen = watch(conn)
        async with conn:
            world.restart()
            assert await conn.wait_closed() == Closed(1006, "")
            assert seen[-3:] == ["disconnected", Closed(1006, ""), "idle"]
            await asyncio.sleep(60)
            assert len(world.attempts) == 1

    live(scenario)


def test_params_that_cannot_travel_are_the_end(live: Live) -> None:
    class Odd(Actor[None, None, bytes], name="odd"):
        pass

    async def scenario(world: World) -> None:
        conn = world.client().actor(Odd).get("a", params=b"\xff").connect()
        with pytest.raises(TypeError):
            await conn.__aenter__()
        assert await conn.wait_closed() == Closed(1006, "")
        assert world.attempts == []

    live(scenario)


def test_close_ends_what_has_just_been_opened(live: Live) -> None:
    """Its attempt has not had a turn yet."""

    async def scenario(world: World) -> None:
        conn = room(world).connect()
        conn.open()
        await conn.close()
        assert conn.status == "idle"
        assert world.attempts == []

    live(scenario)


@pytest.mark.parametrize("moment", ["connecting", "greeted", "connected", "waiting", "refused"])
def test_close_ends_it_at_any_moment(live: Live, moment: str) -> None:
    async def scenario(world: World) -> None:
        seen: list[object] = []
        conn = room(world).connect()
        conn.on(Room.posted)(seen.append)
        conn.on_error(seen.append)
        world.is_down = moment == "refused"
        if moment == "greeted":
            world.greetings.append(silence)
        conn.open()
        if moment == "waiting":
            await world.settle()
            world.restart()
            await world.settle()
            assert conn.status == "disconnected"
        if moment == "connected":
            await world.settle()
            world.peer.answer = type(world.peer).hold
        call = asyncio.create_task(conn.rpc.post("x"))
        if moment != "connecting":
            await world.settle()
        seen.clear()
        closing = asyncio.create_task(conn.close())
        if world.peers:
            world.peer.send(messages.Event("posted", ["too late"]))
        await closing
        assert conn.status == "idle"
        with pytest.raises(ConnectionLost) as caught:
            await call
        assert caught.value.may_have_run is (moment == "connected")
        count = len(world.attempts)
        await asyncio.sleep(60)
        assert len(world.attempts) == count
        assert seen == []
        await conn.close()

    live(scenario)


def test_close_does_not_wait_for_params_that_do_not_come(live: Live) -> None:
    async def scenario(world: World) -> None:
        async def ask() -> Login:
            await asyncio.sleep(20)
            raise AssertionError("nobody waits for this any more")

        conn = room(world, ask).connect()
        conn.open()
        await world.settle()
        await conn.close()
        assert world.now == 0
        assert await conn.wait_closed() == Closed(1006, "")

    live(scenario)


@pytest.mark.parametrize("status", ["connecting", "connected", "disconnected"])
def test_close_may_begin_within_a_callback(live: Live, status: str) -> None:
    async def scenario(world: World) -> None:
        conn = room(world).connect()
        seen = watch(conn)

        @conn.on_status_change
        def close(now: str) -> None:
            if now == status:
                closing = conn.close()  # as a task does that begins at once (Python 3.12)
                with contextlib.suppress(StopIteration):
                    closing.send(None)
                closing.close()

        conn.open()
        await world.settle()
        world.restart()
        how = await conn.wait_closed()
        await conn.close()
        assert how.code in (1000, 1006)
        assert seen[-1] in ("idle", Closed(1006, ""), Closed(1000, ""))
        await asyncio.sleep(60)
        assert len(world.attempts) == (0 if status == "connecting" else 1)

    live(scenario)


def test_closing_the_client_ends_a_connection_that_waits(live: Live) -> None:
    async def scenario(world: World) -> None:
        world.is_down = True
        conn = room(world).connect()
        conn.open()
        await world.settle()
        await world.clients[0].aclose()
        assert conn.status == "idle"
        count = len(world.attempts)
        await asyncio.sleep(60)
        assert len(world.attempts) == count

    live(scenario)
