"""Start, put to sleep and wake many actors of one host, and say what memory that took.

Asleep an actor costs nothing but disk, so the memory of the process must not grow with their
number. Exit status 1 if it did.

    python benchmarks/many_actors.py [ACTORS] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
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


async def run(actors: int, data_dir: str) -> dict[str, float]:
    """Create, wait until all are asleep, wake, and ask one more from a new host.

    Returns:
        Seconds and CPU seconds of each part, MiB of the process, and by how many of them it grew
        once it had warmed up.
    """
    storage = SqliteStorage(data_dir)
    host = ActorHost(Registry(Counter), storage=storage)
    found: dict[str, float] = {}
    for life, what in ((1, "created"), (2, "woken")):
        cpu, began = time.process_time(), time.monotonic()
        for tenth in range(10):
            numbers = range(tenth * actors // 10, (tenth + 1) * actors // 10)
            await visit(host, numbers, life)
            if tenth == 0 and life == 1:
                await asleep(host)
                found["warm_mib"] = memory()
        found[f"{what}_seconds"] = time.monotonic() - began
        await asleep(host)
        found[f"{what}_cpu"] = time.process_time() - cpu
        found[f"{what}_mib"] = memory()
    await host.stop()
    host = ActorHost(Registry(Counter), storage=storage)
    began = time.monotonic()
    if await add(host, actors // 2) != 3:
        raise RuntimeError("a new host on the same storage has lost a count")
    found["answer_seconds"] = time.monotonic() - began
    await host.stop()
    await storage.close()
    return {**found, "growth_mib": memory() - found["warm_mib"]}


def report(actors: int, found: dict[str, float]) -> None:
    """Say it in words."""
    for what in ("created", "woken"):
        took = found[f"{what}_seconds"]
        print(
            f"{actors} actors {what} in {took:.1f} s ({actors / took:.0f}/s); once they are asleep "
            f"the process has {found[f'{what}_mib']:.1f} MiB"
        )
    print(
        f"a new host on the same storage answers after {found['answer_seconds'] * 1000:.1f} ms; "
        f"after the first tenth the process grew {found['growth_mib']:.1f} MiB"
    )


def main() -> int:
    """Run with what the command line says."""
    parser = argparse.ArgumentParser(description="Many actors of one host: time and memory.")
    parser.add_argument("actors", type=int, nargs="?", default=100_000)
    parser.add_argument("--json", action="store_true", help="print numbers only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data_dir:
        found = asyncio.run(run(options.actors, data_dir))
    if options.json:
        print(json.dumps(found))
    else:
        report(options.actors, found)
    return found["growth_mib"] > MAX_GROWTH


if __name__ == "__main__":
    sys.exit(main())
