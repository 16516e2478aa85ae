"""Hypothesis strategies for the types whose values are single: which ones are tried first.

Owns the pools. They are small, so that two clients come upon the same name, and the first of each
is the plainest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType, NoneType
from typing import Any, Final
from uuid import UUID

import hypothesis.strategies as st

from ..plain import Plain
from ._limits import Limits

_SAFE: Final = 2**53
_TEXT: Final = 8
"""Characters, unless validators ask for more."""
_MORNING = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)

_UNTIL: Final = 4_000_000_000
"""Seconds since the Unix epoch: the year 2096."""

_NUMBERS = st.sampled_from((0, 1, 2, -1))
_TEXTS = st.sampled_from(("a", "b", "c", ""))
ANY: st.SearchStrategy[Plain] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=3,
)
"""Whatever is plain."""


def _integers(limits: Limits) -> st.SearchStrategy[int]:
    low = limits.low if limits.above is None else math.floor(limits.above) + 1
    high = limits.high if limits.below is None else math.ceil(limits.below) - 1
    if low is None and high is None:
        return st.one_of(_NUMBERS, st.integers(-_SAFE, _SAFE))
    low = None if low is None else math.ceil(low)
    high = None if high is None else math.floor(high)
    return st.integers(low, high)


def _floats(limits: Limits) -> st.SearchStrategy[float]:
    low = limits.low if limits.above is None else limits.above
    high = limits.high if limits.below is None else limits.below
    floats = st.floats(
        None if low is None else float(low),
        None if high is None else float(high),
        exclude_min=limits.above is not None,
        exclude_max=limits.below is not None,
        allow_nan=False,
        allow_infinity=False,
        width=64,
    )
    return st.one_of(_NUMBERS.map(float), floats) if low is high is None else floats


def _texts(limits: Limits) -> st.SearchStrategy[str]:
    if limits.pattern is not None:
        pattern: re.Pattern[str] = limits.pattern
        return st.from_regex(pattern, fullmatch=True)
    low, high = limits.within(_TEXT)
    texts = st.text(st.characters(codec="utf-8"), min_size=low, max_size=high)
    return texts if low or high < 1 else st.one_of(_TEXTS, texts)


def _bytes(limits: Limits) -> st.SearchStrategy[bytes]:
    low, high = limits.within(_TEXT)
    return st.binary(min_size=low, max_size=high)


def _decimals(limits: Limits) -> st.SearchStrategy[Decimal]:
    return st.decimals(limits.low, limits.high, allow_nan=False, allow_infinity=False, places=2)


def _fixed(strategy: st.SearchStrategy[Any]) -> Callable[[Limits], st.SearchStrategy[Any]]:
    return lambda _limits: strategy


SCALARS: Mapping[Any, Callable[[Limits], st.SearchStrategy[Any]]] = MappingProxyType(
    {
        str: _texts,
        int: _integers,
        float: _floats,
        bytes: _bytes,
        Decimal: _decimals,
        bool: _fixed(st.booleans()),
        NoneType: _fixed(st.none()),
        Any: _fixed(ANY),
        object: _fixed(ANY),
        datetime: _fixed(
            st.one_of(
                st.sampled_from((_MORNING, _MORNING + timedelta(hours=1))),
                st.integers(0, _UNTIL).map(lambda second: datetime.fromtimestamp(second, UTC)),
            )
        ),
        date: _fixed(st.one_of(st.just(_MORNING.date()), st.dates())),
        time: _fixed(st.one_of(st.just(time(8, 0)), st.times())),
        timedelta: _fixed(
            st.sampled_from((0, 1, 0.5, 60)).map(lambda seconds: timedelta(seconds=seconds))
        ),
        UUID: _fixed(st.one_of(st.sampled_from((UUID(int=1), UUID(int=2))), st.uuids())),
    }
)
"""How each of these types is drawn, within limits."""
