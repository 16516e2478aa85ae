"""What is said of hooks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Problems = Callable[[str], list[str]]

CASES: dict[str, tuple[str, list[str]]] = {
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
                "on_destroy, on_before_connect, create_conn_state, on_connect, can_subscribe, "
                "can_publish, on_before_action_response, on_request, on_web_socket, on_disconnect, "
                "on_state_change, run, migrate_state"
            )
        ],
    ),
    "hook that cannot be async": (
        """
@define
class Count:
    n: int = 0
class Room(Actor[Count], state_version=1):
    @hook
    async def on_state_change(self, state: Count) -> None: ...
    @hook
    async def migrate_state(self, old: dict[str, Any], version: int) -> dict[str, Any]: ...
""",
        [
            (
                "7: hook 'on_state_change': it cannot be async: nothing may happen while it runs; "
                "write def"
            ),
            (
                "9: hook 'migrate_state': it cannot be async: nothing may happen while it runs; "
                "write def"
            ),
        ],
    ),
    "on_state_change with another state": (
        """
@define
class Count:
    n: int = 0
class Room(Actor[Count]):
    @hook
    def on_state_change(self, state: int) -> None: ...
""",
        [
            (
                "7: hook 'on_state_change': state is Count\n"
                "    expected: def on_state_change(self, state: Count) -> None\n"
                "    got:      def on_state_change(self, state: int) -> None"
            )
        ],
    ),
    "migrate_state that gives no dict": (
        """
@define
class Count:
    n: int = 0
class Room(Actor[Count], state_version=1):
    @hook
    def migrate_state(self, old: Count, version: str) -> Count: ...
""",
        [
            (
                "7: hook 'migrate_state': old is dict[str, Any]\n"
                "    expected: def migrate_state(self, old: dict[str, Any], version: int) -> "
                "dict[str, Any]\n"
                "    got:      def migrate_state(self, old: Count, version: str) -> Count"
            )
        ],
    ),
    "migrate_state without its version": (
        """
class Room(Actor[None], state_version=1):
    @hook
    def migrate_state(self, old: dict[str, Any]) -> dict[str, Any]: ...
""",
        ["4: hook 'migrate_state': it takes 2 arguments besides self, not 1"],
    ),
    "migrate_state that would never run": (
        """
class Room(Actor[None]):
    @hook
    def migrate_state(self, old: dict[str, Any], version: int) -> dict[str, Any]: ...
""",
        [
            (
                "4: hook 'migrate_state' would never run: nothing is older than state_version 0; "
                "give the class state_version=1"
            )
        ],
    ),
    "run with an argument": (
        """
class Room(Actor[None]):
    @hook
    async def run(self, more: int) -> None: ...
""",
        ["4: hook 'run': it takes 0 arguments besides self, not 1"],
    ),
    "state_version that is no whole number": (
        """
class Room(Actor[None], state_version="2"): ...
""",
        ["2: state_version='2': it is a whole number, 0 or above"],
    ),
    "state_version below 0": (
        "class Room(Actor[None], state_version=-1): ...",
        ["2: state_version=-1: it is a whole number, 0 or above"],
    ),
    "state_version that is a bool": (
        "class Room(Actor[None], state_version=True): ...",
        ["2: state_version=True: it is a whole number, 0 or above"],
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
    "hooks of what a connection may do": (
        """
class Room(Actor[None, int]):
    @hook
    def can_subscribe(self, conn: Conn[int, None], event: str) -> bool: return True
    @hook
    async def can_publish(self, conn: Conn[int, None], queue: str) -> None: ...
""",
        [
            (
                "4: hook 'can_subscribe': event is AnyEvent\n"
                "    expected: def can_subscribe(self, conn: Conn[int, None], event: AnyEvent) "
                "-> bool\n"
                "    got:      def can_subscribe(self, conn: Conn[int, None], event: str) -> bool"
            ),
            (
                "6: hook 'can_publish': it returns bool\n"
                "    expected: def can_publish(self, conn: Conn[int, None], queue: str) -> bool\n"
                "    got:      async def can_publish(self, conn: Conn[int, None], queue: str) "
                "-> None"
            ),
        ],
    ),
    "hooks of what a connection may do, of the wrong shape": (
        """
class Room(Actor[None, int]):
    @hook
    def can_subscribe(self, event: AnyEvent) -> bool: return True
    @hook
    def can_publish(self, conn: Conn[str, None], queue: str) -> bool: return True
""",
        [
            "4: hook 'can_subscribe': it takes 2 arguments besides self, not 1",
            (
                "6: hook 'can_publish': conn is Conn[int, None]\n"
                "    expected: def can_publish(self, conn: Conn[int, None], queue: str) -> bool\n"
                "    got:      def can_publish(self, conn: Conn[str, None], queue: str) -> bool"
            ),
        ],
    ),
    "hook of an action's answer": (
        """
class Room(Actor[None]):
    @hook
    def on_before_action_response(self, name: str, args: list[Any], output: Any) -> Any: ...
""",
        [
            (
                "4: hook 'on_before_action_response': args is tuple[Any, ...]\n"
                "    expected: def on_before_action_response(self, name: str, "
                "args: tuple[Any, ...], output: Any) -> Any\n"
                "    got:      def on_before_action_response(self, name: str, "
                "args: list[Any], output: Any) -> Any"
            )
        ],
    ),
    "raw hooks": (
        """
class Room(Actor[None]):
    @hook
    async def on_request(self, request: Request) -> str: return ""
    @hook
    async def on_web_socket(self, ws: WebSocket) -> Response: return Response()
""",
        [
            (
                "4: hook 'on_request': it returns Response\n"
                "    expected: def on_request(self, request: Request) -> Response\n"
                "    got:      async def on_request(self, request: Request) -> str"
            ),
            (
                "6: hook 'on_web_socket': it returns None\n"
                "    expected: def on_web_socket(self, ws: WebSocket) -> None\n"
                "    got:      async def on_web_socket(self, ws: WebSocket) -> Response"
            ),
        ],
    ),
    "raw hooks of the wrong shape": (
        """
class Room(Actor[None]):
    @hook
    async def on_request(self, request: WebSocket) -> Response: return Response()
    @hook
    async def on_web_socket(self, ws: WebSocket) -> AsyncIterator[str]: yield ""
""",
        [
            (
                "4: hook 'on_request': request is Request\n"
                "    expected: def on_request(self, request: Request) -> Response\n"
                "    got:      async def on_request(self, request: WebSocket) -> Response"
            ),
            "6: hook 'on_web_socket': it is a generator; a hook returns or is awaited",
        ],
    ),
    "raw hooks without their mark": (
        """
class Room(Actor[None]):
    async def on_request(self, request: Request) -> Response: return Response()
    on_web_socket = Event[str]()
    @hook
    def on_websocket(self, ws: WebSocket) -> None: ...
""",
        [
            "3: 'on_request' replaces a hook; write @hook above it",
            "4: event 'on_web_socket' would replace the hook of that name; rename it",
            "6: there is no hook 'on_websocket'; did you mean 'on_web_socket'?",
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
}


@pytest.mark.parametrize("name", CASES)
def test_message(problems: Problems, name: str) -> None:
    text, messages = CASES[name]
    assert problems(text) == messages
