"""A server on a real socket with a small application behind it, and a peer that speaks in bytes.

``serve(scenario)`` runs a scenario and then checks that nothing is left: no connection, no task,
no timer, no file descriptor; and that each receiver was told exactly once that its transport is
gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import pytest
from attrs import Factory, define, frozen
from websockets.frames import Opcode

from pyactor.errors import ActorError, IncomingTooLong, RequestTimedOut
from pyactor.transports._http import HttpConnection
from pyactor.transports.server import Server, ServerLimits
from pyactor.wire.channel import Channel
from pyactor.wire.http import HttpRequest, HttpResponse, read_body

Heard: TypeAlias = "tuple[str, str | bytes] | tuple[str, int, str] | tuple[str]"

UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@define(eq=False)
class Recorder:
    """A receiver that writes down what it hears, and echoes messages if asked to."""

    channel: Channel
    echo: bool = True
    heard: list[Heard] = Factory(list[Heard])
    _queue: asyncio.Queue[Heard] = Factory(asyncio.Queue["Heard"])
    on_data: Callable[[str | bytes], None] | None = None

    def receive_data(self, data: str | bytes) -> None:
        self._hear(("data", data))
        if self.on_data is not None:
            self.on_data(data)
        elif self.echo:
            self.channel.send(data)

    def receive_close(self, code: int, reason: str) -> None:
        self._hear(("close", code, reason))

    def receive_lost(self) -> None:
        self._hear(("lost",))

    async def next(self) -> Heard:
        return await self._queue.get()

    def _hear(self, what: Heard) -> None:
        self.heard.append(what)
        self._queue.put_nowait(what)


@define
class Application:
    """Answers with what it got, errors of a body included; ``/own`` is a test's own answer.

    Websockets are recorded, and attached at once by default.
    """

    attach_at_once: bool = True
    ping_interval: float = 60.0
    ping_timeout: float = 60.0
    close_timeout: float = 5.0
    requests: list[HttpRequest] = Factory(list[HttpRequest])
    receivers: list[Recorder] = Factory(list[Recorder])
    upgrades: list[HttpRequest] = Factory(list[HttpRequest])
    requested: asyncio.Event = Factory(asyncio.Event)
    # Set by the application when an answer to /wait is being worked on, and by the test to end it.
    working: asyncio.Event = Factory(asyncio.Event)
    go_on: asyncio.Event = Factory(asyncio.Event)
    finished: asyncio.Event = Factory(asyncio.Event)
    own: Callable[[HttpRequest], Awaitable[HttpResponse]] | None = None
    opened: asyncio.Queue[Recorder] = Factory(asyncio.Queue[Recorder])

    async def respond(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        self.requested.set()
        path, _, argument = request.target.partition("?")
        if path == "/wait":
            self.working.set()
            await self.go_on.wait()
            self.finished.set()
        if path == "/own":
            assert self.own is not None
            return await self.own(request)
        if path == "/bug":
            raise RuntimeError("a bug of the application")
        if path == "/bad-header":
            return HttpResponse(200, {"x": "a\r\nb"})
        if path == "/status":
            return HttpResponse(int(argument), {}, b"ignored" if argument == "204" else b"body")
        if path == "/big":
            return HttpResponse(200, {}, b"x" * int(argument))
        try:
            content = await read_body(request.body, 1 << 30)
        except ActorError as error:
            return error_answer(error)
        body = f"{request.method} {request.target} ".encode() + content
        return HttpResponse(200, {"content-type": "text/plain"}, body)

    def open_channel(self, request: HttpRequest, channel: Channel) -> None:
        self.upgrades.append(request)
        recorder = Recorder(channel)
        self.receivers.append(recorder)
        if self.attach_at_once:
            self.attach(recorder)
        self.opened.put_nowait(recorder)

    def attach(self, recorder: Recorder) -> None:
        recorder.channel.attach(
            recorder,
            ping_interval=self.ping_interval,
            ping_timeout=self.ping_timeout,
            close_timeout=self.close_timeout,
        )


def error_answer(error: ActorError) -> HttpResponse:
    """As a host answers an error."""
    statuses: dict[type, int] = {IncomingTooLong: 413, RequestTimedOut: 408}
    fields = {"group": error.group, "code": error.code, "message": error.message}
    headers = {"content-type": "application/json"}
    return HttpResponse(statuses.get(type(error), 400), headers, json.dumps(fields).encode())


@frozen
class Answer:
    """An HTTP answer as read from the socket."""

    status: int
    headers: dict[str, str]
    body: bytes


@define
class Peer:
    """The other end of a connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, to_head: bool = False) -> Answer:
        """The next HTTP answer; its body goes by Content-Length."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:-2])
        size = 0 if to_head else int(headers.get("content-length", "0"))
        return Answer(int(head[0].split()[1]), headers, await self.reader.readexactly(size))

    async def chunk(self) -> bytes:
        """The next chunk of a chunked answer (RFC 9112 7.1); empty at the end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        content = await self.reader.readexactly(size + 2)
        assert content.endswith(b"\r\n")
        return content[:-2]

    async def upgrade(self, extra: bytes = b"", glued: bytes = b"") -> Answer:
        """Ask for a websocket, with more headers, and with frames in the same write."""
        self.write(UPGRADE + extra + b"\r\n" + glued)
        return await self.answer()

    def frame(
        self,
        opcode: int,
        data: bytes = b"",
        *,
        fin: bool = True,
        masked: bool = True,
        reserved: int = 0,
    ) -> None:
        """Write a frame, right or wrong."""
        self.write(make_frame(opcode, data, fin=fin, masked=masked, reserved=reserved))

    def close_frame(self, code: int, reason: str = "") -> None:
        self.frame(Opcode.CLOSE, struct.pack("!H", code) + reason.encode())

    async def read_frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload. The server's are whole and unmasked."""
        first, second = await self.reader.readexactly(2)
        assert first & 0xF0 == 0x80
        assert second < 0x80
        size = second
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(size)

    async def read_close(self) -> tuple[int, str]:
        opcode, data = await self.read_frame()
        assert opcode == Opcode.CLOSE
        return struct.unpack("!H", data[:2])[0], data[2:].decode()

    async def is_at_end(self) -> bool:
        """Wait for the end of the stream; False if something else comes first."""
        return await self.reader.read(1) == b""

    def drop(self) -> None:
        """Vanish with a reset, as a crashed peer does."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def make_frame(
    opcode: int, data: bytes = b"", *, fin: bool = True, masked: bool = True, reserved: int = 0
) -> bytes:
    """A frame as RFC 6455 5.2 draws it, right or wrong."""
    mask_bit = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    if len(data) < 126:
        head += bytes([mask_bit | len(data)])
    elif len(data) < 65536:
        head += struct.pack("!BH", mask_bit | 126, len(data))
    else:
        head += struct.pack("!BQ", mask_bit | 127, len(data))
    if not masked:
        return head + data
    mask = b"\x01\x02\x03\x04"
    stretched = (mask * (len(data) // 4 + 1))[: len(data)]
    masked_data = int.from_bytes(data, "big") ^ int.from_bytes(stretched, "big")
    return head + mask + masked_data.to_bytes(len(data), "big")


@define
class Site:
    """What a scenario works with: the server, its application, and peers to connect."""

    server: Server
    app: Application
    peers: list[Peer] = Factory(list[Peer])
    skipped: float = 0.0

    def skip(self, seconds: float) -> None:
        """Let the loop's clock jump: what is due by then is done in the loop's next turn."""
        self.skipped += seconds

    async def connect(self, first: bytes = b"") -> Peer:
        """Connect. ``first`` is sent before the server's loop can see the connection."""
        sock = socket.create_connection(("127.0.0.1", self.server.port))
        sock.sendall(first)
        peer = Peer(*await asyncio.open_connection(sock=sock))
        self.peers.append(peer)
        return peer

    async def websocket(self) -> tuple[Peer, Recorder]:
        """A websocket that is open: its peer and its receiver."""
        peer = await self.connect()
        answer = await peer.upgrade()
        assert answer.status == 101
        return peer, await self.app.opened.get()

    @property
    def connections(self) -> list[HttpConnection]:
        """The connections that are no websockets."""
        open_now = self.server._serving.connections
        return [connection for connection in open_now if isinstance(connection, HttpConnection)]

    @property
    def connection_count(self) -> int:
        return len(self.server._serving.connections)

    async def turn(self) -> None:
        """Wait for a turn of the loop in which the server reads and writes what it can."""
        peer = await self.connect(first=b"GET /turn HTTP/1.1\r\nHost: x\r\n\r\n")
        await peer.answer()
        await peer.close()

    async def is_empty(self) -> None:
        """Wait until the server has no connection left."""
        await self.server._serving.wait_until_empty()


Scenario: TypeAlias = Callable[[Site], Awaitable[None]]
LoopFactory: TypeAlias = Callable[[], asyncio.AbstractEventLoop]


class Serve(Protocol):
    """The fixture ``serve``."""

    def __call__(self, scenario: Scenario, limits: ServerLimits | None = None) -> None: ...


@pytest.fixture
def app() -> Application:
    return Application()


@pytest.fixture(params=["asyncio"])
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory | None:
    """The loop of the server; a module that parametrizes it runs on uvloop too."""
    if request.param == "asyncio":
        return None
    uvloop = pytest.importorskip("uvloop", reason="the extra `fast` is not installed")
    factory: LoopFactory = uvloop.new_event_loop
    return factory


@pytest.fixture
def serve(app: Application, loop_factory: LoopFactory | None) -> Serve:
    def run(scenario: Scenario, limits: ServerLimits | None = None) -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_run(scenario, app, limits or ServerLimits()))

    return run


async def _run(scenario: Scenario, app: Application, limits: ServerLimits) -> None:
    files = _open_files()
    server = Server(app, port=0, limits=limits)
    await server.start()
    site = Site(server, app)
    loop = asyncio.get_running_loop()
    monotonic = loop.time
    loop.time = lambda: monotonic() + site.skipped  # type: ignore[method-assign]
    try:
        async with asyncio.timeout(30):
            await scenario(site)
            for peer in site.peers:
                await peer.close()
            await server.close(5)
    finally:
        for peer in site.peers:
            peer.writer.transport.abort()
        await server.close(0)
    for recorder in app.receivers:
        assert recorder.heard.count(("lost",)) == 1
        assert recorder.heard[-1] == ("lost",)
    assert site.connection_count == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    timers = getattr(loop, "_scheduled", ())  # of uvloop nobody can ask it
    assert [timer for timer in timers if not timer.cancelled()] == []
    await asyncio.sleep(0)
    assert _open_files() == files


def _open_files() -> set[str]:
    """The sockets of this process; none where the system does not list them."""
    folder = Path("/proc/self/fd")
    if not folder.exists():
        return set()
    links = (entry.readlink().name for entry in folder.iterdir() if entry.is_symlink())
    return {link for link in links if link.startswith("socket:")}
