"""A host's routes as calls: resolve and create actors, call an action, open a connection.

Owns what is sent where and how answers are read (wire-protocol.md, "Control API", "Gateway paths"
and "Actor routes"). Values are plain here; typed ones are the handles' business.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..errors import ActorNotFound, ConnectionLost, DecodeError, UserError
from ..wire.codecs import codec_for
from ..wire.keys import serialise_key
from ._address import (
    CRASH_POLICY,
    NAMESPACE,
    POOL,
    Address,
    ById,
    ByKey,
    action_route,
    call_headers,
    connection_subprotocols,
    gateway_target,
)
from ._failures import exception_of, invalid_response

if TYPE_CHECKING:
    import httpx2

    from ..wire.channel import ChannelReceiver
    from ..wire.messages import Plain
    from ._connection import Connection
    from ._transport import ClientChannel, ClientTransport

_JSON = "application/json"


class Gateway:
    """One client's way to one host, and the connections that are open on it."""

    def __init__(self, transport: ClientTransport, encoding: str) -> None:
        self._transport = transport
        self._json = codec_for("json")
        self._is_closed = False
        self.codec = codec_for(encoding)
        self.connections: set[Connection[Any]] = set()

    async def call(
        self,
        address: Address,
        params: Plain,
        action: str,
        args: list[Plain],
        declared: Mapping[tuple[str, str], type[UserError]],
    ) -> Plain:
        """Call an action without a connection, over HTTP (rule C14).

        Args:
            address: Whose action it is.
            params: Connection params, or None.
            action: The action's name on the wire.
            args: Its arguments.
            declared: The actor's declared errors, by (group, code).

        Raises:
            ActorError: What the host answered, or a failure of the way there.
        """
        codec = self.codec
        response = await self._request(
            "POST",
            gateway_target(await self._routable(address), action_route(action)),
            call_headers(codec.name, codec.content_type, params),
            codec.encode_action_request(args, codec.initial_version),
        )
        if not response.is_success:
            raise self._failure(response, declared)
        try:
            return codec.decode_action_response(response.content)
        except DecodeError as error:
            raise invalid_response(f"the answer of action {action!r}: {error}") from error

    async def resolve(self, address: Address) -> str:
        """The id of an actor; it is created where the address may create it.

        Raises:
            ActorNotFound: There is none.
            ActorError: What the host answered, or a failure of the way there.
        """
        if isinstance(address, ById):
            return address.actor_id
        if address.may_create:
            return await self._upsert("PUT", address)
        key = serialise_key(address.key)
        query = urlencode({"namespace": NAMESPACE, "name": address.name, "key": key})
        response = await self._request("GET", f"/actors?{query}", {})
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
            ActorError: What else the host answered, or a failure of the way there.
        """
        return await self._upsert("POST", address)

    async def open_channel(
        self, address: Address, params: Plain, receiver: ChannelReceiver
    ) -> ClientChannel:
        """Begin a connection to an actor.

        Raises:
            HostUnreachable: No connection came about.
            ActorError: The actor could not be resolved, or the peer did not upgrade.
        """
        target = gateway_target(await self._routable(address), "/connect")
        self._check_open()
        return await self._transport.open_channel(
            target, connection_subprotocols(self.codec.name, params), receiver
        )

    async def aclose(self) -> None:
        """Close every connection and what is pooled; later calls fail."""
        self._is_closed = True
        await asyncio.gather(*(connection.close() for connection in self.connections))
        await self._transport.aclose()

    async def _routable(self, address: Address) -> Address:
        """The address, by id if its key has a form that gateway paths mangle."""
        if isinstance(address, ByKey) and not address.fits_gateway:
            return ById(await self.resolve(address))
        return address

    async def _upsert(self, method: str, address: ByKey) -> str:
        body = {
            "name": address.name,
            "key": serialise_key(address.key),
            "runner_name_selector": POOL,
            "crash_policy": CRASH_POLICY,
        }
        if address.input is not None:
            body["input"] = b64encode(address.input).decode("ascii")
        query = urlencode({"namespace": NAMESPACE})
        response = await self._request(
            method, f"/actors?{query}", {"content-type": _JSON}, json.dumps(body).encode()
        )
        match self._control_answer(response):
            case {"actor": {"actor_id": str(actor_id)}}:
                return actor_id
            case _:
                raise self._strange(response)

    async def _request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> httpx2.Response:
        self._check_open()
        return await self._transport.request(method, target, headers, body)

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConnectionLost("this client is closed: make a new one", may_have_run=False)

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
            f"{self._transport.location} answered {response.request.method} "
            f"{response.request.url.path} with status {response.status_code} and a body that is "
            f"not of the protocol: {start!r}"
        )
