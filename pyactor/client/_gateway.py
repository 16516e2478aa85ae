"""A host's routes as calls: resolve and create actors, call an action, open a connection.

Owns what is sent where and how answers are read (wire-protocol.md, "Control API", "Gateway paths"
and "Actor routes"). Values are plain here; typed ones are the handles' business.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterable, Awaitable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from ..errors import ActorError, ActorNotFound, CallTimedOut, ConnectionLost, DecodeError, UserError
from ..wire.codecs import codec_for
from ..wire.keys import serialise_key
from ..wire.messages import EXTENSION_SUBPROTOCOL
from . import _retry
from ._address import (
    CRASH_POLICY,
    POOL,
    Address,
    ById,
    ByKey,
    action_route,
    call_headers,
    connection_subprotocols,
    gateway_target,
    params_headers,
    raw_route,
    token_headers,
)
from ._failures import exception_of, invalid_response

if TYPE_CHECKING:
    import httpx2

    from ..wire.channel import ChannelReceiver
    from ..wire.messages import Plain
    from ._clock import ClientClock
    from ._connection import Connection
    from ._options import ClientOptions
    from ._params import AnyParams
    from ._transport import ClientChannel, ClientTransport
    from ._web_socket import ClientWebSocket

_JSON = "application/json"
_T = TypeVar("_T")


class Gateway:
    """One client's way to one host, and the connections that are open on it."""

    def __init__(
        self,
        transport: ClientTransport,
        encoding: str,
        *,
        token: str | None,
        namespace: str,
        options: ClientOptions,
        clock: ClientClock,
    ) -> None:
        """Nothing is sent yet.

        Args:
            transport: The way.
            encoding: Of calls and connections.
            token: What is shown to the host, or None.
            namespace: Where the actors live.
            options: Timeouts and limits.
            clock: Measures them.
        """
        self.transport = transport
        self.options = options
        self.clock = clock
        self.codec = codec_for(encoding)
        self.connections: set[Connection[Any]] = set()
        self.web_sockets: set[ClientWebSocket] = set()
        self._json = codec_for("json")
        self._namespace = namespace
        self._token_headers = token_headers(token)
        self._control_headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self._is_closed = False

    # ------------------------------------------------------------------ calls

    async def call(
        self,
        address: Address,
        params: AnyParams,
        action: str,
        args: list[Plain],
        declared: Mapping[tuple[str, str], type[UserError]],
    ) -> Plain:
        """Call an action without a connection, over HTTP (rule C14).

        What the host refuses for a moment, without having run anything, is tried again.

        Args:
            address: Whose action it is.
            params: Connection params.
            action: The action's name on the wire.
            args: Its arguments.
            declared: The actor's declared errors, by (group, code).

        Raises:
            CallTimedOut: It took too long.
            ActorError: What the host answered, or a failure of the way there.
        """
        response = await self.bounded(
            f"action {action!r}", self._call(address, params, action, args, declared)
        )
        try:
            return self.codec.decode_action_response(response.content)
        except DecodeError as error:
            raise invalid_response(f"the answer of action {action!r}: {error}") from error

    async def _call(
        self,
        address: Address,
        params: AnyParams,
        action: str,
        args: list[Plain],
        declared: Mapping[tuple[str, str], type[UserError]],
    ) -> httpx2.Response:
        codec = self.codec
        body = codec.encode_action_request(args, codec.initial_version)
        tries = _retry.tries_of(address)
        while True:
            try:
                target = await self._target(address, action_route(action))
                headers = call_headers(codec.name, codec.content_type, await params.get())
                response = await self._request("POST", target, headers | self._token_headers, body)
                if response.is_success:
                    return response
                raise self._failure(response, declared)
            except ActorError as error:
                tries -= 1
                if not (tries and _retry.did_not_run(error)):
                    raise
            await self.clock.sleep(_retry.PAUSE)

    async def bounded(self, what: str, work: Awaitable[_T], seconds: float | None = None) -> _T:
        """The result of something that is sent to the host, if it comes in time.

        Args:
            what: What the message calls it.
            work: It.
            seconds: By default ``call_timeout``.

        Raises:
            CallTimedOut: It does not; it is cancelled.
        """
        seconds = self.options.call_timeout if seconds is None else seconds
        limit = self.clock.timeout(seconds)
        try:
            async with limit:
                return await work
        except TimeoutError as error:
            if not limit.expired():  # the host's
                raise
            raise CallTimedOut(
                f"{what} was not answered within {seconds:g} s", may_have_run=True
            ) from error

    # ------------------------------------------------------------------ connections, raw traffic

    async def open_channel(
        self, address: Address, params: Plain, receiver: ChannelReceiver
    ) -> ClientChannel:
        """Begin a connection to an actor.

        Raises:
            HostUnreachable: No connection came about.
            ActorError: The actor could not be resolved, or the peer did not upgrade.
        """
        offered = [*connection_subprotocols(self.codec.name, params), EXTENSION_SUBPROTOCOL]
        return await self._open(address, "/connect", offered, receiver)

    async def open_web_socket(
        self, address: Address, params: Plain, path: str, receiver: ChannelReceiver
    ) -> ClientChannel:
        """Open a raw websocket of an actor.

        Raises:
            HostUnreachable: No connection came about.
            ActorError: The actor could not be resolved, or the peer did not upgrade.
            ValueError: There is no such path.
        """
        # Without an encoding: there are no messages of the protocol.
        offered = connection_subprotocols(self.codec.name, params)
        offered.remove(f"rivet_encoding.{self.codec.name}")
        return await self._open(address, raw_route("websocket", path), offered, receiver)

    async def fetch(
        self,
        address: Address,
        params: Plain,
        path: str,
        *,
        method: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes],
    ) -> httpx2.Response:
        """Send a raw request to an actor; the answer has its head only, and is to be closed.

        Raises:
            ActorError: A failure of the way there.
            ValueError: There is no such path.
        """
        target = await self._target(address, raw_route("request", path))
        ours = params_headers(params) | self._token_headers
        theirs = {k: v for k, v in headers.items() if k.lower() not in ours}
        self.check_open()
        return await self.transport.begin_request(method, target, theirs | ours, body)

    async def _open(
        self, address: Address, route: str, offered: list[str], receiver: ChannelReceiver
    ) -> ClientChannel:
        target = await self._target(address, route)
        self.check_open()
        return await self.transport.open_channel(target, self._token_headers, offered, receiver)

    # ------------------------------------------------------------------ control

    async def resolve(self, address: Address) -> str:
        """The id of an actor; it is created where the address may create it.

        Raises:
            ActorNotFound: There is none.
            CallTimedOut: It took too long.
            ActorError: What the host answered, or a failure of the way there.
        """
        if isinstance(address, ById):
            return address.actor_id
        if address.may_create:
            return await self.bounded("a resolve", self._upsert("PUT", address))
        return await self.bounded("a resolve", self._find(address))

    async def _find(self, address: ByKey) -> str:
        key = serialise_key(address.key)
        query = urlencode({"namespace": self._namespace, "name": address.name, "key": key})
        response = await self._request("GET", f"/actors?{query}", self._control_headers)
        match self._control_answer(response):
            case {"actors": [{"actor_id": str(actor_id)}, *_]}:
                return actor_id
            case {"actors": []}:
                raise ActorNotFound(f"there is no actor {address.name!r} with key {key!r}")
            case _:
                raise self._strange(response)

    async def create(self, address: ByKey) -> str:
        """Create an actor and give its id.

        Raises:
            DuplicateKey: It exists already.
            CallTimedOut: It took too long; it may exist now.
            ActorError: What else the host answered, or a failure of the way there.
        """
        return await self.bounded("a create", self._upsert("POST", address))

    async def aclose(self) -> None:
        """Close every connection and what is pooled; later calls fail."""
        self._is_closed = True
        closing = [connection.close() for connection in self.connections]
        closing += [web_socket.close() for web_socket in self.web_sockets]
        await asyncio.gather(*closing)
        await self.transport.aclose()

    def check_open(self) -> None:
        """See that this client can be used.

        Raises:
            ConnectionLost: It is closed.
        """
        if self._is_closed:
            raise ConnectionLost("this client is closed: make a new one", may_have_run=False)

    async def _upsert(self, method: str, address: ByKey) -> str:
        body = {
            "name": address.name,
            "key": serialise_key(address.key),
            "runner_name_selector": POOL,
            "crash_policy": CRASH_POLICY,
        }
        if address.input is not None:
            body["input"] = b64encode(address.input).decode("ascii")
        query = urlencode({"namespace": self._namespace})
        response = await self._request(
            method,
            f"/actors?{query}",
            {"content-type": _JSON, **self._control_headers},
            json.dumps(body).encode(),
        )
        match self._control_answer(response):
            case {"actor": {"actor_id": str(actor_id)}}:
                return actor_id
            case _:
                raise self._strange(response)

    # ------------------------------------------------------------------ how

    async def _target(self, address: Address, route: str) -> str:
        """Where a route is; by id if the actor's key has a form that gateway paths mangle."""
        if isinstance(address, ByKey) and not address.fits_gateway:
            address = ById(await self.resolve(address))
        return gateway_target(address, route, self._namespace)

    async def _request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> httpx2.Response:
        self.check_open()
        return await self.transport.request(method, target, headers, body)

    def _control_answer(self, response: httpx2.Response) -> object:
        if not response.is_success:
            raise self._failure(response, {})
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError) as error:
            raise self._strange(response) from error

    def _failure(
        self, response: httpx2.Response, declared: Mapping[tuple[str, str], type[UserError]]
    ) -> Exception:
        """The error that an answer carries; as JSON if it says so, whatever the encoding."""
        is_json = response.headers.get("content-type", _JSON).startswith(_JSON)
        codec = self._json if is_json else self.codec
        try:
            error = codec.decode_error(response.content)
        except DecodeError:
            return self._strange(response)
        return exception_of(error, declared)

    def _strange(self, response: httpx2.Response) -> Exception:
        start = response.content[:80].decode(errors="replace")
        return invalid_response(
            f"{self.transport.location} answered {response.request.method} "
            f"{response.request.url.path} with status {response.status_code} and a body that is "
            f"not of the protocol: {start!r}"
        )
