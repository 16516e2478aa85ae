"""Who wants which event: order, failures, tasks, and when a subscription begins and ends."""

from __future__ import annotations

import asyncio
import logging

import pytest

from pyactor.client._callbacks import Callbacks


async def others() -> None:
    """Wait until this is the only task."""
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})


class Seen(list[object]):
    """A callback that notes its payload."""

    def __call__(self, *payload: object) -> None:
        self.append(payload[0] if payload else "nothing")


def test_first_and_last_callback_are_told() -> None:
    callbacks = Callbacks()
    one, two = Seen(), Seen([2])
    assert callbacks.add("e", one, is_once=False)
    assert not callbacks.add("e", two, is_once=False)
    assert callbacks.add("f", one, is_once=False)
    assert list(callbacks.names) == ["e", "f"]
    assert not callbacks.remove("e", one)
    assert callbacks.remove("e", two)
    assert list(callbacks.names) == ["f"]


def test_removing_what_is_not_there_is_nothing() -> None:
    callbacks = Callbacks()
    assert not callbacks.remove("e", print)
    callbacks.add("e", Seen(), is_once=False)
    assert not callbacks.remove("e", print)


def test_callbacks_run_in_order_with_the_payload() -> None:
    callbacks, order = Callbacks(), list[tuple[str, object]]()
    callbacks.add("e", lambda p: order.append(("first", p)), is_once=False)
    callbacks.add("e", lambda p: order.append(("second", p)), is_once=False)
    assert not callbacks.run("e", (1,))
    assert not callbacks.run("unheard", (2,))
    assert order == [("first", 1), ("second", 1)]


def test_once_runs_once_and_ends_the_subscription() -> None:
    callbacks, seen = Callbacks(), Seen()
    callbacks.add("e", seen, is_once=True)
    assert callbacks.run("e", (1,))
    assert not callbacks.run("e", (2,))
    assert seen == [1]


def test_a_callback_removed_by_an_earlier_one_is_not_called() -> None:
    callbacks, seen = Callbacks(), Seen()
    callbacks.add("e", lambda: callbacks.remove("e", seen), is_once=False)
    callbacks.add("e", seen, is_once=False)
    callbacks.run("e", ())
    assert seen == []


def test_a_callback_for_once_that_registers_itself_again_keeps_the_subscription() -> None:
    callbacks, calls = Callbacks(), list[int]()

    def again(number: int) -> None:
        calls.append(number)
        assert not callbacks.add("e", again, is_once=True)

    callbacks.add("e", again, is_once=True)
    assert not callbacks.run("e", (1,))
    assert not callbacks.run("e", (2,))
    assert calls == [1, 2]


def test_a_callback_that_raises_is_logged_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    callbacks, seen = Callbacks(), Seen()

    def broken(_: object) -> None:
        raise ZeroDivisionError("broken")

    callbacks.add("e", broken, is_once=False)
    callbacks.add("e", seen, is_once=False)
    with caplog.at_level(logging.ERROR, "pyactor.client"):
        callbacks.run("e", (1,))
    assert seen == [1]
    assert [record.getMessage() for record in caplog.records] == ["a callback of event 'e' raised"]


def test_async_callbacks_begin_in_order_and_their_failures_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    order: list[object] = []

    async def main() -> None:
        callbacks = Callbacks()

        async def note(payload: object) -> None:
            order.append(payload)
            if payload == 2:
                raise ZeroDivisionError("broken")

        callbacks.add("e", note, is_once=False)
        for number in (1, 2, 3):
            callbacks.run("e", (number,))
        await others()
        await callbacks.cancel()

    with caplog.at_level(logging.ERROR, "pyactor.client"):
        asyncio.run(main())
    assert order == [1, 2, 3]
    assert len(caplog.records) == 1


def test_cancel_ends_what_runs_but_not_the_one_that_asks() -> None:
    ended: list[str] = []

    async def main() -> None:
        callbacks = Callbacks()

        async def hang() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                ended.append("hang")

        async def ask() -> None:
            await callbacks.cancel()
            ended.append("ask")

        callbacks.add("e", hang, is_once=False)
        callbacks.add("e", ask, is_once=False)
        callbacks.run("e", ())
        await others()

    asyncio.run(main())
    assert ended == ["hang", "ask"]
