"""When an app runs, and what the program around it has of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from typing_extensions import override

import pyactor.asgi
from pyactor import (
    Actor,
    ActorNotFound,
    Client,
    MemoryStorage,
    Registry,
    SqliteStorage,
    Storage,
    StorageError,
    action,
)

if TYPE_CHECKING:
    from tests.asgi.conftest import Call

Virtual = Callable[[Awaitable[None]], None]
LIFESPAN = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
METADATA: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/metadata",
    "headers": [],
    "query_string": b"",
}


@define
class Count:
    value: int = 0


class Counter(Actor[Count], name="counter"):
    @action
    def add(self, amount: int = 1) -> int:
        self.state.value += amount
        return self.state.value

    @action
    def ring(self) -> None:
        RANG.set()

    @action
    async def ring_later(self, seconds: float) -> None:
        await self.schedule.after(seconds, Counter.ring)


registry = Registry(Counter)
RANG = asyncio.Event()


async def add(client: Client) -> int:
    return await client.actor(Counter).get_or_create("a").rpc.add()


# ------------------------------------------------------------------ the server's word


def test_it_starts_and_stops_with_its_server(virtual: Virtual, call: Callable[..., Call]) -> None:
    async def main() -> None:
        rooms = pyactor.asgi.app(registry)
        server = call(rooms, LIFESPAN)
        server.tell("lifespan.startup")
        assert await server.next() == {"type": "lifespan.startup.complete"}
        assert await add(rooms.client) == 1
        server.tell("lifespan.shutdown")
        assert await server.next() == {"type": "lifespan.shutdown.complete"}
        await server.task

    virtual(main())


def test_a_start_that_fails_is_told(
    virtual: Virtual, call: Callable[..., Call], caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Storage:
        raise StorageError("the disk is gone", code="full")

    async def main() -> None:
        server = call(pyactor.asgi.app(registry, storage=broken), LIFESPAN)
        server.tell("lifespan.startup")
        told = await server.next("lifespan.startup.failed")
        assert "the disk is gone" in told["message"]
        await server.task

    virtual(main())
    assert "the startup of the actors failed" in caplog.text


def test_a_stop_that_fails_is_told(
    virtual: Virtual, call: Callable[..., Call], caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(MemoryStorage):
        @override
        async def close(self) -> None:
            raise StorageError("the disk is gone", code="full")

    async def main() -> None:
        server = call(pyactor.asgi.app(registry, storage=Broken), LIFESPAN)
        server.tell("lifespan.startup")
        await server.next("lifespan.startup.complete")
        server.tell("lifespan.shutdown")
        told = await server.next("lifespan.shutdown.failed")
        assert "the disk is gone" in told["message"]
        await server.task

    virtual(main())
    assert "the shutdown of the actors failed" in caplog.text


def test_a_server_that_is_cut_short_stops_it_all_the_same(
    virtual: Virtual, call: Callable[..., Call]
) -> None:
    async def main() -> None:
        storage = MemoryStorage()
        rooms = pyactor.asgi.app(registry, storage=storage)
        server = call(rooms, LIFESPAN)
        server.tell("lifespan.startup")
        await server.next("lifespan.startup.complete")
        assert await add(rooms.client) == 1
        server.task.cancel()
        await asyncio.wait([server.task])
        async with rooms.lifespan():
            assert await add(rooms.client) == 2, "it was saved"

    virtual(main())


def test_other_scopes_are_refused(virtual: Virtual) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="not 'mail'"):
            await call_with({"type": "mail"})

    async def call_with(scope: dict[str, Any]) -> None:
        await pyactor.asgi.app(registry)(scope, None, None)  # type: ignore[arg-type]

    virtual(main())


# ------------------------------------------------------------------ the word of the app around it


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_what_comes_before_the_start_is_told_how_to_start(
    kind: str, virtual: Virtual, call: Callable[..., Call]
) -> None:
    async def main() -> None:
        rooms = pyactor.asgi.app(registry)
        with pytest.raises(RuntimeError, match=r"FastAPI\(lifespan=rooms\.lifespan\)"):
            await call(rooms, {**METADATA, "type": kind}).task
        with pytest.raises(RuntimeError, match="has to be started"):
            _ = rooms.client
        with pytest.raises(RuntimeError, match="has to be started"):
            await rooms.status("x")

    virtual(main())


def test_it_is_started_once(virtual: Virtual) -> None:
    async def main() -> None:
        rooms = pyactor.asgi.app(registry)
        async with rooms.lifespan():
            with pytest.raises(RuntimeError, match="runs already"):
                async with rooms.lifespan():
                    pass
            assert await add(rooms.client) == 1

    virtual(main())


def test_it_can_be_started_again_on_another_loop(virtual: Virtual) -> None:
    rooms = pyactor.asgi.app(registry)

    async def main() -> None:
        async with rooms.lifespan():
            assert await add(rooms.client) == 1, "without a storage it begins anew"
        with pytest.raises(RuntimeError, match="has stopped"):
            _ = rooms.client

    virtual(main())
    virtual(main())


@pytest.mark.parametrize("framework", [FastAPI, Starlette])
def test_mounted_it_runs_with_the_lifespan_of_the_app_around_it(
    framework: Any, virtual: Virtual, call: Callable[..., Call]
) -> None:
    async def main() -> None:
        rooms = pyactor.asgi.app(registry)
        api = framework(lifespan=rooms.lifespan, routes=[Mount("/live", rooms)])
        server = call(api, dict(LIFESPAN))
        server.tell("lifespan.startup")
        await server.next("lifespan.startup.complete")
        status, body = await call(api, {**METADATA, "path": "/live/metadata"}).answer()
        assert (status, json.loads(body)["runtime"]) == (200, "pyactor")
        below = {**METADATA, "path": "/api/live/health", "root_path": "/api"}
        assert await call(api, below).answer() == (200, b'{"status":"ok"}')
        cut = {**METADATA, "path": "/live/health", "root_path": "/api"}
        assert await call(api, cut).answer() == (200, b'{"status":"ok"}')
        server.tell("lifespan.shutdown")
        await server.next("lifespan.shutdown.complete")

    virtual(main())


def test_what_the_program_raises_stops_it_in_good_order(virtual: Virtual) -> None:
    async def main() -> None:
        rooms = pyactor.asgi.app(registry)

        async def fail() -> None:
            async with rooms.lifespan():
                await add(rooms.client)
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        with pytest.raises(RuntimeError, match="has stopped"):
            _ = rooms.client

    virtual(main())


# ------------------------------------------------------------------ storage


def test_a_function_opens_the_storage_at_the_start_and_it_is_closed_at_the_end(
    tmp_path: Path,
) -> None:
    rooms = pyactor.asgi.app(registry, storage=lambda: SqliteStorage(tmp_path))

    async def main() -> list[int]:
        async with rooms.lifespan():
            return [await add(rooms.client), await add(rooms.client)]

    assert not list(tmp_path.iterdir()), "nothing is opened before"
    assert asyncio.run(main()) == [1, 2]
    assert asyncio.run(main()) == [3, 4], "the lock is free again, and the state is there"


def test_a_storage_that_was_given_stays_open(tmp_path: Path) -> None:
    async def main() -> None:
        storage = SqliteStorage(tmp_path)
        rooms = pyactor.asgi.app(registry, storage=storage)
        for expected in (1, 2):
            async with rooms.lifespan():
                assert await add(rooms.client) == expected
        await storage.close()

    asyncio.run(main())


def test_what_is_scheduled_wakes_its_actor_once_it_has_started() -> None:
    async def main() -> None:
        RANG.clear()
        rooms = pyactor.asgi.app(registry, storage=MemoryStorage())
        async with rooms.lifespan():
            await rooms.client.actor(Counter).get_or_create("a").rpc.ring_later(0.01)
        async with rooms.lifespan():
            await RANG.wait()

    asyncio.run(main())


# ------------------------------------------------------------------ access


def test_the_client_inside_needs_no_token(virtual: Virtual, call: Callable[..., Call]) -> None:
    async def main() -> None:
        rooms = pyactor.asgi.app(registry, token="s3cret", namespace="prod")
        async with rooms.lifespan():
            assert await add(rooms.client) == 1
            with pytest.raises(ActorNotFound):
                await rooms.status("nobody")
            listing = {**METADATA, "path": "/actors", "query_string": b"name=counter"}
            status, body = await call(rooms, listing).answer()
            assert (status, json.loads(body)["code"]) == (401, "unauthorized")
            shown = {**listing, "headers": [(b"authorization", b"Bearer s3cret")]}
            assert (await call(rooms, shown).answer())[0] == 200

    virtual(main())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"token": " "}, ValueError),
        ({"allowed_origins": "https://example.com"}, TypeError),
        ({"allowed_origins": ["example.com"]}, ValueError),
    ],
)
def test_wrong_arguments_are_refused_where_they_are_given(
    options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        pyactor.asgi.app(registry, **options)


def test_the_package_imports_no_framework_and_no_server() -> None:
    import subprocess
    import sys

    probe = (
        "import sys, pyactor.asgi; "
        "print({'fastapi', 'starlette', 'uvicorn', 'hypercorn'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
