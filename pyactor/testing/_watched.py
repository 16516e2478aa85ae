"""What user code holds of its run time, watched: every request is noted and passed on.

Nothing is decided here: the instance and the drivers do what they do in production.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from functools import wraps
from logging import Logger, LoggerAdapter
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from ..definition import (
    ActorContext,
    Conn,
    ConnContext,
    Connecting,
    CronJob,
    EventRef,
    FutureCall,
    Request,
    ScheduleContext,
    Scheduled,
)
from ..runtime import ActorInput, ActorLifecycle, Instance, Schedules
from ._observer import Observer, drive
from ._trace import EPOCH, What

if TYPE_CHECKING:
    from ..client import Client
    from ..definition import Cron

_R = TypeVar("_R")


class WatchedContext(ActorContext):
    """An instance as its actor sees it, watched."""

    def __init__(self, instance: Instance, observer: Observer) -> None:
        self._instance = instance
        self._observer = observer
        self._life = observer.begin_life(instance)
        self.abort_event = instance.abort_event
        self._schedules = _WatchedSchedules(instance.schedules, observer, self._life)
        instance.lifecycle = _WatchedLifecycle(instance, observer, self._life)
        instance.conns_by_id = _WatchedConns(self)

    def watch_conn(self, conn: Conn[Any, Any] | Connecting[Any]) -> str:
        """Watch a connection from now on, if it is not watched yet; its short name."""
        context = conn._context
        if isinstance(context, _WatchedConn):
            return context.name
        name = self._observer.name_conn(context.id, context.request, self._instance)
        conn._context = _WatchedConn(context, name, self._instance, self._observer)
        return name

    # -------------------------------------------------------------- ActorContext: noted

    @override
    def broadcast(self, event: EventRef[Any, Any, ...], payload: tuple[Any, ...]) -> None:
        spec = self._instance.definition.event(event)
        args = spec.unstructure_payload(*payload)
        self._observer.note(What.BROADCAST, "", self._life, spec.name, data={"args": args})
        try:
            self._instance.broadcast(event, payload)
        except BaseException:
            self._observer.note(What.REFUSED, "", self._life, spec.name)
            raise

    @override
    async def save_state(self, *, immediate: bool) -> None:
        if not immediate:
            await self._instance.save_state(immediate=False)
            return
        before = self._observer.digest(self._instance)
        self._observer.note(What.SAVE, "", self._life, data={"state": before})
        await self._instance.save_state(immediate=True)
        after = self._observer.digest(self._instance)
        self._observer.note(
            What.SAVED,
            "",
            self._life,
            data={"id": self.actor_id, "state": before, "unchanged": before == after},
        )

    @override
    def sleep(self) -> None:
        self._observer.note(What.SLEEP_ASKED, "", self._life)
        self._instance.sleep()

    @override
    def destroy(self) -> None:
        self._observer.note(What.DESTROY_ASKED, "", self._life)
        self._instance.destroy()

    @override
    async def keep_awake(self, aw: Awaitable[_R]) -> _R:
        self._observer.note(What.BUSY, "", self._life)
        try:
            return await self._instance.keep_awake(aw)
        finally:
            self._observer.note(What.NO_LONGER_BUSY, "", self._life)

    @property
    @override
    def schedules(self) -> ScheduleContext:
        return self._schedules

    @property
    @override
    def connecting(self) -> Connecting[Any] | None:
        connecting = self._instance.connecting
        if connecting is not None:
            self.watch_conn(connecting)
        return connecting

    # -------------------------------------------------------------- ActorContext: passed on

    @property  # type: ignore[explicit-override] # it stands for an attribute
    def state(self) -> Any:
        """The durable state."""
        return self._instance.state

    @state.setter
    def state(self, value: Any) -> None:
        self._instance.state = value
        self._observer.own_state(self._instance)

    @override
    def wait_until(self, aw: Awaitable[object]) -> None:
        self._instance.wait_until(aw)

    @override
    def describe_caller(self) -> str:
        return self._instance.describe_caller()

    @property
    @override
    def key(self) -> tuple[str, ...]:
        return self._instance.key

    @property
    @override
    def actor_id(self) -> str:
        return self._instance.actor_id

    @property
    @override
    def name(self) -> str:
        return self._instance.name

    @property
    @override
    def region(self) -> str:
        return self._instance.region

    @property
    @override
    def conns(self) -> Mapping[str, Conn[Any, Any]]:
        return self._instance.conns

    @property
    @override
    def caller(self) -> Conn[Any, Any] | None:
        return self._instance.caller

    @property
    @override
    def log(self) -> LoggerAdapter[Logger]:
        return self._instance.log

    @property
    @override
    def client(self) -> Client:
        return self._instance.client

    @property
    def instance(self) -> Instance:
        """The live actor behind it."""
        return self._instance


class _WatchedConn(ConnContext):
    """A driver as ``Conn`` and ``Connecting`` see it, watched."""

    def __init__(
        self, context: ConnContext, name: str, instance: Instance, observer: Observer
    ) -> None:
        self.name = name
        self._context = context
        self._instance = instance
        self._observer = observer
        self._life = observer.life_of(instance)

    @override
    def send(self, event: EventRef[Any, Any, ...], payload: tuple[Any, ...]) -> None:
        spec = self._instance.definition.event(event)
        args = spec.unstructure_payload(*payload)
        self._observer.note(What.SEND, self.name, self._life, spec.name, data={"args": args})
        try:
            self._context.send(event, payload)
        except BaseException:
            self._observer.note(What.REFUSED, self.name, self._life, spec.name)
            raise

    @override
    def disconnect(self, reason: str | None = None) -> Awaitable[None]:
        data = {"reason": reason or ""}
        self._observer.note(What.DISCONNECT, self.name, self._life, data=data)
        disconnection = self._context.disconnect(reason)
        self._observer.note(What.DISCONNECT_BEGUN, self.name, self._life)
        return _WatchedDisconnection(disconnection, self.name, self._life, self._observer)

    @override
    def defer(self, callback: Callable[[], Awaitable[object] | object]) -> None:
        observer, counters = self._observer, self._observer.counters
        counters.runs += 1
        data = {"callback": counters.runs}
        observer.note(What.DEFER, self.name, self._life, data=data)

        @wraps(callback)  # which is named where it is skipped (C10)
        def run_deferred() -> object:
            run = observer.enter("deferred", "deferred", self.name, self._instance, data)
            result: object = call(observer, run, callback)
            return result

        self._context.defer(run_deferred)

    @property
    @override
    def id(self) -> str:
        return self._context.id

    @property
    @override
    def is_hibernatable(self) -> bool:
        return self._context.is_hibernatable

    @property
    @override
    def request(self) -> Request:
        return self._context.request


class _WatchedDisconnection(Awaitable[None]):
    def __init__(
        self, disconnection: Awaitable[None], name: str, life: int, observer: Observer
    ) -> None:
        self._disconnection = disconnection
        self._name = name
        self._life = life
        self._observer = observer

    @override
    def __await__(self) -> Generator[Any, None, None]:
        return self._wait().__await__()

    async def _wait(self) -> None:
        observer = self._observer
        observer.counters.runs += 1
        data = {"wait": observer.counters.runs, "by": observer.waiter}
        observer.note(What.WAITS, self._name, self._life, "", observer.current, data)
        outcome = "raised"
        try:
            await self._disconnection
            outcome = "ended"
        except (GeneratorExit, BaseException) as error:
            outcome = type(error).__name__
            raise
        finally:
            observer.note(
                What.WAITED, self._name, self._life, data={"wait": data["wait"], "how": outcome}
            )


class _WatchedSchedules(ScheduleContext):
    def __init__(self, schedules: Schedules, observer: Observer, life: int) -> None:
        self._schedules = schedules
        self._observer = observer
        self._life = life

    def _note(
        self,
        what: What,
        schedule_id: str,
        call: FutureCall | None = None,
        due_at: float | None = None,
    ) -> None:
        name = "" if call is None else str(getattr(call.action, "attr", ""))
        data: dict[str, Any] = {"schedule": schedule_id}
        if due_at is not None:
            data["due"] = due_at
        self._observer.note(what, "", self._life, name, data=data)

    @override
    async def add_after(self, seconds: float, call: FutureCall) -> str:
        due_at = EPOCH + self._observer.loop.now + seconds
        schedule_id = await self._schedules.add_after(seconds, call)
        self._note(What.SCHEDULE, schedule_id, call, due_at)
        return schedule_id

    @override
    async def add_at(self, due_at: float, call: FutureCall) -> str:
        schedule_id = await self._schedules.add_at(due_at, call)
        self._note(What.SCHEDULE, schedule_id, call, due_at)
        return schedule_id

    @override
    async def cancel(self, schedule_id: str) -> bool:
        self._note(What.UNSCHEDULE, schedule_id)
        return await self._schedules.cancel(schedule_id)

    @override
    def scheduled(self) -> list[Scheduled]:
        return self._schedules.scheduled()

    @override
    async def set_job(self, name: str, when: Cron | float, call: FutureCall) -> None:
        self._note(What.UNSCHEDULE, f"cron:{name}")
        await self._schedules.set_job(name, when, call)
        self._note(What.SCHEDULE, f"cron:{name}", call)

    @override
    async def delete_job(self, name: str) -> bool:
        self._note(What.UNSCHEDULE, f"cron:{name}")
        return await self._schedules.delete_job(name)

    @override
    def jobs(self) -> list[CronJob]:
        return self._schedules.jobs()


class _WatchedLifecycle(ActorLifecycle):
    """Notes each phase that an actor comes to."""

    def __init__(self, instance: Instance, observer: Observer, life: int) -> None:
        super().__init__()
        self.phase = instance.lifecycle.phase
        self._instance = instance
        self._observer = observer
        self._life = life

    @override
    def receive(self, what: ActorInput) -> None:
        super().receive(what)
        if what is ActorInput.STARTED:
            self._observer.own_state(self._instance)
        data: dict[str, Any] = {"id": self._instance.actor_id}
        if what in (ActorInput.STOPPED, ActorInput.STARTED):
            data["state"] = self._observer.digest(self._instance)
        self._observer.note(What.PHASE, "", self._life, self.phase.name, data=data)


class _WatchedConns(dict[str, Conn[Any, Any]]):
    """``conns``, watched: who joins and who leaves."""

    def __init__(self, context: WatchedContext) -> None:
        super().__init__()
        self._watcher = context

    @override
    def __setitem__(self, key: str, conn: Conn[Any, Any]) -> None:
        super().__setitem__(key, conn)
        self._note(What.JOINED, conn)

    @override
    def __delitem__(self, key: str) -> None:
        conn = self[key]
        super().__delitem__(key)
        self._note(What.LEFT, conn)

    @override
    def pop(self, key: str, default: Any = None, /) -> Any:
        conn = super().pop(key, None)
        if conn is None:
            return default
        self._note(What.LEFT, conn)
        return conn

    def _note(self, what: What, conn: Conn[Any, Any]) -> None:
        name = self._watcher.watch_conn(conn)
        observer = self._watcher._observer
        observer.note(what, name, self._watcher._life)


def call(observer: Observer, run: Any, function: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    """Call user code that has been noted as begun; its result, or what awaits it."""
    try:
        result = function(*args, **kw)
    except BaseException as error:
        observer.leave(run, error)
        raise
    if isinstance(result, Awaitable):
        return drive(observer, run, result)
    observer.leave(run, None, result)
    return result
