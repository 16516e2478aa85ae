"""The work of the SQLite storage on the thread that calls: transactions, faults and recovery.

Knows neither threads nor an event loop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from typing_extensions import override

from ..errors import StorageError
from . import _faults, _rows
from ._database import connect
from ._lock import DirectoryLock
from ._protocol import ActorEntry, ActorRecord, Changes, StorageCore, StoredActor

_MAX_NUMBERS = 50_000
"""Actors whose numbers are remembered: a few MiB."""
_HARMLESS = {"full", "locked"}
"""Faults that leave the connection as good as it was."""


class SqliteCore(StorageCore):
    """Keeps actors in a data directory; each call is a transaction, or part of a larger one."""

    def __init__(self, data_dir: Path | str, *, busy_timeout: float = 5.0) -> None:
        """Take the directory, which is made if there is none; no actor is read.

        Args:
            data_dir: Where the files are.
            busy_timeout: Seconds to wait for another program's lock on the database.

        Raises:
            StorageError: It is in use, of a newer format, or cannot be read or written.
        """
        directory = Path(data_dir)
        self._path = directory / "actors.sqlite"
        self._busy_timeout = busy_timeout
        self._connection: sqlite3.Connection | None = None
        self._synchronous: bool | None = None
        self._numbers: dict[str, int] = {}  # of actors that exist, by their ids
        self._lock = DirectoryLock(directory)
        try:
            with self._faults():
                self._connected()
        except BaseException:
            self._lock.release()
            raise

    # -------------------------------------------------------------- transactions

    @contextmanager
    def transaction(self, *, durable: bool | None) -> Iterator[None]:
        """Make all calls within one transaction: all of it is kept, or nothing.

        A call within, on one actor, that raises ``DuplicateKey`` or says that something is damaged
        has changed nothing, and the others may go on. Any other error must end the transaction.

        Args:
            durable: Whether it must survive the loss of power; None if it only reads.

        Raises:
            StorageError: It could not be done; nothing has changed.
        """
        with self._faults():
            connection = self._connected()
            if durable is not None and durable is not self._synchronous:
                connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._synchronous = durable
            connection.execute("BEGIN" if durable is None else "BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                self._numbers.clear()  # one may be of an actor that was created in vain
                with suppress(sqlite3.Error):  # the first error says more
                    connection.rollback()
                raise

    @contextmanager
    def _within(self, *, durable: bool | None) -> Iterator[sqlite3.Connection]:
        """The transaction that is open, or one of its own."""
        if self._connection is None or not self._connection.in_transaction:
            with self.transaction(durable=durable), self._within(durable=durable) as connection:
                yield connection
            return
        try:
            yield self._connection
        except _rows.Damaged as error:
            # Read anew next time: what is wrong may be this copy in memory.
            self._connection.execute("PRAGMA shrink_memory")
            raise StorageError(f"{self._path}: {error}", code="corrupt") from error

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Name a fault; after one that may have harmed the connection, the next call makes a new.

        Closing it also writes what the log holds into the database and syncs that: after a
        failed sync, a system may count as written what never reached the disk.
        """
        try:
            yield
        except sqlite3.Error as error:
            fault = _faults.from_sqlite(error, self._path)
            if fault.code not in _HARMLESS:
                self._disconnect()
            raise fault from error
        except UnicodeEncodeError as error:
            raise StorageError(f"{error.object!r} is no text that can be stored") from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path, self._busy_timeout)
            self._synchronous = None
        return self._connection

    def _disconnect(self) -> None:
        self._numbers.clear()
        if self._connection is not None:
            with suppress(sqlite3.Error):  # the next connection reads what this one left
                self._connection.close()
            self._connection = None

    @override
    def close(self) -> None:
        self._disconnect()
        self._lock.release()

    # -------------------------------------------------------------- calls

    @override
    def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None:
        with self._within(durable=None) as connection:
            number = _rows.find_number(connection, _rows.BY_KEY, name, _rows.key_text(key))
            return None if number is None else _rows.read_record(connection, number)

    @override
    def load(self, actor_id: str) -> StoredActor | None:
        with self._within(durable=None) as connection:
            number = _rows.find_number(connection, _rows.BY_ID, actor_id)
            if number is None:
                return None
            record = _rows.read_record(connection, number)
            schedules = _rows.read_schedules(connection, number, actor_id)
            return StoredActor(record, tuple(schedules))

    @override
    def list(
        self, name: str, after: tuple[float, str] | None = None, limit: int = 1000
    ) -> list[ActorEntry]:
        with self._within(durable=None) as connection:
            return _rows.read_entries(connection, name, after, limit)

    @override
    def due(self, before: float, limit: int = 100) -> Sequence[tuple[str, float]]:
        with self._within(durable=None) as connection:
            return _rows.read_due(connection, before, limit)

    @override
    def next_due(self, after: float) -> float | None:
        with self._within(durable=None) as connection:
            row: tuple[float | None] = connection.execute(
                "SELECT min(due_at) FROM schedules WHERE due_at > ?", (after,)
            ).fetchone()
            return row[0]

    @override
    def commit(self, changes: Sequence[Changes], *, durable: bool = True) -> None:
        connection = self._connection
        if connection is not None and connection.in_transaction and len(changes) == 1:
            # What a group consists of mostly: the state of an actor that has been saved before.
            number = self._numbers.get(changes[0].actor_id)
            if number is not None and _rows.put_state_alone(connection, number, changes[0]):
                return
        with self._within(durable=durable) as connection:
            for change in changes:
                number = _rows.put_changes(connection, change)
                if number is not None:
                    if len(self._numbers) >= _MAX_NUMBERS:
                        self._numbers.clear()
                    self._numbers[change.actor_id] = number

    @override
    def delete(self, actor_id: str) -> None:
        with self._within(durable=True) as connection:
            self._numbers.pop(actor_id, None)
            _rows.delete_actor(connection, actor_id)
