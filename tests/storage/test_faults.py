"""A disk that is full, read-only or locked: a clear error, nothing half written, and recovery."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from pyactor.errors import StorageError
from pyactor.storage import Changes, SqliteCore, SqliteStorage, StoredActor

BIG = bytes(4_000_000)


def connection_of(core: SqliteCore) -> sqlite3.Connection:
    return cast(sqlite3.Connection, core._connection)


@contextmanager
def full(core: SqliteCore) -> Iterator[None]:
    """As if the disk had a few kilobytes left."""
    connection = connection_of(core)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    yield
    connection.execute("PRAGMA max_page_count = 1000000")


def test_a_full_disk(core: SqliteCore, make: Any, tmp_path: Path) -> None:
    core.commit([make.creation()])
    schedule = make.schedule("s", 1.0)
    change = Changes("id-a", state=(BIG, 0), put_schedules=(schedule,))
    with full(core):
        with pytest.raises(StorageError) as caught:
            core.commit([make.state("id-a", b"new"), change])
        assert caught.value.code == "full"
        assert caught.value.message == (
            f"{tmp_path / 'data' / 'actors.sqlite'}: database or disk is full (SQLITE_FULL): "
            "the disk is full; free some space and try again"
        )
        assert core.load("id-a") == StoredActor(make.record())
        core.commit([make.state("id-a", b"small")])
    core.commit([change])
    assert core.load("id-a") == StoredActor(make.record(state=BIG), (schedule,))


def test_on_a_full_disk_only_what_does_not_fit_fails(tmp_path: Path, make: Any) -> None:
    async def scene() -> None:
        storage = SqliteStorage(tmp_path)
        await asyncio.gather(
            *(storage.commit(make.creation(f"id-{each}", str(each))) for each in range(40))
        )
        with full(storage._writer._core):
            states = [BIG if each % 10 == 3 else b"new" for each in range(40)]
            answers = await asyncio.gather(
                *(
                    storage.commit(make.state(f"id-{each}", state))
                    for each, state in enumerate(states)
                ),
                return_exceptions=True,
            )
        for each, answer in enumerate(answers):
            stored = await storage.load(f"id-{each}")
            assert stored is not None
            if states[each] is BIG:
                assert isinstance(answer, StorageError)
                assert answer.code == "full"
                assert stored.record.state == b"first"
            else:
                assert answer is None
                assert stored.record.state == b"new"
        await storage.close()

    asyncio.run(scene())


def test_a_limit_on_file_sizes(core: SqliteCore, make: Any) -> None:
    """The system refuses a write in the middle of a transaction (RLIMIT_FSIZE, EFBIG)."""
    core.commit([make.creation()])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(StorageError) as caught:
            core.commit([make.state("id-a", BIG)])
        assert "a limit on file sizes (ulimit -f) is reached" in caught.value.message
        assert core.load("id-a") == StoredActor(make.record())
        core.commit([make.state("id-a", b"small")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert core.load("id-a") == StoredActor(make.record(state=b"small"))
    core.commit([make.state("id-a", BIG)])
    assert core.load("id-a") == StoredActor(make.record(state=BIG))


def test_a_lock_of_another_program(tmp_path: Path, make: Any) -> None:
    async def scene() -> None:
        storage = SqliteStorage(tmp_path, busy_timeout=0.05)
        await storage.commit(make.creation())
        other = sqlite3.connect(tmp_path / "actors.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        # As long as nothing is written, reading goes on.
        assert await storage.load("id-a") == StoredActor(make.record())
        tried: list[str] = []
        connection_of(storage._writer._core).set_trace_callback(tried.append)
        answers = await asyncio.gather(
            *(storage.commit(make.state("id-a", b"%d" % each)) for each in range(100)),
            return_exceptions=True,
        )
        # Waited for once by each group, and not by each call again.
        assert tried.count("BEGIN IMMEDIATE") <= 5
        for answer in answers:
            assert isinstance(answer, StorageError)
            assert answer.code == "locked"
            assert "another program holds a lock on it" in answer.message
        other.execute("ROLLBACK")
        assert await storage.load("id-a") == StoredActor(make.record())
        await storage.commit(make.state("id-a", b"new"))
        other.close()
        await storage.close()

    asyncio.run(scene())


def test_a_lock_that_is_let_go_in_time_is_waited_for(tmp_path: Path, make: Any) -> None:
    async def scene() -> None:
        storage = SqliteStorage(tmp_path)
        other = sqlite3.connect(tmp_path / "actors.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        commit = asyncio.ensure_future(storage.commit(make.creation()))
        await asyncio.sleep(0.02)
        other.execute("ROLLBACK")
        other.close()
        await commit
        await storage.close()

    asyncio.run(scene())


def test_a_database_that_is_locked_when_it_is_opened(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "actors.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError) as caught:
        SqliteCore(tmp_path, busy_timeout=0.05)
    assert caught.value.code == "locked"
    other.close()
    SqliteCore(tmp_path).close()


class Failing:
    """A connection that fails once, as a disk does, at a statement that begins so."""

    def __init__(self, connection: sqlite3.Connection, statement: str, error: str) -> None:
        self._connection = connection
        self._statement: str | None = statement
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if self._statement is not None and statement.startswith(self._statement):
            self._statement = None
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorname = self._error
            error.sqlite_errorcode = getattr(sqlite3, self._error)
            raise error
        return self._connection.execute(statement, *values)


@pytest.mark.parametrize("statement", ["PRAGMA synchronous", "BEGIN", "REPLACE", "COMMIT"])
def test_after_a_fault_of_the_disk_the_next_call_opens_it_anew(
    core: SqliteCore, make: Any, statement: str
) -> None:
    core.commit([make.creation()])
    whole = connection_of(core)
    failing: Any = Failing(whole, statement, "SQLITE_IOERR_FSYNC")
    core._connection = failing
    with pytest.raises(StorageError, match="SQLITE_IOERR_FSYNC"):
        core.commit([make.state("id-a", b"new")], durable=False)
    assert core.load("id-a") == StoredActor(make.record())
    assert core._connection is not failing
    core.commit([make.state("id-a", b"new")])
    assert core.load("id-a") == StoredActor(make.record(state=b"new"))


READ_ONLY = """
import json, os, sys
from pyactor.errors import StorageError
from pyactor.storage import SqliteCore
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)  # to root, nothing is read-only
for line in sys.stdin:
    try:
        SqliteCore(line.strip()).close()
        answer = None
    except StorageError as error:
        answer = [error.code, error.message]
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def unprivileged() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", READ_ONLY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def open_in(process: subprocess.Popen[bytes], directory: Path) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{directory}\n".encode())
    process.stdin.flush()
    return json.loads(process.stdout.readline())


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """One that any user reaches, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o777)
    yield directory
    shutil.rmtree(directory)


@pytest.mark.parametrize("what", ["directory", "actors.sqlite", "lock", "made but read-only"])
def test_a_directory_or_file_that_is_read_only(
    unprivileged: subprocess.Popen[bytes], open_directory: Path, what: str
) -> None:
    data = open_directory / "data"
    refused = data
    if what == "directory":
        open_directory.chmod(0o755)
    else:
        assert open_in(unprivileged, data) is None
        refused = data if what == "made but read-only" else data / what
        refused.chmod(0o555)
    code, message = open_in(unprivileged, data)
    assert code == "read_only"
    assert str(data) in message
    assert "this user may not write there" in message
    open_directory.chmod(0o777)
    if refused.exists():
        refused.chmod(0o777)
    assert open_in(unprivileged, data) is None


def test_a_directory_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"File exists|Not a directory") as caught:
        SqliteCore(tmp_path / "file")
    assert caught.value.code == "failed"


def open_files() -> int:
    """Of this process, where the system tells."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.exists() else 0


def test_nothing_is_left_open_by_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "actors.sqlite").write_bytes(b"no database" * 100)
    before = open_files()
    for _ in range(3):
        with pytest.raises(StorageError):
            SqliteCore(tmp_path)
    assert open_files() == before
