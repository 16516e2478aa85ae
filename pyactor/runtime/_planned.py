"""One planned call of an actor, in memory and as it is kept.

Owns the form in storage: CBOR of plain values, under the names that Python has for action,
parameters and attributes. A client may know them by others, and by others tomorrow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import cbor2
from attrs import define

from ..definition import Cron
from ..plain import Plain
from ..storage import ScheduleRecord
from ._persistence import dump_stable

_VERSION = 1


@define(eq=False)
class Planned:
    """A call that is to be made, once or again and again.

    Attributes:
        schedule_id: Its id in the storage.
        order: A number that grows: of two that are due at one time, the older one runs first.
        action: The action's name in Python.
        packed: Its arguments, by the names of the parameters, encoded: whoever is given them gets
            values of their own.
        due_at: Seconds since the Unix epoch.
        when: When again: by a Cron, every so many seconds, or never.
        last_at: When it ran last, or None.
    """

    schedule_id: str
    order: int
    action: str
    packed: bytes
    due_at: float
    when: Cron | float | None = None
    last_at: float | None = None

    def next_after(self, now: float) -> float:
        """When a job runs next: later than now and than when it was due, missed times left out."""
        if isinstance(self.when, Cron):
            # Cron's times are whole seconds, so the fraction makes no difference but for rounding.
            after = math.floor(max(now, self.due_at))
            return self.when.next_after(datetime.fromtimestamp(after, UTC)).timestamp()
        assert self.when is not None  # a one-shot is not asked
        missed = math.floor((now - self.due_at) / self.when)
        return self.due_at + (max(missed, 0) + 1) * self.when

    def arguments(self) -> dict[str, Plain]:
        """Its arguments, plain, by the names of the parameters."""
        found: dict[str, Plain] = cbor2.loads(self.packed)
        return found

    def record(self) -> ScheduleRecord:
        """What is kept of it."""
        body: dict[str, Plain] = {
            "version": _VERSION,
            "order": self.order,
            "action": self.action,
            "arguments": self.packed,
        }
        if isinstance(self.when, Cron):
            body["cron"] = [self.when.expression, self.when.timezone]
        elif self.when is not None:
            body["every"] = self.when
        if self.last_at is not None:
            body["last_at"] = self.last_at
        return ScheduleRecord(self.schedule_id, self.due_at, cbor2.dumps(body))


def pack(action: str, arguments: Mapping[str, Plain]) -> bytes:
    """The arguments of a call, encoded.

    Raises:
        TypeError: One has no bytes.
    """
    try:
        return dump_stable(arguments)
    except (cbor2.CBORError, TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{action}(): its arguments cannot be kept for later: {error}") from error


def read_planned(record: ScheduleRecord) -> Planned:
    """The call that was kept.

    Raises:
        ValueError: It cannot be read: by a newer version, or of a time zone unknown here.
    """
    try:
        body: Any = cbor2.loads(record.body)
        if body["version"] != _VERSION:
            raise ValueError(f"it is of version {body['version']}, this one reads {_VERSION}")
        when: Cron | float | None = body.get("every")
        if "cron" in body:
            expression, timezone = body["cron"]
            when = Cron(expression, timezone=timezone)
        planned = Planned(
            record.schedule_id,
            body["order"],
            body["action"],
            body["arguments"],
            record.due_at,
            when,
            body.get("last_at"),
        )
        planned.arguments()
    except (KeyError, TypeError, AttributeError, cbor2.CBORError) as error:
        raise ValueError(f"its bytes are no planned call: {error!r}") from error
    return planned
