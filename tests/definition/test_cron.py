"""Cron expressions: what they mean, against a clock read minute by minute; what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyactor.definition import Cron

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")


def times(cron: Cron, after: datetime, count: int) -> list[str]:
    found: list[str] = []
    for _ in range(count):
        after = cron.next_after(after)
        found.append(after.isoformat(timespec="minutes"))
    return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ------------------------------------------------------------------ what it means


def test_the_next_time_is_later_than_the_one_asked_about() -> None:
    cron = Cron("0 9 * * *")
    assert cron.next_after(utc("2026-03-01 08:59:59.999")) == utc("2026-03-01 09:00")
    assert cron.next_after(utc("2026-03-01 09:00")) == utc("2026-03-02 09:00")
    assert cron.next_after(utc("2026-03-01 09:00:00.001")) == utc("2026-03-02 09:00")


def test_lists_ranges_steps_and_names() -> None:
    cron = Cron("*/30 8-9 1,15 jan,JUL *")
    assert times(cron, utc("2026-01-01 09:00"), 3) == [
        "2026-01-01T09:30+00:00",
        "2026-01-15T08:00+00:00",
        "2026-01-15T08:30+00:00",
    ]


def test_either_of_two_days_unless_one_of_them_begins_with_a_star() -> None:
    assert times(Cron("0 0 13 * FRI"), utc("2026-03-01"), 3) == [
        "2026-03-06T00:00+00:00",
        "2026-03-13T00:00+00:00",
        "2026-03-20T00:00+00:00",
    ]


def test_a_time_zone_is_meant_as_the_clock_there_shows_it() -> None:
    cron = Cron("0 9 * * *", timezone="Europe/Berlin")
    assert times(cron, utc("2026-03-27 12:00"), 3) == [
        "2026-03-28T09:00+01:00",
        "2026-03-29T09:00+02:00",
        "2026-03-30T09:00+02:00",
    ]


def test_a_time_that_the_clocks_skip_comes_right_after_the_gap() -> None:
    cron = Cron("30 2 * * *", timezone="Europe/Berlin")
    assert times(cron, utc("2026-03-27 12:00"), 3) == [
        "2026-03-28T02:30+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]


def test_a_time_that_comes_twice_counts_once() -> None:
    cron = Cron("30 2 * * *", timezone="Europe/Berlin")
    assert times(cron, utc("2026-10-24 12:00"), 2) == [
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]


def test_after_the_clocks_were_put_back_it_is_not_in_the_past() -> None:
    """Asked in the hour that comes for the second time: 02:45 was an hour ago."""
    cron = Cron("45 2 * * *", timezone="Europe/Berlin")
    again = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)
    assert cron.next_after(again).isoformat() == "2026-10-26T02:45:00+01:00"


def test_what_runs_by_the_minute_runs_through_the_hour_that_comes_twice() -> None:
    cron = Cron("*/30 * * * *", timezone="Europe/Berlin")
    assert times(cron, utc("2026-10-25 00:00"), 4) == [
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T02:30+01:00",
        "2026-10-25T03:00+01:00",
    ]


FIELD = st.sampled_from(("*", "*/7", "*/15", "0", "5", "10-20", "3,17"))
HOUR = st.sampled_from(("*", "*/5", "2", "0-3", "1,22"))
DAY = st.sampled_from(("*", "*/2", "25", "28-31", "L"))
WEEKDAY = st.sampled_from(("*", "0", "1-5", "SUN", "7", "*/2"))
EXPRESSION = st.tuples(FIELD, HOUR, DAY, st.just("*"), WEEKDAY).map(" ".join)
# Around the changes of the clocks in 2026, north and south, and anywhere else.
AFTER = st.one_of(
    st.sampled_from(("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25"))
    .map(utc)
    .flatmap(lambda day: st.integers(-1500, 1500).map(lambda m: day + timedelta(minutes=m))),
    st.datetimes(datetime(1971, 1, 1), datetime(2050, 1, 1)).map(lambda d: d.replace(tzinfo=UTC)),  # noqa: DTZ001
)


@given(expression=EXPRESSION, zone=st.sampled_from(ZONES), after=AFTER)
@example("* */5 * * *", "Australia/Lord_Howe", utc("2026-10-03 15:59"))
@example("* 1-2 * * *", "Australia/Lord_Howe", utc("2026-10-03 13:00"))
@example("*/7 */2 * * *", "Australia/Lord_Howe", utc("2026-04-04 14:00"))
@settings(max_examples=60)  # each reads a clock up to a month long, minute by minute
def test_times_rise_and_lie_on_minutes_that_match(
    expression: str, zone: str, after: datetime
) -> None:
    cron = Cron(expression, timezone=zone)
    found = [after]
    for _ in range(5):
        found.append(cron.next_after(found[-1]))
    for earlier, later in pairwise(found):
        assert later.astimezone(UTC) > earlier.astimezone(UTC)
        assert (later.second, later.microsecond) == (0, 0)
    minute, hour, *_ = expression.split()
    if not (minute.startswith("*") or hour.startswith("*")):
        return  # such times may move to the end of a gap: told above
    for earlier, later in pairwise(found):
        assert later == next_by_reading_a_clock(expression, ZoneInfo(zone), earlier, later)


def next_by_reading_a_clock(
    expression: str, zone: ZoneInfo, after: datetime, until: datetime
) -> datetime | None:
    """The first minute later than ``after``, and not later than ``until``, that matches."""
    start = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    count = min(int((until.astimezone(UTC) - start) / timedelta(minutes=1)), 50_000)
    first = max(start, until.astimezone(UTC) - timedelta(minutes=count))
    for step in range(count + 1):
        moment = (first + timedelta(minutes=step)).astimezone(zone)
        if matches(expression, moment):
            return moment
    return None


def matches(expression: str, moment: datetime) -> bool:
    minute, hour, day, _, weekday = expression.split()
    is_last = (moment + timedelta(days=1)).day == 1
    on_day = is_last if day == "L" else in_field(day, moment.day, 1, 31)
    on_weekday = any(
        in_field(weekday.replace("SUN", "0"), number, 0, 7)
        for number in {moment.isoweekday(), moment.isoweekday() % 7}
    )
    both = day.startswith("*") or weekday.startswith("*")
    return (
        in_field(minute, moment.minute, 0, 59)
        and in_field(hour, moment.hour, 0, 23)
        and ((on_day and on_weekday) if both else (on_day or on_weekday))
    )


def in_field(field: str, value: int, lowest: int, highest: int) -> bool:
    if "," in field:
        return any(in_field(part, value, lowest, highest) for part in field.split(","))
    span, _, step = field.partition("/")
    first, _, last = span.replace("*", f"{lowest}-{highest}").partition("-")
    return value in range(int(first), int(last or first) + 1, int(step or 1))


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("60 * * * *", "minute is '60'; it takes 0-59, *"),
        ("* 24 * * *", "hour is '24'; it takes 0-23"),
        ("* * 32 * *", "day-of-month is '32'; it takes 1-31"),
        ("0 0 30 2 *", "day-of-month is '30'; it takes 1-31, L or LW, and a day that its month"),
        ("* * * 13 *", "month is '13'; it takes 1-12 or JAN-DEC"),
        ("* * * * 8", "day-of-week is '8'; it takes 0-7 or SUN-SAT"),
        ("*/0 * * * *", r"minute is '\*/0'"),
        ("5-1 * * * *", "minute is '5-1'"),
        (" * * * *", "has 4 fields; it takes five: minute, hour, day-of-month"),
        ("0 * * * * *", "has 6 fields; it takes five"),
        ("@daily", "has 1 fields; it takes five"),
        ("", "has 0 fields; it takes five"),
        ("* * */20 * 1L", "never comes"),
    ],
)
def test_a_wrong_expression_is_refused_and_its_field_named(expression: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        Cron(expression)
    assert repr(expression) in str(caught.value)


@pytest.mark.parametrize("zone", ["Europe/Berlim", "", "../etc/passwd", "Europe", "/etc", "a\0b"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="they are named like 'Europe/Berlin'"):
        Cron("0 9 * * *", timezone=zone)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="the expression of a Cron is a str, not int"):
        Cron(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the timezone of a Cron is a str, not ZoneInfo"):
        Cron("0 9 * * *", timezone=BERLIN)  # type: ignore[arg-type]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"use datetime\.now\(UTC\)"):
        Cron("0 9 * * *").next_after(datetime(2026, 1, 1))  # noqa: DTZ001


@given(st.one_of(st.text(max_size=40), st.text("0123456789*/-,#LWMONJA ", max_size=40)))
@example("9" * 5000 + " * * * *")
@example("* * * * ²L")
def test_any_text_is_a_cron_or_a_value_error(text: str) -> None:
    try:
        cron = Cron(text)
    except ValueError:
        return
    assert cron.next_after(utc("2026-03-01 12:00")) > utc("2026-03-01 12:00")


def test_two_of_the_same_are_equal() -> None:
    assert Cron("0 9 * * *") == Cron("0 9 * * *", timezone="UTC")
    assert Cron("0 9 * * *") != Cron("0 9 * * *", timezone="Europe/Berlin")
    assert repr(Cron("0 9 * * *")) == "Cron(expression='0 9 * * *', timezone='UTC')"
