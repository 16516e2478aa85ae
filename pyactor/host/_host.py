"""The host without sockets: requests and channels in, actors behind.

Owns what every transport calls: ``respond`` and ``open_channel``. It must not know what carries
them.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from urllib.parse import unquote

from ..client import Client
from ..definition import Request
from ..errors import (
    INTERNAL_CODE,
    INTERNAL_GROUP,
    ActionNotFound,
    ActionTimedOut,
    ActorNotFound,
    DecodeError,
    DuplicateKey,
    GoingAway,
    IncomingTooLong,
    InvalidRequest,
    MethodNotAllowed,
    RouteNotFound,
)
from ..runtime import (
    ChannelDriver,
    Clock,
    Instance,
    StatelessDriver,
    check_size,
    error_to_send,
    is_public,
)
from ..storage import MemoryStorage, Storage
from ..wire import messages
from ..wire.channel import Channel
from ..wire.codecs import Codec, codec_for
from ..wire.http import HttpRequest, HttpResponse
from . import routing
from ._control import ControlApi
from ._cors import cors_headers, preflight
from ._refusal import refuse
from ._status import ActorStatus
from .directory import Directory
from .registry import Registry

_log = logging.getLogger("pyactor.host")
_STATUS = {
    ActorNotFound().name: 404,
    RouteNotFound().name: 404,
    ActionNotFound().name: 404,
    MethodNotAllowed().name: 405,
    ActionTimedOut().name: 408,
    DuplicateKey().name: 409,
    IncomingTooLong().name: 413,
    f"{INTERNAL_GROUP}.{INTERNAL_CODE}": 500,
    GoingAway().name: 503,
}


class ActorHost:
    """Serves a registry's actors to whatever brings requests and channels."""

    def __init__(
        self,
        registry: Registry,
        *,
        storage: Storage | None = None,
        region: str = "local",
        clock: Clock | None = None,
    ) -> None:
        """Prepare; no actor starts before it is asked for.

        Args:
            registry: Which actors there are.
            storage: Where they are kept while not in memory; a ``MemoryStorage`` of its own by
                default.
            region: What ``self.region`` says.
            clock: Time of day and ids.
        """
        self.registry = registry
        kept = storage if storage is not None else MemoryStorage()
        self.directory = Directory(
            registry,
            kept,
            clock=clock or Clock(),
            region=region,
            context=contextvars.copy_context(),
            client=self._own_client,
        )
        self._storage = kept
        self._control = ControlApi(self.directory, kept)
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

    def _own_client(self) -> Client:
        """What actors call each other with: one client for all of them, made at first use."""
        if self._client is None:
            self._client = Client(self)
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
        if request.method == "OPTIONS":
            return preflight(request)
        path, _ = routing.split_target(request.target)
        codec = codec_for("json")
        version = codec.initial_version
        try:
            if path == "/metadata":
                status, body = 200, b'{"runtime":"pyactor","actorNames":{}}'
            elif path == "/actors" or path.startswith("/actors/"):
                status, body = 200, await self._control.respond(request)
            else:
                codec = routing.http_codec(request)
                version = _version_of(codec, request.body)
                status, body = await self._call(request, codec, version)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered (C8)
            if not is_public(error):
                _log.error("%s %s failed", request.method, path, exc_info=error)
            status, body = _error_answer(error_to_send(error), codec, version)
        headers = {"content-type": codec.content_type, **cors_headers(request)}
        return HttpResponse(status, headers, body)

    async def _call(self, request: HttpRequest, codec: Codec, version: int) -> tuple[int, bytes]:
        """``POST /gateway/…/action/NAME``: the whole life of a connection (C14)."""
        route = routing.gateway_route(request.target)
        routing.check_depth(request)
        path, _ = routing.split_target(route.path)
        kind, _, name = path[1:].partition("/")
        if kind != "action" or not name:
            raise RouteNotFound(f"an actor has no {path}; its actions are at /action/NAME")
        if request.method != "POST":
            raise MethodNotAllowed(f"{path} takes POST, not {request.method}")
        instance = await self._instance(route.actor)
        options = instance.definition.options
        if len(request.body) > options.max_incoming_message:
            raise IncomingTooLong(f"a call may have {options.max_incoming_message} bytes")
        try:
            args = codec.decode_action_request(request.body)
        except DecodeError as error:
            raise InvalidRequest(f"the body is not a call: {error}") from error
        params = instance.definition.structure_params(
            routing.http_params(request, options.max_params_size)
        )
        driver = StatelessDriver(
            instance, params, _request(request, route.path), unquote(name), args
        )
        answer = await driver.call()
        if isinstance(answer, messages.Error):
            return _error_answer(answer, codec, version)
        body = codec.encode_action_response(answer.output, version)
        check_size(body, options.max_outgoing_message, "the answer")
        return 200, body

    # -------------------------------------------------------------- websockets

    def open_channel(self, request: HttpRequest, channel: Channel) -> None:
        """Take over a websocket: find its actor, then begin the attempt to connect."""
        task = asyncio.get_running_loop().create_task(self._open(request, channel))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, request: HttpRequest, channel: Channel) -> None:
        codec: Codec | None = None
        try:
            codec = routing.websocket_codec(request)
            route = routing.gateway_route(request.target)
            routing.check_depth(request)
            path, _ = routing.split_target(route.path)
            if path != "/connect":
                raise RouteNotFound(f"an actor has no websocket {path}; connect to /connect")
            instance = await self._instance(route.actor)
            options = instance.definition.options
            params = instance.definition.structure_params(
                routing.websocket_params(request, options.max_params_size)
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered (C8)
            if not is_public(error):
                _log.error("websocket %s failed", request.target, exc_info=error)
            refuse(channel, codec, error_to_send(error))
        else:
            ChannelDriver(instance, params, _request(request, route.path), channel, codec).open()

    async def _instance(self, actor: routing.ByKey | routing.ById) -> Instance:
        if isinstance(actor, routing.ById):
            return await self.directory.get_by_id(actor.actor_id)
        if actor.creates:
            return await self.directory.get_or_create(actor.name, actor.key, actor.input)
        return await self.directory.get(actor.name, actor.key)


def _request(request: HttpRequest, path: str) -> Request:
    """What the actor sees of it: the path below the actor, not the gateway's."""
    return Request(headers=request.headers, path=path, peer=request.peer)


def _version_of(codec: Codec, body: bytes) -> int:
    """The version to answer in: the request's own (wire-protocol.md, "Framing")."""
    try:
        return codec.version_of(body)
    except DecodeError:
        return codec.initial_version  # the body's own reading will say what is wrong with it


def _error_answer(error: messages.Error, codec: Codec, version: int) -> tuple[int, bytes]:
    status = _STATUS.get(f"{error.group}.{error.code}", 400)
    try:
        return status, codec.encode_error(error, version)
    except (TypeError, ValueError):
        _log.exception("the metadata of %s.%s cannot be sent", error.group, error.code)
        return 500, codec.encode_error(error_to_send(Exception()), version)
