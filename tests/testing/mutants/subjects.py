"""Two actors that do a little of everything, so that a fault of the run time shows."""

from __future__ import annotations

import asyncio
from typing import Literal

from attrs import Factory, define

from pyactor import Actor, ActorOptions, AnyEvent, Conn, Event, UserError, action, hook

Name = Literal["ann", "bob", "cat"]
Trouble = Literal["", "refused", "broken", "late"]
Place = Literal["on_before_connect", "create_conn_state", "on_connect", "on_disconnect"]


class NotToday(UserError):
    """What its hooks and actions may refuse with."""

    code = "not_today"


@define
class Params:
    """What a client asks for."""

    name: Name = "ann"
    trouble: Trouble = ""
    at: Place = "on_connect"


@define
class Guest:
    """What the actor knows of a connection."""

    name: str
    trouble: str = ""


@define
class Ledger:
    """What lasts."""

    total: int = 0
    notes: list[str] = Factory(list)


class Subject(
    Actor[Ledger, Guest, Params],
    errors=(NotToday,),
    options=ActorOptions(
        max_held_messages=3,
        max_in_flight_actions=4,
        max_outgoing_backlog=1_000,
        sleep_timeout=20,
        sleep_grace_period=2,
        action_timeout=6,
    ),
):
    """Greets, counts, tells everybody, and now and then throws somebody out."""

    said = Event[int]()
    noise = Event[str]()

    @hook
    async def on_create(self) -> None:
        await self.schedule.after(7.5, Subject.count, 1)

    @hook
    async def on_wake(self) -> None:
        await asyncio.sleep(0)

    @hook
    async def on_before_connect(self, params: Params) -> None:
        self.connecting.defer(self._forget)
        await self._trouble(params, "on_before_connect")

    @hook
    async def create_conn_state(self, params: Params) -> Guest:
        await self._trouble(params, "create_conn_state")
        return Guest(params.name, params.trouble if params.at == "on_disconnect" else "")

    @hook
    async def on_connect(self, conn: Conn[Guest, Params]) -> None:
        conn.defer(self._forget)
        conn.send(Subject.said, self.state.total)
        conn.defer(self._stumble)
        await self._trouble(conn.params, "on_connect")
        if conn.state.name == "bob":
            conn.disconnect("no bobs")
            await conn.disconnect("really")
        self.said.broadcast(len(self.conns))

    @hook
    async def on_disconnect(self, conn: Conn[Guest, Params]) -> None:
        self.state.notes.append(conn.state.name)
        self.noise.broadcast(f"{conn.state.name} left")
        conn.send(Subject.noise, "bye")
        await self._trouble(conn.params, "on_disconnect")
        if conn.state.name == "cat":
            for other in list(self.conns.values()):
                await other.disconnect("with the cat")
        await conn.disconnect()

    @hook
    async def can_subscribe(self, conn: Conn[Guest, Params], event: AnyEvent) -> bool:
        await asyncio.sleep(0.07)
        return event == Subject.said or conn.state.name != "ann"

    @action
    def count(self, by: int) -> int:
        self.state.total += by
        self.said.broadcast(self.state.total)
        return self.state.total

    @action
    async def count_slowly(self, by: int) -> int:
        self.state.total += by
        self.said.broadcast(self.state.total)
        await asyncio.sleep(0.5)
        self.said.broadcast(-self.state.total)
        return self.state.total

    @action
    async def fail(self, how: Literal["refused", "broken", "late"]) -> None:
        self.state.total += 1
        await self._fail(how)

    @action
    async def save(self, by: int) -> int:
        self.state.total += by
        await self.save_state(immediate=True)
        return self.state.total

    @action
    async def plan(self, tenths: Literal[3, 14, 300]) -> None:
        await self.schedule.after(tenths / 10, Subject.count_slowly, 1)

    @action
    def shout(self) -> None:
        for conn in self.conns.values():
            conn.send(Subject.noise, "x" * 400)

    @action
    async def kick(self, name: Name, waits: bool) -> None:
        for conn in list(self.conns.values()):
            if conn.state.name == name:
                done = conn.disconnect(f"kicked {name}")
                if waits:
                    await done
        await asyncio.sleep(0.01)

    @action
    async def leave(self) -> str:
        await self.conn.disconnect("I am off")
        return "gone"

    @action
    def rest(self) -> None:
        self.sleep()

    @action
    def end(self) -> None:
        self.destroy()

    async def _forget(self) -> None:
        await asyncio.sleep(0.2)

    def _stumble(self) -> None:
        raise RuntimeError("a deferred callback that fails")

    async def _trouble(self, params: Params, where: str) -> None:
        await asyncio.sleep(0.07)
        if params.trouble and params.at == where:
            await self._fail(params.trouble)
        await asyncio.sleep(0)

    async def _fail(self, how: str) -> None:
        if how == "refused":
            raise NotToday("not today", metadata={"total": self.state.total})
        if how == "broken":
            raise RuntimeError("a secret")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(1)  # it does not heed its timeout at once
            raise


class Watched(Actor[Ledger], options=ActorOptions(sleep_timeout=20)):
    """Is told of each change of its state (A7)."""

    changed = Event[int]()

    @hook
    def on_state_change(self, state: Ledger) -> None:
        self.changed.broadcast(state.total)
        if state.total % 3 == 2:
            state.total += 1

    @action
    def count(self, by: int) -> int:
        self.state.total += by
        return self.state.total

    @action
    async def count_twice(self) -> int:
        self.state.total += 1
        await asyncio.sleep(0.1)
        self.state.total += 1
        return self.state.total

    @action
    def look(self) -> int:
        return self.state.total

    @action
    def fail(self) -> None:
        self.state.total += 1
        raise RuntimeError("a secret")


PARAMS = {
    # Most come in peace, or nothing would ever be open for long.
    "Subject": [
        *[Params("ann")] * 4,
        *[Params("cat")] * 3,
        Params("bob"),
        *[
            Params("ann", trouble, at)
            for trouble in ("refused", "broken", "late")
            for at in ("on_before_connect", "create_conn_state", "on_connect", "on_disconnect")
        ],
    ],
}
"""The connection parameters that are tried."""
