"""The storages that must all behave alike, and shorthands for what is put into them.

A storage that is added to pyactor is added to ``PLACES``; then all that is said in
``test_conformance.py`` and ``test_machine.py`` is said of it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from typing_extensions import override

from pyactor.storage import (
    ActorRecord,
    Changes,
    InlineStorage,
    MemoryCore,
    ScheduleRecord,
    SqliteCore,
    SqliteStorage,
    Storage,
    StorageCore,
)


class Place(Protocol):
    """Where a storage keeps its actors: opened again, it has them still."""

    def open(self) -> Storage: ...

    def open_core(self) -> StorageCore: ...


class MemoryPlace:
    def __init__(self, directory: Path) -> None:
        self._core = MemoryCore()

    def open(self) -> Storage:
        return InlineStorage(self._core)

    def open_core(self) -> StorageCore:
        return self._core


class SqlitePlace:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(self) -> Storage:
        return SqliteStorage(self._directory)

    def open_core(self) -> StorageCore:
        return SqliteCore(self._directory)


class InlineSqlitePlace(SqlitePlace):
    @override
    def open(self) -> Storage:
        return InlineStorage(self.open_core())


PLACES: dict[str, Callable[[Path], Place]] = {
    "memory": MemoryPlace,
    "sqlite": SqlitePlace,
    "sqlite inline": InlineSqlitePlace,
}


@pytest.fixture(params=list(PLACES.values()), ids=list(PLACES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    made: Place = request.param(tmp_path / "data")
    return made


@pytest.fixture(params=[MemoryPlace, SqlitePlace], ids=["memory", "sqlite"])
def make_place(request: pytest.FixtureRequest) -> Callable[[Path], Place]:
    made: Callable[[Path], Place] = request.param
    return made


Play = Callable[[Callable[[Storage], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def play(place: Place) -> Play:
    """Run a scene with a storage that is opened before it and closed after it."""

    def play(scene: Callable[[Storage], Coroutine[Any, Any, None]]) -> None:
        async def run() -> None:
            storage = place.open()
            try:
                await scene(storage)
            finally:
                await storage.close()

        asyncio.run(run())

    return play


class Make:
    """Values of the protocol, with what does not matter left out."""

    @staticmethod
    def record(actor_id: str = "id-a", key: str = "a", **other: Any) -> ActorRecord:
        values = {"name": "chat", "created_at": 1.5, "input": None, "state": b"first", **other}
        return ActorRecord(actor_id=actor_id, key=(key,), **values)

    @staticmethod
    def creation(actor_id: str = "id-a", key: str = "a", **other: Any) -> Changes:
        return Changes(actor_id, record=Make.record(actor_id, key, **other))

    @staticmethod
    def state(actor_id: str, state: bytes, version: int = 0) -> Changes:
        return Changes(actor_id, state=(state, version))

    @staticmethod
    def schedule(schedule_id: str, due_at: float, body: bytes = b"") -> ScheduleRecord:
        return ScheduleRecord(schedule_id, due_at, body)

    @staticmethod
    def schedules(actor_id: str, *put: ScheduleRecord, delete: tuple[str, ...] = ()) -> Changes:
        return Changes(actor_id, put_schedules=put, delete_schedules=delete)


@pytest.fixture
def make() -> type[Make]:
    return Make


@pytest.fixture
def core(tmp_path: Path) -> Iterator[SqliteCore]:
    core = SqliteCore(tmp_path / "data", busy_timeout=0.05)
    yield core
    core.close()
