"""Typed values <-> plain values: every row of the table, and nothing coerced."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NewType
from uuid import UUID

import pytest
from attrs import Factory, define, field, validators
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypeAliasType, TypeVar, override

from pyactor.definition._annotations import Scope
from pyactor.definition._binding import Binding
from pyactor.definition._case import camel, keep
from pyactor.definition._choices import Bound
from pyactor.definition._mismatch import Mismatch
from pyactor.plain import UNDEFINED

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    HUGE = 2**40


class Word(enum.StrEnum):
    A = "a"

    @override
    def __str__(self) -> str:
        return "something else"


@define
class Point:
    x: int
    y_pos: float = 0.0


@define
class Box(Generic[T]):
    item: T


@define
class BoxOfBoxes(Box[Box[T]], Generic[T]):
    own: T


@define
class Node:
    value: int
    children: list[Node] = Factory(list)
    parent: Node | None = None


@define
class Circle:
    kind: Literal["circle"]
    r: int


@define
class Square:
    kind: Literal["square", Colour.RED]
    a: int


@define
class ByUser:
    user: str
    at: int = 0


@define
class BySystem:
    system: str
    at: int = 0


@define
class Checked:
    age: int = field(validator=validators.ge(0))
    size: int = 0
    made: int = field(init=False, default=7)

    def __attrs_post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("size is negative")
        if self.size == 3:
            raise KeyError("private words")


UserId = NewType("UserId", str)
Shapes = TypeAliasType("Shapes", Circle | Square)
Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))


def bind(tp: Any, **options: Any) -> Bound:
    options.setdefault("refuses_unknown", True)
    return Binding(keep, Scope(), **options).bind(tp)


EXAMPLES: list[tuple[Any, Any, Any]] = [
    (str, "a", "a"),
    (bool, True, True),
    (None, None, None),
    (int, 2**70, 2**70),
    (float, 1.5, 1.5),
    (bytes, b"a", b"a"),
    (list[int], [1, 2], [1, 2]),
    (list[int], [1], [1]),
    (list, [1, "a"], [1, "a"]),
    (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
    (dict, {"a": 1}, {"a": 1}),
    (set[str], {"a"}, {"a"}),
    (frozenset[int], frozenset({1}), {1}),
    (tuple[int, str], (1, "a"), [1, "a"]),
    (tuple[int, ...], (1, 2, 3), [1, 2, 3]),
    (tuple[()], (), []),
    (tuple, (1, "a"), [1, "a"]),
    (Pair[int], (1, 2), [1, 2]),
    (Annotated[int, "words"], 3, 3),
    (UserId, "u", "u"),
    (Any, {"a": [1]}, {"a": [1]}),
    (object, 3, 3),
    (datetime, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
    (date, date(2026, 1, 2), "2026-01-02"),
    (time, time(3, 4, 5), "03:04:05"),
    (UUID, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Decimal, Decimal("1.50"), "1.50"),
    (timedelta, timedelta(minutes=1, milliseconds=500), 60.5),
    (Colour, Colour.RED, "red"),
    (Size, Size.HUGE, 2**40),
    (Literal["a", 1, Colour.BLUE], Colour.BLUE, "blue"),
    (Literal[True, 1], True, True),
    (Point, Point(1, 2.0), {"x": 1, "y_pos": 2.0}),
    (Box[int], Box(1), {"item": 1}),
    (BoxOfBoxes[int], BoxOfBoxes(Box(1), 2), {"item": {"item": 1}, "own": 2}),
    (
        Node,
        Node(1, [Node(2)]),
        {
            "value": 1,
            "children": [{"value": 2, "children": [], "parent": None}],
            "parent": None,
        },
    ),
    (int | None, None, None),
    (int | str | None, 3, 3),
    (int | Any, "a", "a"),
    (list[int] | str, [1], [1]),
    (bool | int, True, True),
    (Circle | Square, Circle("circle", 1), {"kind": "circle", "r": 1}),
    (Circle | Square, Square(Colour.RED, 1), {"kind": "red", "a": 1}),
    (Shapes | None, None, None),
    (Shapes | None, Square("square", 1), {"kind": "square", "a": 1}),
    (ByUser | BySystem | int, BySystem("s"), {"system": "s", "at": 0}),
    (ByUser | BySystem | int, 3, 3),
    (datetime | None, datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"),
    (Checked, Checked(1), {"age": 1, "size": 0}),
]


@pytest.mark.parametrize(("tp", "typed", "plain"), EXAMPLES)
def test_both_ways(tp: Any, typed: Any, plain: Any) -> None:
    bound = bind(tp)
    assert bound.unstructure(typed) == plain
    assert type(bound.unstructure(typed)) is type(plain)
    assert bound.structure(plain) == typed
    assert type(bound.structure(plain)) is type(typed)


@pytest.mark.parametrize(
    ("tp", "plain", "typed"),
    [
        (int, 2.0**40, 2**40),
        (int, -0.0, 0),
        (float, 3, 3.0),
        (timedelta, 3, timedelta(seconds=3)),
        (Size, 2.0**40, Size.HUGE),
        (Literal[1], 1.0, 1),
        (datetime, "2026-01-01T02:00:00+02:00", datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        (Point, {"x": 1}, Point(1)),
        (int | None, 3.0, 3),
    ],
)
def test_also_taken(tp: Any, plain: Any, typed: Any) -> None:
    made = bind(tp).structure(plain)
    assert made == typed
    assert type(made) is type(typed)


@pytest.mark.parametrize(
    ("tp", "typed", "plain"),
    [
        (str, Word.A, "a"),
        (int, Size.SMALL, 1),
        (float, 3, 3.0),
        (
            datetime,
            datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-01T00:00:00Z",
        ),
        (tuple[int, ...], type("T", (tuple,), {})((1,)), [1]),
        (list[int], type("L", (list,), {})([1]), [1]),
        (Point | int, type("P", (Point,), {})(1), {"x": 1, "y_pos": 0.0}),
    ],
)
def test_also_sent(tp: Any, typed: Any, plain: Any) -> None:
    made = bind(tp).unstructure(typed)
    assert made == plain
    assert type(made) is type(plain)


KINDS: list[Any] = [None, True, 1, 1.5, "a", b"a", [1], {"k": 1}, {1}, UNDEFINED]


@pytest.mark.parametrize(
    ("tp", "fitting"),
    [
        (str, ["a"]),
        (bool, [True]),
        (None, [None]),
        (int, [1]),
        (float, [1, 1.5]),
        (bytes, [b"a"]),
        (list[int], [[1]]),
        (tuple[int, ...], [[1]]),
        (set[int], [{1}]),
        (dict[str, int], [{"k": 1}]),
        (datetime, []),
        (date, []),
        (time, []),
        (UUID, []),
        (Decimal, []),
        (timedelta, [1, 1.5]),
        (Colour, []),
        (Literal["a"], ["a"]),
        (Literal[1], [1]),
        (Point, []),
        (Point | str, ["a"]),
        (Circle | Square, []),
        (ByUser | BySystem, []),
    ],
)
def test_nothing_is_coerced(tp: Any, fitting: list[Any]) -> None:
    bound = bind(tp)
    for value in KINDS:
        if any(value is each or (value == each and type(value) is type(each)) for each in fitting):
            bound.structure(value)
        else:
            with pytest.raises(Mismatch):
                bound.structure(value)


@pytest.mark.parametrize(
    ("tp", "value"),
    [
        (str, 1),
        (bool, 1),
        (int, True),
        (int, 1.0),
        (float, True),
        (float, "1"),
        (float, 10**400),
        (bytes, "a"),
        (list[int], (1,)),
        (list[int], "12"),
        (tuple[int, ...], [1]),
        (tuple[int], (1, 2)),
        (set[int], frozenset({1})),
        (frozenset[int], {1}),
        (dict[str, int], {1: 1}),
        (dict[str, int], [("a", 1)]),
        (datetime, date(2026, 1, 1)),
        (datetime, datetime(2026, 1, 1)),  # noqa: DTZ001 - the mistake
        (datetime, datetime.min.replace(tzinfo=timezone(timedelta(hours=2)))),
        (date, datetime(2026, 1, 1, tzinfo=UTC)),
        (time, "03:04"),
        (UUID, "00000000-0000-0000-0000-000000000001"),
        (Decimal, 1),
        (timedelta, 1),
        (Colour, "red"),
        (Literal["a"], "b"),
        (Literal[1], True),
        (Literal[1], []),
        (Point, {"x": 1}),
        (Point, Box(1)),
        (Point | str, Box(1)),
        (None, 0),
    ],
)
def test_nothing_else_is_sent(tp: Any, value: Any) -> None:
    with pytest.raises(Mismatch):
        bind(tp).unstructure(value)


def test_unknown_keys_are_for_newer_peers() -> None:
    assert bind(Point, refuses_unknown=False).structure({"x": 1, "z": 1}) == Point(1)


def test_what_is_kept_is_kept_whole() -> None:
    value = Checked(1)
    value.made = 9
    bound = bind(Checked, refuses_unknown=False, keeps_all=True)
    assert bound.unstructure(value) == {"age": 1, "size": 0, "made": 9}
    assert bound.structure({"age": 1, "made": 9}).made == 9


def test_names_on_the_wire() -> None:
    assert [camel(name) for name in ("a", "a_b", "_a_b", "a__b", "a_1", "a_b_", "A_B", "")] == [
        "a",
        "aB",
        "_aB",
        "aB",
        "a1",
        "aB_",
        "AB",
        "",
    ]
    bound = Binding(camel, Scope(), refuses_unknown=True).bind(dict[str, Point | Any])
    assert bound.unstructure({"a_b": 1}) == {"a_b": 1}
    points = Binding(camel, Scope(), refuses_unknown=True).bind(dict[str, Point])
    assert points.unstructure({"a_b": Point(1)}) == {"a_b": {"x": 1, "yPos": 0.0}}
    with pytest.raises(Mismatch) as caught:
        points.structure({"a_b": {"x": 1, "yPos": "a"}})
    assert caught.value.describe("$") == "expected float, got str @ $['a_b'].yPos"


def test_types_are_bound_once() -> None:
    binding = Binding(keep, Scope(), refuses_unknown=True)
    assert binding.bind(list[Node]) is binding.bind(list[Node])


AWARE = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001 - the same
    timezones=st.timezones(),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
POINTS = st.builds(Point, st.integers(), st.floats(allow_nan=False))
NODES = st.recursive(
    st.builds(Node, st.integers()),
    lambda inner: st.builds(Node, st.integers(), st.lists(inner, max_size=3), st.none() | inner),
    max_leaves=6,
)
VALUES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "datetime": (datetime, AWARE),
    "date": (date, st.dates()),
    "time": (time, st.times()),
    "timedelta": (timedelta, st.timedeltas(timedelta(days=-90_000), timedelta(days=90_000))),
    "UUID": (UUID, st.uuids()),
    "Decimal": (Decimal, st.decimals(allow_nan=False)),
    "nested": (
        dict[str, list[tuple[Point, set[bytes], frozenset[Colour] | None]]],
        st.dictionaries(
            st.text(),
            st.lists(
                st.tuples(
                    POINTS,
                    st.sets(st.binary()),
                    st.none() | st.frozensets(st.sampled_from(Colour)),
                ),
                max_size=3,
            ),
            max_size=3,
        ),
    ),
    "recursive": (Node, NODES),
    "union": (
        Circle | Square | str | list[int] | None,
        st.builds(Circle, st.just("circle"), st.integers())
        | st.builds(Square, st.sampled_from(["square", Colour.RED]), st.integers())
        | st.text()
        | st.lists(st.integers())
        | st.none(),
    ),
}


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
def test_round_trip(name: str, data: st.DataObject) -> None:
    bound, values = BOUND[name], VALUES[name][1]
    value = data.draw(values)
    if isinstance(value, datetime):
        value = value.astimezone(UTC)  # equal across zones, but not where a clock is turned back
    assert bound.structure(bound.unstructure(value)) == value


BOUND = {name: bind(tp) for name, (tp, _) in VALUES.items()}
TARGETS = [bind(tp) for tp, _, _ in EXAMPLES]


@given(plain=PLAIN, bound=st.sampled_from(TARGETS))
def test_any_plain_value_fits_or_is_refused(plain: Any, bound: Bound) -> None:
    try:
        typed = bound.structure(plain)
    except Mismatch as error:
        error.describe("$")
    else:
        bound.unstructure(typed)
