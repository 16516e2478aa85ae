"""One time of day to wait for, by a clock that is not the loop's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

from typing_extensions import override

from pyactor.runtime import Alarm, Clock

Virtual = Callable[[Coroutine[Any, Any, None]], None]


class OtherClock(Clock):
    """Counts as the loop does, plus an error."""

    error = 0.0
    looked = 0

    @override
    def now(self) -> float:
        self.looked += 1
        return asyncio.get_running_loop().time() + self.error


class Times(list[tuple[float, float]]):
    """When the alarm went off, by the loop and by the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = OtherClock()
        self.alarm = Alarm(self.clock, self.note)

    def note(self) -> None:
        self.append((round(asyncio.get_running_loop().time(), 3), self.clock.now()))


def test_it_goes_off_once_at_its_time(virtual: Virtual) -> None:
    async def scene() -> None:
        times = Times()
        times.alarm.set(100.0)
        assert times.alarm.due_at == 100
        await asyncio.sleep(1000)
        assert times == [(100, 100)]
        assert times.alarm.due_at is None

    virtual(scene())


def test_it_may_be_set_anew_or_off(virtual: Virtual) -> None:
    async def scene() -> None:
        times = Times()
        times.alarm.set(100.0)
        times.alarm.set(200.0)
        await asyncio.sleep(150)
        assert times == []
        times.alarm.set(None)
        await asyncio.sleep(150)
        assert times == []
        times.alarm.set(400.0)
        times.alarm.set(350.0)
        await asyncio.sleep(150)
        assert times == [(350, 350)]
        assert times.clock.looked < 20

    virtual(scene())


def test_setting_it_often_leaves_one_timer(virtual: Virtual) -> None:
    async def scene() -> None:
        times = Times()
        for _ in range(100):
            times.alarm.set(100.0)
        await asyncio.sleep(200)
        assert len(times) == 1
        assert times.clock.looked < 110

    virtual(scene())


def test_a_timer_that_fires_a_hair_early_is_waited_out(virtual: Virtual) -> None:
    async def scene() -> None:
        times = Times()
        times.alarm.set(10.0)
        times.clock.error = -1e-5
        await asyncio.sleep(20)
        [(_, at)] = times
        assert at >= 10
        assert times.clock.looked < 10

    virtual(scene())


def test_a_clock_that_is_set_forward_is_noticed_within_a_minute(virtual: Virtual) -> None:
    async def scene() -> None:
        times = Times()
        times.alarm.set(86_400.0)
        await asyncio.sleep(30)
        times.clock.error = 86_400
        await asyncio.sleep(60)
        [(noticed, _)] = times
        assert noticed <= 90

    virtual(scene())


def test_a_clock_that_is_set_back_makes_it_later(virtual: Virtual) -> None:
    async def scene() -> None:
        times = Times()
        times.alarm.set(100.0)
        times.clock.error = -1000
        await asyncio.sleep(5000)
        assert times == [(1100, 100)]

    virtual(scene())


def test_it_calls_in_no_ones_context(virtual: Virtual) -> None:
    who = ContextVar("who", default="nobody")
    seen: list[str] = []

    async def scene() -> None:
        who.set("the setter")
        alarm = Alarm(OtherClock(), lambda: seen.append(who.get()))
        alarm.set(1.0)
        await asyncio.sleep(2)
        assert seen == ["nobody"]

    virtual(scene())
