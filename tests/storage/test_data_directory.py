"""Who may open a data directory: one owner, the right format, and a file of ours."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyactor.errors import StorageError
from pyactor.storage import SqliteCore, SqliteStorage, StoredActor

FORKING_HOLDER = """
import os, sys
from pyactor.storage import SqliteCore
core = SqliteCore(sys.argv[1])
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.read()
    core._lock.release()
    print("closed", flush=True)
    os._exit(0)
sys.stdin.read()
"""
"""Its child outlives it for as long as standard input is open."""

HOLDER = """
import sys
from pyactor.storage import SqliteCore
core = SqliteCore(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def refusal(directory: Path) -> StorageError:
    with pytest.raises(StorageError) as caught:
        SqliteCore(directory)
    return caught.value


def test_it_is_made_with_those_above_it_for_its_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    SqliteCore(directory).close()
    assert directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("parts", [("file",), ("file", "below"), ("x" * 300,)])
def test_one_that_cannot_be_made_is_named_with_the_way_out(
    tmp_path: Path, parts: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    directory = tmp_path.joinpath(*parts)
    error = refusal(directory)
    assert error.code == "failed"
    assert error.message.startswith(f"{directory}: ")
    assert error.message.endswith(": nothing was changed; choose another data directory")


def test_a_second_storage_of_this_process_is_refused(tmp_path: Path, make: Any) -> None:
    async def scene() -> None:
        first = SqliteStorage(tmp_path)
        error = refusal(tmp_path)
        assert error.name == "storage.in_use"
        assert error.message == (
            f"the data directory {tmp_path} is in use by this very process ({os.getpid()}); "
            "end that, or choose another one"
        )
        await first.commit(make.creation())
        await first.close()
        second = SqliteStorage(tmp_path)
        assert await second.load("id-a") == StoredActor(make.record())
        await second.close()

    asyncio.run(scene())


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        error = refusal(tmp_path)
        holder.kill()
    assert error.code == "in_use"
    assert f"{tmp_path} is in use by process {holder.pid};" in error.message
    SqliteCore(tmp_path).close()


def test_what_a_process_has_forked_off_does_not_hold_its_directory(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FORKING_HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"forked\n"
        assert refusal(tmp_path).code == "in_use", "its parent still holds it"
        holder.kill()
        holder.wait()
        SqliteCore(tmp_path).close()
        holder.stdin.close()
        assert holder.stdout.readline() == b"closed\n"


def test_a_holder_that_has_not_said_who_it_is_is_another_process(tmp_path: Path) -> None:
    core = SqliteCore(tmp_path)
    (tmp_path / "lock").write_bytes(b"")
    assert "in use by another process;" in refusal(tmp_path).message
    core.close()


def test_a_newer_format_is_refused_and_not_touched(tmp_path: Path) -> None:
    SqliteCore(tmp_path).close()
    file = tmp_path / "actors.sqlite"
    other = sqlite3.connect(file)
    other.execute("PRAGMA user_version = 7")
    other.close()
    before = file.read_bytes()
    error = refusal(tmp_path)
    assert error.code == "newer_format"
    assert error.message == (
        f"{file}: a newer pyactor wrote this (format 7; this one reads formats up to 1); "
        "use that version of pyactor, or another data directory"
    )
    assert file.read_bytes() == before
    assert refusal(tmp_path).code == "newer_format", "and the lock was let go"


def test_a_database_of_something_else_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "actors.sqlite"
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE letters (text)")
    other.close()
    before = file.read_bytes()
    error = refusal(tmp_path)
    assert error.code == "corrupt"
    assert "this is no database of pyactor" in error.message
    assert file.read_bytes() == before


def test_a_making_that_was_interrupted_is_made_anew(tmp_path: Path, make: Any) -> None:
    other = sqlite3.connect(tmp_path / "actors.sqlite")
    other.execute("PRAGMA journal_mode = WAL")
    other.close()
    core = SqliteCore(tmp_path)
    core.commit([make.creation()])
    core.close()


def test_a_deleted_actor_leaves_no_row(core: SqliteCore, make: Any, tmp_path: Path) -> None:
    core.commit([make.creation(), make.schedules("id-a", make.schedule("s", 1.0))])
    core.delete("id-a")
    other = sqlite3.connect(tmp_path / "data" / "actors.sqlite")
    for statement in (
        "SELECT * FROM actors WHERE number > 0",
        "SELECT * FROM states",
        "SELECT * FROM schedules",
    ):
        assert other.execute(statement).fetchall() == []
    other.close()
