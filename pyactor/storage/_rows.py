"""An actor as rows of the database's tables, and back; each row is checked as it is read.

Runs statements in a transaction that its caller has begun.
"""

from __future__ import annotations

import json
from contextlib import closing
from math import inf
from sqlite3 import Connection
from typing import Any

from attrs import frozen

from ..errors import DuplicateKey
from ._protocol import ActorEntry, ActorRecord, Changes, ScheduleRecord
from ._record import is_intact, seal


class Damaged(ValueError):
    """A row is not what was written; the message names the actor and the part of it."""


# ------------------------------------------------------------------ reading


_ACTOR = "SELECT number, actor_id, name, key, created_at, input, seal FROM actors WHERE "


@frozen
class Index:
    """The statements that find an actor's number by what is unique.

    Attributes:
        find: The number, if the index leads to it and the table says the same (which ``+`` has it
            asked for); the values twice. Not ``?1``: some releases of Python 3.12 warn of it.
        before: The last entry of the index up to a place.
        after: The first entry from there on.
        actual: What the table says of a number.
    """

    find: str
    before: str
    after: str
    actual: str


BY_ID = Index(
    find="SELECT found.number FROM actors AS place JOIN actors AS found USING (number)"
    " WHERE place.actor_id = ? AND +found.actor_id = ?",
    before="SELECT number, actor_id FROM actors WHERE actor_id <= ? ORDER BY actor_id DESC LIMIT 1",
    after="SELECT number, actor_id FROM actors WHERE actor_id >= ? ORDER BY actor_id LIMIT 1",
    actual="SELECT number, actor_id FROM actors NOT INDEXED WHERE number = ?",
)
BY_KEY = Index(
    find="SELECT found.number FROM actors AS place JOIN actors AS found USING (number)"
    " WHERE place.name = ? AND place.key = ? AND +found.name = ? AND +found.key = ?",
    before="SELECT number, name, key FROM actors"
    " WHERE (name, key) <= (?, ?) ORDER BY name DESC, key DESC LIMIT 1",
    after="SELECT number, name, key FROM actors"
    " WHERE (name, key) >= (?, ?) ORDER BY name, key LIMIT 1",
    actual="SELECT number, name, key FROM actors NOT INDEXED WHERE number = ?",
)


def find_number(connection: Connection, index: Index, *values: str) -> int | None:
    """The number of the actor that has these values, or None.

    None is believed only if what stands before and after the place in the index is in order: a
    damaged entry is one of the two, and must not pass for an actor that does not exist.

    Raises:
        Damaged: The index is not what was written.
    """
    found = connection.execute(index.find, values + values).fetchone()
    if found is not None:
        return int(found[0]) if found[0] > 0 else None  # the others are no actors
    for statement in (index.before, index.after):
        near = connection.execute(statement, values).fetchone()
        intact = (
            near is not None
            and near[1:] != values
            and near == connection.execute(index.actual, near[:1]).fetchone()
        )
        if not intact:
            raise Damaged(
                "the index of the actors is not what was written; put a backup in place of the file"
            )
    return None


def read_record(connection: Connection, number: int) -> ActorRecord:
    """The record of an actor.

    Raises:
        Damaged: It, or its state, is not what was written.
    """
    row = connection.execute(f"{_ACTOR} number = ?", (number,)).fetchone()
    entry = _entry(row)
    states = connection.execute(
        "SELECT version, state, seal FROM states WHERE number = ?", (number,)
    ).fetchall()
    for version, state, sealed in states:
        if is_intact(sealed, "state", (entry.actor_id, version), state):
            return ActorRecord(
                entry.actor_id, entry.name, entry.key, entry.created_at, row[5], state, version
            )
    raise _damaged(entry.actor_id, "state")


def read_entries(
    connection: Connection, name: str, after: tuple[float, str] | None, limit: int
) -> list[ActorEntry]:
    """Actors of that name, oldest first.

    Raises:
        Damaged: One of them is not what was written.
    """
    statement = (
        f"{_ACTOR} number > 0 AND name = ? AND (created_at, actor_id) > (?, ?)"
        " ORDER BY created_at, actor_id LIMIT ?"
    )
    values = (name, *(after or (-inf, "")), limit)
    with closing(connection.execute(statement, values)) as rows:
        return [_entry(row) for row in rows]


def read_schedules(connection: Connection, number: int, actor_id: str) -> list[ScheduleRecord]:
    """The schedules of an actor, earliest first.

    Raises:
        Damaged: One of them is not what was written, or is missing.
    """
    rows = connection.execute(
        "SELECT schedule_id, due_at, body, seal FROM schedules WHERE number = ?"
        " ORDER BY due_at, schedule_id",
        (number,),
    ).fetchall()
    (count,) = connection.execute(
        "SELECT schedules FROM actors WHERE number = ?", (number,)
    ).fetchone()
    if count != len(rows):
        raise _damaged(actor_id, "number of schedules")
    for schedule_id, due_at, body, sealed in rows:
        if not is_intact(sealed, "schedule", (actor_id, schedule_id, due_at), body):
            raise _damaged(actor_id, "schedule")
    return [ScheduleRecord(schedule_id, due_at, body) for schedule_id, due_at, body, _ in rows]


def read_due(connection: Connection, before: float, limit: int) -> list[tuple[str, float]]:
    """The first actors with a schedule due by then, each with its earliest time."""
    statement = (
        "SELECT actor_id, due_at FROM schedules CROSS JOIN actors USING (number)"
        " WHERE due_at <= ? ORDER BY due_at, schedules.number"
    )
    earliest: dict[str, float] = {}
    with closing(connection.execute(statement, (before,))) as rows:
        while len(earliest) < limit and (row := rows.fetchone()) is not None:
            earliest.setdefault(*row)
    return list(earliest.items())


def _entry(row: tuple[Any, ...]) -> ActorEntry:
    _, actor_id, name, key, created_at, body, sealed = row
    if not is_intact(sealed, "entry", (actor_id, name, key, created_at), body):
        raise _damaged(actor_id, "entry")
    return ActorEntry(actor_id, name, tuple(json.loads(key)), created_at)


def _damaged(actor_id: object, part: str) -> Damaged:
    return Damaged(
        f"the {part} of actor {actor_id!r} does not match its checksum; other actors are not "
        "affected: destroy this one, or put a backup in place of the file"
    )


# ------------------------------------------------------------------ writing


def put_state_alone(connection: Connection, number: int, changes: Changes) -> bool:
    """Make the changes of the actor with that number, if they are of its state alone.

    Returns:
        Whether they are; nothing was changed otherwise.
    """
    state = changes.state
    if state is None or changes.record or changes.put_schedules or changes.delete_schedules:
        return False
    _put_state(connection, number, changes.actor_id, *state)
    return True


def put_changes(connection: Connection, changes: Changes) -> int | None:
    """Make the changes of one actor, or none if there is no such actor (A6).

    Returns:
        The actor's number; None if there is none.

    Raises:
        DuplicateKey: A new record's name and key are taken; nothing was written.
    """
    actor_id = changes.actor_id
    if changes.record is not None:
        number = _put_record(connection, changes.record)
    else:
        known = find_number(connection, BY_ID, actor_id)
        if known is None:
            return None
        number = known
    if changes.state is not None:
        _put_state(connection, number, actor_id, *changes.state)
    for schedule_id in changes.delete_schedules:
        connection.execute(
            "DELETE FROM schedules WHERE number = ? AND schedule_id = ?", (number, schedule_id)
        )
    for schedule in changes.put_schedules:
        due_at = float(schedule.due_at)
        fields = (actor_id, schedule.schedule_id, due_at)
        sealed = seal("schedule", fields, schedule.body)
        connection.execute(
            "REPLACE INTO schedules (number, schedule_id, due_at, body, seal)"
            " VALUES (?, ?, ?, ?, ?)",
            (number, schedule.schedule_id, due_at, schedule.body, sealed),
        )
    if changes.delete_schedules or changes.put_schedules:
        # Kept apart from the rows, so that what is lost of them is missed.
        connection.execute(
            "UPDATE actors SET schedules = (SELECT count(*) FROM schedules WHERE number = ?)"
            " WHERE number = ?",
            (number, number),
        )
    return number


def delete_actor(connection: Connection, actor_id: str) -> None:
    """Forget all that is kept of an actor, damaged or not."""
    number = find_number(connection, BY_ID, actor_id)
    if number is not None:
        connection.execute("DELETE FROM schedules WHERE number = ?", (number,))
        connection.execute("DELETE FROM states WHERE number = ?", (number,))
        connection.execute("DELETE FROM actors WHERE number = ?", (number,))


def key_text(key: tuple[str, ...]) -> str:
    """A key as it is stored and looked up."""
    return json.dumps(key, separators=(",", ":"))


def _put_record(connection: Connection, record: ActorRecord) -> int:
    actor_id, name, key = record.actor_id, record.name, key_text(record.key)
    number = find_number(connection, BY_KEY, name, key)
    if number != find_number(connection, BY_ID, actor_id):
        raise DuplicateKey(f"{name} {list(record.key)!r} exists already")
    created_at = float(record.created_at)
    sealed = seal("entry", (actor_id, name, key, created_at), record.input)
    values = (number, actor_id, name, key, created_at, record.input, sealed)
    (number,) = connection.execute(
        "INSERT INTO actors (number, actor_id, name, key, created_at, input, seal)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE"
        " SET created_at = excluded.created_at, input = excluded.input, seal = excluded.seal"
        " RETURNING number",
        values,
    ).fetchone()
    _put_state(connection, number, actor_id, record.state, record.state_version)
    return int(number)


def _put_state(
    connection: Connection, number: int, actor_id: str, state: bytes, version: int
) -> None:
    sealed = seal("state", (actor_id, version), state)
    connection.execute(
        "REPLACE INTO states (number, version, state, seal) VALUES (?, ?, ?, ?)",
        (number, version, state, sealed),
    )
