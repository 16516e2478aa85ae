"""Clients that flood, never read or vanish, over real sockets (C4-C7, C16)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyactor.runtime._driver import ConnectionDriver
    from tests.end_to_end.conftest import Play, Stage

HOOKS = ["on_before_connect", "create_conn_state", "on_connect", "on_disconnect"]
UPGRADE = (
    b"GET /gateway/room/connect?rvt-method=getOrCreate&rvt-key=a HTTP/1.1\r\nHost: x\r\n"
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


# ------------------------------------------------------------------ floods


@pytest.mark.parametrize("hook", HOOKS[:3])
def test_what_comes_before_init_is_held_and_answered_in_order(play: Play, hook: str) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.open(f"wait {hook}")
        await stage.actor.entered.wait()
        for number in range(8):
            await socket.call("act", "", id=number)
        await (await socket.ping())  # its pong says that the host has read what came before
        assert "act" not in stage.actor.ran
        stage.actor.go_on.set()
        await socket.init()
        answers = [await socket.message() for _ in range(8)]
        assert [each["val"]["id"][1] for each in answers] == [str(n) for n in range(8)]

    play(scenario)


@pytest.mark.parametrize(("count", "size"), [(65, 1), (5, 60_000)])
def test_a_flood_before_init_is_bounded_in_number_and_size(
    play: Play, count: int, size: int
) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.open("wait on_connect")
        await stage.actor.entered.wait()
        for number in range(count):
            await socket.call("echo", "x" * size, id=number)
        await stage.until(lambda: drivers(stage)[0].session.end is not None)
        stage.actor.go_on.set()  # the end was remembered until on_connect returned (C7)
        assert await socket.until_closed() == ([], 1011, "message.incoming_backlog")

    play(scenario)


def test_a_flood_of_calls_under_way_is_bounded(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.joined()
        for number in range(9):
            await socket.call("act", "wait act", id=number)
        assert await socket.until_closed() == ([], 1011, "message.incoming_backlog")
        stage.actor.go_on.set()
        # What was under way survives (C6); only its answers have nobody to go to.
        await stage.until(lambda: stage.actor.ran.count("act") == 8)

    play(scenario)


# ------------------------------------------------------------------ never reads


def test_a_client_that_never_reads_is_closed_and_nobody_waits_for_it(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        reader = await stage.joined()
        await reader.subscribe("filled")
        slow = await stage.open(max_queue=1)
        slow_id = await slow.init()
        await slow.subscribe("filled")
        # After this answer both subscriptions are known.
        await slow.call("echo", "ready")
        assert await slow.output() == "ready"
        sent = 0
        while slow_id in stage.instance.conns:
            sent += 1
            stage.actor.filled.broadcast(f"{sent:06}" + "x" * 200_000)
            # The other receiver has each at once, however far behind the slow one is.
            event = await reader.message()
            assert int(event["val"]["args"][0][:6]) == sent
        events, code, reason = await slow.until_closed()
        assert (code, reason) == (1011, "message.outgoing_backlog")
        assert [int(e["val"]["args"][0][:6]) for e in events] == list(range(1, len(events) + 1))

    play(scenario)


def test_a_client_that_reads_not_even_the_close_is_dropped(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        slow = await stage.open(max_queue=1)
        slow_id = await slow.init()
        await slow.subscribe("filled")
        await slow.call("echo", "ready")
        assert await slow.output() == "ready"
        while slow_id in stage.instance.conns:
            stage.actor.filled.broadcast("x" * 200_000)
            await asyncio.sleep(0)
        await stage.until(lambda: len(stage.instance.drivers) == 1)  # by close_timeout

    play(scenario, hasty=True)


# ------------------------------------------------------------------ vanishes


@pytest.mark.parametrize(
    ("hook", "ran"),
    [
        ("on_before_connect", HOOKS[:1]),
        ("create_conn_state", HOOKS[:2]),
        ("on_connect", HOOKS),
    ],
)
def test_a_client_that_vanishes_while_it_connects(play: Play, hook: str, ran: list[str]) -> None:
    async def scenario(stage: Stage) -> None:
        before = len(stage.actor.ran)
        socket = await stage.open(f"wait {hook}")
        await stage.actor.entered.wait()
        socket.transport.abort()
        (driver,) = drivers(stage)
        await stage.until(lambda: driver.session.end is not None)
        assert driver.session.running is not None  # the hook is not cancelled (C7)
        stage.actor.go_on.set()
        await driver.wait_gone()
        assert stage.actor.ran[before:] == ran

    play(scenario)


@pytest.mark.parametrize("busy", [False, True])
def test_a_client_that_vanishes_while_open(play: Play, *, busy: bool) -> None:
    async def scenario(stage: Stage) -> None:
        before = len(stage.actor.ran)
        socket = await stage.joined()
        if busy:
            await socket.call("act", "wait act")
            await stage.actor.entered.wait()
        (driver,) = drivers(stage)
        socket.transport.abort()
        await driver.wait_gone()
        stage.actor.go_on.set()
        await stage.until(lambda: len(stage.actor.ran) == before + 4 + busy)
        assert stage.actor.ran[before:] == ([*HOOKS, "act"] if busy else HOOKS)

    play(scenario)


@pytest.mark.parametrize("kicked", [False, True])
def test_a_client_that_vanishes_during_on_disconnect(play: Play, *, kicked: bool) -> None:
    async def scenario(stage: Stage) -> None:
        before = len(stage.actor.ran)
        socket = await stage.joined("wait on_disconnect")
        (driver,) = drivers(stage)
        if kicked:
            driver.disconnect("bye")
        else:
            await socket.close()
        await stage.actor.entered.wait()
        socket.transport.abort()
        await socket.wait_closed()
        stage.actor.go_on.set()
        await driver.wait_gone()
        assert stage.actor.ran[before:] == HOOKS

    play(scenario)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET /gateway/room/conn",
        b"POST /gateway/room/action/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{",
        UPGRADE,
        UPGRADE + b"\x81\xfe\x01\x00abcd",
    ],
    ids=["nothing", "half a head", "half a body", "an upgrade", "half a frame"],
)
def test_a_client_that_vanishes_in_the_middle_of_its_bytes(play: Play, data: bytes) -> None:
    async def scenario(stage: Stage) -> None:
        _, writer = await stage.bytes_in(data)
        await writer.drain()
        await stage.post("echo", "by then the bytes are in")
        writer.transport.abort()

    play(scenario)


def drivers(stage: Stage) -> list[ConnectionDriver]:
    """The connections of the scenario: the first is the bystander's."""
    return list(stage.instance.drivers.values())[1:]
