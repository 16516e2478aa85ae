"""Saves of 64 counters: `SqliteStorage` against raw sqlite3 with the same pragmas.

Both write 200 bytes that differ each time (SQLite skips a page that is overwritten with the
same), and both put 64 saves into a transaction. Raw sqlite3 has one table and one upsert; the
storage has its writer thread, checksums, and answers each save on the loop.

    python -m benchmarks._durable ROUNDS SECONDS      prints one line of JSON
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from pyactor import SqliteStorage
from pyactor.storage import ActorRecord, Changes

COUNTERS = 64
_PADDING = b"x" * 180
_UPSERT = "INSERT INTO states VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state"


def _state(count: int) -> bytes:
    return b"%020d" % count + _PADDING


def _timed(work: Callable[[float], int], seconds: float) -> dict[str, float]:
    cpu, began = time.process_time(), time.monotonic()
    saves = work(began + seconds)
    took = time.monotonic() - began
    return {
        "cpu": (time.process_time() - cpu) / saves * 1e6,
        "rate": saves / took,
        "messages": saves,
    }


def raw(path: Path, seconds: float, *, immediate: bool) -> dict[str, float]:
    """One process, one connection, no more than the writes."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute(f"PRAGMA synchronous = {'FULL' if immediate else 'NORMAL'}")
    connection.execute("CREATE TABLE states (number INTEGER PRIMARY KEY, state BLOB NOT NULL)")

    def work(end: float) -> int:
        saves = 0
        while time.monotonic() < end:
            connection.execute("BEGIN IMMEDIATE")
            for number in range(COUNTERS):
                connection.execute(_UPSERT, (number, _state(saves)))
                saves += 1
            connection.execute("COMMIT")
        return saves

    try:
        return _timed(work, seconds)
    finally:
        connection.close()


def through_storage(path: Path, seconds: float, *, immediate: bool) -> dict[str, float]:
    """The same writes by `SqliteStorage`, each awaited on the loop."""
    with asyncio.Runner() as runner:
        storage = SqliteStorage(path)
        records = [
            ActorRecord(f"{uuid4()}", "counter", (f"{number}",), 0.0, None, _state(0))
            for number in range(COUNTERS)
        ]
        for record in records:
            runner.run(storage.commit(Changes(record.actor_id, record)))

        async def save_all(end: float) -> int:
            saves = 0
            while time.monotonic() < end:
                pending = []
                for record in records:
                    changes = Changes(record.actor_id, state=(_state(saves), 1))
                    pending.append(storage.commit(changes, immediate=immediate))
                    saves += 1
                await asyncio.gather(*pending)
            return saves

        try:
            return _timed(lambda end: runner.run(save_all(end)), seconds)
        finally:
            runner.run(storage.close())


def main() -> None:
    """Measure in turns, and print all of it."""
    rounds, seconds = int(sys.argv[1]), float(sys.argv[2])
    measured: dict[str, dict[str, list[dict[str, float]]]] = {}
    for _ in range(rounds):
        for mode, immediate in (("batched", False), ("immediate", True)):
            for name, run in (("sqlite3", raw), ("SqliteStorage", through_storage)):
                with tempfile.TemporaryDirectory(prefix="pyactor-bench-") as directory:
                    result = run(Path(directory) / "it", seconds, immediate=immediate)
                measured.setdefault(mode, {}).setdefault(name, []).append(result)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
