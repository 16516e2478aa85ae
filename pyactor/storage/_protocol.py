"""What a host asks of a storage, and the values that pass between them.

A storage keeps, for each actor, one record and its schedules. It knows neither user types nor
clocks: state, input and arguments are bytes to it, times are numbers that others read off a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen


@frozen
class ActorEntry:
    """What a list shows of an actor, however large its state is.

    Attributes:
        actor_id: The id given at creation; a key that is created anew gets a new one (A6).
        name: The actor's name in the registry.
        key: Unique together with ``name`` (A1).
        created_at: Seconds since the Unix epoch.
    """

    actor_id: str
    name: str
    key: tuple[str, ...]
    created_at: float

    @property
    def position(self) -> tuple[float, str]:
        """Its place in a list, oldest first; good to go on from even when it is deleted."""
        return self.created_at, self.actor_id


@frozen
class ActorRecord(ActorEntry):
    """All that is kept of one actor, but for its schedules.

    Attributes:
        input: The encoded input of the creation, or None.
        state: The encoded snapshot of the state.
        state_version: The ``state_version`` of the class that wrote it.
    """

    input: bytes | None
    state: bytes
    state_version: int = 0


@frozen
class ScheduleRecord:
    """One action that is to run later, once or again and again (A5).

    Attributes:
        schedule_id: Unique within its actor.
        due_at: When it runs next, seconds since the Unix epoch.
        body: What runs and when again, encoded by whoever schedules.
    """

    schedule_id: str
    due_at: float
    body: bytes


@frozen
class StoredActor:
    """An actor as it is loaded: record and schedules of one and the same moment."""

    record: ActorRecord
    schedules: tuple[ScheduleRecord, ...] = ()


@frozen
class Changes:
    """What one commit changes of one actor: all of it or nothing.

    Attributes:
        actor_id: Whose.
        record: A new actor, with its first state; None for one that exists. The same once more,
            after an error, is no second actor.
        state: A newer snapshot, with the version it was written by; None to leave it.
        delete_schedules: Ids of schedules to forget, first of all; an unknown one is no error.
        put_schedules: Schedules to add, or to replace by their id.
    """

    actor_id: str
    record: ActorRecord | None = None
    state: tuple[bytes, int] | None = None
    put_schedules: tuple[ScheduleRecord, ...] = ()
    delete_schedules: tuple[str, ...] = ()


class StorageCore(Protocol):
    """A storage's work, synchronous and on one thread: what a simulated world runs inline.

    Every method may raise ``StorageError``; then nothing has changed.
    """

    def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None:
        """The actor of that name and key, or None."""
        ...

    def load(self, actor_id: str) -> StoredActor | None:
        """The actor of that id, or None."""
        ...

    def list(
        self, name: str, after: tuple[float, str] | None = None, limit: int = 1000
    ) -> list[ActorEntry]:
        """Actors of that name, oldest first, behind the position ``after``, at most ``limit``."""
        ...

    def commit(self, changes: Sequence[Changes], *, durable: bool = True) -> None:
        """Make all of the changes, or none.

        Args:
            changes: Of any number of actors. A change of an actor that does not exist, or was
                deleted, is left out: a late save must not bring it back (A6).
            durable: Whether it must survive the loss of power, and not of the process only.

        Raises:
            DuplicateKey: A new record's name and key, or its id, are taken by another actor.
        """

    def delete(self, actor_id: str) -> None:
        """Forget the actor and its schedules, durably; an unknown id is no error."""

    def due(self, before: float, limit: int = 100) -> Sequence[tuple[str, float]]:
        """Actors with a schedule due at or before that time: id and earliest time, in order."""
        ...

    def next_due(self, after: float) -> float | None:
        """The earliest time later than ``after`` at which any schedule is due, or None."""
        ...

    def close(self) -> None:
        """Let go of everything; no call follows."""


class Storage(Protocol):
    """The same for a running host: every call may wait, and none blocks the event loop.

    Calls that do not await each other may be reordered, but those of one actor are not. Errors
    are ``StorageError``; then nothing has changed, and the call may be made again.
    """

    async def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None:
        """The actor of that name and key, or None."""
        ...

    async def load(self, actor_id: str) -> StoredActor | None:
        """The actor of that id, or None."""
        ...

    async def list(
        self, name: str, after: tuple[float, str] | None = None, limit: int = 1000
    ) -> list[ActorEntry]:
        """Actors of that name, oldest first, behind the position ``after``, at most ``limit``."""
        ...

    async def commit(self, changes: Changes, *, immediate: bool = True) -> None:
        """Make the changes; return once they are kept.

        Args:
            changes: Of one actor, made atomically.
            immediate: Whether they must survive the loss of power by then; otherwise that of
                the process is enough, and they may wait a moment for others to join them.

        Raises:
            DuplicateKey: A new record's name and key are taken by another actor.
        """

    async def delete(self, actor_id: str) -> None:
        """Forget the actor and its schedules; an unknown id is no error."""

    async def due(self, before: float, limit: int = 100) -> Sequence[tuple[str, float]]:
        """Actors with a schedule due at or before that time: id and earliest time, in order."""
        ...

    async def next_due(self, after: float) -> float | None:
        """The earliest time later than ``after`` at which any schedule is due, or None."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of everything; no call follows."""
