"""The way of one action through the modules, as the README lists it."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from types import FrameType

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from pyactor import Actor, Host, Registry, action

README = Path(__file__).parents[2] / "README.md"
REQUEST = '{"body":{"tag":"ActionRequest","val":{"id":["$BigInt","1"],"name":"echo","args":[3]}}}'


class Echo(Actor[None]):
    @action
    def echo(self, number: int) -> int:
        return number


async def modules_passed() -> list[str]:
    """Each module of pyactor, once, in the order in which one action enters it."""
    passed: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("pyactor."):
            passed[module.removeprefix("pyactor.")] = None

    async with Host(Registry(Echo), port=0) as host:
        target = f"ws://127.0.0.1:{host.port}/gateway/Echo/connect?rvt-method=getOrCreate"
        offered = [Subprotocol("rivet"), Subprotocol("rivet_encoding.json")]
        async with connect(
            target, subprotocols=offered, compression=None, ping_interval=None
        ) as websocket:
            assert "Init" in str(await websocket.recv())
            await websocket.send(REQUEST)
            sys.setprofile(note)
            try:
                answer = await websocket.recv()
            finally:
                sys.setprofile(None)
    assert '"output":3' in str(answer)
    return list(passed)


def test_the_readme_lists_the_modules_that_an_action_passes() -> None:
    text = README.read_text(encoding="utf-8")
    section = text.split("<!-- path:begin -->")[1].split("<!-- path:end -->")[0]
    assert re.findall(r"^\d+\. `([\w.]+)`", section, re.MULTILINE) == asyncio.run(modules_passed())
