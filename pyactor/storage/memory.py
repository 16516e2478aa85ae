"""A storage in memory: gone with the process, kept from one host to the next that is given it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import TypeVar

from attrs import define, evolve, field
from typing_extensions import override

from ..errors import DuplicateKey
from ._inline import InlineStorage
from ._protocol import (
    ActorEntry,
    ActorRecord,
    Changes,
    ScheduleRecord,
    StorageCore,
    StoredActor,
)

_Item = TypeVar("_Item", tuple[float, str], tuple[float, int, str, str])


@define(eq=False)
class _Kept:
    record: ActorRecord
    number: int
    schedules: dict[str, ScheduleRecord] = field(factory=dict)


class MemoryCore(StorageCore):
    """Keeps everything in dictionaries, and what is asked for in order in sorted lists."""

    def __init__(self) -> None:
        self._actors: dict[str, _Kept] = {}
        self._ids: dict[tuple[str, tuple[str, ...]], str] = {}
        self._by_age: dict[str, list[tuple[float, str]]] = {}
        self._by_due: list[tuple[float, int, str, str]] = []
        self._count = 0

    @override
    def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None:
        actor_id = self._ids.get((name, key))
        return None if actor_id is None else self._actors[actor_id].record

    @override
    def load(self, actor_id: str) -> StoredActor | None:
        kept = self._actors.get(actor_id)
        if kept is None:
            return None
        schedules = sorted(kept.schedules.values(), key=_order_of_schedule)
        return StoredActor(kept.record, tuple(schedules))

    @override
    def list(
        self, name: str, after: tuple[float, str] | None = None, limit: int = 1000
    ) -> list[ActorEntry]:
        order = self._by_age.get(name, [])
        first = 0 if after is None else bisect_right(order, after)
        records = (self._actors[actor_id].record for _, actor_id in order[first : first + limit])
        return [
            ActorEntry(record.actor_id, record.name, record.key, record.created_at)
            for record in records
        ]

    @override
    def commit(self, changes: Sequence[Changes], *, durable: bool = True) -> None:
        self._refuse_duplicates(changes)
        for change in changes:
            self._apply(change)

    @override
    def delete(self, actor_id: str) -> None:
        kept = self._actors.pop(actor_id, None)
        if kept is None:
            return
        record = kept.record
        del self._ids[record.name, record.key]
        _remove(self._by_age[record.name], record.position)
        for schedule in kept.schedules.values():
            _remove(self._by_due, _order_of_due(kept, schedule))

    @override
    def due(self, before: float, limit: int = 100) -> Sequence[tuple[str, float]]:
        earliest: dict[str, float] = {}
        for due_at, _, actor_id, _ in self._by_due:
            if due_at > before or len(earliest) == limit:
                break
            earliest.setdefault(actor_id, due_at)
        return list(earliest.items())

    @override
    def next_due(self, after: float) -> float | None:
        first = bisect_right(self._by_due, after, key=lambda entry: entry[0])
        return self._by_due[first][0] if first < len(self._by_due) else None

    @override
    def close(self) -> None:
        """Nothing to let go of: another host may go on with what is kept here."""

    def _refuse_duplicates(self, changes: Sequence[Changes]) -> None:
        """Look before anything is changed, so that all is made or nothing."""
        addresses: dict[str, tuple[str, tuple[str, ...]]] = {}
        ids: dict[tuple[str, tuple[str, ...]], str] = {}
        for record in (change.record for change in changes if change.record is not None):
            actor_id, address = record.actor_id, (record.name, record.key)
            if actor_id in self._actors:
                known = self._actors[actor_id].record
                addresses[actor_id] = known.name, known.key
            holder = ids.setdefault(address, self._ids.get(address, actor_id))
            if holder != actor_id or addresses.setdefault(actor_id, address) != address:
                raise DuplicateKey(f"{record.name} {list(record.key)!r} exists already")

    def _apply(self, change: Changes) -> None:
        if change.record is not None:
            self._put_record(change.record)
        kept = self._actors.get(change.actor_id)
        if kept is None:
            return
        if change.state is not None:
            state, version = change.state
            kept.record = evolve(kept.record, state=state, state_version=version)
        for schedule_id in change.delete_schedules:
            self._forget_schedule(kept, schedule_id)
        for schedule in change.put_schedules:
            self._forget_schedule(kept, schedule.schedule_id)
            kept.schedules[schedule.schedule_id] = schedule
            insort(self._by_due, _order_of_due(kept, schedule))

    def _put_record(self, record: ActorRecord) -> None:
        order = self._by_age.setdefault(record.name, [])
        kept = self._actors.get(record.actor_id)
        if kept is None:
            self._count += 1
            self._actors[record.actor_id] = _Kept(record, self._count)
            self._ids[record.name, record.key] = record.actor_id
        else:
            _remove(order, kept.record.position)
            kept.record = record
        insort(order, record.position)

    def _forget_schedule(self, kept: _Kept, schedule_id: str) -> None:
        schedule = kept.schedules.pop(schedule_id, None)
        if schedule is not None:
            _remove(self._by_due, _order_of_due(kept, schedule))


class MemoryStorage(InlineStorage):
    """Keeps actors in memory, for one host after the other: two at once both run them (A1)."""

    def __init__(self) -> None:
        super().__init__(MemoryCore())


def _order_of_schedule(schedule: ScheduleRecord) -> tuple[float, str]:
    return schedule.due_at, schedule.schedule_id


def _order_of_due(kept: _Kept, schedule: ScheduleRecord) -> tuple[float, int, str, str]:
    return schedule.due_at, kept.number, kept.record.actor_id, schedule.schedule_id


def _remove(order: list[_Item], item: _Item) -> None:
    del order[bisect_left(order, item)]
