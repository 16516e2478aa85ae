"""Under ``asyncio.eager_task_factory`` an application's tasks begin at once; ours never do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from pathlib import Path

import pytest
from attrs import define

from pyactor import Actor, Client, Conn, Event, Host, Registry, SqliteStorage, action, hook


@define
class Total:
    value: int = 0


class Counter(Actor[Total], name="counter"):
    changed = Event[int]()

    @hook
    def on_connect(self, conn: Conn[None, None]) -> None:
        conn.send(Counter.changed, self.state.value)

    @action
    async def add(self, amount: int) -> int:
        self.state.value += amount
        self.changed.broadcast(self.state.value)
        return self.state.value

    @action
    async def pass_on(self, key: str) -> int:
        return await self.client.actor(Counter).get_or_create(key).rpc.add(5)

    @action
    async def grow(self) -> None:
        await self.schedule.after(0.01, Counter.add, 100)

    @action
    def rest(self) -> None:
        self.sleep()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="it has no eager tasks")
@pytest.mark.parametrize("is_durable", [False, True])
def test_everything_works_under_eager_tasks(tmp_path: Path, *, is_durable: bool) -> None:
    async def main() -> None:
        eager = getattr(asyncio, "eager_task_factory")  # noqa: B009 - Python 3.11 has none
        asyncio.get_running_loop().set_task_factory(eager)
        storage = SqliteStorage(tmp_path) if is_durable else None
        grown = asyncio.Event()
        async with Host(Registry(Counter), port=0, storage=storage) as host, Client(host.url) as c:
            counter = c.actor(Counter).get_or_create("a")
            async with counter.connect() as conn:

                @conn.on(Counter.changed)
                async def hear(value: int) -> None:
                    if value == 102:
                        grown.set()

                await conn.subscribed(Counter.changed)
                await conn.rpc.grow()
                calls: list[Awaitable[int]] = [conn.rpc.add(1), counter.rpc.add(1)]
                first, second = sorted(await asyncio.gather(*calls))
                assert second > first
                assert await conn.rpc.pass_on("b") % 100 == 5
                await grown.wait()
            await counter.rpc.rest()
            assert await counter.rpc.add(0) % 100 == 2

    asyncio.run(main())
