"""References to actors: what ``client.actor(ChatRoom).get(…)`` gives."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from typing import TYPE_CHECKING

from typing_extensions import override

from ._address import ById, ByKey
from ._calls import Calls
from ._connection import Connection
from ._fetch import FetchResponse
from ._types import A_co
from ._web_socket import ClientWebSocket

if TYPE_CHECKING:
    from ..definition import ActorDefinition
    from ..wire.messages import Plain
    from ._address import Address
    from ._gateway import Gateway
    from ._options import ClientOptions
    from ._params import ParamsSource


class Handle(Calls[A_co]):
    """A reference to one actor. Making one sends nothing; each call is an HTTP request.

    A call through a handle runs the whole life of a connection of its own (rule C14).
    """

    def __init__(
        self,
        gateway: Gateway,
        definition: ActorDefinition,
        address: Address,
        params: ParamsSource,
        key: tuple[str, ...] | None,
    ) -> None:
        super().__init__(definition)
        self._gateway = gateway
        self._address = address
        self._params = params
        self._key = key

    @property
    def key(self) -> tuple[str, ...] | None:
        """The actor's key; None for a handle that was made from an id."""
        return self._key

    def connect(self, *, options: ClientOptions | None = None) -> Connection[A_co]:
        """A connection to the actor, not open yet: ``async with room.connect() as conn``.

        Args:
            options: Timeouts and limits, in place of the client's.
        """
        return Connection(
            self._gateway,
            self._definition,
            self._address,
            self._params,
            options or self._gateway.options,
        )

    async def resolve(self) -> str:
        """The actor's id; the actor is created where the handle may create it.

        Raises:
            ActorNotFound: There is no such actor, and this handle does not create it.
            ActorError: What else the host answered, or a failure of the way there.
        """
        return await self._gateway.resolve(self._address)

    async def fetch(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterable[bytes] = b"",
        stream: bool = False,
        timeout: float | None = None,
    ) -> FetchResponse:
        """Send a raw request to the actor's ``on_request``. It is sent once, never again.

        Args:
            path: What the actor sees as the path, with a query if need be.
            method: Upper case.
            headers: Beside those of the protocol, which cannot be set.
            content: The body; pieces are sent as they come.
            stream: Return with the head of the answer; ``async with`` it and read the body.
            timeout: Seconds until the answer is here (its head, for a stream); by default the
                client's ``call_timeout``.

        Raises:
            CallTimedOut: It took too long.
            ConnectionLost: It broke off; the actor may have acted.
            GetParamsFailed: The function that gives the params failed.
            ActorError: A failure of the way there.
            ValueError: There is no such path.
        """
        fetching = self._fetch(path, method, headers or {}, content, stream=stream)
        return await self._gateway.bounded(f"{method} {path!r}", fetching, timeout)

    def web_socket(self, path: str) -> ClientWebSocket:
        """A raw websocket to the actor's ``on_web_socket``, not open yet.

        ``async with room.web_socket("/terminal") as ws``.

        Args:
            path: What the actor sees as the path, with a query if need be.
        """
        return ClientWebSocket(self._gateway, self._address, self._params, path)

    async def _fetch(
        self,
        path: str,
        method: str,
        headers: Mapping[str, str],
        content: bytes | AsyncIterable[bytes],
        *,
        stream: bool,
    ) -> FetchResponse:
        response = FetchResponse(
            await self._gateway.fetch(
                self._address,
                await self._params.get(),
                path,
                method=method,
                headers=headers,
                body=content,
            ),
            self._gateway.transport,
        )
        if not stream:
            async with response:
                await response.aread()
        return response

    @override
    async def _call(self, name: str, args: list[Plain]) -> Plain:
        return await self._gateway.call(
            self._address, self._params, name, args, self._definition.errors
        )

    @override
    def __repr__(self) -> str:
        match self._address:
            case ById(actor_id):
                return f"<Handle of {self._definition.name} {actor_id}>"
            case ByKey(_, key):
                return f"<Handle of {self._definition.name} {key}>"
