"""What is said of single members: their names, signatures and decorators."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyactor.definition._binding import KNOWN_TYPES as KNOWN

Problems = Callable[[str], list[str]]

CASES: dict[str, tuple[str, list[str]]] = {
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
            "2: 'schedule' would replace Actor.schedule; rename it",
            "2: 'conns' would replace Actor.conns; rename it",
            "5: 'log' would replace Actor.log; rename it",
            "7: 'broadcast' would replace Actor.broadcast; rename it",
            "9: 'sleep' would replace Actor.sleep; rename it",
            "10: 'client' would replace Actor.client; rename it",
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
    "what cannot be replayed": (
        """
class Room(Actor[None]):
    a = Event[int](replay=1)
    b = Event[int](replay=0)
    c = Event[int](replay=True)
    d = Event[int]("e", replay="10")
    f = Event(replay=100_001)
""",
        [
            (
                "4: event 'b': replay=0: it is how many broadcasts are kept, a whole number from 1 "
                "to 100,000"
            ),
            (
                "5: event 'c': replay=True: it is how many broadcasts are kept, a whole number "
                "from 1 to 100,000"
            ),
            (
                "6: event 'd': replay='10': it is how many broadcasts are kept, a whole number "
                "from 1 to 100,000"
            ),
            "7: event 'f': write its payload's type: f = Event[Message](), or Event[None]()",
            (
                "7: event 'f': replay=100001: it is how many broadcasts are kept, a whole number "
                "from 1 to 100,000"
            ),
        ],
    ),
    "nested names": (
        """
class Room(Actor[None]):
    @action(name="users..add")
    def a(self) -> None: ...
    @action(name="users.")
    def b(self) -> None: ...
    @action(name="users.then.add")
    def c(self) -> None: ...
    @action(name="users add.x")
    def d(self) -> None: ...
    @action(name="then")
    def e(self) -> None: ...
    f = Event[int]("users..added")
    @action(name=3)
    def g(self) -> None: ...
""",
        [
            (
                "4: action 'a': its name on the wire is words with single dots between them, "
                "not 'users..add'"
            ),
            (
                "6: action 'b': its name on the wire is words with single dots between them, "
                "not 'users.'"
            ),
            (
                "8: action 'c': its name on the wire has no part 'then', by which JavaScript tells "
                "a promise, not 'users.then.add'"
            ),
            (
                "10: action 'd': its name on the wire has no white space and none of # % / ? @, "
                "not 'users add.x'"
            ),
            "15: action 'g': its name on the wire is a str that is not empty, not 3",
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
}


@pytest.mark.parametrize("name", CASES)
def test_message(problems: Problems, name: str) -> None:
    text, messages = CASES[name]
    assert problems(text) == messages
