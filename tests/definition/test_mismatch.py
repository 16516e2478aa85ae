"""What is said of values that do not fit their types, and where in them the fault is."""

from __future__ import annotations

import enum
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pytest
from attrs import Factory, define, field, validators

from pyactor.definition._annotations import Scope
from pyactor.definition._binding import Binding
from pyactor.definition._case import keep
from pyactor.definition._choices import Bound
from pyactor.definition._mismatch import Mismatch


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@define
class Point:
    x: int
    y_pos: float = 0.0


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


def bind(tp: Any, **options: Any) -> Bound:
    options.setdefault("refuses_unknown", True)
    return Binding(keep, Scope(), **options).bind(tp)


@pytest.mark.parametrize(
    ("tp", "plain", "message"),
    [
        (str, 1, "expected str, got int @ $"),
        (str, None, "expected str, got None @ $"),
        (int, 1.5, "expected int, got 1.5 @ $"),
        (int, 2.0**60, "expected int, got 1.152921504606847e+18 @ $"),
        (int, float("inf"), "expected int, got inf @ $"),
        pytest.param(
            float,
            10**400,
            "expected float, got 100000000000000000...0000000000000000000 @ $",
            id="float huge",
        ),
        (list[int], [1, "a"], "expected int, got str @ $[1]"),
        (dict[str, int], {"a": "b"}, "expected int, got str @ $['a']"),
        (dict[str, int], {1: 1}, "expected a str as key, got 1 @ $"),
        (tuple[int, str], [1, 2], "expected str, got int @ $[1]"),
        (tuple[int, str], [1], "expected 2 items, got 1 @ $"),
        (tuple[int], [], "expected 1 item, got 0 @ $"),
        (
            datetime,
            "2026-01-01",
            "expected a datetime with a time zone, such as datetime.now(UTC), ",
        ),
        (datetime, "soon", "expected an ISO 8601 datetime, got 'soon' @ $"),
        (datetime, "0001-01-01T00:00:00+02:00", "expected a datetime between the years 1 and 9999"),
        (date, "1", "expected an ISO 8601 date, got '1' @ $"),
        (Decimal, "x", "expected a decimal number, got 'x' @ $"),
        (UUID, "x", "expected a UUID, got 'x' @ $"),
        (timedelta, 1e30, "expected a number of seconds, got 1e+30 @ $"),
        (timedelta, float("nan"), "expected a number of seconds, got nan @ $"),
        (Colour, "green", "expected one of 'red', 'blue', got 'green' @ $"),
        (Literal["a"], [], "expected one of 'a', got [] @ $"),
        (Point, {"x": "a", "y_pos": "b"}, "expected int, got str @ $.x; expected float, got str @"),
        (Point, {}, "missing @ $.x"),
        (Point, {"x": 1, "z": 1}, "unknown @ $.z"),
        (
            list[Node],
            [{"value": 1, "children": [{"value": ""}]}],
            "got str @ $[0].children[0].value",
        ),
        (
            Circle | Square,
            {"kind": "x"},
            "expected one of 'circle', 'square', 'red', got 'x' @ $.kind",
        ),
        (Circle | Square, {}, "expected one of 'circle', 'square', 'red', got None @ $.kind"),
        (Circle | Square, {"kind": []}, "got [] @ $.kind"),
        (
            ByUser | BySystem,
            {"at": 1},
            "expected ByUser or BySystem, got an object with none of use",
        ),
        (ByUser | int, "a", "expected ByUser | int, got str @ $"),
        (Checked, {"age": -1}, "'age' must be >= 0: -1 @ $"),
        (Checked, {"age": 1, "size": -1}, "size is negative @ $"),
        (Checked, {"age": 1, "size": 3}, "KeyError @ $"),
    ],
)
def test_what_is_said(tp: Any, plain: Any, message: str) -> None:
    with pytest.raises(Mismatch) as caught:
        bind(tp).structure(plain)
    assert message in caught.value.describe("$")


def test_an_attribute_hook_that_breaks_is_told_by_its_class() -> None:
    def split(value: int) -> int:
        return value // 0

    @define
    class Odd:
        x: int = field(converter=split)

    with pytest.raises(Mismatch) as caught:
        Binding(keep, Scope(), refuses_unknown=False).bind(Odd).structure({"x": 1})
    assert caught.value.describe("$") == "ZeroDivisionError @ $"


def test_where_a_value_to_send_is_wrong() -> None:
    with pytest.raises(Mismatch) as caught:
        bind(dict[str, list[Node]]).unstructure({"a": [Node(1), Node(2, [Node("x")])]})  # type: ignore[arg-type]
    assert caught.value.describe("v") == "expected int, got str @ v['a'][1].children[0].value"


def test_faults_deep_inside_are_found_at_once() -> None:
    node: Any = {"value": "x"}
    typed: Any = Node("x")  # type: ignore[arg-type]
    for _ in range(60):  # a second look at each level would take 2 ** 60 steps
        node = {"value": 1, "children": [node]}
        typed = Node(1, [typed])
    with pytest.raises(Mismatch, match="expected int, got str"):
        bind(Node).structure(node)
    with pytest.raises(Mismatch, match="expected int, got str"):
        bind(Node).unstructure(typed)
