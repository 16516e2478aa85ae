"""One fault in the run time for each rule: the rule is found to be broken, and by its number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from attrs import evolve

from pyactor.host._alarms import Alarms
from pyactor.host.directory import Directory
from pyactor.runtime import _driver, _start_stop
from pyactor.runtime._alarm import Alarm
from pyactor.runtime._call import Call
from pyactor.runtime._channel import ChannelCarried
from pyactor.runtime._disconnect import Disconnection
from pyactor.runtime._driver import ConnectionDriver
from pyactor.runtime._http_call import HttpCallDriver
from pyactor.runtime._idle import IdleTimer
from pyactor.runtime._instance import Instance
from pyactor.runtime._saving import Saver
from pyactor.runtime._schedule import Schedules
from pyactor.runtime._state_change import StateWatch
from pyactor.session import Close, End, Hook, Joined, Left, RunAction, RunHook, ServerSession
from pyactor.storage import Changes
from pyactor.testing import RuleBroken, World
from pyactor.wire import messages

Patch = Callable[[pytest.MonkeyPatch], None]
PLANTED: list[tuple[str, str, Patch]] = []


def plant(rules: str, who: str = "house") -> Callable[[Patch], Patch]:
    """A fault, and the rules of which one is broken first."""

    def note(patch: Patch) -> Patch:
        PLANTED.append((rules, who, patch))
        return patch

    return note


async def nothing(*_: object, **__: object) -> None: ...


# ------------------------------------------------------------------ connections


@plant("C1")
def a_hook_runs_twice(patch: pytest.MonkeyPatch) -> None:
    plain = ServerSession.events_received

    def twice(self: ServerSession) -> list[Any]:
        events = plain(self)
        again = [e for e in events if e == RunHook(Hook.CREATE_CONN_STATE)]
        return [*events, *again]

    patch.setattr(ServerSession, "events_received", twice)


@plant("C2")
def a_failed_hook_counts_as_returned(patch: pytest.MonkeyPatch) -> None:
    def returned(self: ServerSession, hook: Hook, _error: messages.Error) -> None:
        self.receive_hook_returned(hook)

    patch.setattr(ServerSession, "receive_hook_failed", returned)


@plant("C3")
def leaving_is_late(patch: pytest.MonkeyPatch) -> None:
    plain = ConnectionDriver._carry_out

    def late(self: ConnectionDriver, event: object) -> None:
        if isinstance(event, Left):
            asyncio.get_running_loop().call_later(1, plain, self, event)
        else:
            plain(self, event)

    patch.setattr(ConnectionDriver, "_carry_out", late)


@plant("C3")
def joining_is_late(patch: pytest.MonkeyPatch) -> None:
    plain = ConnectionDriver._carry_out

    def late(self: ConnectionDriver, event: object) -> None:
        if isinstance(event, Joined):
            asyncio.get_running_loop().call_later(0.05, plain, self, event)
        else:
            plain(self, event)

    patch.setattr(ConnectionDriver, "_carry_out", late)


@plant("C4")
def on_disconnect_is_left_out(patch: pytest.MonkeyPatch) -> None:
    plain = ConnectionDriver._run_hook

    def left_out(self: ConnectionDriver, hook: Hook) -> None:
        if hook is Hook.ON_DISCONNECT:
            self._hook_ended(hook, None, None)
        else:
            plain(self, hook)

    patch.setattr(ConnectionDriver, "_run_hook", left_out)


@plant("C4")
def on_disconnect_runs_twice(patch: pytest.MonkeyPatch) -> None:
    lost = ChannelCarried.receive_lost

    def again(self: ChannelCarried) -> None:
        conn = self.conn
        if conn is not None and self.session.end is not None:
            report: Any = lambda *_: None  # noqa: E731
            self._instance.start_hook("on_disconnect", conn, conn=conn, report=report)
        lost(self)

    patch.setattr(ChannelCarried, "receive_lost", again)


@plant("C5")
def held_messages_are_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ServerSession, "_release", lambda self: self._held.clear())


@plant("C5")
def messages_are_not_held(patch: pytest.MonkeyPatch) -> None:
    def dispatch(self: ServerSession, message: Any, _size: int) -> None:
        self._events.append(RunAction(message)) if isinstance(
            message, messages.ActionRequest
        ) else None

    patch.setattr(ServerSession, "_hold", dispatch)


@plant("C6")
def actions_start_in_another_order(patch: pytest.MonkeyPatch) -> None:
    plain = ServerSession._release

    def backwards(self: ServerSession) -> None:
        self._held.reverse()
        plain(self)

    patch.setattr(ServerSession, "_release", backwards)


@plant("C6")
def a_disconnect_cancels_actions(patch: pytest.MonkeyPatch) -> None:
    plain = ConnectionDriver._carry_out

    def cancels(self: ConnectionDriver, event: object) -> None:
        plain(self, event)
        if isinstance(event, Left):
            for call in list(self._instance._calls):
                if call.scope.conn is self.conn and call.scope.what.startswith("action"):
                    call.cancel()

    patch.setattr(ConnectionDriver, "_carry_out", cancels)


@plant("C7")
def an_end_is_forgotten_while_connecting(patch: pytest.MonkeyPatch) -> None:
    plain = ServerSession._remember

    def forgets(self: ServerSession, end: End) -> None:
        if self._stage.hook is None:
            plain(self, end)

    patch.setattr(ServerSession, "_remember", forgets)


@plant("C8")
def a_private_error_is_told(patch: pytest.MonkeyPatch) -> None:
    def told(error: BaseException, **kwargs: Any) -> messages.Error:
        return messages.Error("core", "internal_error", str(error))

    patch.setattr(_driver, "error_to_send", told)


@plant("C7")
def the_last_end_wins(patch: pytest.MonkeyPatch) -> None:
    plain = ServerSession._remember

    def overwrites(self: ServerSession, end: End) -> None:
        self._end = None
        plain(self, end)

    patch.setattr(ServerSession, "_remember", overwrites)


@plant("C7 C9")
def the_reason_is_lost(patch: pytest.MonkeyPatch) -> None:
    plain = ConnectionDriver.end
    patch.setattr(ConnectionDriver, "end", lambda self, end: plain(self, _nameless(end)))


def _nameless(end: End) -> End:
    return evolve(end, reason="") if end.code == 1000 else end


@plant("C9")
def an_awaited_disconnect_returns_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Disconnection, "_wait", nothing)


@plant("C9")
def a_disconnect_begins_later(patch: pytest.MonkeyPatch) -> None:
    plain = ConnectionDriver.end

    def later(self: ConnectionDriver, end: End) -> None:
        if end.code == 1000:
            asyncio.get_running_loop().call_soon(plain, self, end)
        else:
            plain(self, end)

    patch.setattr(ConnectionDriver, "end", later)


@plant("C10")
def deferred_callbacks_run_first_in_first_out(patch: pytest.MonkeyPatch) -> None:
    plain = ConnectionDriver._run_next_deferred

    def first(self: ConnectionDriver) -> None:
        self._deferred.reverse()
        plain(self)
        self._deferred.reverse()

    patch.setattr(ConnectionDriver, "_run_next_deferred", first)


@plant("C10")
def deferred_callbacks_of_rejected_are_skipped(patch: pytest.MonkeyPatch) -> None:
    plain = ConnectionDriver._run_next_deferred

    def skip(self: ConnectionDriver) -> None:
        if self.conn is None:
            self._deferred.clear()
        plain(self)

    patch.setattr(ConnectionDriver, "_run_next_deferred", skip)


@plant("C11")
def nothing_times_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Call, "_expire", lambda self: None)


@plant("C11")
def a_timeout_leaves_a_ghost(patch: pytest.MonkeyPatch) -> None:
    def silently(self: Call) -> None:
        self._reported = True
        self.task.cancel()

    patch.setattr(Call, "_expire", silently)


@plant("C12")
def a_failed_callback_stops_the_others(patch: pytest.MonkeyPatch) -> None:
    plain = ConnectionDriver._deferred_ended

    def stops(self: ConnectionDriver, result: object, error: BaseException | None) -> None:
        if error is not None:
            self._deferred.clear()
        plain(self, result, error)

    patch.setattr(ConnectionDriver, "_deferred_ended", stops)


@plant("C13")
def a_broadcast_reaches_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ServerSession, "is_subscribed", lambda self, name: self.in_conns)


@plant("C13")
def a_broadcast_misses_the_last(patch: pytest.MonkeyPatch) -> None:
    plain = Instance.broadcast

    def misses(self: Instance, event: Any, payload: Any) -> None:
        last = list(self.drivers.items())[-1:]
        for key, driver in last if len(self.drivers) > 1 else ():
            del self.drivers[key]
            plain(self, event, payload)
            self.drivers[key] = driver
            return
        plain(self, event, payload)

    patch.setattr(Instance, "broadcast", misses)


@plant("C13")
def what_is_sent_goes_after_the_close(patch: pytest.MonkeyPatch) -> None:
    plain = ServerSession.messages_to_send

    def one_more(self: ServerSession) -> list[Any]:
        frames = plain(self)
        has_closed = any(isinstance(frame, Close) for frame in frames)
        return [*frames, messages.Error("user", "late", "too late")] if has_closed else frames

    patch.setattr(ServerSession, "messages_to_send", one_more)


@plant("C14")
def http_is_answered_before_its_life_is_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(HttpCallDriver, "_wait_to_answer", nothing)


@plant("C15")
def sleep_closes_with_another_code(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_start_stop, "End", lambda cause, _code, reason: End(cause, 1000, reason))


@plant("C15")
def sleep_leaves_connections_open(patch: pytest.MonkeyPatch) -> None:
    async def at_once(instance: Instance, *_: object) -> None:
        instance.idle.end()
        instance.schedules.end()

    patch.setattr(_start_stop, "_wind_down", at_once)


@plant("C16")
def no_backlog_is_too_large(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ChannelCarried, "_write", lambda self, data: self._channel.send(data))


@plant("C16")
def any_number_of_messages_is_held(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        ServerSession, "_hold", lambda self, message, size: self._held.append((message, size))
    )


# ------------------------------------------------------------------ actors


@plant("A1")
def each_request_starts_its_own(patch: pytest.MonkeyPatch) -> None:
    async def own(self: Directory, name: str, key: Any, want: Any, *rest: Any) -> Any:
        plain_input, depth = rest or (None, 0)
        return await self._load(name, key, want, plain_input, depth), False

    patch.setattr(Directory, "_acquire", own)


@plant("A2")
def the_creation_is_committed_later(patch: pytest.MonkeyPatch) -> None:
    original = _start_stop.create

    async def create(instance: Instance, plain_input: Any) -> None:
        saver = instance.saver
        storage = saver._storage

        class Late:
            async def commit(self, changes: Changes, *, immediate: bool = True) -> None:
                asyncio.get_running_loop().call_later(
                    0.5, lambda: asyncio.ensure_future(storage.commit(changes))
                )

        saver._storage = Late()  # type: ignore[assignment]
        await original(instance, plain_input)
        saver._storage = storage

    from pyactor.host import directory

    patch.setattr(directory, "create", create)


@plant("A2")
def schedules_of_on_create_are_not_in_its_commit(patch: pytest.MonkeyPatch) -> None:
    plain = Saver.create

    async def without(self: Saver, kept_input: bytes | None) -> None:
        put, self._put = self._put, {}
        await plain(self, kept_input)
        await self.commit(put_schedules=put.values())

    patch.setattr(Saver, "create", without)


@plant("A3")
def a_connection_does_not_keep_it_awake(patch: pytest.MonkeyPatch) -> None:
    def add(self: Instance, driver: ConnectionDriver) -> None:
        self.drivers[driver.id] = driver
        self._quiet.clear()

    def forget(self: Instance, driver: ConnectionDriver) -> None:
        del self.drivers[driver.id]
        self._note_quiet()

    patch.setattr(Instance, "add", add)
    patch.setattr(Instance, "forget", forget)


@plant("A3")
def it_never_falls_asleep(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(IdleTimer, "_look", lambda self: None)


@plant("A4")
def sleep_saves_nothing(patch: pytest.MonkeyPatch) -> None:
    async def finish(self: Saver, _hurry: asyncio.Event) -> bool:
        await self.abandon()
        return True

    patch.setattr(Saver, "finish", finish)


@plant("A4")
def an_immediate_save_is_put_off(patch: pytest.MonkeyPatch) -> None:
    async def save_state(self: Instance, *, immediate: bool) -> None:
        self.saver.note_change()

    patch.setattr(Instance, "save_state", save_state)


@plant("A4")
def a_snapshot_is_old(patch: pytest.MonkeyPatch) -> None:
    plain = Saver.snapshot

    def old(self: Saver) -> bytes:
        kept: list[bytes] = self.__dict__.setdefault("_old", [])
        kept.append(plain(self))
        return kept[max(0, len(kept) - 2)]

    patch.setattr(Saver, "snapshot", old)


@plant("A4")
def changes_are_never_saved_by_themselves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Saver, "note_change", lambda self: None)


@plant("A5")
def a_schedule_runs_early(patch: pytest.MonkeyPatch) -> None:
    plain = Alarm._wait

    def early(self: Alarm, due_at: float) -> None:
        clock: Any = _Ahead(self._clock)
        self._clock = clock
        plain(self, due_at)

    class _Ahead:
        def __init__(self, clock: Any) -> None:
            self._clock = clock

        def now(self) -> float:
            return float(self._clock.now()) + 1

    patch.setattr(Alarm, "_wait", early)
    patch.setattr(
        Schedules, "_run_due", lambda self: [self._run(each) for each in self._in_order()]
    )


@plant("A5")
def nobody_wakes_a_sleeping_actor(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Alarms, "_begin", lambda self, actor_id: None)


@plant("A5")
def a_schedule_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Schedules, "_run", lambda self, planned: self._drop(planned.schedule_id, "", Exception())
    )


@plant("A6")
def a_destroyed_actor_is_kept(patch: pytest.MonkeyPatch) -> None:
    async def forget(self: Saver, _hurry: asyncio.Event) -> bool:
        await self.abandon()
        return True

    patch.setattr(Saver, "forget", forget)


@plant("A7", "watched")
def on_state_change_is_told_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StateWatch, "check", lambda self: None)


@plant("A7", "watched")
def on_state_change_is_told_each_time(patch: pytest.MonkeyPatch) -> None:
    plain = StateWatch.check

    def always(self: StateWatch) -> None:
        if self._told is not None:
            self._told = b"another"
        plain(self)

    patch.setattr(StateWatch, "check", always)


@plant("A7", "watched")
def a_change_in_on_state_change_fails_nothing(patch: pytest.MonkeyPatch) -> None:
    plain = StateWatch.check

    def mildly(self: StateWatch) -> None:
        with suppress(Exception):
            plain(self)

    patch.setattr(StateWatch, "check", mildly)


# ------------------------------------------------------------------ the tests


@pytest.mark.parametrize("who", ["house", "watched"])
def test_an_unharmed_run_time_keeps_every_rule(
    who: str, a_day: Any, request: pytest.FixtureRequest
) -> None:
    with World(request.getfixturevalue(who)) as world:
        a_day(world)


def live_through(world: World[Any], a_day: Any) -> None:
    try:
        a_day(world)
        world.close()
    finally:
        world.close(checks=False)


@pytest.mark.parametrize(("rules", "who", "patch"), PLANTED, ids=[p[2].__name__ for p in PLANTED])
def test_a_planted_fault_is_found(  # noqa: PLR0917 - parameters and fixtures
    rules: str,
    who: str,
    patch: Patch,
    a_day: Any,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patch(monkeypatch)
    world = World(request.getfixturevalue(who))
    with pytest.raises(RuleBroken) as broken:
        live_through(world, a_day)
    assert broken.value.violation.rule in rules.split(), broken.value
