"""A world in virtual time: clients in memory, and a host that fails where the test says so.

``live(scenario)`` runs a scenario. Time passes only when nothing else is left to do, so that
minutes of backoff take no time at all; a wait that nothing can end fails at once.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeAlias
from urllib.parse import unquote

import pytest
from typing_extensions import override

from pyactor.client import Client, ClientClock, ClientOptions
from pyactor.errors import HostUnreachable
from pyactor.wire import messages
from pyactor.wire.channel import Channel
from pyactor.wire.codecs import codec_for
from pyactor.wire.http import HttpRequest, HttpResponse

CODEC = codec_for("json")


class _Selector(selectors.DefaultSelector):
    """Lets time jump where a loop would sleep."""

    loop: VirtualLoop

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise AssertionError("this world is stuck: nothing will ever happen again")
            self.loop.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a number."""

    def __init__(self) -> None:
        self.now = 0.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-6  # below which a jump may be lost in rounding

    @override
    def time(self) -> float:
        return self.now


class Chance(ClientClock):
    """The loop's time; chance with a seed, or as the test has it."""

    def __init__(self, seed: int) -> None:
        self.random_of = random.Random(seed).random

    @override
    def random(self) -> float:
        return self.random_of()


Greeting: TypeAlias = "Callable[[Peer], None]"


class Peer:
    """The host's end of one connection, led by the test."""

    def __init__(self, request: HttpRequest, channel: Channel, at: float) -> None:
        self.request = request
        self.channel = channel
        self.at = at
        self.received: list[messages.ToServer | tuple[int, str] | str] = []
        self.subscribed: dict[str, None] = {}
        self.answer: Callable[[Peer, messages.ActionRequest], None] = Peer.echo
        channel.attach(self, ping_interval=20, ping_timeout=20, close_timeout=5)

    def receive_data(self, data: str | bytes) -> None:
        message = CODEC.decode_to_server(data)
        self.received.append(message)
        if isinstance(message, messages.ActionRequest):
            self.answer(self, message)
        elif message.subscribe:
            self.subscribed[message.event_name] = None
        else:
            del self.subscribed[message.event_name]

    def receive_close(self, code: int, reason: str) -> None:
        self.received.append((code, reason))

    def receive_lost(self) -> None:
        self.received.append("lost")

    def send(self, *sent: messages.ToClient) -> None:
        for message in sent:
            self.channel.send(CODEC.encode_to_client(message, 0))

    def echo(self, request: messages.ActionRequest) -> None:
        """Answer a call with its first argument."""
        self.send(messages.ActionResponse(request.id, request.args[0] if request.args else None))

    def hold(self, request: messages.ActionRequest) -> None:
        """Leave a call without an answer."""

    def welcome(self) -> None:
        """Let it in."""
        self.send(messages.Init("actor-1", f"conn-{self.at:g}"))

    def reject(self, group: str, code: str) -> None:
        """Keep it out."""
        self.send(messages.Error(group, code, "no"))
        self.channel.close(1011, f"{group}.{code}")

    @property
    def params(self) -> Any:
        for name in self.request.headers["sec-websocket-protocol"].split(", "):
            if name.startswith("rivet_conn_params."):
                return json.loads(unquote(name.partition(".")[2]))
        return None


class World:
    """A host that does as it is told, and its clients."""

    def __init__(self, options: ClientOptions, seed: int) -> None:
        self.chance = Chance(seed)
        self.options = options
        self.is_down = False
        self.greetings: deque[Greeting] = deque()  # of the next attempts; then they are let in
        self.attempts: list[float] = []  # when each began, refused ones too
        self.peers: list[Peer] = []
        self.clients: list[Client] = []

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def peer(self) -> Peer:
        """The latest."""
        return self.peers[-1]

    def client(self) -> Client:
        client = Client(self, options=self.options, clock=self.chance)
        self.clients.append(client)
        return client

    async def respond(self, request: HttpRequest, /) -> HttpResponse:
        raise AssertionError("no request was expected")

    def open_channel(self, request: HttpRequest, channel: Channel, /) -> None:
        self.attempts.append(self.now)
        if self.is_down:
            raise HostUnreachable("refused")
        greet = self.greetings.popleft() if self.greetings else Peer.welcome
        peer = Peer(request, channel, self.now)
        self.peers.append(peer)
        greet(peer)

    def restart(self) -> None:
        """Drop every connection."""
        for peer in self.peers:
            peer.channel.abort()

    async def settle(self) -> None:
        """Let everything happen that takes no time."""
        for _ in range(30):
            await asyncio.sleep(0)


Scenario: TypeAlias = Callable[[World], Coroutine[Any, Any, None]]


class Live(Protocol):
    """The fixture ``live``."""

    def __call__(
        self, scenario: Scenario, options: ClientOptions | None = None, *, seed: int = 0
    ) -> None:
        """Run a scenario; then every client is closed, and nothing may be left."""
        ...


def run_virtually(scenario: Scenario, options: ClientOptions | None = None, seed: int = 0) -> None:
    unhandled: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: unhandled.append(what))
        world = World(options or ClientOptions(), seed)
        await scenario(world)
        for client in world.clients:
            await client.aclose()
        await world.settle()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
        # A future whose error nobody took tells the loop when it is collected.
        gc.collect()
    assert unhandled == []


@pytest.fixture(scope="session")  # it keeps nothing, so that property-based tests may use it
def live() -> Live:
    return run_virtually
