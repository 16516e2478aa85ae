"""``pyactor demo``: one host and three clients over real sockets, told as it happens.

Mallory is rejected, Ann and Bob talk, Bob is kicked with a reason and comes back rejected.
"""

from __future__ import annotations

import socket

from rich.console import Console

from ..client import Client, Connection, Handle
from ..errors import UserError
from ..transports import Host
from ._demo_actor import ChatRoom, JoinParams, Message, log, registry
from ._signals import stop_requested
from ._transcript import Transcript

_ADDRESS = "127.0.0.1"
_PORT = 6420


async def run_demo(*, once: bool, console: Console | None = None) -> None:
    """Play the scenes; then serve on until SIGINT or SIGTERM, unless it is for once.

    Args:
        once: End after the scenes, and listen on any free port.
        console: Where to print; standard output if None.
    """
    transcript = Transcript(console or Console(highlight=False))
    with stop_requested() as stop, transcript.listening_to(log):
        async with Host(registry, host=_ADDRESS, port=_free_port(once=once)) as host:
            transcript.line("host", f"serves the actor chatRoom at {host.url}")
            await _play(host.url, transcript)
            if not once:
                transcript.heading("Your turn")
                transcript.line("host", f"goes on at {host.url}   (Ctrl-C ends it)")
                await stop.wait()
            transcript.heading("The host stops")
        transcript.line("host", "is gone")


async def _play(url: str, transcript: Transcript) -> None:
    async with Client(url) as ann, Client(url) as bob, Client(url) as mallory:
        transcript.heading("Mallory has a bad token")
        await _try(_room(mallory, "mallory", "guess"), "mallory", transcript)

        transcript.heading("Ann and Bob connect")
        bobs_room = _room(bob, "bob")
        anns, bobs = _room(ann, "ann").connect(), bobs_room.connect()
        _show_events("ann", anns, transcript)
        _show_events("bob", bobs, transcript)
        async with anns, bobs:
            transcript.heading("They talk")
            for name, conn, text in (
                ("ann", anns, "hello, is anybody here?"),
                ("bob", bobs, "only me, and I shout: BUY MORE HATS"),
            ):
                transcript.line(name, f"→ say({text!r})")
                count = await conn.rpc.say(text)
                transcript.line(name, f"= {count}")

            transcript.heading("Ann kicks Bob")
            transcript.line("ann", "→ kick('bob', 'no hats in here')")
            kicked = await anns.rpc.kick("bob", "no hats in here")
            transcript.line("ann", f"= {kicked}")
            closed = await bobs.wait_closed()
            transcript.line("bob", f"was disconnected: {closed.code} {closed.reason}", style="red")

            transcript.heading("Bob comes back")
            await _try(bobs_room, "bob", transcript)

            transcript.heading("Ann leaves")
            transcript.line("ann", "→ close")


def _show_events(name: str, conn: Connection[ChatRoom], transcript: Transcript) -> None:
    @conn.on(ChatRoom.joined)
    def joined(user: str) -> None:
        transcript.line(name, f"← joined: {user}")

    @conn.on(ChatRoom.said)
    def said(message: Message) -> None:
        transcript.line(name, f"← said: {message.author}: {message.text}")

    @conn.on(ChatRoom.left)
    def left(user: str) -> None:
        transcript.line(name, f"← left: {user}")


async def _try(room: Handle[ChatRoom], name: str, transcript: Transcript) -> None:
    transcript.line(name, "→ connect")
    try:
        async with room.connect():
            transcript.line(name, "is in")
    except UserError as error:
        kind = type(error).__name__
        transcript.line(name, f"is rejected: {kind}: {error.message}", style="red")


def _room(client: Client, user: str, token: str = "s3cret") -> Handle[ChatRoom]:  # noqa: S107
    return client.actor(ChatRoom).get_or_create("lobby", params=JoinParams(user, token))


def _free_port(*, once: bool) -> int:
    """The usual port, or 0 for any if it is taken or the demo is for once."""
    if once:
        return 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_ADDRESS, _PORT))
        except OSError:
            return 0
    return _PORT
