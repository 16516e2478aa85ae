"""The ways in which an actor class may be written."""

from __future__ import annotations

import sys
import types
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, overload

import pytest
from attrs import Factory, define
from typing_extensions import TypeVar, override

from pyactor.definition import (
    Actor,
    ActorContract,
    ActorMeta,
    ActorOptions,
    Conn,
    Event,
    NoActor,
    action,
    collecting,
    definition_of,
    hook,
    problems_of,
    resolve,
)
from pyactor.errors import DefinitionError, UserError

if TYPE_CHECKING:
    from decimal import Decimal

Load = Callable[[str], ModuleType]
T1 = TypeVar("T1")
T2 = TypeVar("T2")


def returns(cls: type[Any], attr: str) -> Any:
    return definition_of(cls).actions_by_attr[attr].returns


# ------------------------------------------------------------------ names


def test_later_defined_types(load: Load) -> None:
    module = load("""
        class Room(Actor["State", "Member"]):
            posted = Event["list[Later]"]()
            @action
            def a(self, v: Later) -> Later: return v
        early = Room.__pyactor__.definition
        @define
        class State: x: int = 0
        @define
        class Member: x: Later | None = None
        @define
        class Later: x: Member
    """)
    assert module.early is None
    definition = definition_of(module.Room)
    assert definition.actions_by_attr["a"].returns is module.Later
    assert definition.events["posted"].payload == list.__class_getitem__(module.Later)
    assert (definition.state, definition.conn_state) == (module.State, module.Member)
    assert definition_of(module.Room) is definition


def test_names_that_never_come_are_problems_at_first_use(load: Load) -> None:
    module = load("""
        class Room(Actor["State"]):
            posted = Event["Later"]()
            @hook
            def on_connect(self, conn: Konn) -> None: ...
            @action
            def a(self, v: Decimal2) -> int: return 1
            @action
            def b(self, m: Message) -> int: return 1
        @define
        class Message: x: Lock
    """)
    for _ in range(2):
        with pytest.raises(DefinitionError) as caught:
            definition_of(module.Room)
        why = "pyactor needs this type at run time: import or define it outside TYPE_CHECKING"
        assert str(caught.value) == (
            "Room is not a valid actor (5 problems)\n"
            f"  room.py:3: State: name 'State' is not defined; {why}\n"
            f"  room.py:4: event 'posted': name 'Later' is not defined; {why}\n"
            f"  room.py:6: hook 'on_connect': name 'Konn' is not defined; {why}\n"
            f"  room.py:8: action 'a': name 'Decimal2' is not defined; {why}\n"
            f"  room.py:10: action 'b': parameter 'm': name 'Lock' is not defined; {why}"
        )


def test_what_is_known_to_be_wrong_is_not_put_off(load: Load) -> None:
    with pytest.raises(DefinitionError, match=r"\(1 problem\)\n  room.py:7: action 'b'"):
        load("""
            class Room(Actor[None]):
                @action
                def a(self, v: Later) -> int: return 1
                @action
                def b(self, x) -> int: return 1
        """)


def test_imports_for_checkers_only() -> None:
    class Room(Actor[None]):
        @action
        def a(self, v: Decimal) -> int:
            return 1

    with pytest.raises(DefinitionError, match=r"test_forms.py:\d+: action 'a': name 'Decimal'"):
        definition_of(Room)


def test_local_classes_even_later_ones() -> None:
    @define
    class Item:
        x: int
        next: Item | None = None

    class Room(Actor[None]):
        @action
        def a(self, v: Item) -> list[Item]:
            return [v]

        @action
        def b(self) -> Later:
            return Later(Item(1))

    @define
    class Later:
        item: Item

    assert returns(Room, "a") == list[Item]
    assert returns(Room, "b") is Later
    assert definition_of(Room).actions["b"].unstructure_result(Later(Item(1, Item(2)))) == {
        "item": {"x": 1, "next": {"x": 2, "next": None}}
    }


def test_nested_classes() -> None:
    class Room(Actor[None]):
        @define
        class Item:
            x: int

        class Inner(Actor[None]):
            @action
            def a(self) -> Room:
                raise NotImplementedError

        rows = list[int]

        @action
        def a(self, v: Item) -> list[Room.Item]:
            return [v]

        @action
        def all(self) -> rows:
            return []

    assert returns(Room, "a") == list[Room.Item]
    assert returns(Room, "all") == list[int]


class Outer:
    class Room(Actor[None]):
        @define
        class Item:
            x: int

        @action
        def a(self, v: Item) -> Item:
            return v


def test_nested_in_a_class() -> None:
    assert returns(Outer.Room, "a") is Outer.Room.Item


def test_names_of_a_local_base() -> None:
    def make() -> Any:
        @define
        class Item:
            x: int = 0

        @define
        class State:
            items: list[Item] = Factory(list)

        class Base(Actor[State], abstract=True):
            @action
            def a(self) -> Item:
                return Item()

        return Base

    base = make()

    class Room(base):  # type: ignore[misc, valid-type] # a value to checkers
        @action
        def b(self) -> int:
            return 1

    assert returns(Room, "a").__name__ == "Item"
    assert definition_of(Room).unstructure_state(definition_of(Room).make_state()) == {"items": []}


# ------------------------------------------------------------------ inheritance


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

    class Room(Base, errors=(B, A)): ...

    assert definition_of(Room).errors == {("user", "a"): A, ("user", "b"): B}


def test_mixins() -> None:
    class Presence:
        limit = 3
        seen = Event[str]()

        @action
        def ping(self) -> str:
            return "pong"

        @hook
        def on_wake(self) -> None: ...  # type: ignore[misc] # pyright: ignore # no base to them

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


# ------------------------------------------------------------------ first use


def test_by_hand_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^G3 is made by its host, not by hand; a client reaches"):
        G3()


@pytest.mark.parametrize("cls", [int, 3, None])
def test_no_actor(cls: Any) -> None:
    for ask in (definition_of, problems_of):
        with pytest.raises(TypeError, match="is no actor class: it does not inherit Actor"):
            ask(cls)


def test_the_bases_are_abstract() -> None:
    for base in (Actor, ActorContract, NoActor):
        with pytest.raises(TypeError, match="is abstract"):
            definition_of(base)
        assert problems_of(base) == ()


def test_collecting(load: Load) -> None:
    with collecting():
        module = load("""
            class Room(Actor[None]):
                key = 1
                @action
                def a(self, x: Later) -> int: return 1
            class Sub(Room):
                @action
                def b(self, x) -> int: return 1
            class Base(Actor[None], abstract=True):
                def on_wake(self) -> None: ...
            class Good(Actor[None]): ...
        """)
    assert [each.line for each in problems_of(module.Room)] == [4, 6]
    assert [each.line for each in problems_of(module.Sub)] == [9]
    assert [each.line for each in problems_of(module.Base)] == [11]
    assert problems_of(module.Good) == ()
    with pytest.raises(DefinitionError, match=r"^Sub is not a valid actor \(2 problems\)"):
        definition_of(module.Sub)
    with pytest.raises(DefinitionError, match=r"^Base is not a valid actor"):
        definition_of(module.Base)
    with pytest.raises(DefinitionError, match="on_wake"):
        load("""
            class Base(Actor[None], abstract=True):
                def on_wake(self) -> None: ...
        """)


@define
class Shares:
    xs: list[int] = []  # noqa: RUF008 - the mistake


def test_a_shared_default_is_shown_where_it_stands() -> None:
    with pytest.raises(DefinitionError) as caught:

        class Room(Actor[Shares]): ...

    (problem,) = caught.value.problems
    lines = Path(__file__).read_text().splitlines()
    assert lines[problem.line - 1] in {"@define", "class Shares:"}
    assert problem.file == __file__
