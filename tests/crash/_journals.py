"""Journals: no acknowledged entry is lost, none comes back, and the state is never torn."""

from __future__ import annotations

import zlib
from random import Random

from typing_extensions import override

from ._clients import Caller
from ._mortals import Mortal
from ._world import Reply, World
from .actors import page

_FULL = 60
"""Entries after which a journal is destroyed."""


class JournalSubject(Mortal):
    """Several clients append at a time."""

    name = "journal"

    def __init__(self, world: World, key: str, chance: Random) -> None:
        super().__init__(world, key, chance)
        self.begin_anew()

    @override
    def begin_anew(self) -> None:
        self._sizes: dict[int, int] = {}
        self._kept: set[int] = set()
        self._loose: dict[int, tuple[int, float]] = {}
        self._gone: set[int] = set()
        self._before: list[int] = []

    @override
    async def round(self) -> None:
        reply = await self.look()
        if reply is None:
            await self.create()
        elif len(reply.answer["left"]) > _FULL or self.chance.random() < 0.04:
            await self.destroy()
        elif self.chance.random() < 0.1:
            await self.ask("rest")
        else:
            await self.run_callers(self._append, 3)
            await self.pause()

    async def _append(self, caller: Caller) -> None:
        for _ in range(self.chance.randrange(1, 4)):
            number, size = next(self.world.numbers), self.chance.choice([0, 10, 3000])
            is_now = self.chance.random() < 0.4
            self._sizes[number] = size
            action = "append_now" if is_now else "append"
            reply = await self.world.ask(caller, self.name, self.key, action, number, size)
            if is_now:
                self._kept.add(number)
                self.world.acknowledged("appended now", key=self.key, n=number, pid=reply.pid)
            else:
                self._loose[number] = reply.pid, reply.came
                self.report.note("appended", key=self.key, n=number, pid=reply.pid)

    @override
    def judge(self, reply: Reply) -> None:
        left: list[int] = reply.answer["left"]
        found, check = set(left), self.report.check
        check("A2", reply.answer["birth"] in self.births, f"{self.key}: born of {reply.answer}")
        sums = [zlib.crc32(page(n, self._sizes.get(n, 0))) for n in left]
        check("A4 torn", sums == reply.answer["right"], f"{self.key}: {reply.answer}")
        check("A4 once", len(left) == len(found), f"{self.key}: twice in {left}")
        check("A4 once", found <= self._sizes.keys(), f"{self.key}: {found - self._sizes.keys()}")
        back = found & self._gone
        check("A4 once", not back, f"{self.key}: were lost, and are back: {back}")
        # A snapshot is of one instant: what is lost of it is its end.
        rest = [n for n in self._before if n in found]
        check("A4 torn", left[: len(rest)] == rest == self._before[: len(rest)], (left, rest))
        check("A4 now", self._kept <= found, f"{self.key}: lost {self._kept - found}")
        for number, (pid, at) in list(self._loose.items()):
            is_safe = self.world.is_safe(pid, at)
            if is_safe or pid == reply.pid:  # while a process lives, sleep loses nothing either
                check("A4 rest", number in found, f"{self.key}: lost {number} of {pid} at {at}")
            elif number not in found:
                self.report.events["of the rest, lost"] += 1
            if is_safe and number in found:
                self._kept.add(number)
            if is_safe or number not in found:
                del self._loose[number]
        self._gone |= self._sizes.keys() - found
        self._before = left
