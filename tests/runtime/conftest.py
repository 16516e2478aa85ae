"""The real run time in virtual time: an actor's host on a stage, and raw peers before it.

Time stands still while anything can run and then jumps to the next timer, so timeouts of seconds
take none and no test depends on the speed of the machine. Every test runs on each storage.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typing_extensions import override

from pyactor.definition import Actor, Request
from pyactor.errors import StorageError
from pyactor.host import ActorHost, Registry
from pyactor.runtime import Clock, Instance, QueueDriver, RawRequestDriver, RawWebSocketDriver
from pyactor.storage import (
    ActorRecord,
    Changes,
    InlineStorage,
    MemoryCore,
    SqliteCore,
    StorageCore,
    StoredActor,
)
from pyactor.testing import VirtualLoop
from pyactor.wire import messages
from pyactor.wire.channel import ChannelReceiver
from pyactor.wire.codecs import codec_for
from pyactor.wire.http import HttpRequest, HttpResponse, WholeBody
from pyactor.wire.queue import QueueResult, QueueSend

CODEC = codec_for("json")


class Peer:
    """A client and its channel in one: what the host sent, and what the client does."""

    def __init__(self, *, answers_close: bool) -> None:
        self.received: list[messages.ToClient] = []
        self.closed: tuple[int, str] | None = None
        self.aborted = False
        self.is_slow = False
        self.backlog = 0
        self._answers_close = answers_close
        self._receiver: ChannelReceiver | None = None
        self._close_timeout = 0.0
        self._is_lost = False
        self._next_id = 0
        self.is_paused = False
        self._drained = asyncio.Event()
        self._drained.set()

    # ---------------------------------------------------------- Channel, which the host writes to

    def attach(
        self,
        receiver: ChannelReceiver,
        *,
        ping_interval: float,
        ping_timeout: float,
        close_timeout: float,
    ) -> None:
        self._receiver = receiver
        self._close_timeout = close_timeout

    def send(self, data: str | bytes) -> None:
        # Unlike a real channel it lets through what is sent after the close: that is a bug (C13).
        if not self._is_lost:
            self._take(data)
            self.backlog += len(data) if self.is_slow else 0
            if self.is_slow:
                self._drained.clear()

    async def drained(self) -> None:
        await self._drained.wait()

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False
        asyncio.get_running_loop().call_soon(self._read_on)

    def close(self, code: int, reason: str) -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self.resume()
            self._drained.set()
            loop = asyncio.get_running_loop()
            if self._answers_close:
                loop.call_soon(self.drop)
            else:
                loop.call_later(self._close_timeout, self.drop)

    def abort(self) -> None:
        self.aborted = True
        asyncio.get_running_loop().call_soon(self.drop)

    # ---------------------------------------------------------- the client's side

    def call(self, name: str, *args: Any) -> int:
        """Request an action; the id under which its answer comes."""
        self._next_id += 1
        self._deliver(messages.ActionRequest(self._next_id, name, list(args)))
        return self._next_id

    def subscribe(self, name: str, *, subscribe: bool = True) -> None:
        self._deliver(messages.SubscriptionRequest(name, subscribe))

    def follow(self, name: str, after: messages.Position | None = None) -> int:
        """Subscribe by the extension; the id under which it is answered."""
        self._next_id += 1
        self._deliver(messages.SubscribeRequest(self._next_id, name, after))
        return self._next_id

    def leave(self) -> None:
        """Close in an orderly way."""
        if not self._is_lost:
            self._host.receive_close(1000, "")
            self.drop()

    def drop(self) -> None:
        """Be gone without a word."""
        if not self._is_lost:
            self._is_lost = True
            self._drained.set()
            self._host.receive_lost()

    def catch_up(self) -> None:
        """Read what a slow client has let wait."""
        self.is_slow = False
        self.backlog = 0
        self._drained.set()

    def answer(self, action_id: int) -> Any:
        """What an action returned, or its error; the test fails if it is not answered."""
        answers = [
            message.output if isinstance(message, messages.ActionResponse) else message
            for message in self.received
            if (isinstance(message, messages.ActionResponse) and message.id == action_id)
            or (isinstance(message, messages.Error) and message.action_id == action_id)
        ]
        assert len(answers) == 1, self.received
        return answers[0]

    @property
    def events(self) -> list[tuple[str, list[Any]]]:
        return [(m.name, m.args) for m in self.received if isinstance(m, messages.Event)]

    @property
    def errors(self) -> list[str]:
        """The connection's own errors, as ``group.code``."""
        return [
            f"{m.group}.{m.code}"
            for m in self.received
            if isinstance(m, messages.Error) and m.action_id is None
        ]

    @property
    def is_init(self) -> bool:
        return any(isinstance(message, messages.Init) for message in self.received)

    @property
    def conn_id(self) -> str:
        [init] = [message for message in self.received if isinstance(message, messages.Init)]
        return init.connection_id

    @property
    def _host(self) -> ChannelReceiver:
        assert self._receiver is not None, "settle first: the host has not taken the channel"
        return self._receiver

    def _deliver(self, message: messages.ToServer) -> None:
        self._host.receive_data(CODEC.encode_to_server(message, 0))

    def _read_on(self) -> None:
        """What a raw peer has to say still; others are never paused."""

    def _take(self, data: str | bytes) -> None:
        self.received.append(CODEC.decode_to_client(data))


class RawPeer(Peer):
    """A client of a raw websocket: messages are what they are."""

    def __init__(self, *, answers_close: bool) -> None:
        super().__init__(answers_close=answers_close)
        self.heard: list[str | bytes] = []
        self.unsaid: list[str | bytes] = []

    def say(self, *messages: str | bytes) -> None:
        """Send messages that arrive in one piece, or wait while the host is paused."""
        self.unsaid += messages
        self._read_on()

    @override
    def _read_on(self) -> None:
        while self.unsaid and not self.is_paused and not self._is_lost:
            self._host.receive_data(self.unsaid.pop(0))

    def leave_with(self, code: int, reason: str) -> None:
        self._host.receive_close(code, reason)
        self.drop()

    @override
    def _take(self, data: str | bytes) -> None:
        self.heard.append(data)


class ShakyStorage(InlineStorage):
    """Notes the commits that it made, fails on demand, and can be held up."""

    def __init__(self, core: StorageCore) -> None:
        super().__init__(core)
        self.commits: list[tuple[Changes, bool]] = []
        self.attempts = 0
        self.reads = 0
        self.fails = False
        self.opens = asyncio.Event()
        self.opens.set()

    @override
    async def commit(self, changes: Changes, *, immediate: bool = True) -> None:
        await self._stumble()
        await super().commit(changes, immediate=immediate)
        self.commits.append((changes, immediate))

    @override
    async def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None:
        self.reads += 1
        return await super().find(name, key)

    @override
    async def load(self, actor_id: str) -> StoredActor | None:
        self.reads += 1
        return await super().load(actor_id)

    @override
    async def delete(self, actor_id: str) -> None:
        await self._stumble()
        await super().delete(actor_id)

    async def _stumble(self) -> None:
        self.attempts += 1
        await self.opens.wait()
        if self.fails:
            raise StorageError("the disk is full", code="full")

    @property
    def states(self) -> list[bytes]:
        """The snapshots that were kept, but for the first of a creation."""
        return [changes.state[0] for changes, _ in self.commits if changes.state is not None]


class StageClock(Clock):
    """The time of day goes with the time of the loop."""

    @override
    def now(self) -> float:
        return 1_800_000_000 + asyncio.get_running_loop().time()


class Stage:
    """One actor class on a host."""

    def __init__(self, actor: type[Actor[Any, Any, Any, Any]], storage: ShakyStorage) -> None:
        self.registry = Registry(actor)
        self.storage = storage
        [self.name] = self.registry.definitions
        self.restart()

    async def settle(self) -> None:
        """Let everything run that can run now."""
        await asyncio.sleep(1e-3)

    def restart(self, actor: type[Actor[Any, Any, Any, Any]] | None = None) -> None:
        """A new host on the same storage, perhaps with other code of the same name."""
        if actor is not None:
            self.registry = Registry(actor)
        self.host = ActorHost(self.registry, storage=self.storage, clock=StageClock())

    async def crash(self) -> None:
        """The process dies: nothing that runs gets another step, nor its storage another commit."""
        dead = self.storage
        for instance in self.host.directory.instances:
            instance.idle.end()
            instance.schedules.end()
        self.storage = ShakyStorage(dead._core)
        dead._core = MemoryCore()  # what cleans up goes nowhere
        dead.opens.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        while others:
            for task in others:
                task.cancel()
            await asyncio.wait(others)
            others = asyncio.all_tasks() - {asyncio.current_task()}
        for instance in self.host.directory.instances:
            await instance.saver.abandon()
        self.restart()

    async def peer(
        self,
        *,
        params: Any = None,
        key: str = "a",
        answers_close: bool = True,
        is_extended: bool = False,
    ) -> Peer:
        """A websocket to the actor, whatever became of it at once."""
        protocols = "rivet, rivet_encoding.json"
        if is_extended:
            protocols += ", pyactor_extension.1"
        if params is not None:
            protocols += f", rivet_conn_params.{quote(json.dumps(params), safe='')}"
        peer = Peer(answers_close=answers_close)
        self.host.open_channel(
            HttpRequest(
                "GET",
                f"/gateway/{self.name}/connect?rvt-method=getOrCreate&rvt-key={key}",
                {"sec-websocket-protocol": protocols},
            ),
            peer,
        )
        await self.settle()
        return peer

    async def http(
        self,
        action: str,
        *args: Any,
        params: Any = None,
        target: str | None = None,
        key: str = "a",
    ) -> Any:
        """Call statelessly: what the action returned, or the error that was answered."""
        gateway = target or f"/gateway/{self.name}"
        query = "" if target else f"?rvt-method=getOrCreate&rvt-key={key}"
        headers = {} if params is None else {"x-rivet-conn-params": json.dumps(params)}
        response = await self.host.respond(
            HttpRequest(
                "POST",
                f"{gateway}/action/{action}{query}",
                headers,
                WholeBody(CODEC.encode_action_request(list(args), 0)),
            )
        )
        assert isinstance(response.body, bytes)
        if response.status == 200:
            return CODEC.decode_action_response(response.body)
        return CODEC.decode_error(response.body)

    # ---------------------------------------------------------- raw: below the host and its routes

    async def raw_request(
        self, request: Request | None = None, *, params: Any = None
    ) -> HttpResponse | messages.Error:
        """Ask ``on_request``."""
        driver = await self.raw_request_driver(request or Request(), params=params)
        return await driver.call()

    async def raw_request_driver(self, request: Request, *, params: Any = None) -> RawRequestDriver:
        instance, typed = await self._woken(params)
        return RawRequestDriver(instance, typed, request)

    async def send_to_queue(
        self, queue: str, *, params: Any = None
    ) -> QueueResult | messages.Error:
        instance, typed = await self._woken(params)
        return await QueueDriver(instance, typed, Request(), queue, QueueSend("message")).call()

    async def raw_peer(self, *, params: Any = None, answers_close: bool = True) -> RawPeer:
        """A raw websocket to the actor, whatever became of it at once."""
        driver, peer = await self.raw_web_socket_driver(params, answers_close=answers_close)
        driver.open()
        await self.settle()
        return peer

    async def raw_web_socket_driver(
        self, params: Any = None, *, answers_close: bool = True
    ) -> tuple[RawWebSocketDriver, RawPeer]:
        peer = RawPeer(answers_close=answers_close)
        instance, typed = await self._woken(params)
        return RawWebSocketDriver(instance, typed, Request(path="/live"), peer), peer

    async def _woken(self, params: Any) -> tuple[Instance, Any]:
        instance = await self.host.directory.get_or_create(self.name, ("a",))
        return instance, instance.definition.structure_params(params)

    @property
    def instance(self) -> Any:
        """The one live actor."""
        [instance] = self.host.directory.instances
        return instance

    @property
    def time(self) -> float:
        return asyncio.get_running_loop().time()


Scene = Callable[[Stage], Coroutine[Any, Any, None]]


@pytest.fixture
def virtual() -> Iterator[Callable[[Coroutine[Any, Any, None]], None]]:
    """Run a coroutine in virtual time, without a host."""
    faults: list[dict[str, Any]] = []

    def run(scene: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.get_loop().set_exception_handler(lambda _, fault: faults.append(fault))
            runner.run(scene)

    yield run
    assert faults == []


@pytest.fixture(params=["memory", "sqlite"])
def core(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageCore]:
    """Each kind of storage, at work on the thread of the loop."""
    core = MemoryCore() if request.param == "memory" else SqliteCore(tmp_path)
    yield core
    core.close()


@pytest.fixture
def play(core: StorageCore) -> Iterator[Callable[..., None]]:
    """Run a scene with an actor class in virtual time; nothing may be left afterwards."""
    faults: list[dict[str, Any]] = []

    def run(actor: type[Actor[Any, Any, Any, Any]], scene: Scene) -> None:
        async def main() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
            stage = Stage(actor, ShakyStorage(core))
            try:
                await scene(stage)
            finally:
                await stage.host.stop()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(main())

    yield run
    assert faults == []
