"""Who may hear an event: ``can_subscribe``, C5, C8, C11."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define

from pyactor.definition import Actor, ActorOptions, AnyEvent, Conn, Event, action, hook
from pyactor.errors import UserError
from pyactor.wire import messages

Play = Callable[..., None]


@define
class JoinParams:
    role: str = "guest"


class NotNow(UserError):
    code = "not_now"


class Room(
    Actor[None, None, JoinParams],
    name="room",
    wire_case="camel",
    errors=(NotNow,),
    options=ActorOptions(can_subscribe_timeout=3),
):
    message_posted = Event[str]()
    admin_log = Event[str]()

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bool]] = []
        self.verdict: Any = None
        self.go_on = asyncio.Event()
        self.go_on.set()

    @hook
    async def can_subscribe(self, conn: Conn[None, JoinParams], event: AnyEvent) -> bool:
        self.asked.append((conn.id, event.attr, conn is self.conn))
        await self.go_on.wait()
        if isinstance(self.verdict, Exception):
            raise self.verdict
        if self.verdict is not None:
            answer: bool = self.verdict
            return answer
        return event == Room.message_posted or conn.params.role == "admin"

    @action
    def tell(self, text: str) -> None:
        self.message_posted.broadcast(text)
        self.admin_log.broadcast(text)


def refusals(peer: Any) -> list[messages.Error]:
    return [each for each in peer.received if isinstance(each, messages.Error)]


def test_it_decides_event_by_event_and_connection_by_connection(play: Play) -> None:
    async def scene(stage: Any) -> None:
        ann, bob = await stage.peer(params={"role": "admin"}), await stage.peer()
        for peer in (ann, bob):
            peer.subscribe("adminLog")
            peer.subscribe("messagePosted")
            await stage.settle()
        ann.call("tell", "hi")
        await stage.settle()
        assert ann.events == [("messagePosted", ["hi"]), ("adminLog", ["hi"])]
        assert bob.events == [("messagePosted", ["hi"])]
        assert ann.errors == []
        assert bob.errors == ["auth.forbidden"]
        [refusal] = refusals(bob)
        assert refusal.message == "This client may not subscribe to event 'adminLog'"
        assert refusal.action_id is None
        assert bob.closed is None
        assert stage.instance.actor.asked == [
            (peer.conn_id, name, True)
            for peer in (ann, bob)
            for name in ("admin_log", "message_posted")
        ]

    play(Room, scene)


def test_an_action_sent_after_a_subscription_finds_it_in_effect(play: Play) -> None:
    """C5: also where the hook takes its time; what was sent before it does not wait."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        room = stage.instance.actor
        room.go_on.clear()
        before = peer.call("tell", "early")
        peer.subscribe("messagePosted")
        after = peer.call("tell", "late")
        await stage.settle()
        assert peer.answer(before) is None
        with pytest.raises(AssertionError):
            peer.answer(after)
        room.go_on.set()
        await stage.settle()
        assert peer.answer(after) is None
        assert peer.events == [("messagePosted", ["late"])]

    play(Room, scene)


def test_nobody_else_waits_for_the_verdict(play: Play) -> None:
    async def scene(stage: Any) -> None:
        ann, bob = await stage.peer(), await stage.peer()
        stage.instance.actor.go_on.clear()
        ann.subscribe("messagePosted")
        called = bob.call("tell", "hi")
        await stage.settle()
        assert bob.answer(called) is None
        stage.instance.actor.go_on.set()

    play(Room, scene)


def test_an_unknown_event_is_refused_unasked(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.subscribe("nope")
        called = peer.call("tell", "hi")
        await stage.settle()
        assert peer.errors == ["event.not_found"]
        [refusal] = refusals(peer)
        assert refusal.message == ("room has no event 'nope' (events: messagePosted, adminLog)")
        assert peer.answer(called) is None
        assert stage.instance.actor.asked == []

    play(Room, scene)


@pytest.mark.parametrize(
    ("verdict", "code", "message"),
    [
        (NotNow("later"), "user.not_now", "later"),
        (RuntimeError("secret"), "core.internal_error", "An internal error occurred"),
        (1, "core.internal_error", "An internal error occurred"),
        ("no", "core.internal_error", "An internal error occurred"),
    ],
    ids=["user error", "bug", "number", "text"],
)
def test_whatever_it_gives_the_connection_goes_on(
    play: Play, caplog: pytest.LogCaptureFixture, verdict: Any, code: str, message: str
) -> None:
    """C8: a client reads what is public; the rest is logged."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        stage.instance.actor.verdict = verdict
        peer.subscribe("messagePosted")
        called = peer.call("tell", "hi")
        await stage.settle()
        [refusal] = refusals(peer)
        assert (f"{refusal.group}.{refusal.code}", refusal.message) == (code, message)
        assert peer.answer(called) is None
        assert (peer.events, peer.closed) == ([], None)

    with caplog.at_level(logging.ERROR):
        play(Room, scene)
    logged = [record.exc_info for record in caplog.records]
    if isinstance(verdict, UserError):
        assert logged == []
    else:
        [info] = logged
        assert info is not None
        expected = (
            f"hook 'can_subscribe' returned {type(verdict).__name__}, expected bool"
            if not isinstance(verdict, Exception)
            else "secret"
        )
        assert str(info[1]) == expected
        assert "hook 'can_subscribe' of connection" in caplog.text


def test_it_is_cancelled_at_its_timeout(play: Play) -> None:
    """C11: the subscription is refused, and the connection goes on."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        stage.instance.actor.go_on.clear()
        began = stage.time
        peer.subscribe("messagePosted")
        called = peer.call("tell", "hi")
        await asyncio.sleep(2.9)
        assert peer.errors == []
        await asyncio.sleep(0.2)
        assert stage.time - began == pytest.approx(3.1, abs=0.01)
        assert peer.errors == ["actor.callback_timed_out"]
        assert refusals(peer)[0].message == "hook 'can_subscribe' ran longer than 3 s"
        assert peer.answer(called) is None
        assert peer.closed is None

    play(Room, scene)


def test_a_verdict_after_the_connection_left_is_dropped(play: Play) -> None:
    """C6: it survives the disconnect as an action does, and on_disconnect does not wait for it."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        room = stage.instance.actor
        room.go_on.clear()
        peer.subscribe("messagePosted")
        await stage.settle()
        peer.leave()
        await stage.settle()
        assert room.conns == {}
        assert stage.instance.drivers == {}
        room.go_on.set()
        await stage.settle()
        assert refusals(peer) == []
        assert len(room.asked) == 1

    play(Room, scene)


def test_what_waits_for_the_verdict_is_bounded(play: Play) -> None:
    """C16."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        stage.instance.actor.go_on.clear()
        peer.subscribe("messagePosted")
        await stage.settle()
        for _ in range(ActorOptions().max_held_messages + 1):
            peer.call("tell", "hi")
        await stage.settle()
        assert peer.closed == (1011, "message.incoming_backlog")
        stage.instance.actor.go_on.set()

    play(Room, scene)


class Sync(Actor[None], name="sync"):
    posted = Event[str]()
    left = Event[None]()

    @hook
    async def on_connect(self, conn: Conn) -> None:
        await asyncio.sleep(1)

    @hook
    def can_subscribe(self, conn: Conn, event: AnyEvent) -> bool:
        return event in {Sync.posted}  # noqa: FURB171 - refs may be kept in sets

    @action
    def tell(self) -> None:
        self.posted.broadcast("hi")
        self.left.broadcast()


def test_held_subscriptions_are_asked_about_in_their_turn(play: Play) -> None:
    """C5: and a hook need not be async."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.subscribe("posted")
        peer.subscribe("left")
        called = peer.call("tell")
        await asyncio.sleep(1.1)
        assert peer.answer(called) is None
        assert peer.events == [("posted", ["hi"])]
        assert peer.errors == ["auth.forbidden"]

    play(Sync, scene)


def test_a_stop_while_it_runs_ends_the_connection(play: Play) -> None:
    """C15: and what is asked from then on is not asked of the actor."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        room = stage.instance.actor
        room.go_on.clear()
        peer.subscribe("messagePosted")
        await stage.settle()
        stopping = asyncio.ensure_future(stage.host.stop())
        await stage.settle()
        assert peer.closed == (1001, "ws.going_away")
        room.go_on.set()
        await stopping
        assert len(room.asked) == 1

    play(Room, scene)


class Sleepy(Actor[None], name="sleepy"):
    posted = Event[str]()
    asked = 0

    @hook
    async def on_sleep(self) -> None:
        await asyncio.sleep(1)

    @hook
    def can_subscribe(self, conn: Conn, event: AnyEvent) -> bool:
        type(self).asked += 1
        return True


def test_a_stopping_actor_is_not_asked(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        stopping = asyncio.ensure_future(stage.host.stop())
        await stage.settle()
        was_open = peer.closed is None
        peer.subscribe("posted")
        await stopping
        assert was_open
        assert Sleepy.asked == 0
        assert peer.closed == (1001, "ws.going_away")

    play(Sleepy, scene)
