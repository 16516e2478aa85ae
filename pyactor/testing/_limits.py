"""What the validators of an attrs attribute leave of its type, as far as they say it in numbers.

Owns reading attrs' own validators. What it does not know, the class itself refuses later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from attrs import evolve, frozen


@frozen
class Limits:
    """Bounds of the values of one attribute; None where there is none.

    Attributes:
        low: The least number.
        above: A number that it must exceed.
        high: The greatest number.
        below: A number that it must stay under.
        min_size: The fewest items or characters.
        max_size: The most of them.
        pattern: What a text matches in full.
        options: The only values there are.
    """

    low: Any = None
    above: Any = None
    high: Any = None
    below: Any = None
    min_size: int = 0
    max_size: int | None = None
    pattern: re.Pattern[Any] | None = None
    options: Collection[Any] | None = None

    def within(self, size: int) -> tuple[int, int]:
        """The fewest and the most items of a value that is to be small."""
        most = max(self.min_size, size)
        return self.min_size, most if self.max_size is None else min(most, self.max_size)


NO_LIMITS = Limits()

_COMPARISONS: Mapping[str, str] = MappingProxyType(
    {">=": "low", ">": "above", "<=": "high", "<": "below"}
)
_SIZES = ("min_size", "max_size")


def limits_of(validator: object) -> Limits:
    """What a validator of attrs says; nothing for one of the user's own.

    attrs names no classes for what ``validators.ge`` and the others make, so their attributes tell
    them apart.
    """
    limits = NO_LIMITS
    each: Any
    for each in _flat(validator):
        comparison = _COMPARISONS.get(getattr(each, "compare_op", ""))
        if comparison is not None:
            limits = evolve(limits, **{comparison: each.bound})
        elif hasattr(each, "max_length"):
            limits = evolve(limits, max_size=each.max_length)
        elif hasattr(each, "min_length"):
            limits = evolve(limits, min_size=each.min_length)
        elif isinstance(getattr(each, "pattern", None), re.Pattern):
            limits = evolve(limits, pattern=each.pattern)
        elif hasattr(each, "options"):
            limits = evolve(limits, options=each.options)
    return limits


def _flat(validator: object) -> list[object]:
    """The validators that all must hold: what ``and_`` and ``optional`` are made of."""
    for attribute in ("_validators", "validator"):
        inner = getattr(validator, attribute, None)
        if inner is not None and not hasattr(validator, "exc_types"):  # not_ turns it around
            return [each for part in _tuple(inner) for each in _flat(part)]
    return [validator]


def _tuple(inner: object) -> tuple[object, ...]:
    return inner if isinstance(inner, tuple) else (inner,)
