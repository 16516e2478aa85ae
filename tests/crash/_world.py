"""What the load and whoever kills share: how to ask, what is acknowledged, and who is alive."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from attrs import Factory, define, frozen

from ._clients import Answer, Caller, Connected, Gone, RawHttp, RawWebSocket, Refused, Stateless
from ._host import SECONDS, Served, Witness
from ._judge import Beats, Bells, Instances, Report, Seen

_T = TypeVar("_T")

NOT_FOUND = "actor.not_found"
STOPPING = {"ws.going_away", "actor.restarting"}
"""What a call may be answered with that meets an actor on its way to sleep."""


@frozen
class Reply:
    """An answer and when it was asked for and came, by the monotonic clock of the machine."""

    sent: float
    came: float
    answer: Answer

    @property
    def pid(self) -> int:
        """Which process gave it."""
        return int(self.answer["pid"])


@define(eq=False)
class World:
    """Everything that is not killed.

    Attributes:
        pid: The serving process.
        armed: Whether it is killed at the next acknowledgement.
        killed: Set when that has happened.
        ended_well: Processes that were told to stop, and did.
        is_over: Whether the load comes to its end.
    """

    report: Report
    beats: Beats
    instances: Instances
    bells: Bells
    witness: Witness
    served: Served
    pid: int = 0
    armed: bool = False
    killed: asyncio.Event = Factory(asyncio.Event)
    ended_well: set[int] = Factory(set)
    is_over: bool = False
    numbers: itertools.count[int] = Factory(itertools.count)

    async def ask(self, caller: Caller, actor: str, key: str, action: str, *args: object) -> Reply:
        """Call an action.

        Raises:
            Gone: Nobody knows whether it was done.
            Refused: There is no such actor.
        """
        sent = time.monotonic()
        answer = await self.limited(caller.call(actor, key, action, *args))
        came = time.monotonic()
        self.report.events["answers"] += 1
        self.instances.note(f"{actor} {key}", Seen(sent, came, answer["instance"]))
        return Reply(sent, came, answer)

    async def limited(self, call: Awaitable[_T]) -> _T:
        """Wait, but not for ever; what only says that an actor stops is as good as no answer."""
        try:
            async with asyncio.timeout(SECONDS):
                return await call
        except TimeoutError:
            self.report.check("answers", False, f"none within {SECONDS} s")
            raise Gone("too late") from None
        except Refused as refused:
            if refused.name in STOPPING:
                raise Gone(str(refused)) from None
            if refused.name != NOT_FOUND:
                self.report.check("answers", False, refused)
                raise Gone(str(refused)) from None
            raise

    def acknowledged(self, what: str, **more: object) -> None:
        """Something was promised: a good moment to be killed."""
        if self.armed:
            self.kill()
        self.report.note(what, **more)

    def kill(self) -> None:
        """``kill -9``."""
        self.armed = False
        os.kill(self.pid, signal.SIGKILL)
        self.killed.set()

    def is_safe(self, pid: int, at: float) -> bool:
        """Whether what a process had in a state by then must survive from now on (A4)."""
        return pid in self.ended_well or self.beats.saved(pid, at)


class Subject(ABC):
    """One actor and those who call it; it knows all that was ever asked of it."""

    name: str

    def __init__(self, world: World, key: str, chance: Random) -> None:
        self.world = world
        self.report = world.report
        self.key = key
        self.chance = chance
        url = world.served.url
        self.creators = (Stateless(url), RawHttp(url))
        self.raw = self.creators[1]
        self.callers: list[Caller] = [*self.creators, Connected(url), RawWebSocket(url)]

    async def run(self) -> None:
        """Round after round until it is over, and a last look."""
        while not self.world.is_over:
            await self._try(self.round())
        while not await self._try(self.last_round()):
            pass
        for caller in self.callers:
            await caller.close()

    @abstractmethod
    async def round(self) -> None:
        """Look, and do something."""

    @abstractmethod
    async def last_round(self) -> None:
        """Look once more."""

    async def ask(self, action: str, *args: object) -> Reply:
        """Call, by any of the ways."""
        caller = self.chance.choice(self.callers)
        return await self.world.ask(caller, self.name, self.key, action, *args)

    async def run_callers(self, use: Callable[[Caller], Awaitable[None]], count: int) -> None:
        """Several clients at a time; each stops at its first call without an answer."""
        callers = self.chance.sample(self.callers, count)
        await asyncio.gather(*(self._try(use(caller)) for caller in callers))

    async def _try(self, work: Awaitable[None]) -> bool:
        """Whether every answer came."""
        try:
            await work
        except Gone:
            self.report.events["calls cut off"] += 1
            return False
        except Refused as refused:
            self.report.check("A4 now", False, f"{self.name} {self.key} is lost: {refused}")
            return False
        return True

    async def pause(self) -> None:
        """Long enough, now and then, for the actor to fall asleep."""
        await asyncio.sleep(self.chance.choice([0.0, 0.0, 0.0, 0.05, 0.7]))
