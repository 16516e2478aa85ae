"""The actors that are killed: each answer says which process and which instance gave it.

What a schedule runs is also written to a file at once. It tells what has happened, whatever the
actor's own state says of it after a crash.
"""

from __future__ import annotations

import json
import os
import time
import uuid
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import Factory, define

from pyactor import Actor, ActorOptions, Registry, action, hook

SAVE_INTERVAL = 0.25
OPTIONS = ActorOptions(
    state_save_interval=SAVE_INTERVAL, sleep_timeout=0.4, sleep_grace_period=2, max_schedules=5000
)
WITNESS = "CRASH_WITNESS"
"""The variable that names the file."""


@cache
def _witness() -> int:
    return os.open(os.environ[WITNESS], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def tell(what: str, actor_id: str = "", **more: object) -> None:
    """Write one line that survives the process."""
    line = {"what": what, "pid": os.getpid(), "at": time.monotonic(), "actor_id": actor_id, **more}
    os.write(_witness(), json.dumps(line).encode() + b"\n")


class Incarnation:
    """One instance of an actor, as its answers show it."""

    def __init__(self) -> None:
        self._one = uuid.uuid4().hex[:12]

    def answer(self, actor_id: str, **more: object) -> dict[str, Any]:
        return {"pid": os.getpid(), "instance": self._one, "actor_id": actor_id, **more}


@define
class Count:
    n: int = 0


class Counter(Actor[Count], name="counter", options=OPTIONS):
    """A number that only grows."""

    def __init__(self) -> None:
        self.me = Incarnation()

    @action
    def add(self) -> dict[str, Any]:
        self.state.n += 1
        return self._answer()

    @action
    async def add_now(self) -> dict[str, Any]:
        self.state.n += 1
        answer = self._answer()
        await self.save_state(immediate=True)
        return answer

    @action
    def look(self) -> dict[str, Any]:
        return self._answer()

    @action
    def rest(self) -> dict[str, Any]:
        self.sleep()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        return self.me.answer(self.actor_id, n=self.state.n)

    @hook
    def on_wake(self) -> None:
        tell("wake", self.actor_id)


def page(number: int, size: int) -> bytes:
    """What belongs to a number, of any length."""
    return b"%d;" % number * (1 + size)


@define
class Pages:
    birth: int
    left: list[int] = Factory(list)
    right: list[bytes] = Factory(list)


@define
class Birth:
    number: int


class Journal(Actor[Pages, None, None, Birth], name="journal", options=OPTIONS):
    """Two lists that are one thing, of a size that takes many pages of a database."""

    def __init__(self) -> None:
        self.me = Incarnation()

    @hook
    def create_state(self, input: Birth) -> Pages:
        return Pages(input.number)

    def _append(self, number: int, size: int) -> None:
        self.state.left.append(number)
        self.state.right.append(page(number, size))

    @action
    def append(self, number: int, size: int) -> dict[str, Any]:
        self._append(number, size)
        return self.me.answer(self.actor_id)

    @action
    async def append_now(self, number: int, size: int) -> dict[str, Any]:
        self._append(number, size)
        await self.save_state(immediate=True)
        return self.me.answer(self.actor_id)

    @action
    def look(self) -> dict[str, Any]:
        state = self.state
        sums = [zlib.crc32(text) for text in state.right]
        return self.me.answer(self.actor_id, birth=state.birth, left=state.left, right=sums)

    @action
    def rest(self) -> dict[str, Any]:
        self.sleep()
        return self.me.answer(self.actor_id)

    @action
    def end(self) -> dict[str, Any]:
        self.destroy()
        return self.me.answer(self.actor_id)

    @hook
    def on_wake(self) -> None:
        tell("wake", self.actor_id)


@define
class Rung:
    numbers: list[int] = Factory(list)


class Reminders(Actor[Rung], name="reminders", options=OPTIONS):
    """One-shots, and two jobs that it has from its creation on."""

    def __init__(self) -> None:
        self.me = Incarnation()

    @hook
    async def on_create(self) -> None:
        await self.cron.every("tick", 1, Reminders.tick, "tick")
        await self.cron.set("minute", "* * * * *", Reminders.tick, "minute")

    @action
    async def set(self, number: int, due_at: float) -> dict[str, Any]:
        await self.schedule.at(due_at, Reminders.ring, number, due_at)
        return self.me.answer(self.actor_id)

    @action
    def ring(self, number: int, due_at: float) -> None:
        tell("ring", self.actor_id, number=number, due_at=due_at, clock=time.time())
        self.state.numbers.append(number)

    @action
    def tick(self, job: str) -> None:
        tell("tick", self.actor_id, job=job, clock=time.time())

    @action
    async def look(self) -> dict[str, Any]:
        planned = [each.arguments["number"] for each in await self.schedule.list()]
        jobs = {each.name: each.next_at.timestamp() for each in await self.cron.list()}
        rung = list(self.state.numbers)
        return self.me.answer(self.actor_id, planned=planned, rung=rung, jobs=jobs)

    @action
    def rest(self) -> dict[str, Any]:
        self.sleep()
        return self.me.answer(self.actor_id)

    @hook
    def on_wake(self) -> None:
        tell("wake", self.actor_id)


class Beat(Actor[Count], name="beat", options=OPTIONS):
    """What it answers is kept, and with it all that the storage was given before."""

    def __init__(self) -> None:
        self.me = Incarnation()

    @action
    async def beat(self) -> dict[str, Any]:
        self.state.n += 1
        await self.save_state(immediate=True)
        return self.me.answer(self.actor_id)


ACTORS: Mapping[str, type[Actor[Any, Any, Any, Any]]] = {
    "counter": Counter,
    "journal": Journal,
    "reminders": Reminders,
    "beat": Beat,
}
registry = Registry(*ACTORS.values())
if WITNESS in os.environ:
    tell("loaded")
