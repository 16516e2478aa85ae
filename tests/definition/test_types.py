"""How types are shown and compared, and values made and checked without looking inside."""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, Union
from uuid import UUID

import pytest
from attrs import define
from typing_extensions import TypeVar

from pyactor.definition import Conn
from pyactor.definition._defaults import factory_of, is_instance, missing_arguments
from pyactor.definition._generics import accepts, awaited, show

T = TypeVar("T")


class Proto(Protocol):
    x: int


class Base: ...


class Sub(Base): ...


@define
class Needs:
    x: int


class Abstract(ABC):
    @abstractmethod
    def f(self) -> None: ...


@pytest.mark.parametrize(
    ("tp", "shown"),
    [
        (int, "int"),
        (None, "None"),
        (list[int], "list[int]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (int | None, "int | None"),
        (Union[int, str], "int | str"),  # noqa: UP007 - an old spelling
        (Literal["a", 1], "Literal['a', 1]"),
        (Any, "Any"),
        (T, "T"),
        (Conn[int, None], "Conn[int, None]"),
        (dict[str, list[Base]], "dict[str, list[Base]]"),
    ],
)
def test_show(tp: Any, shown: str) -> None:
    assert show(tp) == shown


@pytest.mark.parametrize(
    ("parameter", "given", "expected"),
    [
        (int, int, True),
        (int, str, False),
        (Base, Sub, True),
        (Sub, Base, False),
        (object, Sub, True),
        (float, int, True),
        (int, float, False),
        (int | None, int, True),
        (int, int | None, False),
        (int | str, int | str, True),
        (list[int], list[int], True),
        (list[Any], list[int], True),
        (list[int], list[str], False),
        (list[T], list[str], True),  # type: ignore[valid-type]
        (list, list[str], True),
        (Mapping[str, int], dict[str, int], False),
        (Conn, Conn[None, None], True),
        (Conn, Conn[int, None], False),
        (Conn[Any, Any], Conn[int, None], True),
        (Proto, Base, True),
        (Literal["a"], Literal["b"], False),
        (None, typing.NoReturn, True),
        (Literal["a"], str, False),
        (int, list[int], False),
    ],
)
def test_accepts(parameter: Any, given: Any, expected: bool) -> None:
    assert accepts(parameter, given) is expected


def test_awaited() -> None:
    assert awaited(Awaitable[int]) is int
    assert awaited(Coroutine[Any, Any, int]) is int
    assert awaited(Awaitable[int] | int) is int
    assert awaited(int) is int


@pytest.mark.parametrize(
    ("tp", "made"),
    [
        (None, None),
        (int | None, None),
        (Any, None),
        (int, 0),
        (str, ""),
        (list[int], []),
        (dict[str, int], {}),
        (tuple[int, ...], ()),
        (Decimal, Decimal(0)),
    ],
)
def test_made_without_arguments(tp: Any, made: Any) -> None:
    make = factory_of(tp)
    assert make is not None
    assert make() == made


@pytest.mark.parametrize(
    "tp", [Needs, Abstract, datetime, UUID, tuple[int, str], Literal["a"], int | str, type]
)
def test_not_made_without_arguments(tp: Any) -> None:
    assert factory_of(tp) is None


def test_what_is_missing() -> None:
    assert missing_arguments(Needs) == ["x"]
    assert missing_arguments(list[int]) == ["a value"]
    assert missing_arguments(type) == ["a value"]


@pytest.mark.parametrize(
    ("value", "tp", "expected"),
    [
        (1, int, True),
        (True, int, False),
        (True, bool, True),
        (1, float, True),
        (1.5, int, False),
        (Sub(), Base, True),
        (None, int | None, True),
        ("a", int | None, False),
        ([1], list[str], True),
        ("a", Literal["a"], True),
        (True, Literal[1], False),
        (3, Any, True),
        (3, Proto, True),
        (len, Callable[..., int], True),
        (3, T, True),
    ],
)
def test_is_instance(value: Any, tp: Any, expected: bool) -> None:
    assert is_instance(value, tp) is expected
