"""When the state is saved, and what a storage that fails costs: A4."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from attrs import Factory, define

from pyactor.definition import Actor, ActorOptions, action, hook
from pyactor.errors import GoingAway, StorageError, UserError
from pyactor.storage import Changes, ScheduleRecord

Play = Callable[..., None]


@define
class Sheet:
    numbers: list[int] = Factory(list)
    words: dict[str, str] = Factory(dict)


@define
class Tree:
    below: Tree | None = None


class Ledger(
    Actor[Sheet],
    name="ledger",
    options=ActorOptions(max_state_size=2_000, sleep_grace_period=4, action_timeout=20),
):
    go = asyncio.Event()

    @action
    def put(self, number: int) -> int:
        self.state.numbers.append(number)
        return len(self.state.numbers)

    @action
    def put_and_raise(self, number: int) -> None:
        self.state.numbers.append(number)
        raise UserError("never mind")

    @action
    async def put_now(self, number: int) -> int | str:
        self.state.numbers.append(number)
        try:
            await self.save_state(immediate=True)
        except StorageError as error:
            return error.code
        return len(self.state.numbers)

    @action
    async def put_soon(self, number: int) -> None:
        self.state.numbers.append(number)
        await self.save_state()

    @action
    async def put_slowly(self, count: int) -> None:
        for number in range(count):
            self.state.numbers.append(number)
            await asyncio.sleep(1)

    @action
    def look(self) -> list[int]:
        return self.state.numbers

    @action
    def grow(self, size: int) -> None:
        self.state.words["long"] = "x" * size

    @action
    def mend(self, numbers: list[int]) -> None:
        self.state.numbers = numbers

    @action
    def spoil(self, spoilt: bool) -> None:
        self.state.numbers = "no list" if spoilt else []  # type: ignore[assignment] # on purpose


def kept(stage: Any) -> list[int]:
    """The numbers of the newest snapshot that the storage was given."""
    numbers: list[int] = cbor2.loads(stage.storage.states[-1])["numbers"]
    return numbers


def test_a_change_is_saved_within_the_interval(play: Play) -> None:
    """A4: ``state_save_interval`` after the first change, and with all that came since."""

    async def scene(stage: Any) -> None:
        await stage.http("put", 1)
        began = stage.time
        await asyncio.sleep(0.5)
        await stage.http("put", 2)
        assert stage.storage.states == []
        await asyncio.sleep(began + 1 - stage.time)
        assert kept(stage) == [1, 2]
        [(_, first), (changes, immediate)] = stage.storage.commits
        assert (first, immediate) == (True, False)
        assert (changes.record, changes.put_schedules) == (None, ())

    play(Ledger, scene)


def test_what_has_not_changed_is_not_written(play: Play) -> None:
    """A digest tells: reading writes nothing, nor does a sleep after it."""

    async def scene(stage: Any) -> None:
        await stage.http("put", 1)
        await asyncio.sleep(2)
        for _ in range(5):
            assert await stage.http("look") == [1]
            await asyncio.sleep(2)
        assert len(stage.storage.states) == 1
        await stage.http("put_now", 2)
        await stage.host.stop()
        assert len(stage.storage.states) == 2

    play(Ledger, scene)


def test_an_immediate_save_is_kept_when_it_returns(play: Play) -> None:
    """A4, from the outside: another process would find it."""

    async def scene(stage: Any) -> None:
        assert await stage.http("put_now", 1) == 1
        assert kept(stage) == [1]
        assert stage.storage.commits[-1][1]
        found = await stage.storage.find("ledger", ("a",))
        assert cbor2.loads(found.state)["numbers"] == [1]

    play(Ledger, scene)


def test_an_immediate_save_makes_durable_what_was_only_written(play: Play) -> None:
    """The interval's own commit need not survive the loss of power; this one must."""

    async def scene(stage: Any) -> None:
        await stage.http("put", 1)
        await asyncio.sleep(2)
        await stage.instance.save_state(immediate=True)
        assert [immediate for _, immediate in stage.storage.commits] == [True, False, True]
        await stage.instance.save_state(immediate=True)
        assert len(stage.storage.commits) == 3

    play(Ledger, scene)


def test_many_immediate_saves_share_commits(play: Play) -> None:
    """Each returns only once what it saw is kept, yet not each writes."""

    async def scene(stage: Any) -> None:
        await stage.http("look")
        stage.storage.opens.clear()
        calls = [asyncio.create_task(stage.http("put_now", n)) for n in range(10)]
        await stage.settle()
        assert not any(call.done() for call in calls)
        stage.storage.opens.set()
        await asyncio.gather(*calls)
        assert kept(stage) == list(range(10))
        assert len(stage.storage.states) <= 2

    play(Ledger, scene)


def test_a_save_that_was_asked_for_waits_for_the_interval(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("put_soon", 1)
        assert stage.storage.states == []
        await asyncio.sleep(1.1)
        assert kept(stage) == [1]

    play(Ledger, scene)


def test_an_error_rolls_nothing_back(play: Play) -> None:
    """A4."""

    async def scene(stage: Any) -> None:
        await stage.http("put_and_raise", 1)
        await asyncio.sleep(1.1)
        assert kept(stage) == [1]

    play(Ledger, scene)


def test_a_long_action_loses_no_more_than_the_interval(play: Play) -> None:
    """A4: the finished part of an action that stands at an await is saved."""

    async def scene(stage: Any) -> None:
        call = asyncio.create_task(stage.http("put_slowly", 5))
        seen = []
        for _ in range(5):
            await asyncio.sleep(1)
            seen.append(kept(stage) if stage.storage.states else [])
        await call
        assert seen[1:] == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]

    play(Ledger, scene)


def test_what_changes_while_a_save_is_under_way_is_saved_after_it(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("put", 1)
        stage.storage.opens.clear()
        await asyncio.sleep(1.1)
        await stage.http("put", 2)
        stage.storage.opens.set()
        await stage.settle()
        assert kept(stage) == [1]
        await asyncio.sleep(1.1)
        assert kept(stage) == [1, 2]

    play(Ledger, scene)


def test_an_idle_actor_costs_no_timer(play: Play) -> None:
    """No polling: with nothing running there is one timer, that of A3."""

    async def scene(stage: Any) -> None:
        await stage.http("put", 1)
        await asyncio.sleep(2.5)
        loop: Any = asyncio.get_running_loop()
        assert loop.timers == 1

    play(Ledger, scene)


def test_what_on_create_collects_goes_into_the_one_commit(play: Play) -> None:
    """A2; and what code beside it changes while that commit is made, into the next."""

    class Planner(Ledger, name="ledger"):
        @hook
        async def on_create(self) -> None:
            self.state.numbers.append(1)
            instance: Any = self._context
            for name in "ab":
                await instance.saver.commit(put_schedules=[ScheduleRecord(name, 9e9, b"")])
            await instance.saver.commit(delete_schedules=["a"])
            await self.save_state(immediate=True)
            self.wait_until(self.plan(instance))

        async def plan(self, instance: Any) -> None:
            await asyncio.sleep(1)
            await instance.saver.commit(
                put_schedules=[ScheduleRecord("c", 9e9, b"")], delete_schedules=["b"]
            )

    async def scene(stage: Any) -> None:
        stage.storage.opens.clear()
        call = asyncio.create_task(stage.http("look"))
        await asyncio.sleep(2)
        stage.storage.opens.set()
        assert await call == [1]
        [(first, _), (second, _)] = stage.storage.commits
        assert [each.schedule_id for each in first.put_schedules] == ["b"]
        assert first.record is not None
        assert [each.schedule_id for each in second.put_schedules] == ["c"]
        assert second.delete_schedules == ("b",)
        stored = await stage.storage.load(stage.instance.actor_id)
        assert [each.schedule_id for each in stored.schedules] == ["c"]

    play(Planner, scene)


def test_a_state_that_cannot_be_encoded_holds_no_schedule_up(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """A5: what ran would run again without end."""

    async def scene(stage: Any) -> None:
        await stage.http("put_now", 1)
        await stage.http("grow", 3_000)
        await stage.instance.saver.commit(
            put_schedules=[ScheduleRecord("a", 9e9, b"")], with_state=True
        )
        assert stage.storage.commits[-1][0].state is None
        assert "max_state_size is 2000" in caplog.text
        await stage.http("grow", 10)
        await stage.instance.saver.commit(delete_schedules=["a"], with_state=True, immediate=False)
        changes, immediate = stage.storage.commits[-1]
        assert (changes.delete_schedules, immediate) == (("a",), False)
        assert cbor2.loads(changes.state[0])["words"] == {"long": "x" * 10}

    play(Ledger, scene)


# ------------------------------------------------------------------ a storage that fails


def test_a_failed_save_is_tried_again_and_logged_once(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("put", 1)
        stage.storage.fails = True
        before = stage.storage.attempts
        await asyncio.sleep(40)
        tries = stage.storage.attempts - before
        assert 4 <= tries <= 8  # after 1, 2, 4, 8 … seconds
        assert caplog.text.count("saving the state failed") == 1
        stage.storage.fails = False
        await asyncio.sleep(31)
        assert kept(stage) == [1]
        assert "the state is saved again" in caplog.text

    class Awake(Ledger, options=ActorOptions(sleep_timeout=1000)):
        pass

    play(Awake, scene)


def test_an_immediate_save_tells_its_caller(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("look")
        stage.storage.fails = True
        assert await stage.http("put_now", 1) == "full"
        stage.storage.fails = False
        await asyncio.sleep(1.1)  # the caller need not see to it
        assert kept(stage) == [1]

    play(Ledger, scene)


def test_a_save_whose_action_is_cancelled_is_made_again(play: Play) -> None:
    """Nobody knows what became of it, so what is kept counts as unknown."""

    async def scene(stage: Any) -> None:
        await stage.http("look")
        stage.storage.opens.clear()
        call = asyncio.create_task(stage.http("put_now", 1))
        await asyncio.sleep(20.5)
        error = await call
        assert (error.group, error.code) == ("action", "timed_out")
        stage.storage.opens.set()
        await asyncio.sleep(1.1)
        assert kept(stage) == [1]

    play(Ledger, scene)


def test_what_became_of_a_cancelled_save_is_not_taken_for_known(play: Play) -> None:
    """It was made after all; then the state goes back to what was kept before."""

    async def scene(stage: Any) -> None:
        await stage.http("look")
        stage.storage.opens.clear()
        stage.instance.state.numbers.append(1)
        save = asyncio.create_task(stage.instance.save_state(immediate=True))
        await stage.settle()
        stage.storage.opens.set()
        changes = Changes(stage.instance.actor_id, state=(stage.instance.saver.snapshot(), 0))
        await stage.storage.commit(changes)
        save.cancel()
        await stage.settle()
        stage.instance.state.numbers.clear()
        await stage.instance.save_state(immediate=True)
        assert kept(stage) == []

    play(Ledger, scene)


def test_a_failed_save_of_code_outside_any_call_is_made_again_too(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("look")
        await asyncio.sleep(2)
        stage.storage.fails = True
        stage.instance.state.numbers.append(1)
        with pytest.raises(StorageError):
            await stage.instance.save_state(immediate=True)
        stage.storage.fails = False
        await asyncio.sleep(1.1)
        assert kept(stage) == [1]

    play(Ledger, scene)


def test_a_creation_that_cannot_be_kept_is_none(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """A2: the next request creates it; a client is told what is wrong, and no names of files."""

    async def scene(stage: Any) -> None:
        stage.storage.fails = True
        error = await stage.http("put", 1)
        assert (error.group, error.code) == ("storage", "full")
        assert error.message == "The host cannot keep or read its data now: storage.full"
        assert "the disk is full" in caplog.text
        assert stage.host.directory.instances == []
        stage.storage.fails = False
        assert await stage.http("put", 1) == 1

    play(Ledger, scene)


def test_an_actor_does_not_leave_memory_unsaved(play: Play) -> None:
    """A4: it falls asleep once the storage is there again; what comes meanwhile waits."""

    async def scene(stage: Any) -> None:
        await stage.http("put", 1)
        stage.storage.fails = True
        stage.instance.sleep()
        await asyncio.sleep(20)
        [status] = [await stage.host.status(stage.instance.actor_id)]
        assert status.status == "stopping"
        call = asyncio.create_task(stage.http("put", 2))
        await asyncio.sleep(20)
        assert not call.done()
        stage.storage.fails = False
        assert await call == 2

    play(Ledger, scene)


def test_a_save_that_begins_as_the_actor_leaves_memory_is_no_failure(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("put", 1)
        instance = stage.instance
        instance.saver._begin()  # its timer fires just before the stop
        assert await instance.saver.forget(asyncio.Event())
        assert caplog.records == []

    play(Ledger, scene)


def test_a_host_that_stops_gives_a_failing_storage_up(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """It ends, it says what is lost, and only that is lost."""

    async def scene(stage: Any) -> None:
        await stage.http("put_now", 1)
        await stage.http("put", 2)
        stage.storage.fails = True
        began = stage.time
        await stage.host.stop()
        assert stage.time - began < 4
        assert caplog.text.count("the storage fails and the host stops: what changed since") == 1
        stage.storage.fails = False
        stage.restart()
        assert await stage.http("look") == [1]

    play(Ledger, scene)


def test_a_host_that_stops_hurries_an_actor_that_waits(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("put", 1)
        stage.storage.fails = True
        stage.instance.sleep()
        await asyncio.sleep(60)
        began = stage.time
        await stage.host.stop()
        assert stage.time - began < 31

    play(Ledger, scene)


def test_what_runs_on_after_the_stop_cannot_save(play: Play) -> None:
    """A1: another instance may live by now; an old one must not overwrite it."""

    async def scene(stage: Any) -> None:
        await stage.http("put", 1)
        old = stage.instance
        old.sleep()
        await stage.settle()
        assert await stage.http("put_now", 2) == 2
        old.state.numbers.append(99)
        with pytest.raises(GoingAway, match="cannot save any more"):
            await old.save_state(immediate=True)
        await old.save_state(immediate=False)
        await asyncio.sleep(3)
        assert kept(stage) == [1, 2]

    play(Ledger, scene)


# ------------------------------------------------------------------ a state that cannot be saved


def test_a_state_that_is_too_large(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """It says so, what was kept stays, and it is saved once it is small enough."""

    async def scene(stage: Any) -> None:
        await stage.http("put_now", 1)
        await stage.http("grow", 3_000)
        error = await stage.http("put_now", 2)
        assert (error.group, error.code) == ("actor", "state_too_large")
        assert "max_state_size is 2000" in error.message
        await asyncio.sleep(1.5)
        assert "max_state_size is 2000" in caplog.text
        assert kept(stage) == [1]
        await stage.http("grow", 10)
        await asyncio.sleep(10)
        assert kept(stage) == [1, 2]

    play(Ledger, scene)


def test_a_first_state_that_is_too_large_creates_nothing(play: Play) -> None:
    class Huge(Ledger, name="ledger"):
        @hook
        def create_state(self, input: None) -> Sheet:
            return Sheet(words={"long": "x" * 3_000})

    async def scene(stage: Any) -> None:
        error = await stage.http("look")
        assert (error.group, error.code) == ("actor", "state_too_large")
        assert await stage.storage.list("ledger") == []

    play(Huge, scene)


def test_a_state_that_is_nested_too_deeply_to_be_read_again_is_not_written(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """What is written can be read: the bound is the reader's."""

    class Nested(Actor[Tree], name="nested"):
        @action
        async def nest(self, depth: int) -> str:
            self.state = Tree()
            for _ in range(depth - 1):
                self.state = Tree(self.state)
            try:
                await self.save_state(immediate=True)
            except ValueError as error:
                return str(error)
            return "saved"

    async def scene(stage: Any) -> None:
        for depth in (201, 300):  # the answer is an error too, since nothing of it can be kept
            error = await stage.http("nest", depth)
            assert (error.group, error.code) == ("core", "internal_error")
            assert "the state is nested more than 200 deep" in caplog.text
            caplog.clear()
        assert await stage.http("nest", 200) == "saved"
        stage.instance.sleep()
        await stage.settle()
        assert await stage.http("nest", 1) == "saved"

    play(Nested, scene)


@pytest.mark.parametrize("how", ["idle", "sleep()"])
def test_an_actor_whose_state_cannot_be_kept_stays_until_it_can(
    play: Play, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """A4: what clients were told is done is not lost; and from then on calls fail until it is."""

    async def scene(stage: Any) -> None:
        instance = await stage.http("put_now", 1) and stage.instance
        await stage.http("put", 2)
        await stage.http("spoil", True)  # nobody has looked yet
        await asyncio.sleep(2)
        assert "state of ledger: expected list, got str @ $.numbers" in caplog.text
        for _ in range(2):
            error = await stage.http("grow", 1)
            assert (error.group, error.code) == ("core", "internal_error")
        if how == "idle":
            await asyncio.sleep(100)
        else:
            instance.sleep()
            await stage.settle()
        assert stage.instance is instance
        assert instance.is_ready
        assert await stage.http("mend", [1, 2, 3]) is None
        assert await stage.http("put", 4) == 4
        await asyncio.sleep(100)
        assert kept(stage) == [1, 2, 3, 4]
        assert stage.host.directory.instances == []

    with caplog.at_level(logging.WARNING):
        play(Ledger, scene)


def test_a_host_that_stops_says_what_is_lost(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("put_now", 1)
        await stage.http("spoil", True)
        await stage.host.stop()
        assert "its state cannot be saved: what changed since the last save is lost" in caplog.text
        stage.restart()
        assert await stage.http("look") == [1]

    with caplog.at_level(logging.WARNING):
        play(Ledger, scene)


class Early(Actor[Sheet], name="early", options=ActorOptions(state_save_interval=1)):
    saved = False

    @hook
    def on_create(self) -> None:
        self.wait_until(self.work())

    async def work(self) -> None:
        await asyncio.sleep(1)  # the creation's commit is under way
        self.state.numbers.append(1)
        await self.save_state(immediate=True)
        type(self).saved = True
        self.state.numbers.append(2)

    @action
    def look(self) -> list[int]:
        return self.state.numbers


def test_what_is_saved_while_the_creation_commits_is_kept(play: Play) -> None:
    """A4: an immediate save waits for the creation's commit and makes its own; the rest follows."""

    async def scene(stage: Any) -> None:
        Early.saved = False
        stage.storage.opens.clear()
        answer = asyncio.ensure_future(stage.host.directory.get_or_create("early", ("a",)))
        await asyncio.sleep(3)
        assert not Early.saved
        stage.storage.opens.set()
        await answer
        await asyncio.sleep(0.5)
        assert kept(stage) == [1]
        await asyncio.sleep(2)
        assert kept(stage) == [1, 2]

    play(Early, scene)
