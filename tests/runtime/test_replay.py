"""Broadcasts that are kept and replayed, and subscriptions that are acknowledged: C5, C13, C16."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pyactor.definition import Actor, ActorOptions, AnyEvent, Conn, Event, action, hook
from pyactor.errors import OutgoingTooLong
from pyactor.wire.messages import (
    Error,
    ExtendedInit,
    Init,
    NumberedEvent,
    Position,
    Subscribed,
)
from pyactor.wire.messages import (
    Event as PlainEvent,
)

Play = Callable[..., None]


class News(
    Actor[None],
    name="news",
    options=ActorOptions(max_outgoing_backlog=2000, max_outgoing_message=600),
):
    told = Event[str](replay=3)
    other = Event[Any]("other", replay=3)
    closed = Event[None]()

    @action
    def tell(self, *texts: str) -> None:
        for text in texts:
            self.told.broadcast(text)

    @action
    def tell_me(self, text: str) -> None:
        self.conn.send(News.told, text)

    @action
    def tell_other(self, value: Any) -> None:
        self.other.broadcast(value)
        if isinstance(value, list):
            value.append("afterwards")


def told(peer: Any, begin: int = 0) -> list[Any]:
    """What of the extension reached it, and events: short."""
    short: list[Any] = []
    for message in peer.received[begin:]:
        match message:
            case NumberedEvent(_, [payload], sequence):
                short.append((sequence, payload))
            case PlainEvent(_, [payload]):
                short.append(payload)
            case Subscribed(_, position):
                short.append(position and position.sequence)
            case Error():
                short.append(f"{message.group}.{message.code}")
    return short


def epoch_of(peer: Any) -> str:
    epochs = [m.position.epoch for m in peer.received if isinstance(m, Subscribed) and m.position]
    return epochs[0]


async def gone(stage: Any) -> tuple[Any, Position]:
    """One that stays, and the position of one that heard nothing and has gone."""
    stays, goes = await stage.peer(), await stage.peer(is_extended=True)
    goes.follow("told")
    await stage.settle()
    position = Position(epoch_of(goes), 0)
    assert told(goes) == [0]
    goes.drop()
    return stays, position


def test_others_see_the_plain_protocol(play: Play) -> None:
    """Their bytes are those of the codec's golden tests: only the types of messages matter here."""

    async def scene(stage: Any) -> None:
        plain, extended = await stage.peer(), await stage.peer(is_extended=True)
        assert [type(each) for each in plain.received] == [Init]
        assert [type(each) for each in extended.received] == [ExtendedInit]
        plain.subscribe("told")
        extended.follow("told")
        plain.call("tell", "1", "2")
        await stage.settle()
        assert told(plain) == ["1", "2"]
        assert told(extended) == [0, (1, "1"), (2, "2")]

    play(News, scene)


class Bulky(Actor[None], name="bulky", options=ActorOptions(max_replay_size=1000)):
    told = Event[Any](replay=100)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("x" * 300, 3),
        (b"x" * 300, 3),
        ({"x" * 280}, 3),
        ("\u00e9" * 150, 3),
        (["x" * 80] * 3, 3),
        ({"x" * 150: "x" * 130}, 3),
        ("x" * 470, 2),
        ("x" * 900, 1),
        ("x" * 1000, 0),
        (list(range(110)), 1),
        (2**1600, 4),
        (True, 6),
    ],
)
def test_of_large_ones_no_more_is_kept_than_fits(play: Play, value: Any, kept: int) -> None:
    """And whoever comes back is told how many are lost: a gap."""

    async def scene(stage: Any) -> None:
        stays, position = await gone(stage)
        for _ in range(6):
            stage.instance.actor.told.broadcast(value)
        back = await stage.peer(is_extended=True)
        begin = len(back.received)
        back.follow("told", position)
        assert told(back, begin) == [6 - kept, *[(n, value) for n in range(7 - kept, 7)]]
        stays.drop()

    play(Bulky, scene)


def test_whoever_comes_for_the_first_time_gets_nothing_old(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer(is_extended=True)
        peer.call("tell", "1", "2")
        await stage.settle()
        first = peer.follow("told")
        peer.follow("closed")
        peer.call("tell", "3")
        await stage.settle()
        assert told(peer) == [2, None, (3, "3")]
        assert peer.received[2] == Subscribed(first, Position(epoch_of(peer), 2))

    play(News, scene)


@pytest.mark.parametrize(
    ("count", "replayed"),
    [
        (0, [0]),
        (1, [0, (1, "1")]),
        (3, [0, (1, "1"), (2, "2"), (3, "3")]),
        (4, [1, (2, "2"), (3, "3"), (4, "4")]),
        (9, [6, (7, "7"), (8, "8"), (9, "9")]),
    ],
)
def test_what_was_missed_comes_before_what_follows(
    play: Play, count: int, replayed: list[Any]
) -> None:
    """In the same turn, as far as the buffer reaches, though none had come before the drop."""

    async def scene(stage: Any) -> None:
        stays, position = await gone(stage)
        stays.call("tell", *map(str, range(1, count + 1)))
        await stage.settle()
        back = await stage.peer(is_extended=True)
        begin = len(back.received)
        back.follow("told", position)
        back.call("tell", "next")
        assert told(back, begin) == [*replayed, (count + 1, "next")]

    play(News, scene)


def test_another_life_knows_nothing_of_a_position(play: Play) -> None:
    async def scene(stage: Any) -> None:
        stays, position = await gone(stage)
        stays.call("tell", "1")
        await stage.settle()
        stage.restart()
        back = await stage.peer(is_extended=True)
        back.call("tell", "new")
        back.follow("told", position)
        await stage.settle()
        assert told(back) == [0, (1, "new")]
        assert epoch_of(back) != position.epoch

    play(News, scene)


def test_what_was_sent_to_one_alone_is_not_replayed(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer(is_extended=True)
        peer.follow("told")
        peer.call("tell_me", "you alone")
        peer.call("tell", "all")
        await stage.settle()
        assert told(peer) == [0, "you alone", (1, "all")]
        peer.drop()
        back = await stage.peer(is_extended=True)
        back.follow("told", Position(epoch_of(peer), 0))
        await stage.settle()
        assert told(back) == [0, (1, "all")]

    play(News, scene)


def test_a_replay_leaves_room_for_what_follows(play: Play) -> None:
    """C16: the latest that fit; a connection that failed by its replay would come back for it."""

    async def scene(stage: Any) -> None:
        stays, position = await gone(stage)
        stays.call("tell", *(letter * 400 for letter in "abc"))
        await stage.settle()
        back = await stage.peer(is_extended=True)
        back.is_slow = True
        back.follow("told", position)
        back.follow("told", position)
        await stage.settle()
        # Half of 2000 bytes; then half of what is left.
        assert [each if isinstance(each, int) else each[0] for each in told(back)] == [1, 2, 3, 3]
        assert back.closed is None

    play(News, scene)


def test_what_cannot_be_sent_to_it_is_left_out(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        await stage.peer()  # nobody is subscribed whom a bad broadcast could fail
        actor = stage.instance.actor
        for payload in ("before", "x" * 700, "after"):
            actor.other.broadcast(payload)
        back = await stage.peer(is_extended=True)
        back.follow("other", Position("of another life", 0))
        await stage.settle()
        assert told(back) == [2, (3, "after")]
        with pytest.raises(OutgoingTooLong):
            actor.other.broadcast("x" * 700)
        assert caplog.text == ""
        back.drop()
        actor.other.broadcast(object())
        actor.other.broadcast("last")
        later = await stage.peer(is_extended=True)
        later.follow("other", Position("of another life", 0))
        await stage.settle()
        assert told(later) == [5, (6, "last")]
        assert "event 'other' cannot be replayed" in caplog.text

    play(News, scene)


def test_what_is_kept_does_not_change_with_what_was_broadcast(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.call("tell_other", [{"a": [1]}])
        peer.call("tell_other", {"a": {1, 2}})
        await stage.settle()
        back = await stage.peer(is_extended=True)
        back.follow("other", Position("of another life", 0))
        await stage.settle()
        assert told(back) == [0, (1, [{"a": [1]}]), (2, {"a": {1, 2}})]

    play(News, scene)


def test_one_encoding_serves_all(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Live or replayed, a numbered broadcast is encoded once."""

    async def scene(stage: Any) -> None:
        peers = [await stage.peer(is_extended=True) for _ in range(3)]
        for peer in peers:
            peer.follow("told")
        await stage.settle()
        codec = stage.instance.drivers[next(iter(stage.instance.drivers))]._codec
        encoded: list[object] = []
        encode = type(codec).encode_to_client

        def counting(self: Any, message: Any, version: int) -> Any:
            encoded.append(message)
            return encode(self, message, version)

        monkeypatch.setattr(type(codec), "encode_to_client", counting)
        stage.instance.actor.told.broadcast("hi")
        for _ in range(2):
            back = await stage.peer(is_extended=True)
            back.follow("told", Position(epoch_of(peers[0]), 0))
            await stage.settle()
            assert told(back) == [0, (1, "hi")]
        assert [each for each in encoded if isinstance(each, NumberedEvent | PlainEvent)] == [
            NumberedEvent("told", ["hi"], 1)
        ]

    play(News, scene)


class Guarded(Actor[None], name="guarded"):
    told = Event[str](replay=3)

    def __init__(self) -> None:
        self.verdict: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    @hook
    async def can_subscribe(self, conn: Conn, event: AnyEvent) -> bool:
        return await self.verdict


@pytest.mark.parametrize("verdict", [True, False])
def test_can_subscribe_decides_before_anything_is_replayed(play: Play, verdict: bool) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer(is_extended=True)
        actor = stage.instance.actor
        actor.told.broadcast("old")
        request = peer.follow("told", Position("of another life", 0))
        await stage.settle()
        actor.told.broadcast("meanwhile")
        assert told(peer) == []
        actor.verdict.set_result(verdict)
        await stage.settle()
        actor.told.broadcast("new")
        if verdict:
            assert told(peer) == [0, (1, "old"), (2, "meanwhile"), (3, "new")]
        else:
            assert told(peer) == ["auth.forbidden"]
            assert peer.answer(request).code == "forbidden"

    play(Guarded, scene)


def test_an_event_that_is_none_is_refused_by_its_request(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer(is_extended=True)
        request = peer.follow("nope")
        await stage.settle()
        assert peer.answer(request).code == "not_found"
        assert peer.errors == []

    play(News, scene)


def test_an_end_in_the_midst_of_a_replay_ends_it(play: Play) -> None:
    """What a connection gets after its end would be a bug that this peer lets through."""

    async def scene(stage: Any) -> None:
        stays, position = await gone(stage)
        stays.call("tell", "1", "2", "3")
        await stage.settle()
        back = await stage.peer(is_extended=True)
        back.is_slow, back.backlog = True, 3000
        back.follow("told", position)
        await stage.settle()
        assert told(back) == [3]
        assert back.closed == (1011, "message.outgoing_backlog")

    play(News, scene)
