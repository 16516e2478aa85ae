"""What a world does: time, clients, faults, crashes; and that it does the same again."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from attrs import define

import pyactor
from pyactor.definition import Actor, ActorOptions, Conn, action, hook
from pyactor.testing import (
    Deadlock,
    Faults,
    FixedChooser,
    InjectedFault,
    SeededChooser,
    What,
    World,
)


def notes(world: World[Any]) -> list[str]:
    """What the live actor has noted."""
    assert world.actor is not None
    found: list[str] = world.actor.state.notes
    return found


def steps(world: World[Any], what: What, name: str = "") -> list[Any]:
    return [s for s in world.trace if s.what is what and (not name or s.name == name)]


# ------------------------------------------------------------------ clients


@pytest.mark.parametrize("encoding", ["json", "cbor", "bare"])
def test_a_client_calls_and_hears(house: Any, door: Any, encoding: str) -> None:
    with World(house, encoding=encoding) as world:
        ann = world.connect(door("ann"))
        ann.subscribe("news")
        call = ann.act("note", "hi")
        assert not ann.inits
        world.advance(1)
        assert ann.is_open
        assert call.result() == 1
        assert ann.events == [("news", ["welcome"]), ("news", ["hi"])]
        assert notes(world) == ["hi"]
        world.check()


def test_a_call_over_http(house: Any, door: Any) -> None:
    with World(house) as world:
        good, bad = world.call("tick", 3), world.call("tick", params=door("x", "connect"))
        wrong = world.call_plain("tick", ["three"])
        lost = world.call_plain("nothing", [])
        world.advance(1)
        assert good.result() == 3
        assert bad.error_name == "user.no_entry"
        assert wrong.error_name == "action.invalid_arguments"
        assert lost.error_name == "action.not_found"
        with pytest.raises(AssertionError, match="full"):
            bad.result()


def test_params_that_do_not_fit(house: Any) -> None:
    with World(house) as world:
        conn = world.connect(plain_params={"name": 3})
        world.advance(1)
        assert conn.errors == ["connection.invalid_params"]
        assert conn.ended == (1011, "connection.invalid_params")


def test_what_names_no_action_is_refused_at_once(house: Any) -> None:
    with World(house) as world:
        conn = world.connect()
        with pytest.raises(TypeError, match="no action"):
            conn.act("fly")
        with pytest.raises(TypeError):
            conn.act("note", 3)


def test_a_connection_that_falls_silent_is_given_up_by_pings(house: Any, door: Any) -> None:
    with World(house) as world:
        conn = world.connect(door())
        world.advance(1)
        conn.half_open()
        world.advance(39)  # pings go out each 20 s, and an answer has 20 s
        assert not steps(world, What.LOST)
        world.advance(0.1)
        assert [step.at for step in steps(world, What.LOST)] == [pytest.approx(40.02)]
        assert conn.ended is None  # it has no way to know


def test_a_slow_client_is_cut_off_and_one_that_reads_on_is_not(house: Any, door: Any) -> None:
    with World(house) as world:
        slow, patient = world.connect(door("slow")), world.connect(door("patient"))
        for conn in (slow, patient):
            conn.subscribe("news")
        world.advance(1)
        for conn in (slow, patient):
            conn.slow()
        for _ in range(4):
            world.call("note", "x" * 100)
        world.advance(1)
        patient.read_on()
        world.settle()
        for _ in range(4):
            world.call("note", "x" * 100)
        world.advance(10)
        assert patient.is_open
        assert slow.ended is not None
        closes = [s.data["reason"] for s in steps(world, What.CLOSE_SENT)]
        assert closes == ["message.outgoing_backlog"]


def test_bytes_that_are_no_message_end_the_connection(house: Any, door: Any) -> None:
    with World(house) as world:
        conn = world.connect(door())
        world.advance(1)
        conn.send_raw("{")
        world.advance(1)
        assert conn.ended == (1011, "actor.invalid_request")


# ------------------------------------------------------------------ the actor and its host


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_a_crash_loses_memory_and_keeps_what_was_committed(house: Any, storage: Any) -> None:
    with World(house, storage=storage) as world:
        world.call("keep")
        world.advance(0.5)
        call = world.call("note", "lost")
        world.advance(0.31)
        world.crash()
        assert world.actor is None
        world.wake()
        world.advance(0.5)
        assert notes(world) == ["kept"]
        assert not call.is_answered
        world.check()


def test_sleep_and_wake(house: Any, door: Any) -> None:
    with World(house) as world:
        conn = world.connect(door())
        world.advance(1)
        world.sleep()
        world.advance(1)
        assert conn.ended == (1001, "ws.going_away")
        assert world.actor is None
        world.wake()
        world.advance(0.1)
        assert notes(world) == []


def test_a_destroyed_actor_is_not_found(house: Any) -> None:
    with World(house) as world:
        world.wake()
        world.advance(1)
        world.destroy()
        world.advance(1)
        call = world.call("tick", creates=False)
        world.advance(1)
        assert call.error_name == "actor.not_found"


def test_a_schedule_wakes_it_after_a_restart(house: Any) -> None:
    with World(house) as world:
        world.wake()
        world.settle()
        world.advance(5)
        world.schedule(10, "note", "later")
        world.advance(1)
        world.shutdown()
        assert world.host is None
        world.advance(20)
        refused = world.connect()
        world.advance(1)
        assert refused.ended == (1006, "")
        world.restart()
        world.advance(1)
        assert notes(world) == ["first", "later"]


@pytest.mark.parametrize(
    ("fault", "expected"), [("fails", ["a"]), ("dies before", []), ("dies after", ["a"])]
)
def test_a_commit_fails_or_the_process_dies_in_it(house: Any, fault: Any, expected: Any) -> None:
    with World(house) as world:
        world.wake()
        world.advance(0.5)
        world.call("note", "a")
        world.at_commit(0, fault)
        world.advance(2)
        assert len(steps(world, What.CRASHED)) == (fault != "fails")
        world.wake()
        world.advance(0.5)
        assert notes(world) == expected
        world.check()


@define
class Seed:
    number: int


@define
class Grown:
    number: int


class Plant(Actor[Grown, None, None, Seed], name="plant"):
    @hook
    def create_state(self, input: Seed) -> Grown:
        return Grown(input.number)

    @action
    def height(self) -> int:
        return self.state.number


def test_the_input_of_a_creation() -> None:
    with World(Plant, input=Seed(7)) as world:
        conn = world.connect()
        call = conn.act("height")
        world.advance(1)
        assert call.result() == 7


def test_other_keys(house: Any) -> None:
    with World(house) as world:
        one, two = world.connect(key=("one",)), world.connect(key=("two",))
        world.advance(1)
        one.act("note", "x")
        world.advance(1)
        assert world.actor is None
        first, second = world.actor_of(("one",)), world.actor_of(("two",))
        assert first is not None
        assert second is not None
        assert (first.state.notes, second.state.notes) == (["x"], [])
        assert two.is_open


# ------------------------------------------------------------------ time


def test_turns_let_a_little_happen(house: Any) -> None:
    with World(house) as world:
        world.connect()
        world.turns(1)
        before = len(world.trace)
        world.turns(1)
        assert not world.loop.is_idle
        world.settle()
        assert len(world.trace) > before
        assert world.now == 0


def test_quiet_is_when_nothing_is_half_done(house: Any, door: Any) -> None:
    with World(house) as world:
        is_quiet = [world.is_quiet]  # not at first: the host itself begins
        world.settle()
        is_quiet.append(world.is_quiet)
        conn = world.connect(door())
        world.advance(0.25)
        is_quiet.append(world.is_quiet)
        assert is_quiet == [False, True, False]
        assert world.advance_until(lambda: world.is_quiet, within=1)
        conn.act("wait")
        world.settle()
        assert not world.is_quiet
        assert not world.advance_until(lambda: world.is_quiet, within=1)
        assert world.advance_until(lambda: world.is_quiet, within=2)
        conn.close()
        assert not world.is_quiet


def test_a_world_in_a_loop_that_somebody_else_runs(house: Any, door: Any) -> None:
    from pyactor.testing import VirtualLoop

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        world = World(house, loop=loop)
        conn = world.connect(door())
        call = conn.act("tick", 2)
        await asyncio.sleep(1)
        assert call.result() == 2
        world.check()
        with pytest.raises(RuntimeError, match="somebody else"):
            world.settle()
        with pytest.raises(RuntimeError, match="cannot crash"):
            world.crash()
        assert world.host is not None
        await world.host.stop()
        world.close(checks=False)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


# ------------------------------------------------------------------ faults


def lived(house: Any, day: Any, chooser: Any, faults: Faults, storage: Any = "memory") -> str:
    world = World(house, chooser=chooser, faults=faults, storage=storage)
    try:
        day(world)
    finally:
        world.close(checks=False)
    return world.trace.to_json()


def test_the_same_choices_give_the_same_trace(house: Any, a_day: Any) -> None:
    chooser = SeededChooser(3)
    first = lived(house, a_day, chooser, Faults.usual())
    assert lived(house, a_day, SeededChooser(3), Faults.usual()) == first
    assert lived(house, a_day, FixedChooser(chooser.choices), Faults.usual()) == first
    assert lived(house, a_day, FixedChooser(chooser.choices), Faults.usual(), "sqlite") == first
    assert lived(house, a_day, SeededChooser(4), Faults.usual()) != first


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("who", ["house", "watched"])
def test_every_rule_is_kept_in_spite_of_faults(
    who: str, seed: int, a_day: Any, request: pytest.FixtureRequest
) -> None:
    faults = Faults(
        late_awaits=3, failed_awaits=10, late_messages=3, losses=30, late_commits=5,
        failed_commits=20, tied_timers=1, longest=7.0,
    )  # fmt: skip
    with World(request.getfixturevalue(who), chooser=SeededChooser(seed), faults=faults) as world:
        a_day(world)


class Always:
    """Chooses what goes wrong, whenever it is asked."""

    def choose(self, label: str, options: int, /) -> int:
        return 1


def test_no_fault_before_the_first_line_nor_where_it_is_spared(house: Any, door: Any) -> None:
    with World(house, chooser=Always(), faults=Faults(failed_awaits=2)) as world:
        conn = world.connect(door())
        world.advance(1)
        # create_state sleeps first of all: it has begun by then, and its await fails.
        first = steps(world, What.RAISED)[0]
        assert (first.name, first.data["error"]) == ("create_state", InjectedFault.__name__)
        assert conn.errors == ["core.internal_error"]
        world.faults = Faults(failed_awaits=2, spares=("create_state", "on_wake"))
        again = world.connect(door("again", "disconnect"))
        world.advance(1)
        raised = [step.name for step in steps(world, What.RAISED)]
        assert raised[-1] == "on_before_connect"
        assert again.errors == ["core.internal_error"]


class Waiter(Actor[None], name="waiter"):
    outcome = ""

    @action
    async def leave(self) -> None:
        try:
            await self.conn.disconnect("bye")
        except BaseException as error:
            self.outcome = repr(error)
            raise
        self.outcome = "returned"


def test_an_await_in_pyactor_itself_never_fails() -> None:
    with World(Waiter, chooser=Always(), faults=Faults(failed_awaits=2)) as world:
        conn = world.connect()
        conn.act("leave")
        world.advance(1)
        assert world.actor is not None
        assert world.actor.outcome == "returned"


@pytest.mark.parametrize("one_in", [-1, 0.5, "2"])
def test_a_chance_is_one_in_how_many(one_in: Any) -> None:
    with pytest.raises(ValueError, match=r"Faults\.losses is one in how many"):
        Faults(losses=one_in)


# ------------------------------------------------------------------ what is wrong with code


class Careless(Actor[None], name="careless", options=ActorOptions(sleep_grace_period=1)):
    @action
    def forget(self) -> None:
        asyncio.sleep(1)  # type: ignore[unused-coroutine] # on purpose

    @action
    async def leak(self) -> None:
        self.task = asyncio.create_task(asyncio.sleep(10_000), name="leaked")

    @action
    async def block(self) -> None:
        time.sleep(0.05)  # noqa: ASYNC251 - on purpose

    @action
    async def spin(self) -> None:
        while True:  # noqa: ASYNC110 - on purpose
            await asyncio.sleep(0)

    @action
    async def reach(self) -> str:
        try:
            await asyncio.open_connection("localhost", 1)
        except OSError as error:
            return str(error)
        return "reached"

    @action
    async def compute(self) -> int:
        return await asyncio.to_thread(sum, [1, 2])


def test_a_coroutine_that_nobody_awaits_is_found() -> None:
    world = World(Careless)
    world.call("forget")
    world.settle()
    assert world.findings == [
        "a coroutine was made and not awaited: coroutine 'sleep' was never awaited"
    ]
    with pytest.raises(AssertionError, match="not awaited"):
        world.close()


def test_a_task_that_nobody_ends_is_found_with_its_stack() -> None:
    world = World(Careless)
    world.call("leak")
    world.advance(1)
    with pytest.raises(AssertionError, match=r"left behind:\n  task leaked\n.*in sleep"):
        world.close()


def test_a_step_that_blocks_is_told() -> None:
    with World(Careless) as world:
        world.call("block")
        world.settle()
        assert world.slowest_step[0] >= 0.05


def test_code_that_never_lets_the_time_go_on_is_found() -> None:
    world = World(Careless)
    world.call("spin")
    with pytest.raises(Deadlock, match=r"the time cannot go on from 0 s[\s\S]*in Careless.spin"):
        world.settle()
    world.close(checks=False)


def test_nothing_outside_is_reached_and_threads_run_inline() -> None:
    with World(Careless) as world:
        reached, computed = world.call("reach"), world.call("compute")
        world.settle()
        assert "cannot be reached from virtual time" in str(reached.result())
        assert computed.result() == 3


def test_a_thousand_connections_for_a_minute(
    house: Any, door: Any, report: Callable[[str, str], None]
) -> None:
    began = time.process_time()
    with World(house) as world:
        conns = [world.connect(door(f"guest {number}")) for number in range(1000)]
        world.advance(1)
        for number, conn in enumerate(conns):
            conn.act("tick", number)
            if number % 20 == 0:
                conn.subscribe("news")
        for second in range(59):
            world.advance(1)
            conns[second].drop()
        assert all(conn.calls[1].is_answered for conn in conns)
        world.check()
        seconds = time.process_time() - began
        report(
            "a thousand connections for a minute",
            f"{len(world.trace):,} events in {seconds:.1f} seconds of the processor",
        )


def test_the_work_for_each_connection_is_the_same_however_many_there_are() -> None:
    few, many = lines_run(lambda: quiet_minute(100)), lines_run(lambda: quiet_minute(1000))
    assert few > 100_000
    assert many < 10 * few * 1.05


class Quiet(Actor[None]):
    """Has no event, because to broadcast is work for each connection."""

    @action
    def tick(self) -> None: ...


def quiet_minute(connections: int) -> None:
    with World(Quiet) as world:
        conns = [world.connect() for _ in range(connections)]
        world.advance(1)
        for conn in conns:
            conn.act("tick")
        for second in range(59):
            world.advance(1)
            conns[second].drop()
        world.check()


def lines_run(work: Callable[[], None]) -> int:
    """How many lines of pyactor ran: no machine takes more of them than another."""
    package, count = str(Path(pyactor.__file__).parent), 0

    def trace(frame: FrameType, event: str, what: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename.startswith(package):
            count += 1
            return trace
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


# ------------------------------------------------------------------ what ignores its cancellation


class Stubborn(
    Actor[None],
    name="stubborn",
    options=ActorOptions(sleep_grace_period=3, on_connect_timeout=30, on_disconnect_timeout=30),
):
    """Stays in one hook of its connection for 20 seconds, whoever cancels it."""

    stays: str = ""

    async def _stay(self, hook: str) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + (20 if Stubborn.stays == hook else 0)
        while (left := until - loop.time()) > 0:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(left)

    @hook
    async def on_connect(self, conn: Conn[None, None]) -> None:
        conn.defer(self._tidy_up)
        await self._stay("on_connect")

    @hook
    async def on_disconnect(self, conn: Conn[None, None]) -> None:
        await self._stay("on_disconnect")

    def _tidy_up(self) -> None: ...

    @action
    async def kick(self) -> None:
        async def see_it_gone(conn: Conn[None, None]) -> None:
            await conn.disconnect()

        self.seeing = asyncio.create_task(see_it_gone(self.conn))


@pytest.mark.parametrize("stays", ["on_connect", "on_disconnect"])
def test_a_callback_that_it_is_too_late_for_breaks_no_rule(
    stays: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """C10: its actor has left memory behind code that ignored its cancellation; it is logged."""
    monkeypatch.setattr(Stubborn, "stays", stays)
    with World(Stubborn) as world:
        conn = world.connect()
        world.settle()
        if stays == "on_disconnect":
            conn.act("kick")
            world.settle()
        world.sleep()
        world.advance(60)
        world.check()
    assert "do not run, as the actor has left memory: Stubborn._tidy_up" in caplog.text
