"""What one live actor has scheduled, and that it runs when it is due (A5).

Owns an instance's one-shots and jobs while it is in memory. While it is not, its host's alarms
wake it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve
from typing_extensions import override

from ..definition import ActionSpec, Cron, CronJob, FutureCall, ScheduleContext, Scheduled
from ..errors import CallInterrupted, TooManySchedules
from ..storage import ScheduleRecord
from ._alarm import Alarm
from ._call import invoke
from ._planned import Planned, pack, read_planned
from ._schedule_writes import Change, ScheduleWrites
from ._scope import Scope

if TYPE_CHECKING:
    from ._instance import Instance

_JOB = "cron:"
"""How a job's id begins; its name follows. The id of a one-shot is hexadecimal."""
_LAST_TIME = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


class Schedules(ScheduleContext):
    """The schedules of one instance.

    What is in ``_planned`` is kept; a change of it is told to the storage first. What runs stays
    there until it has ended, so a crash runs it again.
    """

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._planned: dict[str, Planned] = {}
        self._running: set[str] = set()
        self._changing: Counter[str] = Counter()
        self._order = 0
        self._alarm = Alarm(instance.clock, self._run_due)
        self._writes = ScheduleWrites(instance)
        self._is_on = False

    # -------------------------------------------------------------- start and stop

    def load(self, records: Iterable[ScheduleRecord]) -> None:
        """Take over what was kept; what cannot be read is logged and dropped."""
        for record in records:
            try:
                planned = read_planned(record)
            except ValueError as error:
                self._drop(record.schedule_id, f"schedule {record.schedule_id!r}", error)
                continue
            self._planned[planned.schedule_id] = planned
            self._order = max(self._order, planned.order)

    def begin(self) -> None:
        """The actor is ready: from now on what is due runs."""
        self._is_on = True
        self._set_alarm()

    def end(self) -> None:
        """The actor stops: nothing is begun any more."""
        self._is_on = False
        self._alarm.set(None)

    @property
    def next_due(self) -> float | None:
        """When something is due next, what is running included; None if nothing ever is."""
        return min((each.due_at for each in self._planned.values()), default=None)

    # -------------------------------------------------------------- ScheduleContext

    @override
    async def add_after(self, seconds: float, call: FutureCall) -> str:
        due_at = self._instance.clock.now() + seconds
        if due_at > _LAST_TIME:
            raise ValueError(f"{seconds!r} seconds from now is beyond the year 9999")
        return await self.add_at(due_at, call)

    @override
    async def add_at(self, due_at: float, call: FutureCall) -> str:
        schedule_id = self._instance.clock.new_id()
        await self._put(schedule_id, call, due_at, None)
        return schedule_id

    @override
    async def cancel(self, schedule_id: str) -> bool:
        is_one_shot = not schedule_id.startswith(_JOB)
        return is_one_shot and schedule_id not in self._running and await self._forget(schedule_id)

    @override
    def scheduled(self) -> list[Scheduled]:
        return [
            Scheduled(each.schedule_id, each.action, each.arguments(), _utc(each.due_at))
            for each in self._in_order()
            if each.when is None and each.schedule_id not in self._running
        ]

    @override
    async def set_job(self, name: str, when: Cron | float, call: FutureCall) -> None:
        if self._is_the_same(name, when, call):
            return  # what is due stays due, as on_wake of a woken actor wants it
        now = self._instance.clock.now()
        first = Planned("", 0, "", b"", now, when).next_after(now)
        if first > _LAST_TIME:
            raise ValueError(f"job {name!r} would run first beyond the year 9999")
        await self._put(_JOB + name, call, first, when)

    @override
    async def delete_job(self, name: str) -> bool:
        return await self._forget(_JOB + name)

    @override
    def jobs(self) -> list[CronJob]:
        now = self._instance.clock.now()
        return [
            CronJob(
                each.schedule_id.removeprefix(_JOB),
                each.action,
                each.arguments(),
                each.when,
                _utc(each.next_after(now) if each.schedule_id in self._running else each.due_at),
                None if each.last_at is None else _utc(each.last_at),
            )
            for each in self._in_order()
            if each.when is not None
        ]

    # -------------------------------------------------------------- changes

    def _packed(self, call: FutureCall) -> tuple[str, bytes]:
        """The action's name in Python, and the arguments as they are kept."""
        definition = self._instance.definition
        spec = definition.action(call.action)
        packed = pack(spec.attr, spec.keep_arguments(call.args, call.kwargs))
        limit = definition.options.max_incoming_message
        if len(packed) > limit:
            raise ValueError(
                f"the arguments of {spec.attr!r} have {len(packed)} bytes; "
                f"max_incoming_message is {limit}, for what is scheduled too"
            )
        return spec.attr, packed

    def _is_the_same(self, name: str, when: Cron | float, call: FutureCall) -> bool:
        there = self._planned.get(_JOB + name)
        if there is None or self._changing[there.schedule_id]:
            return False
        return (there.when, there.action, there.packed) == (when, *self._packed(call))

    async def _put(
        self, schedule_id: str, call: FutureCall, due_at: float, when: Cron | float | None
    ) -> None:
        action, packed = self._packed(call)
        self._check_room(schedule_id)
        self._order += 1
        planned = Planned(schedule_id, self._order, action, packed, due_at, when)
        await self._change(schedule_id, planned, planned.record())

    def _check_room(self, schedule_id: str) -> None:
        limit = self._instance.definition.options.max_schedules
        taken = self._planned.keys() | self._changing.keys()
        if schedule_id not in taken and len(taken) >= limit:
            raise TooManySchedules(
                f"{self._instance.name} has {len(taken)} schedules, and max_schedules is {limit}: "
                "cancel some, or spread them over more actors"
            )

    async def _forget(self, schedule_id: str) -> bool:
        if schedule_id not in self._planned:
            return False
        await self._change(schedule_id, None, None)
        return True

    async def _change(
        self, schedule_id: str, planned: Planned | None, record: ScheduleRecord | None
    ) -> None:
        """Keep or forget one; return once that is durable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settle(error: Exception | None) -> None:
            self._changing[schedule_id] -= 1
            if not self._changing[schedule_id]:
                del self._changing[schedule_id]
            if error is None:
                self._planned.pop(schedule_id, None)
                if planned is not None:
                    self._planned[schedule_id] = planned
            self._set_alarm()
            if done.done():
                return  # whoever waited has been cancelled
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        self._changing[schedule_id] += 1
        self._writes.add(Change(schedule_id, record, settle))
        await done

    # -------------------------------------------------------------- what is due

    def _in_order(self) -> list[Planned]:
        return sorted(self._planned.values(), key=lambda each: (each.due_at, each.order))

    def _may_run(self, planned: Planned) -> bool:
        """Not what runs already, nor what is being changed or forgotten."""
        return not (planned.schedule_id in self._running or planned.schedule_id in self._changing)

    def _set_alarm(self) -> None:
        if self._is_on:
            due = (each.due_at for each in self._planned.values() if self._may_run(each))
            self._alarm.set(min(due, default=None))

    def _run_due(self) -> None:
        now = self._instance.clock.now()
        for planned in self._in_order():
            if planned.due_at > now:
                break
            if self._may_run(planned):
                self._run(planned)
        self._set_alarm()

    def _run(self, planned: Planned) -> None:
        """Start a call as a client's is started, but for the caller: there is none."""
        instance = self._instance
        spec = instance.definition.actions_by_attr.get(planned.action)
        what = f"scheduled action {planned.action!r}"
        if spec is None:
            error = LookupError(f"{instance.name} has no action {planned.action!r} any more")
            self._drop(planned.schedule_id, what, error)
            return
        try:
            args, kwargs = spec.restore_arguments(planned.arguments())
        except Exception as error:  # noqa: BLE001 - a class of the user may refuse in its own way
            self._drop(planned.schedule_id, what, error)
            return
        self._running.add(planned.schedule_id)
        instance.start_call(
            Scope(instance, what),
            invoke(spec.function, instance.actor, *args, **kwargs),
            instance.action_timeout(spec),
            partial(self._ended, planned, instance.clock.now(), what, spec),
        )

    def _ended(
        self,
        planned: Planned,
        began_at: float,
        what: str,
        spec: ActionSpec,
        _result: object,
        error: BaseException | None,
    ) -> None:
        instance = self._instance
        schedule_id = planned.schedule_id
        self._running.discard(schedule_id)
        if isinstance(error, CallInterrupted):
            return  # by the end of the grace period: it runs again after the next start
        if error is not None:
            instance.log_error(what, instance.action_error(spec, error))
        if self._planned.get(schedule_id) is planned and not self._changing[schedule_id]:
            if planned.when is None:
                del self._planned[schedule_id]
                self._writes.add(Change(schedule_id, None))
            else:
                moved = evolve(
                    planned, due_at=planned.next_after(instance.clock.now()), last_at=began_at
                )
                self._planned[schedule_id] = moved
                self._writes.add(Change(schedule_id, moved.record()))
        self._set_alarm()

    def _drop(self, schedule_id: str, what: str, error: Exception) -> None:
        """What can never run goes; the rest goes on."""
        self._planned.pop(schedule_id, None)
        self._instance.log.error("%s is dropped: %s", what, error)
        self._writes.add(Change(schedule_id, None))


def _utc(epoch: float) -> datetime:
    return datetime.fromtimestamp(min(epoch, _LAST_TIME), UTC)
