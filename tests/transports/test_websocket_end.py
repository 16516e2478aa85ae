"""How a websocket ends: closing handshakes, drops, half-open peers (RFC 6455 section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from websockets.frames import Opcode

from pyactor.transports._websocket import WebsocketChannel
from pyactor.transports.server import ServerLimits

if TYPE_CHECKING:
    from tests.transports.conftest import Application, Serve, Site


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going"), (4000, "\u20ac" * 41)])
def test_the_peer_closes(serve: Serve, code: int, reason: str) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        peer.close_frame(code, reason)
        assert await peer.read_close() == (code, reason)
        assert await peer.is_at_end()
        recorder.channel.send("too late")
        recorder.channel.close(1000, "too late")
        await peer.close()
        await site.is_empty()
        assert recorder.heard == [("close", code, reason), ("lost",)]

    serve(scenario)


def test_the_peer_closes_without_a_code(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        peer.frame(Opcode.CLOSE)
        assert await peer.read_frame() == (Opcode.CLOSE, b"")
        assert await recorder.next() == ("close", 1005, "")

    serve(scenario)


def test_messages_before_the_peer_s_close_are_heard(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        peer.write(bytes([0x81, 0x81, 0, 0, 0, 0]) + b"x" + bytes([0x88, 0x80, 0, 0, 0, 0]))
        assert await recorder.next() == ("data", "x")
        assert await recorder.next() == ("close", 1005, "")

    serve(scenario)


def test_the_server_closes(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.channel.send("last")
        recorder.channel.close(1000, "bye")
        recorder.channel.close(1011, "the first one counts")
        recorder.channel.send("too late")
        assert await peer.read_frame() == (Opcode.TEXT, b"last")
        assert await peer.read_close() == (1000, "bye")
        peer.frame(Opcode.TEXT, b"not heard")
        peer.frame(Opcode.PING, b"answered")
        assert await peer.read_frame() == (Opcode.PONG, b"answered")
        peer.close_frame(1000, "bye")
        assert await peer.is_at_end()
        await peer.close()
        await site.is_empty()
        assert recorder.heard == [("lost",)]

    serve(scenario)


def test_both_close_at_once(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        peer.close_frame(1000, "mine")  # on its way while the server closes
        recorder.channel.close(1001, "ws.going_away")
        assert await peer.read_close() == (1001, "ws.going_away")
        assert await peer.is_at_end()
        await peer.close()
        await site.is_empty()
        assert recorder.heard == [("lost",)]

    serve(scenario)


def test_the_peer_breaks_the_protocol_while_the_server_closes(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.channel.close(1000, "bye")
        peer.frame(Opcode.TEXT, b"x", masked=False)
        assert await peer.read_close() == (1000, "bye")
        assert await peer.is_at_end()
        await peer.close()
        await site.is_empty()
        assert recorder.heard == [("lost",)]

    serve(scenario)


@pytest.mark.parametrize(
    ("reason", "sent"),
    [
        ("x" * 123, "x" * 123),
        ("x" * 124, "x" * 123),
        ("\u20ac" * 42, "\u20ac" * 41),
        ("x\u20ac" + "y" * 200, "x\u20ac" + "y" * 119),
        ("xx" + "\u20ac" * 42, "xx" + "\u20ac" * 40),
        ("\ud800", "?"),
    ],
)
def test_a_reason_is_cut_at_a_character(serve: Serve, reason: str, sent: str) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.channel.close(1000, reason)
        assert await peer.read_close() == (1000, sent)

    serve(scenario)


def test_abort(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.channel.abort()
        recorder.channel.send("too late")
        recorder.channel.close(1000, "too late")
        recorder.channel.abort()
        assert await peer.is_at_end()
        assert await recorder.next() == ("lost",)

    serve(scenario)


@pytest.mark.parametrize("how", ["reset", "end of stream"])
def test_the_peer_vanishes(serve: Serve, how: str) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        if how == "reset":
            peer.drop()
        else:
            peer.writer.write_eof()
        assert await recorder.next() == ("lost",)
        assert recorder.heard == [("lost",)]

    serve(scenario)


def test_sending_to_a_peer_that_is_gone_is_quiet(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(site: Site) -> None:
        _, recorder = await site.websocket()
        assert isinstance(recorder.channel, WebsocketChannel)
        recorder.channel._transport.abort()  # as after a failed write; the server is told later
        for _ in range(20):
            recorder.channel.send("x")
        assert await recorder.next() == ("lost",)
        recorder.channel.send("x")

    serve(scenario)
    assert caplog.records == []


# ------------------------------------------------------------------ timeouts


def test_a_peer_that_never_answers_the_close_is_aborted(serve: Serve, app: Application) -> None:
    app.close_timeout = 0.02

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.channel.close(1000, "bye")
        assert await peer.read_close() == (1000, "bye")
        assert await recorder.next() == ("lost",)

    serve(scenario)


def test_a_peer_that_never_answers_a_close_without_receiver(serve: Serve, app: Application) -> None:
    app.attach_at_once = False

    async def scenario(site: Site) -> None:
        _, recorder = await site.websocket()
        recorder.channel.close(1000, "bye")
        await site.is_empty()
        app.receivers.clear()

    serve(scenario, ServerLimits(close_timeout=0.02))


def test_a_peer_that_does_not_read_the_close_is_aborted(serve: Serve, app: Application) -> None:
    app.close_timeout = 0.02

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        recorder.channel.send(b"x" * 50_000_000)
        recorder.channel.close(1000, "bye")
        assert await recorder.next() == ("lost",)

    serve(scenario)


@pytest.mark.parametrize("how", ["close frame", "end of stream", "bad frame"])
def test_a_peer_that_ends_and_reads_nothing_is_aborted(
    serve: Serve, app: Application, how: str
) -> None:
    app.close_timeout = 0.02

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        recorder.channel.send(b"x" * 50_000_000)
        if how == "close frame":
            peer.close_frame(1000)
        elif how == "bad frame":
            peer.frame(3)
        else:
            peer.writer.write_eof()
        while (await recorder.next()) != ("lost",):
            pass

    serve(scenario)


def test_a_peer_that_answers_and_stays_is_aborted(serve: Serve, app: Application) -> None:
    app.close_timeout = 0.3

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.channel.close(1000, "bye")
        assert await peer.read_close() == (1000, "bye")
        peer.close_frame(1000)
        assert await peer.is_at_end()
        assert await recorder.next() == ("lost",)  # though the peer keeps its half open

    serve(scenario)


# ------------------------------------------------------------------ keepalive


def test_a_half_open_peer_is_dropped(
    serve: Serve, app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    app.ping_interval = 0.01
    app.ping_timeout = 0.02
    caplog.set_level("INFO", "pyactor.server")

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        assert await peer.read_frame() == (Opcode.PING, b"")
        assert await recorder.next() == ("lost",)
        assert recorder.heard == [("lost",)]

    serve(scenario)
    assert "no answer to a ping" in caplog.text


def test_a_peer_that_answers_stays_and_is_dropped_once_it_is_silent(
    serve: Serve, app: Application
) -> None:
    app.ping_interval = app.ping_timeout = 1

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        for _ in range(5):
            site.skip(1)
            assert await peer.read_frame() == (Opcode.PING, b"")
            peer.frame(Opcode.PONG)
            peer.frame(Opcode.PING, b"is the pong read?")
            assert await peer.read_frame() == (Opcode.PONG, b"is the pong read?")
        assert recorder.heard == []
        site.skip(1)
        assert await peer.read_frame() == (Opcode.PING, b"")
        site.skip(1)
        assert await recorder.next() == ("lost",)

    serve(scenario)


def test_pings_keep_their_interval_when_the_timeout_is_longer(
    serve: Serve, app: Application
) -> None:
    app.ping_interval = 1
    app.ping_timeout = 3.5

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        for _ in range(4):
            site.skip(1)
            assert await peer.read_frame() == (Opcode.PING, b"")
        assert recorder.heard == []
        site.skip(0.5)  # since the first ping that was not answered, not the last
        assert await recorder.next() == ("lost",)

    serve(scenario)


def test_pings_stop_when_it_closes(serve: Serve, app: Application) -> None:
    app.ping_interval = 0.02
    app.close_timeout = 0.1

    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.channel.close(1000, "bye")
        frames: list[tuple[int, bytes]] = []
        while not frames or frames[-1][0] != Opcode.CLOSE:
            frames.append(await peer.read_frame())
        assert {opcode for opcode, _ in frames[:-1]} <= {Opcode.PING}
        assert await peer.is_at_end()  # aborted, and nothing came before that

    serve(scenario)
