"""The client: one host, reached over a network or in the same process."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

from ..definition import definition_of
from ._actor_type import ActorType
from ._address import NAMESPACE
from ._clock import ClientClock
from ._gateway import Gateway
from ._host_url import HostUrl, check_token
from ._memory import Application, MemoryTransport
from ._network import NetworkTransport
from ._options import ClientOptions
from ._types import A

if TYPE_CHECKING:
    from ._transport import ClientTransport

Encoding: TypeAlias = Literal["json", "cbor", "bare"]


class Client:
    """Typed access to the actors of one host.

    ``Client("http://127.0.0.1:6420")`` goes over a network; ``Client(host)`` calls a host in this
    process, with the same bytes, which is meant for tests. A client belongs to one event loop.
    """

    def __init__(
        self,
        host: str | Application,
        /,
        *,
        token: str | None = None,
        namespace: str | None = None,
        options: ClientOptions | None = None,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        encoding: Encoding = "json",
        clock: ClientClock | None = None,
    ) -> None:
        """Nothing is connected until something is called.

        Args:
            host: The URL of a host, or a host in this process. A namespace and a token may stand
                in the URL: ``http://namespace:token@host``. No message or log shows the token.
            token: What is shown to a host that wants one.
            namespace: Where the actors live; ``default`` by default.
            options: Timeouts and limits.
            proxy: The URL of a proxy; None is a direct connection, whatever the environment says.
            ssl_context: How to verify an ``https`` host; None is the usual way.
            encoding: Of what is sent: ``"json"``, ``"cbor"``, or ``"bare"``, the smallest.
            clock: Time and chance, for tests.

        Raises:
            TypeError: It is neither.
            UnsupportedEncoding: There is no such encoding.
            ValueError: It is no URL of a host, a token is none, or there are two.
        """
        transport: ClientTransport
        if isinstance(host, str):
            url = HostUrl.parse(host)
            token = _one_of("token", token, url.token)
            namespace = _one_of("namespace", namespace, url.namespace)
            transport = NetworkTransport(url, proxy=proxy, ssl_context=ssl_context)
        elif isinstance(host, Application):
            transport = MemoryTransport(host)
        else:
            raise TypeError(
                f"Client takes the URL of a host, or a Host, not {type(host).__name__}: "
                'Client("http://127.0.0.1:6420")'
            )
        if token is not None:
            check_token(token)
        self._gateway = Gateway(
            transport,
            encoding,
            token=token,
            namespace=NAMESPACE if namespace is None else namespace,
            options=options or ClientOptions(),
            clock=clock or ClientClock(),
        )

    def actor(self, cls: type[A], /) -> ActorType[A]:
        """The actors of one class.

        Raises:
            TypeError: It is no actor class, or an abstract one; `DefinitionError` says what is
                wrong with one whose annotations could not be resolved before.
        """
        return ActorType(self._gateway, definition_of(cls))

    async def aclose(self) -> None:
        """Close every connection of this client; calls under way fail. Idempotent."""
        await self._gateway.aclose()

    async def __aenter__(self) -> Self:
        """The client itself, which needs no opening."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.aclose()


def _one_of(name: str, given: str | None, in_url: str | None) -> str | None:
    if given is not None and in_url is not None:
        raise ValueError(f"the {name} is given twice: in the URL, and as {name}=")
    return in_url if given is None else given
