"""What the fixtures of the pytest plugin are: types to annotate the arguments of tests with.

``actor_host: ActorHostFactory``, ``connect: Connect``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..client import Handle
from ..client._types import A
from ..definition import Actor, EventRef, definition_of
from ..host import Registry
from ..storage import InlineStorage, MemoryCore, SqliteCore, SqliteStorage, Storage
from ._expect import WatchedConnection
from ._virtual_host import VirtualHost

if TYPE_CHECKING:
    from ._loop import VirtualLoop
    from ._settling import Settling

__all__ = ["ActorHostFactory", "Connect", "VirtualHost", "WatchedConnection"]


class ActorHostFactory:
    """The fixture ``actor_host``: ``host = actor_host(ChatRoom, Lobby)``.

    Attributes:
        hosts: The hosts of the test, oldest first.
    """

    def __init__(self, loop: VirtualLoop, settling: Settling) -> None:
        self._loop = loop
        self._settling = settling
        self._folders: list[tempfile.TemporaryDirectory[str]] = []
        self._owned: list[Storage] = []
        self.hosts: list[VirtualHost] = []

    def __call__(
        self,
        *actors: type[Actor[Any, Any, Any, Any]],
        storage: Storage | Literal["memory", "sqlite"] = "memory",
        token: str | None = None,
        allowed_origins: Sequence[str] | None = None,
    ) -> VirtualHost:
        """Make a host of some actors and start it.

        Args:
            *actors: The classes to serve.
            storage: ``"memory"`` or ``"sqlite"``, of its own; or one that works without threads,
                which stays open, so that several hosts may use it.
            token: What clients must show; ``host.client`` and ``connect`` do.
            allowed_origins: Whose pages may use it; None for all.

        Raises:
            DefinitionError: A class is no valid actor.
            TypeError: The storage works on a thread, for which virtual time does not wait.
        """
        host = VirtualHost(
            Registry(*actors),
            self._loop,
            self._settling,
            storage=self._storage(storage),
            token=token,
            allowed_origins=allowed_origins,
        )
        self.hosts.append(host)
        return host

    async def close(self) -> None:
        """Stop every host; the youngest first."""
        for host in reversed(self.hosts):
            await host.stop()
        for storage in self._owned:
            await storage.close()
        for folder in self._folders:
            folder.cleanup()

    def _storage(self, wanted: Storage | Literal["memory", "sqlite"]) -> Storage:
        if isinstance(wanted, SqliteStorage):
            raise TypeError(
                "SqliteStorage works on a thread, for which virtual time does not wait; "
                'write actor_host(…, storage="sqlite"): the same, without the thread'
            )
        if not isinstance(wanted, str):
            return wanted
        if wanted == "memory":
            return InlineStorage(MemoryCore())
        if wanted != "sqlite":
            raise ValueError(f'storage is "memory", "sqlite" or a Storage, not {wanted!r}')
        folder = tempfile.TemporaryDirectory(prefix="pyactor-")
        self._folders.append(folder)
        storage = InlineStorage(SqliteCore(Path(folder.name)))
        self._owned.append(storage)
        return storage


class Connect:
    """The fixture ``connect``: ``conn = await connect(ChatRoom, "general", params=…)``.

    Attributes:
        conns: The connections of the test, oldest first.
    """

    def __init__(self, actor_host: ActorHostFactory, settling: Settling) -> None:
        self._actor_host = actor_host
        self._settling = settling
        self.conns: list[WatchedConnection[Any]] = []

    async def __call__(
        self,
        actor: type[A] | Handle[A],
        /,
        *key: str,
        params: object = None,
        input: object = None,  # noqa: A002 - as in get_or_create
        host: VirtualHost | None = None,
        subscribe: Iterable[EventRef[Any, Any, ...]] | None = None,
    ) -> WatchedConnection[A]:
        """Connect to an actor, and let everything happen that happens then.

        Args:
            actor: A class, whose actor of that key is created if there is none; or a handle, for
                whatever else: ``host.client.actor(ChatRoom).get("general", params=…)``.
            *key: The parts of the key.
            params: What the connection brings, where the actor declares Params.
            input: What ``create_state`` gets, where the actor declares Input.
            host: The host; by default the last that ``actor_host`` made, or, if it made none,
                one for this class.
            subscribe: The events to subscribe to; by default all that the class has.

        Raises:
            ActorError: The actor's rejection (C2): a declared error as its own class.
            TypeError: params or input is not of the declared type.
            RuntimeError: Another loop runs, in real time.
        """
        self._settling.check_loop()
        handle = self._handle(actor, key, params, input, host)
        definition = handle._definition
        events = definition.events if subscribe is None else map(definition.event, subscribe)
        names = [event if isinstance(event, str) else event.name for event in events]
        conn = WatchedConnection(handle, names, self._settling, len(self.conns) + 1)
        self.conns.append(conn)
        await conn.__aenter__()
        await self._settling.settle()
        return conn

    def _handle(
        self,
        actor: type[A] | Handle[A],
        key: tuple[str, ...],
        params: object,
        input_: object,
        host: VirtualHost | None,
    ) -> Handle[A]:
        if isinstance(actor, Handle):
            if key or params is not None or input_ is not None or host is not None:
                raise TypeError(
                    "connect(handle) takes no key, params, input or host: the handle has them"
                )
            return actor
        actors: Any = self._host(actor, host).client.actor(actor)
        handle: Handle[A] = actors.get_or_create(*key, params=params, input=input_)
        return handle

    def _host(self, cls: type[Any], host: VirtualHost | None) -> VirtualHost:
        if host is not None:
            return host
        if not self._actor_host.hosts:
            return self._actor_host(cls)
        host = self._actor_host.hosts[-1]
        if definition_of(cls).name not in host.registry.definitions:
            served = ", ".join(each.cls.__name__ for each in host.registry.definitions.values())
            raise TypeError(
                f"the host of this test does not serve {cls.__name__}; make one that does first: "
                f"actor_host({served}, {cls.__name__})"
            )
        return host
