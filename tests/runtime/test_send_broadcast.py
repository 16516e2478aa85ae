"""Events to clients, their order, and the bounds on what waits: C13, C16."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pyactor.definition import Actor, ActorOptions, Conn, Event, action, hook

Play = Callable[..., None]


class News(
    Actor[None],
    name="news",
    options=ActorOptions(max_held_messages=3, max_held_size=400, max_outgoing_backlog=1000),
):
    told = Event[str]()
    closed = Event[None]()

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.known: list[Conn] = []

    @hook
    async def on_connect(self, conn: Conn) -> None:
        self.known.append(conn)
        conn.send(News.told, "welcome")
        self.told.broadcast("joined")
        await self.go_on.wait()

    @action
    def tell(self, *texts: str) -> None:
        for text in texts:
            self.told.broadcast(text)

    @action
    def close(self) -> None:
        self.broadcast(News.closed)

    @action
    def noop(self, text: str = "") -> None:
        """Only its message counts."""


def texts(peer: Any) -> list[str]:
    return [args[0] for name, args in peer.events if name == "told"]


def test_send_needs_no_subscription_and_comes_before_init(play: Play) -> None:
    """C13: a broadcast in on_connect does not reach a client that subscribed to nothing yet."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        assert [type(message).__name__ for message in peer.received] == ["Event", "Init"]
        assert texts(peer) == ["welcome"]

    play(News, scene)


def test_broadcast_reaches_subscribers_only(play: Play) -> None:
    """C13: a subscription begins and ends where the client says so."""

    async def scene(stage: Any) -> None:
        ann, bob = await stage.peer(), await stage.peer()
        ann.subscribe("told")
        bob.subscribe("closed")
        bob.call("tell", "1")
        await stage.settle()
        ann.subscribe("told", subscribe=False)
        bob.call("tell", "2")
        bob.call("close")
        await stage.settle()
        assert texts(ann) == ["welcome", "1"]
        assert texts(bob) == ["welcome"]
        assert bob.events[-1] == ("closed", [])

    play(News, scene)


def test_an_unknown_event_is_refused_and_the_connection_goes_on(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.subscribe("nope")
        peer.subscribe("told")
        peer.call("tell", "1")
        await stage.settle()
        assert peer.errors == ["event.not_found"]
        assert texts(peer) == ["welcome", "1"]
        assert peer.closed is None

    play(News, scene)


def test_all_see_one_order(play: Play) -> None:
    """C13: two broadcasts reach all in the same order, sends among them."""

    async def scene(stage: Any) -> None:
        peers = [await stage.peer() for _ in range(3)]
        for peer in peers:
            peer.subscribe("told")
        for number, peer in enumerate(peers):
            peer.call("tell", f"{number}a", f"{number}b")
        await stage.settle()
        assert [texts(peer)[1:] for peer in peers] == [["0a", "0b", "1a", "1b", "2a", "2b"]] * 3

    play(News, scene)


def test_send_after_the_end_does_nothing(play: Play) -> None:
    """C13: neither while closing nor once it is gone."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer(answers_close=False)
        [conn] = stage.instance.actor.known
        gone = asyncio.ensure_future(conn.disconnect())
        conn.send(News.told, "closing")
        await gone
        conn.send(News.told, "gone")
        assert texts(peer) == ["welcome"]

    play(News, scene)


def test_a_payload_of_another_type_is_the_senders_mistake(play: Play) -> None:
    """The sender gets a TypeError that names the event; nothing is sent."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        [conn] = stage.instance.actor.known
        with pytest.raises(TypeError, match="told"):
            conn.send(News.told, 3)
        assert texts(peer) == ["welcome"]

    play(News, scene)


def test_a_slow_reader_is_closed_and_nobody_waits(play: Play) -> None:
    """C16: 1011 message.outgoing_backlog; the others get everything."""

    async def scene(stage: Any) -> None:
        slow, fast = await stage.peer(), await stage.peer()
        for peer in (slow, fast):
            peer.subscribe("told")
        slow.is_slow = True
        told = [f"{n}" * 100 for n in range(10)] * 2
        began = stage.time
        for text in told:
            stage.instance.actor.told.broadcast(text)
        assert stage.time == began
        assert slow.closed == (1011, "message.outgoing_backlog")
        assert texts(fast)[1:] == told
        assert 0 < len(texts(slow)[1:]) < len(told)
        await stage.settle()
        assert list(stage.instance.conns) == [fast.conn_id]

    play(News, scene)


def test_a_backlog_at_the_bound_is_no_offence(play: Play) -> None:
    """C16: over, not at."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        [conn] = stage.instance.actor.known
        peer.backlog = 1000
        conn.send(News.told, "at")
        assert peer.closed is None
        peer.backlog = 1001
        conn.send(News.told, "over")
        assert peer.closed == (1011, "message.outgoing_backlog")

    play(News, scene)


@pytest.mark.parametrize(
    ("messages", "closed"),
    [
        ([""] * 3, None),
        ([""] * 4, (1011, "message.incoming_backlog")),
        (["x" * 100, "y" * 100], None),
        (["x" * 200, "y" * 200], (1011, "message.incoming_backlog")),
    ],
)
def test_held_messages_are_bounded(
    play: Play, messages: list[str], closed: tuple[int, str] | None
) -> None:
    """C16, in number and in bytes; the end waits for the running hook (C7)."""

    async def scene(stage: Any) -> None:
        await stage.peer()
        stage.instance.actor.go_on.clear()
        peer = await stage.peer()
        for text in messages:
            peer.call("noop", text)
        assert peer.closed is None
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert peer.closed == closed
        assert peer.is_init is (closed is None)

    play(News, scene)


def test_held_messages_are_not_dispatched_where_init_itself_ends_the_connection(
    play: Play,
) -> None:
    """C5: the backlog is over its bound with ``Init``; by then the connection has left."""

    async def scene(stage: Any) -> None:
        other = await stage.peer()
        other.subscribe("told")
        stage.instance.actor.go_on.clear()
        peer = await stage.peer()
        peer.call("tell", "from a connection that has left")
        peer.backlog = 1001
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert peer.closed == (1011, "message.outgoing_backlog")
        assert texts(other) == ["welcome", "joined"]

    play(News, scene)


class Busy(Actor[None], name="busy", options=ActorOptions(max_in_flight_actions=2)):
    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    @action
    async def wait(self) -> None:
        await self.go_on.wait()


def test_actions_in_flight_are_bounded(play: Play) -> None:
    """C16: for each connection, and what has ended counts no longer."""

    async def scene(stage: Any) -> None:
        ann, bob = await stage.peer(), await stage.peer()
        for _ in range(2):
            for _ in range(2):
                ann.call("wait")
                bob.call("wait")
            await stage.settle()
            assert ann.closed is None
            stage.instance.actor.go_on.set()
            await stage.settle()
            stage.instance.actor.go_on.clear()
        for _ in range(3):
            ann.call("wait")
        await stage.settle()
        assert ann.closed == (1011, "message.incoming_backlog")
        assert bob.closed is None
        stage.instance.actor.go_on.set()

    play(Busy, scene)
