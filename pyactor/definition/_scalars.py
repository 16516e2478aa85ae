"""The types whose plain form is one value (wire-protocol.md, "Python types on the wire").

Strict both ways: nothing is coerced. Which values JSON or CBOR can carry is the codecs' business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType, NoneType
from typing import Any, TypeAlias
from uuid import UUID

from attrs import frozen

from ..plain import Plain
from ._mismatch import expected, refused

Structure: TypeAlias = Callable[..., Any]
"""Plain value -> typed value; raises Mismatch. A second argument, which cattrs gives, is unused."""
Unstructure: TypeAlias = Callable[[Any], Plain]
"""Typed value -> plain value; raises Mismatch."""

NUMBER = frozenset({int, float})
MAX_SAFE = 2**53
"""JavaScript's numbers are exact up to here; whole numbers beyond come as BigInt, which is int."""


@frozen
class Scalar:
    """One row of the table.

    Attributes:
        structure: Plain to typed.
        unstructure: Typed to plain.
        plain: The classes that its plain form may have.
    """

    structure: Structure
    unstructure: Unstructure
    plain: frozenset[type]


def _same(cls: type, name: str) -> Scalar:
    """A type that is its own plain form. A subclass's value is reduced to the type itself."""

    def structure(value: Plain, _: object = None) -> Any:
        if type(value) is not cls:
            raise expected(name, value)
        return value

    def unstructure(value: Any) -> Plain:
        if type(value) is cls:
            return value
        if not isinstance(value, cls):
            raise expected(name, value)
        # Not cls(value): an enum that is a str has a __str__ of its own.
        return str.__str__(value) if isinstance(value, str) else cls(value)

    return Scalar(structure, unstructure, frozenset({cls}))


def _structure_int(value: Plain, _: object = None) -> int:
    if type(value) is int:
        return value
    # JavaScript's whole numbers from 2**32 on arrive as floats.
    if isinstance(value, float):
        if value.is_integer() and abs(value) <= MAX_SAFE:
            return int(value)
        raise refused("int", value)
    raise expected("int", value)


def _unstructure_int(value: Any) -> Plain:
    if type(value) is int:
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise expected("int", value)
    return int(value)


def _to_float(value: Any, _: object = None) -> float:
    if type(value) is float:
        return value
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise expected("float", value)
    try:
        return float(value)
    except OverflowError:
        raise refused("float", value) from None


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None or value.utcoffset() is None:
        raise refused("a datetime with a time zone, such as datetime.now(UTC)", value)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise refused("a datetime between the years 1 and 9999 in UTC", value) from None


def _structure_datetime(value: Plain, _: object = None) -> datetime:
    if isinstance(value, datetime):  # a JavaScript Date
        return _aware(value)
    return _aware(_parse(datetime.fromisoformat, "an ISO 8601 datetime", value))


def _unstructure_datetime(value: Any) -> Plain:
    if not isinstance(value, datetime):
        raise expected("datetime", value)
    return _aware(value).isoformat().removesuffix("+00:00") + "Z"


def _parse(parse: Callable[[str], Any], what: str, value: Plain) -> Any:
    if type(value) is not str:
        raise expected(what, value)
    try:
        return parse(value)
    except (ValueError, InvalidOperation):
        raise refused(what, value) from None


def _text(cls: type, what: str, parse: Callable[[str], Any], show: Callable[[Any], str]) -> Scalar:
    """A type whose plain form is a text."""

    def structure(value: Plain, _: object = None) -> Any:
        return _parse(parse, what, value)

    def unstructure(value: Any) -> Plain:
        # A datetime is a date to isinstance, and would silently lose its time.
        if not isinstance(value, cls) or (cls is date and isinstance(value, datetime)):
            raise expected(cls.__name__, value)
        return show(value)

    return Scalar(structure, unstructure, frozenset({str}))


def _structure_timedelta(value: Plain, _: object = None) -> timedelta:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise expected("a number of seconds", value)
    try:
        return timedelta(seconds=value)
    except (OverflowError, ValueError):
        raise refused("a number of seconds", value) from None


def _unstructure_timedelta(value: Any) -> Plain:
    if not isinstance(value, timedelta):
        raise expected("timedelta", value)
    return value.total_seconds()


def _structure_any(value: Plain, _: object = None) -> Any:
    return value


def _unstructure_any(value: Any) -> Plain:
    return value


ANY = Scalar(_structure_any, _unstructure_any, frozenset())

SCALARS: Mapping[Any, Scalar] = MappingProxyType(
    {
        str: _same(str, "str"),
        bool: _same(bool, "bool"),
        bytes: _same(bytes, "bytes"),
        NoneType: _same(NoneType, "None"),
        int: Scalar(_structure_int, _unstructure_int, NUMBER),
        float: Scalar(_to_float, _to_float, NUMBER),
        datetime: Scalar(_structure_datetime, _unstructure_datetime, frozenset({str, datetime})),
        date: _text(date, "an ISO 8601 date", date.fromisoformat, date.isoformat),
        time: _text(time, "an ISO 8601 time", time.fromisoformat, time.isoformat),
        UUID: _text(UUID, "a UUID", UUID, str),
        Decimal: _text(Decimal, "a decimal number", Decimal, str),
        timedelta: Scalar(_structure_timedelta, _unstructure_timedelta, NUMBER),
    }
)
"""Type -> row."""
