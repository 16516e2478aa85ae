"""Live connections: calls that carry ``self.conn``, and events as they happen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, overload

from typing_extensions import TypeVar, override

from ..errors import ConnectionLost, HostUnreachable
from ._callbacks import Callbacks, Notices
from ._calls import Calls
from ._closed import Closed
from ._gap import Gap
from ._link import Link
from ._stream import EventStream, GapStream, Waiting, WhenFull
from ._types import A_co, Ps, R

if TYPE_CHECKING:
    from ..definition import ActorDefinition, EventRef, NoActor
    from ..session._client_transitions import Status
    from ..wire.messages import Plain
    from ._address import Address
    from ._gateway import Gateway
    from ._options import ClientOptions
    from ._params import ParamsSource

_log = logging.getLogger("pyactor.client")
_T = TypeVar("_T")
_StatusCallback = TypeVar("_StatusCallback", bound="Callable[[Status], object]")
_OpenCallback = TypeVar("_OpenCallback", bound=Callable[[], object])
_CloseCallback = TypeVar("_CloseCallback", bound=Callable[[Closed], object])
_ErrorCallback = TypeVar("_ErrorCallback", bound=Callable[[Exception], object])

_LAST_CALLBACKS: Final = 5.0
"""Seconds that async callbacks of ``on_close`` and its like may take beside ``close()``."""


class Connection(Calls[A_co]):
    """A connection to an actor that comes back: ``async with room.connect() as conn``.

    Entering connects and waits until the actor has let the connection in; leaving closes it.
    Callbacks may be registered before, so that no event is missed. When the connection is lost it
    is made anew, with the same subscriptions.
    """

    def __init__(
        self,
        gateway: Gateway,
        definition: ActorDefinition,
        address: Address,
        params: ParamsSource,
        options: ClientOptions,
    ) -> None:
        super().__init__(definition)
        self._gateway = gateway
        self._address = address
        self._params = params
        self._options = options
        self._notices = Notices()
        self._callbacks = Callbacks(lambda _name, error: self._notices.failed(error))
        self._gaps = Callbacks(lambda _name, error: self._notices.failed(error), what="a gap in ")
        self._streams: set[Waiting] = set()
        self._link: Link | None = None
        self._is_entered = False

    # ------------------------------------------------------------------ what it is

    @property
    def status(self) -> Status:
        """``idle`` before and after all, ``connecting``, ``connected``; ``disconnected``: it waits.

        A connection that is ``disconnected`` tries again by itself.
        """
        return "idle" if self._link is None else self._link.status

    @property
    def actor_id(self) -> str:
        """The actor's id, as the connection that opened last has it.

        Raises:
            ConnectionLost: The connection was never open.
        """
        if self._link is None or self._link.opened is None:
            raise self._never_open()
        return self._link.opened.actor_id

    @property
    def conn_id(self) -> str:
        """The connection's id, as the actor sees it in ``conn.id``; a new one each time it opens.

        Raises:
            ConnectionLost: The connection was never open.
        """
        if self._link is None or self._link.opened is None:
            raise self._never_open()
        return self._link.opened.connection_id

    @property
    def ready(self) -> Awaitable[None]:
        """``await conn.ready`` returns once it is connected, now or after the next attempts.

        Awaiting it raises what made the end final: the actor's rejection (rule C2), a bad token,
        an actor that is not there any more; `ConnectionLost` after a close, or before it began.
        """
        return _Ready(self._wait_ready)

    # ------------------------------------------------------------------ events

    def on(
        self, event: EventRef[A_co, Any, Ps] | EventRef[NoActor, Any, Ps], /
    ) -> Callable[[Callable[Ps, R]], Callable[Ps, R]]:
        """Call the decorated function, sync or async, for each event of this name.

        The first callback of an event subscribes to it. Callbacks run in the order in which
        events arrive; one that raises is logged, goes to `on_error`, and disturbs nothing else.
        Async ones run as tasks, which end with the connection at the latest.

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
        self._remove(self._definition.event(event).name, callback)

    @overload
    def events(
        self,
        event: EventRef[A_co, _T, ...] | EventRef[NoActor, _T, ...],
        /,
        *,
        max_waiting: int = 1000,
        when_full: WhenFull = "drop_oldest",
        gaps: Literal[False] = False,
    ) -> EventStream[_T]: ...
    @overload
    def events(
        self,
        event: EventRef[A_co, _T, ...] | EventRef[NoActor, _T, ...],
        /,
        *,
        max_waiting: int = 1000,
        when_full: WhenFull = "drop_oldest",
        gaps: Literal[True],
    ) -> GapStream[_T]: ...
    def events(
        self,
        event: EventRef[A_co, Any, ...] | EventRef[NoActor, Any, ...],
        /,
        *,
        max_waiting: int = 1000,
        when_full: WhenFull = "drop_oldest",
        gaps: bool = False,
    ) -> EventStream[Any]:
        """The events of this name as an iterator: ``async for message in conn.events(…)``.

        Subscribed from now on. Those of ``Event[None]`` are None.

        Args:
            event: The event.
            max_waiting: How many may wait to be taken.
            when_full: What becomes of one more: ``"drop_oldest"`` counts in ``dropped``,
                ``"fail"`` raises `EventBacklog` once those that wait are taken.
            gaps: Whether a `Gap` stands where broadcasts are missing; for an event that is
                replayed.

        Raises:
            TypeError: It is another actor's event.
            ValueError: An argument is none of these, or the event is not replayed.
        """
        name = self._replayed(event) if gaps else self._definition.event(event).name
        waiting = Waiting(f"{name!r} of {self._definition.name}", max_waiting, when_full)

        def stop() -> None:
            self._streams.discard(waiting)
            self._gaps.remove(name, waiting.put)
            self._remove(name, waiting.put)

        stream: EventStream[Any] = (GapStream if gaps else EventStream)(waiting, stop)
        if self._link is not None and self._link.is_over:
            waiting.end(self._link.end)
        else:
            self._streams.add(waiting)
            if gaps:
                self._gaps.add(name, waiting.put)
            self._add(name, waiting.put, is_once=False)
        return stream

    def on_gap(
        self, event: EventRef[A_co, Any, ...] | EventRef[NoActor, Any, ...], /
    ) -> Callable[[Callable[[Gap], R]], Callable[[Gap], R]]:
        """Call the decorated function, sync or async, where broadcasts of this event are missing.

        In its place among the events: after those that came before, before those that follow.
        It subscribes to nothing.

        Raises:
            TypeError: It is another actor's event.
            ValueError: It is not replayed, so nobody would know.
        """
        name = self._replayed(event)

        def register(callback: Callable[[Gap], R]) -> Callable[[Gap], R]:
            self._gaps.add(name, callback)
            return callback

        return register

    async def subscribed(
        self,
        event: EventRef[A_co, Any, ...] | EventRef[NoActor, Any, ...],
        /,
        *,
        timeout: float | None = None,
    ) -> None:
        """Wait until the host has acknowledged the subscription to an event.

        What is broadcast from then on arrives, and of an event that is replayed also what is
        broadcast while the connection is lost. Lost before that, it is waited for anew.

        Args:
            event: The event; a callback of `on` or an iterator of `events` asks for it.
            timeout: Seconds; by default ``call_timeout``.

        Raises:
            NotAcknowledged: The host acknowledges none: it speaks the protocol without the
                extension.
            CallTimedOut: It took too long; ``may_have_run`` says if the host was asked.
            ConnectionLost: The connection was never open, or is over for good.
            ActorError: What the host refused the subscription with, such as `Forbidden`; or what
                ended the connection for good.
            RuntimeError: Nothing asks for the event, or no longer does.
            TypeError: It is another actor's event.
        """
        name = self._definition.event(event).name
        if self._link is None:
            raise self._never_open()
        await self._link.subscribed(
            name, self._options.call_timeout if timeout is None else timeout
        )

    # ------------------------------------------------------------------ what becomes of it

    def on_status_change(self, callback: _StatusCallback, /) -> _StatusCallback:
        """Call the decorated function, sync or async, with each new ``status``."""
        self._notices.on_status_change(callback)
        return callback

    def on_open(self, callback: _OpenCallback, /) -> _OpenCallback:
        """Call the decorated function each time the connection opens.

        What it is subscribed to has been asked for again; `subscribed` waits for the answer.
        """
        self._notices.on_open(callback)
        return callback

    def on_close(self, callback: _CloseCallback, /) -> _CloseCallback:
        """Call the decorated function each time a connection that was open is closed or lost."""
        self._notices.on_close(callback)
        return callback

    def on_error(self, callback: _ErrorCallback, /) -> _ErrorCallback:
        """Call the decorated function with each failure that no call raises.

        An attempt that failed, and whether more follow ``status`` says; an error that the host
        reports, such as a refused subscription; an event that cannot be read; whatever a callback
        raised.
        """
        self._notices.on_error(callback)
        return callback

    # ------------------------------------------------------------------ begin and end

    def open(self) -> None:
        """Begin to connect, in the background; `ready` says when. `close` has to follow.

        ``async with`` does both.

        Raises:
            RuntimeError: It was opened before.
            ConnectionLost: The client is closed.
        """
        if self._link is not None:
            raise RuntimeError(
                f"this connection to {self._definition.name} was opened before; "
                "each use takes a new one: async with handle.connect() as conn"
            )
        self._gateway.check_open()
        link = Link(
            self._gateway,
            self._address,
            self._params,
            label=self._definition.name,
            declared=self._definition.errors,
            options=self._options,
            notices=self._notices,
            deliver=self._deliver,
            missed=self._missed,
            ended=self._end_streams,
        )
        self._link = link
        self._gateway.connections.add(self)
        for name in self._callbacks.names:
            self._subscribe(link, name)
        link.open()

    async def close(self) -> None:
        """Close the connection and wait until nothing of it is left, callbacks included.

        Idempotent. No event is delivered any more, and no attempt follows.
        """
        try:
            if self._link is not None:
                await self._link.close()
        finally:
            await self._callbacks.cancel()
            await self._gaps.cancel()
            await self._notices.finish(_LAST_CALLBACKS)
            self._gateway.connections.discard(self)

    async def wait_closed(self) -> Closed:
        """Wait until the connection has ended for good, whoever ended it, and say how.

        A loss that the connection comes back from is no such end: see `on_close`.

        Raises:
            ConnectionLost: It was never opened.
        """
        if self._link is None:
            raise self._never_open()
        return await self._link.wait_closed()

    async def __aenter__(self) -> Self:
        """Connect, for ``connect_timeout`` at most.

        Raises:
            ActorError: The actor's rejection (rule C2): a declared error as its own class.
            HostUnreachable: No connection came about in time.
            RuntimeError: It was entered before.
        """
        if self._link is None or self._is_entered:
            self.open()
        self._is_entered = True
        link = self._link
        assert link is not None
        timeout = self._gateway.clock.timeout(self._options.connect_timeout)
        try:
            async with timeout:
                await link.wait_ready()
        except TimeoutError:
            if not timeout.expired():  # an actor's own
                await self.close()
                raise
            link.abort()
            await self.close()
            failure = link.failure or HostUnreachable(
                f"{self._definition.name} was not open within {self._options.connect_timeout:g} s"
            )
            raise failure from failure.__cause__
        except asyncio.CancelledError:
            link.abort()
            await self.close()
            raise
        except BaseException:
            await self.close()
            raise
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
    def __repr__(self) -> str:
        is_known = self._link is not None and self._link.opened is not None
        name = self.conn_id if is_known else "that is not open"
        return f"<Connection to {self._definition.name} {name}>"

    # ------------------------------------------------------------------ how

    @override
    async def _call(self, name: str, args: list[Plain]) -> Plain:
        if self._link is None:
            raise self._never_open()
        return await self._link.call(name, args)

    async def _wait_ready(self) -> None:
        if self._link is None:
            raise self._never_open()
        await self._link.wait_ready()

    def _registering(
        self, event: EventRef[Any, Any, Ps], *, is_once: bool
    ) -> Callable[[Callable[Ps, R]], Callable[Ps, R]]:
        name = self._definition.event(event).name

        def register(callback: Callable[Ps, R]) -> Callable[Ps, R]:
            self._add(name, callback, is_once=is_once)
            return callback

        return register

    def _add(self, name: str, callback: Callable[..., object], *, is_once: bool) -> None:
        if self._callbacks.add(name, callback, is_once=is_once) and self._link is not None:
            self._subscribe(self._link, name)

    def _subscribe(self, link: Link, name: str) -> None:
        link.subscribe(name, is_replayed=bool(self._definition.events[name].replay))

    def _replayed(self, event: EventRef[Any, Any, ...]) -> str:
        """The name of an event that is replayed."""
        spec = self._definition.event(event)
        if not spec.replay:
            raise ValueError(
                f"event {spec.attr!r} of {self._definition.name} is not replayed, so nobody knows "
                f"what of it is missing: declare it with {spec.attr} = Event[…](replay=100)"
            )
        return spec.name

    def _remove(self, name: str, callback: Callable[..., object]) -> None:
        if self._callbacks.remove(name, callback) and self._link is not None:
            self._link.unsubscribe(name)

    def _deliver(self, name: str, args: list[Plain]) -> None:
        spec = self._definition.events.get(name)
        if spec is None:
            _log.warning("%s has no event %r; it was dropped", self._definition.name, name)
            return
        try:
            payload = spec.structure_payload(args)
        except Exception as error:  # noqa: BLE001 - whatever a user's type raises; it is logged
            _log.exception("event %r of %s was dropped", name, self._definition.name)
            self._notices.failed(error)
            return
        if self._callbacks.run(name, payload) and self._link is not None:
            self._link.unsubscribe(name)

    def _missed(self, name: str, count: int | None) -> None:
        spec = self._definition.events.get(name)
        if spec is None:
            return  # as of its events: the host has it, and this class has not
        gap = Gap(spec.attr, count)
        if name not in self._gaps.names:
            _log.warning("%s: %s, and nothing asks for gaps", self._definition.name, gap)
        self._gaps.run(name, (gap,))

    def _end_streams(self, error: Exception | None) -> None:
        for waiting in self._streams:
            waiting.end(error)
        self._streams.clear()

    def _never_open(self) -> ConnectionLost:
        return ConnectionLost(
            f"this connection to {self._definition.name} is not open: "
            "use it in async with handle.connect() as conn",
            may_have_run=False,
        )


class _Ready:
    """What may be awaited, or not, as often as one likes."""

    def __init__(self, wait: Callable[[], Awaitable[None]]) -> None:
        self._wait = wait

    def __await__(self) -> Generator[Any, None, None]:
        return self._wait().__await__()
