"""An actor whose record is damaged can still be destroyed, and then made anew."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from attrs import define

from pyactor.definition import Actor, action
from pyactor.host import ActorHost, Registry
from pyactor.storage import SqliteStorage
from pyactor.wire.http import HttpRequest, WholeBody


@define
class Count:
    n: int = 0


class Counter(Actor[Count], name="counter"):
    @action
    async def add(self) -> int:
        self.state.n += 1
        await self.save_state(immediate=True)
        return self.state.n


async def add(host: ActorHost, key: str) -> tuple[int, bytes]:
    target = f"/gateway/counter/action/add?rvt-method=getOrCreate&rvt-key={key}"
    response = await host.respond(HttpRequest("POST", target, {}, WholeBody(b'{"args":[]}')))
    assert isinstance(response.body, bytes)
    return response.status, response.body


async def destroy(host: ActorHost, actor_id: str) -> int:
    return (await host.respond(HttpRequest("DELETE", f"/actors/{actor_id}", {}))).status


@contextmanager
def database(directory: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(directory / "actors.sqlite")) as connection, connection:
        yield connection


@pytest.mark.parametrize(
    "damage", ["UPDATE states SET seal = x'00'", "UPDATE actors SET seal = x'00' WHERE number > 0"]
)
@pytest.mark.parametrize("is_awake", [False, True])
def test_it_is_destroyed_and_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str, is_awake: bool
) -> None:
    async def main() -> None:
        storage = SqliteStorage(tmp_path)
        host = ActorHost(Registry(Counter), storage=storage)
        assert await add(host, "a") == (200, b'{"output":1}')
        [instance] = host.directory.instances
        if not is_awake:
            instance.sleep()
            while host.directory.instances:  # noqa: ASYNC110 - as an operator would
                await asyncio.sleep(0.001)
        with database(tmp_path) as connection:
            connection.execute(damage)
        if not is_awake:
            status, body = await add(host, "a")
            assert status == 503
            assert b'"storage","code":"corrupt"' in body
        assert await destroy(host, instance.actor_id) == 200
        assert ("was destroyed without on_destroy" in caplog.text) is not is_awake
        assert host.directory.instances == []
        assert await destroy(host, instance.actor_id) == 404
        assert await add(host, "a") == (200, b'{"output":1}')
        await host.stop()
        await storage.close()

    asyncio.run(main())
