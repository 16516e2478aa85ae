"""Start, put to sleep and wake many actors of one host, and say what memory that took.

Asleep an actor costs nothing but disk, so the memory of the process must not grow with their
number. Exit status 1 if it did.

    python benchmarks/many_actors.py [ACTORS]
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

from attrs import define

from pyactor import Actor, ActorOptions, Registry, SqliteStorage, action
from pyactor.host import ActorHost
from pyactor.wire.codecs import codec_for
from pyactor.wire.http import HttpRequest, WholeBody

AT_ONCE = 500
"""Requests under way at a time."""
MAX_GROWTH = 48
"""MiB by which the process may grow from the first tenth of the actors to the last."""


@define
class Count:
    """How often it was called."""

    n: int = 0


class Counter(Actor[Count], name="counter", options=ActorOptions(sleep_timeout=0.2)):
    """Falls asleep soon after each call."""

    @action
    def add(self) -> int:
        """Count, and tell."""
        self.state.n += 1
        return self.state.n


def memory() -> float:
    """MiB of the process that are in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def add(host: ActorHost, number: int) -> int:
    """Call one actor, which wakes or creates it; its count."""
    target = f"/gateway/counter/action/add?rvt-method=getOrCreate&rvt-key={number}"
    codec = codec_for("json")
    body = codec.encode_action_request([], codec.initial_version)
    response = await host.respond(HttpRequest("POST", target, {}, WholeBody(body)))
    assert isinstance(response.body, bytes)
    if response.status != 200:
        raise RuntimeError(response.body.decode())
    count = codec.decode_action_response(response.body)
    assert isinstance(count, int)
    return count


async def asleep(host: ActorHost) -> None:
    """Return once no actor is in memory."""
    while host.directory.instances:  # noqa: ASYNC110 - from the outside, as an operator would
        await asyncio.sleep(0.05)


async def visit(host: ActorHost, numbers: range, expected: int) -> None:
    """Call each of the actors once, so many at a time."""
    waiting = iter(numbers)

    async def work() -> None:
        for number in waiting:
            count = await add(host, number)
            if count != expected:
                raise RuntimeError(f"actor {number} counts {count}, not {expected}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def run(actors: int, data_dir: str) -> float:
    """Report as it goes.

    Returns:
        MiB by which the process grew once it had warmed up.
    """
    storage = SqliteStorage(data_dir)
    host = ActorHost(Registry(Counter), storage=storage)
    warm = 0.0
    for life, what in ((1, "created"), (2, "woken")):
        began = time.monotonic()
        for tenth in range(10):
            numbers = range(tenth * actors // 10, (tenth + 1) * actors // 10)
            await visit(host, numbers, life)
            if tenth == 0 and life == 1:
                await asleep(host)
                warm = memory()
        took = time.monotonic() - began
        await asleep(host)
        print(
            f"{actors} actors {what} in {took:.1f} s ({actors / took:.0f}/s); once they are asleep "
            f"the process has {memory():.1f} MiB"
        )
    await host.stop()
    host = ActorHost(Registry(Counter), storage=storage)
    began = time.monotonic()
    assert await add(host, actors // 2) == 3
    print(
        f"a new host on the same storage answers after {(time.monotonic() - began) * 1000:.1f} ms"
    )
    await host.stop()
    await storage.close()
    return memory() - warm


def main() -> int:
    """Run with the number of actors that the command line gives."""
    actors = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    before = memory()
    with tempfile.TemporaryDirectory() as data_dir:
        growth = asyncio.run(run(actors, data_dir))
    print(
        f"before the first actor {before:.1f} MiB; after the first tenth it grew {growth:.1f} MiB"
    )
    return growth > MAX_GROWTH


if __name__ == "__main__":
    sys.exit(main())
