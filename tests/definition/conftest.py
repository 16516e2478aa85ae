"""Modules made of text, so that a test knows the line of every mistake in them."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from types import ModuleType
from typing import Any, TypeAlias, TypeVar

import pytest
from typing_extensions import override

from pyactor.definition import ActorContext, Conn, ConnContext, Connecting, EventRef, Request
from pyactor.errors import DefinitionError

R = TypeVar("R")

PREAMBLE = (
    "from __future__ import annotations;"
    "import abc, enum, functools, typing;"
    "from typing import *;"
    "from datetime import *;"
    "from decimal import Decimal;"
    "from typing_extensions import NewType, TypeAliasType, TypeVar;"
    "from attrs import Factory, define, field;"
    "from pyactor.definition import *;"
    "from pyactor.errors import UserError\n"
)
"""The first line of every module: what a test writes begins on line 2."""

Load: TypeAlias = Callable[[str], ModuleType]
Problems: TypeAlias = Callable[[str], list[str]]


@pytest.fixture
def load() -> Iterator[Load]:
    """Run the text of a module; its name is ``room`` and its file ``room.py``."""
    modules: list[str] = []

    def run(text: str) -> ModuleType:
        module = ModuleType("room")
        module.__file__ = "room.py"
        sys.modules["room"] = module
        modules.append("room")
        exec(compile(PREAMBLE + textwrap.dedent(text), "room.py", "exec"), vars(module))  # noqa: S102 - the test's own text
        return module

    yield run
    for name in set(modules):
        del sys.modules[name]


@pytest.fixture
def problems(load: Load) -> Problems:
    """Run the text of a module with a bad class in it; its problems as ``line: message``."""

    def run(text: str) -> list[str]:
        with pytest.raises(DefinitionError) as caught:
            load(text.strip("\n"))
        return [str(each).removeprefix("room.py:") for each in caught.value.problems]

    return run


class FakeConn(ConnContext):
    """Notes what is asked of one connection."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.request_made = Request(path="/connect", headers={"host": "here"}, peer="1.2.3.4:5")

    @property
    @override
    def id(self) -> str:
        return "c1"

    @property
    @override
    def is_hibernatable(self) -> bool:
        return True

    @property
    @override
    def request(self) -> Request:
        return self.request_made

    @override
    def send(self, event: EventRef[Any, Any, ...], payload: tuple[Any, ...]) -> None:
        self.calls.append(("send", event.attr, payload))

    async def _closed(self, reason: str | None) -> None:
        self.calls.append(("closed", reason))

    @override
    def disconnect(self, reason: str | None = None) -> Any:
        self.calls.append(("disconnect", reason))
        return self._closed(reason)

    @override
    def defer(self, callback: Callable[[], object]) -> None:
        self.calls.append(("defer", callback))


class FakeActor(ActorContext):
    """Notes what is asked of one actor."""

    def __init__(self) -> None:
        self.state: Any = None
        self.calls: list[tuple[Any, ...]] = []
        self.calling: Conn[Any, Any] | None = None
        self.attempt: Connecting[Any] | None = None
        self.abort_event = asyncio.Event()
        self.planned: Any = None

    @property
    @override
    def key(self) -> tuple[str, ...]:
        return ("a", "b")

    @property
    @override
    def actor_id(self) -> str:
        return "id1"

    @property
    @override
    def name(self) -> str:
        return "room"

    @property
    @override
    def region(self) -> str:
        return "local"

    @property
    @override
    def conns(self) -> dict[str, Conn[Any, Any]]:
        return {}

    @property
    @override
    def caller(self) -> Conn[Any, Any] | None:
        return self.calling

    @property
    @override
    def connecting(self) -> Connecting[Any] | None:
        return self.attempt

    @property
    @override
    def log(self) -> Any:
        return "the log"

    @override
    def broadcast(self, event: EventRef[Any, Any, ...], payload: tuple[Any, ...]) -> None:
        self.calls.append(("broadcast", event.attr, payload))

    @property
    @override
    def schedules(self) -> Any:
        return self.planned

    @property
    @override
    def client(self) -> Any:
        return "the client"

    @override
    async def save_state(self, *, immediate: bool) -> None:
        self.calls.append(("save_state", immediate))

    @override
    def sleep(self) -> None:
        self.calls.append(("sleep",))

    @override
    def destroy(self) -> None:
        self.calls.append(("destroy",))

    @override
    async def keep_awake(self, aw: Awaitable[R]) -> R:
        return await aw

    @override
    def wait_until(self, aw: Awaitable[object]) -> None:
        self.calls.append(("wait_until", aw))

    @override
    def describe_caller(self) -> str:
        return "action 'post'"


@pytest.fixture
def actor_context() -> FakeActor:
    """A context for an actor."""
    return FakeActor()


@pytest.fixture
def conn_context() -> FakeConn:
    """A context for a connection."""
    return FakeConn()
