"""A message for a queue: the life of a connection around ``can_publish`` (C14)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from pyactor.definition import Actor, ActorOptions, Conn, action, hook
from pyactor.errors import UserError
from pyactor.wire.queue import QueueResult

Play = Callable[..., None]


class Open(Actor[None], name="open"):
    """Without the hook, anybody may."""

    @action
    def nothing(self) -> None: ...


class Guarded(Actor[None], name="guarded", options=ActorOptions(can_publish_timeout=3)):
    def __init__(self) -> None:
        self.trace: list[str] = []

    @hook
    def on_before_connect(self, params: None) -> None:
        self.trace.append("before")

    @hook
    def on_connect(self, conn: Conn[None, None]) -> None:
        self.trace.append("connect")

    @hook
    async def can_publish(self, conn: Conn[None, None], queue: str) -> bool:
        assert self.conn is conn
        assert conn.id in self.conns
        self.trace.append(f"asked {queue}")
        match queue:
            case "raises":
                raise UserError("no idea", code="no_idea")
            case "breaks":
                raise RuntimeError("secret")
            case "hangs":
                await asyncio.Event().wait()
            case "none":
                return cast(bool, None)
            case _:
                pass
        return queue == "mail"

    @hook
    def on_disconnect(self, conn: Conn[None, None]) -> None:
        self.trace.append("disconnect")


def test_an_undefined_queue_completes(play: Play) -> None:
    """As RivetKit answers for an actor without queues."""

    async def scene(stage: Any) -> None:
        assert await stage.send_to_queue("mail") == QueueResult("completed")
        assert stage.instance.drivers == {}

    play(Open, scene)


def test_it_is_the_whole_life_of_a_connection(play: Play) -> None:
    async def scene(stage: Any) -> None:
        assert await stage.send_to_queue("mail") == QueueResult("completed")
        assert stage.instance.actor.trace == ["before", "connect", "asked mail", "disconnect"]
        assert stage.instance.drivers == {}

    play(Guarded, scene)


@pytest.mark.parametrize(
    ("queue", "name", "is_logged"),
    [
        ("spam", "auth.forbidden", False),
        ("raises", "user.no_idea", False),
        ("breaks", "core.internal_error", True),
        ("hangs", "actor.callback_timed_out", False),
        ("none", "core.internal_error", True),
    ],
)
def test_anything_but_a_yes_refuses(
    play: Play, caplog: pytest.LogCaptureFixture, queue: str, name: str, is_logged: bool
) -> None:
    """C8, C11; and on_disconnect runs all the same (C4)."""

    async def scene(stage: Any) -> None:
        began = stage.time
        error = await stage.send_to_queue(queue)
        assert f"{error.group}.{error.code}" == name
        assert "secret" not in error.message
        assert stage.time - began == pytest.approx(3 if queue == "hangs" else 0)
        assert stage.instance.actor.trace[-2:] == [f"asked {queue}", "disconnect"]

    play(Guarded, scene)
    assert ("hook 'can_publish'" in caplog.text) is is_logged
