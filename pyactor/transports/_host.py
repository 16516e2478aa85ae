"""The host that people use: actors behind a listening port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from ..host import ActorHost, Registry
from ..storage import Storage
from .server import Server, ServerLimits

_LAST_ANSWERS = 1.0
"""Seconds for answers that are still being written once every actor has stopped."""


class Host(ActorHost):
    """Serves actors on one port: ``async with Host(registry) as host: print(host.url)``.

    Attributes:
        host: The address it listens on.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        host: str = "127.0.0.1",
        port: int = 6420,
        storage: Storage | None = None,
        region: str = "local",
        token: str | None = None,
        namespace: str = "default",
        allowed_origins: Sequence[str] | None = None,
        limits: ServerLimits | None = None,
        sock: socket.socket | None = None,
    ) -> None:
        """Prepare; ``async with`` or ``serve`` begins to listen.

        Args:
            registry: Which actors there are.
            host: The address to listen on.
            port: The port; 0 for one that is free.
            storage: Where actors are kept while not in memory; in memory by default.
            region: What ``self.region`` says.
            token: What clients must show; None lets everybody in.
            namespace: The one namespace that is served.
            allowed_origins: ``https://example.com`` …: whose pages may use it; None for all.
            limits: Bounds of heads, bodies, messages and pauses.
            sock: A socket that listens already, in place of ``host`` and ``port``.
        """
        super().__init__(
            registry,
            storage=storage,
            region=region,
            token=token,
            namespace=namespace,
            allowed_origins=allowed_origins,
        )
        self.host = host
        self._server = Server(self, host=host, port=port, sock=sock, limits=limits)

    @property
    def port(self) -> int:
        """The port in use."""
        return self._server.port

    @property
    def url(self) -> str:
        """What a client takes: ``Client(host.url)``."""
        address = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{address}:{self.port}"

    async def serve(self) -> None:
        """Serve until cancelled, then stop in an orderly way (C15)."""
        async with self:
            await asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        await self._server.start()
        self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop_listening()
        await self.stop()
        await self._server.close(_LAST_ANSWERS)
