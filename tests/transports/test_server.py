"""Listening, shutting down, and nothing left behind."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest
from websockets.frames import Opcode

from pyactor.transports.server import Server, ServerLimits

if TYPE_CHECKING:
    from tests.transports.conftest import Application, Serve, Site

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_free_port_on_loopback(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        (listening,) = site.server.sockets
        assert listening.getsockname() == ("127.0.0.1", site.server.port)
        assert site.server.port != 0

    serve(scenario)


def test_a_port_in_use(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        second = Server(app, port=site.server.port)
        with pytest.raises(OSError, match=str(site.server.port)):
            await second.start()
        assert second.sockets == ()
        await second.close(0)

    serve(scenario)


def test_a_socket_that_is_bound_already(app: Application) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            server = Server(app, sock=sock)
            await server.start()
            assert server.port == sock.getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(GET)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
            await server.close(5)

    asyncio.run(main())


def test_ipv6_peers_are_named_in_brackets(app: Application) -> None:
    async def main() -> None:
        server = Server(app, host="::1", port=0)
        try:
            await server.start()
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        reader, writer = await asyncio.open_connection("::1", server.port)
        writer.write(GET)
        await reader.readline()
        local = writer.get_extra_info("sockname")
        assert app.requests[0].peer == f"[::1]:{local[1]}"
        writer.close()
        await server.close(5)

    asyncio.run(main())


def test_stop_listening_refuses_the_new_and_ends_the_old_with_their_answer(
    serve: Serve, app: Application
) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=WAIT)
        await app.working.wait()
        port = site.server.port
        site.server.stop_listening()
        site.server.stop_listening()
        assert site.server.sockets == ()
        assert site.server.port == port
        with pytest.raises(ConnectionRefusedError):
            await site.connect()
        app.go_on.set()
        answer = await peer.answer()
        assert answer.status == 200
        assert answer.headers["connection"] == "close"
        assert await peer.is_at_end()

    serve(scenario)


def test_stop_listening_ends_what_waits_for_another_request(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        fresh = await site.connect()
        idle = await site.connect(first=GET)
        assert (await idle.answer()).headers.get("connection") is None
        flushing = await site.connect(first=b"GET /big?50000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await flushing.reader.readuntil(b"\r\n\r\n")
        peer, _ = await site.websocket()
        site.server.stop_listening()
        assert await idle.is_at_end()
        assert len(await flushing.reader.read()) == 50_000_000
        fresh.write(GET)
        answer = await fresh.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await fresh.is_at_end()
        peer.frame(Opcode.TEXT, b"still served")
        assert await peer.read_frame() == (Opcode.TEXT, b"still served")
        peer.close_frame(1000)
        await peer.read_close()

    serve(scenario)


def test_close_ends_idle_connections_at_once_and_waits_for_answers(
    serve: Serve, app: Application
) -> None:
    async def scenario(site: Site) -> None:
        fresh = await site.connect()
        idle = await site.connect(first=GET)
        assert (await idle.answer()).headers.get("connection") is None
        busy = await site.connect(first=WAIT)
        await app.working.wait()
        closing = asyncio.create_task(site.server.close(20))
        assert await fresh.is_at_end()
        assert await idle.is_at_end()
        assert not closing.done()
        app.go_on.set()
        answer = await busy.answer()
        assert answer.headers["connection"] == "close"
        assert await busy.is_at_end()
        await closing

    serve(scenario)


def test_close_lets_a_request_come_in_to_its_end(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        half = await site.connect(
            first=b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo"
        )
        idle = await site.connect(first=GET)
        await idle.answer()  # by now the server has read both
        closing = asyncio.create_task(site.server.close(20))
        assert await idle.is_at_end()
        half.write(b"dy")
        answer = await half.answer()
        assert answer.body == b"POST / body"
        assert answer.headers["connection"] == "close"
        await closing

    serve(scenario)


def test_close_lets_an_answer_be_read_to_its_end(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=b"GET /big?50000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await app.requested.wait()
        idle = await site.connect(first=GET)
        await idle.answer()
        closing = asyncio.create_task(site.server.close(60))
        assert await idle.is_at_end()
        assert len((await peer.answer()).body) == 50_000_000
        assert await peer.is_at_end()
        await closing

    serve(scenario)


def test_close_waits_for_websockets(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        closing = asyncio.create_task(site.server.close(20))
        peer.frame(Opcode.TEXT, b"still served")
        assert await peer.read_frame() == (Opcode.TEXT, b"still served")
        assert not closing.done()
        recorder.channel.close(1001, "ws.going_away")
        assert await peer.read_close() == (1001, "ws.going_away")
        peer.close_frame(1001)
        assert await peer.is_at_end()
        await peer.close()
        await closing

    serve(scenario)


def test_close_aborts_what_is_left_after_the_timeout(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        socket_peer, _ = await site.websocket()
        busy = await site.connect(first=WAIT)
        await app.working.wait()
        await site.server.close(0.01)
        assert site.connection_count == 0
        assert await socket_peer.is_at_end()
        assert await busy.is_at_end()
        assert not app.finished.is_set()  # it is not cancelled: what was begun is finished
        app.go_on.set()
        await app.finished.wait()

    serve(scenario)


def test_close_drops_an_unread_answer_after_the_timeout(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        peer = await site.connect(first=b"GET /big?50000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await app.requested.wait()
        await site.server.close(0.01)
        assert site.connection_count == 0

    serve(scenario)


def test_an_answer_is_lost_with_its_loop(app: Application) -> None:
    """A loop that ends cancels every task; the connection must not be left open."""

    async def main() -> asyncio.StreamReader:
        server = Server(app, port=0)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(WAIT)
        await app.working.wait()
        (task,) = server._serving.tasks
        task.cancel()
        assert await reader.read() == b""
        writer.close()
        await server.close(0)
        return reader

    asyncio.run(main())


def test_a_thousand_quick_connections(serve: Serve, app: Application) -> None:
    async def scenario(site: Site) -> None:
        async def one(number: int) -> None:
            peer = await site.connect()
            if number % 3 == 0:
                peer.write(GET)
                assert (await peer.answer()).status == 200
            elif number % 3 == 1:
                assert (await peer.upgrade()).status == 101
                peer.frame(Opcode.TEXT, b"%d" % number)
                assert await peer.read_frame() == (Opcode.TEXT, b"%d" % number)
                if number % 2:
                    peer.close_frame(1000)
                    assert await peer.read_close() == (1000, "")
            if number % 5:
                await peer.close()
            else:
                peer.drop()

        for first in range(0, 1000, 50):
            await asyncio.gather(*(one(number) for number in range(first, first + 50)))
        await site.is_empty()
        site.peers.clear()
        assert len(app.upgrades) == 333

    serve(scenario, ServerLimits(linger_timeout=0.5))
