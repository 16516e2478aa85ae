"""What ``self``, connections, refs and markers do, on contexts that note what is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, fields

from pyactor.definition import (
    HOOKS,
    Actor,
    ActorOptions,
    Conn,
    Connecting,
    Event,
    Request,
    WebSocket,
    action,
    definition_of,
    hook,
    resolve,
)
from pyactor.definition import _hooks as hooks
from pyactor.errors import NoCallerError, RequestsNotSupported, WebSocketsNotSupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyactor.definition import ActorContext, ConnContext


@define
class Member:
    user: str = "anonymous"


class Room(Actor[list[int], Member, str]):
    said = Event[str]()
    closed = Event[None]()

    def __init__(self) -> None:
        self.made_with = self.key

    @action
    def sync(self, x: int) -> int:
        """Adds one."""
        return x + 1

    @action
    async def both(self, x: int) -> int:
        return await self.sync(x) + await self.later(x)

    @action
    async def later(self, x: int) -> int:
        return x


@pytest.fixture
def room(actor_context: Any) -> Room:
    made: Room = definition_of(Room).instantiate(actor_context)
    return made


def test_self(room: Room, actor_context: Any) -> None:
    assert (room.key, room.actor_id, room.name, room.region) == (("a", "b"), "id1", "room", "local")
    assert room.made_with == ("a", "b")
    assert room.conns == {}
    assert str(room.log) == "the log"
    assert str(room.client) == "the client"
    room.state = [1]
    assert actor_context.state == [1]
    assert room.state == [1]


@pytest.mark.parametrize(("aw", "got"), [(5, "int"), (print, "a function: call it")])
def test_what_cannot_be_awaited(room: Room, actor_context: Any, aw: Any, got: str) -> None:
    with pytest.raises(TypeError) as caught:
        room.wait_until(aw)
    assert str(caught.value) == (
        "wait_until() takes what can be awaited, such as self.wait_until(self.work()) for an async "
        f"method, not {got}"
    )
    with pytest.raises(TypeError, match=r"^keep_awake\(\) takes what can be awaited"):
        asyncio.run(room.keep_awake(aw))
    assert actor_context.calls == []


def test_the_life_of_the_actor(room: Room, actor_context: Any) -> None:
    async def later() -> int:
        return 7

    async def scene() -> int:
        await room.save_state()
        await room.save_state(immediate=True)
        room.sleep()
        room.destroy()
        kept = later()
        room.wait_until(kept)
        kept.close()
        assert actor_context.calls == [
            ("save_state", False),
            ("save_state", True),
            ("sleep",),
            ("destroy",),
            ("wait_until", kept),
        ]
        seen = [room.aborted]
        room.abort_event.set()
        assert [*seen, room.aborted] == [False, True]
        return await room.keep_awake(later())

    assert asyncio.run(scene()) == 7


def test_the_caller(room: Room, actor_context: Any, conn_context: ConnContext) -> None:
    assert room.caller is None
    with pytest.raises(NoCallerError) as caught:
        _ = room.conn
    assert str(caught.value) == (
        "self.conn: no connection is calling action 'post' of Room; use self.caller, which may be "
        "None"
    )
    with pytest.raises(NoCallerError) as caught:
        _ = room.connecting
    assert str(caught.value) == (
        "self.connecting: action 'post' of Room is neither on_before_connect nor "
        "create_conn_state; use self.conn"
    )
    actor_context.calling = conn = Conn[Member, str](conn_context, "p", Member())
    actor_context.attempt = connecting = Connecting(conn_context, "p")
    seen: list[Any] = [room.conn, room.caller, room.connecting]
    assert seen == [conn, conn, connecting]


def test_broadcast(room: Room, actor_context: Any) -> None:
    room.said.broadcast("a")
    room.broadcast(Room.said, "b")
    room.closed.broadcast()
    assert actor_context.calls == [
        ("broadcast", "said", ("a",)),
        ("broadcast", "said", ("b",)),
        ("broadcast", "closed", ()),
    ]
    with pytest.raises(
        TypeError, match=r"^<EventRef Room.said>: the payload is positional, not p="
    ):
        room.broadcast(Room.said, p="b")  # type: ignore[call-arg]
    with pytest.raises(
        TypeError, match=r"^expected an event such as ChatRoom.message_posted, got s"
    ):
        room.broadcast("said", "b")  # type: ignore[arg-type]


def test_conn(conn_context: Any) -> None:
    conn = Conn[Member, str](conn_context, "p", Member("ann"))
    conn.state = Member("bob")
    assert (conn.id, conn.params, conn.state, conn.is_hibernatable) == (
        "c1",
        "p",
        Member("bob"),
        True,
    )
    assert conn.request.headers == {"host": "here"}
    assert repr(conn) == "<Conn c1>"
    conn.send(Room.said, "a")
    conn.send(Room.closed)
    asyncio.run(wait(conn.disconnect("why")))
    conn.defer(print)
    assert conn_context.calls == [
        ("send", "said", ("a",)),
        ("send", "closed", ()),
        ("disconnect", "why"),
        ("closed", "why"),
        ("defer", print),
    ]
    with pytest.raises(AttributeError):
        conn.stat = 1  # type: ignore[attr-defined]


async def wait(awaitable: Any) -> Any:
    return await awaitable


def test_connecting(conn_context: Any) -> None:
    connecting = Connecting(conn_context, "p")
    connecting.defer(print)
    assert (connecting.id, connecting.params, connecting.request.peer) == ("c1", "p", "1.2.3.4:5")
    assert conn_context.calls == [("defer", print)]


def test_actions_are_awaited_on_self(room: Room) -> None:
    async def calls() -> list[int]:
        return [await room.sync(1), await room.both(1)]

    assert asyncio.run(calls()) == [2, 3]
    assert room.sync.__name__ == "sync"
    assert vars(Room)["sync"].__doc__ == "Adds one."


def test_a_sync_action_may_return_an_awaitable(actor_context: ActorContext) -> None:
    async def later() -> int:
        return 4

    class Lazy(Actor[None]):
        @action
        def a(self) -> Any:
            return later()

    lazy = definition_of(Lazy).instantiate(actor_context)
    assert asyncio.run(lazy.a()) == 4


def test_default_hooks(room: Room) -> None:
    conn: Any = None
    assert room.create_state(None) == []
    assert room.create_conn_state("p") == Member()
    done = [room.on_create(), room.on_wake(), room.on_sleep(), room.on_destroy()]
    done += [room.on_before_connect("p"), room.on_connect(conn), room.on_disconnect(conn)]
    assert done == [None] * 7
    room.on_state_change([1])
    assert room.run() is None
    assert room.migrate_state({"n": 1}, 0) == {"n": 1}


def test_default_hooks_of_what_a_client_may_do(room: Room, conn_context: Any) -> None:
    conn = Conn[Member, str](conn_context, "p", Member())
    assert room.can_subscribe(conn, Room.said) is True
    assert room.can_publish(conn, "jobs") is True
    assert room.on_before_action_response("sync", (1,), 2) == 2
    with pytest.raises(RequestsNotSupported, match=r"^room does not answer PUT /a "):
        room.on_request(Request("PUT", "/a"))
    with pytest.raises(WebSocketsNotSupported, match=r"^room serves no websocket at /connect "):
        room.on_web_socket(WebSocket(conn_context))


def test_resolve() -> None:
    async def later() -> int:
        return 1

    async def both() -> list[int]:
        return [await resolve(later()), await resolve(2)]

    assert asyncio.run(both()) == [1, 2]


def test_every_name_of_the_base_is_in_a_table() -> None:
    public = {name for name in vars(Actor) if not name.startswith("_")} | {"_context"}
    assert public == HOOKS.keys() | hooks.MEMBERS


def test_every_hook_has_its_timeout() -> None:
    limits = {rule.timeout for rule in HOOKS.values() if rule.timeout is not None}
    assert limits <= {each.name for each in fields(ActorOptions)}
    unbounded = {name for name, rule in HOOKS.items() if rule.timeout is None}
    within_another = {"on_before_action_response", "on_state_change", "migrate_state"}
    assert unbounded == {"on_web_socket", "run", *within_another}


def test_markers_stand_on_the_base_too() -> None:
    mark: Callable[..., Any] = hook

    def on_wake(self: Any) -> None: ...

    assert mark(on_wake) is on_wake


# ------------------------------------------------------------------ options


def test_options() -> None:
    options = ActorOptions(action_timeout=1, max_held_messages=3)
    assert (options.action_timeout, options.max_held_messages) == (1, 3)
    assert (options.close_timeout, options.max_held_size) == (5.0, 262_144)


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("action_timeout", 0, ValueError, "must be above 0 and finite, not 0"),
        ("action_timeout", float("inf"), ValueError, "must be above 0 and finite, not inf"),
        ("action_timeout", "1", TypeError, "is a number of seconds, not '1'"),
        ("action_timeout", True, TypeError, "is a number of seconds, not True"),
        ("max_key_size", 1.5, TypeError, "is a whole number, not 1.5"),
        ("max_key_size", -1, ValueError, "must be above 0 and finite, not -1"),
        ("unknown_state_fields", "drop", ValueError, "is 'keep' or 'refuse', not 'drop'"),
    ],
)
def test_bad_options(name: str, value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        ActorOptions(**{name: value})
    assert str(caught.value) == f"ActorOptions.{name} {message}"
