"""A host wakes who sleeps for what is due, also what came due while no host ran (A5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import cbor2
import pytest
from attrs import Factory, define
from typing_extensions import override

from pyactor.definition import Actor, ActorOptions, action, hook
from pyactor.errors import ActorNotFound, StorageError, UserError
from pyactor.host._alarms import Alarms
from pyactor.runtime import Clock
from pyactor.storage import InlineStorage, MemoryCore

Play = Callable[..., None]
Virtual = Callable[..., None]


@define
class Log:
    lines: list[str] = Factory(list)


@define
class Note:
    first_line: str
    is_loud: bool = False


class Sleeper(Actor[Log], options=ActorOptions(sleep_timeout=5)):
    """Notes at which second something ran, and how often it woke before."""

    wakes = 0

    @hook
    def on_wake(self) -> None:
        Sleeper.wakes += 1

    @action
    def note(self, line: str) -> None:
        self.state.lines.append(f"{asyncio.get_running_loop().time():.0f} {line}")

    @action
    async def after(self, seconds: float, line: str) -> None:
        await self.schedule.after(seconds, Sleeper.note, line)

    @action
    async def every(self, name: str, seconds: float) -> None:
        await self.cron.every(name, seconds, Sleeper.note, name)

    @action
    async def after_and_sleep(self, seconds: float) -> None:
        await self.schedule.after(seconds, Sleeper.note, "slept")
        self.sleep()

    @action
    async def run_long(self, seconds: float) -> None:
        await self.schedule.after(1, Sleeper.take_long, seconds)

    @action
    async def take_long(self, seconds: float) -> None:
        self.state.lines.append("begun")
        await asyncio.sleep(seconds)
        self.state.lines.append("done")

    @action
    def sleep_now(self) -> None:
        self.sleep()

    @action
    async def sleep_when_due(self) -> None:
        await self.schedule.after(1, Sleeper.sleep_now)

    @action
    async def sleep_soon_every(self, name: str, seconds: float) -> None:
        await self.cron.every(name, seconds, Sleeper.sleep_now)

    @action
    def lines(self) -> list[str]:
        return self.state.lines


@pytest.fixture(autouse=True)
def _nobody_woke_yet() -> None:
    Sleeper.wakes = 0


def awake(stage: Any) -> int:
    return len(stage.host.directory.instances)


async def stop_and_wait(stage: Any, seconds: float) -> None:
    """The host is down for a while; then there is another on the same storage."""
    await stage.host.stop()
    await asyncio.sleep(seconds)
    stage.restart()


# ------------------------------------------------------------------ asleep


def test_a_sleeping_actor_is_woken_when_something_is_due(play: Play) -> None:
    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("after", 100, "x")
        await asyncio.sleep(50)
        assert awake(stage) == 0
        await asyncio.sleep(49)
        assert awake(stage) == 0
        await asyncio.sleep(2)
        assert awake(stage) == 1
        assert stage.instance.state.lines == ["100 x"]
        await asyncio.sleep(10)
        assert awake(stage) == 0
        assert Sleeper.wakes == 2

    play(Sleeper, scene)


def test_it_sleeps_between_the_runs_of_a_job(play: Play) -> None:
    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("every", "tick", 60)
        for minute in range(1, 5):
            await asyncio.sleep(50)
            assert awake(stage) == 0
            await asyncio.sleep(10)
            await stage.settle()
            assert awake(stage) == 1
            assert len(stage.instance.state.lines) == minute
        assert await stage.http("lines") == ["60 tick", "120 tick", "180 tick", "240 tick"]

    play(Sleeper, scene)


def test_one_that_is_awake_needs_nobody_to_wake_it(play: Play) -> None:
    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("after", 2, "x")
        await asyncio.sleep(4)
        assert Sleeper.wakes == 1
        assert await stage.http("lines") == ["2 x"]

    play(Sleeper, scene)


def test_what_an_actor_schedules_before_it_goes_to_sleep(play: Play) -> None:
    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("after_and_sleep", 0)
        await asyncio.sleep(10)
        await stage.http("after_and_sleep", 30)
        await asyncio.sleep(29)
        assert awake(stage) == 0
        await asyncio.sleep(2)
        assert stage.instance.state.lines == ["0 slept", "40 slept"]

    play(Sleeper, scene)


def test_an_action_that_sleeps_when_it_is_due_is_not_run_again(play: Play) -> None:
    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("sleep_when_due")
        await asyncio.sleep(300)
        assert awake(stage) == 0
        assert Sleeper.wakes == 1
        await stage.http("sleep_soon_every", "nap", 10)
        await asyncio.sleep(95)
        assert Sleeper.wakes == 2 + 9

    play(Sleeper, scene)


def test_a_run_cut_off_by_a_stop_runs_again(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("run_long", 40)
        await asyncio.sleep(2)
        await stop_and_wait(stage, 1)  # its grace period is 15 seconds
        stage.host.start()
        await asyncio.sleep(50)
        assert await stage.http("lines") == ["begun", "begun", "done"]

    play(Sleeper, scene)


def test_a_stop_waits_for_what_runs(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("run_long", 10)
        await asyncio.sleep(2)
        await stop_and_wait(stage, 1)
        stage.host.start()
        await asyncio.sleep(50)
        assert await stage.http("lines") == ["begun", "done"]

    play(Sleeper, scene)


def test_nothing_begins_while_it_stops(play: Play) -> None:
    class Lingering(Actor[Log]):
        @action
        def note(self, line: str) -> None:
            self.state.lines.append(line)

        @action
        async def after(self, seconds: float) -> None:
            await self.schedule.after(seconds, Lingering.note, "ran")

        @hook
        async def on_sleep(self) -> None:
            self.state.lines.append("falls asleep")
            await asyncio.sleep(3)
            self.state.lines.append("sleeps")

        @action
        def lines(self) -> list[str]:
            return self.state.lines

    async def scene(stage: Any) -> None:
        await stage.http("after", 1)
        await stop_and_wait(stage, 0)
        await stage.http("lines")  # wakes it
        await stage.settle()
        assert await stage.http("lines") == ["falls asleep", "sleeps", "ran"]

    play(Lingering, scene)


def test_a_destroyed_actor_is_not_woken(play: Play) -> None:
    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("after", 20, "x")
        await stage.host.directory.destroy(stage.instance.actor_id)
        await asyncio.sleep(60)
        assert Sleeper.wakes == 1
        assert await stage.storage.next_due(0) is None

    play(Sleeper, scene)


# ------------------------------------------------------------------ after a restart


def test_what_was_missed_runs_once_at_once_and_jobs_go_on(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("after", 10, "once")
        await stage.http("every", "tick", 60)
        await stop_and_wait(stage, 330)
        assert awake(stage) == 0
        stage.host.start()
        await stage.settle()
        assert awake(stage) == 1
        await asyncio.sleep(60)
        assert await stage.http("lines") == ["330 once", "330 tick", "360 tick"]

    play(Sleeper, scene)


def test_a_job_that_on_wake_sets_anew_runs_all_the_same(play: Play) -> None:
    class Beating(Actor[Log], options=ActorOptions(sleep_timeout=5)):
        @hook
        async def on_wake(self) -> None:
            await self.cron.every("beat", 60, Beating.beat)

        @action
        def beat(self) -> None:
            self.state.lines.append(f"{asyncio.get_running_loop().time():.0f}")

        @action
        def lines(self) -> list[str]:
            return self.state.lines

    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("lines")
        await asyncio.sleep(200)
        assert await stage.http("lines") == ["60", "120", "180"]

    play(Beating, scene)


def test_what_is_not_due_yet_is_waited_for_and_nothing_is_loaded(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("after", 100, "x")
        await stop_and_wait(stage, 10)
        stage.host.start()
        await asyncio.sleep(85)
        assert Sleeper.wakes == 1
        await asyncio.sleep(10)
        assert stage.instance.state.lines == ["100 x"]

    play(Sleeper, scene)


def test_a_crash_loses_no_schedule(play: Play) -> None:
    """The old host is simply not asked any more; its storage lets go of it."""

    async def scene(stage: Any) -> None:
        await stage.http("after", 10, "once")
        old = stage.host
        old.directory.instances[0].schedules.end()
        stage.restart()
        stage.host.start()
        await asyncio.sleep(11)
        assert "10 once" in stage.instance.state.lines
        await old.stop()

    play(Sleeper, scene)


def test_arguments_survive_under_their_names_in_python(play: Play) -> None:
    def older() -> Any:
        class Room(Actor[Log], wire_case="camel"):
            @action
            async def plan_it(self) -> None:
                await self.schedule.after(10, Room.take_note, Note("hi", True), how_often=2)

            @action
            def take_note(self, a_note: Note, *, how_often: int = 1) -> None: ...

        return Room

    def newer() -> Any:
        class Room(Actor[Log]):
            @action
            def take_note(self, a_note: Note, loud: bool = False, *, how_often: int = 1) -> None:
                line = f"{a_note.first_line} {a_note.is_loud} {loud} {how_often}"
                self.state.lines.append(line)

            @action
            def lines(self) -> list[str]:
                return self.state.lines

        return Room

    async def scene(stage: Any) -> None:
        await stage.http("planIt")
        await stage.host.stop()
        stage.restart(newer())
        stage.host.start()
        await asyncio.sleep(11)
        assert await stage.http("lines") == ["hi True False 2"]

    play(older(), scene)


def test_what_no_longer_fits_is_logged_once_and_dropped(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    def older() -> Any:
        class Room(Actor[Log]):
            @action
            async def plan(self) -> None:
                await self.schedule.after(10, Room.gone)
                await self.schedule.after(10, Room.changed, 3)
                await self.cron.every("gone", 10, Room.gone)
                await self.schedule.after(10, Room.stays, "x")

            @action
            def gone(self) -> None: ...

            @action
            def changed(self, n: int) -> None: ...

            @action
            def stays(self, line: str) -> None: ...

        return Room

    def newer() -> Any:
        class Room(Actor[Log]):
            @action
            def changed(self, n: str) -> None: ...

            @action
            def stays(self, line: str) -> None:
                self.state.lines.append(line)

            @action
            def lines(self) -> list[str]:
                return self.state.lines

        return Room

    async def scene(stage: Any) -> None:
        await stage.http("plan")
        await stage.host.stop()
        stage.restart(newer())
        stage.host.start()
        await asyncio.sleep(200)
        assert await stage.http("lines") == ["x"]
        assert await stage.storage.next_due(0) is None

    play(older(), scene)
    told = [each.getMessage() for each in caplog.records if "is dropped" in each.getMessage()]
    gone = "Room[a] scheduled action 'gone' is dropped: Room has no action 'gone' any more"
    assert told == [
        gone,
        (
            "Room[a] scheduled action 'changed' is dropped: changed(): argument 'n': "
            "expected str, got int @ n (action.invalid_arguments)"
        ),
        gone,
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"\x82\x01", "its bytes are no planned call"),
        (b"\x01", "its bytes are no planned call"),
        (cbor2.dumps({"version": 2}), "it is of version 2, this one reads 1"),
    ],
)
def test_what_cannot_be_read_is_dropped_and_the_rest_goes_on(
    play: Play, caplog: pytest.LogCaptureFixture, body: bytes, told: str
) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("after", 10, "x")
        await stage.http("after", 20, "y")
        actor_id = stage.instance.actor_id
        await stage.host.stop()
        first, _ = (await stage.storage.load(actor_id)).schedules
        broken = type(first)(first.schedule_id, first.due_at, body)
        changes = type(stage.storage.commits[0][0])(actor_id, put_schedules=(broken,))
        await stage.storage.commit(changes)
        stage.restart()
        stage.host.start()
        await asyncio.sleep(21)
        assert stage.instance.state.lines == ["20 y"]

    play(Sleeper, scene)
    assert caplog.text.count(f"is dropped: {told}") == 1


# ------------------------------------------------------------------ when something fails


def test_an_actor_that_does_not_start_is_tried_again_ever_more_seldom(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    class Stubborn(Actor[Log], options=ActorOptions(sleep_timeout=5)):
        fails = False
        tries: list[int] = []  # noqa: RUF012 - of the class, to be seen from outside

        @hook
        def on_wake(self) -> None:
            if Stubborn.fails:
                Stubborn.tries.append(int(asyncio.get_running_loop().time()))
                raise UserError("not today")

        @action
        def note(self) -> None:
            self.state.lines.append("ran")

        @action
        async def plan(self) -> None:
            await self.schedule.after(100, Stubborn.note)

    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("plan")
        Stubborn.fails = True
        await asyncio.sleep(400)
        assert Stubborn.tries[:7] == [100, 101, 103, 107, 115, 131, 163]
        assert Stubborn.tries[7:] == [223, 283, 343]  # a minute at most
        Stubborn.fails = False
        await asyncio.sleep(4)
        assert stage.instance.state.lines == ["ran"]

    play(Stubborn, scene)
    assert caplog.text.count("has something due and does not start: UserError: not today") == 1


def test_a_class_that_is_not_served_any_more_harms_nobody(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    class Other(Actor[None]):
        pass

    async def scene(stage: Any) -> None:
        await stage.http("after", 10, "x")
        await stage.host.stop()
        stage.restart(Other)
        stage.host.start()
        await asyncio.sleep(100)
        assert awake(stage) == 0
        assert await stage.storage.next_due(0) is not None  # kept, in case it comes back

    play(Sleeper, scene)
    assert caplog.text.count("no actor is named 'Sleeper'") == 1


class Row(Clock):
    """Actors that are all due at one time, and what is done to them."""

    def __init__(self, count: int) -> None:
        self.storage = _Due({f"a{number}": 0.0 for number in range(count)})
        self.awake: set[str] = set()
        self.at_once = self.most_at_once = 0
        self.woken: list[str] = []
        self.fail: set[str] = set()
        self.takes = 1.0
        self.alarms = Alarms(self.storage, self, wake=self.wake, is_awake=self.awake.__contains__)

    @override
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def wake(self, actor_id: str) -> None:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(self.takes)
        self.at_once -= 1
        if actor_id in self.fail:
            raise UserError("no")
        self.woken.append(actor_id)
        self.awake.add(actor_id)


class _Due(InlineStorage):
    def __init__(self, due_at: dict[str, float]) -> None:
        super().__init__(MemoryCore())
        self.due_at = due_at
        self.asked = 0
        self.fails = False
        self.opens = asyncio.Event()
        self.opens.set()

    @override
    async def due(self, before: float, limit: int = 100) -> Sequence[tuple[str, float]]:
        self.asked += 1
        if self.fails:
            raise StorageError("the disk is gone")
        return [each for each in self.due_at.items() if each[1] <= before][:limit]

    @override
    async def next_due(self, after: float) -> float | None:
        found = min((each for each in self.due_at.values() if each > after), default=None)
        await self.opens.wait()
        return found


def test_so_many_are_woken_at_a_time(virtual: Virtual) -> None:
    async def scene() -> None:
        row = Row(500)
        row.alarms.start()
        await asyncio.sleep(20)
        assert len(row.woken) == len(set(row.woken)) == 500
        assert row.most_at_once == 64
        await row.alarms.close()

    virtual(scene())


def test_those_behind_a_page_of_others_are_found(virtual: Virtual) -> None:
    """2,500 that are awake or fail stand before the one that sleeps."""

    async def scene() -> None:
        row = Row(2501)
        row.awake.update(f"a{number}" for number in range(2400))
        row.fail = {f"a{number}" for number in range(2400, 2500)}
        row.alarms.start()
        await asyncio.sleep(10)
        assert row.woken == ["a2500"]
        await row.alarms.close()

    virtual(scene())


def test_a_storage_that_fails_is_asked_again_ever_more_seldom(
    virtual: Virtual, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        row = Row(1)
        row.storage.fails = True
        row.alarms.start()
        await asyncio.sleep(110)
        assert row.storage.asked == 7  # at 0, 1, 3, 7, 15, 31 and 63 seconds
        row.storage.fails = False
        await asyncio.sleep(60)
        assert row.woken == ["a0"]
        await row.alarms.close()

    virtual(scene())
    assert caplog.text.count("cannot look for what is due") == 1


def test_one_that_failed_and_has_nothing_due_any_more_is_forgotten(virtual: Virtual) -> None:
    async def scene() -> None:
        row = Row(1)
        row.fail = {"a0"}
        row.alarms.start()
        await asyncio.sleep(5)
        row.storage.due_at = {"a1": 1e6}
        await asyncio.sleep(100)
        asked = row.storage.asked
        await asyncio.sleep(1000)
        assert row.storage.asked == asked
        assert row.alarms._failed == {}
        await row.alarms.close()

    virtual(scene())


def test_one_that_was_destroyed_meanwhile_is_no_failure(
    virtual: Virtual, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        row = Row(1)

        async def wake(_: str) -> None:
            row.storage.due_at.clear()
            raise ActorNotFound("gone")

        row.alarms = Alarms(row.storage, row, wake=wake, is_awake=lambda _: False)
        row.alarms.start()
        await asyncio.sleep(10)
        await row.alarms.close()

    virtual(scene())
    assert caplog.records == []


def test_nothing_is_asked_while_nothing_is_due(virtual: Virtual) -> None:
    async def scene() -> None:
        row = Row(0)
        row.storage.due_at["far"] = 1e6
        row.alarms.start()
        await asyncio.sleep(1e5)
        assert row.storage.asked == 1
        row.alarms.expect(2e5)  # told by one that went to sleep
        row.storage.due_at["near"] = 2e5
        row.alarms.expect(5e5)
        await asyncio.sleep(1e5 + 10)
        assert row.woken == ["near"]
        await row.alarms.close()

    virtual(scene())


def test_one_that_goes_to_sleep_during_a_look_is_not_missed(virtual: Virtual) -> None:
    async def scene() -> None:
        row = Row(0)
        row.storage.opens.clear()
        row.alarms.start()
        await asyncio.sleep(1)  # it has looked, and the answer is on its way
        row.storage.due_at["late"] = 5.0
        row.alarms.expect(5.0)
        row.storage.opens.set()
        await asyncio.sleep(10)
        assert row.woken == ["late"]
        await row.alarms.close()

    virtual(scene())


def test_many_that_come_due_one_by_one_are_found_together(virtual: Virtual) -> None:
    async def scene() -> None:
        row = Row(0)
        row.takes = 0.01
        row.storage.due_at.update({f"a{number}": 10 + number / 1000 for number in range(1000)})
        row.alarms.start()
        await asyncio.sleep(15)
        assert len(row.woken) == 1000
        assert row.storage.asked < 60
        await row.alarms.close()

    virtual(scene())


def test_closing_ends_what_waits(virtual: Virtual) -> None:
    async def scene() -> None:
        row = Row(100)
        row.takes = 1e9
        row.alarms.start()
        row.alarms.start()  # once is enough
        await asyncio.sleep(1)
        await row.alarms.close()
        await row.alarms.close()
        row.alarms.expect(5)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.sleep(10)
        assert row.woken == []

    virtual(scene())


def test_the_log_says_who(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    play(Sleeper, lambda stage: stage.settle())
    assert caplog.records == []


def test_what_on_create_scheduled_is_due_though_the_first_on_wake_failed(play: Play) -> None:
    """A2, A5: the creation stands, and nobody needs to call for it."""

    class Born(Actor[Log]):
        fails = True

        @hook
        async def on_create(self) -> None:
            await self.schedule.after(100, Born.note)

        @hook
        def on_wake(self) -> None:
            if Born.fails:
                Born.fails = False
                raise UserError("not today")

        @action
        def note(self) -> None:
            self.state.lines.append(f"{asyncio.get_running_loop().time():.0f}")

    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.settle()
        assert (await stage.http("note")).message == "not today"
        await asyncio.sleep(101)
        assert stage.instance.state.lines == ["100"]

    play(Born, scene)


def test_the_log_names_who_does_not_start_and_why(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Actor[Log], options=ActorOptions(sleep_timeout=5)):
        breaks = False

        @hook
        def on_wake(self) -> None:
            if Broken.breaks:
                raise ValueError("no such table")

        @action
        async def plan(self) -> None:
            await self.schedule.after(20, Broken.plan)

    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("plan")
        Broken.breaks = True
        await asyncio.sleep(21)
        [record] = await stage.storage.list("Broken")
        assert (
            f"Broken ['a'] ({record.actor_id}) has something due and does not start: "
            "ValueError: no such table"
        ) in caplog.text

    play(Broken, scene)
