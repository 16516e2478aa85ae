"""A storage in memory: gone with the process, shared by the hosts that are given it."""

from __future__ import annotations

from ._protocol import ActorRecord


class MemoryStorage:
    """Keeps records in a dictionary."""

    def __init__(self) -> None:
        self._records: dict[str, ActorRecord] = {}
        self._ids: dict[tuple[str, tuple[str, ...]], str] = {}

    async def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None:
        """The actor of that name and key, or None."""
        actor_id = self._ids.get((name, key))
        return None if actor_id is None else self._records[actor_id]

    async def load(self, actor_id: str) -> ActorRecord | None:
        """The actor of that id, or None."""
        return self._records.get(actor_id)

    async def list(self, name: str) -> list[ActorRecord]:
        """All actors of that name, oldest first."""
        return [record for record in self._records.values() if record.name == name]

    async def commit(self, record: ActorRecord) -> None:
        """Create the actor or replace what is kept of it."""
        self._records[record.actor_id] = record
        self._ids[record.name, record.key] = record.actor_id

    async def delete(self, actor_id: str) -> None:
        """Forget the actor; an unknown id is no error."""
        record = self._records.pop(actor_id, None)
        if record is not None:
            del self._ids[record.name, record.key]
