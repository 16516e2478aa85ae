"""The storage of a simulated world: a real core, run inline, that is slow or fails when chosen.

A commit is made whole or not at all: torn ones are for the tests of a storage, not of an actor.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Literal

import cbor2
from typing_extensions import override

from ..errors import StorageError
from ..storage import Changes, InlineStorage, MemoryCore, SqliteCore, StorageCore
from ._chooser import happens
from ._observer import Observer, digest_of
from ._trace import What

_SHORTEST_CRON = 60.0
"""Seconds between two times of a cron expression, at least."""

CommitFault = Literal["fails", "dies before", "dies after"]
"""What becomes of a commit: it fails and whoever commits is told; or the process dies in it, with
nothing kept, or with all of it and nobody told."""


class Disk:
    """What outlives a process.

    Args:
        kind: Which storage.
    """

    def __init__(self, kind: Literal["memory", "sqlite"]) -> None:
        self._kind = kind
        self._directory = None if kind == "memory" else tempfile.TemporaryDirectory()
        self.core: StorageCore = self._open()

    def reopen(self) -> None:
        """A new process comes to it; what was committed is there."""
        if self._kind == "sqlite":
            self.core.close()
            self.core = self._open()

    def close(self) -> None:
        """Nobody comes any more."""
        self.core.close()
        if self._directory is not None:
            self._directory.cleanup()

    def _open(self) -> StorageCore:
        if self._directory is None:
            return MemoryCore()
        return SqliteCore(Path(self._directory.name))


class WorldStorage(InlineStorage):
    """One process's way to the disk.

    Attributes:
        crash_due: Set when the process has died within a commit: nothing goes on.
        failures: How many commits have failed.
    """

    def __init__(self, disk: Disk, observer: Observer) -> None:
        super().__init__(disk.core)
        self._disk = disk
        self._observer = observer
        self._planned: tuple[int, CommitFault] | None = None
        self.crash_due = False
        self.failures = 0

    def plan(self, commits: int, fault: CommitFault) -> None:
        """Let something become of the commit that comes after so many others."""
        self._planned = commits, fault

    @override
    async def commit(self, changes: Changes, *, immediate: bool = True) -> None:
        observer = self._observer
        if observer.is_muted:
            await _for_ever()
        instance = observer.live_instance(changes.actor_id)
        life = 0 if instance is None else observer.life_of(instance)
        data = _describe(changes)
        kept = changes.state[0] if changes.state is not None else None
        if changes.record is not None:
            kept = changes.record.state
        if kept is not None:
            data["state"] = digest_of(kept)
            if instance is not None and not instance.definition.unknown_state_fields(
                instance.state
            ):
                data["whole"] = observer.digest(instance) == data["state"]
        data["durable"] = immediate
        observer.note(What.COMMIT, "", life, data=data)
        fault = await self._stumble(life, changes.actor_id)
        if fault == "dies before":
            self._die()
            await _for_ever()
        try:
            await super().commit(changes, immediate=immediate)
        except BaseException:
            observer.note(What.COMMIT_FAILED, "", life, data={"id": changes.actor_id})
            raise
        observer.note(What.COMMITTED, "", life, data=data)
        if fault == "dies after":
            self._die()
            await _for_ever()

    @override
    async def delete(self, actor_id: str) -> None:
        observer = self._observer
        if observer.is_muted:
            await _for_ever()
        instance = observer.live_instance(actor_id)
        life = 0 if instance is None else observer.life_of(instance)
        await self._stumble(life, actor_id)
        await super().delete(actor_id)
        observer.note(What.DELETED, "", life, data={"id": actor_id})

    @override
    async def close(self) -> None:
        """The disk outlives the process."""

    async def _stumble(self, life: int, actor_id: str) -> CommitFault | None:
        """Wait or fail, if that is chosen; else what else is to become of this commit."""
        observer, faults = self._observer, self._observer.faults
        if happens(observer.chooser, "late commit", faults.late_commits):
            await asyncio.sleep(observer.delay("how late a commit"))
            if observer.is_muted:
                await _for_ever()
        fault = self._next_fault()
        if fault == "fails" or happens(observer.chooser, "failed commit", faults.failed_commits):
            self.failures += 1
            observer.note(What.COMMIT_FAILED, "", life, data={"id": actor_id})
            raise StorageError("the world lets this commit fail", code="full")
        return fault

    def _die(self) -> None:
        self.crash_due = True
        self._observer.loop.halt()

    def _next_fault(self) -> CommitFault | None:
        if self._planned is None:
            return None
        commits, fault = self._planned
        self._planned = (commits - 1, fault) if commits else None
        return None if commits else fault


def _describe(changes: Changes) -> dict[str, Any]:
    data: dict[str, Any] = {"id": changes.actor_id}
    if changes.record is not None:
        record = changes.record
        data["creates"] = [record.name, list(record.key)]
        if record.input is not None:
            data["input"] = digest_of(record.input)
    if changes.put_schedules:
        data["puts"] = {
            each.schedule_id: [each.due_at, *_read(each.body)] for each in changes.put_schedules
        }
    if changes.delete_schedules:
        data["deletes"] = list(changes.delete_schedules)
    return data


def _read(body: bytes) -> tuple[str, float | None]:
    """Which action a schedule runs, by its name in Python, and again after how long at least."""
    plain: dict[str, Any] = cbor2.loads(body)
    every = _SHORTEST_CRON if "cron" in plain else plain.get("every")
    return str(plain.get("action")), every


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()
