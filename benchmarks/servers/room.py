"""What every Python peer does with a message: the actor protocol in JSON, and nothing of an actor.

No lifecycle, no checks, no timeouts, no storage: the least that answers the load generator.
"""

# pyright: reportMissingImports=false
# What it imports is installed for `make bench` only.

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from typing import Any


class Room:
    """A counter, with texts or bytes in and out."""

    def __init__(self, *, fast: bool) -> None:
        """Start at zero.

        Args:
            fast: Whether msgspec is used instead of the standard library's json.
        """
        self.count = 0
        self.loads: Callable[[Any], Any] = json.loads
        self.dumps: Callable[[Any], Any] = json.dumps
        if fast:
            import msgspec  # noqa: PLC0415 - not everywhere installed

            self.loads = msgspec.json.Decoder().decode
            encode = msgspec.json.Encoder().encode
            self.dumps = lambda value: encode(value).decode()

    def init(self) -> Any:
        """What a new connection is told."""
        value = {"actorId": "bare", "connectionId": "bare"}
        return self.dumps({"body": {"tag": "Init", "val": value}})

    def receive(self, text: Any) -> tuple[Any, Any, bool]:
        """Take in one message.

        Returns:
            What to answer or None, what to broadcast or None, and whether it subscribes its sender.
        """
        body = self.loads(text)["body"]
        value = body["val"]
        if body["tag"] == "SubscriptionRequest":
            return None, None, True
        argument = value["args"][0]
        name = value["name"]
        if name == "echo":
            output = argument
        else:
            self.count += argument
            output = self.count
        answer = {"body": {"tag": "ActionResponse", "val": {"id": value["id"], "output": output}}}
        event = None
        if name == "publish":
            said = {"name": "changed", "args": [output]}
            event = self.dumps({"body": {"tag": "Event", "val": said}})
        return self.dumps(answer), event, False


def arguments() -> argparse.Namespace:
    """``--port N`` and, for uvloop and msgspec, ``--fast``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--fast", action="store_true")
    return parser.parse_args()


def run(main: Callable[[], Any], *, fast: bool) -> None:
    """Run a coroutine on the loop that was asked for."""
    if fast:
        import uvloop  # noqa: PLC0415 - not everywhere installed

        uvloop.run(main())
    else:
        asyncio.run(main())
