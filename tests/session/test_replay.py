"""The ring of the last broadcasts: what follows a position, against a list of all there were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyactor.session import ReplayBuffer
from pyactor.wire.messages import Position


def filled(size: int, count: int) -> ReplayBuffer[int]:
    """A ring after ``count`` broadcasts, each of which is its own number."""
    ring = ReplayBuffer[int]("life", size, 10**9)
    for _ in range(count):
        ring.add(ring.next_sequence, 1)
    return ring


@given(size=st.integers(1, 6), count=st.integers(0, 15), known=st.integers(0, 15))
def test_what_follows_a_position_of_this_life(size: int, count: int, known: int) -> None:
    broadcast = list(range(1, count + 1))
    following = filled(size, count).following(Position("life", known))
    if known > count:  # made up
        assert following == broadcast[-size:]
    else:
        assert following == [each for each in broadcast if each > known][-size:]


@given(size=st.integers(1, 6), count=st.integers(0, 15), known=st.integers(0, 15))
def test_of_another_life_everything_kept_follows(size: int, count: int, known: int) -> None:
    ring = filled(size, count)
    assert ring.following(Position("before", known)) == list(range(1, count + 1))[-size:]


@given(size=st.integers(1, 6), count=st.integers(0, 15))
def test_nothing_follows_for_a_first_subscription(size: int, count: int) -> None:
    ring = filled(size, count)
    assert ring.following(None) == []
    assert ring.position_before(0) == Position("life", count)


def test_the_position_before_those_that_are_sent() -> None:
    ring = filled(4, 9)
    sent = ring.following(Position("life", 6))
    assert sent == [7, 8, 9]
    assert ring.position_before(len(sent)) == Position("life", 6)
    assert ring.position_before(2) == Position("life", 7)


@given(
    size=st.integers(1, 6),
    limit=st.integers(1, 20),
    sizes=st.lists(st.integers(0, 25), max_size=15),
)
def test_bytes_are_bounded_too(size: int, limit: int, sizes: list[int]) -> None:
    """What is kept is the longest end of all broadcasts that keeps both bounds: without a hole."""
    ring = ReplayBuffer[int]("life", size, limit)
    for each in sizes:
        ring.add(ring.next_sequence, each)
    count = len(sizes)
    fits = max(n for n in range(min(size, count) + 1) if sum(sizes[count - n :]) <= limit)
    assert ring.following(Position("life", 0)) == list(range(count - fits + 1, count + 1))
    assert ring.position_before(fits) == Position("life", count - fits)
