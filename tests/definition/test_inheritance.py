"""Actor classes above and beside others: generic, abstract, overridden, mixed in."""

from __future__ import annotations

import sys
import types
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, Generic, NoReturn, overload

import pytest
from typing_extensions import TypeVar, override

from pyactor.definition import (
    Actor,
    ActorMeta,
    ActorOptions,
    Conn,
    Event,
    action,
    definition_of,
    hook,
    problems_of,
    resolve,
)
from pyactor.errors import DefinitionError, UserError

Load = Callable[[str], ModuleType]
T1 = TypeVar("T1")
T2 = TypeVar("T2")


def returns(cls: type[Any], attr: str) -> Any:
    return definition_of(cls).actions_by_attr[attr].returns


class G1(Actor[T1, T2], Generic[T1, T2], abstract=True):
    changed = Event[list[T1]]()

    @action
    def get(self) -> dict[str, T1]:
        return {}

    @hook
    def create_state(self, input: None) -> T1:
        raise NotImplementedError


class G2(G1[list[T2], int], Generic[T2], abstract=True):
    @action
    def both(self, x: T2, y: T2 | None) -> tuple[T2, int]:
        return (x, 1)


class G3(G2[str]):
    pass


def test_generic_bases() -> None:
    definition = definition_of(G3)
    assert (definition.state, definition.conn_state) == (list[str], int)
    assert definition.events["changed"].payload == list[list[str]]
    assert definition.actions["get"].returns == dict[str, list[str]]
    both = definition.actions["both"]
    assert both.returns == tuple[str, int]
    assert [each.type for each in both.parameters] == [str, str | None]
    with pytest.raises(TypeError, match=r"^G2 is abstract; use a class that inherits it$"):
        definition_of(G2)


def test_overridden_members() -> None:
    class Base(Actor[None, int], wire_case="camel", options=ActorOptions(action_timeout=3)):
        say_it = Event[int]()
        said = Event[int]()

        @action
        def post_it(self, text: str) -> str:
            return text

        @hook
        def on_connect(self, conn: Conn[int, None]) -> Awaitable[None] | None: ...

    class Room(Base):
        said = Event[int]()

        @action
        @override
        def post_it(self, text: str, loud: bool = False) -> str:
            return text

        @hook
        async def on_connect(self, conn: Conn[int, None]) -> None:
            await resolve(super().on_connect(conn))

    definition = definition_of(Room)
    assert definition.name == "Room"
    assert definition.options.action_timeout == 3
    assert list(definition.actions) == ["postIt"]
    assert len(definition.actions["postIt"].parameters) == 2
    assert set(definition.events) == {"said", "sayIt"}
    assert definition.hooks["on_connect"].is_async
    assert definition_of(Base).hooks["on_connect"].is_async is False


def test_errors_are_inherited() -> None:
    class A(UserError):
        code = "a"

    class B(UserError):
        code = "b"

    class Base(Actor[None], errors=(A,), abstract=True): ...

    class Room(Base, errors=(B,)): ...

    assert definition_of(Room).errors == {("user", "a"): A, ("user", "b"): B}


def test_mixins() -> None:
    class Presence:
        limit = 3
        seen = Event[str]()

        @action
        def ping(self) -> str:
            return "pong"

        @hook
        def on_wake(self) -> None: ...  # type: ignore[misc] # pyright: ignore[reportGeneralTypeIssues]

    class Room(Presence, Actor[None]): ...

    class Late(Actor[None], Presence):
        @hook
        def on_wake(self) -> None: ...

    definition = definition_of(Room)
    assert list(definition.actions) == ["ping"]
    assert list(definition.events) == ["seen"]
    assert definition.hooks["on_wake"].function is vars(Presence)["on_wake"]
    assert definition.actions["ping"].location.file == __file__
    assert definition.event(Room.seen).attr == "seen"


def test_mixin_behind_actor(load: Load) -> None:
    module = load("""
        class Presence:
            run = 1
            def on_wake(self) -> None: ...
            @action
            def ping(self) -> str: return "pong"
        class Room(Actor[None], Presence): ...
    """)
    assert list(definition_of(module.Room).actions) == ["ping"]
    assert not definition_of(module.Room).hooks


def test_abstract_by_abc(load: Load) -> None:
    module = load("""
        class Base(Actor[None]):
            @action
            @abc.abstractmethod
            def post(self, text: str) -> str: ...
            @property
            @abc.abstractmethod
            def size(self) -> int: ...
        class Half(Base):
            size = 3
        class Room(Half):
            @action
            def post(self, text: str) -> str: return text
    """)
    with pytest.raises(
        TypeError, match=r"^Base is abstract: it does not implement post, size; use"
    ):
        definition_of(module.Base)
    with pytest.raises(TypeError, match=r"^Half is abstract: it does not implement post; use"):
        definition_of(module.Half)
    assert problems_of(module.Base) == ()
    assert returns(module.Room, "post") is str


def test_what_is_no_duplicate() -> None:
    class Room(Actor[None]):
        limit: int = 3

        @property
        def size(self) -> int:
            return 1

        @size.setter
        def size(self, value: int) -> None: ...

        @overload
        def pick(self, x: int) -> int: ...
        @overload
        def pick(self, x: str) -> str: ...
        def pick(self, x: Any) -> Any:
            return x

        @action
        def post(self, x: Any, y: object = None) -> Any:
            return x

    post = definition_of(Room).actions["post"]
    assert post.structure_arguments([{"a": [1]}]) == (({"a": [1]}, None), {})
    assert post.unstructure_result({"a": 1}) == {"a": 1}


def test_hooks_that_fit_in_other_ways() -> None:
    class Room(Actor[float, object, str]):
        @hook
        def create_state(self, input: object = None) -> int:
            return 1

        @hook
        def create_conn_state(self, params: str | int) -> Awaitable[str] | str:
            return params  # type: ignore[return-value]

        @hook
        def on_before_connect(self, params) -> NoReturn:  # type: ignore[no-untyped-def]
            raise UserError

        @hook
        def on_connect(self, conn: Conn[Any, str]) -> Awaitable[None]:
            raise NotImplementedError

        @hook
        def on_disconnect(self, *conn: Conn[Any, Any]) -> None: ...  # pyright: ignore[reportIncompatibleMethodOverride]

        @hook
        def on_sleep(self): ...  # type: ignore[no-untyped-def]

    assert len(definition_of(Room).hooks) == 6


def test_decorated_methods(load: Load) -> None:
    module = load("""
        def deco(function):
            @functools.wraps(function)
            def wrapped(*args, **kwargs): return function(*args, **kwargs)
            return wrapped
        class Room(Actor[None]):
            @action
            @deco
            def post(self, text: str) -> str: return text
            @deco
            @hook
            def on_wake(self) -> None: ...
            @deco
            def other(self) -> None: ...
    """)
    definition = definition_of(module.Room)
    assert [each.name for each in definition.actions["post"].parameters] == ["text"]
    assert definition.actions["post"].location.line == 10
    assert "on_wake" in definition.hooks


def test_keywords_of_other_bases() -> None:
    seen: list[object] = []

    class Tabled:
        @override
        def __init_subclass__(cls, table: str = "", **keywords: Any) -> None:
            seen.append(table)

    class Room(Tabled, Actor[None], name="room", table="t"): ...

    assert seen == ["t"]
    assert definition_of(Room).name == "room"


def test_classes_made_by_calls() -> None:
    made: Any = types.new_class("Made", (Actor[None],), {"name": "made"})
    called: Any = ActorMeta("Called", (Actor,), {"__orig_bases__": (Actor[None],)})
    assert definition_of(made).name == "made"
    assert definition_of(called).location.file == __file__
    with pytest.raises(DefinitionError) as caught:
        ActorMeta("Bad", (Actor,), {"key": 1, "__orig_bases__": (Actor[None],)})
    line = sys._getframe().f_lineno - 1
    assert [(each.file, each.line) for each in caught.value.problems] == [(__file__, line)]
