"""An actor that ends itself, one that cannot start, and what is seen of it: A1, A2, A6."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define

from pyactor.definition import Actor, ActorOptions, action, hook
from pyactor.errors import ActorNotFound, ActorRestarting, UserError

Play = Callable[..., None]


@define
class Count:
    n: int = 0


class Mortal(
    Actor[Count],
    name="mortal",
    options=ActorOptions(sleep_timeout=20, sleep_grace_period=6, action_timeout=50),
):
    trace: list[str] = []  # noqa: RUF012 - shared on purpose: it outlives the instances
    at: str = ""
    does: str = ""
    farewell: float = 0

    def step(self, name: str) -> None:
        Mortal.trace.append(name)
        if Mortal.at == name:
            match Mortal.does:
                case "sleep":
                    self.sleep()
                case "destroy":
                    self.destroy()
                case "raise":
                    raise UserError("no", code="no")
                case "break":
                    raise ValueError("no")
                case "cancel":
                    raise asyncio.CancelledError

    @hook
    async def on_create(self) -> None:
        self.step("on_create")

    @hook
    async def on_wake(self) -> None:
        self.step("on_wake")
        if Mortal.does == "linger":
            await asyncio.sleep(3)

    @hook
    async def on_sleep(self) -> None:
        self.step("on_sleep")
        if Mortal.does == "linger":
            await asyncio.sleep(2)

    @hook
    async def on_destroy(self) -> None:
        self.step("on_destroy")
        await asyncio.sleep(Mortal.farewell)

    @action
    async def end(self, how: str, seconds: float) -> int:
        self.state.n += 1
        if how == "sleep":
            self.sleep()
        elif how == "destroy":
            self.destroy()
            self.sleep()  # what is stronger counts
        await asyncio.sleep(seconds)
        return self.state.n

    @action
    async def add(self) -> int:
        self.state.n += 1
        return self.state.n


@pytest.fixture(autouse=True)
def _clean() -> None:
    Mortal.trace.clear()
    Mortal.at = Mortal.does = ""


def test_sleep_begins_once_the_running_call_is_over(play: Play) -> None:
    """Its connection ends with it (C15), and the answer comes first."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        call = peer.call("end", "sleep", 5)
        await asyncio.sleep(4)
        assert not peer.closed
        await asyncio.sleep(1.1)
        assert peer.answer(call) == 1
        assert peer.closed == (1001, "ws.going_away")
        assert stage.host.directory.instances == []
        assert await stage.http("add") == 2
        assert Mortal.trace == ["on_create", "on_wake", "on_sleep", "on_wake"]

    play(Mortal, scene)


def test_destroy_begins_once_the_running_call_is_over(play: Play) -> None:
    """A6: later calls by id find nothing, and the key is free."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.http("end", "destroy", 5))
        await asyncio.sleep(1)
        actor_id = stage.instance.actor_id
        assert await call == 1
        await stage.settle()
        assert await stage.storage.load(actor_id) is None
        error = await stage.http("add", target=f"/gateway/{actor_id}")
        assert (error.group, error.code) == ("actor", "not_found")
        assert await stage.http("add") == 1
        assert stage.instance.actor_id != actor_id

    play(Mortal, scene)


def test_other_calls_in_flight_get_the_grace_period(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        await stage.http("add")
        slow = asyncio.create_task(stage.http("end", "", 5))
        await stage.settle()
        peer.call("end", "sleep", 0)
        assert await slow == 3

    play(Mortal, scene)


def test_code_outside_of_any_call_may_ask_too(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("add")
        stage.instance.actor.sleep()
        await stage.settle()
        assert stage.host.directory.instances == []
        await stage.http("add")
        old = stage.instance
        old.actor.destroy()
        old.actor.destroy()
        await stage.settle()
        assert await stage.storage.list("mortal") == []
        old.actor.sleep()  # too late to mean anything
        await stage.settle()

    play(Mortal, scene)


def test_calls_during_a_stop_wait_for_the_next_wake(play: Play) -> None:
    """A1: in order of arrival, and on a new instance."""

    async def scene(stage: Any) -> None:
        await stage.http("add")
        old = stage.instance
        Mortal.does = "linger"
        old.sleep()
        await stage.settle()
        calls = [asyncio.create_task(stage.http("add")) for _ in range(3)]
        peer = asyncio.create_task(stage.peer())
        await asyncio.sleep(1)
        assert not any(call.done() for call in calls)
        assert await asyncio.gather(*calls) == [2, 3, 4]
        assert (await peer).is_init
        assert stage.instance is not old
        Mortal.does = ""

    play(Mortal, scene)


@pytest.mark.parametrize("at", ["on_create", "on_wake"])
@pytest.mark.parametrize("does", ["sleep", "destroy"])
def test_an_actor_that_stops_as_it_starts_is_not_followed_without_end(
    play: Play, at: str, does: str
) -> None:
    async def scene(stage: Any) -> None:
        Mortal.at, Mortal.does = at, does
        answer = await stage.http("add")
        if (at, does) == ("on_create", "sleep"):
            assert answer == 1  # it is created once, and only woken then
        else:
            assert (answer.group, answer.code) == ("actor", "restarting")
            assert "stops as soon as it has started" in answer.message
            assert Mortal.trace.count("on_wake") == 3
        Mortal.at = ""
        assert await stage.http("add") in (1, 2)

    play(Mortal, scene)


def test_destroy_in_on_sleep_is_done_in_place_of_the_sleep(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("add")
        Mortal.trace.clear()
        Mortal.at, Mortal.does = "on_sleep", "destroy"
        stage.instance.sleep()
        await stage.settle()
        assert Mortal.trace == ["on_sleep", "on_destroy"]
        assert stage.storage.states == []  # nobody would read it
        assert await stage.storage.list("mortal") == []
        assert stage.host.directory.instances == []

    play(Mortal, scene)


@pytest.mark.parametrize("seconds", [0.5, 100])
def test_destroy_is_not_forgotten_as_the_host_stops(play: Play, seconds: float) -> None:
    """A6: the call that asked for it may end within the grace period, or be cancelled by it."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.http("end", "destroy", seconds))
        await asyncio.sleep(0.1)
        began_at = stage.time
        await stage.host.stop()
        await call
        assert Mortal.trace[-2:] == ["on_sleep", "on_destroy"]
        assert await stage.storage.list("mortal") == []
        assert stage.time - began_at < 8  # the grace period, and a moment for what it cancels

    play(Mortal, scene)


def test_a_late_on_destroy_has_a_bound_too(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """The grace period's end, or a second where nothing is left of it (C15)."""

    async def scene(stage: Any) -> None:
        Mortal.farewell = 100
        call = asyncio.create_task(stage.http("end", "destroy", 3))
        await asyncio.sleep(0.1)
        began_at = stage.time
        await stage.host.stop()
        assert await call == 1
        assert stage.time - began_at == pytest.approx(6, abs=0.1)
        stage.restart()
        call = asyncio.create_task(stage.http("end", "destroy", 100))
        await asyncio.sleep(0.1)
        began_at = stage.time
        await stage.host.stop()
        await call
        assert stage.time - began_at == pytest.approx(7, abs=0.1)
        Mortal.farewell = 0
        assert await stage.storage.list("mortal") == []

    play(Mortal, scene)
    assert caplog.text.count("hook 'on_destroy' was cut off") == 2


def test_a_destroy_while_the_last_save_waits_is_done_too(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("add")
        instance = stage.instance
        stage.storage.opens.clear()
        instance.sleep()
        await asyncio.sleep(1)
        instance.destroy()
        await asyncio.sleep(1)
        stage.storage.opens.set()
        await stage.settle()
        assert Mortal.trace[-2:] == ["on_sleep", "on_destroy"]
        assert await stage.storage.list("mortal") == []

    play(Mortal, scene)


def test_destroying_while_it_falls_asleep_destroys_it_all_the_same(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("add")
        actor_id = stage.instance.actor_id
        Mortal.does = "linger"
        stage.instance.sleep()
        await stage.settle()
        await stage.host.directory.destroy(actor_id)
        assert await stage.storage.load(actor_id) is None
        assert Mortal.trace[-2:] == ["on_wake", "on_destroy"]

    play(Mortal, scene)


def test_a_failed_delete_is_made_again(play: Play) -> None:
    """A6: nobody sees the actor again meanwhile."""

    async def scene(stage: Any) -> None:
        await stage.http("add")
        actor_id = stage.instance.actor_id
        stage.storage.fails = True
        destroying = asyncio.create_task(stage.host.directory.destroy(actor_id))
        await asyncio.sleep(10)
        call = asyncio.create_task(stage.http("add", target=f"/gateway/{actor_id}"))
        await asyncio.sleep(1)
        assert not destroying.done()
        assert not call.done()
        stage.storage.fails = False
        await destroying
        assert (await call).code == "not_found"
        assert Mortal.trace.count("on_destroy") == 1

    play(Mortal, scene)


def test_a_delete_that_the_end_of_the_host_prevents_is_no_success(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("add")
        stage.storage.fails = True
        destroying = asyncio.create_task(stage.host.directory.destroy(stage.instance.actor_id))
        await stage.settle()
        await stage.host.stop()
        with pytest.raises(ActorRestarting):
            await destroying
        stage.storage.fails = False

    play(Mortal, scene)


# ------------------------------------------------------------------ one that cannot start


def test_a_failed_start_is_told_and_tried_again_by_the_next_request(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("add")
        actor_id = stage.instance.actor_id
        stage.instance.sleep()
        await stage.settle()
        Mortal.at, Mortal.does = "on_wake", "raise"
        error = await stage.http("add")
        assert (error.group, error.code) == ("user", "no")
        status = await stage.host.status(actor_id)
        assert (status.status, status.error) == ("crashed", "user.no")
        Mortal.at = ""
        assert await stage.http("add") == 2
        stage.instance.sleep()
        await stage.settle()
        status = await stage.host.status(actor_id)
        assert (status.status, status.error) == ("sleeping", None)

    play(Mortal, scene)


@pytest.mark.parametrize("at", ["on_create", "on_wake"])
def test_a_start_hook_that_raises_a_cancellation_has_failed(
    play: Play, caplog: pytest.LogCaptureFixture, at: str
) -> None:
    """As one of its own tasks may that it waits for; nobody who asked is cancelled by it."""

    async def scene(stage: Any) -> None:
        Mortal.at, Mortal.does = at, "cancel"
        error = await stage.http("add")
        assert (error.group, error.code) == ("core", "internal_error")
        Mortal.does = ""
        assert await stage.http("add") == 1

    play(Mortal, scene)
    assert f"hook {at!r} raised CancelledError" in caplog.text


def test_a_cancelled_start_is_told_as_one(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """As the loop ends; the hook that it cuts off is in no grace period."""

    async def scene(stage: Any) -> None:
        Mortal.does = "linger"
        asking = asyncio.create_task(stage.http("add"))
        await stage.settle()
        await stage.crash()
        assert asking.cancelled()

    play(Mortal, scene)
    [record] = caplog.records
    assert "hook 'on_wake' was cut off with the start of its actor; it may" in record.getMessage()


@pytest.mark.parametrize("does", ["break", "raise", "sleep"])
def test_one_that_cannot_start_can_be_destroyed(
    play: Play, caplog: pytest.LogCaptureFixture, does: str
) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("add")
        actor_id = stage.instance.actor_id
        stage.instance.sleep()
        await stage.settle()
        Mortal.at, Mortal.does = "on_wake", does
        await stage.host.directory.destroy(actor_id)
        assert await stage.storage.list("mortal") == []
        with pytest.raises(ActorNotFound):
            await stage.host.status(actor_id)
        Mortal.at = ""
        assert await stage.http("add") == 1

    play(Mortal, scene)
    assert "was destroyed without on_destroy" in caplog.text


def test_a_start_that_fails_leaves_nothing_running(play: Play) -> None:
    """Nor does it save: what was not committed is gone."""

    class Busy(Mortal):
        @hook
        async def on_wake(self) -> None:
            self.state.n = 99
            self.wait_until(asyncio.sleep(1000))
            if Mortal.does == "raise":
                raise UserError("no")

    async def scene(stage: Any) -> None:
        Mortal.does = "raise"
        await stage.http("add")
        assert len(asyncio.all_tasks()) == 1
        await asyncio.sleep(3)
        assert stage.storage.states == []
        Mortal.does = ""

    play(Busy, scene)


# ------------------------------------------------------------------ what is seen of it


def test_its_status_in_the_words_of_rivetkit(play: Play) -> None:
    async def scene(stage: Any) -> None:
        Mortal.does = "linger"
        call = asyncio.create_task(stage.http("add"))
        await asyncio.sleep(1)
        [entry] = await stage.storage.list("mortal")
        actor_id = entry.actor_id
        seen = [await stage.host.status(actor_id)]
        await call
        seen.append(await stage.host.status(actor_id))
        stage.instance.sleep()
        await asyncio.sleep(1)
        seen.append(await stage.host.status(actor_id))
        await asyncio.sleep(5)
        seen.append(await stage.host.status(actor_id))
        assert [each.status for each in seen] == ["starting", "running", "stopping", "sleeping"]
        assert [each.connectable_at is None for each in seen] == [True, False, False, True]
        assert [each.started_at is None for each in seen] == [False, False, False, True]
        assert seen[3].slept_at == pytest.approx(1_800_000_000 + 3 + 2, abs=0.1)
        with pytest.raises(ActorNotFound, match="no actor has the id 'none'"):
            await stage.host.status("none")
        stage.restart()
        assert (await stage.host.status(actor_id)).status == "sleeping"
        Mortal.does = ""

    play(Mortal, scene)


def test_a_deletion_that_fails_is_told_as_one(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """A6: also if a save had failed before; it is tried again until the host stops."""

    async def scene(stage: Any) -> None:
        await stage.http("end", "nothing", 0)
        actor_id = stage.instance.actor_id
        stage.storage.fails = True
        stage.instance.saver._failures = 3
        destroying = asyncio.create_task(stage.host.directory.destroy(actor_id))
        await asyncio.sleep(10)
        assert "deleting the destroyed actor failed; it is tried again until it is" in caplog.text
        stage.storage.fails = False
        await destroying
        assert "the destroyed actor is deleted, after" in caplog.text
        await stage.http("end", "nothing", 0)
        stage.storage.fails = True
        actor_id = stage.instance.actor_id
        destroying = asyncio.create_task(stage.host.directory.destroy(actor_id))
        await stage.settle()
        await stage.host.stop()
        with contextlib.suppress(ActorRestarting):
            await destroying
        assert "the destroyed actor is not deleted, and the next host finds it" in caplog.text
        assert "saving the state" not in caplog.text
        stage.storage.fails = False

    play(Mortal, scene)
