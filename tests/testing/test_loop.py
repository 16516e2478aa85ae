"""The virtual loop by itself: asyncio's order, time that jumps, and ends that are told."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from pyactor.testing import Deadlock, FixedChooser, VirtualLoop


def run(main: Coroutine[Any, Any, Any], chooser: Any = None) -> Any:
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(chooser)) as runner:
        return runner.run(main)


def test_time_jumps_to_the_next_timer() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        async with asyncio.timeout(5):
            await asyncio.sleep(0.5)
        return asyncio.get_running_loop().time()

    assert run(main()) == 3600.5


def test_what_is_ready_runs_first_in_first_out_and_before_the_time_goes_on() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        order: list[int] = []
        loop.call_later(1e-9, order.append, 4)
        loop.call_soon(order.append, 1)
        loop.call_soon(lambda: loop.call_soon(order.append, 3))
        loop.call_soon(order.append, 2)
        await asyncio.sleep(1)
        return order

    assert run(main()) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("choices", "expected"), [([], [0, 1, 2]), ([2, 1], [2, 1, 0]), ([1], [1, 0, 2])]
)
def test_timers_of_one_instant_fire_in_the_order_that_is_chosen(
    choices: list[int], expected: list[int]
) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        order: list[int] = []
        for number in range(3):
            loop.call_at(1.0, order.append, number)
        await asyncio.sleep(2)
        return order

    assert run(main(), FixedChooser(choices)) == expected


def test_a_cancelled_timer_does_not_fire_and_is_forgotten() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        for _ in range(2000):
            loop.call_later(50, pytest.fail).cancel()
        kept = loop.call_later(60, lambda: None)
        assert loop.timers == 1
        assert loop.next_timer == kept.when()
        return len(loop._timers)

    assert run(main()) < 1000


def test_a_deadlock_is_told_with_who_waits_where() -> None:
    async def innermost() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await innermost()

    with pytest.raises(
        Deadlock, match=r"in .*main\n.*in .*innermost\n.*locks\.py:\d+ in Event\.wait"
    ):
        run(main())


def test_threads_run_inline_and_tell_their_errors() -> None:
    async def main() -> int:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(max, 1, 2)

    assert run(main()) == 2


def test_it_runs_step_by_step() -> None:
    loop = VirtualLoop(start=5.0)
    order: list[int] = []
    loop.call_later(1, order.append, 1)
    loop.call_later(2, order.append, 2)
    loop.run_to(6.5)
    assert (order, loop.now, loop.is_idle) == ([1], 6.5, True)
    loop.call_soon(lambda: loop.call_soon(order.append, 3))
    loop.run_turns(1)
    assert (order, loop.is_idle) == ([1], False)
    loop.run_to(6.5)
    assert order == [1, 3]
    loop.run_to(8)
    assert (order, loop.now) == ([1, 3, 2], 8)
    loop.close()


def test_it_stops_within_a_step() -> None:
    loop = VirtualLoop()
    loop.call_soon(loop.halt)
    loop.call_soon(pytest.fail)
    loop.call_later(1, pytest.fail)
    loop.run_to(2)
    loop.close()
