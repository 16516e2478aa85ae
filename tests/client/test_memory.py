"""Channels in memory keep the contract of `pyactor.wire.channel`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar

import pytest
from typing_extensions import override

from pyactor.client._memory import MemoryChannel, channel_pair
from pyactor.wire.channel import Channel

CALLER: ContextVar[str] = ContextVar("CALLER", default="nobody")


class Receiver:
    """Notes what arrives."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.callers: set[str] = set()
        self.lost = asyncio.Event()

    def receive_data(self, data: str | bytes) -> None:
        self.seen.append(data)
        self.callers.add(CALLER.get())

    def receive_close(self, code: int, reason: str) -> None:
        self.seen.append((code, reason))

    def receive_lost(self) -> None:
        self.seen.append("lost")
        self.lost.set()


def attach(channel: Channel, receiver: Receiver, close_timeout: float = 5) -> None:
    channel.attach(receiver, ping_interval=20, ping_timeout=20, close_timeout=close_timeout)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def run(
    scenario: Callable[
        [MemoryChannel, MemoryChannel, Receiver, Receiver], Coroutine[None, None, None]
    ],
) -> tuple[list[object], list[object]]:
    """Run a scenario on an attached pair; what the host's and the client's end received."""

    async def main() -> tuple[list[object], list[object]]:
        host, client = channel_pair()
        at_host, at_client = Receiver(), Receiver()
        attach(host, at_host)
        attach(client, at_client)
        await scenario(host, client, at_host, at_client)
        await settle()
        return at_host.seen, at_client.seen

    return asyncio.run(main())


def test_messages_arrive_in_order_and_never_inside_send() -> None:
    async def scenario(
        host: MemoryChannel, client: MemoryChannel, at_host: Receiver, at_client: Receiver
    ) -> None:
        for number in range(3):
            client.send(str(number))
        host.send(b"answer")
        assert at_host.seen == at_client.seen == []

    assert run(scenario) == (["0", "1", "2"], [b"answer"])


def test_what_arrives_before_attach_is_held_in_order() -> None:
    async def main() -> None:
        host, client = channel_pair()
        client.send("0")
        await settle()
        client.send("1")
        assert client.backlog == 2
        receiver = Receiver()
        attach(host, receiver)
        client.send("2")
        await settle()
        assert receiver.seen == ["0", "1", "2"]
        assert client.backlog == 0

    asyncio.run(main())


@pytest.mark.parametrize("closer", ["host", "client"])
def test_a_close_is_answered_and_then_both_are_lost(closer: str) -> None:
    async def scenario(
        host: MemoryChannel, client: MemoryChannel, at_host: Receiver, at_client: Receiver
    ) -> None:
        one, other = (host, client) if closer == "host" else (client, host)
        one.send("last")
        other.send("too late: the other end closes before it arrives")
        one.close(1000, "done")
        one.close(1001, "again")
        one.send("after close")

    at_host, at_client = run(scenario)
    closing, closed = (at_host, at_client) if closer == "host" else (at_client, at_host)
    assert closing == [(1000, "done"), "lost"]
    assert closed == ["last", (1000, "done"), "lost"]


def test_both_close_at_once() -> None:
    async def scenario(
        host: MemoryChannel, client: MemoryChannel, at_host: Receiver, at_client: Receiver
    ) -> None:
        host.close(1000, "host")
        client.close(1000, "client")

    assert run(scenario) == ([(1000, "client"), "lost"], [(1000, "host"), "lost"])


def test_abort_loses_both_without_a_close() -> None:
    async def scenario(
        host: MemoryChannel, client: MemoryChannel, at_host: Receiver, at_client: Receiver
    ) -> None:
        client.send("sent before")
        client.abort()
        client.send("dropped")
        host.send("dropped")
        client.abort()
        client.close(1000, "")

    assert run(scenario) == (["sent before", "lost"], ["lost"])


def test_an_end_that_nobody_attaches_to_does_not_keep_the_other_open() -> None:
    async def main() -> None:
        _host, client = channel_pair()
        receiver = Receiver()
        attach(client, receiver, close_timeout=0)
        client.close(1000, "")
        await asyncio.wait_for(receiver.lost.wait(), 5)
        assert receiver.seen == ["lost"]

    asyncio.run(main())


def test_a_close_reason_is_cut_at_a_character() -> None:
    async def scenario(
        host: MemoryChannel, client: MemoryChannel, at_host: Receiver, at_client: Receiver
    ) -> None:
        host.close(1000, "ü" * 100)

    _, at_client = run(scenario)
    assert at_client[0] == (1000, "ü" * 61)


def test_a_receiver_that_raises_gets_the_rest_all_the_same() -> None:
    class Broken(Receiver):
        @override
        def receive_data(self, data: str | bytes) -> None:
            super().receive_data(data)
            raise ZeroDivisionError("broken")

    async def main() -> None:
        errors: list[BaseException] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: errors.append(context["exception"])
        )
        host, client = channel_pair()
        broken = Broken()
        attach(host, broken)
        client.send("1")
        client.send("2")
        await settle()
        assert broken.seen == ["1", "2"]
        assert len(errors) == 2

    asyncio.run(main())


def test_deliveries_do_not_carry_the_sender_s_caller_over() -> None:
    async def main() -> None:
        CALLER.set("the client's")
        host, client = channel_pair()
        at_host, at_client = Receiver(), Receiver()
        attach(host, at_host)
        attach(client, at_client)
        CALLER.set("an actor's")
        host.send("event")
        client.send("call")
        await settle()
        assert at_host.callers == {"nobody"}
        assert at_client.callers == {"the client's"}

    asyncio.run(main())


def test_drained_waits_while_the_other_end_is_far_behind() -> None:
    async def main() -> None:
        host, client = channel_pair()
        await client.drained()
        client.send("x" * 60_000)
        await client.drained()  # below the mark nobody waits
        for _ in range(10):
            client.send("x" * 10_000)
        waiting = [asyncio.ensure_future(client.drained()) for _ in range(2)]
        await settle()
        assert not any(waiter.done() for waiter in waiting)
        receiver = Receiver()
        attach(host, receiver)
        await asyncio.wait(waiting)
        assert client.backlog <= 16 * 1024
        client.send("x" * 100_000)
        again = asyncio.ensure_future(client.drained())
        await asyncio.sleep(0)
        await settle()
        assert again.done()

    asyncio.run(main())


@pytest.mark.parametrize("how", ["close", "abort", "other closes", "other aborts"])
def test_drained_waits_for_no_channel_that_is_closing_or_gone(how: str) -> None:
    async def main() -> None:
        host, client = channel_pair()
        attach(host, Receiver())
        client.send("x" * 100_000)
        await settle()
        host.send("x" * 100_000)  # the client's end has nobody who takes it
        waiting = asyncio.ensure_future(host.drained())
        await settle()
        assert not waiting.done()
        if how == "close":
            host.close(1000, "")
        elif how == "abort":
            host.abort()
        elif how == "other closes":
            client.close(1000, "")
        else:
            client.abort()
        await asyncio.wait_for(waiting, 5)
        await asyncio.wait_for(host.drained(), 5)
        client.abort()
        await settle()

    asyncio.run(main())


def test_a_paused_end_delivers_nothing_until_it_goes_on() -> None:
    async def main() -> None:
        host, client = channel_pair()
        at_host = Receiver()
        attach(host, at_host)
        for each in "abc":
            client.send(each)
        host.pause()
        await settle()
        assert at_host.seen == []
        host.resume()
        await settle()
        assert at_host.seen == ["a", "b", "c"]
        host.pause()
        for _ in range(10):
            client.send("x" * 10_000)
        waiting = asyncio.ensure_future(client.drained())
        await settle()
        assert not waiting.done()
        host.resume()
        await asyncio.wait_for(waiting, 5)
        client.abort()
        await settle()

    asyncio.run(main())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_one_that_is_paused_ends_all_the_same(how: str) -> None:
    async def main() -> None:
        host, client = channel_pair()
        at_host, at_client = Receiver(), Receiver()
        attach(host, at_host)
        attach(client, at_client)
        client.send("a")
        host.pause()
        await settle()
        if how == "close":
            host.close(1000, "enough")
        else:
            host.abort()
        await settle()
        assert at_host.seen[-1:] == ["lost"]
        assert "a" not in at_host.seen
        assert at_client.seen[-1] == "lost"

    asyncio.run(main())
