"""A storage in a directory, on SQLite, for a running host.

What it has answered survives its process; what was immediate also survives the loss of power.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from ._protocol import ActorEntry, ActorRecord, Changes, Storage, StoredActor
from ._sqlite_core import SqliteCore
from ._writer import Writer


class SqliteStorage(Storage):
    """Keeps actors in a data directory, which it owns until it is closed.

    Calls of any number of actors share transactions, on one thread. Cancelling a call's waiter
    does not undo the call.
    """

    def __init__(self, data_dir: Path | str, *, busy_timeout: float = 5.0) -> None:
        """Take the directory, which is made if there is none; no actor is read.

        Args:
            data_dir: Where the files are.
            busy_timeout: Seconds to wait for another program's lock on the database.

        Raises:
            StorageError: It is in use, of a newer format, or cannot be read or written.
        """
        self._writer = Writer(SqliteCore(data_dir, busy_timeout=busy_timeout))

    @override
    async def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None:
        return await self._writer.call(lambda core: core.find(name, key), durable=None)

    @override
    async def load(self, actor_id: str) -> StoredActor | None:
        return await self._writer.call(lambda core: core.load(actor_id), durable=None)

    @override
    async def list(
        self, name: str, after: tuple[float, str] | None = None, limit: int = 1000
    ) -> list[ActorEntry]:
        return await self._writer.call(lambda core: core.list(name, after, limit), durable=None)

    @override
    async def commit(self, changes: Changes, *, immediate: bool = True) -> None:
        await self._writer.call(lambda core: core.commit([changes]), durable=immediate)

    @override
    async def delete(self, actor_id: str) -> None:
        await self._writer.call(lambda core: core.delete(actor_id), durable=True)

    @override
    async def due(self, before: float, limit: int = 100) -> Sequence[tuple[str, float]]:
        return await self._writer.call(lambda core: core.due(before, limit), durable=None)

    @override
    async def next_due(self, after: float) -> float | None:
        return await self._writer.call(lambda core: core.next_due(after), durable=None)

    @override
    async def close(self) -> None:
        await self._writer.close()
