"""What a network can do to a client besides closing: swallow everything, or send it elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from websockets.http11 import Request
from websockets.server import ServerProtocol

from pyactor import Actor, Client, ClientOptions, ClientWebSocket, Event, Host, Registry, action
from pyactor.errors import ActorError

TOKEN = "s3cret-t0ken"


class Room(Actor[None], name="room"):
    said = Event[str]()

    @action
    def say(self, text: str) -> str:
        self.said.broadcast(text)
        return text


class Wire:
    """A wire to a host. While it is cut it carries nothing, and neither end is told."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.is_cut = False
        self.accepted = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        host_reader, host_writer = await asyncio.open_connection("127.0.0.1", self.port)
        ways = [(reader, host_writer), (host_reader, writer)]
        try:
            await asyncio.gather(*(self._pipe(*way) for way in ways))
        finally:
            for each in (writer, host_writer):
                each.transport.abort()  # what was swallowed is never flushed

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if not self.is_cut:
                    writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def left_over() -> None:
    """Let the tasks of this test's servers end, and their transports be closed."""
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left, timeout=20)
    for _ in range(10):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_wire_that_is_cut_is_noticed_and_another_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, seconds in (("PING_INTERVAL", 0.1), ("PING_TIMEOUT", 1), ("CLOSE_TIMEOUT", 0.1)):
        monkeypatch.setattr(f"pyactor.client._network.{name}", seconds)

    async def main() -> None:
        async with Host(Registry(Room), port=0) as host:
            wire = Wire(host.port)
            async with await asyncio.start_server(wire.carry, "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                options = ClientOptions(backoff_max=0.05, open_timeout=1)
                async with Client(f"http://127.0.0.1:{port}", options=options) as client:
                    await use(client, wire)
        await left_over()

    async def use(client: Client, wire: Wire) -> None:
        lost, tried = asyncio.Event(), asyncio.Event()
        async with client.actor(Room).get_or_create("a").connect() as conn:
            conn.on_close(lambda _: lost.set())
            conn.on_error(lambda _: tried.set())
            heard = conn.events(Room.said)
            assert await conn.rpc.say("before") == await anext(heard) == "before"
            wire.is_cut = True
            # Nobody says that it is cut: an unanswered ping does. Nor does the next attempt hear
            # anything, and it is given up.
            await lost.wait()
            await tried.wait()
            wire.is_cut = False
            await conn.ready
            assert await conn.rpc.say("after") == await anext(heard) == "after"
            assert wire.accepted >= 3

    asyncio.run(main())


def test_a_redirect_does_not_carry_a_token_elsewhere() -> None:
    heads: list[bytes] = []

    async def main() -> None:
        async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.close()

        async with await asyncio.start_server(elsewhere, "127.0.0.1", 0) as there:
            where = f"http://127.0.0.1:{there.sockets[0].getsockname()[1]}/"

            async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                assert TOKEN.encode() in await reader.readuntil(b"\r\n\r\n")
                head = f"HTTP/1.1 302 Found\r\nlocation: {where}\r\ncontent-length: 0\r\n\r\n"
                writer.write(head.encode())
                await writer.drain()
                writer.close()

            async with await asyncio.start_server(redirect, "127.0.0.1", 0) as here:
                url = f"http://127.0.0.1:{here.sockets[0].getsockname()[1]}"
                async with Client(url, token=TOKEN) as client:
                    room = client.actor(Room).get("a")
                    once = ClientOptions(reconnect="never")
                    with pytest.raises(ActorError, match="302"):
                        await room.connect(options=once).__aenter__()
                    with pytest.raises(ActorError, match="302"):
                        await room.rpc.say("x")
                    assert (await room.fetch("/")).status_code == 302
        await left_over()

    asyncio.run(main())
    assert heads == []


def test_a_host_that_reads_nothing_slows_a_sender_down() -> None:
    async def main() -> None:
        may_read = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            protocol = ServerProtocol()
            protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
            [request] = protocol.events_received()
            assert isinstance(request, Request)
            protocol.send_response(protocol.accept(request))
            writer.writelines(protocol.data_to_send())
            await may_read.wait()
            await reader.read()
            writer.close()

        async def send(ws: ClientWebSocket) -> None:
            for _ in range(64):
                await ws.send(b"x" * 300_000)

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with (
                Client(f"http://127.0.0.1:{port}") as client,
                client.actor(Room).get("a").web_socket("/") as ws,
            ):
                sending = asyncio.create_task(send(ws))
                for _ in range(1000):
                    await asyncio.sleep(0)
                was_slowed = not sending.done()
                may_read.set()
                await sending
        assert was_slowed
        await left_over()

    asyncio.run(main())
