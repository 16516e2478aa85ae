"""Hypothesis strategies for what does not fit: values with something wrong in one place."""

from __future__ import annotations

import hypothesis.strategies as st

from ..plain import UNDEFINED, Plain

MISFITS: st.SearchStrategy[Plain] = st.sampled_from(
    (None, "a", 0, 0.5, True, [], {}, {"a": 0}, ["a"])
)
"""Plain values of every kind."""

_EXTRA = st.lists(MISFITS, min_size=1, max_size=2)


@st.composite
def spoiled(draw: st.DrawFn, plain: Plain) -> Plain:
    """A plain value with something wrong in one place."""
    if isinstance(plain, dict) and plain:
        key = draw(st.sampled_from(sorted(plain)))
        how = draw(st.integers(0, 3))
        if how == 0:
            return {name: value for name, value in plain.items() if name != key}
        if how == 1:
            return {**plain, "unknown": 0}
        return {**plain, key: draw(spoiled(plain[key]))}
    if isinstance(plain, list) and plain and draw(st.booleans()):
        return draw(spoiled_arguments(plain))
    return draw(MISFITS.filter(lambda value: type(value) is not type(plain)))


@st.composite
def spoiled_arguments(draw: st.DrawFn, plain: list[Plain]) -> list[Plain]:
    """The items of a list, of which one is missing, of another kind, or too many."""
    how = draw(st.integers(0, 2))
    if plain and how == 0:
        return plain[:-1]
    if plain and how == 1:
        at = draw(st.integers(0, len(plain) - 1))
        return [*plain[:at], draw(spoiled(plain[at])), *plain[at + 1 :]]
    return [*(None if each is UNDEFINED else each for each in plain), *draw(_EXTRA)]
