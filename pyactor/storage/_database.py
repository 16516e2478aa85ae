"""The database file: its tables, its format, and how a connection to it is set up."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

from ..errors import StorageError
from ._faults import from_os

FORMAT = 1
"""The format of the tables: an older one is brought up to it, a newer one is refused."""

_APPLICATION_ID = 0x70796163  # "pyac"

_TABLES = (
    # The number is what other tables know an actor by; ids and keys are long.
    """CREATE TABLE actors (
        number INTEGER PRIMARY KEY,
        actor_id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        key TEXT NOT NULL,
        created_at REAL NOT NULL,
        input BLOB,
        seal BLOB NOT NULL,
        schedules INTEGER NOT NULL DEFAULT 0,
        UNIQUE (name, key)
    )""",
    # First and last of every index, so that each actor stands between two others: see find_number.
    """INSERT INTO actors (number, actor_id, name, key, created_at, seal) VALUES
        (-1, '', '', '', 0, x''),
        (0, char(0x10ffff), char(0x10ffff), char(0x10ffff), 0, x'')""",
    "CREATE INDEX actors_by_age ON actors (name, created_at, actor_id)",
    # On its own, so that saving a state does not write a long input again.
    """CREATE TABLE states (
        number INTEGER PRIMARY KEY,
        version INTEGER NOT NULL,
        state BLOB NOT NULL,
        seal BLOB NOT NULL
    )""",
    """CREATE TABLE schedules (
        number INTEGER NOT NULL,
        schedule_id TEXT NOT NULL,
        due_at REAL NOT NULL,
        body BLOB NOT NULL,
        seal BLOB NOT NULL,
        PRIMARY KEY (number, schedule_id)
    ) WITHOUT ROWID""",
    "CREATE INDEX schedules_by_due ON schedules (due_at, number)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)


def connect(path: Path, busy_timeout: float) -> sqlite3.Connection:
    """A connection to the database, which is made if there is none.

    It leaves transactions to its user, and may be used by another thread than this one.

    Args:
        path: The file.
        busy_timeout: Seconds to wait for another program's lock on it.

    Raises:
        StorageError: ``newer_format``; or the file is a database of something else.
        sqlite3.Error: It cannot be opened.
    """
    connection = sqlite3.connect(
        path, timeout=busy_timeout, isolation_level=None, check_same_thread=False
    )
    try:
        # A damaged text must not fail before its seal does, which knows whose it is.
        connection.text_factory = lambda text: text.decode(errors="replace")
        empty = _check_format(connection, path)
        if not os.access(path, os.W_OK):  # SQLite would only say so at the first save
            raise from_os(OSError(errno.EACCES, os.strerror(errno.EACCES)), path)
        if _value(connection, "PRAGMA journal_mode = WAL") != "wal":
            raise StorageError(
                f"{path}: this file system cannot share memory between processes, which the log "
                "of the database (WAL) needs; choose a data directory on a local disk"
            )
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
        if empty:
            connection.execute("BEGIN IMMEDIATE")
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> bool:
    """Refuse what is not ours to write to; whether the database is empty."""
    application: int = _value(connection, "PRAGMA application_id")
    version: int = _value(connection, "PRAGMA user_version")
    tables: int = _value(connection, "SELECT count(*) FROM sqlite_schema")
    empty = application == 0 and tables == 0
    if not empty and application != _APPLICATION_ID:
        raise StorageError(
            f"{path}: this is no database of pyactor; choose another data directory",
            code="corrupt",
        )
    if not empty and version > FORMAT:
        raise StorageError(
            f"{path}: a newer pyactor wrote this (format {version}; this one reads formats up to "
            f"{FORMAT}); use that version of pyactor, or another data directory",
            code="newer_format",
        )
    return empty


def _value(connection: sqlite3.Connection, statement: str) -> Any:
    return connection.execute(statement).fetchone()[0]
