"""When something comes again and again: a cron expression in a time zone.

Owns what an expression means; ``cronsim`` reads it. It knows no clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from attrs import field, frozen
from cronsim import CronSim, CronSimError
from typing_extensions import override

_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
_TAKES = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, L or LW, and a day that its month has",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT, 5L or MON#2",
}
_LONGEST = 256
"""Characters of an expression: far more than one has that a person can read."""
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@frozen
class Cron:
    """Five fields and a time zone: ``Cron("0 9 * * MON-FRI", timezone="Europe/Berlin")``.

    The fields are minute, hour, day of the month, month and day of the week, as Debian's cron has
    them. Where clocks change, a job that names its hour runs once: one whose time is skipped runs
    right after the gap, and one whose time comes twice runs at the first. A job whose minute or
    hour begins with ``*`` follows the clock on the wall instead.

    Attributes:
        expression: The five fields, separated by spaces.
        timezone: The name of a time zone, ``UTC`` by default.

    Raises:
        ValueError: A field is wrong, the time zone unknown, or the time never comes.
        TypeError: One of the two is no str.
    """

    expression: str
    timezone: str = field(default="UTC", kw_only=True)
    _zone: tzinfo = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        for name, value in (("expression", self.expression), ("timezone", self.timezone)):
            if not isinstance(value, str):
                raise TypeError(f"the {name} of a Cron is a str, not {type(value).__name__}")
        object.__setattr__(self, "_zone", _zone_of(self.timezone))
        self.next_after(_ANY_TIME)

    def next_after(self, when: datetime, /) -> datetime:
        """The first time later than ``when``, in this time zone.

        Args:
            when: An aware datetime.

        Raises:
            ValueError: ``when`` has no time zone.
        """
        if when.tzinfo is None:
            raise ValueError("when has no time zone: use datetime.now(UTC)")
        times = self._times(when)
        try:
            found = next(times)
            # After clocks were put back, what cronsim finds on the wall may lie an hour ago.
            while found.timestamp() <= when.timestamp():
                found = next(times)
        except StopIteration:
            raise ValueError(f"Cron({self.expression!r}) never comes") from None
        return found

    def _times(self, when: datetime) -> _Times:
        fields = self.expression.split()
        if len(fields) != len(_FIELDS) or len(self.expression) > _LONGEST:
            raise ValueError(
                f"Cron({self.expression[:_LONGEST]!r}) has {len(fields)} fields; it takes five: "
                f'{", ".join(_FIELDS)}, such as "0 9 * * *"'
            )
        try:
            return _Times(self.expression, when.astimezone(self._zone))
        except CronSimError as error:
            name = str(error).removeprefix("Bad ")
            given = fields[_FIELDS.index(name)]
            raise ValueError(
                f"Cron({self.expression!r}): {name} is {given!r}; it takes {_TAKES[name]}, *, "
                "lists (1,15), ranges (1-5) and steps (*/10)"
            ) from None


class _Times(CronSim):
    """The times of an expression, also where clocks change by half an hour (Lord Howe Island)."""

    @override
    def advance_hour(self) -> bool:
        """Go to the next hour that matches, and to its beginning: cronsim adds whole hours."""
        has_moved = super().advance_hour()
        if has_moved and self.dt.minute:
            # By way of UTC, since a beginning that is skipped is that of what is not.
            start = self.dt.replace(minute=0).astimezone(UTC)
            self.dt = start.astimezone(self.dt.tzinfo)
        return has_moved


def _zone_of(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # needs no data base of time zones
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no plain name, a folder of the data base
        raise ValueError(
            f"no time zone {name!r} is known here; they are named like 'Europe/Berlin' "
            "(a system without a data base of them needs the package tzdata)"
        ) from None
