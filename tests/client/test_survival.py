"""Drops, refusals, half-open hosts and restarts at every point of a client's life, at random.

Whatever happens, no subscription is lost, nothing goes before the subscriptions, no call is left
without an end or sent twice, a pause is never longer than its bound, and nobody is called after
``close()``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from pyactor.client import ClientOptions
from pyactor.definition import Actor, Event, action
from pyactor.errors import ActorError, CallTimedOut, ConnectionLost
from pyactor.wire import messages

if TYPE_CHECKING:
    from tests.client.conftest import Live, Peer, World

OPTIONS = ClientOptions(
    open_timeout=3, call_timeout=12, wait_timeout=6, max_waiting_calls=3, backoff_max=2
)
EVENTS = ("a", "b", "c")
Step: TypeAlias = "tuple[str, float]"


class Room(Actor[None], name="room"):
    a = Event[int]()
    b = Event[int]()
    c = Event[int]()

    @action
    def post(self, number: int) -> int:
        return number


REFS = {"a": Room.a, "b": Room.b, "c": Room.c}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "time passes",
                "a moment",
                "call",
                "cancel a call",
                "subscribe",
                "unsubscribe",
                "iterate",
                "drop",
                "going away",
                "garbage",
                "host goes down",
                "host comes up",
                "host answers nothing",
                "host answers",
                "next: silence",
                "next: restarting",
                "next: close",
                "next: drop",
                "next: event, then drop",
            ]
        ),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=40,
)


def drop(peer: Peer) -> None:
    peer.channel.abort()


def event_then_drop(peer: Peer) -> None:
    peer.welcome()
    peer.send(messages.Event("a", [1]))
    peer.channel.close(1001, "ws.going_away")


GREETINGS = {
    "next: silence": lambda peer: None,
    "next: restarting": lambda peer: peer.reject("actor", "restarting"),
    "next: close": lambda peer: peer.channel.close(1013, ""),
    "next: drop": drop,
    "next: event, then drop": event_then_drop,
}


class Life:
    """One client in one world, and what must hold of both."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.conn = world.client().actor(Room).get("a").connect()
        self.callbacks: list[tuple[str, object]] = []
        self.streams: list[object] = []
        self.heard: list[object] = []
        self.late: list[object] = []
        self.calls: list[asyncio.Task[int]] = []
        self.checks: list[asyncio.Task[None]] = []
        self.is_closed = False
        self.answers = True
        self.lost_at: float | None = None
        self.conn.on_status_change(self.status_changed)
        self.conn.on_close(self.hear)
        self.conn.on_open(lambda: self.hear("open"))
        self.conn.on_error(self.hear)
        self.conn.on_open(self.check_subscriptions)

    def hear(self, what: object) -> None:
        (self.late if self.is_closed else self.heard).append(what)

    def status_changed(self, status: str) -> None:
        self.hear(status)
        if status == "disconnected":
            self.lost_at = self.world.now
        elif status == "connecting" and self.lost_at is not None:
            assert self.world.now - self.lost_at <= OPTIONS.backoff_max + 1e-5

    def check_subscriptions(self) -> None:
        """The host gets those of this moment, before anything else."""
        peer, wanted = self.world.peer, {name for name, _ in self.callbacks}

        async def check() -> None:
            await self.world.settle()
            received = [each for each in peer.received if not isinstance(each, tuple | str)]
            first = received[: len(wanted)]
            # A connection that was lost meanwhile may have got fewer.
            asked = {each.event_name for each in first}  # type: ignore[union-attr] # pyright: ignore[reportAttributeAccessIssue]
            assert asked <= wanted
            assert asked == wanted or len(received) < len(wanted)

        self.checks.append(asyncio.create_task(check()))

    def step(self, what: str, how: float) -> None:
        """Do one step, as the client or as the world."""
        name = EVENTS[int(how * 3)]
        match what:
            case "call":
                self.calls.append(asyncio.create_task(self.conn.rpc.post(len(self.calls))))
            case "cancel a call" if self.calls:
                self.calls[int(how * len(self.calls))].cancel()
            case "subscribe":
                callback = self.conn.on(REFS[name])(self.hear)
                self.callbacks.append((name, callback))
            case "iterate":
                self.streams.append(self.conn.events(REFS[name]))
                self.callbacks.append((name, None))
            case "unsubscribe":
                self.conn.off(REFS[name], self.hear)
                kept = [each for each in self.callbacks if each != (name, self.hear)]
                self.callbacks = kept
            case _:
                self.happen(what)
        for peer in self.world.peers:
            peer.answer = type(peer).echo if self.answers else type(peer).hold

    def happen(self, what: str) -> None:
        """Let something happen to the world."""
        world = self.world
        if what == "drop":
            world.restart()
        elif what == "going away":
            for peer in world.peers:
                peer.channel.close(1001, "ws.going_away")
        elif what == "garbage":
            for peer in world.peers:
                peer.channel.send("garbage")
        elif what in ("host goes down", "host comes up"):
            world.is_down = what == "host goes down"
        elif what in ("host answers nothing", "host answers"):
            self.answers = what == "host answers"
        elif what in GREETINGS:
            world.greetings.append(GREETINGS[what])

    async def end(self) -> None:
        """Let the host be well again: everything has to come back, or have come to its end."""
        world = self.world
        world.is_down, self.answers = False, True
        world.greetings.clear()
        await asyncio.sleep(OPTIONS.open_timeout + OPTIONS.backoff_max)
        await self.conn.ready
        await asyncio.sleep(OPTIONS.call_timeout)
        assert self.conn.status == "connected"
        assert set(world.peer.subscribed) == {name for name, _ in self.callbacks}
        for number, call in enumerate(self.calls):
            assert call.done()
            if call.cancelled():
                continue
            error = call.exception()
            assert call.result() == number if error is None else isinstance(error, ActorError)
            assert error is None or isinstance(error, ConnectionLost | CallTimedOut)
            sent = self.sent(number)
            assert sent <= 1
            if isinstance(error, ConnectionLost | CallTimedOut):
                assert error.may_have_run or sent == 0
        await asyncio.gather(*self.checks)
        await self.conn.close()
        self.is_closed = True
        world.peer.send(messages.Event("a", [1]))
        await asyncio.sleep(60)

    def sent(self, number: int) -> int:
        """How often the host was asked for this call."""
        received = [message for peer in self.world.peers for message in peer.received]
        return sum(isinstance(m, messages.ActionRequest) and m.args == [number] for m in received)


@given(steps=STEPS, seed=st.integers(0, 1000))
def test_it_survives(live: Live, steps: list[Step], seed: int) -> None:
    async def scenario(world: World) -> None:
        life = Life(world)
        life.conn.open()
        for what, how in steps:
            if what == "time passes":
                await asyncio.sleep(how * 4)
            elif what == "a moment":
                for _ in range(int(how * 8)):
                    await asyncio.sleep(0)
            else:
                life.step(what, how)
        await life.end()
        # What a callback raises, an assertion too, goes to on_error.
        assert not any(isinstance(each, AssertionError) for each in life.heard)
        assert life.late == []

    live(scenario, OPTIONS, seed=seed)
