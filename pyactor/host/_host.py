"""The host without sockets: requests and channels in, actors behind.

Owns what every transport calls: ``respond`` and ``open_channel``. It must not know what carries
them.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version

from attrs import evolve, frozen

from ..client import Client
from ..errors import ActorNotFound
from ..runtime import Clock, Instance, error_to_send, is_public
from ..storage import MemoryStorage, Storage
from ..tasks import start_task
from ..wire.channel import Channel
from ..wire.codecs import Codec
from ..wire.depth import depth_of
from ..wire.http import HttpRequest, HttpResponse, path_to_log
from . import _actor_routes, routing
from ._access import DEFAULT_NAMESPACE, INSIDE, Access
from ._answers import Form
from ._control import ControlApi
from ._cors import cors_headers, preflight
from ._refusal import refuse
from ._status import ActorStatus
from .directory import Directory
from .registry import Registry

_log = logging.getLogger("pyactor.host")


class ActorHost:
    """Serves a registry's actors to whatever brings requests and channels."""

    def __init__(
        self,
        registry: Registry,
        *,
        storage: Storage | None = None,
        region: str = "local",
        token: str | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        allowed_origins: Sequence[str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepare; no actor starts before it is asked for.

        Args:
            registry: Which actors there are.
            storage: Where they are kept while not in memory; a ``MemoryStorage`` of its own by
                default. It may have been another host's, but that must have stopped (A1).
            region: What ``self.region`` says.
            token: What clients must show; None lets everybody in. Which actor and connection a
                client may have is for ``on_before_connect`` to say.
            namespace: The one namespace that is served; clients that name another are refused.
            allowed_origins: ``https://example.com`` …: whose pages may use the host; None for
                all. A client that is no browser sends no origin and is not asked.
            clock: Time of day and ids.

        Raises:
            ValueError: The token is empty, or an origin is none.
            TypeError: ``allowed_origins`` is one str.
        """
        self.registry = registry
        kept = storage if storage is not None else MemoryStorage()
        self.directory = Directory(
            registry,
            kept,
            clock=clock or Clock(),
            region=region,
            context=contextvars.copy_context(),
            client=lambda: self.client,
        )
        self._storage = kept
        self._control = ControlApi(self.directory, kept, namespace)
        self._access = Access(token, namespace, allowed_origins)
        self._metadata = _metadata(registry)
        self._max_body = max(
            (each.options.max_incoming_message for each in registry.definitions.values()), default=0
        )
        self._opening: set[asyncio.Task[None]] = set()
        self._client: Client | None = None

    def start(self) -> None:
        """Begin to wake sleeping actors for what they have scheduled (A5).

        Nothing is loaded but what is due, which is seen to at once.
        """
        self.directory.alarms.start()

    async def stop(self) -> None:
        """End every connection and put every actor to sleep, within the grace period (C15)."""
        await self.directory.close()
        if self._opening:
            await asyncio.wait(self._opening)
        if self._client is not None:
            await self._client.aclose()

    @property
    def client(self) -> Client:
        """A client from inside: it needs no token, and ends with the host.

        It is what actors call each other with, too.
        """
        if self._client is None:
            self._client = Client(_Inside(self))
        return self._client

    async def status(self, actor_id: str) -> ActorStatus:
        """Where an actor stands, in RivetKit's words.

        Raises:
            ActorNotFound: there is none, or it was destroyed (A6).
        """
        stored = await self._storage.load(actor_id)
        if stored is None:
            raise ActorNotFound(f"no actor has the id {actor_id!r}; it may have been destroyed")
        return self.directory.status(stored.record)

    # -------------------------------------------------------------- plain HTTP

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """Answer one request. Never raises: an error is an answer too."""
        return await self._answer(request, self._access)

    async def _answer(self, request: HttpRequest, access: Access) -> HttpResponse:
        if request.method == "OPTIONS":
            return preflight(request, access)
        form = Form()
        try:
            access.check_origin(request.headers.get("origin"))
            response = await self._respond(request, form, access)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered (C8)
            if not is_public(error):
                path = path_to_log(request.target)
                _log.error("%s %s failed", request.method, path, exc_info=error)
            response = form.error(error_to_send(error))
        return evolve(response, headers={**cors_headers(request, access), **response.headers})

    async def _respond(self, request: HttpRequest, form: Form, access: Access) -> HttpResponse:
        routing.check_depth(request)
        path, _ = routing.split_target(request.target)
        if path == "/metadata":
            return form.answer(self._metadata)
        if path == "/health":
            return form.answer(b'{"status":"ok"}')
        if path == "/actors" or path.startswith("/actors/"):
            namespace = routing.query_of(request.target).get("namespace")
            access.check(routing.carried_token(request), namespace)
            return form.answer(await self._control.respond(request))
        form.use(routing.http_codec(request))
        route = routing.actor_route(request)
        access.check(route.token, route.namespace)

        async def find() -> Instance:
            return await self._instance(route.actor, depth_of(request.headers))

        plain = _actor_routes.PlainRequest(find, self._max_body, route, request, form)
        return await plain.respond()

    # -------------------------------------------------------------- websockets

    def open_channel(self, request: HttpRequest, channel: Channel) -> None:
        """Take over a websocket: find its actor, then begin the attempt to connect."""
        self._begin(request, channel, self._access)

    def _begin(self, request: HttpRequest, channel: Channel, access: Access) -> None:
        task = start_task(self._open(request, channel, access))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, request: HttpRequest, channel: Channel, access: Access) -> None:
        framing: Codec | None = None  # in which the error of a refusal can be told
        try:
            codec = framing = routing.websocket_codec(request)
            route = routing.actor_route(request)
            if _actor_routes.is_raw_websocket(route):
                framing = None
            access.check_origin(request.headers.get("origin"))
            access.check(route.token, route.namespace)
            routing.check_depth(request)
            instance = await self._instance(route.actor, depth_of(request.headers))
            _actor_routes.open_channel(instance, route, request, channel, codec)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered (C8)
            if not is_public(error):
                path = path_to_log(request.target)
                _log.error("websocket %s failed", path, exc_info=error)
            refuse(channel, framing, error_to_send(error))

    async def _instance(self, actor: routing.ByKey | routing.ById, depth: int) -> Instance:
        directory = self.directory
        if isinstance(actor, routing.ById):
            return await directory.get_by_id(actor.actor_id, depth=depth)
        if actor.creates:
            return await directory.get_or_create(actor.name, actor.key, actor.input, depth=depth)
        return await directory.get(actor.name, actor.key, depth=depth)


@frozen
class _Inside:
    """A host as its own actors reach it: whoever is inside needs no token."""

    _host: ActorHost

    async def respond(self, request: HttpRequest, /) -> HttpResponse:
        return await self._host._answer(request, INSIDE)

    def open_channel(self, request: HttpRequest, channel: Channel, /) -> None:
        self._host._begin(request, channel, INSIDE)


@cache  # it reads and parses a file of the installed package
def _version() -> str:
    return version("pyactor-sdk")


def _metadata(registry: Registry) -> bytes:
    """What ``/metadata`` says (wire-protocol.md, "Endpoint and metadata")."""
    said = {
        "runtime": "pyactor",
        "version": _version(),
        "actorNames": {name: {"metadata": {}} for name in registry.definitions},
    }
    return json.dumps(said, separators=(",", ":")).encode()
