"""The actors that official clients meet: ``pyactor serve tests/conformance/actors.py``."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from typing import Any, cast

from attrs import define

from pyactor import (
    Actor,
    ActorOptions,
    AnyEvent,
    Conn,
    Event,
    Registry,
    Request,
    Response,
    UserError,
    WebSocket,
    WebSocketClosed,
    action,
    hook,
)

# ------------------------------------------------------------------ handles, calls, errors


@define
class Count:
    """A number that survives its callers."""

    value: int = 0


class Counter(Actor[Count], name="counter"):
    """Calls and events at their simplest."""

    changed = Event[int]()
    closed = Event[None]()

    @action
    def add(self, amount: int = 1, *, twice: bool = False) -> int:
        self.state.value += amount * (2 if twice else 1)
        self.changed.broadcast(self.state.value)
        return self.state.value

    @action
    def nothing(self) -> None:
        """Answers None."""

    @action
    def close(self) -> None:
        self.closed.broadcast()

    @action
    def whoami(self) -> list[str]:
        return [self.actor_id, self.name, *self.key]

    @action(name="users.add")
    def add_user(self, name: str) -> str:
        return f"added {name}"

    @action(name="users.admins.list")
    def list_admins(self) -> list[str]:
        return ["ann"]


class Broke(UserError):
    """Declared, with a code of its own."""

    code = "broke"


class Faulty(
    Actor[None],
    name="faulty",
    errors=(Broke,),
    options=ActorOptions(action_timeout=0.2),
):
    """Actions that fail, each in its way."""

    @action
    def declared(self) -> None:
        raise Broke("no money left", metadata={"missing": 5, "of": ["ann", None]})

    @action
    def user(self) -> None:
        raise UserError("not today")

    @action
    def coded(self, code: str) -> None:
        raise UserError("see the code", code=code, metadata=code)

    @action
    async def plain(self) -> None:
        raise RuntimeError("a secret")

    @action
    async def endless(self) -> None:
        await asyncio.Event().wait()

    @action
    def mistyped(self) -> int:
        return cast("int", "three")


@define
class Seed:
    """The input of a creation."""

    first: int
    note: str = ""


@define
class Planted:
    """A state made from the input."""

    value: int
    note: str


class Plant(Actor[Planted, None, None, Seed], name="plant"):
    """An actor that cannot be made without input."""

    @hook
    def create_state(self, input: Seed) -> Planted:
        return Planted(input.first, input.note)

    @action
    def read(self) -> Planted:
        return self.state


class Pace(Actor[None], name="pace"):
    """Calls that overlap."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.gates: dict[str, asyncio.Event] = {}

    def _gate(self, name: str) -> asyncio.Event:
        return self.gates.setdefault(name, asyncio.Event())

    @action
    async def wait_for(self, name: str) -> str:
        await self._gate(name).wait()
        return name

    @action
    def open(self, name: str) -> None:
        self._gate(name).set()

    @action
    async def later(self, turns: int) -> int:
        """Ends after the calls with fewer turns, whatever the order they came in."""
        self.started.append(turns)
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    @action
    def order(self) -> list[int]:
        return self.started


# ------------------------------------------------------------------ values


@define
class Typed:
    """One attribute for each type that JavaScript has its own idea of."""

    integer: int
    number: float
    data: bytes
    when: datetime
    maybe: str | None = None


class Values(Actor[None], name="values"):
    """What a value is on the way and after it."""

    said = Event[list[Any]]()

    @action
    def echo(self, value: Any) -> Any:
        return value

    @action
    def say(self, value: Any) -> None:
        self.said.broadcast([value])

    @action
    def show(self, value: Any) -> str:
        return f"{type(value).__name__} {value!r}"

    @action
    def members(self, items: list[str]) -> set[str]:
        return set(items)

    @action
    def typed(self, value: Typed) -> Typed:
        return value

    @action
    def grow(self, size: int) -> str:
        return "x" * size

    @action
    def measure(self, text: str) -> int:
        return len(text)

    @action
    def shout(self, size: int) -> None:
        self.said.broadcast(["x" * size])


# ------------------------------------------------------------------ connections


@define
class Join:
    """What a client passes when it connects."""

    name: str = "nobody"
    waits: bool = False
    secret: str = ""


@define
class Seat:
    """What the lobby knows of one connection."""

    name: str
    visits: int = 0


class Lobby(Actor[None, Seat, Join], name="lobby"):
    """Who is here; connections come, wait, change their state, and go."""

    left = Event[str]()
    said = Event[str]()
    welcome = Event[str]()

    def __init__(self) -> None:
        self.banned: set[str] = set()
        self.waiting: list[str] = []
        self.go_on = asyncio.Event()
        self.gone: list[str] = []

    @hook
    def on_before_connect(self, params: Join) -> None:
        if params.name in self.banned:
            raise UserError("stay out", code="banned")

    @hook
    def create_conn_state(self, params: Join) -> Seat:
        return Seat(params.name)

    @hook
    async def on_connect(self, conn: Conn[Seat, Join]) -> None:
        conn.send(Lobby.welcome, conn.state.name)
        if conn.params.waits:
            self.waiting.append(conn.state.name)
            await self.go_on.wait()

    @hook
    def on_disconnect(self, conn: Conn[Seat, Join]) -> None:
        self.gone.append(conn.state.name)
        self.left.broadcast(conn.state.name)

    @action
    def me(self) -> list[str]:
        return [self.conn.id, self.conn.state.name, self.conn.params.secret]

    @action
    def visit(self) -> int:
        self.conn.state.visits += 1
        return self.conn.state.visits

    @action
    def names(self) -> list[str]:
        """Everybody in conns, but for the caller."""
        return sorted(c.state.name for c in self.conns.values() if c.id != self.conn.id)

    @action
    def pending(self) -> list[str]:
        return self.waiting

    @action
    def release(self) -> None:
        self.go_on.set()

    @action
    def pid(self) -> int:
        """The serving process, for those who want to kill it."""
        return os.getpid()

    @action
    def say(self, text: str) -> None:
        self.said.broadcast(text)

    @action
    def whisper(self, name: str, text: str) -> None:
        for conn in self.conns.values():
            if conn.state.name == name:
                conn.send(Lobby.said, text)

    @action
    async def leave(self, reason: str, *, awaited: bool) -> None:
        if awaited:
            await self.conn.disconnect(reason)
        else:
            self.conn.disconnect(reason)

    @action
    async def kick(self, name: str, reason: str, *, ban: bool = False) -> int:
        if ban:
            self.banned.add(name)
        targets = [conn for conn in self.conns.values() if conn.state.name == name]
        for conn in targets:
            await conn.disconnect(reason)
        return len(targets)

    @action
    def departed(self) -> list[str]:
        return self.gone


@define
class Fault:
    """Connection parameters: which hook fails, and how."""

    where: str
    how: str


class Gate(Actor[None, str, Fault], name="gate", options=ActorOptions(on_connect_timeout=0.2)):
    """Each hook of the preflight fails on request."""

    async def _maybe_fail(self, where: str, fault: Fault) -> None:
        if fault.where == where:
            match fault.how:
                case "user":
                    raise UserError(
                        f"no entry at {where}", code="no_entry", metadata={"where": where}
                    )
                case "plain":
                    raise RuntimeError("a secret")
                case _:
                    await asyncio.Event().wait()

    @hook
    async def on_before_connect(self, params: Fault) -> None:
        await self._maybe_fail("on_before_connect", params)

    @hook
    async def create_conn_state(self, params: Fault) -> str:
        await self._maybe_fail("create_conn_state", params)
        return "seated"

    @hook
    async def on_connect(self, conn: Conn[str, Fault]) -> None:
        await self._maybe_fail("on_connect", conn.params)

    @action
    def count(self) -> int:
        return len(self.conns)


# ------------------------------------------------------------------ wire_case


@define
class Message:
    """What is said, and by whom."""

    body_text: str
    from_user: str


@define
class Entrance:
    """Connection parameters in camel case."""

    user_name: str = "anonymous"


class Room(Actor[None, str, Entrance], name="room", wire_case="camel"):
    """Python's names inside, JavaScript's outside."""

    message_posted = Event[Message]()

    @hook
    def create_conn_state(self, params: Entrance) -> str:
        return params.user_name

    @action
    def post_message(self, *, from_user: str, body_text: str = "hi") -> Message:
        message = Message(body_text, from_user)
        self.message_posted.broadcast(message)
        return message

    @action
    def last_words(self, last_message: Message, extra_words: dict[str, int]) -> dict[str, Any]:
        return {"text": last_message.body_text, **extra_words}

    @action
    def user_name(self) -> str:
        return self.conn.state


# ------------------------------------------------------------------ raw HTTP and websockets


@define
class Pass:
    """Who it is."""

    name: str = "nobody"


class Site(Actor[None, str, Pass], name="site"):
    """Serves what is no call: pages, streams, websockets of its own protocol."""

    noise = Event[str]()

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.received: list[str] = []
        self.gone: list[str] = []

    @hook
    def on_before_connect(self, params: Pass) -> None:
        if params.name == "banned":
            raise UserError("stay out", code="banned")

    @hook
    def create_conn_state(self, params: Pass) -> str:
        return params.name

    @hook
    def on_disconnect(self, conn: Conn[str, Pass]) -> None:
        self.gone.append(conn.state)

    @hook
    async def on_request(self, request: Request) -> Response:
        response = Response(f"there is no {request.path}", 404)
        match request.path:
            case "/describe":
                described = self._described(request)
                response = Response.json(described, headers={"x-made-by": "pyactor"})
            case "/echo":
                response = Response(await request.read())
            case "/upload":
                response = Response(await self._measured(request.body))
            case "/stream":
                response = Response(self._two_pieces())
            case "/endless":
                response = Response(self._endless())
            case "/status":
                response = Response("gone", 410, {"set-cookie": ("a=1", "b=2")})
            case "/leave":
                self.conn.disconnect("Bye")
                response = Response("still answered")
            case "/user":
                raise UserError("not today", code="closed", metadata={"until": "noon"})
            case "/plain":
                raise RuntimeError("a secret")
        return response

    async def _measured(self, body: AsyncIterable[bytes]) -> str:
        size = 0
        async for piece in body:
            size += len(piece)
            self.received.append(f"{size} bytes")
        return f"{size} bytes"

    def _described(self, request: Request) -> dict[str, str]:
        return {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "test": request.headers.get("x-test", ""),
            "who": self.conn.state,
        }

    async def _two_pieces(self) -> AsyncIterator[bytes]:
        yield b"first"
        await self.go_on.wait()
        yield b"second"

    async def _endless(self) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 10_000

    @hook
    async def on_web_socket(self, ws: WebSocket) -> None:
        match ws.request.path:
            case "/echo":
                async for message in ws:
                    await ws.send(message)
            case "/describe":
                await ws.send(json.dumps(self._described(ws.request)))
            case "/quiet":
                self.conn.send(Site.noise, "noise")
                self.noise.broadcast("noise")
                await ws.send("only this")
            case "/close":
                ws.close(4001, "enough")
            case "/leave":
                await self.conn.disconnect("Bye")
            case "/flood":
                for number in range(100):
                    await ws.send(bytes([number]) * 30_000)
            case "/listen":
                await self._listen(ws)
            case "/user":
                raise UserError("not today", code="closed")
            case _:
                raise RuntimeError("a secret")

    @action
    def release(self) -> None:
        self.go_on.set()

    async def _listen(self, ws: WebSocket) -> None:
        await ws.send("listening")
        try:
            while True:
                self.received.append(str(await ws.receive()))
        except WebSocketClosed as closed:
            self.received.append(f"{closed.code} {closed.reason}")

    @action
    def log_of(self) -> list[str]:
        return self.received

    @action
    def departed(self) -> list[str]:
        return self.gone


# ------------------------------------------------------------------ who may what


class Policy(Actor[None, str, Pass], name="policy"):
    """What only an admin may hear and publish; every answer is signed."""

    news = Event[str]()
    secrets = Event[str]()

    @hook
    def create_conn_state(self, params: Pass) -> str:
        return params.name

    @hook
    async def can_subscribe(self, conn: Conn[str, Pass], event: AnyEvent) -> bool:
        return event != Policy.secrets or conn.state == "admin"

    @hook
    def can_publish(self, conn: Conn[str, Pass], queue: str) -> bool:
        return queue != "payroll" or conn.state == "admin"

    @hook
    def on_before_action_response(self, name: str, args: tuple[Any, ...], output: Any) -> Any:
        if name == "tell":
            return f"{output} (signed for {self.conn.state})"
        return output

    @action
    def tell(self, text: str) -> str:
        self.news.broadcast(text)
        self.secrets.broadcast(text)
        return f"told {text}"

    @action
    def whoami(self) -> str:
        return self.conn.state


registry = Registry(Counter, Faulty, Plant, Pace, Values, Lobby, Gate, Room, Site, Policy)
