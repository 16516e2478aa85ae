"""The ways in which an actor class may be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from attrs import Factory, define

from pyactor.definition import (
    Actor,
    ActorContract,
    NoActor,
    action,
    collecting,
    definition_of,
    problems_of,
)
from pyactor.errors import DefinitionError

if TYPE_CHECKING:
    from decimal import Decimal

Load = Callable[[str], ModuleType]


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


def test_nested_in_a_local_class() -> None:
    @define
    class Item:
        x: int

    class Local:
        class Inner(Actor[None]):
            @action
            def a(self, v: Item) -> Item:
                return v

    assert returns(Local.Inner, "a") is Item


def test_a_name_may_come_after_it_was_missed(load: Load) -> None:
    module = load("""
        class Room(Actor[None]):
            @action
            def a(self) -> Later: return 1
    """)
    assert len(problems_of(module.Room)) == 1
    with pytest.raises(DefinitionError, match="'Later' is not defined"):
        definition_of(module.Room)
    vars(module)["Later"] = int
    assert returns(module.Room, "a") is int
    assert problems_of(module.Room) == ()


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


# ------------------------------------------------------------------ first use


def test_by_hand_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^Room is made by its host, not by hand; a client reach"):
        Outer.Room()


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
