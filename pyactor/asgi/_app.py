"""The application that an ASGI server calls, and the life of the host behind it.

Owns when there is a host. What is asked of it is the host's; how it is carried, ``_http``'s and
``_websocket``'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from ..client import Client
from ..host import ActorHost, ActorStatus, Registry
from ..storage import Storage
from ..transports import ServerLimits
from ..wire.channel import SUBPROTOCOL
from ._http import Exchange
from ._scope import request_of
from ._types import Receive, Scope, Send
from ._websocket import WebsocketChannel

_log = logging.getLogger("pyactor.asgi")


def app(
    registry: Registry,
    *,
    storage: Storage | Callable[[], Storage] | None = None,
    region: str = "local",
    token: str | None = None,
    namespace: str = "default",
    allowed_origins: Sequence[str] | None = None,
    limits: ServerLimits | None = None,
) -> App:
    """Actors as an ASGI application.

    Served by itself (``uvicorn chat:rooms``) it starts and stops with the server. Mounted below
    another one it gets no such word, so the other one has to pass it on:
    ``FastAPI(lifespan=rooms.lifespan)``.

    Args:
        registry: Which actors there are.
        storage: Where actors are kept while not in memory. A function is called at start-up, and
            what it gives is closed at shutdown: ``lambda: SqliteStorage("data")``. In memory by
            default, anew at each start.
        region: What ``self.region`` says.
        token: What clients must show; None lets everybody in. ``App.client`` needs none.
        namespace: The one namespace that is served.
        allowed_origins: ``https://example.com`` …: whose pages may use it; None for all.
        limits: Of these ``max_body``, ``body_timeout``, ``idle_timeout`` and ``close_timeout``
            count. Heads, frames, pings and pauses are the server's.

    Raises:
        ValueError: The token is empty, or an origin is none.
        TypeError: ``allowed_origins`` is one str.
    """

    def make_host(kept: Storage | None) -> ActorHost:
        return ActorHost(
            registry,
            storage=kept,
            region=region,
            token=token,
            namespace=namespace,
            allowed_origins=allowed_origins,
        )

    make_host(None)  # what is wrong with the arguments is said here, not at start-up
    return App(make_host, storage, limits or ServerLimits())


class App:
    """What ``pyactor.asgi.app`` makes: call it as ASGI says, or use what is inside.

    It may be started again once it has stopped, on another loop too; what was in memory is lost.
    """

    def __init__(
        self,
        make_host: Callable[[Storage | None], ActorHost],
        storage: Storage | Callable[[], Storage] | None,
        limits: ServerLimits,
    ) -> None:
        """Prepare; ``app`` knows how."""
        self._make_host = make_host
        self._storage = storage
        self._limits = limits
        self._host: ActorHost | None = None
        self._answers: set[asyncio.Task[None]] = set()

    # -------------------------------------------------------------- for the program around it

    @property
    def client(self) -> Client:
        """A client of these actors for code in this process; there while the app runs.

        It needs no token of the host. The actors' own ``on_before_connect`` sees its params as
        anybody's.

        Raises:
            RuntimeError: The app does not run.
        """
        return self._running().client

    async def status(self, actor_id: str) -> ActorStatus:
        """Where an actor stands, in RivetKit's words.

        Raises:
            ActorNotFound: There is none, or it was destroyed (A6).
            RuntimeError: The app does not run.
        """
        return await self._running().status(actor_id)

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: object = None, /) -> AsyncIterator[None]:
        """Run the actors: for a program that mounts this app below another.

        ``FastAPI(lifespan=rooms.lifespan)``, or within a lifespan of your own
        ``async with rooms.lifespan(): …``. At its end every connection is closed and every actor
        put to sleep, within its grace period (C15).

        Raises:
            RuntimeError: It runs already.
            StorageError: The storage cannot be opened.
        """
        if self._host is not None:
            raise RuntimeError(
                "this pyactor.asgi app runs already: start it once, by the server that serves it, "
                "or by the lifespan of the app that it is mounted in"
            )
        opened = self._storage() if callable(self._storage) else None
        try:
            kept = self._storage if opened is None else opened
            assert not callable(kept)
            host = self._host = self._make_host(kept)
            try:
                host.start()
                yield
            finally:
                try:
                    await host.stop()
                finally:
                    self._host = None
        finally:
            if opened is not None:
                await opened.close()

    # -------------------------------------------------------------- for the server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What an ASGI server calls for a request, a websocket, or its own start and end.

        Raises:
            RuntimeError: The app does not run.
            ValueError: It is something else.
        """
        kind = scope["type"]
        if kind == "http":
            exchange = Exchange(self._running(), scope, receive, send, self._limits)
            await exchange.run(self._answers)
        elif kind == "websocket":
            await self._serve_websocket(self._running(), scope, receive, send)
        elif kind == "lifespan":
            await self._serve_lifespan(receive, send)
        else:
            raise ValueError(f"pyactor.asgi serves http, websocket and lifespan, not {kind!r}")

    async def _serve_websocket(
        self, host: ActorHost, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Accept it in any case: a refusal by status would reach the client as a bare 1006."""
        await receive()
        offered = scope.get("subprotocols") or ()
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        try:
            await send({"type": "websocket.accept", "subprotocol": chosen})
        except OSError as error:  # the client is gone already (ASGI 2.4)
            _log.debug("a websocket was not accepted: %r", error)
            return
        channel = WebsocketChannel(receive, send, close_timeout=self._limits.close_timeout)
        host.open_channel(request_of(scope), channel)
        await channel.run()

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        stage = "startup"
        try:
            async with self.lifespan():
                await send({"type": "lifespan.startup.complete"})
                stage = "shutdown"
                await receive()
        except Exception as error:  # noqa: BLE001 - the server is told, whatever it is
            _log.exception("the %s of the actors failed", stage)
            await send({"type": f"lifespan.{stage}.failed", "message": str(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})

    def _running(self) -> ActorHost:
        if self._host is None:
            raise RuntimeError(
                "this pyactor.asgi app does not run: nobody has started it, or it has stopped. "
                "Mounted below another app it has to be started by that one's lifespan: "
                "FastAPI(lifespan=rooms.lifespan), or async with rooms.lifespan(): … in yours"
            )
        return self._host
