"""How the arguments of a call travel (api.md, "On the wire")."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from pyactor.definition import ActionSpec, Actor, action, definition_of
from pyactor.errors import InvalidArguments
from pyactor.plain import UNDEFINED


@define
class User:
    name: str


class Room(Actor[None], wire_case="camel"):
    @action
    def plain(self, who: User, count: int = 1, flag: bool = False) -> None: ...

    @action
    def named(self, text: str, a: int = 1, *, is_loud: bool = False, to_whom: str = "") -> None: ...

    @action
    def needed(self, *, user_id: int) -> None: ...

    @action
    def rest(self, first: str, *others: int) -> None: ...

    @action
    def posonly(self, a: int, b: int = 2, /, c: int = 3) -> None: ...

    @action
    def none(self) -> None: ...


def spec(name: str) -> ActionSpec:
    return definition_of(Room).actions[name]


@pytest.mark.parametrize(
    ("name", "plain", "args", "kwargs"),
    [
        ("plain", [{"name": "a"}], (User("a"), 1, False), {}),
        ("plain", [{"name": "a"}, UNDEFINED, True], (User("a"), 1, True), {}),
        ("named", ["a"], ("a", 1), {"is_loud": False, "to_whom": ""}),
        ("named", ["a", 2, {"isLoud": True}], ("a", 2), {"is_loud": True, "to_whom": ""}),
        ("named", ["a", UNDEFINED, {}], ("a", 1), {"is_loud": False, "to_whom": ""}),
        ("named", ["a", 2, None], ("a", 2), {"is_loud": False, "to_whom": ""}),
        ("named", ["a", 2, UNDEFINED], ("a", 2), {"is_loud": False, "to_whom": ""}),
        ("needed", [{"userId": 3}], (), {"user_id": 3}),
        ("rest", ["a"], ("a",), {}),
        ("rest", ["a", 1, 2], ("a", 1, 2), {}),
        ("posonly", [1, UNDEFINED, 4], (1, 2, 4), {}),
        ("none", [], (), {}),
    ],
)
def test_what_a_client_may_send(
    name: str, plain: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    assert spec(name).structure_arguments(plain) == (args, kwargs)


@pytest.mark.parametrize(
    ("name", "plain", "message"),
    [
        ("plain", [], "argument 'who' is missing @ $[0]"),
        ("plain", [UNDEFINED, 3], "argument 'who' is missing @ $[0]"),
        ("plain", [{"name": 3}], "argument 'who': expected str, got int @ $[0].name"),
        ("plain", [{"name": "a"}, "1"], "argument 'count': expected int, got str @ $[1]"),
        ("plain", [{"name": "a"}, None], "argument 'count': expected int, got None @ $[1]"),
        ("plain", [1, 2, 3, 4], "argument 'who': expected User, got int @ $[0]"),
        ("plain", [{"name": "a"}, 2, True, 4], "plain takes at most 3 arguments, got 4"),
        ("named", ["a", 2, {}, 4], "named takes at most 3 arguments, got 4"),
        ("none", [1], "none takes at most 0 arguments, got 1"),
        ("needed", [], "argument 'userId' is missing @ $[0].userId"),
        ("needed", [{}], "argument 'userId' is missing @ $[0].userId"),
        ("needed", [{"userId": "3"}], "argument 'userId': expected int, got str @ $[0].userId"),
        ("needed", [3], "argument 1 of needed: expected an object with userId, got int @ $[0]"),
        (
            "needed",
            [{"userId": 1, "user_id": 1}],
            "needed has no argument 'user_id' (known: userId) @ $[0]",
        ),
        ("needed", [{}, 1], "needed takes at most 1 argument, got 2"),
        ("rest", ["a", 1, "2"], "argument 'others': expected int, got str @ $[2]"),
        ("plain", [{"name": "a", "age": 1}], "argument 'who': unknown @ $[0].age"),
    ],
)
def test_what_a_client_may_not_send(name: str, plain: list[Any], message: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        spec(name).structure_arguments(plain)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "plain"),
    [
        ("plain", (User("a"),), {}, [{"name": "a"}]),
        ("plain", (User("a"), 2), {}, [{"name": "a"}, 2]),
        ("plain", (), {"flag": True, "who": User("a")}, [{"name": "a"}, UNDEFINED, True]),
        ("named", ("a",), {}, ["a"]),
        ("named", ("a",), {"is_loud": True}, ["a", UNDEFINED, {"isLoud": True}]),
        ("named", ("a", 2), {"to_whom": "b"}, ["a", 2, {"toWhom": "b"}]),
        ("rest", ("a", 1, 2), {}, ["a", 1, 2]),
        ("rest", (), {"first": "a"}, ["a"]),
        ("none", (), {}, []),
    ],
)
def test_what_the_python_client_sends(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], plain: list[Any]
) -> None:
    assert spec(name).unstructure_arguments(args, kwargs) == plain


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "message"),
    [
        ("plain", (), {}, "plain(): missing a required argument: 'who'"),
        ("plain", (User("a"),), {"who": User("a")}, "plain(): multiple values for argument 'who'"),
        ("none", (1,), {}, "none(): too many positional arguments"),
        ("none", (), {"x": 1}, "none(): got an unexpected keyword argument 'x'"),
        ("plain", ("a",), {}, "plain(): argument 'who': expected User, got str @ who"),
        ("plain", (User(3),), {}, "plain(): argument 'who': expected str, got int @ who.name"),  # type: ignore[arg-type]
        ("rest", ("a", "b"), {}, "rest(): argument 'others': expected int, got str @ others"),
    ],
)
def test_what_the_python_client_refuses(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError) as caught:
        spec(name).unstructure_arguments(args, kwargs)
    assert str(caught.value) == message


@given(
    text=st.text(),
    a=st.none() | st.integers(),
    loud=st.none() | st.booleans(),
    whom=st.none() | st.text(),
)
def test_a_call_arrives_as_it_was_made(
    text: str, a: int | None, loud: bool | None, whom: str | None
) -> None:
    given_args: dict[str, Any] = {"a": a, "is_loud": loud, "to_whom": whom}
    kwargs = {name: value for name, value in given_args.items() if value is not None}
    plain = spec("named").unstructure_arguments((text,), kwargs)
    args, rest = spec("named").structure_arguments(plain)
    assert args == (text, 1 if a is None else a)
    assert rest == {"is_loud": bool(loud), "to_whom": whom or ""}


def test_endless_nesting_is_refused() -> None:
    @define
    class Tree:
        children: list[Tree]

    class Woods(Actor[None, None, list[Tree]]):
        @action
        def plant(self, tree: list[Tree]) -> None: ...

    plain: Any = []
    for _ in range(50_000):
        plain = [{"children": plain}]
    with pytest.raises(InvalidArguments, match="nested too deeply") as caught:
        definition_of(Woods).actions["plant"].structure_arguments([plain])
    assert len(str(caught.value)) < 100_000
    with pytest.raises(ValueError, match="nested too deeply"):
        definition_of(Woods).structure_params(plain)
    while plain:  # the interpreter would take it apart recursively
        plain = plain[0]["children"]
