"""Live connections: calls that carry ``self.conn``, and events as they happen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from typing_extensions import override

from ..errors import ConnectionLost
from ._callbacks import Callbacks
from ._calls import Calls
from ._link import Closed, Link
from ._types import A_co, Ps, R

if TYPE_CHECKING:
    from ..definition import ActorDefinition, EventRef, NoActor
    from ..wire.messages import Plain
    from ._address import Address
    from ._gateway import Gateway

_log = logging.getLogger("pyactor.client")


class Connection(Calls[A_co]):
    """One connection to an actor: ``async with room.connect() as conn``.

    Entering connects and waits until the actor has let the connection in; leaving closes it.
    Callbacks may be registered before, so that no event is missed.
    """

    def __init__(
        self, gateway: Gateway, definition: ActorDefinition, address: Address, params: Plain
    ) -> None:
        super().__init__(definition)
        self._gateway = gateway
        self._address = address
        self._params = params
        self._callbacks = Callbacks()
        self._link: Link | None = None
        self._actor_id: str | None = None
        self._conn_id: str | None = None

    @property
    def actor_id(self) -> str:
        """The actor's id.

        Raises:
            ConnectionLost: The connection was never open.
        """
        if self._actor_id is None:
            raise self._never_open()
        return self._actor_id

    @property
    def conn_id(self) -> str:
        """The connection's id, as the actor sees it in ``conn.id``.

        Raises:
            ConnectionLost: The connection was never open.
        """
        if self._conn_id is None:
            raise self._never_open()
        return self._conn_id

    def on(
        self, event: EventRef[A_co, Any, Ps] | EventRef[NoActor, Any, Ps], /
    ) -> Callable[[Callable[Ps, R]], Callable[Ps, R]]:
        """Call the decorated function, sync or async, for each event of this name.

        The first callback of an event subscribes to it. Callbacks run in the order in which
        events arrive; one that raises is logged and disturbs nothing else. Async ones run as
        tasks, which end with the connection at the latest.

        Raises:
            TypeError: It is another actor's event.
        """
        return self._registering(event, is_once=False)

    def once(
        self, event: EventRef[A_co, Any, Ps] | EventRef[NoActor, Any, Ps], /
    ) -> Callable[[Callable[Ps, R]], Callable[Ps, R]]:
        """Like `on`, for the next event of this name only."""
        return self._registering(event, is_once=True)

    def off(
        self,
        event: EventRef[A_co, Any, Ps] | EventRef[NoActor, Any, Ps],
        callback: Callable[Ps, object],
        /,
    ) -> None:
        """Call ``callback`` no longer; without a callback left the subscription ends.

        One that is not registered, or was for once and has been called, is no error.
        """
        name = self._definition.event(event).name
        if self._callbacks.remove(name, callback) and self._link is not None:
            self._link.unsubscribe(name)

    async def close(self) -> None:
        """Close the connection and wait until nothing of it is left, callbacks included.

        Idempotent.
        """
        try:
            if self._link is not None:
                await self._link.close()
        finally:
            await self._callbacks.cancel()
            self._gateway.connections.discard(self)

    async def wait_closed(self) -> Closed:
        """Wait until the connection has ended, whoever ended it.

        Raises:
            ConnectionLost: It was never open.
        """
        if self._link is None:
            raise self._never_open()
        return await self._link.wait_closed()

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            ActorError: The actor's rejection (rule C2): a declared error as its own class.
            HostUnreachable: No connection came about.
            RuntimeError: It was entered before.
        """
        if self._link is not None:
            raise RuntimeError(
                f"this connection to {self._definition.name} was opened before; "
                "each use takes a new one: async with handle.connect() as conn"
            )
        link = Link(self._gateway, self._definition.name, self._definition.errors, self._deliver)
        self._link = link
        self._gateway.connections.add(self)
        for name in self._callbacks.names:
            link.subscribe(name)
        try:
            opened = await link.open(self._address, self._params)
        except BaseException:
            await self.close()
            raise
        self._actor_id, self._conn_id = opened.actor_id, opened.connection_id
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()

    @override
    async def _call(self, name: str, args: list[Plain]) -> Plain:
        if self._link is None:
            raise self._never_open()
        return await self._link.call(name, args)

    @override
    def __repr__(self) -> str:
        return f"<Connection to {self._definition.name} {self._conn_id or 'that is not open'}>"

    def _registering(
        self, event: EventRef[Any, Any, Ps], *, is_once: bool
    ) -> Callable[[Callable[Ps, R]], Callable[Ps, R]]:
        name = self._definition.event(event).name

        def register(callback: Callable[Ps, R]) -> Callable[Ps, R]:
            if self._callbacks.add(name, callback, is_once=is_once) and self._link is not None:
                self._link.subscribe(name)
            return callback

        return register

    def _deliver(self, name: str, args: list[Plain]) -> None:
        spec = self._definition.events.get(name)
        if spec is None:
            _log.warning("%s has no event %r; it was dropped", self._definition.name, name)
            return
        try:
            payload = spec.structure_payload(args)
        except Exception:  # noqa: BLE001 - whatever a user's type raises, and it is logged
            _log.exception("event %r of %s was dropped", name, self._definition.name)
            return
        if self._callbacks.run(name, payload) and self._link is not None:
            self._link.unsubscribe(name)

    def _never_open(self) -> ConnectionLost:
        return ConnectionLost(
            f"this connection to {self._definition.name} is not open: "
            "use it in async with handle.connect() as conn",
            may_have_run=False,
        )
