"""What a host shows of where its actors stand, in the control API's words and times."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from typing_extensions import override

from pyactor.definition import Actor, action
from pyactor.host import ActorHost, Registry
from pyactor.host._status import Latest
from pyactor.runtime import Clock
from pyactor.storage import MemoryStorage
from pyactor.wire.http import HttpRequest, WholeBody


class Room(Actor[None], name="room"):
    fails = False

    def __init__(self) -> None:
        if Room.fails:
            raise ValueError("no")

    @action
    def leave(self) -> None:
        self.sleep()


class Ticking(Clock):
    """One second later each time that somebody looks."""

    def __init__(self) -> None:
        self.seconds = 100.0

    @override
    def now(self) -> float:
        self.seconds += 1
        return self.seconds


def test_the_control_api_tells_when_an_actor_started_and_fell_asleep() -> None:
    async def main() -> None:
        storage = MemoryStorage()
        host = ActorHost(Registry(Room), storage=storage, clock=Ticking())

        async def look() -> dict[str, Any]:
            response = await host.respond(HttpRequest("GET", "/actors?name=room", {}))
            assert isinstance(response.body, bytes)
            [actor] = json.loads(response.body)["actors"]
            assert actor["destroy_ts"] is None
            times = ("create_ts", "start_ts", "connectable_ts", "sleep_ts", "error")
            return {name: actor[name] for name in times}

        target = "/gateway/room/action/leave?rvt-method=getOrCreate&rvt-key=a"
        call = HttpRequest("POST", target, {}, WholeBody(b'{"args":[]}'))
        instance = await host.directory.get_or_create("room", ("a",))
        awake = await look()
        assert awake["start_ts"] <= awake["create_ts"] <= awake["connectable_ts"]
        assert (awake["sleep_ts"], awake["error"]) == (None, None)
        assert (await host.status(instance.actor_id)).status == "running"
        await host.respond(call)
        await asyncio.sleep(0.01)
        asleep = await look()
        assert (asleep["start_ts"], asleep["connectable_ts"]) == (None, None)
        assert asleep["sleep_ts"] > awake["connectable_ts"]
        Room.fails = True
        await host.respond(call)
        assert (await look())["error"] == "core.internal_error"
        Room.fails = False
        await host.stop()

    asyncio.run(main())


def test_of_those_that_are_not_in_memory_the_latest_are_remembered() -> None:
    latest = Latest[int](2)
    for number, actor_id in enumerate("abac"):
        latest.put(actor_id, number)
    assert [latest.get(actor_id) for actor_id in "abc"] == [2, None, 3]
    latest.drop("a")
    latest.drop("a")
    assert latest.get("a") is None
