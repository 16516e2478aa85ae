"""Thousands of connections leave a host as it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pyactor import Actor, Client, Conn, Host, Registry, action, hook

CYCLES = 5_000
AT_ONCE = 20


class Counting(Actor[None]):
    connected = 0
    disconnected = 0

    @hook
    async def on_connect(self, conn: Conn[None, None]) -> None:
        self.connected += 1

    @hook
    async def on_disconnect(self, conn: Conn[None, None]) -> None:
        self.disconnected += 1

    @action
    def echo(self, number: int) -> int:
        return number

    @action
    def counts(self) -> list[int]:
        return [self.connected, self.disconnected, len(self.conns)]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.timeout(180)
def test_5000_cycles_leave_nothing_behind() -> None:
    async def scenario() -> None:
        async with Host(Registry(Counting), port=0) as host, Client(host.url) as client:
            actor = client.actor(Counting).get_or_create("one")
            await actor.rpc.counts()  # opens the pooled HTTP connection
            files, tasks = open_files(), len(asyncio.all_tasks())

            async def cycles() -> None:
                for number in range(CYCLES // AT_ONCE):
                    async with actor.connect() as conn:
                        assert await conn.rpc.echo(number) == number

            await asyncio.gather(*(cycles() for _ in range(AT_ONCE)))
            connected, disconnected, now = await actor.rpc.counts()
            # Its own stateless connection is in there; the one before it has come and gone.
            assert (connected, disconnected, now) == (CYCLES + 2, CYCLES + 1, 1)
            assert len(asyncio.all_tasks()) == tasks
            async with asyncio.timeout(20):
                while open_files() > files:  # noqa: ASYNC110 - sockets end unannounced
                    await asyncio.sleep(0)

    asyncio.run(scenario())
