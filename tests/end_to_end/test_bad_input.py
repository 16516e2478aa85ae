"""Bad input over a real socket: each gets its named error, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest
from attrs import define
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from pyactor import Actor, ActorOptions, Client, Conn, Event, Host, Registry, action, hook


@define
class Params:
    mode: str = ""


class Room(Actor[None, str, Params], options=ActorOptions(on_connect_timeout=0.05)):
    said = Event[str]()

    @hook
    def on_before_connect(self, params: Params) -> None:
        if params.mode == "raise":
            raise ValueError("a secret")

    @hook
    def create_conn_state(self, params: Params) -> str:
        wrong: Any = 3
        return wrong if params.mode == "wrong" else params.mode

    @hook
    async def on_connect(self, conn: Conn[str, Params]) -> None:
        if params_hang(conn):
            await asyncio.Event().wait()

    @action
    def echo(self, text: str) -> str:
        return text

    @action
    def fail(self) -> None:
        raise ValueError("a secret")

    @action
    def say_wrong(self) -> None:
        wrong: Any = 3
        self.said.broadcast(wrong)

    @action
    def present(self) -> int:
        return len(self.conns)


def params_hang(conn: Conn[str, Params]) -> bool:
    return conn.params.mode == "hang"


def opened(
    host: Host, *, name: str = "Room", encoding: str = "json", params: object = None
) -> connect:
    """A raw websocket to one actor."""
    offered = ["rivet", f"rivet_encoding.{encoding}"]
    if params is not None:
        offered.append("rivet_conn_params." + quote(json.dumps(params), safe=""))
    return connect(
        f"ws://127.0.0.1:{host.port}/gateway/{name}/connect?rvt-method=getOrCreate&rvt-key=a",
        subprotocols=[Subprotocol(each) for each in offered],
        compression=None,
    )


def call(name: str, *args: object) -> str:
    return json.dumps(
        {"body": {"tag": "ActionRequest", "val": {"id": 1, "name": name, "args": args}}}
    )


async def received(websocket: ClientConnection) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(await websocket.recv())["body"]
    return body


async def end_of(websocket: ClientConnection) -> tuple[int, str]:
    """The close code and reason; what came before them does not matter."""
    with pytest.raises(ConnectionClosed) as ended:  # noqa: PT012 - whatever comes first is read
        while True:
            await websocket.recv()
    frame = ended.value.rcvd
    assert frame is not None
    return frame.code, frame.reason


def play(scenario: Callable[[Host], Awaitable[None]]) -> None:
    """Run it beside a connection that must notice nothing, and look for what it left."""

    async def run() -> None:
        async with Host(Registry(Room), port=0) as host, Client(host.url) as client:  # noqa: SIM117
            async with client.actor(Room).get_or_create("a", params=Params()).connect() as other:
                assert await other.rpc.present() == 1
                tasks = len(asyncio.all_tasks())
                await scenario(host)
                assert await other.rpc.echo("still here") == "still here"
                while await other.rpc.present() > 1 or len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110 - what ends is not announced
                    await asyncio.sleep(0)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("how", "code", "reason"),
    [
        ({"name": "Nobody"}, 1011, "actor.not_registered"),
        ({"encoding": "morse"}, 1003, "actor.unsupported_websocket_encoding"),
        ({"params": {"mode": 3}}, 1011, "connection.invalid_params"),
        ({"params": {"no": "such"}}, 1011, "connection.invalid_params"),
        ({"params": {"mode": "x" * 5_000}}, 1011, "connection.invalid_params"),
        ({"params": {"mode": "raise"}}, 1011, "core.internal_error"),
        ({"params": {"mode": "wrong"}}, 1011, "core.internal_error"),
        ({"params": {"mode": "hang"}}, 1011, "actor.callback_timed_out"),
    ],
)
def test_a_connection_is_refused_by_name(how: dict[str, Any], code: int, reason: str) -> None:
    async def scenario(host: Host) -> None:
        async with opened(host, **how) as websocket:
            assert await end_of(websocket) == (code, reason)

    play(scenario)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("{", "actor.invalid_request"),
        ('{"body":{"tag":"Nonsense","val":{}}}', "actor.invalid_request"),
        (b"\x00binary", "actor.invalid_request"),
        (call("echo", "x" * 70_000), "message.incoming_too_long"),
    ],
)
def test_a_frame_that_cannot_be_read_ends_its_connection(frame: str | bytes, reason: str) -> None:
    async def scenario(host: Host) -> None:
        async with opened(host) as websocket:
            await websocket.send(frame)
            assert await end_of(websocket) == (1011, reason)

    play(scenario)


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (call("nope"), "action.not_found"),
        (call("echo"), "action.invalid_arguments"),
        (call("echo", 3), "action.invalid_arguments"),
        (call("echo", "a", "b"), "action.invalid_arguments"),
        (call("fail"), "core.internal_error"),
        (call("say_wrong"), "core.internal_error"),
        (
            '{"body":{"tag":"SubscriptionRequest","val":{"eventName":"nope","subscribe":true}}}',
            "event.not_found",
        ),
    ],
)
def test_a_call_fails_and_its_connection_goes_on(frame: str, name: str) -> None:
    async def scenario(host: Host) -> None:
        async with opened(host) as websocket:
            assert (await received(websocket))["tag"] == "Init"
            await websocket.send(frame)
            error = (await received(websocket))["val"]
            assert f"{error['group']}.{error['code']}" == name
            assert "secret" not in error["message"]
            await websocket.send(call("echo", "on"))
            assert (await received(websocket))["val"]["output"] == "on"

    play(scenario)


def test_what_comes_before_init_is_answered_after_it() -> None:
    async def scenario(host: Host) -> None:
        async with opened(host) as websocket:
            await websocket.send(call("echo", "early"))
            assert [(await received(websocket))["tag"] for _ in range(2)] == [
                "Init",
                "ActionResponse",
            ]

    play(scenario)


def test_a_flood_before_init_ends_its_connection() -> None:
    async def scenario(host: Host) -> None:
        async with opened(host, params={"mode": "hang"}) as websocket:
            for _ in range(70):
                await websocket.send(call("echo", "x"))
            assert await end_of(websocket) == (1011, "message.incoming_backlog")

    play(scenario)


@pytest.mark.parametrize("mode", ["", "hang"])
def test_a_client_that_vanishes_is_forgotten(mode: str) -> None:
    async def scenario(host: Host) -> None:
        websocket = await opened(host, params={"mode": mode})
        websocket.transport.abort()
        await websocket.wait_closed()

    play(scenario)
