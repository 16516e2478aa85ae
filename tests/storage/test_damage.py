"""A file that was changed by something else: an error that says so, and never a wrong answer."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyactor.errors import DuplicateKey, StorageError
from pyactor.storage import Changes, SqliteCore, StoredActor

FILE = "actors.sqlite"
_PAGE = 4096


def fill(directory: Path, make: Any, count: int) -> dict[str, StoredActor]:
    """Actors of many sizes, closed again; what is to be loaded of them."""
    core = SqliteCore(directory)
    actors: dict[str, StoredActor] = {}
    for number in range(count):
        actor_id = f"id-{number:04}"
        state = b"%d " % number * (1 + number * number % 2000)
        record = make.record(actor_id, str(number), state=state, input=b"in %d" % number)
        schedules = (make.schedule("s", 100.0 + number, b"body %d" % number),)
        core.commit([Changes(actor_id, record, None, schedules)], durable=False)
        actors[actor_id] = StoredActor(record, schedules)
    core.close()
    return actors


def change(directory: Path, at: int, new: bytes) -> None:
    with (directory / FILE).open("r+b") as file:
        file.seek(at)
        file.write(new)


def flip(directory: Path, text: bytes) -> None:
    """Change one bit of the only place where ``text`` stands."""
    content = (directory / FILE).read_bytes()
    assert content.count(text) == 1
    at = content.index(text) + len(text) // 2
    change(directory, at, bytes((content[at] ^ 0x10,)))


@pytest.mark.parametrize("part", ["state", "input", "body"])
def test_a_flipped_bit_is_an_error_that_names_the_actor(
    tmp_path: Path, make: Any, part: str
) -> None:
    core = SqliteCore(tmp_path)
    for each in "abc":
        record = make.record(
            f"id-{each}", each, state=f"state of {each}".encode(), input=f"input of {each}".encode()
        )
        schedules = (make.schedule("s", 1.0, f"body of {each}".encode()),)
        core.commit([Changes(record.actor_id, record, None, schedules)])
    core.close()
    flip(tmp_path, f"{part} of b".encode())
    core = SqliteCore(tmp_path)
    with pytest.raises(StorageError) as caught:
        core.load("id-b")
    named = {"state": "state", "input": "entry", "body": "schedule"}[part]
    assert caught.value.code == "corrupt"
    assert caught.value.message == (
        f"{tmp_path / FILE}: the {named} of actor 'id-b' does not match its checksum; other "
        "actors are not affected: destroy this one, or put a backup in place of the file"
    )
    for each in "ac":
        stored = core.load(f"id-{each}")
        assert stored is not None
        assert stored.record.state == f"state of {each}".encode()
        assert stored.record == core.find("chat", (each,))
    # Going on as the message says.
    core.delete("id-b")
    assert core.load("id-b") is None
    core.commit([make.creation("id-d", "b")])
    assert core.due(1.0) == [("id-a", 1.0), ("id-c", 1.0)]
    core.close()


COLUMNS = [
    ("actors", "name", "'chap'"),
    ("actors", "name", "CAST(x'63ff' AS TEXT)"),
    ("actors", "key", "'[\"x\"]'"),
    ("actors", "key", "'not json'"),
    ("actors", "created_at", "9.0"),
    ("actors", "input", "NULL"),
    ("actors", "input", "12"),
    ("actors", "seal", "x'01'"),
    ("actors", "seal", "'text'"),
    ("states", "state", "'text'"),
    ("states", "state", "12"),
    ("states", "version", "1"),
    ("states", "seal", "(SELECT seal FROM states WHERE number = 2)"),
    ("schedules", "due_at", "2.0"),
    ("schedules", "schedule_id", "'t'"),
    ("schedules", "body", "x''"),
    ("schedules", "seal", "(SELECT seal FROM states WHERE number = 1)"),
]


@pytest.mark.parametrize(("table", "column", "value"), COLUMNS)
def test_every_column_is_sealed(
    tmp_path: Path, make: Any, table: str, column: str, value: str
) -> None:
    core = SqliteCore(tmp_path)
    for each in "ab":
        record = make.record(f"id-{each}", each, input=b"in")
        schedules = (make.schedule("s", 1.0, b"body"),)
        core.commit([Changes(record.actor_id, record, None, schedules)])
    other = sqlite3.connect(tmp_path / FILE)
    statement = f"UPDATE {table} SET {column} = {value} WHERE number = 1"  # noqa: S608 - a list
    other.execute(statement)
    other.commit()
    other.close()
    with pytest.raises(StorageError, match="actor 'id-a' does not match its checksum"):
        core.load("id-a")
    assert core.load("id-b") is not None
    core.close()


def test_rows_that_changed_places_are_found_out(tmp_path: Path, make: Any) -> None:
    core = SqliteCore(tmp_path)
    for each in "ab":
        core.commit([make.creation(f"id-{each}", each, state=each.encode())])
    other = sqlite3.connect(tmp_path / FILE)
    other.execute("UPDATE states SET number = 3 - number + 10")
    other.execute("UPDATE states SET number = number - 10")
    other.commit()
    other.close()
    for each in "ab":
        with pytest.raises(StorageError, match=f"the state of actor 'id-{each}' does not match"):
            core.load(f"id-{each}")
    core.close()


def test_a_state_that_is_gone_is_found_out(core: SqliteCore, make: Any, tmp_path: Path) -> None:
    core.commit([make.creation()])
    other = sqlite3.connect(tmp_path / "data" / FILE)
    other.execute("DELETE FROM states")
    other.commit()
    other.close()
    with pytest.raises(StorageError, match="the state of actor 'id-a'"):
        core.find("chat", ("a",))


@pytest.mark.parametrize("old", ["id-b", '["b"]'])
def test_a_damaged_index_makes_no_actor_disappear_or_pass_for_another(
    tmp_path: Path, make: Any, old: str
) -> None:
    core = SqliteCore(tmp_path)
    for each in "abcde":
        core.commit([make.creation(f"id-{each}", each)])
    core.close()
    content = (tmp_path / FILE).read_bytes()
    places = [at for at in range(len(content)) if content.startswith(old.encode(), at)]
    for at in places:
        # One letter of the entry, and then the number of the row that it leads to.
        letter, number = at + old.index("b"), at + len(old)
        for where, new in (
            *((letter, new) for new in (b"A", b"c", b"z", b"\0", b"\xff")),
            *((number, new) for new in (b"\1", b"\3", b"\x63")),
        ):
            (tmp_path / FILE).write_bytes(content)
            change(tmp_path, where, new)
            core = SqliteCore(tmp_path)
            for answer, expected in (
                (asked(core.load, "id-b"), StoredActor(make.record("id-b", "b"))),
                (asked(core.find, "chat", ("b",)), make.record("id-b", "b")),
                (asked(core.commit, [make.creation("id-new", "b")]), "refused"),
            ):
                assert isinstance(answer, StorageError | DuplicateKey) or answer == expected
            core.close()
    assert len(places) >= 2


def test_what_was_damaged_in_passing_is_read_again(tmp_path: Path, make: Any) -> None:
    """The fault goes, and so does the error: without opening anything anew."""
    core = SqliteCore(tmp_path)
    record = make.record(state=b"a state that is changed")
    core.commit([Changes("id-a", record)])
    core.close()
    whole = (tmp_path / FILE).read_bytes()
    flip(tmp_path, b"a state that is changed")
    core = SqliteCore(tmp_path)
    with pytest.raises(StorageError, match="the state of actor 'id-a'"):
        core.load("id-a")
    (tmp_path / FILE).write_bytes(whole)
    assert core.load("id-a") == StoredActor(record)
    core.close()


def load_once(directory: Path, actor_id: str) -> StoredActor | None:
    core = SqliteCore(directory)
    try:
        return core.load(actor_id)
    finally:
        core.close()


def test_a_damaged_header(tmp_path: Path, make: Any) -> None:
    actors = fill(tmp_path, make, 3)
    whole = (tmp_path / FILE).read_bytes()
    for damaged in (b"\xff" * 100 + whole[100:], whole[:-_PAGE], b"text" * 500):
        (tmp_path / FILE).write_bytes(damaged)
        with pytest.raises(StorageError) as caught:
            load_once(tmp_path, "id-0002")
        assert caught.value.code == "corrupt"
    (tmp_path / FILE).write_bytes(whole)
    core = SqliteCore(tmp_path)
    assert core.load("id-0000") == actors["id-0000"]
    core.close()


def zeros(page: bytes, chance: random.Random) -> bytes:
    return bytes(_PAGE)


def noise(page: bytes, chance: random.Random) -> bytes:
    return chance.randbytes(_PAGE)


def half(page: bytes, chance: random.Random) -> bytes:
    return page[: _PAGE // 2] + bytes(_PAGE // 2)


def asked(ask: Callable[..., object], *values: object) -> object:
    try:
        return ask(*values)
    except (DuplicateKey, StorageError) as error:
        return error


@pytest.mark.parametrize("harm", [zeros, noise, half])
def test_a_damaged_page_anywhere_gives_errors_and_no_wrong_answer(
    tmp_path: Path, make: Any, harm: Callable[[bytes, random.Random], bytes]
) -> None:
    actors = fill(tmp_path, make, 60)
    whole = (tmp_path / FILE).read_bytes()
    chance = random.Random(4)
    errors = answers = 0
    for page in range(1, len(whole) // _PAGE):
        at = page * _PAGE
        (tmp_path / FILE).write_bytes(whole)
        change(tmp_path, at, harm(whole[at : at + _PAGE], chance))
        core = SqliteCore(tmp_path)
        for actor_id, stored in actors.items():
            for answer, expected in (
                (asked(core.load, actor_id), stored),
                (asked(core.find, "chat", stored.record.key), stored.record),
            ):
                if isinstance(answer, StorageError):
                    assert answer.code == "corrupt"
                    errors += 1
                else:
                    assert answer == expected, (page, actor_id)
                    answers += 1
        core.close()
    print(f"{harm.__name__}: {errors} errors, {answers} right answers")
    assert errors > 100
    assert answers > 100
