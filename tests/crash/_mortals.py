"""Actors that are destroyed, and made anew under the same key (A2, A6)."""

from __future__ import annotations

import time
from abc import abstractmethod
from random import Random
from typing import Any

from typing_extensions import override

from ._clients import Refused
from ._world import NOT_FOUND, Reply, Subject, World


class Mortal(Subject):
    """A subject with a life and a death, of both of which it may not have been told."""

    def __init__(self, world: World, key: str, chance: Random) -> None:
        super().__init__(world, key, chance)
        self.actor_id: str | None = None
        self.births: set[int] = set()
        self._dead: list[str] = []
        self._is_ending = False
        self._last_pid = 0

    @abstractmethod
    def begin_anew(self) -> None:
        """Forget what was known of the one that is gone."""

    @abstractmethod
    def judge(self, reply: Reply) -> None:
        """Compare what an actor shows with what is known of it."""

    async def look(self) -> Reply | None:
        """Look, and judge; None if there is no actor."""
        try:
            reply = await self.ask("look")
        except Refused:
            gone = self.actor_id is None or self._is_ending
            self.report.check("A4 now", gone, f"{self.name} {self.key} {self.actor_id} is lost")
            self._note_gone(time.monotonic())
            return None
        found = reply.answer["actor_id"]
        self.report.check("A6", found not in self._dead, f"{self.key}: {found} was destroyed")
        if self.actor_id is None:
            self.actor_id = found
        self.report.check("A1", found == self.actor_id, f"{self.key}: {found}, {self.actor_id}")
        self.judge(reply)
        if reply.pid != self._last_pid:
            self._last_pid = reply.pid
            await self._look_for_the_dead()
        return reply

    async def create(self) -> None:
        """Make it."""
        number = next(self.world.numbers)
        self.births.add(number)
        creator = self.chance.choice(self.creators)
        actor_id = await self.world.limited(creator.create(self.name, self.key, number))
        self.report.check("A6", actor_id not in self._dead, f"{self.key}: {actor_id} once more")
        self.actor_id = actor_id
        self.world.acknowledged("created", actor=self.name, key=self.key, actor_id=actor_id)

    async def destroy(self) -> None:
        """End it, by one of the two ways or both."""
        assert self.actor_id is not None
        was_ending = self._is_ending
        self._is_ending = True
        if self.name == "journal" and self.chance.random() < 0.5:
            await self.ask("end")
            was_ending = True
        status, _ = await self._control("DELETE", f"/actors/{self.actor_id}")
        self.report.check("A4 now", status == 200 or was_ending, f"{self.actor_id} is lost already")
        self.world.acknowledged("destroyed", key=self.key, actor_id=self.actor_id)
        self._note_gone(time.monotonic())
        try:
            reply = await self.ask("look")
        except Refused as refused:
            self.report.check("A6", refused.name == NOT_FOUND, refused)
        else:
            self.report.check("A6", False, f"destroyed, {reply.answer['actor_id']} answers")

    async def _look_for_the_dead(self) -> None:
        """By their ids, and who has the key now."""
        if self._dead:
            ids = ",".join(self._dead[-5:])
            _, found = await self._control("GET", f"/actors?actor_ids={ids}")
            self.report.check("A6", not found["actors"], f"destroyed, and back: {found}")
        target = f"/actors?name={self.name}&key={self.key}"
        _, found = await self._control("GET", target)
        ids_of_key = [each["actor_id"] for each in found["actors"]]
        self.report.check("A6", ids_of_key == [self.actor_id], f"{self.key}: {ids_of_key}")

    async def _control(self, method: str, target: str) -> tuple[int, Any]:
        return await self.world.limited(self.raw.request(method, target))

    def _note_gone(self, at: float) -> None:
        if self.actor_id is not None:
            self._dead.append(self.actor_id)
            self.world.bells.destroyed[self.actor_id] = at
        self.actor_id = None
        self._is_ending = False
        self.births.clear()
        self.begin_anew()

    @override
    async def last_round(self) -> None:
        if await self.look() is None:
            await self.create()
            await self.look()
