"""What is said of types that cannot travel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyactor.definition._binding import KNOWN_TYPES as KNOWN

Problems = Callable[[str], list[str]]

CASES: dict[str, tuple[str, list[str]]] = {
    # -------------------------------------------------------- what cannot travel
    "types inside types": (
        """
class Lock: ...
@define
class Message:
    lock: Lock
    locks: list[Lock | None]
class Room(Actor[None]):
    @action
    def a(self, lock: Lock | None) -> dict[str, Message]: return {}
    posted = Event[tuple[int, Lock]]()
""",
        [
            f"9: action 'a': parameter 'lock': Lock cannot travel: {KNOWN}",
            f"9: action 'a': its result: attribute 'lock' of Message: Lock cannot travel: {KNOWN}",
            f"9: action 'a': its result: attribute 'locks' of Message: Lock cannot travel: {KNOWN}",
            f"10: event 'posted': its payload: Lock cannot travel: {KNOWN}",
        ],
    ),
    "attribute without a type": (
        """
import attr
@attr.s
class Message:
    text = attr.ib()
class Room(Actor[None]):
    posted = Event[Message]()
""",
        ["7: event 'posted': its payload: attribute 'text' of Message has no type"],
    ),
    "attribute with a bad annotation": (
        """
@define
class Message:
    text: "1 +"
class Room(Actor[None]):
    posted = Event[Message]()
""",
        [
            (
                "6: event 'posted': its payload: Message: its annotations cannot be read: "
                "SyntaxError: Forward reference must be an expression -- got '1 +'"
            )
        ],
    ),
    "event with a bad type": (
        """
class Room(Actor[None]):
    posted = Event["typing.Missing"]()
""",
        [
            (
                "3: event 'posted': its annotations cannot be read: AttributeError: module "
                "'typing' "
                "has no attribute 'Missing'"
            )
        ],
    ),
    "unions that look the same": (
        """
@define
class A:
    x: int
@define
class B:
    x: int
class Room(Actor[None]):
    @action
    def a(self, a: int | float, b: str | datetime) -> A | B: ...
    @action
    def b(self, a: list[int] | set[int] | tuple[int], b: A | dict[str, int]) -> None: ...
""",
        [
            (
                "10: action 'a': parameter 'a': int and float look the same on the wire; use one "
                "of "
                "them, or an attrs class for each"
            ),
            (
                "10: action 'a': parameter 'b': str and datetime look the same on the wire; use "
                "one "
                "of them, or an attrs class for each"
            ),
            (
                "10: action 'a': its result: A and B cannot be told apart: A has no required "
                "attribute that the others lack; give each a tag such as kind: Literal['a'] = 'a'"
            ),
            (
                "12: action 'b': parameter 'a': list[int] and tuple[int] look the same on the "
                "wire; "
                "use one of them, or an attrs class for each"
            ),
            (
                "12: action 'b': parameter 'b': A and dict[str, int] look the same on the wire; "
                "use "
                "one of them, or an attrs class for each"
            ),
        ],
    ),
    "tags that are shared": (
        """
@define
class A:
    kind: Literal["a"] = "a"
@define
class B:
    kind: Literal["a", "b"] = "b"
class Room(Actor[None]):
    posted = Event[A | B]()
""",
        [
            (
                "9: event 'posted': its payload: A and B cannot be told apart: A has no required "
                "attribute that the others lack; give each a tag such as kind: Literal['a'] = 'a'"
            )
        ],
    ),
    "sets of what is no single value": (
        """
class Room(Actor[None]):
    posted = Event[set[tuple[int, ...]]]()
""",
        [
            (
                "3: event 'posted': its payload: set[tuple[int, ...]] cannot travel: the items "
                "of a "
                "set are single values; use a list"
            )
        ],
    ),
    "choices": (
        """
class Odd(enum.Enum):
    A = (1, 2)
class Twins(enum.Enum):
    A = 1
    B = 1.5
    C = 2
    D = "x"
class Room(Actor[None]):
    a = Event[Odd]()
    b = Event[Literal[1, True, 1]]()
    c = Event[Literal[Twins.A, 1]]()
    d = Event[Literal[[]]]()
""",
        [
            "10: event 'a': its payload: Odd: the value of <Odd.A: (1, 2)> is tuple",
            (
                "12: event 'c': its payload: Literal[<Twins.A: 1>, 1]: two of its values look the "
                "same on the wire"
            ),
            f"13: event 'd': its payload: Literal[[]] cannot travel: {KNOWN}",
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_message(problems: Problems, name: str) -> None:
    text, messages = CASES[name]
    assert problems(text) == messages
