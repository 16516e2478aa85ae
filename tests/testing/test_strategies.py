"""Strategies: what is drawn fits its type, keeps to validators and overrides, plain first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar
from uuid import UUID

import hypothesis.strategies as st
import pytest
from attrs import Factory, define, field, validators
from hypothesis import Phase, find, given, settings

from pyactor import Actor, action
from pyactor.definition import definition_of
from pyactor.errors import InvalidArguments, InvalidParams
from pyactor.plain import UNDEFINED
from pyactor.testing._strategies import Overrides, Strategies
from pyactor.wire.codecs import codec_for

T = TypeVar("T")
UserId = NewType("UserId", str)


class Colour(Enum):
    RED = "red"
    BLUE = 7


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


@define
class Leaf:
    kind: Literal["leaf"] = "leaf"
    value: int = 0


@define
class Tree:
    kind: Literal["tree"] = "tree"
    left: Tree | Leaf | None = None
    children: list[Tree] = Factory(list)


@define
class Box(Generic[T]):
    inside: T


@define
class Bounded:
    age: int = field(validator=validators.and_(validators.ge(18), validators.lt(20)))
    share: float = field(validator=[validators.gt(0), validators.le(1)])
    code: str = field(validator=validators.matches_re(r"[A-Z]{2}-\d+"))
    name: str = field(validator=[validators.min_len(3), validators.max_len(5)])
    colour: str = field(validator=validators.in_(["red", "blue"]))
    tags: list[str] = field(validator=validators.min_len(4))
    maybe: int | None = field(default=None, validator=validators.optional(validators.ge(3)))

    def __attrs_post_init__(self) -> None:
        if self.age % 2:
            raise ValueError("an odd age")


class Kitchen(Actor[None, None, Bounded]):
    """An action for each type that travels."""

    @action
    def text(self, it: str) -> None: ...
    @action
    def whole(self, it: int) -> None: ...
    @action
    def real(self, it: float) -> None: ...
    @action
    def yes(self, it: bool) -> None: ...
    @action
    def blob(self, it: bytes) -> None: ...
    @action
    def nothing(self, it: None) -> None: ...
    @action
    def instant(self, it: datetime) -> None: ...
    @action
    def day(self, it: date) -> None: ...
    @action
    def clock(self, it: time) -> None: ...
    @action
    def span(self, it: timedelta) -> None: ...
    @action
    def unique(self, it: UUID) -> None: ...
    @action
    def money(self, it: Decimal) -> None: ...
    @action
    def colour(self, it: Colour) -> None: ...
    @action
    def size(self, it: Size) -> None: ...
    @action
    def choice(self, it: Literal["a", 1, True]) -> None: ...
    @action
    def anything(self, it: Any) -> None: ...
    @action
    def either(self, it: int | str | None) -> None: ...
    @action
    def many(self, it: list[int]) -> None: ...
    @action
    def few(self, it: set[str]) -> None: ...
    @action
    def frozen(self, it: frozenset[int]) -> None: ...
    @action
    def pair(self, it: tuple[int, str]) -> None: ...
    @action
    def row(self, it: tuple[int, ...]) -> None: ...
    @action
    def empty(self, it: tuple[()]) -> None: ...
    @action
    def table(self, it: dict[str, list[int]]) -> None: ...
    @action
    def tree(self, it: Tree) -> None: ...
    @action
    def box(self, it: Box[int]) -> None: ...
    @action
    def named(self, it: UserId) -> None: ...
    @action
    def annotated(self, it: Annotated[int, "years"]) -> None: ...
    @action
    def bounded(self, it: Bounded) -> None: ...
    @action
    def default(self, it: int, also: str = "x", *, loud: bool = False) -> None: ...
    @action
    def rest(self, first: int = 3, *others: str) -> None: ...
    @action
    def bare(self) -> None: ...


KITCHEN = definition_of(Kitchen)


PLAIN = Strategies(KITCHEN)


def strategies(overrides: Overrides | None = None, **more: Any) -> Strategies:
    return Strategies(KITCHEN, overrides or {}, **more)


@pytest.mark.parametrize("attr", list(KITCHEN.actions_by_attr))
def test_arguments_fit_every_type_that_travels_and_survive_the_wire(attr: str) -> None:
    spec = KITCHEN.actions_by_attr[attr]
    codec = codec_for("json")

    @settings(max_examples=20)
    @given(PLAIN.arguments(attr))
    def fits(args: list[Any]) -> None:
        body = codec.encode_action_request(args, codec.initial_version)
        typed, named = spec.structure_arguments(codec.decode_action_request(body))
        again, again_named = spec.structure_arguments(spec.unstructure_arguments(typed, named))
        assert (again, again_named) == (typed, named)

    fits()


@settings(max_examples=50)
@given(PLAIN.params)
def test_validators_narrow_what_is_drawn(plain: Any) -> None:
    params = KITCHEN.structure_params(plain)
    assert params.age == 18
    assert 0 < params.share <= 1
    assert params.colour in {"red", "blue"}
    assert 3 <= len(params.name) <= 5
    assert len(params.tags) >= 4


def test_the_plainest_value_comes_first() -> None:
    def simplest(attr: str) -> list[Any]:
        return find(PLAIN.arguments(attr), lambda _: True)

    assert simplest("text") == ["a"]
    assert simplest("whole") == [0]
    assert simplest("default") == [0]  # what has a default is left out
    assert simplest("rest") == []
    assert simplest("bare") == []


@given(strategies({"it": ["ann"], "default.it": [5], int: [7]}).arguments("text"))
def test_an_override_by_name_wins(args: list[Any]) -> None:
    assert args == ["ann"]


def test_overrides_by_type_and_by_qualified_name() -> None:
    made = strategies({int: [7], "default.also": st.just("y"), "Bounded.name": ["ann"]})

    @settings(max_examples=20)
    @given(made.arguments("many"), made.arguments("default"), made.params)
    def fits(many: list[Any], default: list[Any], params: Any) -> None:
        assert set(many[0]) <= {7}
        assert default[0] == 7
        assert default[1:2] in ([], ["y"], [UNDEFINED])
        assert params["name"] == "ann"
        assert params["age"] == 18  # a validator says more than a type

    fits()


def test_an_override_of_nothing_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"'loudd' is no type, parameter .* default\.loud, "):
        strategies({"loudd": [True]})


@pytest.mark.parametrize("values", ["ann", b"x", 3])
def test_what_is_neither_strategy_nor_list_is_refused(values: Any) -> None:
    with pytest.raises(TypeError, match="'it': give a strategy or a list of the values to try"):
        strategies({"it": values})


def test_params_and_input_can_be_given() -> None:
    bounded = Bounded(18, 1.0, "AB-1", "bob", "red", ["a", "b", "c", "d"])
    made = strategies(params=[bounded], input=[None])
    assert find(made.params, lambda _: True) == KITCHEN.unstructure_params(bounded)
    assert find(made.input, lambda _: True) is None


def refuses(structure: Callable[[Any], object], error: type[Exception]) -> Callable[[Any], bool]:
    def is_refused(plain: Any) -> bool:
        try:
            structure(plain)
        except error:
            return True
        return False

    return is_refused


def seek(strategy: st.SearchStrategy[Any], condition: Callable[[Any], bool]) -> None:
    """Find one; it need not be simple."""
    find(strategy, condition, settings=settings(phases=[Phase.generate]))


def test_ill_fitting_params_are_refused_by_the_host() -> None:
    seek(PLAIN.ill_fitting_params, refuses(KITCHEN.structure_params, InvalidParams))


@pytest.mark.parametrize("attr", [each for each in KITCHEN.actions_by_attr if each != "rest"])
def test_ill_fitting_arguments_are_refused_by_the_host(attr: str) -> None:
    spec = KITCHEN.actions_by_attr[attr]
    seek(
        PLAIN.ill_fitting_arguments(attr),
        refuses(spec.structure_arguments, InvalidArguments),
    )


def test_a_type_of_no_wire_is_refused() -> None:
    with pytest.raises(TypeError, match="no type that can travel"):
        PLAIN.of(complex)


@given(PLAIN.of(datetime))
def test_datetimes_have_a_zone(value: datetime) -> None:
    assert value.tzinfo is UTC
