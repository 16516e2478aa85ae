"""What every storage does, whatever it keeps its actors in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyactor.errors import DuplicateKey
from pyactor.storage import ActorEntry, ActorRecord, Changes, ScheduleRecord, Storage, StoredActor


def test_what_was_committed_is_found_and_loaded(play: Any, make: Any) -> None:
    record = ActorRecord("id-a", "chat", ("a", "b"), 1.25, b"input", b"\x00state\xff", 7)

    async def scene(storage: Storage) -> None:
        await storage.commit(Changes("id-a", record=record))
        assert await storage.find("chat", ("a", "b")) == record
        assert await storage.load("id-a") == StoredActor(record)

    play(scene)


def test_what_is_not_there_is_none(play: Any, make: Any) -> None:
    async def scene(storage: Storage) -> None:
        await storage.commit(make.creation())
        assert await storage.find("chat", ("b",)) is None
        assert await storage.find("other", ("a",)) is None
        assert await storage.find("chat", ()) is None
        assert await storage.load("a") is None
        await storage.delete("a")
        assert await storage.list("other") == []
        for nobody in ("", "\U0010ffff"):
            assert await storage.load(nobody) is None
            assert await storage.find(nobody, ()) is None
            assert await storage.list(nobody) == []

    play(scene)


@pytest.mark.parametrize(
    "key",
    [(), ("",), ("", ""), ("a,b",), ("a", "b"), ("/", '"', "\\"), ("\0",), ("ü", "🜁"), ("\ud800",)],
    ids=ascii,
)
def test_keys_are_kept_apart_and_as_they_are(play: Any, make: Any, key: tuple[str, ...]) -> None:
    others = [("a",), ("a,", "b"), ("\\0",), ("u",)]

    async def scene(storage: Storage) -> None:
        for number, each in enumerate([key, *others]):
            record = ActorRecord(f"id-{number}", "chat", each, 1.0, None, b"")
            await storage.commit(Changes(record.actor_id, record=record))
        found = await storage.find("chat", key)
        assert found is not None
        assert (found.actor_id, found.key) == ("id-0", key)

    play(scene)


@pytest.mark.parametrize("state", [b"", b"\0", bytes(range(256)), b"x" * 3_000_000])
def test_any_bytes_are_a_state_an_input_and_a_body(play: Any, make: Any, state: bytes) -> None:
    async def scene(storage: Storage) -> None:
        schedule = make.schedule("s", 1.0, state)
        record = make.record(input=state, state=state)
        await storage.commit(Changes("id-a", record=record, put_schedules=(schedule,)))
        assert await storage.load("id-a") == StoredActor(record, (schedule,))

    play(scene)


def test_an_empty_input_is_not_none(play: Any, make: Any) -> None:
    async def scene(storage: Storage) -> None:
        await storage.commit(make.creation(input=b""))
        loaded = await storage.load("id-a")
        assert loaded is not None
        assert loaded.record.input == b""

    play(scene)


@pytest.mark.parametrize("immediate", [True, False])
def test_a_newer_state_replaces_the_state_only(play: Any, make: Any, immediate: bool) -> None:
    async def scene(storage: Storage) -> None:
        schedule = make.schedule("s", 9.0, b"body")
        record = make.record(input=b"input")
        await storage.commit(Changes("id-a", record=record, put_schedules=(schedule,)))
        await storage.commit(make.state("id-a", b"second", 3), immediate=immediate)
        assert await storage.load("id-a") == StoredActor(
            make.record(input=b"input", state=b"second", state_version=3), (schedule,)
        )

    play(scene)


def test_a_late_save_does_not_bring_an_actor_back(play: Any, make: Any) -> None:
    """A6."""

    async def scene(storage: Storage) -> None:
        await storage.commit(make.creation())
        await storage.commit(make.schedules("id-a", make.schedule("s", 1.0)))
        await storage.delete("id-a")
        late = Changes("id-a", state=(b"late", 0), put_schedules=(make.schedule("t", 1.0),))
        await storage.commit(late)
        assert await storage.load("id-a") is None
        assert await storage.find("chat", ("a",)) is None
        assert await storage.list("chat") == []
        assert await storage.due(10.0) == []
        assert await storage.next_due(0.0) is None

    play(scene)


def test_a_key_that_was_destroyed_is_free_for_a_new_actor(play: Any, make: Any) -> None:
    """A6."""

    async def scene(storage: Storage) -> None:
        await storage.commit(
            Changes("id-a", record=make.record(), put_schedules=(make.schedule("s", 1.0),))
        )
        await storage.delete("id-a")
        await storage.commit(make.creation("id-b", "a", state=b"anew"))
        assert await storage.load("id-a") is None
        assert await storage.load("id-b") == StoredActor(make.record("id-b", "a", state=b"anew"))

    play(scene)


def test_a_key_and_an_id_belong_to_one_actor(play: Any, make: Any) -> None:
    """A1; and nothing of the refused commit is made."""

    async def scene(storage: Storage) -> None:
        await storage.commit(make.creation())
        for second in (make.record("id-b", "a"), make.record("id-a", "b")):
            schedules = (make.schedule("s", 1.0),)
            with pytest.raises(DuplicateKey):
                await storage.commit(
                    Changes(second.actor_id, record=second, put_schedules=schedules)
                )
        assert await storage.load("id-a") == StoredActor(make.record())
        assert await storage.load("id-b") is None
        assert await storage.next_due(0.0) is None
        assert len(await storage.list("chat")) == 1

    play(scene)


def test_a_creation_may_be_repeated(play: Any, make: Any) -> None:
    async def scene(storage: Storage) -> None:
        schedules = (make.schedule("s", 1.0), make.schedule("t", 2.0))
        first = make.record(input=b"in", created_at=9.0)
        await storage.commit(Changes("id-a", record=first, put_schedules=schedules))
        await storage.commit(make.creation(state=b"twice"))
        assert await storage.load("id-a") == StoredActor(make.record(state=b"twice"), schedules)
        assert len(await storage.list("chat")) == 1

    play(scene)


def test_schedules_are_put_replaced_and_deleted(play: Any, make: Any) -> None:
    async def scene(storage: Storage) -> None:
        await storage.commit(make.creation())
        one, two = make.schedule("one", 2.0, b"1"), make.schedule("two", 1.0, b"2")
        await storage.commit(make.schedules("id-a", one, two))
        loaded = await storage.load("id-a")
        assert loaded is not None
        assert loaded.schedules == (two, one), "earliest first"
        moved = make.schedule("two", 3.0, b"22")
        await storage.commit(make.schedules("id-a", moved, delete=("two", "one", "unknown")))
        loaded = await storage.load("id-a")
        assert loaded is not None
        assert loaded.schedules == (moved,), "deletions come first"
        assert await storage.due(100.0) == [("id-a", 3.0)]

    play(scene)


def test_schedules_of_two_actors_may_have_one_id(play: Any, make: Any) -> None:
    async def scene(storage: Storage) -> None:
        for each in "ab":
            await storage.commit(make.creation(f"id-{each}", each))
            await storage.commit(make.schedules(f"id-{each}", make.schedule("s", 1.0)))
        await storage.commit(make.schedules("id-a", delete=("s",)))
        assert await storage.due(1.0) == [("id-b", 1.0)]

    play(scene)


def test_due_names_each_actor_once_with_its_earliest_time_in_order(play: Any, make: Any) -> None:
    times = {"a": [5.0, 2.0], "b": [1.0, 1.5, 3.0], "c": [4.0], "d": [2.0], "e": []}

    async def scene(storage: Storage) -> None:
        for each, due in times.items():
            await storage.commit(make.creation(f"id-{each}", each))
            schedules: list[ScheduleRecord] = [make.schedule(f"s{at}", at) for at in due]
            await storage.commit(make.schedules(f"id-{each}", *schedules))
        # Of two at the same time, the one that was created first.
        everyone = [("id-b", 1.0), ("id-a", 2.0), ("id-d", 2.0), ("id-c", 4.0)]
        assert await storage.due(100.0) == everyone
        assert await storage.due(100.0, limit=2) == everyone[:2]
        assert await storage.due(100.0, limit=0) == []
        assert await storage.due(2.0) == everyone[:3], "due at that very time is due"
        assert await storage.due(1.9999) == everyone[:1]
        assert await storage.due(0.0) == []
        assert await storage.next_due(0.0) == 1.0
        assert await storage.next_due(1.0) == 1.5, "later than that very time"
        assert await storage.next_due(5.0) is None

    play(scene)


def test_a_list_goes_on_where_it_ended_also_when_that_actor_is_gone(play: Any, make: Any) -> None:
    ages = {"d": 1.0, "b": 2.0, "a": 2.0, "e": 0.5, "c": 3.0}

    async def scene(storage: Storage) -> None:
        for each, created_at in ages.items():
            await storage.commit(make.creation(f"id-{each}", each, created_at=created_at))
        await storage.commit(make.creation("other", "a", name="plain"))
        order = [entry.key[0] for entry in await storage.list("chat")]
        assert order == ["e", "d", "a", "b", "c"], "oldest first, then by id"
        first = await storage.list("chat", limit=3)
        assert first[-1] == ActorEntry("id-a", "chat", ("a",), 2.0)
        await storage.delete("id-a")
        rest = await storage.list("chat", first[-1].position, 3)
        assert [entry.key[0] for entry in rest] == ["b", "c"]
        assert await storage.list("chat", rest[-1].position) == []

    play(scene)


def test_a_list_shows_no_state(play: Any, make: Any) -> None:
    async def scene(storage: Storage) -> None:
        await storage.commit(make.creation())
        [entry] = await storage.list("chat")
        assert type(entry) is ActorEntry

    play(scene)


def test_everything_is_there_when_it_is_opened_again(place: Any, make: Any) -> None:
    async def scene() -> None:
        storage = place.open()
        record, schedule = make.record(input=b"in"), make.schedule("s", 4.0, b"body")
        await storage.commit(Changes("id-a", record=record, put_schedules=(schedule,)))
        await storage.commit(make.state("id-a", b"later"), immediate=False)
        await storage.close()
        storage = place.open()
        kept = StoredActor(make.record(input=b"in", state=b"later"), (schedule,))
        assert await storage.load("id-a") == kept
        assert await storage.due(4.0) == [("id-a", 4.0)]
        await storage.close()

    asyncio.run(scene())


def test_calls_of_one_actor_keep_their_order_without_being_awaited(play: Any, make: Any) -> None:
    async def scene(storage: Storage) -> None:
        states = [b"%d" % number for number in range(50)]
        calls: list[Any] = [storage.commit(make.creation())]
        for number, state in enumerate(states):
            calls.append(storage.commit(make.state("id-a", state), immediate=number % 3 == 0))
            calls.append(storage.load("id-a"))
        calls.append(storage.delete("id-a"))
        calls.append(storage.load("id-a"))
        answers = await asyncio.gather(*calls)
        seen = [stored.record.state for stored in answers[2:-2:2]]
        assert seen == states
        assert answers[-1] is None

    play(scene)


def test_one_actors_error_is_not_anothers(play: Any, make: Any) -> None:
    async def scene(storage: Storage) -> None:
        answers = await asyncio.gather(
            *(storage.commit(make.creation(f"id-{number}", str(number))) for number in range(20)),
            storage.commit(make.creation("second", "7")),
            *(storage.commit(make.state(f"id-{number}", b"new")) for number in range(20)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers if answer is not None] == [DuplicateKey]
        for number in range(20):
            stored = await storage.load(f"id-{number}")
            assert stored is not None
            assert stored.record.state == b"new"

    play(scene)


def test_a_core_makes_all_changes_or_none(place: Any, make: Any) -> None:
    core = place.open_core()
    core.commit([make.creation()])
    with pytest.raises(DuplicateKey):
        core.commit(
            [make.state("id-a", b"new"), make.creation("id-b", "b"), make.creation("id-c", "b")]
        )
    assert core.load("id-a") == StoredActor(make.record())
    assert core.load("id-b") is None
    core.commit([make.creation("id-b", "b"), make.state("id-b", b"new"), make.state("?", b"")])
    assert core.load("id-b") == StoredActor(make.record("id-b", "b", state=b"new"))
    core.close()
