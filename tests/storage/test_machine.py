"""A storage core against a model of a few lines, through whatever order of calls."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from pyactor.errors import DuplicateKey
from pyactor.storage import ActorEntry, ActorRecord, Changes, ScheduleRecord, StoredActor

# Few of each, so that they meet.
names = st.sampled_from(["chat", "plain"])
keys = st.sampled_from([(), ("a",), ("a", "b"), ("ü\0",)])
ids = st.sampled_from(["id-1", "id-2", "id-3", "id-4"])
times = st.sampled_from([0.0, 1.0, 1.5, 2.0, 1e12])
bodies = st.binary(max_size=40) | st.just(12_000).map(bytes)
schedule_ids = st.sampled_from(["one", "two", "three"])
schedules = st.builds(ScheduleRecord, schedule_ids, times, bodies)
records = st.builds(
    ActorRecord, ids, names, keys, times, st.none() | bodies, bodies, st.integers(0, 9)
)
changes = st.builds(
    Changes,
    ids,
    st.none(),
    st.none() | st.tuples(bodies, st.integers(0, 9)),
    st.lists(schedules, max_size=3).map(tuple),
    st.lists(schedule_ids, max_size=2).map(tuple),
) | st.builds(
    lambda record, schedules: Changes(record.actor_id, record, None, tuple(schedules)),
    records,
    st.lists(schedules, max_size=2),
)


class Model:
    """Actors in the order of their creation, each with its schedules by id."""

    def __init__(self) -> None:
        self.actors: dict[str, tuple[ActorRecord, dict[str, ScheduleRecord]]] = {}

    def after(self, batch: list[Changes]) -> Model | None:
        """The model after all of the changes, or None if they are refused."""
        new = Model()
        new.actors = {each: (record, {**due}) for each, (record, due) in self.actors.items()}
        return new if all(new.apply(each) for each in batch) else None

    def apply(self, change: Changes) -> bool:
        if change.record is not None:
            made = change.record
            address = (made.actor_id, made.name, made.key)
            for known, _ in self.actors.values():
                theirs = (known.actor_id, known.name, known.key)
                if theirs != address and (theirs[0] == address[0] or theirs[1:] == address[1:]):
                    return False
            _, due = self.actors.get(made.actor_id, (made, {}))
            self.actors[made.actor_id] = made, due
        if change.actor_id in self.actors:
            record, due = self.actors[change.actor_id]
            if change.state is not None:
                record = evolve(record, state=change.state[0], state_version=change.state[1])
            for each in change.delete_schedules:
                due.pop(each, None)
            due.update({each.schedule_id: each for each in change.put_schedules})
            self.actors[change.actor_id] = record, due
        return True

    def stored(self, actor_id: str) -> StoredActor | None:
        if actor_id not in self.actors:
            return None
        record, due = self.actors[actor_id]
        order = sorted(due.values(), key=lambda each: (each.due_at, each.schedule_id))
        return StoredActor(record, tuple(order))

    def due(self, before: float) -> list[tuple[str, float]]:
        earliest = [
            (actor_id, min(each.due_at for each in due.values()))
            for actor_id, (_, due) in self.actors.items()
            if due
        ]
        return sorted((each for each in earliest if each[1] <= before), key=lambda each: each[1])

    def times(self) -> list[float]:
        return [each.due_at for _, due in self.actors.values() for each in due.values()]


class StorageMachine(RuleBasedStateMachine):
    make_place: Callable[[Path], Any]

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self.place = type(self).make_place(Path(self._directory.name))
        self.core = self.place.open_core()
        self.model = Model()

    @initialize(batch=st.lists(changes, min_size=3, max_size=6), durable=st.booleans())
    def begin(self, batch: list[Changes], durable: bool) -> None:
        for each in batch:
            self.commit([each], durable)

    @rule(batch=st.lists(changes, min_size=1, max_size=4), durable=st.booleans())
    def commit(self, batch: list[Changes], durable: bool) -> None:
        model = self.model.after(batch)
        try:
            self.core.commit(batch, durable=durable)
        except DuplicateKey:
            assert model is None
        else:
            assert model is not None, "a second actor of one name and key, or of one id"
            self.model = model

    @rule(actor_id=ids)
    def delete(self, actor_id: str) -> None:
        self.core.delete(actor_id)
        self.model.actors.pop(actor_id, None)

    @rule()
    def open_again(self) -> None:
        self.core.close()
        self.core = self.place.open_core()

    @rule(name=names, limit=st.integers(1, 3))
    def list(self, name: str, limit: int) -> None:
        seen: list[ActorEntry] = []
        while page := self.core.list(name, seen[-1].position if seen else None, limit):
            assert len(page) <= limit
            seen += page
            assert len(seen) <= len(self.model.actors), "the list never ends"
        records = [record for record, _ in self.model.actors.values() if record.name == name]
        records.sort(key=lambda record: record.position)
        assert [entry.actor_id for entry in seen] == [record.actor_id for record in records]
        assert [entry.key for entry in seen] == [record.key for record in records]

    @rule(before=times, limit=st.integers(0, 4))
    def due(self, before: float, limit: int) -> None:
        assert self.core.due(before, limit) == self.model.due(before)[:limit]
        later = [each for each in self.model.times() if each > before]
        assert self.core.next_due(before) == min(later, default=None)

    @invariant()
    def each_actor_is_whole(self) -> None:
        for actor_id in ("id-1", "id-2", "id-3", "id-4"):
            stored = self.model.stored(actor_id)
            assert self.core.load(actor_id) == stored
            if stored is not None:
                record = stored.record
                assert self.core.find(record.name, record.key) == record

    @override
    def teardown(self) -> None:
        self.core.close()
        self._directory.cleanup()


def test_a_storage_is_its_model(make_place: Any) -> None:
    # Each example has dozens of transactions on a disk.
    deep = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
    run_state_machine_as_test(
        type("Machine", (StorageMachine,), {"make_place": staticmethod(make_place)}),
        settings=settings(max_examples=1000 if deep else 25, stateful_step_count=25),
    )
