"""Kill a real host again and again under load, and hold what is left against A1 to A6.

    python -m tests.crash [--kills 200] [--seed 20]

The seed decides what is asked for and about when somebody is killed; the rest is the machine's.
Exit status 1 if a promise was broken; the folder with all that was acknowledged stays then.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from ._clients import Gone, RawHttp
from ._counters import CounterSubject
from ._host import Served, Witness
from ._journals import JournalSubject
from ._judge import Beats, Bells, Instances, Report
from ._reminders import RemindersSubject
from ._world import Subject, World
from .actors import SAVE_INTERVAL

SUBJECTS: tuple[type[Subject], ...] = (CounterSubject, JournalSubject, RemindersSubject)
EACH = 2
"""Actors of each kind."""


async def beat(world: World) -> None:
    """Ask for one immediate save after the other, until it is cancelled."""
    caller, exists = RawHttp(world.served.url), False
    try:
        while True:
            try:
                if not exists:
                    await world.limited(caller.create("beat", "one", 0))
                    exists = True
                reply = await world.ask(caller, "beat", "one", "beat")
                world.beats.note(reply.pid, reply.sent, reply.came)
            except Gone:
                continue
            await asyncio.sleep(0.01)
    finally:
        await caller.close()


async def serves(world: World) -> None:
    """Until the process has answered for the first time."""
    while not world.beats.sent[world.pid]:
        world.witness.read()
        await asyncio.sleep(0.005)


async def kill_again_and_again(world: World, kills: int, chance: Random) -> None:
    """Let process after process live for a while; one in twenty ends in good order."""
    down_at, before = time.time(), 0
    while True:
        before = world.pid = await world.served.next_pid(after=before)
        how = chance.choices(
            ["killed in its start", "killed at an answer", "killed at any time", "restarted"],
            [15, 40, 40, 5],
        )[0]
        if how == "killed in its start" and kills:
            await asyncio.sleep(chance.uniform(0, 0.3))
        else:
            await serves(world)
            world.bells.downs.append((down_at, time.time()))
            await asyncio.sleep(chance.uniform(0, 1.6))
        if not kills:
            return
        world.witness.read()
        if how == "restarted":
            world.served.restart()
            world.pid = await world.served.next_pid(after=before)
            await serves(world)
            world.ended_well.add(before)
        else:
            await die(world, at_an_answer=how == "killed at an answer")
            kills -= 1
            down_at = time.time()
        world.report.note(how, pid=before)


async def die(world: World, *, at_an_answer: bool) -> None:
    """Kill the process now, or as soon as it has acknowledged something."""
    if at_an_answer:
        world.killed.clear()
        world.armed = True
        await world.killed.wait()
    else:
        world.kill()


async def load(world: World, kills: int, chance: Random) -> None:
    """Everybody at once, until the last kill is survived."""
    subjects = [
        subject(world, str(number), Random(chance.random()))
        for subject in SUBJECTS
        for number in range(EACH)
    ]
    beating = asyncio.create_task(beat(world))
    async with asyncio.TaskGroup() as group:
        for subject in subjects:
            group.create_task(subject.run())
        await kill_again_and_again(world, kills, chance)
        await asyncio.sleep(2 * SAVE_INTERVAL)
        world.is_over = True
    beating.cancel()
    await asyncio.wait([beating])


def run(kills: int, seed: int, folder: Path) -> Report:
    """The whole of it, with all files in one folder."""
    chance = Random(seed)
    report = Report(folder / "acknowledged.jsonl")
    beats = Beats(SAVE_INTERVAL)
    bells = Bells(report, beats)
    witness = Witness(folder / "witness.jsonl", bells.take)
    with Served(folder, witness) as served:
        world = World(report, beats, Instances(report), bells, witness, served)
        asyncio.run(load(world, kills, chance))
        code = served.stop()
    report.check("answers", code == 0, f"it ended with {code}: {served.log[-2000:]}")
    report.check("answers", "Traceback" not in served.log, served.log[-2000:])
    witness.read()
    witness.close()
    report.events["woken or created"] = witness.wakes
    report.events["due while down"] = bells.due_while_down
    return report


def table(report: Report, kills: int, seed: int, seconds: float) -> str:
    """What is printed."""
    lines = [f"  {count:8}  {what}" for what, count in sorted(report.events.items())]
    lines += ["checks:"]
    lines += [f"  {count:8}  {rule}" for rule, count in sorted(report.checks.items())]
    end = f"kills {kills}, checks {report.checks.total()}, violations = {len(report.violations)}"
    return "\n".join(
        [
            "events:",
            *lines,
            *(f"VIOLATION {each}" for each in report.violations[:20]),
            f"{end}, seed {seed}, {seconds:.0f} s",
        ]
    )


def main() -> int:
    """Exit status 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pyactor-crash-"))
    began = time.monotonic()
    is_kept = True
    try:
        report = run(given.kills, given.seed, folder)
        is_kept = bool(report.violations)
    finally:
        if is_kept:
            print(f"all that was acknowledged is in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    print(table(report, given.kills, given.seed, time.monotonic() - began))
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
