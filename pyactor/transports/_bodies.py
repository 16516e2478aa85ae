"""The two bodies of one HTTP exchange: what comes in piece by piece, and what goes out so.

Owned here: how far the two ends of a body may be apart, and what happens when one of them is gone.
Bytes on the wire are the connection's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Protocol

from typing_extensions import override

from ..errors import ActorError, IncomingTooLong, RequestTimedOut
from ._serving import logger

MAX_UNREAD = 64 * 1024
"""Bytes that wait for their reader before the connection stops reading."""


class BodySource(Protocol):
    """The connection that a body comes in on."""

    def want_body(self) -> None:
        """The application waits: read on, and tell a client that waits for a word (100)."""


class RequestBody(AsyncIterator[bytes]):
    """A body as it arrives; its pieces are what had come in since the last one was taken.

    Args:
        source: Who feeds it.
        max_size: Bytes of the whole.
        timeout: Seconds that its reader waits for a piece.
    """

    __slots__ = (
        "_ended",
        "_error",
        "_left",
        "_max_size",
        "_source",
        "_timeout",
        "_unread",
        "_wake",
    )

    def __init__(self, source: BodySource, *, max_size: int, timeout: float) -> None:
        self._source = source
        self._max_size = self._left = max_size
        self._timeout = timeout
        self._unread = bytearray()
        self._ended = False
        self._error: ActorError | None = None
        self._wake: asyncio.Future[None] | None = None

    # -------------------------------------------------------------- the connection's side

    @property
    def unread(self) -> int:
        """Bytes that the application has not taken yet."""
        return len(self._unread)

    @property
    def has_failed(self) -> bool:
        """Whether nothing more is of use to it."""
        return self._error is not None

    def feed(self, piece: bytes) -> None:
        """Add what came in; over the limit the body fails (IncomingTooLong)."""
        self._left -= len(piece)
        if self._left < 0:
            self.fail(IncomingTooLong(f"the request's body is over {self._max_size} bytes"))
            return
        self._unread += piece
        self._wake_reader()

    def finish(self) -> None:
        """All of it is here."""
        self._ended = True
        self._wake_reader()

    def fail(self, error: ActorError) -> None:
        """No more will come: the reader gets what is here, then the error. The first counts."""
        if not self._ended and self._error is None:
            self._error = error
            self._wake_reader()

    def _wake_reader(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # -------------------------------------------------------------- the application's side

    @override
    async def __anext__(self) -> bytes:
        while not self._unread:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            await self._wait()
        piece = bytes(self._unread)
        self._unread.clear()
        return piece

    async def _wait(self) -> None:
        if self._wake is not None:
            raise RuntimeError("a request's body has one reader: it is being read already")
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        timer = loop.call_later(self._timeout, self._time_out)
        self._source.want_body()
        try:
            await self._wake
        finally:
            self._wake = None
            timer.cancel()

    def _time_out(self) -> None:
        self.fail(RequestTimedOut("the rest of the request did not come in time"))


class ResponseBody:
    """A streamed body on its way out, which can be cut off while it waits for its next piece.

    What iterates over it is one task; ``cut`` comes from outside of it.
    """

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        """Begin. Raises TypeError for what is no body."""
        self._pieces = aiter(pieces)
        self._sender: asyncio.Task[object] | None = None
        self._is_cut = False

    async def send(self, write: Callable[[bytes], Awaitable[None]]) -> bool:
        """Write every piece, then close the iterator.

        Args:
            write: Sends one piece and returns when the client keeps up.

        Returns:
            Whether it came to its end; False if it was cut.

        Raises:
            Exception: What the iterator or ``write`` raised.
        """
        sender = asyncio.current_task()
        assert sender is not None
        self._sender = sender
        try:
            async for piece in self._pieces:
                if self._is_cut:  # an iterator may swallow the cancellation
                    break
                await write(piece)
        except asyncio.CancelledError:
            if not self._is_cut or sender.cancelling() > 1:
                raise  # not by us: the loop ends
        finally:
            self._sender = None
            if self._is_cut:
                sender.uncancel()
            await self.close()
        return not self._is_cut

    def cut(self) -> None:
        """Nobody takes it any more: wake the iterator with a cancellation. Called once."""
        if self._sender is not None:
            self._is_cut = True
            # A generator that waits inside of ``__anext__`` cannot be closed, only cancelled.
            self._sender.cancel()

    async def close(self) -> None:
        """Close the iterator, if it can be closed. Never raises: what goes wrong is logged."""
        close = getattr(self._pieces, "aclose", None)
        if close is None:
            return
        try:
            await close()
        except Exception:  # noqa: BLE001 - the answer is over, whatever the bug is
            logger.exception("the body of an answer could not be closed")
