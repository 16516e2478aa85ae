"""``self.schedule`` and ``self.cron``: what an actor asks to run later, typed by its own actions.

Owns the checks of what is asked. When something is due, and what is kept of it, is the run time's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic

from attrs import frozen

from ._cron import Cron
from ._refs import ActionRef, Ref
from ._types import A_co, Ps

if TYPE_CHECKING:
    from ._actor import NoActor

MIN_INTERVAL = 1.0
"""Seconds between two runs of a job: each is committed, and a shorter one wants a loop in `run`."""
MAX_NAME = 128
"""Characters of a job's name."""
_FIRST_TIME = datetime(1, 1, 2, tzinfo=UTC).timestamp()
_LAST_TIME = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


@frozen
class Scheduled:
    """One action that is to run once.

    Attributes:
        id: What ``after`` or ``at`` returned.
        action: The action's name in Python.
        arguments: Its arguments by the names of the parameters, as plain values.
        due_at: When, in UTC.
    """

    id: str
    action: str
    arguments: Mapping[str, Any]
    due_at: datetime


@frozen
class CronJob:
    """One action that runs again and again.

    Attributes:
        name: What ``set`` or ``every`` was given.
        action: The action's name in Python.
        arguments: Its arguments by the names of the parameters, as plain values.
        when: The ``Cron``, or the seconds of ``every``.
        next_at: When it is to run next, in UTC.
        last_at: When it ran last, in UTC, or None.
    """

    name: str
    action: str
    arguments: Mapping[str, Any]
    when: Cron | float
    next_at: datetime
    last_at: datetime | None


@frozen
class FutureCall:
    """A call that is to be made later, as it was asked for: which action, with what."""

    action: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class ScheduleContext(ABC):
    """What the run time does for ``self.schedule`` and ``self.cron``; times are epoch seconds.

    What changes something returns once it is committed.
    """

    @abstractmethod
    async def add_after(self, seconds: float, call: FutureCall) -> str:
        """Schedule once, so many seconds from now; the id."""

    @abstractmethod
    async def add_at(self, due_at: float, call: FutureCall) -> str:
        """Schedule once; the id."""

    @abstractmethod
    async def cancel(self, schedule_id: str) -> bool:
        """Forget a one-shot; whether there was one."""

    @abstractmethod
    def scheduled(self) -> list[Scheduled]:
        """The one-shots, in the order in which they are due."""

    @abstractmethod
    async def set_job(self, name: str, when: Cron | float, call: FutureCall) -> None:
        """Add or replace a job: by a Cron, or every so many seconds."""

    @abstractmethod
    async def delete_job(self, name: str) -> bool:
        """Forget a job; whether there was one."""

    @abstractmethod
    def jobs(self) -> list[CronJob]:
        """The jobs, in the order in which they are due."""


class Schedule(Generic[A_co]):
    """``self.schedule``: actions of this actor that run once, later (A5).

    They run at least once, never early, also after sleep, restart or crash; ``self.caller`` is
    None in them. What is awaited is kept.
    """

    def __init__(self, context: ScheduleContext) -> None:
        self._context = context

    async def after(
        self,
        seconds: float,
        action: ActionRef[A_co, Ps, Any] | Ref[NoActor],
        /,
        *args: Ps.args,
        **kwargs: Ps.kwargs,
    ) -> str:
        """Run an action in so many seconds: ``await self.schedule.after(30, Room.remind, "id")``.

        Args:
            seconds: 0 or more.
            action: An action of this actor, named through its class.
            *args: Its arguments, bound by its signature.
            **kwargs: The same, by keyword.

        Returns:
            The schedule's id.

        Raises:
            TypeError: The arguments do not fit, or it is another actor's action.
            ValueError: The seconds are below 0, or reach beyond the year 9999.
            TooManySchedules: The actor has ``max_schedules`` already.
            StorageError: It could not be kept; nothing is scheduled.
        """
        _check_seconds(seconds)
        return await self._context.add_after(seconds, FutureCall(action, args, kwargs))

    async def at(
        self,
        when: datetime | float,
        action: ActionRef[A_co, Ps, Any] | Ref[NoActor],
        /,
        *args: Ps.args,
        **kwargs: Ps.kwargs,
    ) -> str:
        """Run an action at a time; at once if that is past.

        Args:
            when: An aware datetime, or seconds since the Unix epoch.
            action: An action of this actor, named through its class.
            *args: Its arguments, bound by its signature.
            **kwargs: The same, by keyword.

        Returns:
            The schedule's id.

        Raises:
            TypeError: The arguments do not fit, or it is another actor's action.
            ValueError: The datetime has no time zone, or is beyond the year 9999.
            TooManySchedules: The actor has ``max_schedules`` already.
            StorageError: It could not be kept; nothing is scheduled.
        """
        return await self._context.add_at(_epoch(when), FutureCall(action, args, kwargs))

    async def get(self, schedule_id: str, /) -> Scheduled | None:
        """The schedule of that id; None if there is none, or it has begun to run."""
        return next((each for each in self._context.scheduled() if each.id == schedule_id), None)

    async def list(self) -> list[Scheduled]:
        """All that have not begun to run, in the order in which they are due."""
        return self._context.scheduled()

    async def cancel(self, schedule_id: str, /) -> bool:
        """Forget a schedule.

        Returns:
            Whether there was one; False also if it has begun to run.

        Raises:
            StorageError: It could not be forgotten; nothing has changed.
            TypeError: That is no id.
        """
        _check_id(schedule_id)
        return await self._context.cancel(schedule_id)


class CronJobs(Generic[A_co]):
    """``self.cron``: actions of this actor that run again and again, each job under a name (A5).

    A job that was missed, once or often, runs once, at once, and then goes on. It never overlaps
    itself.
    """

    def __init__(self, context: ScheduleContext) -> None:
        self._context = context

    async def set(
        self,
        name: str,
        when: str | Cron,
        action: ActionRef[A_co, Ps, Any] | Ref[NoActor],
        /,
        *args: Ps.args,
        **kwargs: Ps.kwargs,
    ) -> None:
        """Run an action by cron: ``await self.cron.set("daily", "0 9 * * *", Room.tidy)``.

        A job that is there already, the same in everything, is left as it is: due if it is due.

        Args:
            name: The job's name; a job of that name is replaced.
            when: A ``Cron``, or its five fields, which are then in UTC.
            action: An action of this actor, named through its class.
            *args: Its arguments, bound by its signature.
            **kwargs: The same, by keyword.

        Raises:
            TypeError: The arguments do not fit, or it is another actor's action.
            ValueError: The expression or the name is wrong.
            TooManySchedules: The actor has ``max_schedules`` already.
            StorageError: It could not be kept; nothing has changed.
        """
        _check_name(name)
        cron = when if isinstance(when, Cron) else Cron(when)
        await self._context.set_job(name, cron, FutureCall(action, args, kwargs))

    async def every(
        self,
        name: str,
        seconds: float,
        action: ActionRef[A_co, Ps, Any] | Ref[NoActor],
        /,
        *args: Ps.args,
        **kwargs: Ps.kwargs,
    ) -> None:
        """Run an action every so many seconds, counted from now; it does not drift.

        A job that is there already, the same in everything, is left as it is: due if it is due.

        Args:
            name: The job's name; a job of that name is replaced.
            seconds: 1 or more.
            action: An action of this actor, named through its class.
            *args: Its arguments, bound by its signature.
            **kwargs: The same, by keyword.

        Raises:
            TypeError: The arguments do not fit, or it is another actor's action.
            ValueError: The interval is too short, or the name is wrong.
            TooManySchedules: The actor has ``max_schedules`` already.
            StorageError: It could not be kept; nothing has changed.
        """
        _check_name(name)
        _check_seconds(seconds)
        if seconds < MIN_INTERVAL:
            raise ValueError(f"a job's interval is {MIN_INTERVAL:g} s or more, not {seconds!r}")
        await self._context.set_job(name, float(seconds), FutureCall(action, args, kwargs))

    async def get(self, name: str, /) -> CronJob | None:
        """The job of that name, or None."""
        return next((each for each in self._context.jobs() if each.name == name), None)

    async def list(self) -> list[CronJob]:
        """All jobs, in the order in which they are due."""
        return self._context.jobs()

    async def delete(self, name: str, /) -> bool:
        """Forget a job; a run that has begun goes on.

        Returns:
            Whether there was one.

        Raises:
            StorageError: It could not be forgotten; nothing has changed.
            TypeError, ValueError: No job can have that name.
        """
        _check_name(name)
        return await self._context.delete_job(name)


def _check_seconds(seconds: object) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"seconds are a number, not {type(seconds).__name__}")
    if not (0 <= seconds <= _LAST_TIME):
        raise ValueError(f"seconds must be 0 or more, and end before the year 9999: {seconds!r}")


def _check_id(schedule_id: object) -> None:
    if not isinstance(schedule_id, str):
        got = type(schedule_id).__name__
        raise TypeError(f"cancel() takes the id that after() or at() returned, a str, not {got}")


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"the name of a job is a str, not {type(name).__name__}")
    if not 0 < len(name) <= MAX_NAME:
        raise ValueError(f"the name of a job has 1 to {MAX_NAME} characters: {name!r:.200}")


def _epoch(when: object) -> float:
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise ValueError(f"{when!r} has no time zone: use datetime.now(UTC) + timedelta(…)")
        when = when.timestamp()
    if isinstance(when, bool) or not isinstance(when, (int, float)):
        raise TypeError(
            f"when is an aware datetime or seconds since the Unix epoch, not {type(when).__name__}"
        )
    if not _FIRST_TIME <= when <= _LAST_TIME:
        raise ValueError(f"{when!r} seconds since the Unix epoch are not in the years 1 to 9999")
    return float(when)
