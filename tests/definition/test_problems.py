"""One bad actor, whole; then what is said of a class: its keywords, types, bases and members."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Problems = Callable[[str], list[str]]

KNOWN = (
    "use an attrs class, str, int, float, bool, bytes, None, list, dict[str, ...], set, tuple, "
    "datetime, date, time, timedelta, UUID, Decimal, an Enum, Literal or a union of these"
)

BAD = """
@define
class Login:
    user: str

class Room(Actor[None, None, Login], wire_case="snake", colour="red"):
    @hook
    async def on_before_connect(self, params: str) -> None: ...
    @hook
    async def on_connect(self) -> None: ...
    @hook
    async def on_disconect(self, conn: Conn[None, Login]) -> None: ...
    async def on_wake(self) -> None: ...
    @action
    def add(self, amount) -> int: return 1
    @action
    def lock(self, lock: object, /, key: type) -> Iterator[int]: return iter([])
    state = 3
    posted = Event()
"""


def test_one_bad_actor(problems: Problems) -> None:
    assert problems(BAD) == [
        (
            "6: unknown class keyword 'colour'; known: abstract, errors, name, options, "
            "state_version, wire_case"
        ),
        "6: wire_case='snake': it is 'camel' or None",
        (
            "8: hook 'on_before_connect': params is Login\n"
            "    expected: def on_before_connect(self, params: Login) -> None\n"
            "    got:      async def on_before_connect(self, params: str) -> None"
        ),
        "10: hook 'on_connect': it takes 1 argument besides self, not 0",
        "12: there is no hook 'on_disconect'; did you mean 'on_disconnect'?",
        "13: 'on_wake' replaces a hook; write @hook above it",
        "15: action 'add': parameter 'amount' has no annotation",
        f"17: action 'lock': parameter 'key': type cannot travel: {KNOWN}",
        f"17: action 'lock': its result: Iterator[int] cannot travel: {KNOWN}",
        "18: 'state' would replace Actor.state; rename it",
        "19: event 'posted': write its payload's type: posted = Event[Message](), or Event[None]()",
    ]


CASES: dict[str, tuple[str, list[str]]] = {
    # -------------------------------------------------------- class keywords
    "keyword nearly right": (
        "class Room(Actor[None], abstrct=True): ...",
        ["2: unknown class keyword 'abstrct'; did you mean 'abstract'?"],
    ),
    "name empty": (
        "class Room(Actor[None], name=''): ...",
        ["2: name='': the name of an actor is a str that is not empty"],
    ),
    "name no str": (
        "class Room(Actor[None], name=3): ...",
        ["2: name=3: the name of an actor is a str that is not empty"],
    ),
    "name too long": (
        "class Room(Actor[None], name='x' * 65): ...",
        [f"2: name='{'x' * 65}': the name of an actor has at most 64 characters, not 65"],
    ),
    "name with a slash": (
        "class Room(Actor[None], name='a/b'): ...",
        ["2: name='a/b': the name of an actor has no white space and none of # % / ? @"],
    ),
    "abstract": (
        "class Room(Actor[None], abstract=1): ...",
        ["2: abstract=1: it is True or False"],
    ),
    "options": (
        "class Room(Actor[None], options={}): ...",
        ["2: options={}: write options=ActorOptions(...)"],
    ),
    "errors no tuple": (
        "class Room(Actor[None], errors=UserError): ...",
        ["2: errors= takes a tuple of errors: errors=(UserError,)"],
    ),
    "errors a list": (
        "class Room(Actor[None], errors=[]): ...",
        ["2: errors= takes a tuple of errors: errors=(BadToken,)"],
    ),
    "errors not of users": (
        "class Room(Actor[None], errors=(KeyError, 3)): ...",
        [
            "2: errors=<class 'KeyError'>: a declared error is a subclass of UserError",
            "2: errors=3: a declared error is a subclass of UserError",
        ],
    ),
    "two errors of one code": (
        """
class A(UserError): code = "a"
class B(UserError): code = "a"
class Room(Actor[None], errors=(A,)):
    @action(raises=(A, B))
    def f(self) -> None: ...
""",
        ["6: A and B are both 'user.a'; give one of them another code"],
    ),
    # -------------------------------------------------------- type arguments
    "State left out": (
        "class Room(Actor): ...",
        ["2: State is left open: S; give it a type, or declare the class abstract=True"],
    ),
    "ConnState left open": (
        """
T = TypeVar("T")
class Room(Actor[None, T], Generic[T]): ...
""",
        ["3: ConnState is left open: T; give it a type, or declare the class abstract=True"],
    ),
    "State in part open": (
        """
T = TypeVar("T")
class Room(Actor[list[T]], Generic[T]): ...
""",
        ["3: State is left open: list[T]; give it a type, or declare the class abstract=True"],
    ),
    "State and ConnState need makers": (
        """
@define
class Member:
    user: str
    role: str = ""
class Room(Actor[Member, Member, str]): ...
""",
        [
            (
                "6: define create_state: State Member cannot be made without user\n"
                "    expected: def create_state(self, input: None) -> Member"
            ),
            (
                "6: define create_conn_state: ConnState Member cannot be made without user\n"
                "    expected: def create_conn_state(self, params: str) -> Member"
            ),
        ],
    ),
    "ConnState that says nothing of itself": (
        "class Room(Actor[None, datetime]): ...",
        [
            (
                "2: define create_conn_state: ConnState datetime cannot be made without a value\n"
                "    expected: def create_conn_state(self, params: None) -> datetime"
            )
        ],
    ),
    "State that cannot travel": (
        "class Room(Actor[dict[int, str]]): ...",
        ["2: State: dict[int, str] cannot travel: the keys of a dict are str"],
    ),
    "shared defaults": (
        """
@define
class Inner:
    ys: set[int] = set()
@define
class State:
    xs: list[int] = []
    inner: list[Inner] = Factory(list)
    me: State | None = None
class Room(Actor[State, Inner]): ...
""",
        [
            (
                "10: State.xs: the default [] is one object that all instances would share; "
                "use Factory(list)"
            ),
            (
                "10: Inner.ys: the default set() is one object that all instances would share; "
                "use Factory(set)"
            ),
        ],
    ),
    "shared defaults of an abstract class": (
        """
@define
class State:
    xs: list[int] = []
    later: Later = None
T = TypeVar("T")
class Room(Actor[State, T], Generic[T], abstract=True): ...
""",
        [
            (
                "7: State.xs: the default [] is one object that all instances would share; "
                "use Factory(list)"
            )
        ],
    ),
    "contract and actor disagree": (
        """
class Chat(ActorContract[str]): ...
class Room(Chat, Actor[None]): ...
""",
        [
            (
                "3: its bases disagree about Params: str in Chat and None in Actor[None, None, "
                "None, None]"
            )
        ],
    ),
    "contract not implemented": (
        """
class Chat(ActorContract):
    @action
    async def post(self, text: str) -> None: ...
class Room(Chat, Actor[None]): ...
""",
        ["5: action 'post' of the contract Chat is not implemented; define it here under @action"],
    ),
    "contract with a hook": (
        """
class Chat(ActorContract):
    @hook
    def on_wake(self) -> None: ...
""",
        ["4: hook 'on_wake': a contract has actions and events only; hooks belong to Actor"],
    ),
    # -------------------------------------------------------- inheritance
    "inherited members of another kind": (
        """
class Base(Actor[None]):
    @action
    def post(self) -> None: ...
    @action
    def other(self) -> None: ...
    posted = Event[int]()
class Room(Base):
    def post(self) -> None: ...
    other = Event[int]()
    posted = 3
""",
        [
            "9: 'post' replaces an inherited action; write @action above it",
            "10: 'other' replaces an inherited action; rename it",
            "11: 'posted' replaces an inherited event; rename it",
        ],
    ),
    # -------------------------------------------------------- __init__
    "init with arguments": (
        """
class Room(Actor[None]):
    def __init__(self, size: int) -> None: ...
""",
        [
            (
                "3: __init__: the run time calls it without arguments; take Input in create_state "
                "instead"
            )
        ],
    ),
    "async init": (
        """
class Room(Actor[None]):
    async def __init__(self) -> None: ...
""",
        ["3: __init__: it is not awaited; do async work in on_create or on_wake"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_message(problems: Problems, name: str) -> None:
    text, messages = CASES[name]
    assert problems(text) == messages
