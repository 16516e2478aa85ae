"""A raw websocket: the life of a connection around ``on_web_socket``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import define

from pyactor.definition import Actor, ActorOptions, Conn, Event, WebSocket, action, hook
from pyactor.errors import ActorRestarting, UserError, WebSocketClosed, WebSocketsNotSupported

Play = Callable[..., None]


@define
class Params:
    way: str = "echo"
    connects: str = ""


class Mute(Actor[None], name="mute"):
    @action
    def nothing(self) -> None: ...


class Live(
    Actor[None, None, Params],
    name="live",
    options=ActorOptions(
        action_timeout=5,
        sleep_grace_period=4,
        close_timeout=10,
        on_connect_timeout=20,
        on_before_connect_timeout=20,
        max_held_messages=3,
        max_held_size=100,
        max_in_flight_actions=5,
        max_outgoing_backlog=200,
        max_incoming_message=90,
        max_outgoing_message=150,
    ),
):
    rang = Event[None]()

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.go_on = asyncio.Event()

    @hook
    async def on_before_connect(self, params: Params) -> None:
        if params.connects == "refused":
            raise UserError("not you", code="not_you")
        if params.connects == "slow":
            await self.go_on.wait()

    @hook
    async def on_connect(self, conn: Conn[None, Params]) -> None:
        self.trace.append("connect")
        conn.defer(lambda: self.trace.append("deferred"))
        if conn.params.connects == "slow on_connect":
            await self.go_on.wait()

    @hook
    def on_disconnect(self, conn: Conn[None, Params]) -> None:
        assert conn.id not in self.conns
        self.trace.append("disconnect")

    @hook
    async def on_web_socket(self, ws: WebSocket) -> None:
        assert ws.request.path == "/live"
        assert self.conn.request is ws.request
        assert self.conn.id in self.conns
        self.trace.append("open")
        self.conn.send(Live.rang)
        self.rang.broadcast()
        await WAYS[self.conn.params.way](self, ws)


async def echo(_live: Live, ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


async def receive(live: Live, ws: WebSocket) -> None:
    """Receive until told otherwise, and let the error out."""
    while True:
        live.trace.append(str(await ws.receive()))


async def note(live: Live, ws: WebSocket) -> None:
    """What becomes of a websocket once it is closed."""
    await live.go_on.wait()
    live.trace += [str(message) async for message in ws]
    for use in (ws.receive(), ws.send("late")):
        try:
            await use
        except WebSocketClosed as closed:
            live.trace.append(f"{closed.code} {closed.reason}")
    await ws.close(3000, "too late")


async def step(live: Live, ws: WebSocket) -> None:
    """One message each time it is told to go on."""
    while True:
        await live.go_on.wait()
        live.go_on.clear()
        live.trace.append(str(await ws.receive()))


async def wait(live: Live, _ws: WebSocket) -> None:
    try:
        await live.go_on.wait()
    except asyncio.CancelledError:
        live.trace.append("cancelled")
        raise


async def wait_closed(live: Live, ws: WebSocket) -> None:
    await ws.wait_closed()
    live.trace.append("told")
    await ws.wait_closed()
    if live.go_on.is_set():
        await ws.close()
        await asyncio.sleep(1)
        live.trace.append("cleaned up")


async def cling(live: Live, _ws: WebSocket) -> None:
    """Ignore the first cancellation."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(1000)
    live.trace.append("no")
    await live.go_on.wait()


async def refuse(_live: Live, _ws: WebSocket) -> None:
    raise UserError("no", code="no")


async def fail(_live: Live, _ws: WebSocket) -> None:
    raise RuntimeError("secret")


async def relay(_live: Live, _ws: WebSocket) -> None:
    raise WebSocketClosed(1000, "of quite another websocket")


async def close(live: Live, ws: WebSocket) -> None:
    await ws.close(3001, "done")
    live.trace.append("closed")


async def kick(live: Live, _ws: WebSocket) -> None:
    await live.conn.disconnect("kicked")
    live.trace.append("kicked")


async def push(live: Live, ws: WebSocket) -> None:
    for number in range(3):
        await ws.send(b"x" * 80)
        live.trace.append(f"sent {number}")


async def flood(_live: Live, ws: WebSocket) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(ws.send(b"x" * 80))


async def long(live: Live, ws: WebSocket) -> None:
    try:
        await ws.send("x" * 151)
    except Exception as error:  # noqa: BLE001 - which one it is, is asserted
        live.trace.append(str(error))
    await ws.send("x" * 150)


async def share(live: Live, ws: WebSocket) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(receive_one(live, ws))


async def receive_one(live: Live, ws: WebSocket) -> None:
    live.trace.append(str(await ws.receive()))


async def refuse_late(live: Live, ws: WebSocket) -> None:
    await live.go_on.wait()
    await refuse(live, ws)


async def fail_in_company(live: Live, ws: WebSocket) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(receive(live, ws))
        await live.go_on.wait()
        raise RuntimeError("secret")


async def leave_at_once(live: Live, _ws: WebSocket) -> None:
    live.trace.append("done")


WAYS: dict[str, Callable[[Live, WebSocket], Awaitable[None]]] = {
    each.__name__: each
    for each in (
        *(
            echo,
            receive,
            note,
            step,
            wait,
            refuse,
            fail,
            relay,
            close,
            kick,
            push,
            flood,
            long,
            share,
        ),
        *(refuse_late, fail_in_company, leave_at_once, wait_closed, cling),
    )
}


# ------------------------------------------------------------------ opening


def test_messages_go_both_ways_as_they_are(play: Play) -> None:
    """Text is str and binary bytes; events of the actor are no messages of it."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer()
        peer.say("text", b"\x00binary")
        await stage.settle()
        assert peer.heard == ["text", b"\x00binary"]
        [conn] = stage.instance.conns.values()
        conn.send(Live.rang)
        await stage.settle()
        assert len(peer.heard) == 2
        assert stage.instance.actor.trace == ["connect", "open"]

    play(Live, scene)


def test_without_the_hook_nothing_runs(play: Play) -> None:
    async def scene(stage: Any) -> None:
        with pytest.raises(WebSocketsNotSupported, match="mute takes no raw websockets"):
            await stage.raw_peer()
        assert stage.instance.drivers == {}

    play(Mute, scene)


def test_a_refusal_is_told_by_the_close_alone(play: Play) -> None:
    """C2: no frame, since it could be a message of the actor's."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"connects": "refused"})
        assert (peer.heard, peer.closed) == ([], (1011, "user.not_you"))
        assert stage.instance.actor.trace == []
        assert stage.instance.drivers == {}

    play(Live, scene)


@pytest.mark.parametrize("connects", ["slow", "slow on_connect"])
def test_messages_are_held_until_it_is_open(play: Play, connects: str) -> None:
    """C5: in order, and none before on_connect returned."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"connects": connects})
        peer.say("1", "2", "3")
        await stage.settle()
        assert peer.heard == []
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert peer.heard == ["1", "2", "3"]

    play(Live, scene)


@pytest.mark.parametrize("messages", [["1", "2", "3", "4", "5"], ["x" * 60, "y" * 60, "z"]])
def test_what_is_too_much_to_hold_waits_with_the_peer(play: Play, messages: list[str]) -> None:
    """C16: by number or by size; nothing is lost, and nobody is cut off."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"connects": "slow"})
        peer.say(*messages)
        await stage.settle()
        held = len(messages) - len(peer.unsaid)
        assert held == (3 if len(messages) == 5 else 2)
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert (peer.heard, peer.unsaid, peer.is_paused) == (messages, [], False)

    play(Live, scene)


def test_a_drop_while_it_connects(play: Play) -> None:
    """C7: on_web_socket never runs."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"connects": "slow on_connect"})
        peer.drop()
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert stage.instance.actor.trace == ["connect", "disconnect", "deferred"]
        assert stage.instance.drivers == {}

    play(Live, scene)


# ------------------------------------------------------------------ the hook ends it


@pytest.mark.parametrize(
    ("way", "closed", "is_logged"),
    [
        ("leave_at_once", (1000, ""), False),
        ("refuse", (1011, "user.no"), False),
        ("fail", (1011, "core.internal_error"), True),
        ("relay", (1011, "core.internal_error"), True),
        ("close", (3001, "done"), False),
        ("kick", (1000, "kicked"), False),
    ],
)
def test_how_it_is_closed(
    play: Play,
    caplog: pytest.LogCaptureFixture,
    way: str,
    closed: tuple[int, str],
    is_logged: bool,
) -> None:
    """C8, C9: and on_disconnect runs once, whatever it was."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": way})
        await stage.settle()
        assert (peer.heard, peer.closed) == ([], closed)
        trace = stage.instance.actor.trace
        assert trace[:2] == ["connect", "open"]
        assert trace.count("disconnect") == 1
        assert stage.instance.drivers == {}

    play(Live, scene)
    assert ("hook 'on_web_socket'" in caplog.text) is is_logged


def test_a_close_can_be_awaited_in_the_hook(play: Play) -> None:
    """C9: on_disconnect does not wait for on_web_socket (C6), so this is no deadlock."""

    async def scene(stage: Any) -> None:
        await stage.raw_peer(params={"way": "close"})
        assert stage.instance.actor.trace == ["connect", "open", "disconnect", "deferred", "closed"]

    play(Live, scene)


# ------------------------------------------------------------------ the peer ends it


@pytest.mark.parametrize(
    ("leaves", "closed"),
    [
        (lambda peer: peer.drop(), "1006"),
        (lambda peer: peer.leave_with(4001, "bored"), "4001 bored"),
    ],
)
def test_once_the_peer_is_gone(
    play: Play, caplog: pytest.LogCaptureFixture, leaves: Callable[[Any], None], closed: str
) -> None:
    """What had come is still received, iteration ends, and every use says how it was closed.

    on_disconnect did not wait for the hook (C6).
    """

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": "note"})
        actor = stage.instance.actor
        peer.say("1", "2")
        leaves(peer)
        await stage.settle()
        assert actor.trace == ["connect", "open", "disconnect", "deferred"]
        assert stage.instance.drivers == {}
        actor.go_on.set()
        await stage.settle()
        assert [line.strip() for line in actor.trace[4:]] == ["1", "2", closed, closed]

    play(Live, scene)
    assert caplog.text == ""


@pytest.mark.parametrize("way", ["echo", "receive", "share"])
def test_a_hook_that_receives_ends_with_its_peer(
    play: Play, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """By the end of the iteration, or by the error, which is nobody's fault, of a group too."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": way})
        peer.drop()
        await stage.settle()
        assert stage.instance._calls == {}

    play(Live, scene)
    assert caplog.text == ""


@pytest.mark.parametrize("by", ["the peer", "the actor"])
def test_a_hook_that_does_not_receive_can_wait_for_the_end(
    play: Play, caplog: pytest.LogCaptureFixture, by: str
) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": "wait_closed"})
        actor = stage.instance.actor
        actor.go_on.set()
        assert "told" not in actor.trace
        if by == "the peer":
            peer.drop()
        else:
            [conn] = stage.instance.conns.values()
            _ = conn.disconnect()
        await stage.settle()
        assert "told" in actor.trace
        await asyncio.sleep(1)
        assert actor.trace[-1] == "cleaned up"
        assert stage.instance._calls == {}

    play(Live, scene)
    assert caplog.text == ""


@pytest.mark.parametrize(("way", "end"), [("wait", "cancelled"), ("cling", "no")])
def test_a_hook_that_runs_on_after_the_end_is_cancelled(
    play: Play, caplog: pytest.LogCaptureFixture, way: str, end: str
) -> None:
    """C6: as an action would be, and it does not keep its actor awake for ever (A3)."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": way})
        instance = stage.instance
        await asyncio.sleep(100)
        assert instance.actor.trace == ["connect", "open"]
        peer.drop()
        await asyncio.sleep(4.9)
        assert end not in instance.actor.trace
        await asyncio.sleep(0.2)
        assert instance.actor.trace[-1] == end
        assert "hook 'on_web_socket' still ran 5 s after its websocket was closed" in caplog.text
        await asyncio.sleep(31)
        assert not instance.is_ready
        instance.actor.go_on.set()
        await stage.settle()

    play(Live, scene)
    late = "hook 'on_web_socket' ended after the 5 s it had once its websocket was closed; what it"
    assert (late in caplog.text) is (way == "cling")


@pytest.mark.parametrize("way", ["refuse_late", "fail_in_company"])
def test_an_error_after_the_end_is_logged(
    play: Play, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """Also a public one: no client is there to hear it."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": way})
        peer.drop()
        stage.instance.actor.go_on.set()
        await stage.settle()

    play(Live, scene)
    assert "hook 'on_web_socket'" in caplog.text


# ------------------------------------------------------------------ bounds


def test_a_peer_waits_for_a_hook_that_does_not_receive(play: Play) -> None:
    """C16: at most three wait here, the others with the peer; there is room again at one."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": "step"})
        peer.say(*"abcdefgh")
        seen = []
        for _ in range(8):
            await stage.settle()
            seen.append((len(peer.unsaid), peer.is_paused))
            stage.instance.actor.go_on.set()
        await stage.settle()
        assert seen == [
            (5, True), (5, True), (3, True), (3, True), (1, True), (1, True), (0, False), (0, False)
        ]  # fmt: skip
        assert stage.instance.actor.trace[-8:] == list("abcdefgh")
        assert peer.closed is None

    play(Live, scene)


def test_one_that_is_paused_can_still_be_closed(play: Play) -> None:
    """What had come is not received any more (C5), and the peer's end is noticed."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": "note"})
        peer.say(*"abcdef")
        await stage.settle()
        assert peer.is_paused
        [conn] = stage.instance.conns.values()
        conn.disconnect("enough")
        assert not peer.is_paused
        await stage.settle()
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert peer.closed == (1000, "enough")
        assert stage.instance.actor.trace[4:] == ["1000 enough"] * 2

    play(Live, scene)


def test_one_that_keeps_up_is_never_cut_off(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer()
        for _ in range(20):
            peer.say(*["x" * 20] * 5)
            await stage.settle()
        assert len(peer.heard) == 100
        assert peer.closed is None

    play(Live, scene)


def test_a_message_that_is_too_long(play: Play) -> None:
    """C16's sister: the bytes count, not the characters; 90 are allowed."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer()
        peer.say("ä" * 45)
        await stage.settle()
        assert peer.heard == ["ä" * 45]
        peer.say("ä" * 46)
        await stage.settle()
        assert len(peer.heard) == 1
        assert peer.closed == (1011, "message.incoming_too_long")

    play(Live, scene)


def test_two_may_receive(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": "share"})
        peer.say("1")
        await stage.settle()
        peer.say("2")
        await stage.settle()
        assert stage.instance.actor.trace[2:4] == ["1", "2"]
        assert peer.closed == (1000, "")

    play(Live, scene)


def test_send_waits_for_a_slow_peer(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": "push", "connects": "slow"})
        peer.is_slow = True
        actor = stage.instance.actor
        actor.go_on.set()
        await stage.settle()
        assert (len(peer.heard), actor.trace[2:]) == (1, [])
        peer.catch_up()
        await stage.settle()
        assert (len(peer.heard), actor.trace[2:5]) == (3, ["sent 0", "sent 1", "sent 2"])
        assert peer.closed == (1000, "")

    play(Live, scene)


def test_a_sender_that_does_not_wait_is_cut_off(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """C16: 200 bytes may wait here; the rest says that it is closed."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": "flood", "connects": "slow"})
        peer.is_slow = True
        stage.instance.actor.go_on.set()
        await stage.settle()
        assert len(peer.heard) == 3
        assert peer.closed == (1011, "message.outgoing_backlog")

    play(Live, scene)
    assert caplog.text == ""


def test_a_message_that_is_too_long_to_send(play: Play) -> None:
    """It is the sender's error, and not sent; the next one is."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": "long"})
        assert peer.heard == ["x" * 150]
        [said] = [line for line in stage.instance.actor.trace if "outgoing_too_long" in line]
        assert said.startswith("the message has 151 bytes; at most 150")

    play(Live, scene)


# ------------------------------------------------------------------ the host ends it


def test_a_disconnect_from_outside(play: Play) -> None:
    """C9: as of any connection; the hook hears of it, and gets nothing more (C5)."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": "note"})
        peer.say("never received")
        [conn] = stage.instance.conns.values()
        leaving = conn.disconnect("kicked")
        peer.say("sent before it knew")
        await leaving
        actor = stage.instance.actor
        assert peer.closed == (1000, "kicked")
        assert actor.trace == ["connect", "open", "disconnect", "deferred"]
        actor.go_on.set()
        await stage.settle()
        assert actor.trace[4:] == ["1000 kicked"] * 2

    play(Live, scene)


def test_a_silent_peer_is_aborted(play: Play) -> None:
    """C9: by close_timeout, which the channel was given."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": "leave_at_once"}, answers_close=False)
        assert peer.closed == (1000, "")
        assert len(stage.instance.drivers) == 1
        await asyncio.sleep(9.9)
        assert len(stage.instance.drivers) == 1
        await asyncio.sleep(0.2)
        assert stage.instance.drivers == {}

    play(Live, scene)


@pytest.mark.parametrize("way", ["echo", "wait"])
def test_the_stop_of_the_host(play: Play, way: str) -> None:
    """C15: going away at once; a hook that does not hear of it is cancelled after the grace."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"way": way})
        actor = stage.instance.actor
        began = stage.time
        await stage.host.stop()
        assert peer.closed == (1001, "ws.going_away")
        assert stage.time - began == pytest.approx(4 if way == "wait" else 0, abs=0.1)
        cancelled = ["cancelled"] if way == "wait" else []
        assert actor.trace == ["connect", "open", "disconnect", "deferred", *cancelled]

    play(Live, scene)


def test_a_silent_peer_does_not_hold_up_the_stop(play: Play) -> None:
    """C15: its close_timeout (10 s) is longer than the grace period, so it is aborted."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(answers_close=False)
        began = stage.time
        await stage.host.stop()
        assert 4 <= stage.time - began <= 5.1
        assert peer.aborted

    play(Live, scene)


@pytest.mark.parametrize("connects", ["slow", "slow on_connect"])
def test_one_that_connects_into_the_stop(play: Play, connects: str) -> None:
    """C7, C15."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer(params={"connects": connects})
        actor = stage.instance.actor
        stopping = asyncio.create_task(stage.host.stop())
        await stage.settle()
        actor.go_on.set()
        await stopping
        assert peer.closed == (1001, "ws.going_away")
        assert "open" not in actor.trace

    play(Live, scene)


class Sleepy(Actor[None], name="sleepy"):
    def __init__(self) -> None:
        self.trace: list[str] = []
        self.connects = asyncio.Event()

    @hook
    async def on_connect(self, conn: Conn[None, None]) -> None:
        await self.connects.wait()

    @hook
    async def on_sleep(self) -> None:
        self.connects.set()
        await asyncio.sleep(3)
        self.trace.append("slept")

    @hook
    def on_web_socket(self, ws: WebSocket) -> None:
        self.trace.append("open")


def test_one_that_opens_while_the_actor_says_farewell(play: Play) -> None:
    """No new work: it is closed at once, not when on_sleep has ended."""

    async def scene(stage: Any) -> None:
        peer = await stage.raw_peer()
        actor = stage.instance.actor
        stopping = asyncio.create_task(stage.host.stop())
        await asyncio.sleep(1)
        assert peer.closed == (1001, "ws.going_away")
        await stopping
        assert actor.trace == ["slept"]

    play(Sleepy, scene)


def test_one_that_comes_too_late_is_refused(play: Play) -> None:
    """The host closes it, with what makes a client come back."""

    async def scene(stage: Any) -> None:
        driver, peer = await stage.raw_web_socket_driver()
        await stage.host.stop()
        with pytest.raises(ActorRestarting):
            driver.open()
        assert peer.closed is None

    play(Live, scene)


def test_a_hook_may_be_sync(play: Play) -> None:
    async def scene(stage: Any) -> None:
        instance = await stage.host.directory.get_or_create("sleepy", ("a",))
        instance.actor.connects.set()
        peer = await stage.raw_peer()
        assert peer.closed == (1000, "")
        assert instance.actor.trace == ["open"]

    play(Sleepy, scene)
