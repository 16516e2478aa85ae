"""A real host process, killed and started again under its clients, over real sockets.

``PYACTOR_RESTARTS`` and ``PYACTOR_CLIENTS`` make it longer: 50 and 50 are the deep variant.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from pyactor.client import Client, ClientOptions, Connection, Gap
from pyactor.definition import Actor, Event, action
from pyactor.errors import ActorRestarting, ConnectionLost

RESTARTS = int(os.environ.get("PYACTOR_RESTARTS", "10"))
CLIENTS = int(os.environ.get("PYACTOR_CLIENTS", "10"))
SECONDS = 20 + 6 * RESTARTS  # to fail in, not to wait for

HOST = """
import asyncio, sys
from pyactor import Actor, Event, Host, Registry, action

class Room(Actor[None], name="room"):
    said = Event[int](replay=100)

    @action
    def say(self, number: int) -> int:
        self.said.broadcast(number)
        return number

async def main() -> None:
    async with Host(Registry(Room), port=int(sys.argv[1])):
        print("up", flush=True)
        await asyncio.get_running_loop().create_future()

asyncio.run(main())
"""


class Room(Actor[None], name="room"):
    said = Event[int](replay=100)

    @action
    def say(self, number: int) -> int:
        return number


class Process:
    """The host, on one port for all its lives."""

    def __init__(self, folder: Path) -> None:
        self.script = folder / "served.py"
        self.script.write_text(HOST, encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.running = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self.script),
            str(self.port),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self.running.stdout is not None
        assert await self.running.stdout.readline() == b"up\n"

    async def stop(self, number: signal.Signals) -> None:
        assert self.running is not None
        self.running.send_signal(number)
        # Reads the rest of its output as well, which lets go of the pipe.
        await self.running.communicate()


class Member:
    """One client: it counts what it says and hears, over every restart."""

    def __init__(self, url: str, key: str) -> None:
        self.client = Client(url)
        options = ClientOptions(backoff_max=0.5, wait_timeout=SECONDS)
        room = self.client.actor(Room).get_or_create(key)
        self.conn: Connection[Room] = room.connect(options=options)
        self.heard: set[int] = set()
        self.opened = 0
        self.said = 0
        self.lost = 0
        self.has_said = asyncio.Condition()
        self.conn.on(Room.said)(self.heard.add)
        self.conn.on_open(self._count)

    def _count(self) -> None:
        self.opened += 1

    async def says(self, number: int) -> None:
        """Wait until it comes to this number."""
        async with self.has_said:
            await self.has_said.wait_for(lambda: self.said >= number)

    async def talk(self, stop: asyncio.Event) -> None:
        """Say one number after another; each is answered, or its loss is told."""
        while not stop.is_set():
            async with self.has_said:
                self.said += 1
                self.has_said.notify_all()
            number = self.said
            try:
                assert await self.conn.rpc.say(number) == number
                assert number in self.heard
            except ConnectionLost:
                self.lost += 1
            except ActorRestarting:  # the host stops in an orderly way, and nothing ran
                pass


async def live_through_restarts(folder: Path) -> None:
    host = Process(folder)
    await host.start()
    members = [Member(f"http://127.0.0.1:{host.port}", str(n)) for n in range(CLIENTS)]
    stop = asyncio.Event()
    for member in members:
        member.conn.open()
    await asyncio.gather(*(member.conn.ready for member in members))
    talking = [asyncio.create_task(member.talk(stop)) for member in members]
    for count in range(1, RESTARTS + 1):
        said = [member.said for member in members]
        await host.stop(signal.SIGKILL if count % 2 else signal.SIGINT)
        await host.start()
        await asyncio.gather(*(member.conn.ready for member in members))
        # Each is heard again: its subscription came back, and its calls go through.
        for member, before in zip(members, said, strict=True):
            more = asyncio.create_task(member.says(before + 3))
            await asyncio.wait({more, *talking}, return_when=asyncio.FIRST_COMPLETED)
            for task in talking:
                if task.done():  # it ends by a failure alone
                    task.result()
            assert member.opened == count + 1
    stop.set()
    await asyncio.gather(*talking)
    assert all(member.lost <= RESTARTS for member in members)
    await asyncio.gather(*(member.client.aclose() for member in members))
    await host.stop(signal.SIGKILL)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.timeout(SECONDS)
def test_clients_live_through_restarts(tmp_path: Path) -> None:
    asyncio.run(live_through_restarts(tmp_path))


# ------------------------------------------------------------------ events that are replayed


async def hear_all(folder: Path) -> None:
    """A connection that is cut, then a host that is killed: a replay, then a gap."""
    host = Process(folder)
    await host.start()
    url = f"http://127.0.0.1:{host.port}"
    async with Client(url) as speaker, Client(url) as listener:
        options = ClientOptions(backoff_max=0.5)
        room = speaker.actor(Room).get_or_create("replay")
        conn = listener.actor(Room).get_or_create("replay").connect(options=options)
        heard: list[int | Gap] = []
        conn.on_gap(Room.said)(heard.append)
        conn.on(Room.said)(heard.append)
        hears = conn.events(Room.said)
        async with conn:
            number = 0
            for restarts in range(3):
                await conn.subscribed(Room.said)
                cut = asyncio.Event()
                conn.on_close(lambda _how, cut=cut: cut.set())
                link = conn._link
                assert link is not None
                link.abort()
                await cut.wait()
                for _ in range(3):
                    number += 1
                    await room.rpc.say(number)
                while await anext(hears) != number:
                    pass
                if restarts < 2:
                    cut.clear()
                    await host.stop(signal.SIGKILL)
                    await host.start()
                    await cut.wait()
        gap = Gap("said", None)
        assert heard == [1, 2, 3, gap, 4, 5, 6, gap, 7, 8, 9]
    await host.stop(signal.SIGKILL)


@pytest.mark.timeout(60)
def test_what_was_missed_is_replayed_or_told(tmp_path: Path) -> None:
    asyncio.run(hear_all(tmp_path))
