"""An ASGI server in memory and in virtual time: it does what the test says, and notes the rest.

``served(scenario)`` runs a scenario with an app of the actor ``Site`` that has started, and then
checks that nothing is left but what the app itself may leave.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote

import pytest
from attrs import Factory, define

import pyactor.asgi
from pyactor import (
    Actor,
    ActorOptions,
    Event,
    Registry,
    Request,
    Response,
    WebSocket,
    WebSocketClosed,
    action,
    hook,
)
from pyactor.testing._loop import VirtualLoop

T = TypeVar("T")
Message: TypeAlias = dict[str, Any]

BACKLOG = 200_000
SEEN: list[str] = []
"""What the actor of this test saw, across its lives."""
_GATES: dict[str, asyncio.Event] = {}


def gate(name: str) -> asyncio.Event:
    """What the actor waits for, and the test sets."""
    return _GATES.setdefault(name, asyncio.Event())


class Site(
    Actor[None],
    name="site",
    options=ActorOptions(max_outgoing_backlog=BACKLOG, sleep_timeout=1e6),
):
    """Does on request what an app has to carry."""

    said = Event[str]()

    @hook
    def on_disconnect(self, conn: Any) -> None:
        SEEN.append("left")

    @action
    def echo(self, text: str) -> str:
        return text

    @action
    async def work(self) -> str:
        SEEN.append("working")
        await gate("work").wait()
        SEEN.append("worked")
        return "done"

    @action
    def shout(self, size: int) -> None:
        self.said.broadcast("x" * size)

    @action
    async def later(self, seconds: float) -> None:
        await self.schedule.after(seconds, Site.shout, 1)

    @hook
    async def on_request(self, request: Request) -> Response:
        match request.path:
            case "/read":
                return Response(str(await self._measure(request)))
            case "/late":
                await gate("read").wait()
                return Response(str(await self._measure(request)))
            case "/stream" | "/both":
                return Response(self._pieces(), headers={"x-a": ("1", "2")})
            case "/broken":
                return Response(self._broken())
            case _:
                described = [request.method, request.path, request.query, request.peer]
                return Response.json(described)

    async def _measure(self, request: Request) -> int:
        size = 0
        try:
            async for piece in request.body:
                size += len(piece)
                SEEN.append(f"{size} bytes")
        except Exception as error:
            SEEN.append(type(error).__name__)
            raise
        return size

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            for number in range(1000):
                SEEN.append(f"piece {number}")
                yield b"x%d" % number
                if number == 2:
                    await gate("stream").wait()
                    return
        finally:
            SEEN.append("closed")

    async def _broken(self) -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("a bug of the actor")

    @hook
    async def on_web_socket(self, ws: WebSocket) -> None:
        match ws.request.path:
            case "/close":
                ws.close(4001, "enough")
            case "/flood":
                for number in range(100):
                    await ws.send(bytes([number]) * 30_000)
                    SEEN.append(f"sent {number}")
            case "/wait":
                await gate("ws").wait()
                await self._listen(ws)
            case _:
                await self._listen(ws)

    async def _listen(self, ws: WebSocket) -> None:
        try:
            while True:
                message = await ws.receive()
                SEEN.append(repr(message))
                await ws.send(message)
        except WebSocketClosed as closed:
            SEEN.append(f"closed {closed.code} {closed.reason}")


registry = Registry(Site)


def http(path: str, method: str = "GET", **fields: Any) -> Message:
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 5000),
        **fields,
    }


def websocket(path: str, *subprotocols: str, **fields: Any) -> Message:
    return {**http(path), "type": "websocket", "subprotocols": list(subprotocols), **fields}


def target(route: str) -> str:
    """The target of a route of the one site."""
    path, _, query = route.partition("?")
    by_key = "rvt-method=getOrCreate&rvt-key=a&rvt-runner=default"
    return f"/gateway/site{path}?{'&'.join(filter(None, (query, by_key)))}"


@define(eq=False)
class Call:
    """One scope: what the server tells the app and what the app told the server."""

    app: Any
    scope: Message
    sent: list[Message] = Factory(list[Message])
    received: int = 0
    has_room: asyncio.Event = Factory(asyncio.Event)
    fault: Exception | None = None
    refusal: Exception | None = None
    _incoming: asyncio.Queue[Message] = Factory(asyncio.Queue[Message])
    _outgoing: asyncio.Queue[Message] = Factory(asyncio.Queue[Message])
    task: asyncio.Task[None] = None  # type: ignore[assignment]

    def start(self) -> Call:
        self.has_room.set()
        self.task = asyncio.create_task(self.app(self.scope, self._receive, self._send))
        return self

    async def _receive(self) -> Message:
        self.received += 1
        message = await self._incoming.get()
        if self.refusal is not None:
            raise self.refusal
        return message

    async def _send(self, message: Message) -> None:
        await self.has_room.wait()
        if self.fault is not None:
            raise self.fault
        self.sent.append(message)
        self._outgoing.put_nowait(message)

    def tell(self, what: str, **fields: Any) -> None:
        self._incoming.put_nowait({"type": what, **fields})

    @property
    def untaken(self) -> int:
        """What the server has and the app did not take."""
        return self._incoming.qsize()

    async def next(self, what: str | None = None) -> Message:
        """The app's next message, which is of that type."""
        message = await self._outgoing.get()
        assert what in (None, message["type"]), message
        return message

    # -------------------------------------------------------------- of plain requests

    def body(self, data: bytes = b"", *, more: bool = False) -> None:
        self.tell("http.request", body=data, more_body=more)

    async def answer(self) -> tuple[int, bytes]:
        """Status and whole body, once the app has returned."""
        await self.task
        start, *pieces = self.sent
        assert start["type"] == "http.response.start"
        assert [each["more_body"] for each in pieces] == [*[True] * (len(pieces) - 1), False]
        return start["status"], b"".join(each["body"] for each in pieces)

    def headers(self) -> list[tuple[bytes, bytes]]:
        return list(self.sent[0]["headers"])

    # -------------------------------------------------------------- of websockets

    async def closed(self) -> tuple[int, str]:
        """How the app closes; the server then tells it that the websocket is gone."""
        message = await self.next("websocket.close")
        self.tell("websocket.disconnect", code=message["code"], reason=message["reason"])
        await self.task
        return message["code"], message["reason"]


@define(eq=False)
class Server:
    """A started app and the calls of one scenario."""

    app: pyactor.asgi.App
    calls: list[Call] = Factory(list[Call])

    def call(self, scope: Message) -> Call:
        call = Call(self.app, scope).start()
        self.calls.append(call)
        return call

    def call_app(self, app: Any, path: str) -> Call:
        """A request to an app of the test's."""
        call = Call(app, http(path)).start()
        self.calls.append(call)
        return call

    def request(self, path: str, method: str = "GET", **fields: Any) -> Call:
        """A raw request to the site."""
        return self.call(http(target(f"/request{path}"), method, **fields))

    def action(self, name: str, *args: Any, **fields: Any) -> Call:
        """An action of the site over HTTP."""
        call = self.call(http(target(f"/action/{name}"), "POST", **fields))
        call.body(json.dumps({"args": list(args)}).encode())
        return call

    async def socket(self, route: str, *subprotocols: str, **fields: Any) -> Call:
        """A websocket of the site, once it is accepted."""
        call = self.call(websocket(target(route), *subprotocols, **fields))
        call.tell("websocket.connect")
        await call.next("websocket.accept")
        return call

    @property
    def seen(self) -> list[str]:
        """What the actor saw."""
        return SEEN

    def open(self, name: str) -> None:
        """Let the actor go on that waits for this."""
        gate(name).set()

    async def settle(self) -> None:
        """Let everything happen that happens without the time going on."""
        for _ in range(100):
            await asyncio.sleep(0)


def run(main: Awaitable[T]) -> T:
    """Run in virtual time."""

    async def within() -> T:
        return await main

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(within())


Scenario: TypeAlias = Callable[[Server], Awaitable[None]]


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    SEEN.clear()
    _GATES.clear()


@pytest.fixture
def served() -> Callable[..., None]:
    def serve(scenario: Scenario, **options: Any) -> None:
        async def main() -> None:
            app = pyactor.asgi.app(registry, **options)
            server = Server(app)
            async with app.lifespan():
                await scenario(server)
            await asyncio.gather(*(each.task for each in server.calls), return_exceptions=True)
            await server.settle()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left

        run(main())

    return serve


@pytest.fixture
def virtual() -> Callable[[Awaitable[None]], None]:
    """Runs in virtual time."""
    return run


@pytest.fixture
def call() -> Callable[[Any, Message], Call]:
    """A call of any app."""

    def start(app: Any, scope: Message) -> Call:
        return Call(app, scope).start()

    return start
