"""The server on one port: it listens, makes a connection of each socket, and shuts down.

Plain HTTP and websockets share the port (wire-protocol.md, "One port, one server"). Owned here:
listening sockets and the end of everything. What is inside a connection is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence

from ._application import Application
from ._http import HttpConnection
from ._serving import ServerLimits, Serving

__all__ = ["Application", "Server", "ServerLimits"]

_BACKLOG = 1024  # connections that the kernel holds while the loop is busy


class Server:
    """Serves one application over HTTP/1.1 and websockets.

    Args:
        application: Whom to call.
        host: The address to listen on.
        port: The port; 0 for one that is free.
        sock: A socket that is bound already, in place of host and port. It becomes the server's.
        limits: The bounds of heads, bodies, messages and pauses.
    """

    def __init__(
        self,
        application: Application,
        *,
        host: str = "127.0.0.1",
        port: int = 6420,
        sock: socket.socket | None = None,
        limits: ServerLimits | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._sock = sock
        self._serving = Serving(application, limits or ServerLimits())
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Bind and accept connections.

        Raises:
            OSError: The address is in use, or is none of this machine.
        """
        loop = asyncio.get_running_loop()
        if self._sock is not None:
            self._listener = await loop.create_server(
                self._connect, sock=self._sock, backlog=_BACKLOG
            )
        else:
            self._listener = await loop.create_server(
                self._connect, self._host, self._port, backlog=_BACKLOG
            )
        self._port = self.sockets[0].getsockname()[1]

    @property
    def port(self) -> int:
        """The port in use; after ``start`` never 0."""
        return self._port

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening sockets; none before ``start`` and after ``stop_listening``."""
        return () if self._listener is None else tuple(self._listener.sockets)

    def stop_listening(self) -> None:
        """Accept nothing new, no further request on a connection either.

        HTTP connections end with the answer under way, which says ``connection: close``; those
        that wait for another request end at once, so that their clients connect to whoever
        listens next. A connection's first request is still answered. Websockets go on.
        """
        self._serving.draining = True
        if self._listener is not None:
            self._listener.close()
        for connection in tuple(self._serving.connections):
            connection.stop_reuse()

    async def close(self, timeout: float) -> None:
        """Stop listening and end every connection.

        Idle HTTP connections end at once, others with the answer under way; websockets are the
        application's to close. What is still open after ``timeout`` seconds is aborted. Answers
        whose client is gone are not waited for.
        """
        self.stop_listening()
        connections = self._serving.connections
        for connection in tuple(connections):
            connection.shut_down()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._serving.wait_until_empty()
        while connections:
            for connection in tuple(connections):
                connection.abort()
            await asyncio.sleep(0)  # the loop reports each loss, and what it had just accepted

    def _connect(self) -> HttpConnection:
        return HttpConnection(self._serving)
