"""Killed at any moment, a storage has what it acknowledged, whole, and at most what was on its way.

This file is also the program that is killed: it forks a child for each life of the storage, which
goes on with every actor where the last one ended and says of each step that it was acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pyactor.storage import (
    ActorRecord,
    Changes,
    ScheduleRecord,
    SqliteCore,
    SqliteStorage,
    Storage,
    StoredActor,
)

ACTORS = 8
KILLS = 500 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 30


def after_step(actor: int, step: int) -> StoredActor | None:
    """What is stored of an actor after so many steps: each depends on its number throughout.

    Life goes in rounds of ten: created with a schedule, saved and scheduled anew, and deleted.
    """
    life, position = divmod(step, 10)
    if position == 0:
        return None
    actor_id = f"id-{actor}-{life}"
    record = ActorRecord(
        actor_id, "chat", (str(actor),), float(life), b"input %d" % life, state_of(step), step
    )
    due = ScheduleRecord("one", float(step), b"due %d" % step)
    return StoredActor(record, (due, ScheduleRecord(f"s{step}", 1e9 + step, b"other")))


def state_of(step: int) -> bytes:
    """Of one page up to ten."""
    return b"%d;" % step * (1 + step * 37 % 9000)


async def take_step(storage: Storage, actor: int, step: int) -> None:
    new = after_step(actor, step)
    if new is None:
        await storage.delete(f"id-{actor}-{(step - 1) // 10}")
        return
    record = new.record
    if step % 10 == 1:
        changes = Changes(record.actor_id, record, None, new.schedules)
    else:
        changes = Changes(
            record.actor_id, None, (record.state, step), new.schedules, (f"s{step - 1}",)
        )
    await storage.commit(changes, immediate=step % 3 == 0)


def live(directory: str, steps: list[int]) -> None:
    """One life of the storage: never ends by itself."""

    async def act(storage: Storage, actor: int) -> None:
        step = steps[actor]
        while True:
            step += 1
            await take_step(storage, actor, step)
            os.write(1, b"%d %d\n" % (actor, step))

    async def run() -> None:
        storage = SqliteStorage(directory)
        await asyncio.gather(*(act(storage, actor) for actor in range(ACTORS)))

    asyncio.run(run())


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            live(*json.loads(line))
        os.write(1, b"child %d\n" % child)
        os.waitpid(child, 0)
        os.write(1, b"ended\n")


def one_life(program: Any, directory: Path, steps: list[int], chance: random.Random) -> list[int]:
    """Let the storage live and kill it; the last acknowledged step of each actor."""
    acknowledged = list(steps)
    program.stdin.write(json.dumps([str(directory), steps]).encode() + b"\n")
    program.stdin.flush()
    child, to_come = 0, chance.randrange(1, 150)
    for line in program.stdout:
        match line.split():
            case [b"child", pid]:
                child = int(pid)
            case [b"ended"]:
                return acknowledged
            case [actor, step]:
                acknowledged[int(actor)] = int(step)
                to_come -= 1
        if child and to_come <= 0:
            time.sleep(chance.random() * 0.002)  # anywhere between two acknowledgements
            os.kill(child, signal.SIGKILL)
            child = 0
    raise AssertionError("the program ended by itself")


def stored(core: SqliteCore, actor: int) -> StoredActor | None:
    record = core.find("chat", (str(actor),))
    return None if record is None else core.load(record.actor_id)


def test_killed_at_random_it_has_what_it_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(20)
    steps = [0] * ACTORS
    ahead = 0
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdin is not None
        for _ in range(KILLS):
            acknowledged = one_life(program, tmp_path, steps, chance)
            core = SqliteCore(tmp_path)
            for actor, step in enumerate(acknowledged):
                kept = stored(core, actor)
                in_flight = kept != after_step(actor, step)
                steps[actor] = step + in_flight
                assert kept == after_step(actor, steps[actor]), (actor, step)
                ahead += in_flight
            actors = [kept for actor in range(ACTORS) if (kept := stored(core, actor))]
            # Nothing is left over of those that were deleted, in any index.
            assert {entry.actor_id for entry in core.list("chat")} == {
                each.record.actor_id for each in actors
            }
            assert dict(core.due(1e8)) == {
                each.record.actor_id: each.schedules[0].due_at for each in actors
            }
            core.close()
        program.stdin.close()
    print(f"{KILLS} kills, {sum(steps)} steps, {ahead} of them unacknowledged, 0 violations")


if __name__ == "__main__":
    main()
