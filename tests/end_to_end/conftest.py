"""A host on a real socket, a connection beside it that must notice nothing, and a look at the rest.

``play(scenario)`` runs a scenario with a ``Stage`` and then asks for everything back: connections,
tasks and file descriptors are what they were, each ``on_connect`` that returned had its
``on_disconnect`` (C4), and the bystander heard nothing but what it asks for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote

import httpx2
import pytest
from attrs import Factory, define, frozen
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from pyactor import Actor, ActorOptions, Conn, Event, Host, Registry, UserError, action, hook
from pyactor.runtime import Instance

Message: TypeAlias = "dict[str, Any]"


@define
class Entry:
    """Connection parameters: what goes wrong in which hook, for example ``hang on_connect``."""

    fault: str = ""


class Refused(UserError):
    code = "refused"


class Room(Actor[None, str, Entry], name="room", options=ActorOptions(max_in_flight_actions=8)):
    """Every hook goes wrong on request. Timeouts are long: what waits here waits for the test."""

    said = Event[str]()
    filled = Event[str]()

    def __init__(self) -> None:
        self.entered = asyncio.Event()  # something waits
        self.go_on = asyncio.Event()
        self.ran: list[str] = []  # everything that returned or was about to, the bystander's too

    async def _maybe_fail(self, where: str, fault: str) -> None:
        how, _, place = fault.partition(" ")
        if place != where:
            return
        match how:
            case "raise":
                raise RuntimeError("a secret")
            case "refuse":
                raise Refused("not now", metadata={"where": where})
            case "hang":
                await asyncio.Event().wait()
            case "wait":
                self.entered.set()
                await self.go_on.wait()
            case _:
                assert how == "mistype"

    @hook
    async def on_before_connect(self, params: Entry) -> None:
        await self._maybe_fail("on_before_connect", params.fault)
        self.ran.append("on_before_connect")

    @hook
    async def create_conn_state(self, params: Entry) -> str:
        await self._maybe_fail("create_conn_state", params.fault)
        self.ran.append("create_conn_state")
        wrong: Any = 3
        return wrong if params.fault == "mistype create_conn_state" else "seated"

    @hook
    async def on_connect(self, conn: Conn[str, Entry]) -> None:
        await self._maybe_fail("on_connect", conn.params.fault)
        self.ran.append("on_connect")

    @hook
    async def on_disconnect(self, conn: Conn[str, Entry]) -> None:
        self.ran.append("on_disconnect")
        await self._maybe_fail("on_disconnect", conn.params.fault)

    @action
    def echo(self, text: str, *, loud: bool = False) -> str:
        return text.upper() if loud else text

    @action
    async def act(self, fault: str) -> int:
        await self._maybe_fail("act", fault)
        self.ran.append("act")
        wrong: Any = "three"
        return wrong if fault == "mistype act" else 3

    @action
    def say(self, text: str) -> None:
        self.said.broadcast(text)

    @action
    def say_wrong(self, *, directly: bool) -> None:
        wrong: Any = 3
        if directly:
            self.conn.send(Room.said, wrong)
        else:
            self.said.broadcast(wrong)


class HastyRoom(
    Room,
    name="hasty",
    options=ActorOptions(
        on_before_connect_timeout=0.05,
        create_conn_state_timeout=0.05,
        on_connect_timeout=0.05,
        on_disconnect_timeout=0.05,
        action_timeout=0.05,
        close_timeout=0.05,
    ),
):
    """The same with no patience."""


@frozen
class Held:
    """What a process holds on to."""

    conns: int
    attempts: int
    tasks: int
    files: int


def name_of(error: Message) -> str:
    """``group.code`` of an error as it came over the wire, whose words give nothing away."""
    assert "secret" not in json.dumps(error)
    return f"{error['group']}.{error['code']}"


class Socket(ClientConnection):
    """A websocket that speaks the protocol's messages."""

    async def call(self, name: str, *args: object, id: int = 1) -> None:
        """Send an action request."""
        await self._send("ActionRequest", {"id": id, "name": name, "args": args})

    async def subscribe(self, event: str) -> None:
        await self._send("SubscriptionRequest", {"eventName": event, "subscribe": True})

    async def _send(self, tag: str, values: Message) -> None:
        await self.send(json.dumps({"body": {"tag": tag, "val": values}}))

    async def message(self) -> Message:
        body: Message = json.loads(await self.recv())["body"]
        return body

    async def init(self) -> str:
        """Wait until the connection is open; its id."""
        message = await self.message()
        assert message["tag"] == "Init", message
        connection_id: str = message["val"]["connectionId"]
        return connection_id

    async def output(self) -> object:
        """The next message, which is the answer of a call."""
        message = await self.message()
        assert message["tag"] == "ActionResponse", message
        return message["val"]["output"]

    async def error(self) -> tuple[str, Message]:
        """The next message, which is an error: its name, and all of it."""
        message = await self.message()
        assert message["tag"] == "Error", message
        return name_of(message["val"]), message["val"]

    async def rejection(self) -> tuple[str, int, str]:
        """An attempt that fails: the name of its one error, then the close code and reason."""
        messages, code, reason = await self.until_closed()
        (message,) = messages
        assert message["tag"] == "Error", message
        assert message["val"]["actionId"] is None
        return name_of(message["val"]), code, reason

    async def until_closed(self) -> tuple[list[Message], int, str]:
        """The messages up to the close frame, its code and its reason."""
        messages: list[Message] = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                messages.append(await self.message())
        close = self.protocol.close_rcvd
        assert close is not None
        return messages, close.code, close.reason


@define(eq=False)
class Stage:
    """What a scenario works with."""

    host: Host
    name: str
    instance: Instance
    sockets: list[Socket] = Factory(list[Socket])

    @property
    def actor(self) -> Room:
        room: Room = self.instance.actor
        return room

    def held(self) -> Held:
        return Held(
            len(self.instance.conns),
            len(self.instance.drivers),
            len(asyncio.all_tasks()),
            len(list(Path("/proc/self/fd").iterdir())),
        )

    async def open(
        self,
        fault: str = "",
        *,
        name: str | None = None,
        encoding: str = "json",
        params: str | None = None,
        query: str = "",
        max_queue: int = 16,
    ) -> Socket:
        """A websocket whose upgrade is done, however it goes on.

        Args:
            fault: What goes wrong in which hook.
            name: The actor's name.
            encoding: What it asks for.
            params: The connection parameters as JSON, in place of a ``fault``.
            query: More of the target.
            max_queue: How many messages it takes in before anybody reads them.
        """
        given = json.dumps({"fault": fault}) if params is None else params
        offered = ["rivet", f"rivet_encoding.{encoding}", f"rivet_conn_params.{quote(given, '')}"]
        socket = await connect(
            f"ws://127.0.0.1:{self.host.port}/gateway/{name or self.name}/connect"
            f"?rvt-method=getOrCreate&rvt-key=a{query}",
            subprotocols=[Subprotocol(each) for each in offered],
            create_connection=Socket,
            compression=None,
            ping_interval=None,
            max_queue=max_queue,
        )
        assert isinstance(socket, Socket)
        self.sockets.append(socket)
        return socket

    async def joined(self, fault: str = "") -> Socket:
        """An open connection."""
        socket = await self.open(fault)
        await socket.init()
        return socket

    async def bytes_in(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A plain connection that sends ``data``."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.host.port)
        writer.write(data)
        return reader, writer

    @contextlib.asynccontextmanager
    async def http(self) -> AsyncIterator[httpx2.AsyncClient]:
        async with httpx2.AsyncClient(base_url=self.host.url, trust_env=False) as client:
            yield client

    async def post(
        self,
        action: str,
        *args: object,
        fault: str = "",
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, object]:
        """Call an action over HTTP: the status, and its output or the error's name."""
        async with self.http() as client:
            answer = await client.post(
                f"/gateway/{self.name}/action/{action}?rvt-method=getOrCreate&rvt-key=a",
                content=json.dumps({"args": args}).encode() if content is None else content,
                headers={"x-rivet-conn-params": json.dumps({"fault": fault}), **(headers or {})},
            )
        body: Message = answer.json()
        return answer.status_code, body["output"] if answer.is_success else name_of(body)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop turn until ``condition`` holds; the test's timeout bounds it."""
        while not condition():  # noqa: ASYNC110 - of files and tasks nobody is told
            await asyncio.sleep(0)

    async def back_to(self, start: Held) -> None:
        """Close what the scenario opened, and see that the host let go of it as well."""
        for socket in self.sockets:
            socket.transport.abort()
            await socket.wait_closed()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                await self.until(lambda: self.held() == start)
        assert self.held() == start
        ran = self.actor.ran
        assert ran.count("on_connect") == ran.count("on_disconnect") + 1  # the bystander is here


Scenario: TypeAlias = Callable[[Stage], Awaitable[None]]


class Play(Protocol):
    """The fixture ``play``."""

    def __call__(self, scenario: Scenario, *, hasty: bool = False) -> None:
        """Run a scenario; ``hasty`` for an actor with small timeouts."""
        ...


@pytest.fixture
def play(caplog: pytest.LogCaptureFixture) -> Play:
    def run(scenario: Scenario, *, hasty: bool = False) -> None:
        caplog.set_level(logging.WARNING)
        asyncio.run(_play(scenario, "hasty" if hasty else "room"))

    return run


async def _play(scenario: Scenario, name: str) -> None:
    async with Host(Registry(Room, HastyRoom), port=0) as host:
        instance = await host.directory.get_or_create(name, ("a",))
        stage = Stage(host, name, instance)
        bystander = await stage.joined()
        stage.sockets.clear()
        await bystander.subscribe("said")
        start = stage.held()
        await scenario(stage)
        await stage.back_to(start)
        await bystander.call("say", "still here", id=99)
        assert await bystander.message() == {
            "tag": "Event",
            "val": {"name": "said", "args": ["still here"]},
        }
        answer = await bystander.message()
        assert (answer["tag"], answer["val"]["id"]) == ("ActionResponse", ["$BigInt", "99"])
        await bystander.close()
        await stage.until(lambda: not instance.drivers)
        assert not instance.conns
