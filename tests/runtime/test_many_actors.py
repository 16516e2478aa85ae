"""Many actors on one host: asleep they cost nothing but disk. The full size: benchmarks/."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

from attrs import define

from pyactor.definition import Actor, ActorOptions, action
from pyactor.runtime import Instance

Play = Callable[..., None]


@define
class Count:
    n: int = 0


class Counter(Actor[Count], name="counter", options=ActorOptions(sleep_timeout=1)):
    @action
    def add(self) -> int:
        self.state.n += 1
        return self.state.n


def live() -> int:
    gc.collect()
    return sum(isinstance(each, Instance) for each in gc.get_objects())


async def visit(stage: Any, first: int, count: int) -> set[int]:
    """Call each of the actors, and let them fall asleep; what they count."""
    calls = (stage.http("add", key=str(number)) for number in range(first, first + count))
    answers = await asyncio.gather(*calls)
    assert len(stage.host.directory.instances) == count
    await asyncio.sleep(2)
    assert stage.host.directory.instances == []
    stage.storage.commits.clear()
    return set(answers)


def test_sleeping_actors_leave_nothing_behind(play: Play) -> None:
    async def scene(stage: Any) -> None:
        before = live()
        for wave in range(5):
            assert await visit(stage, wave * 20, 20) == {1}
        tracemalloc.start()
        # The storage in memory grows, of course; everything else must not.
        half = grown(tracemalloc.take_snapshot())
        for wave in range(5, 10):
            assert await visit(stage, wave * 20, 20) == {1}
        for wave in range(10):
            assert await visit(stage, wave * 20, 20) == {2}
        assert live() == before
        assert grown(tracemalloc.take_snapshot()) - half < 500_000
        tracemalloc.stop()

    play(Counter, scene)


def grown(snapshot: tracemalloc.Snapshot) -> int:
    """Bytes that are held outside of the storages."""
    kept = snapshot.filter_traces([tracemalloc.Filter(False, "*/storage/*")])
    return sum(trace.size for trace in kept.traces)


def test_a_host_reads_no_actor_before_it_is_asked_for(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await visit(stage, 0, 60)
        await stage.host.stop()
        stage.storage.reads = 0
        stage.restart()
        await stage.settle()
        assert stage.storage.reads == 0
        assert await visit(stage, 50, 1) == {2}
        assert stage.storage.reads == 2

    play(Counter, scene)
