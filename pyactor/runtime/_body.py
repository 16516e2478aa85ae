"""A body on its way from the actor that makes it to the transport that sends it.

Owns the handing over, piece by piece on demand. It must not know connections; what the end of a
body means to one is told in ``_raw_request``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable

from typing_extensions import override

from ..errors import INTERNAL_MESSAGE, ActorError
from ._errors import is_public


class BodyStream(AsyncIterator[bytes]):
    """The reader's end of a body whose iterator runs in a task of the actor.

    A generator sees the context of whoever steps it. So one task steps it from its first line to
    its last, in the actor's context, and makes a piece when the reader asks for one.
    """

    def __init__(self, pieces: AsyncIterable[bytes], abandoned: Callable[[], None]) -> None:
        """Prepare; ``make`` does the work.

        Args:
            pieces: The body as the actor gave it.
            abandoned: Called once when the reader gives up before the end.
        """
        self._pieces = pieces
        self._on_abandoned = abandoned
        self._wanted = asyncio.Event()
        self._arrived = asyncio.Event()
        self._piece = b""
        self._making: asyncio.Task[object] | None = None
        self._ended = False
        self._error: BaseException | None = None
        self.is_abandoned = False

    # -------------------------------------------------------------- the maker

    async def make(self) -> None:
        """Step the body to its end, and close it whatever ends it.

        Raises:
            TypeError: A piece is not bytes.
            Exception: What the body raised.
        """
        iterator = aiter(self._pieces)
        try:
            while await self._is_wanted():
                self._making = asyncio.current_task()
                try:
                    piece = await anext(iterator)
                except StopAsyncIteration:
                    return
                finally:
                    self._making = None
                self._give(piece)
        finally:
            if (close := getattr(iterator, "aclose", None)) is not None:
                await close()

    def end(self, error: BaseException | None) -> None:
        """Nothing more comes: ``make`` is over, with ``error`` if it failed."""
        self._ended = True
        self._error = error
        self._arrived.set()

    async def _is_wanted(self) -> bool:
        """Wait until a piece is asked for; False once nobody will ask."""
        if not self.is_abandoned:  # which a body that ignored its cancellation may find here
            await self._wanted.wait()
        return not self.is_abandoned

    def _give(self, piece: object) -> None:
        if not isinstance(piece, bytes):
            raise TypeError(
                f"the body of a response yielded {type(piece).__name__}: its pieces are bytes"
            )
        self._piece = piece
        self._wanted.clear()
        self._arrived.set()

    # -------------------------------------------------------------- the reader

    @override
    async def __anext__(self) -> bytes:
        """The next piece.

        Raises:
            ActorError: The body failed: what is sent so far is not all of it.
        """
        if not self._ended and not self.is_abandoned:
            self._wanted.set()
            try:
                await self._arrived.wait()
            except asyncio.CancelledError:
                self.abandon()
                raise
        if self._ended or self.is_abandoned:
            error, self._error = self._error, None
            if error is not None:
                raise error if is_public(error) else ActorError(INTERNAL_MESSAGE)
            raise StopAsyncIteration
        self._arrived.clear()
        return self._piece

    async def aclose(self) -> None:
        """The reader wants no more; returns at once, the body's own end follows."""
        self.abandon()

    def abandon(self) -> None:
        """Stop making pieces: the one in the making is cancelled, then the body is closed."""
        if self._ended or self.is_abandoned:
            return
        self.is_abandoned = True
        self._wanted.set()
        if self._making is not None:
            self._making.cancel()
        self._on_abandoned()
