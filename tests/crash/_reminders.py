"""Reminders: what was scheduled and acknowledged is there or has run, whatever was killed (A5)."""

from __future__ import annotations

import asyncio
import time
from random import Random

from typing_extensions import override

from ._clients import Caller
from ._judge import Promise
from ._mortals import Mortal
from ._world import Reply, World

_FULL = 60
"""One-shots after which the actor is destroyed."""
_LOOKS = 4
"""Looks after which what is on its way from the schedule into the state must have come."""


class RemindersSubject(Mortal):
    """Some clients schedule what is due soon; the actor sleeps in between."""

    name = "reminders"

    def __init__(self, world: World, key: str, chance: Random) -> None:
        super().__init__(world, key, chance)
        self.begin_anew()

    @override
    def begin_anew(self) -> None:
        self._asked: set[int] = set()
        self._missing: dict[int, int] = {}

    @override
    async def round(self) -> None:
        reply = await self.look()
        if reply is None:
            await self.create()
        elif len(self._asked) > _FULL or self.chance.random() < 0.04:
            await self.destroy()
        elif self.chance.random() < 0.3:
            await self.ask("rest")
        else:
            await self.run_callers(self._set, 2)
            await asyncio.sleep(self.chance.choice([0.0, 0.2, 0.8]))

    async def _set(self, caller: Caller) -> None:
        for _ in range(self.chance.randrange(1, 4)):
            number = next(self.world.numbers)
            promise = Promise(time.time() + self.chance.choice([-1, 0.02, 0.1, 0.5, 1.5, 3.0]))
            self.world.bells.promises[number] = promise
            self._asked.add(number)
            reply = await self.world.ask(caller, self.name, self.key, "set", number, promise.due_at)
            promise.is_kept = True
            self.world.acknowledged("scheduled", key=self.key, n=number, pid=reply.pid)

    @override
    def judge(self, reply: Reply) -> None:
        answer, check = reply.answer, self.report.check
        check("A2", answer["jobs"].keys() == {"tick", "minute"}, f"{self.key}: {answer['jobs']}")
        due_at = answer["jobs"].get("tick", 0.0) - 1e-6  # it was rounded to a microsecond
        self.world.bells.known.setdefault(answer["actor_id"], (reply.came, due_at))
        there = set(answer["planned"]) | set(answer["rung"])
        check("A5 lost", there <= self._asked, f"{self.key}: {there - self._asked}")
        for number in self._asked - there:
            if self.world.bells.promises[number].is_kept:
                # One that just runs is in neither list.
                looks = self._missing[number] = self._missing.get(number, 0) + 1
                check("A5 lost", looks < _LOOKS, f"{self.key}: {number} is in neither list")
        for number in there & self._missing.keys():
            del self._missing[number]

    @override
    async def last_round(self) -> None:
        """Until all that was promised has rung."""
        await super().last_round()
        promises = self.world.bells.promises
        until = time.time() + 30
        while any(p.is_kept and not p.rings for p in (promises[n] for n in self._asked)):
            if time.time() > until:
                break
            self.world.witness.read()
            await asyncio.sleep(0.05)
        for number in self._asked:
            promise = promises[number]
            if promise.is_kept:
                self.report.check("A5 lost", bool(promise.rings), f"{number}: {promise}")
