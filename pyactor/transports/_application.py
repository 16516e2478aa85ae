"""What a server calls: the application behind it, which a host is.

Owns the contract only. A server turns bytes into these calls and knows nothing of actors.
"""

from __future__ import annotations

from typing import Protocol

from ..wire.channel import Channel
from ..wire.http import HttpRequest, HttpResponse


class Application(Protocol):
    """Answers plain HTTP and takes over the channels of websockets."""

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """The answer to one request, which may still be sending its body. Never raises.

        It is not cancelled when its client vanishes: what was begun is finished (C6, C14), and
        the answer is dropped. A streamed body is closed then (``aclose``), whether its iteration
        has begun or not; one that waits for its next piece sees a cancellation first. After
        the answer's end nothing of the request's body can be read any more.
        """
        ...

    def open_channel(self, request: HttpRequest, channel: Channel) -> None:
        """Take over a websocket whose upgrade is done. Never raises.

        Either a receiver is attached, now or later, or the channel is closed or aborted.
        """
