"""One-shots of a live actor: when they run, in which order, and how they are kept (A2, A5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from attrs import Factory, define, evolve

from pyactor.definition import Actor, ActorOptions, action, hook
from pyactor.errors import GoingAway, StorageError, TooManySchedules, UserError

Play = Callable[..., None]


@define
class Log:
    lines: list[str] = Factory(list)


class Diary(Actor[Log], options=ActorOptions(max_schedules=5, action_timeout=10)):
    """Notes at which second of the loop something ran."""

    ran: list[str]
    overlaps = 0

    def __init__(self) -> None:
        self.ran = []

    @action
    def note(self, line: str = "-") -> None:
        assert self.caller is None
        self.state.lines.append(line)
        self.ran.append(f"{asyncio.get_running_loop().time():.0f} {line}")

    @action
    async def note_slowly(self, line: str, seconds: float) -> None:
        self.note_now(f"{line} begins")
        await asyncio.sleep(seconds)
        self.note_now(f"{line} ends")

    def note_now(self, line: str) -> None:
        self.ran.append(f"{asyncio.get_running_loop().time():.0f} {line}")

    @action
    def fail(self) -> None:
        self.state.lines.append("failed")
        raise UserError("no")

    @action
    async def after(self, seconds: float, line: str) -> str:
        return await self.schedule.after(seconds, Diary.note, line)

    @action
    async def after_slowly(self, seconds: float, line: str, takes: float) -> str:
        return await self.schedule.after(seconds, Diary.note_slowly, line, takes)

    @action
    async def at(self, when: float, line: str) -> str:
        return await self.schedule.at(datetime.fromtimestamp(when, UTC), Diary.note, line)

    @action
    async def fail_after(self, seconds: float) -> str:
        return await self.schedule.after(seconds, Diary.fail)

    @action
    async def cancel(self, schedule_id: str) -> bool:
        return await self.schedule.cancel(schedule_id)

    @action
    async def lists(self) -> list[str]:
        return [f"{each.action} {each.arguments}" for each in await self.schedule.list()]

    @action
    def lines(self) -> list[str]:
        return self.state.lines


def ran(stage: Any) -> list[str]:
    found: list[str] = stage.instance.actor.ran
    return found


# ------------------------------------------------------------------ when


def test_it_runs_when_it_is_due_and_not_before(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("after", 20, "late")
        await stage.http("after", 10, "early")
        await asyncio.sleep(9.9)
        assert ran(stage) == []
        await asyncio.sleep(0.2)
        assert ran(stage) == ["10 early"]
        await asyncio.sleep(10)
        assert ran(stage) == ["10 early", "20 late"]

    play(Diary, scene)


def test_what_is_due_together_starts_in_the_order_of_due_times_then_of_calls(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("after", 10, "second")
        await stage.http("after", 10, "third")
        await stage.http("after", 9.999999, "first")
        # The loop is held up while all three become due.
        asyncio.get_running_loop().now += 60  # type: ignore[attr-defined] # it is the virtual one
        await stage.settle()
        assert [line.split()[1] for line in ran(stage)] == ["first", "second", "third"]

    play(Diary, scene)


def test_what_is_past_runs_at_once(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("at", 0.0, "1970")
        await stage.http("after", 0, "now")
        await stage.settle()
        assert [line.split()[1] for line in ran(stage)] == ["1970", "now"]

    play(Diary, scene)


def test_two_of_them_interleave_at_awaits_as_actions_do(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("after_slowly", 1, "a", 5)
        await stage.http("after_slowly", 2, "b", 1)
        await asyncio.sleep(8)
        assert [line[2:] for line in ran(stage)] == ["a begins", "b begins", "b ends", "a ends"]

    play(Diary, scene)


def test_a_clock_that_is_set_forward_is_noticed_within_a_minute(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("after", 7200, "x")
        clock = stage.instance.clock
        now = clock.now
        stage.instance.idle.hold()
        await asyncio.sleep(100)
        clock.now = lambda: now() + 7150
        await asyncio.sleep(61)
        assert [line.split()[1] for line in ran(stage)] == ["x"]

    play(Diary, scene)


def test_a_clock_that_is_set_back_delays_it(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("after", 100, "x")
        clock = stage.instance.clock
        now = clock.now
        stage.instance.idle.hold()
        clock.now = lambda: now() - 1000
        await asyncio.sleep(1099)
        assert ran(stage) == []
        await asyncio.sleep(2)
        assert ran(stage) == ["1100 x"]

    play(Diary, scene)


def test_longer_than_a_loop_may_wait(play: Play) -> None:
    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("after", 40 * 86_400, "in forty days")
        await asyncio.sleep(39.9 * 86_400)
        assert await stage.http("lines") == []
        await asyncio.sleep(0.2 * 86_400)
        assert await stage.http("lines") == ["in forty days"]

    play(Diary, scene)


# ------------------------------------------------------------------ how


def test_it_runs_as_an_action_without_a_caller(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    class Room(Actor[Log]):
        @action
        def who(self) -> None:
            self.state.lines.append(repr(self.caller))
            self.conn  # noqa: B018 - to read it is the point

        @action
        async def plan(self) -> None:
            assert self.caller is not None
            await self.schedule.after(1, Room.who)

        @action
        def lines(self) -> list[str]:
            return self.state.lines

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.call("plan")
        await asyncio.sleep(2)
        assert await stage.http("lines") == ["None"]

    play(Room, scene)
    assert "self.conn: no connection is calling scheduled action 'who' of Room" in caplog.text


def test_an_error_is_logged_and_ends_it(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("fail_after", 1)
        await stage.http("after", 2, "goes on")
        await asyncio.sleep(100)
        assert await stage.http("lines") == ["failed", "goes on"]
        assert await stage.http("lists") == []

    play(Diary, scene)
    assert caplog.text.count("scheduled action 'fail' failed") == 1


def test_the_actions_timeout_ends_it(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("after_slowly", 1, "x", 60)
        await asyncio.sleep(12)
        assert ran(stage) == ["1 x begins"]
        assert await kept(stage) == []

    play(Diary, scene)
    assert "action 'note_slowly' ran longer than 10 s (action.timed_out)" in caplog.text


def test_on_state_change_hears_of_it(play: Play) -> None:
    heard: list[int] = []

    class Counter(Actor[int]):
        @action
        def add(self, n: int) -> None:
            self.state += n

        @action
        async def plan(self) -> None:
            await self.schedule.after(1, Counter.add, 3)

        @hook
        def on_state_change(self, state: int) -> None:
            heard.append(state)

    async def scene(stage: Any) -> None:
        await stage.http("plan")
        await asyncio.sleep(2)
        assert heard == [3]

    play(Counter, scene)


@define
class Everything:
    when: datetime
    day: date
    lasts: timedelta
    id: UUID
    price: Decimal
    raw: bytes
    words: set[str]
    pair: tuple[int, str]
    big: int = 2**70
    nested: Everything | None = None


EVERYTHING = Everything(
    datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    date(2030, 1, 2),
    timedelta(1, 2, 3),
    UUID(int=7),
    Decimal("1.10"),
    b"\xff",
    {"a", "b"},
    (1, "x"),
)


def test_every_type_that_travels_is_kept(play: Play) -> None:
    got: list[Any] = []

    class Taker(Actor[None]):
        @action
        def take(self, value: Everything, *rest: Everything) -> None:
            got.extend((value, *rest))

        @action
        async def plan(self) -> None:
            await self.schedule.after(
                1, Taker.take, EVERYTHING, evolve(EVERYTHING, nested=EVERYTHING)
            )

    async def scene(stage: Any) -> None:
        await stage.http("plan")
        await asyncio.sleep(2)
        assert got == [EVERYTHING, evolve(EVERYTHING, nested=EVERYTHING)]

    play(Taker, scene)


def test_neither_who_plans_nor_what_runs_can_change_what_is_kept(play: Play) -> None:
    got: list[Any] = []

    class Taker(Actor[None]):
        @action
        def take(self, value: Any) -> None:
            got.append(list(value))
            value.append("by the action")

        @action
        async def plan(self) -> None:
            value = ["planned"]
            await self.cron.every("job", 1, Taker.take, value)
            value.append("by the planner")
            [job] = await self.cron.list()
            job.arguments["value"].append("by the reader")

    async def scene(stage: Any) -> None:
        await stage.http("plan")
        await asyncio.sleep(3.5)
        assert got == [["planned"]] * 3

    play(Taker, scene)


# ------------------------------------------------------------------ get, list, cancel


class Book(Actor[None]):
    @action
    def note(self, line: str, *, loud: bool = False, tags: tuple[str, ...] = ()) -> None: ...

    @action
    async def look(self) -> None:
        first = await self.schedule.after(60, Book.note, "b", loud=True)
        second = await self.schedule.at(
            datetime.now(UTC) + timedelta(days=3650), Book.note, "a", tags=("x",)
        )
        found = await self.schedule.get(first)
        assert found is not None
        assert (found.id, found.action) == (first, "note")
        assert found.arguments == {"line": "b", "loud": True}
        assert found.due_at.tzinfo is UTC
        assert [each.id for each in await self.schedule.list()] == [first, second]
        assert await self.schedule.get("unknown") is None
        assert await self.schedule.cancel("unknown") is False
        assert await self.schedule.cancel(first) is True
        assert await self.schedule.cancel(first) is False
        assert await self.schedule.get(first) is None
        assert [each.arguments for each in await self.schedule.list()] == [
            {"line": "a", "tags": ["x"]}
        ]


def test_get_list_and_cancel(play: Play) -> None:
    async def scene(stage: Any) -> None:
        assert await stage.http("look") is None

    play(Book, scene)


def test_a_cancelled_one_does_not_run(play: Play) -> None:
    async def scene(stage: Any) -> None:
        schedule_id = await stage.http("after", 5, "x")
        assert await stage.http("cancel", schedule_id) is True
        await asyncio.sleep(10)
        assert ran(stage) == []

    play(Diary, scene)


def test_one_that_comes_due_while_it_is_being_cancelled_does_not_run(play: Play) -> None:
    async def scene(stage: Any) -> None:
        schedule_id = await stage.http("after", 5, "x")
        stage.storage.opens.clear()
        cancelling = asyncio.create_task(stage.http("cancel", schedule_id))
        await asyncio.sleep(7)
        assert ran(stage) == []
        stage.storage.opens.set()
        assert await cancelling is True
        await asyncio.sleep(10)
        assert ran(stage) == []

    play(Diary, scene)


def test_one_that_comes_due_while_it_is_not_cancelled_after_all_runs(play: Play) -> None:
    async def scene(stage: Any) -> None:
        schedule_id = await stage.http("after", 5, "x")
        stage.storage.opens.clear()
        stage.storage.fails = True
        cancelling = asyncio.create_task(stage.http("cancel", schedule_id))
        await asyncio.sleep(7)
        stage.storage.opens.set()
        assert (await cancelling).code == "full"
        stage.storage.fails = False
        await stage.settle()
        assert ran(stage) == ["7 x"]

    play(Diary, scene)


def test_one_that_has_begun_is_neither_listed_nor_cancelled(play: Play) -> None:
    async def scene(stage: Any) -> None:
        schedule_id = await stage.http("after_slowly", 1, "x", 5)
        await asyncio.sleep(2)
        assert await stage.http("lists") == []
        assert await stage.http("cancel", schedule_id) is False
        await asyncio.sleep(5)
        assert ran(stage) == ["1 x begins", "6 x ends"]

    play(Diary, scene)


# ------------------------------------------------------------------ limits and bad calls


def test_there_may_be_so_many_and_no_more(play: Play) -> None:
    async def scene(stage: Any) -> None:
        for _ in range(5):
            await stage.http("after", 60, "x")
        error = await stage.http("after", 60, "x")
        assert (error.group, error.code) == ("actor", TooManySchedules.code)
        assert error.message.startswith("Diary has 5 schedules, and max_schedules is 5: cancel")
        [first, *_] = stage.instance.schedules.scheduled()
        assert await stage.http("cancel", first.id) is True
        assert isinstance(await stage.http("after", 60, "x"), str)

    play(Diary, scene)


def test_they_are_counted_while_they_are_on_their_way(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("lines")
        stage.storage.opens.clear()
        calls = [asyncio.create_task(stage.http("after", 60, "x")) for _ in range(7)]
        await stage.settle()
        stage.storage.opens.set()
        answers = await asyncio.gather(*calls)
        assert [isinstance(each, str) for each in answers].count(True) == 5

    play(Diary, scene)


class Strict(Actor[None]):
    @action
    def take(self, text: str) -> None: ...

    @action
    def any(self, value: Any) -> None: ...

    @action
    async def refuse(self) -> None:
        schedule: Any = self.schedule
        with pytest.raises(TypeError, match=r"take\(\): argument 'text': expected str, got int"):
            await schedule.after(1, Strict.take, 3)
        with pytest.raises(TypeError, match=r"take\(\): missing a required argument: 'text'"):
            await schedule.after(1, Strict.take)
        with pytest.raises(TypeError, match=r"ActionRef Diary\.note> is no action of Strict"):
            await schedule.after(1, Diary.note, "x")
        with pytest.raises(TypeError, match="is no action of Strict"):
            await schedule.after(1, self.take, "x")
        with pytest.raises(ValueError, match="seconds must be 0 or more"):
            await schedule.after(-1, Strict.take, "x")
        with pytest.raises(ValueError, match="seconds must be 0 or more"):
            await schedule.after(float("nan"), Strict.take, "x")
        with pytest.raises(ValueError, match="beyond the year 9999"):
            await schedule.after(253_000_000_000, Strict.take, "x")
        with pytest.raises(TypeError, match="seconds are a number, not timedelta"):
            await schedule.after(timedelta(1), Strict.take, "x")
        with pytest.raises(ValueError, match=r"has no time zone: use datetime\.now\(UTC\)"):
            await schedule.at(datetime(2030, 1, 1), Strict.take, "x")  # noqa: DTZ001 - the mistake
        with pytest.raises(ValueError, match="not in the years 1 to 9999"):
            await schedule.at(1e300, Strict.take, "x")
        with pytest.raises(TypeError, match="aware datetime or seconds since the Unix epoch"):
            await schedule.at("now", Strict.take, "x")
        with pytest.raises(TypeError, match=r"any\(\): its arguments cannot be kept for later"):
            await schedule.after(1, Strict.any, object())
        with pytest.raises(ValueError, match="max_incoming_message is 65536"):
            await schedule.after(1, Strict.take, "x" * 70_000)
        assert await self.schedule.list() == []


def test_what_cannot_be_scheduled_is_refused(play: Play) -> None:
    async def scene(stage: Any) -> None:
        assert await stage.http("refuse") is None

    play(Strict, scene)


# ------------------------------------------------------------------ kept


async def kept(stage: Any) -> list[str]:
    stored = await stage.storage.load(stage.instance.actor_id)
    return [each.schedule_id for each in stored.schedules]


def test_what_on_create_schedules_is_part_of_the_creation(play: Play) -> None:
    class Made(Actor[Log]):
        @hook
        async def on_create(self) -> None:
            first = await self.schedule.after(60, Made.note)
            await self.schedule.after(60, Made.note)
            await self.schedule.cancel(first)

        @action
        def note(self) -> None: ...

    async def scene(stage: Any) -> None:
        await stage.peer()
        [(changes, immediate)] = stage.storage.commits
        assert changes.record is not None
        assert len(changes.put_schedules) == 1
        assert immediate
        assert await kept(stage) == [changes.put_schedules[0].schedule_id]

    play(Made, scene)


def test_a_creation_that_fails_leaves_no_schedule(play: Play) -> None:
    class Made(Actor[Log]):
        @hook
        async def on_create(self) -> None:
            await self.schedule.after(1, Made.note)
            raise UserError("no")

        @action
        def note(self) -> None: ...

    async def scene(stage: Any) -> None:
        assert (await stage.http("note")).code == "user_error"
        assert stage.storage.commits == []
        assert await stage.storage.next_due(0) is None

    play(Made, scene)


def test_what_an_action_schedules_is_durable_when_awaited_and_the_state_with_it(play: Play) -> None:
    class Both(Actor[Log]):
        @action
        def note(self) -> None: ...

        @action
        async def plan(self) -> None:
            self.state.lines.append("planned")
            await self.schedule.after(60, Both.note)

    async def scene(stage: Any) -> None:
        await stage.http("plan")
        changes, immediate = stage.storage.commits[1]
        assert immediate
        assert len(changes.put_schedules) == 1
        assert changes.state is not None

    play(Both, scene)


def test_what_ran_is_forgotten_and_its_state_kept_in_one_commit(play: Play) -> None:
    async def scene(stage: Any) -> None:
        schedule_id = await stage.http("after", 1, "x")
        before = len(stage.storage.commits)
        await asyncio.sleep(1.5)
        [(changes, _)] = stage.storage.commits[before:]
        assert changes.delete_schedules == (schedule_id,)
        assert changes.state is not None

    play(Diary, scene)


def test_those_that_end_together_are_one_commit(play: Play) -> None:
    async def scene(stage: Any) -> None:
        for _ in range(5):
            await stage.http("after", 10, "x")
        before = len(stage.storage.commits)
        asyncio.get_running_loop().now += 60  # type: ignore[attr-defined] # it is the virtual one
        await stage.settle()
        assert len(ran(stage)) == 5
        deleted = [changes.delete_schedules for changes, _ in stage.storage.commits[before:]]
        assert sum(map(len, deleted)) == 5
        assert len(deleted) <= 2

    play(Diary, scene)


def test_nothing_is_scheduled_if_it_cannot_be_kept(play: Play) -> None:
    class Careful(Actor[Log]):
        @action
        def note(self) -> None:
            self.state.lines.append("ran")

        @action
        async def plan(self) -> bool:
            try:
                await self.schedule.after(1, Careful.note)
            except StorageError:
                return False
            return True

        @action
        async def forget(self) -> str:
            [first] = await self.schedule.list()
            try:
                await self.schedule.cancel(first.id)
            except StorageError:
                return "kept"
            return "gone"

        @action
        def lines(self) -> list[str]:
            return self.state.lines

    async def scene(stage: Any) -> None:
        await stage.http("lines")
        stage.storage.fails = True
        assert await stage.http("plan") is False
        stage.storage.fails = False
        await asyncio.sleep(5)
        assert await stage.http("lines") == []
        assert await stage.http("plan") is True
        stage.storage.fails = True
        assert await stage.http("forget") == "kept"
        stage.storage.fails = False
        await asyncio.sleep(5)
        assert await stage.http("lines") == ["ran"]

    play(Careful, scene)


def test_what_ran_is_noted_as_soon_as_the_storage_works_again(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("after", 1, "x")
        stage.instance.idle.hold()
        stage.storage.fails = True
        await asyncio.sleep(20)
        assert ran(stage) == ["1 x"]
        assert len(await kept(stage)) == 1
        stage.storage.fails = False
        await asyncio.sleep(20)
        assert ran(stage) == ["1 x"]
        assert await kept(stage) == []

    play(Diary, scene)
    assert caplog.text.count("what has run cannot be noted; it is tried again") == 1


def test_a_caller_that_is_cancelled_does_not_take_the_schedule_with_it(play: Play) -> None:
    class Hasty(Actor[Log]):
        @action
        def note(self) -> None:
            self.state.lines.append("ran")

        @action
        async def plan(self) -> None:
            waiting = asyncio.create_task(self.schedule.after(5, Hasty.note))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            waiting.cancel()

        @action
        def lines(self) -> list[str]:
            return self.state.lines

    async def scene(stage: Any) -> None:
        await stage.http("lines")
        stage.storage.opens.clear()
        await stage.http("plan")
        stage.storage.opens.set()
        await asyncio.sleep(6)
        assert await stage.http("lines") == ["ran"]

    play(Hasty, scene)


def test_a_task_that_outlives_its_actor_can_schedule_nothing(play: Play) -> None:
    ended: list[str] = []

    class Ghost(Actor[Log]):
        @action
        def note(self) -> None: ...

        @action
        def haunt(self) -> None:
            self.task = asyncio.create_task(self.later())

        async def later(self) -> None:
            await asyncio.sleep(100)
            try:
                await self.schedule.after(1, Ghost.note)
            except GoingAway:
                ended.append("refused")

    async def scene(stage: Any) -> None:
        await stage.http("haunt")
        await stage.host.stop()
        await asyncio.sleep(200)
        assert ended == ["refused"]
        assert await stage.storage.next_due(0) is None

    play(Ghost, scene)


def test_a_stop_does_not_wait_for_ever_for_what_a_storage_holds_up(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("lines")
        stage.storage.opens.clear()
        calls = []
        for _ in range(2):  # one is on its way, and one in line behind it
            calls.append(asyncio.create_task(stage.http("after", 60, "x")))
            await stage.settle()
        instance = stage.instance
        stopping = asyncio.create_task(stage.host.stop())
        await asyncio.gather(*calls)
        await asyncio.sleep(20)  # the grace period is over
        assert not instance.background.running
        assert instance.schedules.scheduled() == []
        stage.storage.opens.set()
        await stopping

    play(Diary, scene)
