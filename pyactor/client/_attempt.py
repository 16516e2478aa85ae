"""One attempt to connect, and what came of it: a channel's receiving end.

Owns what must be cleaned up of it, also when the link has turned to the next attempt. What
arrives is the link's business as long as the attempt is its latest.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from ..tasks import start_task
from ._clock import ClientClock

if TYPE_CHECKING:
    from ..wire.channel import ChannelReceiver
    from ._transport import ClientChannel


class AttemptOwner(Protocol):
    """What an attempt tells its link."""

    async def open_channel(self, receiver: ChannelReceiver, /) -> ClientChannel:
        """Open the channel that ``receiver`` gets."""
        ...

    def attempt_received(self, attempt: Attempt, data: str | bytes, /) -> None:
        """A message came."""

    def attempt_closed(self, attempt: Attempt, code: int, reason: str, /) -> None:
        """The host closes."""

    def attempt_gone(self, attempt: Attempt, error: Exception | None, /) -> None:
        """Nothing is left of it; ``error`` says why there was no channel."""

    def attempt_timed_out(self, attempt: Attempt, /) -> None:
        """It took too long."""


class Attempt:
    """A channel to the host, from the wish for one until nothing is left of it."""

    def __init__(self, owner: AttemptOwner, clock: ClientClock, timeout: float) -> None:
        """Prepare.

        Args:
            owner: Who is told.
            clock: Measures the timeout.
            timeout: Seconds until ``attempt_timed_out``, unless ``opened`` was called.
        """
        self._owner = owner
        self.channel: ClientChannel | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._timer = clock.call_later(timeout, lambda: owner.attempt_timed_out(self))
        self._opening: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Go."""
        self._opening = start_task(self._open(), name="pyactor-client-attempt")
        self._opening.add_done_callback(self._went)

    def opened(self) -> None:
        """The host let the connection in: time does not matter any more."""
        self._timer.cancel()

    def drop(self) -> None:
        """End it at once."""
        if self.channel is not None:
            self.channel.abort()
        elif self._opening is not None:
            self._opening.cancel()

    def receive_data(self, data: str | bytes) -> None:
        """One message of the host."""
        self._owner.attempt_received(self, data)

    def receive_close(self, code: int, reason: str) -> None:
        """The host closes, or answers our close."""
        self._owner.attempt_closed(self, code, reason)

    def receive_lost(self) -> None:
        """Nothing is left of the channel."""
        self._end(None)

    async def _open(self) -> None:
        try:
            self.channel = await self._owner.open_channel(self)
        except Exception as error:  # noqa: BLE001 - the link says what becomes of it
            self._end(error)

    def _went(self, opening: asyncio.Task[None]) -> None:
        """It was dropped on the way, perhaps before its first step."""
        if opening.cancelled():
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        self._timer.cancel()
        if not self.gone.done():
            self.gone.set_result(None)
        self._owner.attempt_gone(self, error)
