"""Actions that are not async: they run as their message is read, in order, never inside others."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field

from pyactor import Actor, ActorOptions, Conn, Event, action, hook
from pyactor.wire import messages

Play = Callable[..., None]


KEPT: list[weakref.ref[asyncio.Task[Any]]] = []
"""The tasks of calls, for a test to see that they are gone."""


@define
class Log:
    lines: list[str] = field(factory=list)


class Desk(Actor[Log], options=ActorOptions(action_timeout=1)):
    """Writes down what runs when."""

    told = Event[str]()

    @hook
    async def on_connect(self, conn: Conn[None, None]) -> None:
        await asyncio.sleep(1)

    @hook
    def on_disconnect(self, conn: Conn[None, None]) -> None:
        self.state.lines.append("on_disconnect")

    @action
    def note(self, line: str) -> str:
        self.state.lines.append(line)
        return line

    @action
    def stop(self, how: str) -> str:
        self.destroy() if how == "destroy" else self.sleep()
        return "bye"

    @action
    async def note_later(self, line: str) -> str:
        self.state.lines.append(line)
        return line

    @action
    async def note_and_keep(self, text: str) -> str:
        task = asyncio.current_task()
        assert task is not None
        KEPT.append(weakref.ref(task))
        return text

    @action
    def handed_on(self, seconds: float) -> Any:
        """Written without async, and yet what it returns is awaited."""
        self.state.lines.append(f"begins for {len(self.conn.id)}")
        return self._wait(seconds)

    async def _wait(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return f"ends for {len(self.conn.id)}"

    @action
    def tell_twice(self) -> str:
        self.told.broadcast("one")
        self.told.broadcast("two")
        return "told"

    @action
    def drop_all(self) -> None:
        for conn in list(self.conns.values()):
            conn.disconnect()
        self.state.lines.append(f"{len(self.conns)} left")

    @action
    def give_up(self) -> None:
        raise asyncio.CancelledError

    @action
    def leave_at_once(self) -> None:
        raise SystemExit(3)


async def open_peer(stage: Any) -> Any:
    peer = await stage.peer()
    await asyncio.sleep(1)
    assert peer.is_init
    return peer


def test_it_is_answered_before_the_loop_goes_on(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await open_peer(stage)
        assert peer.answer(peer.call("note", "a")) == "a"

    play(Desk, scene)


def test_it_does_not_overtake_an_async_one_that_has_not_begun(play: Play) -> None:
    """C6: all of these arrive in one piece, then another one follows."""

    async def scene(stage: Any) -> None:
        peer = await open_peer(stage)
        peer.call("note", "a")
        peer.call("note_later", "b")
        peer.call("note", "c")
        peer.call("note_later", "d")
        await stage.settle()
        assert stage.instance.state.lines == ["a", "b", "c", "d"]
        assert peer.answer(peer.call("note", "e")) == "e"

    play(Desk, scene)


def test_nothing_is_kept_of_an_async_one_that_is_over(play: Play) -> None:
    """Neither its task nor what it returned, on a connection that then does nothing for long."""

    async def scene(stage: Any) -> None:
        KEPT.clear()
        peer = await open_peer(stage)
        call = peer.call("note_and_keep", "a")
        await stage.settle()
        assert peer.answer(call) == "a"
        gc.collect()
        assert KEPT[0]() is None

    play(Desk, scene)


def test_held_ones_start_in_order_once_it_is_open(play: Play) -> None:
    """C5, C6."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        for line in "abc":
            peer.call("note" if line != "b" else "note_later", line)
        await stage.settle()
        assert stage.instance.state.lines == []
        await asyncio.sleep(1)
        assert stage.instance.state.lines == ["a", "b", "c"]

    play(Desk, scene)


def test_none_starts_after_one_that_ended_their_connection(play: Play) -> None:
    """C5: they were held together, and are dispatched together."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        peer.call("drop_all")
        peer.call("note", "too late")
        await asyncio.sleep(2)
        assert stage.instance.state.lines == ["0 left", "on_disconnect"]

    play(Desk, scene)


@pytest.mark.parametrize("how", ["sleep", "destroy"])
def test_none_starts_after_one_that_ended_their_actor(play: Play, how: str) -> None:
    """Both came in one piece; the stop begins once the first is over, and that is now."""

    async def scene(stage: Any) -> None:
        peer = await open_peer(stage)
        old = stage.instance
        stop, _ = peer.call("stop", how), peer.call("note", "too late")
        assert peer.answer(stop) == "bye"
        assert old.state.lines == []
        await stage.settle()
        assert old.state.lines == ["on_disconnect"]
        assert peer.closed == (1001, "ws.going_away")

    play(Desk, scene)


def test_no_hook_runs_inside_it(play: Play) -> None:
    """C9: a disconnect begins at once, and on_disconnect when the code that asked is done."""

    async def scene(stage: Any) -> None:
        peer, other = await open_peer(stage), await open_peer(stage)
        peer.call("drop_all")
        assert (peer.closed, other.closed) == ((1000, ""), (1000, ""))
        assert stage.instance.state.lines == ["0 left"]
        await stage.settle()
        assert stage.instance.state.lines == ["0 left", "on_disconnect", "on_disconnect"]

    play(Desk, scene)


def test_its_events_go_out_before_its_answer(play: Play) -> None:
    """C13: also to the connection that calls."""

    async def scene(stage: Any) -> None:
        peer = await open_peer(stage)
        peer.subscribe("told")
        peer.call("tell_twice")
        told = peer.received[1:]
        assert [m.args[0] if isinstance(m, messages.Event) else m.output for m in told] == [
            "one",
            "two",
            "told",
        ]

    play(Desk, scene)


def test_what_it_returns_to_be_awaited_goes_on_as_a_call(play: Play) -> None:
    """With its caller, and under its timeout (C11)."""

    async def scene(stage: Any) -> None:
        peer = await open_peer(stage)
        first, second = peer.call("handed_on", 0.5), peer.call("handed_on", 5)
        assert stage.instance.state.lines == ["begins for 32"] * 2
        await asyncio.sleep(0.6)
        assert peer.answer(first) == "ends for 32"
        await asyncio.sleep(0.6)
        assert peer.answer(second).code == "timed_out"

    play(Desk, scene)


def test_a_cancellation_that_it_raises_is_an_error_of_its_own(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        peer = await open_peer(stage)
        assert peer.answer(peer.call("give_up")).code == "internal_error"
        assert peer.answer(peer.call("note", "a")) == "a"

    with caplog.at_level(logging.ERROR):
        play(Desk, scene)
    assert "action 'give_up'" in caplog.text


def test_an_exit_ends_the_loop_as_it_would_from_a_task(play: Play) -> None:
    """Never out of the transport that brought the message: some keep it to themselves."""
    answers: list[object] = []

    async def scene(stage: Any) -> None:
        peer = await open_peer(stage)
        exits, note = peer.call("leave_at_once"), peer.call("note", "a")
        answers.extend((peer.answer(exits).code, peer.answer(note)))
        await asyncio.sleep(1)
        pytest.fail("the loop goes on")

    with pytest.raises(SystemExit):
        play(Desk, scene)
    assert answers == ["internal_error", "a"]


class Watched(Actor[Log]):
    @hook
    def on_state_change(self, state: Log) -> None:
        raise asyncio.CancelledError

    @action
    def note(self, line: str) -> str:
        self.state.lines.append(line)
        return line


def test_a_cancellation_of_on_state_change_is_an_error_of_its_own(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """A7: its call is answered, and over."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        await stage.settle()
        assert peer.answer(peer.call("note", "a")) == "a"

    with caplog.at_level(logging.ERROR):
        play(Watched, scene)
    assert "hook 'on_state_change' failed" in caplog.text


class Leaving(Actor[Log]):
    @hook
    def on_state_change(self, state: Log) -> None:
        raise SystemExit(3)

    @action
    def note(self, line: str) -> str:
        self.state.lines.append(line)
        return line


def test_an_exit_of_on_state_change_ends_the_loop_too(play: Play) -> None:
    """The call that it is behind is answered: what the hook raises is not its call's fault (A7)."""
    answers: list[object] = []

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        await stage.settle()
        answers.append(peer.answer(peer.call("note", "a")))
        await asyncio.sleep(1)
        pytest.fail("the loop goes on")

    with pytest.raises(SystemExit):
        play(Leaving, scene)
    assert answers == ["a"]
