"""Crashes at any moment of any history, in virtual time: what A4 promises is there afterwards."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import cbor2
from attrs import Factory, define
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyactor.definition import Actor, ActorOptions, action

Play = Callable[..., None]
INTERVAL = 1.0
KEYS = itertools.count()


@define
class Log:
    left: list[int] = Factory(list)
    right: list[int] = Factory(list)


class Journal(
    Actor[Log],
    name="journal",
    options=ActorOptions(state_save_interval=INTERVAL, sleep_timeout=3, sleep_grace_period=2),
):
    put_at: dict[int, float] = {}  # noqa: RUF012 - shared on purpose: it outlives the instances

    def _put(self, number: int) -> None:
        self.state.left.append(number)
        self.state.right.append(number)
        Journal.put_at[number] = asyncio.get_running_loop().time()

    @action
    async def put(self, number: int, immediate: bool) -> None:
        self._put(number)
        if immediate:
            await self.save_state(immediate=True)

    @action
    async def put_at_awaits(self, numbers: list[int]) -> None:
        for number in numbers:
            self._put(number)
            await asyncio.sleep(0.4)

    @action
    def rest(self) -> None:
        self.sleep()


STEPS = st.one_of(
    st.tuples(st.just("put"), st.booleans()),
    st.tuples(st.just("slow"), st.integers(1, 15)),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.3, 1.0, 1.1, 4.0])),
    st.tuples(st.just("rest"), st.none()),
    st.tuples(st.just("hold"), st.booleans()),
    st.tuples(st.just("crash"), st.none()),
)


class Outside:
    """What was put when, and what was acknowledged as kept."""

    def __init__(self, stage: Any) -> None:
        self.stage = stage
        self.key = str(next(KEYS))
        self.numbers = itertools.count()
        self.kept: set[int] = set()
        self.is_held = False
        self.held_at = 0.0
        self.let_go_at = 0.0
        Journal.put_at.clear()
        self.calls: set[asyncio.Task[Any]] = set()

    async def step(self, what: str, value: Any) -> None:
        match what:
            case "put":
                number = next(self.numbers)
                self.begin(self.put(number, value))
            case "slow":
                numbers = [next(self.numbers) for _ in range(value)]
                self.begin(self.stage.http("put_at_awaits", numbers, key=self.key))
            case "wait":
                await asyncio.sleep(value)
            case "rest":
                self.begin(self.stage.http("rest", key=self.key))
            case "hold":
                self.hold(value)
            case "crash":
                await self.crash()
        await self.stage.settle()

    def begin(self, call: Any) -> None:
        task = asyncio.create_task(call)
        self.calls.add(task)
        task.add_done_callback(self.calls.discard)

    async def put(self, number: int, immediate: bool) -> None:
        answer = await self.stage.http("put", number, immediate, key=self.key)
        if immediate and answer is None:  # otherwise it tells of an error
            self.kept.add(number)

    def hold(self, held: bool) -> None:
        """While the storage stands still, nothing can be promised but what was acknowledged."""
        if held and not self.is_held:
            self.stage.storage.opens.clear()
            self.held_at = self.stage.time
        elif self.is_held and not held:
            self.stage.storage.opens.set()
            self.let_go_at = self.stage.time
        self.is_held = held

    async def crash(self) -> None:
        """End all that runs, without a farewell, and look at what is kept."""
        until = self.held_at if self.is_held else self.stage.time
        is_asleep = not self.stage.host.directory.instances and not self.calls
        await self.stage.crash()
        record = await self.stage.storage.find("journal", (self.key,))
        state = {"left": [], "right": []} if record is None else cbor2.loads(record.state)
        assert state["left"] == state["right"], "torn"
        found = set(state["left"])
        assert self.kept <= found
        put_at = Journal.put_at
        due = {n for n in put_at if max(put_at[n], self.let_go_at) < until - INTERVAL - 0.01}
        assert due <= found
        assert not is_asleep or put_at.keys() <= found
        # What is gone is gone; the rest must stay.
        self.kept = found
        put_at.clear()
        self.is_held = False


def test_no_crash_breaks_a_promise(play: Play) -> None:
    # A quarter of the examples: each is a whole history, and each storage has its own.
    @settings(
        max_examples=max(20, settings().max_examples // 4),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(st.lists(STEPS, max_size=25))
    def histories(steps: list[tuple[str, Any]]) -> None:
        async def scene(stage: Any) -> None:
            outside = Outside(stage)
            for step in [*steps, ("crash", None)]:
                await outside.step(*step)

        play(Journal, scene)

    histories()
