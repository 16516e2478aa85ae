"""How cost grows: one work with one thing varied, and the slope of it on logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from attrs import evolve, frozen

from ._works import ACTIONS, BROADCAST, Result, Work

TOLERANCE = 0.15
"""By how much a slope may be above the linear one: noise, caches."""


@frozen
class Curve:
    """One dependence.

    Attributes:
        name: What is varied.
        cost: What is plotted against it.
        points: Its values.
        work: The work with a value.
        total: The cost of a measurement with a value.
        linear: The slope of linear growth: 1, or 0 where the cost is that of one action while
            there are more of them.
        ours_only: Whether the bare server cannot do it.
    """

    name: str
    cost: str
    points: Sequence[int]
    work: Callable[[int], Work]
    total: Callable[[Result, int], float] = lambda result, _: result["cpu"]
    linear: int = 0
    ours_only: bool = False


_ECHO = evolve(ACTIONS, action="echo")
_SAVE = evolve(ACTIONS, action="save", connections=4)

CURVES = (
    Curve(
        "connections",
        "CPU µs per action",
        (1, 4, 16, 64, 256, 1024, 4096),
        lambda n: evolve(ACTIONS, connections=n),
    ),
    Curve(
        "subscribers",
        "CPU µs per broadcast",
        (10, 30, 100, 300, 1000, 3000),
        lambda n: evolve(BROADCAST, connections=n),
        total=lambda result, n: result["cpu"] * n,
        linear=1,
    ),
    Curve(
        "actors",
        "CPU µs per action",
        (1, 4, 16, 64, 256, 1024),
        lambda n: evolve(ACTIONS, connections=n, actors=True),
        ours_only=True,
    ),
    Curve(
        "message size",
        "CPU µs per action",
        (16, 64, 256, 1024, 4096, 16384, 49152),
        lambda n: evolve(_ECHO, size=n),
        linear=1,
    ),
    Curve(
        "state size",
        "CPU µs per immediate save",
        (100, 1000, 10_000, 100_000, 1_000_000),
        lambda n: evolve(_SAVE, state=n),
        linear=1,
        ours_only=True,
    ),
)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The exponent of the power law that fits best: the least squares of the logarithms.

    Args:
        points: At least two, with coordinates above 0.
    """
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return above / sum((x - mean_x) ** 2 for x in xs)
