"""The client over real sockets, against hosts that are not there, not hosts, or not well."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest
from websockets.http11 import Request
from websockets.server import ServerProtocol

from pyactor.client import Client, ClientOptions, Closed, Handle
from pyactor.definition import Actor, Event, action
from pyactor.errors import ActorError, ConnectionLost, HostUnreachable
from pyactor.transports.server import Server
from pyactor.wire import messages
from pyactor.wire.channel import Channel
from pyactor.wire.codecs import codec_for
from pyactor.wire.http import HttpRequest, HttpResponse, read_body

CODEC = codec_for("json")
ONCE = ClientOptions(reconnect="never")
CROWD = 150
"""Calls at once: more than an HTTP pool has by default."""


class Counter(Actor[None], name="counter"):
    changed = Event[int]()

    @action
    def add(self, amount: int) -> int:
        return amount


def counter(client: Client) -> Handle[Counter]:
    return client.actor(Counter).get("a")


def tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


def against(talk: Talk, use: Callable[[Client], Coroutine[None, None, None]]) -> None:
    """Use a client on a server that does what ``talk`` does with each connection."""

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await talk(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Client(f"http://127.0.0.1:{port}/") as client:
            await use(client)
        gc.collect()

    asyncio.run(main())


async def read_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


# ------------------------------------------------------------------ no host, or something else


def test_nobody_listens() -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: unhandled.append(what))
        async with Client(f"http://127.0.0.1:{free_port()}") as client:
            with pytest.raises(HostUnreachable, match=r"no host answers at http://127\.0\.0\.1"):
                await counter(client).rpc.add(1)
            conn = counter(client).connect(options=ONCE)
            with pytest.raises(HostUnreachable, match="no host answers"):
                await conn.__aenter__()
            assert await conn.wait_closed() == Closed(1006, "")
            assert tasks() == set()

    unhandled: list[dict[str, Any]] = []
    asyncio.run(main())
    # A future whose error nobody took would tell the loop as it is collected.
    gc.collect()
    assert unhandled == []


def test_a_proxy_that_is_not_there() -> None:
    async def main() -> None:
        async with Client("http://example.invalid", proxy=f"http://127.0.0.1:{free_port()}") as c:
            with pytest.raises(HostUnreachable):
                await counter(c).rpc.add(1)
            with pytest.raises(HostUnreachable):
                await counter(c).connect(options=ONCE).__aenter__()

    asyncio.run(main())


def test_the_environment_s_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n" + b'{"output":1}')

    async def use(client: Client) -> None:
        assert await counter(client).rpc.add(1) == 1

    against(talk, use)


def test_the_host_vanishes_during_a_call() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)

    async def use(client: Client) -> None:
        with pytest.raises(ConnectionLost, match="broke before it answered") as caught:
            await counter(client).rpc.add(1)
        assert caught.value.may_have_run

    against(talk, use)


def test_the_host_vanishes_during_the_answer() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")

    async def use(client: Client) -> None:
        with pytest.raises(ConnectionLost, match="broke before it answered"):
            await counter(client).rpc.add(1)

    against(talk, use)


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH\r\n\r\n", b"\x00\x01\x02\r\n\r\n"])
def test_the_peer_does_not_speak_http(greeting: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(greeting)

    async def use(client: Client) -> None:
        with pytest.raises(ActorError) as caught:
            await counter(client).rpc.add(1)
        assert caught.value.name == "client.invalid_response"
        with pytest.raises(ActorError) as caught:
            await counter(client).connect(options=ONCE).__aenter__()
        assert caught.value.name == "client.invalid_response"

    against(talk, use)


def test_the_peer_opens_no_websocket() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

    async def use(client: Client) -> None:
        with pytest.raises(ActorError, match=r"did not open a websocket.*404") as caught:
            await counter(client).connect(options=ONCE).__aenter__()
        assert caught.value.name == "client.invalid_response"
        assert tasks() <= {task for task in tasks() if "serve" in repr(task)}

    against(talk, use)


def test_the_peer_vanishes_during_the_handshake() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)

    async def use(client: Client) -> None:
        with pytest.raises(HostUnreachable, match="no host answers"):
            await counter(client).connect(options=ONCE).__aenter__()

    against(talk, use)


# ------------------------------------------------------------------ a host


class Script:
    """A host on a real port: it answers calls with their argument, and echoes in connections."""

    def __init__(self) -> None:
        self.peers: set[str | None] = set()
        self.targets: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.crowd = asyncio.Event()
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.channels: list[Echo] = []
        self.never_opens = False

    async def respond(self, request: HttpRequest) -> HttpResponse:
        self.peers.add(request.peer)
        self.targets.append(request.target)
        self.asked.set()
        if len(self.targets) == CROWD:
            self.crowd.set()
        await self.may_answer.wait()
        [argument] = json.loads(await read_body(request.body, 1 << 20))["args"]
        return HttpResponse(
            200, {"content-type": "application/json"}, json.dumps({"output": argument}).encode()
        )

    def open_channel(self, request: HttpRequest, channel: Channel) -> None:
        self.targets.append(request.target)
        self.headers.append(request.headers)
        if self.never_opens:
            channel.send(CODEC.encode_to_client(messages.Event("changed", [1]), 0))
        else:
            self.channels.append(Echo(channel))


class Echo:
    """Answers each call with its argument, after an event; -1 ends the connection."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.end: asyncio.Queue[tuple[int, str] | str] = asyncio.Queue()
        channel.attach(self, ping_interval=20, ping_timeout=20, close_timeout=5)
        channel.send(CODEC.encode_to_client(messages.Init("actor-1", "conn-1"), 0))

    def receive_data(self, data: str | bytes) -> None:
        message = CODEC.decode_to_server(data)
        if isinstance(message, messages.ActionRequest):
            if message.args == [-1]:
                self.channel.close(1000, "enough")
                return
            for sent in (
                messages.Event("changed", message.args),
                messages.ActionResponse(message.id, message.args[0]),
            ):
                self.channel.send(CODEC.encode_to_client(sent, 0))

    def receive_close(self, code: int, reason: str) -> None:
        self.end.put_nowait((code, reason))

    def receive_lost(self) -> None:
        self.end.put_nowait("lost")


def served(use: Callable[[Client, Script], Coroutine[None, None, None]], path: str = "") -> Script:
    """Use a client on a real server; afterwards no task may be left."""
    script = Script()

    async def main() -> None:
        server = Server(script, host="127.0.0.1", port=0)
        await server.start()
        async with Client(f"http://127.0.0.1:{server.port}{path}") as client:
            await use(client, script)
        server.stop_listening()
        await server.close(1)
        if last := tasks():
            # asyncio's own task of an accepted socket may take one more turn.
            await asyncio.wait(last, timeout=5)
        assert tasks() == set()

    asyncio.run(main())
    return script


def test_calls_one_after_another_share_one_connection() -> None:
    async def use(client: Client, script: Script) -> None:
        room = counter(client)
        assert [await room.rpc.add(n) for n in range(5)] == list(range(5))
        assert len(script.peers) == 1

    served(use)


def test_calls_at_once_do_not_wait_for_one_another() -> None:
    async def use(client: Client, script: Script) -> None:
        script.may_answer.clear()
        calls = [asyncio.create_task(counter(client).rpc.add(n)) for n in range(CROWD)]
        await asyncio.wait_for(script.crowd.wait(), 10)
        script.may_answer.set()
        assert await asyncio.gather(*calls) == list(range(CROWD))

    served(use)


def test_a_url_may_have_a_path() -> None:
    async def use(client: Client, script: Script) -> None:
        await counter(client).rpc.add(1)
        async with counter(client).connect():
            pass

    script = served(use, "/actors/v1/")
    assert [target.partition("?")[0] for target in script.targets] == [
        "/actors/v1/gateway/counter/action/add",
        "/actors/v1/gateway/counter/connect",
    ]


def test_a_connection_over_a_socket() -> None:
    async def use(client: Client, script: Script) -> None:
        seen: list[int] = []
        async with counter(client).connect() as conn:
            conn.on(Counter.changed)(seen.append)
            answers = await asyncio.gather(*(conn.rpc.add(n) for n in range(20)))
            assert answers == seen == list(range(20))
            [echo] = script.channels
            assert "sec-websocket-extensions" not in script.headers[0]
        assert await echo.end.get() == (1000, "")
        assert await echo.end.get() == "lost"
        assert await conn.wait_closed() == Closed(1000, "")

    served(use)


def test_the_host_closes() -> None:
    async def use(client: Client, script: Script) -> None:
        async with counter(client).connect() as conn:
            with pytest.raises(ConnectionLost, match=r"\(1000: enough\)"):
                await conn.rpc.add(-1)
            assert await conn.wait_closed() == Closed(1000, "enough")

    served(use)


def test_nothing_is_received_after_garbage() -> None:
    async def use(client: Client, script: Script) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: unhandled.append(what))
        seen: list[int] = []
        async with counter(client).connect(options=ONCE) as conn:
            conn.on(Counter.changed)(seen.append)
            channel = script.channels[0].channel
            channel.send("garbage")
            channel.send(CODEC.encode_to_client(messages.Event("changed", [1]), 0))
            assert await conn.wait_closed() == Closed(1002, "client.invalid_response")
            assert await script.channels[0].end.get() == (1002, "client.invalid_response")
        del conn
        gc.collect()
        assert seen == []
        assert unhandled == []

    unhandled: list[dict[str, Any]] = []
    served(use)


def test_the_host_vanishes() -> None:
    async def use(client: Client, script: Script) -> None:
        async with counter(client).connect(options=ONCE) as conn:
            script.channels[0].channel.abort()
            assert await conn.wait_closed() == Closed(1006, "")

    served(use)


def test_opening_can_be_cancelled() -> None:
    async def use(client: Client, script: Script) -> None:
        opening = asyncio.create_task(counter(client).connect().__aenter__())
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert await counter(client).rpc.add(1) == 1

    served(use)


def test_opening_can_be_cancelled_before_init() -> None:
    async def use(client: Client, script: Script) -> None:
        script.never_opens = True
        conn, arrived = counter(client).connect(), asyncio.Event()
        conn.on(Counter.changed)(lambda _: arrived.set())
        opening = asyncio.create_task(conn.__aenter__())
        await arrived.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert not any("websocket" in task.get_name() for task in tasks())

    served(use)


def test_closing_does_not_wait_for_a_host_that_reads_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pyactor.client._network.CLOSE_TIMEOUT", 0.05)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        protocol = ServerProtocol()
        protocol.receive_data(head)
        [request] = protocol.events_received()
        assert isinstance(request, Request)
        protocol.send_response(protocol.accept(request))
        init = CODEC.encode_to_client(messages.Init("actor-1", "conn-1"), 0)
        assert isinstance(init, str)
        protocol.send_text(init.encode())
        writer.writelines(protocol.data_to_send())
        reading.clear()
        await reading.wait()

    async def use(client: Client) -> None:
        async with counter(client).connect(options=ONCE) as conn:
            call = asyncio.create_task(conn.call_by_name("echo", "x" * 30_000_000))
            await asyncio.sleep(0)
        with pytest.raises(ConnectionLost):
            await call
        assert await conn.wait_closed() == Closed(1006, "")
        reading.set()

    reading = asyncio.Event()
    against(talk, use)


def test_a_large_message_arrives_whole() -> None:
    async def use(client: Client, script: Script) -> None:
        text = "ü" * 1_000_000
        async with counter(client).connect() as conn:
            assert await conn.call_by_name("echo", text) == text

    served(use)


def test_closing_the_client_ends_calls_under_way() -> None:
    async def use(client: Client, script: Script) -> None:
        script.may_answer.clear()
        call = asyncio.create_task(counter(client).rpc.add(1))
        await script.asked.wait()
        await client.aclose()
        with pytest.raises(ConnectionLost):
            await asyncio.wait_for(call, 5)
        script.may_answer.set()

    served(use)
