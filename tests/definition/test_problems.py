"""Every message of a definition error: where it points and what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Problems = Callable[[str], list[str]]

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
        "6: unknown class keyword 'colour'; known: abstract, errors, name, options, wire_case",
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


KNOWN = (
    "use an attrs class, str, int, float, bool, bytes, None, list, dict[str, ...], set, tuple, "
    "datetime, date, time, timedelta, UUID, Decimal, an Enum, Literal or a union of these"
)

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
            "3: its bases disagree about Params: str in Chat and None in Actor[None, None, None, None]"
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
    # -------------------------------------------------------- hooks
    "hook unlike any": (
        """
class Room(Actor[None]):
    @hook
    def zzz(self) -> None: ...
""",
        [
            (
                "4: there is no hook 'zzz'; hooks are create_state, on_create, on_wake, on_sleep, "
                "on_destroy, on_before_connect, create_conn_state, on_connect, on_disconnect"
            )
        ],
    ),
    "hook of a later version": (
        """
class Room(Actor[None]):
    @hook
    def on_state_change(self, state: None) -> None: ...
    def run(self) -> None: ...
""",
        [
            "4: hook 'on_state_change' is reserved for a later version",
            "5: 'run' is reserved for a later version; rename it",
        ],
    ),
    "hook with too many arguments": (
        """
class Room(Actor[None]):
    @hook
    def create_state(self, input: None, more: int) -> None: ...
    @hook
    def on_wake(self, more: int) -> None: ...
""",
        [
            "4: hook 'create_state': it takes 1 argument besides self, not 2",
            "6: hook 'on_wake': it takes 0 arguments besides self, not 1",
        ],
    ),
    "hook with a keyword-only argument": (
        """
class Room(Actor[None]):
    @hook
    def on_connect(self, *, conn: Conn[None, None]) -> None: ...
""",
        ["4: hook 'on_connect': it takes 1 argument besides self, not 1"],
    ),
    "hook without self": (
        """
class Room(Actor[None]):
    @hook
    def on_wake() -> None: ...
""",
        ["4: hook 'on_wake': it takes no self"],
    ),
    "hook that is a generator": (
        """
class Room(Actor[None]):
    @hook
    async def on_wake(self) -> AsyncIterator[int]: yield 1
""",
        ["4: hook 'on_wake': it is a generator; a hook returns or is awaited"],
    ),
    "hook of the wrong result": (
        """
class Room(Actor[None, int]):
    @hook
    async def create_conn_state(self, params: None) -> str: return ""
    @hook
    def on_wake(self) -> int: return 1
""",
        [
            (
                "4: hook 'create_conn_state': it returns int\n"
                "    expected: def create_conn_state(self, params: None) -> int\n"
                "    got:      async def create_conn_state(self, params: None) -> str"
            ),
            (
                "6: hook 'on_wake': it returns None\n"
                "    expected: def on_wake(self) -> None\n"
                "    got:      def on_wake(self) -> int"
            ),
        ],
    ),
    "hook of another's conn": (
        """
class Room(Actor[None, int]):
    @hook
    def on_connect(self, conn: Conn[str, None]) -> None: ...
    @hook
    def on_disconnect(self, conn: Conn) -> None: ...
""",
        [
            (
                "4: hook 'on_connect': conn is Conn[int, None]\n"
                "    expected: def on_connect(self, conn: Conn[int, None]) -> None\n"
                "    got:      def on_connect(self, conn: Conn[str, None]) -> None"
            ),
            (
                "6: hook 'on_disconnect': conn is Conn[int, None]\n"
                "    expected: def on_disconnect(self, conn: Conn[int, None]) -> None\n"
                "    got:      def on_disconnect(self, conn: Conn) -> None"
            ),
        ],
    ),
    "hook in part unannotated": (
        """
class Room(Actor[None, int, str]):
    @hook
    def create_conn_state(self, params) -> str: ...
""",
        [
            (
                "4: hook 'create_conn_state': it returns int\n"
                "    expected: def create_conn_state(self, params: str) -> int\n"
                "    got:      def create_conn_state(self, params) -> str"
            )
        ],
    ),
    "hook with a bad annotation": (
        """
class Room(Actor[None]):
    @hook
    def on_wake(self) -> "1 +": ...
""",
        [
            (
                "4: hook 'on_wake': its annotations cannot be read: SyntaxError: Forward reference "
                "must be an expression -- got '1 +'"
            )
        ],
    ),
    "hook in a mixin behind Actor": (
        """
class Presence:
    @hook
    def on_wake(self) -> None: ...
    def on_sleep(self) -> None: ...
    run = 1
class Room(Actor[None], Presence): ...
""",
        ["3: hook 'on_wake' has no effect: name this class before Actor in the bases"],
    ),
    "mixin before Actor": (
        """
class Presence:
    def on_wake(self) -> None: ...
    key = 1
class Room(Presence, Actor[None]): ...
""",
        [
            "3: 'on_wake' replaces a hook; write @hook above it",
            "5: 'key' would replace Actor.key; rename it",
        ],
    ),
    # -------------------------------------------------------- names
    "reserved names": (
        """
class Room(Actor[None]):
    schedule: int
    conns: dict[str, int]
    log = 1
    @action
    def broadcast(self) -> None: ...
    @action
    def sleep(self) -> None: ...
    client = Event[int]()
    @property
    def key(self) -> int: return 1
""",
        [
            "2: 'schedule' is reserved for a later version; rename it",
            "2: 'conns' would replace Actor.conns; rename it",
            "5: 'log' would replace Actor.log; rename it",
            "7: 'broadcast' would replace Actor.broadcast; rename it",
            "9: 'sleep' is reserved for a later version; rename it",
            "10: 'client' is reserved for a later version; rename it",
            "12: 'key' would replace Actor.key; rename it",
        ],
    ),
    "action with the name of a hook": (
        """
class Room(Actor[None]):
    @action
    def on_wake(self) -> None: ...
""",
        ["4: action 'on_wake' would replace the hook of that name; rename it"],
    ),
    "underscore": (
        """
class Room(Actor[None]):
    @action
    def _post(self) -> None: ...
    _posted = Event[int]()
""",
        [
            "4: action '_post': what clients see cannot start with an underscore",
            "5: event '_posted': what clients see cannot start with an underscore",
        ],
    ),
    "bad names on the wire": (
        """
class Room(Actor[None]):
    @action(name="a b")
    def post(self) -> None: ...
    posted = Event[int]("")
""",
        [
            (
                "4: action 'post': its name on the wire has no white space and none of # % / ? @, "
                "not 'a b'"
            ),
            "5: event 'posted': its name on the wire is a str that is not empty, not ''",
        ],
    ),
    "defined twice": (
        """
class Room(Actor[None]):
    @action
    def post(self) -> None: ...
    posted = Event[int]()
    @action
    def post(self) -> int: return 1
    posted = Event[str]()
    @hook
    def on_wake(self) -> None: ...
    @hook
    def on_wake(self) -> None: ...
""",
        [
            (
                "7: 'post' is defined twice in this class: the action of line 4 is lost; "
                "rename one of them"
            ),
            (
                "8: 'posted' is defined twice in this class: the event of line 5 is lost; "
                "rename one of them"
            ),
            (
                "12: 'on_wake' is defined twice in this class: the hook of line 10 is lost; "
                "rename one of them"
            ),
        ],
    ),
    "misplaced one defined twice": (
        """
class Room(Actor[None]):
    post = action(3)
    post = 4
""",
        [
            (
                "4: 'post' is defined twice in this class: the member of line 3 is lost; "
                "rename one of them"
            )
        ],
    ),
    "one name on the wire": (
        """
class Room(Actor[None], wire_case="camel"):
    @action
    def post_all(self) -> None: ...
    @action(name="postAll")
    def other(self) -> None: ...
    a_b = Event[int]()
    aB = Event[int]()
""",
        [
            (
                "6: action 'other' is 'postAll' on the wire, as action 'post_all' of line 4 is; "
                "give one another name="
            ),
            (
                "8: event 'aB' is 'aB' on the wire, as event 'a_b' of line 7 is; "
                "give one another name="
            ),
        ],
    ),
    "one name of two parameters": (
        """
class Room(Actor[None], wire_case="camel"):
    @action
    def post(self, a_b: int, *, aB: int) -> None: ...
""",
        [
            (
                "4: action 'post': parameters 'a_b' and 'aB' are both 'aB' on the wire; "
                "rename one of them"
            )
        ],
    ),
    "one name of two attributes": (
        """
@define
class Message:
    a_b: int
    aB: int
class Room(Actor[None], wire_case="camel"):
    posted = Event[Message]()
""",
        [
            (
                "7: event 'posted': its payload: attribute 'aB' of Message: on the wire it has the "
                "name of 'a_b'"
            )
        ],
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
    # -------------------------------------------------------- actions
    "signatures": (
        """
class Room(Actor[None]):
    @action
    def a() -> None: ...
    @action
    def b(self, **rest: int) -> None: ...
    @action
    def c(self, *rest: int, loud: bool) -> None: ...
    @action
    def d(self): ...
    @action
    def e(*args: int) -> None: ...
    @action
    def f(self) -> Iterator[int]: yield 1
    @action
    async def g(self) -> AsyncIterator[int]: yield 1
""",
        [
            "4: action 'a': it takes no self",
            "6: action 'b': **rest cannot be checked; name each parameter",
            (
                "8: action 'c': *rest and keyword-only parameters exclude each other: both would "
                "follow the positional ones on the wire"
            ),
            "10: action 'd': it has no return annotation; write -> None if it returns nothing",
            "12: action 'e': it takes no self",
            "14: action 'f': it is a generator; return a list, or send an event for each item",
            "16: action 'g': it is a generator; return a list, or send an event for each item",
        ],
    ),
    "timeouts": (
        """
class Room(Actor[None]):
    @action(timeout=0)
    def a(self) -> None: ...
    @action(timeout="5")
    def b(self) -> None: ...
    @action(timeout=True)
    def c(self) -> None: ...
    @action(timeout=float("inf"))
    def d(self) -> None: ...
""",
        [
            "4: action 'a': timeout=0: it is a number of seconds above 0",
            "6: action 'b': timeout='5': it is a number of seconds above 0",
            "8: action 'c': timeout=True: it is a number of seconds above 0",
            "10: action 'd': timeout=inf: it is a number of seconds above 0",
        ],
    ),
    "raises": (
        """
class Room(Actor[None]):
    @action(raises=UserError)
    def a(self) -> None: ...
    @action(raises=(KeyError,))
    def b(self) -> None: ...
""",
        [
            "4: action 'a': raises= takes a tuple of errors: raises=(UserError,)",
            "6: action 'b': raises=<class 'KeyError'>: a declared error is a subclass of UserError",
        ],
    ),
    "type variable of an action": (
        """
T = TypeVar("T")
class Room(Actor[None]):
    @action
    def a(self, x: T) -> None: ...
""",
        [f"5: action 'a': parameter 'x': T cannot travel: {KNOWN}"],
    ),
    # -------------------------------------------------------- decorators
    "decorators out of place": (
        """
class Room(Actor[None]):
    @action
    @staticmethod
    def a() -> None: ...
    @staticmethod
    @action
    def b(self) -> None: ...
    @hook
    @classmethod
    def on_wake(cls) -> None: ...
    @classmethod
    @hook
    def on_sleep(cls) -> None: ...
    @property
    @action
    def c(self) -> int: return 1
    @hook
    @action
    def on_create(self) -> None: ...
    @action
    @hook
    def on_destroy(self) -> None: ...
    @action("post")
    def d(self) -> None: ...
    @action(nme="post")
    def e(self) -> None: ...
    f = action(int)
    g = hook(Event[int]())
    @functools.wraps(f)
    @action
    def h(self) -> None: ...
""",
        [
            "5: 'a': @action goes on a plain method, directly above def, not on a staticmethod",
            "8: 'b': @action is the outermost decorator, not under staticmethod",
            "11: 'on_wake': @hook goes on a plain method, directly above def, not on a classmethod",
            "14: 'on_sleep': @hook is the outermost decorator, not under classmethod",
            "17: 'c': @action is the outermost decorator, not under property",
            "20: 'on_create': @hook goes on a plain method, directly above def, not on an action",
            "23: action 'on_destroy' would replace the hook of that name; rename it",
            (
                "23: action 'on_destroy': it is an action or a hook, not both; take one of the "
                "decorators away"
            ),
            "25: 'd': @action takes its name by keyword: @action(name='post')",
            "27: 'e': @action has no option 'nme': it takes name, timeout and raises",
            "28: 'f': @action goes on a plain method, directly above def, not on a class",
            "29: 'g': @hook goes on a plain method, directly above def, not on an event",
        ],
    ),
    "decorators out of place in a mixin": (
        """
class Presence:
    @action
    @staticmethod
    def ping() -> None: ...
class Room(Presence, Actor[None]): ...
""",
        ["3: 'ping': @action goes on a plain method, directly above def, not on a staticmethod"],
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
                "3: event 'posted': its annotations cannot be read: AttributeError: module 'typing' "
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
                "10: action 'a': parameter 'a': int and float look the same on the wire; use one of "
                "them, or an attrs class for each"
            ),
            (
                "10: action 'a': parameter 'b': str and datetime look the same on the wire; use one "
                "of them, or an attrs class for each"
            ),
            (
                "10: action 'a': its result: A and B cannot be told apart: A has no required "
                "attribute that the others lack; give each a tag such as kind: Literal['a'] = 'a'"
            ),
            (
                "12: action 'b': parameter 'a': list[int] and tuple[int] look the same on the wire; "
                "use one of them, or an attrs class for each"
            ),
            (
                "12: action 'b': parameter 'b': A and dict[str, int] look the same on the wire; use "
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
                "3: event 'posted': its payload: set[tuple[int, ...]] cannot travel: the items of a "
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
