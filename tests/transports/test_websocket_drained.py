"""``Channel.drained``: a sender of much keeps in step with its peer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from websockets.frames import Opcode

if TYPE_CHECKING:
    from tests.transports.conftest import Peer, Recorder, Serve, Site

MESSAGE = b"x" * 100_000


async def fill(site: Site) -> tuple[Peer, Recorder, asyncio.Future[None], int]:
    """A websocket whose peer reads nothing: how many messages are sent, and who waits for it."""
    peer, recorder = await site.websocket()
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    count = 0
    while True:
        recorder.channel.send(MESSAGE)
        count += 1
        waiting = asyncio.ensure_future(recorder.channel.drained())
        for _ in range(5):
            await site.turn()
        if not waiting.done():
            return peer, recorder, waiting, count


def test_it_waits_while_much_is_unsent_and_no_longer(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder, waiting, count = await fill(site)
        assert 64 * 1024 < recorder.channel.backlog < 3 * len(MESSAGE)
        second = asyncio.ensure_future(recorder.channel.drained())
        waiting.cancel()
        await asyncio.wait([waiting])
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(count):
            assert await peer.read_frame() == (Opcode.BINARY, MESSAGE)
        await second  # one that gives up takes nobody with it
        assert recorder.channel.backlog <= 16 * 1024
        recorder.channel.send(b"more")
        await recorder.channel.drained()
        assert await peer.read_frame() == (Opcode.BINARY, b"more")

    serve(scenario)


def test_little_unsent_is_not_waited_for(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        _, recorder = await site.websocket()
        drained = recorder.channel.drained()
        with pytest.raises(StopIteration):
            drained.send(None)

    serve(scenario)


@pytest.mark.parametrize("how", ["close", "abort", "reset", "close frame", "half", "bad frame"])
def test_it_waits_for_no_channel_that_is_closing_or_gone(serve: Serve, how: str) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder, waiting, _ = await fill(site)
        if how == "close":
            recorder.channel.close(1000, "")
        elif how == "abort":
            recorder.channel.abort()
        elif how == "reset":
            peer.drop()
        elif how == "close frame":
            peer.close_frame(1000)
        elif how == "bad frame":
            peer.frame(Opcode.TEXT, b"\xff")
        else:
            peer.writer.write_eof()
        await waiting
        await recorder.channel.drained()
        recorder.channel.abort()
        if how != "reset":
            peer.drop()

    serve(scenario)
