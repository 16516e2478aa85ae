"""The client through TLS and through an HTTP proxy, in front of a real host."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pyactor import Actor, Client, ClientOptions, Event, Host, HostUnreachable, Registry, action

TLS = Path(__file__).parent / "tls"
"""A certificate for 127.0.0.1 that signs itself, valid for a hundred years."""


class Echo(Actor[None], name="echo"):
    said = Event[str]()

    @action
    def say(self, text: str) -> str:
        self.said.broadcast(text)
        return text


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


class Front:
    """Something in front of a host; as a proxy it reads where to go from the request."""

    def __init__(self, host_port: int) -> None:
        self.host_port = host_port
        self.heads: list[bytes] = []

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._join(reader, writer, b"")

    async def proxy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head.partition(b"\r\n")[0])
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            head = b""
        else:
            method, url, rest = head.split(b" ", 2)
            head = b" ".join((method, b"/" + url.split(b"/", 3)[3], rest))
        await self._join(reader, writer, head)

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes
    ) -> None:
        host_reader, host_writer = await asyncio.open_connection("127.0.0.1", self.host_port)
        host_writer.write(first)
        await asyncio.gather(pipe(reader, host_writer), pipe(host_reader, writer))


async def use(client: Client) -> None:
    """A call, and a connection with an event."""
    echo = client.actor(Echo).get_or_create("a")
    assert await echo.rpc.say("over HTTP") == "over HTTP"
    seen: list[str] = []
    async with echo.connect() as conn:
        conn.on(Echo.said)(seen.append)
        assert await conn.rpc.say("over a websocket") == "over a websocket"
    assert seen == ["over a websocket"]


@contextlib.asynccontextmanager
async def fronted(name: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Front, int]]:
    async with Host(Registry(Echo), port=0) as host:
        front = Front(host.port)
        async with await asyncio.start_server(
            getattr(front, name), "127.0.0.1", 0, ssl=tls
        ) as server:
            yield front, server.sockets[0].getsockname()[1]
            while left := {t for t in asyncio.all_tasks() if "Front." in repr(t)}:
                await asyncio.wait(left)


def test_tls() -> None:
    async def main() -> None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
        trusting = ssl.create_default_context(cafile=TLS / "cert.pem")
        async with fronted("pass_on", tls) as (_, port):
            url, once = f"https://127.0.0.1:{port}", ClientOptions(reconnect="never")
            async with Client(url, ssl_context=trusting) as client:
                await use(client)
            async with Client(url) as distrusting:
                with pytest.raises(HostUnreachable, match="certificate"):
                    await distrusting.actor(Echo).get("a").rpc.say("x")
                with pytest.raises(HostUnreachable, match="certificate"):
                    await distrusting.actor(Echo).get("a").connect(options=once).__aenter__()

    asyncio.run(main())


def test_a_proxy() -> None:
    async def main() -> None:
        async with fronted("proxy") as (front, port):
            url = f"http://127.0.0.1:{front.host_port}"
            async with Client(url, proxy=f"http://127.0.0.1:{port}") as client:
                await use(client)
            assert [head.split(b" ")[0] for head in front.heads] == [b"POST", b"CONNECT"]

    asyncio.run(main())
