"""Counters: no acknowledged number is lost, none is given twice."""

from __future__ import annotations

from random import Random

from attrs import frozen
from typing_extensions import override

from ._clients import Caller
from ._world import Subject, World


@frozen
class Counted:
    """A number that was answered."""

    n: int
    pid: int
    at: float


class CounterSubject(Subject):
    """Several clients count at a time, some of what they do saved at once."""

    name = "counter"

    def __init__(self, world: World, key: str, chance: Random) -> None:
        super().__init__(world, key, chance)
        self._floor = 0
        self._ceiling = 0
        self._loose: list[Counted] = []
        self._exists = False

    @override
    async def round(self) -> None:
        if not self._exists:
            await self.world.limited(
                self.chance.choice(self.creators).create("counter", self.key, 0)
            )
            self._exists = True
        await self.last_round()
        if self.chance.random() < 0.1:
            await self.ask("rest")
            return
        given: list[Counted] = []
        await self.run_callers(lambda caller: self._count(caller, given), 3)
        numbers = [(each.pid, each.n) for each in given]
        self.report.check("A1", len(numbers) == len(set(numbers)), f"{self.key}: twice: {numbers}")
        await self.pause()

    async def _count(self, caller: Caller, given: list[Counted]) -> None:
        for _ in range(self.chance.randrange(1, 6)):
            is_now = self.chance.random() < 0.4
            floor = self._floor
            self._ceiling += 1
            action = "add_now" if is_now else "add"
            reply = await self.world.ask(caller, self.name, self.key, action)
            counted = Counted(reply.answer["n"], reply.pid, reply.came)
            given.append(counted)
            self.report.check("A4 now", counted.n > floor, f"{self.key}: {counted} after {floor}")
            if is_now:
                self._floor = max(self._floor, counted.n)
                self.world.acknowledged("counted now", key=self.key, n=counted.n, pid=counted.pid)
            else:
                self._loose.append(counted)
                self.report.note("counted", key=self.key, n=counted.n, pid=counted.pid)

    @override
    async def last_round(self) -> None:
        reply = await self.ask("look")
        found = reply.answer["n"]
        self.report.check("A4 now", found >= self._floor, f"{self.key}: {found} < {self._floor}")
        for each in self._loose:
            is_safe = self.world.is_safe(each.pid, each.at)
            if (
                is_safe or each.pid == reply.pid
            ):  # while a process lives, sleep loses nothing either
                self.report.check("A4 rest", found >= each.n, f"{self.key}: {found}, and {each}")
            if is_safe and found >= each.n:
                self._floor = max(self._floor, each.n)
        self.report.check(
            "A4 once", found <= self._ceiling, f"{self.key}: {found} of {self._ceiling}"
        )
        self.report.events["of the rest, lost"] += sum(each.n > found for each in self._loose)
        self._loose = [each for each in self._loose if self._floor < each.n <= found]
        self._ceiling = found
