"""Jobs of a live actor: by cron or by interval, under a name, never twice at a time (A5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import Factory, define

from pyactor.definition import Actor, ActorOptions, Cron, action

Play = Callable[..., None]

START = datetime.fromtimestamp(1_800_000_000, UTC)
"""What the stage's clock says at the beginning: 2027-01-15, 08:00 in UTC."""


@define
class Log:
    lines: list[str] = Factory(list)


class Diary(Actor[Log], options=ActorOptions(sleep_timeout=1e9)):
    @action
    async def note(self, line: str, takes: float = 0) -> None:
        now = asyncio.get_running_loop().time()
        self.state.lines.append(f"{now:.0f} {line}")
        await asyncio.sleep(takes)

    @action
    def fail(self) -> None:
        self.state.lines.append("failed")
        raise RuntimeError("no")

    @action
    async def set(self, name: str, when: str, line: str) -> None:
        await self.cron.set(name, when, Diary.note, line)

    @action
    async def set_in(self, name: str, when: str, zone: str) -> None:
        await self.cron.set(name, Cron(when, timezone=zone), Diary.note, name)

    @action
    async def every(self, name: str, seconds: float, line: str, takes: float = 0) -> None:
        await self.cron.every(name, seconds, Diary.note, line, takes)

    @action
    async def fail_every(self, name: str, seconds: float) -> None:
        await self.cron.every(name, seconds, Diary.fail)

    @action
    async def delete(self, name: str) -> bool:
        return await self.cron.delete(name)

    @action
    def lines(self) -> list[str]:
        return self.state.lines


async def stored(stage: Any) -> list[tuple[str, int]]:
    """What the storage has: id, and the second of the loop at which it is due."""
    actor = await stage.storage.load(stage.instance.actor_id)
    return [(each.schedule_id, round(each.due_at - 1_800_000_000)) for each in actor.schedules]


def test_every_so_many_seconds_without_drift(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await asyncio.sleep(5)
        await stage.http("every", "tick", 10, "x", 3)
        await asyncio.sleep(45)
        assert await stage.http("lines") == ["15 x", "25 x", "35 x", "45 x"]

    play(Diary, scene)


def test_a_job_that_takes_longer_than_its_interval_does_not_overlap_itself(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("every", "tick", 10, "x", 25)
        await asyncio.sleep(75)
        # What was missed meanwhile is missed: it goes on at the next time of its own.
        assert await stage.http("lines") == ["10 x", "40 x", "70 x"]

    play(Diary, scene)


def test_by_cron(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("set", "tidy", "*/30 * * * *", "x")
        await asyncio.sleep(2 * 3600 + 1)
        assert await stage.http("lines") == ["1800 x", "3600 x", "5400 x", "7200 x"]

    play(Diary, scene)


def test_in_a_time_zone_through_a_change_of_its_clocks(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await asyncio.sleep((datetime(2027, 3, 27, tzinfo=UTC) - START).total_seconds())
        await stage.http("set_in", "daily", "0 9 * * *", "Europe/Berlin")
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(3 * 86_400)
        times = [int(line.split()[0]) - round(began) for line in await stage.http("lines")]
        # 09:00 in winter time is 08:00 in UTC, in summer time 07:00.
        assert times == [8 * 3600, 24 * 3600 + 7 * 3600, 48 * 3600 + 7 * 3600]

    play(Diary, scene)


def test_an_error_is_logged_each_time_and_the_job_goes_on(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("fail_every", "tick", 10)
        await asyncio.sleep(35)
        assert await stage.http("lines") == ["failed"] * 3

    play(Diary, scene)
    assert caplog.text.count("scheduled action 'fail' failed") == 3


def test_the_same_name_replaces(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("every", "tick", 10, "old")
        await asyncio.sleep(15)
        await stage.http("every", "tick", 20, "new")
        await asyncio.sleep(45)
        assert await stage.http("lines") == ["10 old", "35 new", "55 new"]
        assert [each for each, _ in await stored(stage)] == ["cron:tick"]

    play(Diary, scene)


def test_setting_the_same_again_leaves_it_as_it_is(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("every", "tick", 10, "x")
        await asyncio.sleep(5)
        before = len(stage.storage.commits)
        await stage.http("every", "tick", 10, "x")
        assert len(stage.storage.commits) == before
        await asyncio.sleep(10)
        await stage.http("every", "tick", 10, "y")
        await asyncio.sleep(10.1)
        assert await stage.http("lines") == ["10 x", "25 y"]

    play(Diary, scene)


def test_a_job_that_is_replaced_while_it_runs_stays_replaced(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("every", "tick", 10, "old", 10)
        await asyncio.sleep(15)
        await stage.http("every", "tick", 100, "new")
        assert await stored(stage) == [("cron:tick", 115)]
        await asyncio.sleep(10)  # the run of the old one has ended
        assert await stored(stage) == [("cron:tick", 115)]
        await asyncio.sleep(100)
        assert await stage.http("lines") == ["10 old", "115 new"]

    play(Diary, scene)


def test_a_run_that_ends_while_its_job_is_being_replaced_does_not_undo_that(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("every", "tick", 10, "old", 5)
        await asyncio.sleep(12)
        stage.storage.opens.clear()
        setting = asyncio.create_task(stage.http("every", "tick", 100, "new"))
        await asyncio.sleep(8)  # the run ends at 15, while the change waits for the storage
        stage.storage.opens.set()
        await setting
        await stage.settle()
        assert await stored(stage) == [("cron:tick", 112)]

    play(Diary, scene)


def test_of_two_changes_at_a_time_the_later_one_stands(play: Play) -> None:
    class Twice(Actor[None]):
        @action
        async def set(self) -> list[float]:
            await asyncio.gather(
                self.cron.every("tick", 10, Twice.note), self.cron.every("tick", 20, Twice.note)
            )
            return [each.when for each in await self.cron.list() if isinstance(each.when, float)]

        @action
        def note(self) -> None: ...

    async def scene(stage: Any) -> None:
        await stage.http("note")
        assert await stage.http("set") == [20.0]
        assert await stored(stage) == [("cron:tick", 20)]

    play(Twice, scene)


def test_a_deleted_job_does_not_run_again(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("every", "tick", 10, "x", 5)
        await asyncio.sleep(12)
        assert await stage.http("delete", "tick") is True  # while it runs
        assert await stage.http("delete", "tick") is False
        await asyncio.sleep(50)
        assert await stage.http("lines") == ["10 x"]
        assert await stored(stage) == []

    play(Diary, scene)


def test_each_run_moves_the_job_in_the_commit_that_keeps_its_state(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await stage.http("every", "tick", 10, "x")
        before = len(stage.storage.commits)
        await asyncio.sleep(10.5)
        [(changes, _)] = stage.storage.commits[before:]
        [moved] = changes.put_schedules
        assert (moved.schedule_id, round(moved.due_at - 1_800_000_000)) == ("cron:tick", 20)
        assert changes.state is not None

    play(Diary, scene)


class Book(Actor[None], options=ActorOptions(sleep_timeout=60)):
    @action
    async def note(self, line: str = "") -> None:
        await asyncio.sleep(5)

    @action
    async def look(self) -> None:
        await self.cron.set("b", "0 9 * * *", Book.note, "x")
        await self.cron.every("a", 30, Book.note)
        job = await self.cron.get("b")
        assert job is not None
        assert (job.name, job.action, job.arguments) == ("b", "note", {"line": "x"})
        assert job.when == Cron("0 9 * * *")
        assert (job.next_at.hour, job.next_at.minute, job.next_at.tzinfo) == (9, 0, UTC)
        assert job.last_at is None
        assert [(each.name, each.when) for each in await self.cron.list()] == [
            ("a", 30.0),
            ("b", Cron("0 9 * * *")),
        ]
        assert await self.cron.get("c") is None
        assert await self.schedule.list() == []
        # A job is no one-shot, whatever its id looks like.
        assert await self.schedule.cancel("cron:a") is False

    @action
    async def look_again(self) -> list[float]:
        job = await self.cron.get("a")
        assert job is not None
        assert job.last_at is not None
        return [round(each.timestamp() - 1_800_000_000) for each in (job.last_at, job.next_at)]


def test_get_and_list(play: Play) -> None:
    async def scene(stage: Any) -> None:
        assert await stage.http("look") is None
        await asyncio.sleep(36)
        assert await stage.http("look_again") == [30, 60]
        await asyncio.sleep(26)  # while it runs
        assert await stage.http("look_again") == [30, 90]

    play(Book, scene)


class Strict(Actor[None], options=ActorOptions(max_schedules=2)):
    @action
    def take(self, text: str = "") -> None: ...

    @action
    async def refuse(self) -> None:
        cron: Any = self.cron
        with pytest.raises(ValueError, match="minute is '61'"):
            await cron.set("a", "61 * * * *", Strict.take)
        with pytest.raises(TypeError, match="the expression of a Cron is a str, not int"):
            await cron.set("a", 60, Strict.take)
        with pytest.raises(ValueError, match=r"a job's interval is 1 s or more, not 0\.5"):
            await cron.every("a", 0.5, Strict.take)
        with pytest.raises(ValueError, match="seconds must be 0 or more"):
            await cron.every("a", float("inf"), Strict.take)
        with pytest.raises(ValueError, match="would run first beyond the year 9999"):
            await cron.every("a", 253_000_000_000, Strict.take)
        with pytest.raises(ValueError, match="a job has 1 to 128 characters: ''"):
            await cron.every("", 10, Strict.take)
        with pytest.raises(ValueError, match="a job has 1 to 128 characters"):
            await cron.every("x" * 129, 10, Strict.take)
        with pytest.raises(TypeError, match="the name of a job is a str, not int"):
            await cron.every(3, 10, Strict.take)
        with pytest.raises(TypeError, match="expected str, got int"):
            await cron.every("a", 10, Strict.take, 3)
        with pytest.raises(TypeError, match=r"Diary\.note> is no action of Strict"):
            await cron.set("a", "* * * * *", Diary.note, "x")
        assert await self.cron.list() == []

    @action
    async def fill(self) -> None:
        await self.cron.every("a", 10, Strict.take)
        await self.schedule.after(60, Strict.take)
        await self.cron.every("a", 20, Strict.take)  # replaces, and so takes no more room
        await self.cron.every("b", 10, Strict.take)


def test_what_is_wrong_is_refused(play: Play) -> None:
    async def scene(stage: Any) -> None:
        assert await stage.http("refuse") is None
        error = await stage.http("fill")
        assert (error.group, error.code) == ("actor", "too_many_schedules")
        assert [each.when for each in stage.instance.schedules.jobs()] == [20.0]

    play(Strict, scene)
