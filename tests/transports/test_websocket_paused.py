"""``Channel.pause`` and ``resume``: a receiver that cannot keep up makes its peer wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from websockets.frames import Opcode

pytestmark = pytest.mark.parametrize("loop_factory", ["asyncio", "uvloop"], indirect=True)

if TYPE_CHECKING:
    from tests.transports.conftest import Peer, Recorder, Serve, Site


async def paused_after(site: Site, count: int) -> tuple[Peer, Recorder]:
    """A websocket whose receiver pauses it when it has that many messages."""
    peer, recorder = await site.websocket()
    recorder.echo = False

    def take(_data: str | bytes) -> None:
        if len(recorder.heard) == count:
            recorder.channel.pause()

    recorder.on_data = take
    return peer, recorder


def say(peer: Peer, *messages: str) -> None:
    """Send messages in one piece."""
    for message in messages:
        peer.frame(Opcode.TEXT, message.encode())


def test_nothing_is_delivered_until_it_goes_on(serve: Serve) -> None:
    """Not even what came in the same piece; then all of it, in order, fragments joined."""

    async def scenario(site: Site) -> None:
        peer, recorder = await paused_after(site, 2)
        say(peer, "1", "2", "3")
        peer.frame(Opcode.TEXT, b"4 ", fin=False)
        await site.turn()
        peer.frame(Opcode.CONT, b"and 5")
        say(peer, "6")
        await site.turn()
        assert recorder.heard == [("data", "1"), ("data", "2")]
        recorder.channel.resume()
        assert len(recorder.heard) == 2  # never from inside the call
        for expected in ("1", "2", "3", "4 and 5", "6"):
            assert await recorder.next() == ("data", expected)

    serve(scenario)


def test_it_may_be_paused_again_and_again(serve: Serve) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await site.websocket()
        recorder.on_data = lambda _data: recorder.channel.pause()
        say(peer, *"abcdef")
        for expected in "abcdef":
            assert await recorder.next() == ("data", expected)
            await site.turn()
            assert recorder._queue.empty()
            recorder.channel.resume()
            recorder.channel.pause()  # has the last word
            await site.turn()
            assert recorder._queue.empty()
            recorder.channel.resume()

    serve(scenario)


@pytest.mark.parametrize("attached", ["before", "after"])
def test_the_peer_has_to_wait(serve: Serve, attached: str) -> None:
    """What the two kernels hold is a few megabytes; the server reads no more than a piece."""

    async def scenario(site: Site) -> None:
        site.app.attach_at_once = attached == "before"
        peer, recorder = await paused_after(site, 1)
        size = 32 * 1024 * 1024
        peer.frame(Opcode.BINARY, b"x")
        peer.frame(Opcode.BINARY, b"y" * size)
        await site.turn()
        if attached == "after":
            site.app.attach(recorder)
        for _ in range(80):
            await site.turn()
        assert peer.writer.transport.get_write_buffer_size() > size // 4
        assert len(recorder.heard) == 1
        recorder.channel.resume()
        await recorder.next()
        assert await recorder.next() == ("data", b"y" * size)

    serve(scenario)


def test_a_peer_that_waits_is_not_taken_for_lost(serve: Serve) -> None:
    """Its pongs wait with the rest; later it is watched as before."""

    async def scenario(site: Site) -> None:
        site.app.ping_interval = site.app.ping_timeout = 2
        peer, recorder = await paused_after(site, 1)
        say(peer, "1")
        await recorder.next()
        for _ in range(4):
            site.skip(2)
            await site.turn()
        assert recorder.heard == [("data", "1")]
        recorder.channel.resume()
        say(peer, "2")
        assert await recorder.next() == ("data", "2")
        for _ in range(3):
            site.skip(2)
            await site.turn()
        assert await recorder.next() == ("lost",)

    serve(scenario)


@pytest.mark.parametrize("how", ["close frame", "bad frame"])
def test_the_peers_end_is_heard_after_what_it_sent(serve: Serve, how: str) -> None:
    async def scenario(site: Site) -> None:
        peer, recorder = await paused_after(site, 1)
        say(peer, "1", "2")
        if how == "close frame":
            peer.close_frame(1000, "bye")
        else:
            peer.frame(Opcode.TEXT, b"x", reserved=4)
        await site.turn()
        assert recorder.heard == [("data", "1")]
        recorder.channel.resume()
        assert [await recorder.next() for _ in range(2)] == [("data", "1"), ("data", "2")]
        end = await recorder.next()
        assert end[:2] == ("close", 1000 if how == "close frame" else 1002)
        peer.drop()

    serve(scenario)


@pytest.mark.parametrize("how", ["close", "abort", "reset"])
def test_the_end_of_one_that_is_paused(serve: Serve, how: str) -> None:
    """A close of ours still sees the peer's answer, and nothing that waited comes any more."""

    async def scenario(site: Site) -> None:
        site.app.close_timeout = 60
        peer, recorder = await paused_after(site, 1)
        say(peer, "1", "2", "3")
        await recorder.next()
        if how == "close":
            recorder.channel.close(1000, "enough")
            assert await peer.read_close() == (1000, "enough")
            peer.close_frame(1000)
            assert await peer.is_at_end()
            await peer.close()
        elif how == "abort":
            recorder.channel.abort()
        else:
            peer.drop()
            recorder.channel.resume()
        while recorder.heard[-1] != ("lost",):
            await recorder.next()
        if how != "reset":
            assert recorder.heard == [("data", "1"), ("lost",)]
        await site.is_empty()

    serve(scenario)
