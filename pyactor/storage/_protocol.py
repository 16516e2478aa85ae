"""What a host asks of a storage. Records are versioned by whoever writes their bytes."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen


@frozen
class ActorRecord:
    """All that is kept of one actor.

    Attributes:
        actor_id: The id given at creation; a key that is created anew gets a new one (A6).
        name: The actor's name in the registry.
        key: Unique together with ``name`` (A1).
        created_at: Seconds since the Unix epoch.
        input: The encoded input of the creation, or None.
        state: The encoded snapshot of the state.
    """

    actor_id: str
    name: str
    key: tuple[str, ...]
    created_at: float
    input: bytes | None
    state: bytes


class Storage(Protocol):
    """Keeps actors while they are not in memory. Each call is atomic."""

    async def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None:
        """The actor of that name and key, or None."""
        ...

    async def load(self, actor_id: str) -> ActorRecord | None:
        """The actor of that id, or None."""
        ...

    async def list(self, name: str) -> list[ActorRecord]:
        """All actors of that name, oldest first."""
        ...

    async def commit(self, record: ActorRecord) -> None:
        """Create the actor or replace what is kept of it."""

    async def delete(self, actor_id: str) -> None:
        """Forget the actor; an unknown id is no error."""
