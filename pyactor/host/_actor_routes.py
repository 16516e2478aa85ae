"""The routes of one actor: ``/action``, ``/queue``, ``/request``, ``/connect``, ``/websocket``.

Source: wire-protocol.md, "Actor routes". What a request asks for is read here, with its limits;
a driver of the run time then does it. Each runs the whole life of a connection (C14).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from attrs import frozen

from ..definition import Request
from ..errors import (
    DecodeError,
    IncomingTooLong,
    InvalidRequest,
    MethodNotAllowed,
    RouteNotFound,
)
from ..runtime import (
    ChannelDriver,
    Instance,
    QueueDriver,
    RawRequestDriver,
    RawWebSocketDriver,
    StatelessDriver,
    check_size,
)
from ..wire import messages
from ..wire.channel import Channel
from ..wire.codecs import Codec
from ..wire.http import HttpRequest, HttpResponse, read_body
from . import routing
from ._answers import Form

_RAW_REQUEST = "request"
_RAW_WEBSOCKET = "websocket"


@frozen
class PlainRequest:
    """A plain request to an actor.

    Attributes:
        find: Gives the live actor.
        max_body: Bytes that a message to any actor of the host may have.
        route: What is left of the request's target.
        request: The request.
        form: In which to answer; it is told the version of the request's body.
    """

    find: Callable[[], Awaitable[Instance]]
    max_body: int
    route: routing.ActorRoute
    request: HttpRequest
    form: Form

    async def respond(self) -> HttpResponse:
        """Carry it out and answer.

        Raises:
            ActorError: It is none that an actor takes, or its answer is too large.
        """
        path = self.route.path
        kind, _, name = path[1:].partition("/")
        if kind == _RAW_REQUEST:
            return await self._respond_raw(await self.find(), f"/{name}")
        if kind not in ("action", "queue") or not name:
            raise RouteNotFound(
                f"an actor has no {path}; there are /action/NAME, /queue/NAME and /request/…"
            )
        if self.request.method != "POST":
            raise MethodNotAllowed(f"{path} takes POST, not {self.request.method}")
        # First the body, then the actor: it might stop while the one is awaited with the other.
        body = await read_body(self.request.body, self.max_body)
        self.form.learn(body)
        instance = await self.find()
        if len(body) > (limit := instance.definition.options.max_incoming_message):
            raise IncomingTooLong(f"the body has over {limit} bytes")
        answer = self._call_action if kind == "action" else self._send_to_queue
        try:
            return await answer(instance, unquote(name), body)
        except DecodeError as error:
            raise InvalidRequest(f"the body is no {kind} request: {error}") from error

    async def _respond_raw(self, instance: Instance, path: str) -> HttpResponse:
        request = _request(self.request, self.route, path)
        answer = await RawRequestDriver(instance, self._params(instance), request).call()
        return self.form.error(answer) if isinstance(answer, messages.Error) else answer

    async def _call_action(self, instance: Instance, action: str, body: bytes) -> HttpResponse:
        args = self.form.codec.decode_action_request(body)
        request = _request(self.request, self.route)
        driver = StatelessDriver(instance, self._params(instance), request, action, args)
        answer = await driver.call()
        if isinstance(answer, messages.Error):
            return self.form.error(answer)
        encoded = self.form.codec.encode_action_response(answer.output, self.form.version)
        check_size(encoded, instance.definition.options.max_outgoing_message, "the answer")
        return self.form.answer(encoded)

    async def _send_to_queue(self, instance: Instance, queue: str, body: bytes) -> HttpResponse:
        send = self.form.codec.decode_queue_request(body)
        request = _request(self.request, self.route)
        params = self._params(instance)
        answer = await QueueDriver(instance, params, request, queue, send).call()
        if isinstance(answer, messages.Error):
            return self.form.error(answer)
        return self.form.answer(self.form.codec.encode_queue_response(answer, self.form.version))

    def _params(self, instance: Instance) -> Any:
        definition = instance.definition
        return definition.structure_params(
            routing.http_params(self.request, definition.options.max_params_size)
        )


def is_raw_websocket(route: routing.ActorRoute) -> bool:
    """Whether it is for ``on_web_socket``, and no connection of the protocol."""
    return route.path[1:].partition("/")[0] == _RAW_WEBSOCKET


def open_channel(
    instance: Instance,
    route: routing.ActorRoute,
    request: HttpRequest,
    channel: Channel,
    codec: Codec,
) -> None:
    """Begin an attempt to connect over a websocket, raw or of the protocol.

    Raises:
        ActorError: An actor has no such websocket, or the parameters do not fit.
    """
    definition = instance.definition
    is_raw = is_raw_websocket(route)
    if not is_raw and route.path != "/connect":
        raise RouteNotFound(
            f"an actor has no websocket {route.path}; there are /connect and /websocket/…"
        )
    params = definition.structure_params(
        routing.websocket_params(request, definition.options.max_params_size)
    )
    if is_raw:
        raw = _request(request, route, route.path.removeprefix(f"/{_RAW_WEBSOCKET}") or "/")
        RawWebSocketDriver(instance, params, raw, channel).open()
    else:
        extension = routing.websocket_extension(request)
        ChannelDriver(
            instance, params, _request(request, route), channel, codec, extension=extension
        ).open()


def _request(request: HttpRequest, route: routing.ActorRoute, path: str | None = None) -> Request:
    """What the actor sees of it: the path below the actor, not the gateway's."""
    return Request(
        method=request.method,
        path=route.path if path is None else path,
        query=route.query,
        headers=request.headers,
        peer=request.peer,
        body=request.body,
    )
