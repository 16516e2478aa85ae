"""Stopping, sleeping and destroying, and what is kept: C15, A1, A2, A6."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from attrs import Factory, define

from pyactor.definition import Actor, ActorOptions, Conn, Event, action, hook
from pyactor.errors import ActorNotFound, ActorRestarting, DuplicateKey, UserError

Play = Callable[..., None]


@define
class Book:
    lines: list[str] = Factory(list)


@define
class Params:
    slow: str = ""


class Diary(
    Actor[Book, None, Params],
    name="diary",
    options=ActorOptions(
        sleep_grace_period=8, on_disconnect_timeout=20, on_connect_timeout=20, action_timeout=30
    ),
):
    said = Event[str]()
    trace: list[str] = []  # noqa: RUF012 - shared on purpose: it outlives the instances
    slow: str = ""
    fails: str = ""

    def __init__(self) -> None:
        self.connects = asyncio.Event()
        self.connects.set()

    async def _step(self, name: str) -> None:
        Diary.trace.append(name)
        if Diary.fails == name:
            raise Broken(name)
        if Diary.slow == name:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                Diary.trace.append(f"{name} cancelled")
                raise

    @hook
    async def create_state(self, input: None) -> Book:
        await self._step("create_state")
        return Book(["born"])

    @hook
    async def on_create(self) -> None:
        await self._step("on_create")

    @hook
    async def on_wake(self) -> None:
        await self._step("on_wake")

    @hook
    async def on_sleep(self) -> None:
        self.state.lines.append("slept")
        self.said.broadcast(f"good night {len(self.conns)}")
        await self._step("on_sleep")

    @hook
    async def on_destroy(self) -> None:
        self.said.broadcast("farewell")
        await self._step("on_destroy")

    @hook
    async def on_connect(self, conn: Conn[None, Params]) -> None:
        await self._step("on_connect")
        await self.connects.wait()

    @hook
    async def on_disconnect(self, conn: Conn[None, Params]) -> None:
        self.state.lines.append("left")
        await self._step("on_disconnect")

    @action
    async def write(self, line: str) -> list[str]:
        self.state.lines.append(line)
        await self._step("write")
        return self.state.lines


class Broken(UserError):
    code = "broken"


@pytest.fixture(autouse=True)
def _clean() -> None:
    Diary.trace.clear()
    Diary.slow = Diary.fails = ""


def test_every_connection_ends_with_going_away(play: Play) -> None:
    """C15: on_sleep still has them, each on_disconnect runs, and the close says why."""

    async def scene(stage: Any) -> None:
        peers = [await stage.peer() for _ in range(3)]
        peers[0].subscribe("said")
        Diary.trace.clear()
        await stage.host.stop()
        assert [peer.closed for peer in peers] == [(1001, "ws.going_away")] * 3
        assert peers[0].events == [("said", ["good night 3"])]
        assert Diary.trace == ["on_sleep"] + ["on_disconnect"] * 3
        assert stage.host.directory.instances == []

    play(Diary, scene)


def test_the_next_host_finds_the_state(play: Play) -> None:
    """A2: what create_state and on_create did is not done again; shutdown loses nothing (A4)."""

    async def scene(stage: Any) -> None:
        await stage.http("write", "one")
        actor_id = stage.instance.actor_id
        await stage.host.stop()
        Diary.trace.clear()
        stage.restart()
        assert await stage.http("write", "two") == ["born", "one", "left", "slept", "two"]
        assert stage.instance.actor_id == actor_id
        assert Diary.trace[0] == "on_wake"
        assert not {"create_state", "on_create"} & set(Diary.trace)

    play(Diary, scene)


def test_a_stopped_host_takes_nothing_more(play: Play) -> None:
    """C15: a client may try again elsewhere: it is told so without an Error frame."""

    async def scene(stage: Any) -> None:
        await stage.host.stop()
        peer = await stage.peer()
        assert (peer.received, peer.closed) == ([], (1001, "ws.going_away"))
        error = await stage.http("write", "late")
        assert (error.group, error.code) == ("actor", "restarting")
        with pytest.raises(ActorRestarting):
            await stage.host.directory.get("diary", ("a",))
        assert Diary.trace == []

    play(Diary, scene)


@pytest.mark.parametrize("slow", ["on_sleep", "on_disconnect", "write", "on_connect"])
def test_the_grace_period_is_kept(play: Play, slow: str) -> None:
    """C15: what is still running at its end is cancelled, and the state is saved all the same."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        Diary.slow = slow
        if slow == "on_connect":
            peer = await stage.peer()
        peer.call("write", "on")
        await stage.settle()
        began = stage.time
        await stage.host.stop()
        assert stage.time - began == pytest.approx(8, abs=0.1)
        assert f"{slow} cancelled" in Diary.trace
        assert peer.closed == (1001, "ws.going_away")
        record = await stage.storage.find("diary", ("a",))
        assert record is not None
        assert b"left" in record.state

    play(Diary, scene)


def test_a_slow_on_sleep_leaves_time_for_the_connections(play: Play) -> None:
    """C15: they end by half of the grace period at the latest, so that on_disconnect gets some."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        Diary.slow = "on_sleep"
        stopping = asyncio.create_task(stage.host.stop())
        await asyncio.sleep(3.9)
        assert not peer.closed
        await asyncio.sleep(0.2)
        assert peer.closed == (1001, "ws.going_away")
        assert Diary.trace[-1] == "on_disconnect"
        await stopping

    play(Diary, scene)


def test_a_silent_peer_does_not_hold_up_the_stop(play: Play) -> None:
    """C15: it is aborted, by close_timeout (5 s) here."""

    async def scene(stage: Any) -> None:
        await stage.peer(answers_close=False)
        began = stage.time
        await stage.host.stop()
        assert stage.time - began == pytest.approx(5)

    play(Diary, scene)


@pytest.mark.parametrize("fails", ["on_sleep", "on_disconnect"])
def test_a_failing_farewell_stops_nothing(
    play: Play, caplog: pytest.LogCaptureFixture, fails: str
) -> None:
    """C12, C15."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        Diary.fails = fails
        await stage.host.stop()
        assert peer.closed == (1001, "ws.going_away")
        record = await stage.storage.find("diary", ("a",))
        assert record is not None
        assert b"slept" in record.state

    play(Diary, scene)
    assert f"hook '{fails}'" in caplog.text


def test_stopping_while_it_connects(play: Play) -> None:
    """C7, C15: on_connect is let finish; then the close, without Init."""

    async def scene(stage: Any) -> None:
        Diary.slow = "on_connect"
        peer = await stage.peer()
        stopping = asyncio.create_task(stage.host.stop())
        await asyncio.sleep(1)
        assert peer.closed is None
        await stopping
        assert not peer.is_init
        assert peer.closed == (1001, "ws.going_away")

    play(Diary, scene)


def test_destroyed_is_destroyed(play: Play) -> None:
    """A6: on_destroy, then every connection ends; later calls by id find nothing."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.subscribe("said")
        actor_id = stage.instance.actor_id
        Diary.trace.clear()
        await stage.host.directory.destroy(actor_id)
        assert Diary.trace == ["on_destroy", "on_disconnect"]
        assert peer.events == [("said", ["farewell"])]
        assert peer.closed == (1001, "ws.going_away")
        assert await stage.storage.load(actor_id) is None
        error = await stage.http("write", "x", target=f"/gateway/{actor_id}")
        assert (error.group, error.code) == ("actor", "not_found")
        with pytest.raises(ActorNotFound):
            await stage.host.directory.destroy(actor_id)
        with pytest.raises(ActorNotFound):
            await stage.host.directory.get("diary", ("a",))

    play(Diary, scene)


def test_the_key_of_a_destroyed_actor_is_free(play: Play) -> None:
    """A6: a new actor, a new id, a new state."""

    async def scene(stage: Any) -> None:
        await stage.http("write", "old")
        old = stage.instance.actor_id
        await stage.host.directory.destroy(old)
        assert await stage.http("write", "new") == ["born", "new"]
        assert stage.instance.actor_id != old

    play(Diary, scene)


def test_a_sleeping_actor_can_be_destroyed(play: Play) -> None:
    """A6: it is woken for its on_destroy."""

    async def scene(stage: Any) -> None:
        await stage.http("write", "x")
        actor_id = stage.instance.actor_id
        await stage.host.stop()
        Diary.trace.clear()
        stage.restart()
        await stage.host.directory.destroy(actor_id)
        assert Diary.trace == ["on_wake", "on_destroy"]
        assert await stage.storage.load(actor_id) is None

    play(Diary, scene)


def test_requests_during_a_destroy_wait_for_the_next_life(play: Play) -> None:
    """A1: at most one instance lives at any time."""

    async def scene(stage: Any) -> None:
        await stage.http("write", "old")
        old = stage.instance.actor_id
        Diary.slow = "on_destroy"
        destroying = asyncio.create_task(stage.host.directory.destroy(old))
        await stage.settle()
        call = asyncio.create_task(stage.http("write", "new"))
        await asyncio.sleep(7)
        assert not call.done()
        await destroying
        assert await call == ["born", "new"]

    play(Diary, scene)


def test_concurrent_first_requests_share_one_start(play: Play) -> None:
    """A1."""

    async def scene(stage: Any) -> None:
        directory = stage.host.directory
        requests = [directory.get_or_create("diary", ("a",)) for _ in range(5)]
        instances = await asyncio.gather(*requests)
        assert len({id(instance) for instance in instances}) == 1
        assert Diary.trace == ["create_state", "on_create", "on_wake"]

    play(Diary, scene)


def test_whoever_gives_up_cancels_no_start(play: Play) -> None:
    """A1: the others still get the instance."""

    async def scene(stage: Any) -> None:
        directory = stage.host.directory
        first = asyncio.create_task(directory.get_or_create("diary", ("a",)))
        second = asyncio.create_task(directory.get_or_create("diary", ("a",)))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).is_ready
        assert first.cancelled()
        assert Diary.trace.count("create_state") == 1

    play(Diary, scene)


@pytest.mark.parametrize("fails", ["create_state", "on_create"])
def test_before_the_commit_a_retry_creates_again(play: Play, fails: str) -> None:
    """A2: what a failed creation did is gone."""

    async def scene(stage: Any) -> None:
        Diary.fails = fails
        error = await stage.http("write", "x")
        assert (error.group, error.code, error.message) == ("user", "broken", fails)
        assert await stage.storage.list("diary") == []
        Diary.fails = ""
        Diary.trace.clear()
        assert await stage.http("write", "x") == ["born", "x"]
        assert Diary.trace[:3] == ["create_state", "on_create", "on_wake"]

    play(Diary, scene)


def test_after_the_commit_a_retry_only_wakes(play: Play) -> None:
    """A2: on_wake runs after the commit."""

    async def scene(stage: Any) -> None:
        Diary.fails = "on_wake"
        error = await stage.http("write", "x")
        assert error.message == "on_wake"
        [record] = await stage.storage.list("diary")
        Diary.fails = ""
        Diary.trace.clear()
        assert await stage.http("write", "x") == ["born", "x"]
        assert Diary.trace[0] == "on_wake"
        assert stage.instance.actor_id == record.actor_id

    play(Diary, scene)


def test_create_refuses_a_key_in_use(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.host.directory.create("diary", ("a",))
        with pytest.raises(DuplicateKey):
            await stage.host.directory.create("diary", ("a",))
        await stage.host.stop()
        stage.restart()
        with pytest.raises(DuplicateKey):
            await stage.host.directory.create("diary", ("a",))

    play(Diary, scene)


def test_no_new_calls_while_it_stops(play: Play) -> None:
    """READY is over as on_sleep begins: a connection that is still open calls in vain."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        Diary.slow = "on_sleep"
        stopping = asyncio.create_task(stage.host.stop())
        await stage.settle()
        peer.call("write", "late")
        await stopping
        assert "write" not in Diary.trace

    play(Diary, scene)


def test_a_stateless_call_that_connects_into_the_stop_is_answered(play: Play) -> None:
    """C14, C15: on_connect returns while on_sleep runs; the action does not run any more.

    The error is one upon which the official client tries again.
    """

    async def scene(stage: Any) -> None:
        await stage.http("write", "first")
        actor = stage.instance.actor
        Diary.slow = "on_sleep"
        Diary.trace.clear()
        actor.connects.clear()
        call = asyncio.create_task(stage.http("write", "late"))
        await stage.settle()
        stopping = asyncio.create_task(stage.host.stop())
        await stage.settle()
        actor.connects.set()
        error = await asyncio.wait_for(call, 20)
        assert (error.group, error.code) == ("actor", "restarting")
        await stopping
        assert "write" not in Diary.trace
        assert Diary.trace.count("on_disconnect") == 1

    play(Diary, scene)


def test_a_call_that_is_cut_off_says_so(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """C15: it may have run, so its error is none upon which a client tries again by itself."""

    async def scene(stage: Any) -> None:
        Diary.slow = "write"
        call = asyncio.create_task(stage.http("write", "half"))
        await stage.settle()
        [conn_id] = stage.instance.drivers
        await stage.host.stop()
        error = await call
        assert (error.group, error.code) == ("actor", "interrupted")
        assert error.message == (
            "action 'write' was cut off at the end of the grace period in which its actor stops; "
            "it may have run in part"
        )
        told = f"diary[a] connection {conn_id}: action 'write' was cut off at the end of the grace"
        [told_of] = [line for line in caplog.records if "cut off" in line.message]
        assert told_of.message.startswith(told)
        assert {line.levelname for line in caplog.records} == {"WARNING"}
        stage.restart()
        Diary.slow = ""
        assert "half" in await stage.http("write", "more")

    play(Diary, scene)
