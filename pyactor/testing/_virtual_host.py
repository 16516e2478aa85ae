"""A host in virtual time, as a test has it: time to advance, actors to look at, a restart.

Owns the line of ``ActorHost`` that serve one storage, one after the other. What they do is theirs:
it is the code of production.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..client import Client
from ..definition import Actor, definition_of
from ..host import ActorHost, Registry
from ..runtime import ActorPhase
from ..storage import Storage
from ..wire.channel import Channel
from ..wire.http import HttpRequest, HttpResponse
from ._observer import Counters
from ._process import WorldClock

if TYPE_CHECKING:
    from ._loop import VirtualLoop
    from ._settling import Settling

AnActor = TypeVar("AnActor", bound="Actor[Any, Any, Any, Any]")


class VirtualHost:
    """A host of some actors; made by the fixture ``actor_host``.

    It is what a ``Client`` takes, and stays it through a restart.

    Attributes:
        registry: Which actors it serves.
        client: A client of the host, which shows its token.
    """

    def __init__(
        self,
        registry: Registry,
        loop: VirtualLoop,
        settling: Settling,
        *,
        storage: Storage,
        token: str | None,
        allowed_origins: Sequence[str] | None,
    ) -> None:
        self.registry = registry
        self._loop = loop
        self._settling = settling
        self._storage = storage
        self._token = token
        self._allowed_origins = allowed_origins
        self._clock = WorldClock(loop, Counters())
        self._host = self._start()
        self.client = Client(self, token=token)

    # -------------------------------------------------------------- what a test does with it

    async def advance(self, seconds: float) -> None:
        """Let so many virtual seconds pass, and everything happen that happens meanwhile."""
        await self._settling.advance(seconds)

    async def settle(self) -> None:
        """Let everything happen that can happen before the time goes on."""
        await self._settling.settle()

    async def restart(self) -> None:
        """Stop in an orderly way (C15) and start again on the same storage.

        Every connection ends and every actor falls asleep; what is in memory is lost.
        """
        await self._host.stop()
        self._host = self._start()
        await self._settling.settle()

    def actor(self, cls: type[AnActor], /, *key: str) -> AnActor:
        """The live actor of a class and key, to look at.

        Raises:
            LookupError: It is not awake; the message names those that are.
        """
        found = self._live(cls, key)
        if found is None:
            live = [f"{each.name} {each.key}" for each in self._host.directory.instances]
            raise LookupError(
                f"{definition_of(cls).name} {key} is not awake; awake: {', '.join(live) or 'none'}"
            )
        return found

    def is_awake(self, cls: type[Actor[Any, Any, Any, Any]], /, *key: str) -> bool:
        """Whether the actor of a class and key is in memory and ready."""
        return self._live(cls, key) is not None

    async def stop(self) -> None:
        """Stop in an orderly way (C15), for good. The fixture does so at the end of a test."""
        await self.client.aclose()
        await self._host.stop()

    @property
    def host(self) -> ActorHost:
        """The host that serves now; another one after a restart."""
        return self._host

    # -------------------------------------------------------------- what a client calls

    async def respond(self, request: HttpRequest, /) -> HttpResponse:
        """Answer one HTTP request. Never raises."""
        return await self._host.respond(request)

    def open_channel(self, request: HttpRequest, channel: Channel, /) -> None:
        """Take over the channel of one websocket upgrade. Never raises."""
        self._host.open_channel(request, channel)

    # -------------------------------------------------------------- how

    def _start(self) -> ActorHost:
        host = ActorHost(
            self.registry,
            storage=self._storage,
            token=self._token,
            allowed_origins=self._allowed_origins,
            clock=self._clock,
        )
        self._loop.call_soon(host.start)  # a fixture that is not async may have made it
        return host

    def _live(self, cls: type[AnActor], key: tuple[str, ...]) -> AnActor | None:
        for instance in self._host.directory.instances:
            is_it = instance.definition.cls is cls and instance.key == key
            if is_it and instance.lifecycle.phase is ActorPhase.READY:
                actor: AnActor = instance.actor
                return actor
        return None
