"""A storage core as a ``Storage``: each call is done at once, on the caller's thread.

For what never waits (memory), and for a simulated world, where a thread of its own would make
the order of things depend on the machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from ._protocol import ActorEntry, ActorRecord, Changes, Storage, StorageCore, StoredActor


class InlineStorage(Storage):
    """Does each call on its core before it returns, and never lets others run meanwhile."""

    def __init__(self, core: StorageCore) -> None:
        self._core = core

    @override
    async def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None:
        return self._core.find(name, key)

    @override
    async def load(self, actor_id: str) -> StoredActor | None:
        return self._core.load(actor_id)

    @override
    async def list(
        self, name: str, after: tuple[float, str] | None = None, limit: int = 1000
    ) -> list[ActorEntry]:
        return self._core.list(name, after, limit)

    @override
    async def commit(self, changes: Changes, *, immediate: bool = True) -> None:
        self._core.commit([changes], durable=immediate)

    @override
    async def delete(self, actor_id: str) -> None:
        self._core.delete(actor_id)

    @override
    async def due(self, before: float, limit: int = 100) -> Sequence[tuple[str, float]]:
        return self._core.due(before, limit)

    @override
    async def next_due(self, after: float) -> float | None:
        return self._core.next_due(after)

    @override
    async def close(self) -> None:
        self._core.close()
