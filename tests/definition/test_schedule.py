"""What an actor asks to run later: the checks before the run time, and arguments that are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import define
from typing_extensions import override

from pyactor.definition import (
    Actor,
    Cron,
    CronJob,
    FutureCall,
    ScheduleContext,
    Scheduled,
    action,
    definition_of,
)
from pyactor.errors import InvalidArguments

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@define
class Note:
    first_line: str
    is_loud: bool = False


class Room(Actor[None], wire_case="camel"):
    @action
    def take(self, a_note: Note, /, n: int = 1, *tags: str) -> None: ...

    @action
    def say(self, text: str, *, how_often: int = 1, to_whom: str) -> None: ...


class Book(ScheduleContext):
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def note(self, *call: Any) -> None:
        self.calls.append(call)

    @override
    async def add_after(self, seconds: float, call: FutureCall) -> str:
        self.note("after", seconds, call.action.attr, call.args, call.kwargs)
        return "id1"

    @override
    async def add_at(self, due_at: float, call: FutureCall) -> str:
        self.note("at", due_at, call.action.attr, call.args, call.kwargs)
        return "id2"

    @override
    async def cancel(self, schedule_id: str) -> bool:
        self.note("cancel", schedule_id)
        return True

    @override
    def scheduled(self) -> list[Scheduled]:
        return [Scheduled("id1", "say", {}, NOW), Scheduled("id2", "say", {}, NOW)]

    @override
    async def set_job(self, name: str, when: Cron | float, call: FutureCall) -> None:
        self.note("set", name, when, call.action.attr, call.args, call.kwargs)

    @override
    async def delete_job(self, name: str) -> bool:
        self.note("delete", name)
        return False

    @override
    def jobs(self) -> list[CronJob]:
        return [CronJob("a", "say", {}, 5.0, NOW, None), CronJob("b", "say", {}, 5.0, NOW, NOW)]


@pytest.fixture
def book(actor_context: Any) -> Book:
    actor_context.planned = Book()
    found: Book = actor_context.planned
    return found


@pytest.fixture
def room(actor_context: Any) -> Any:
    return definition_of(Room).instantiate(actor_context)


def run(call: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(call)


def test_what_is_asked_reaches_the_run_time(room: Any, book: Book) -> None:
    berlin = Cron("0 9 * * *", timezone="Europe/Berlin")
    half_past = datetime(2030, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=1)))
    assert run(room.schedule.after(3, Room.say, "x", to_whom="ann")) == "id1"
    assert run(room.schedule.at(half_past, Room.say)) == "id2"
    assert run(room.schedule.at(-5, Room.say)) == "id2"
    run(room.cron.set("a", "0 9 * * *", Room.say, "x"))
    run(room.cron.set("b", berlin, Room.say))
    run(room.cron.every("c", 5, Room.say))
    assert run(room.schedule.cancel("id1")) is True
    assert run(room.cron.delete("a")) is False
    assert book.calls == [
        ("after", 3, "say", ("x",), {"to_whom": "ann"}),
        ("at", NOW.timestamp() + 1800, "say", (), {}),
        ("at", -5.0, "say", (), {}),
        ("set", "a", Cron("0 9 * * *"), "say", ("x",), {}),
        ("set", "b", berlin, "say", (), {}),
        ("set", "c", 5.0, "say", (), {}),
        ("cancel", "id1"),
        ("delete", "a"),
    ]


def test_what_is_there(room: Any, book: Book) -> None:
    assert run(room.schedule.list()) == book.scheduled()
    assert run(room.schedule.get("id2")) == book.scheduled()[1]
    assert run(room.schedule.get("id3")) is None
    assert run(room.cron.list()) == book.jobs()
    assert run(room.cron.get("b")) == book.jobs()[1]
    assert run(room.cron.get("c")) is None


@pytest.mark.parametrize(
    ("seconds", "error", "told"),
    [
        (True, TypeError, "seconds are a number, not bool"),
        ("3", TypeError, "seconds are a number, not str"),
        (-0.1, ValueError, "seconds must be 0 or more, and end before the year 9999: -0.1"),
        (float("nan"), ValueError, "seconds must be 0 or more"),
        (float("inf"), ValueError, "seconds must be 0 or more"),
    ],
)
def test_bad_seconds(
    room: Any, book: Book, seconds: Any, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        run(room.schedule.after(seconds, Room.say))
    with pytest.raises(error, match=told):
        run(room.cron.every("a", seconds, Room.say))
    assert book.calls == []


@pytest.mark.parametrize(
    ("when", "error", "told"),
    [
        (True, TypeError, "when is an aware datetime or seconds since the Unix epoch, not bool"),
        ("now", TypeError, "not str"),
        (datetime(2030, 1, 1), ValueError, r"has no time zone: use datetime\.now\(UTC\)"),  # noqa: DTZ001
        (1e12, ValueError, "not in the years 1 to 9999"),
        (-1e12, ValueError, "not in the years 1 to 9999"),
        (float("nan"), ValueError, "not in the years 1 to 9999"),
        (datetime.max.replace(tzinfo=UTC), ValueError, "not in the years 1 to 9999"),
    ],
)
def test_bad_times(room: Any, book: Book, when: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        run(room.schedule.at(when, Room.say))
    assert book.calls == []


def test_an_interval_has_a_least_length(room: Any, book: Book) -> None:
    with pytest.raises(ValueError, match=r"a job's interval is 1 s or more, not 0\.99"):
        run(room.cron.every("a", 0.99, Room.say))
    run(room.cron.every("a", 1, Room.say))
    assert len(book.calls) == 1


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        (3, TypeError, "the name of a job is a str, not int"),
        ("", ValueError, "the name of a job has 1 to 128 characters: ''"),
        ("x" * 129, ValueError, "the name of a job has 1 to 128 characters: 'xxx"),
    ],
)
def test_bad_names(room: Any, book: Book, name: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        run(room.cron.set(name, "* * * * *", Room.say))
    with pytest.raises(error, match=told):
        run(room.cron.every(name, 5, Room.say))
    with pytest.raises(error, match=told):
        run(room.cron.delete(name))
    assert book.calls == []


def test_what_is_no_id(room: Any, book: Book) -> None:
    with pytest.raises(TypeError, match=r"^cancel\(\) takes the id that after\(\) or at\(\) retu"):
        run(room.schedule.cancel(5))
    assert book.calls == []


# ------------------------------------------------------------------ arguments that are kept

TAKE = definition_of(Room).actions["take"]
SAY = definition_of(Room).actions["say"]


def test_arguments_are_kept_under_their_names_in_python() -> None:
    kept = TAKE.keep_arguments((Note("hi", True), 3, "a", "b"), {})
    assert kept == {
        "a_note": {"first_line": "hi", "is_loud": True},
        "n": 3,
        "tags": ["a", "b"],
    }
    assert TAKE.restore_arguments(kept) == ((Note("hi", True), 3, "a", "b"), {})


def test_what_was_left_to_its_default_is_left_to_it() -> None:
    kept = TAKE.keep_arguments((Note("hi"),), {})
    assert kept == {"a_note": {"first_line": "hi", "is_loud": False}}
    assert TAKE.restore_arguments(kept) == ((Note("hi"),), {})
    assert SAY.keep_arguments(("x",), {"to_whom": "ann"}) == {"text": "x", "to_whom": "ann"}
    assert SAY.restore_arguments({"to_whom": "ann", "text": "x"}) == (("x",), {"to_whom": "ann"})


@pytest.mark.parametrize(
    ("args", "kwargs", "told"),
    [
        ((), {}, r"take\(\): missing a required argument: 'a_note'"),
        (("hi",), {}, r"take\(\): argument 'a_note': expected Note, got str @ a_note$"),
        ((Note("hi"), "3"), {}, r"take\(\): argument 'n': expected int, got str @ n$"),
        ((Note("hi"), 3, "a", 4), {}, r"take\(\): argument 'tags': expected str, got int @ tags$"),
        ((Note(3),), {}, r"argument 'a_note': expected str, got int @ a_note\.first_line$"),  # type: ignore[arg-type]
        ((Note("hi"),), {"loud": True}, r"take\(\): got an unexpected keyword argument 'loud'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_as_python_does(
    args: tuple[Any, ...], kwargs: dict[str, Any], told: str
) -> None:
    with pytest.raises(TypeError, match=told):
        TAKE.keep_arguments(args, kwargs)


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ({}, r"take\(\): argument 'a_note' is missing$"),
        ({"a_note": {"first_line": "hi"}, "old": 1}, r"take\(\) has no argument 'old' any more$"),
        ({"a_note": {"firstLine": "hi"}}, r"argument 'a_note': missing @ a_note\.first_line$"),
        ({"a_note": {"first_line": "hi"}, "n": "3"}, "argument 'n': expected int, got str @ n$"),
        ({"a_note": {"first_line": "hi"}, "tags": "ab"}, "'tags': expected list, got str @ tags$"),
    ],
)
def test_kept_arguments_that_fit_no_more_are_invalid(kept: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        TAKE.restore_arguments(kept)
    with pytest.raises(ValueError, match=told):
        raise ValueError(caught.value.message)


def test_a_field_that_the_class_has_no_more_is_passed_over() -> None:
    kept = {"a_note": {"first_line": "hi", "gone": 1}}
    assert TAKE.restore_arguments(kept) == ((Note("hi"),), {})
