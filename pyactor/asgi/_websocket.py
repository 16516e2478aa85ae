"""One websocket over ASGI, as a channel.

The server does the handshake, frames, pings and limits of size. Owned here: the order of messages,
how many bytes wait for a slow reader, and the end. Nothing here knows what a message means.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from ..tasks import start_task
from ..wire.channel import ChannelReceiver, fitting_reason
from ._types import Message, Receive, Send

_log = logging.getLogger("pyactor.asgi")
_NO_STATUS = 1005  # RFC 6455 7.4.1: the peer closed and gave no code
_DROPPED = 1006  # the same: there was no closing handshake
_GOING_AWAY: Message = {"type": "websocket.close", "code": 1001, "reason": "ws.going_away"}
_HIGH_WATER = 64 * 1024
_LOW_WATER = 16 * 1024  # asyncio's marks for a transport
_LAST_WORD = 1.0
"""Seconds for the close frame of a websocket that the server gives up."""


class WebsocketChannel:
    """A ``Channel`` over a websocket that was accepted; ``run`` is the server's call.

    Messages go to the server one at a time, from one task, since it lets a sender wait. Until
    ``attach`` and while it is paused one message at most is taken from the server, which then
    reads no further. After ``close`` or ``abort`` the receiver hears nothing but ``receive_lost``.
    """

    def __init__(self, receive: Receive, send: Send, *, close_timeout: float) -> None:
        self._receive = receive
        self._send = send
        self._close_timeout = close_timeout
        self._receiver: ChannelReceiver | None = None
        self._sending = True  # messages may go out: neither side has begun to close
        self._receiving = True  # messages are for the receiver
        self._flowing = asyncio.Event()  # attached, and not paused
        self._waiting: deque[tuple[Message, int]] = deque()  # to go out, each with its bytes
        self._backlog = 0
        self._something_waits = asyncio.Event()
        self._few_wait = asyncio.Event()
        self._few_wait.set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lost = False
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Move messages both ways until the websocket is over; the server closes what is left.

        Raises:
            Exception: What the server's ``receive`` raised, or a middleware's.
        """
        pumps = [start_task(self._read()), start_task(self._write())]
        try:
            await self._over
        except asyncio.CancelledError:
            await _stop(pumps)
            await self._go_away()
            raise
        finally:
            await _stop(pumps)
            self._lose()

    # -------------------------------------------------------------- Channel

    @property
    def backlog(self) -> int:
        """Bytes that the server has not taken yet."""
        return self._backlog

    def attach(
        self,
        receiver: ChannelReceiver,
        *,
        ping_interval: float,  # noqa: ARG002 - pings are the server's
        ping_timeout: float,  # noqa: ARG002
        close_timeout: float,
    ) -> None:
        """Begin delivery in the loop's next turn: no receiver is called while it attaches."""
        self._receiver = receiver
        self._close_timeout = close_timeout
        self._flowing.set()
        if self._lost:
            asyncio.get_running_loop().call_soon(receiver.receive_lost)

    def send(self, data: str | bytes) -> None:
        """Let one message wait for the server; dropped if the channel is closing."""
        if not self._sending:
            return
        if isinstance(data, bytes):
            self._put({"type": "websocket.send", "bytes": data}, len(data))
            return
        try:
            size = len(data) if data.isascii() else len(data.encode())
        except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 cannot carry
            encoded = data.encode(errors="replace")
            data, size = encoded.decode(), len(encoded)
        self._put({"type": "websocket.send", "text": data}, size)

    async def drained(self) -> None:
        """Wait while more than the high-water mark waits, down to the low one."""
        if self._sending:
            await self._few_wait.wait()

    def pause(self) -> None:
        """Deliver nothing more; the server stops reading once it has nowhere to put it."""
        self._flowing.clear()

    def resume(self) -> None:
        """Deliver again, in the loop's next turn."""
        self._flowing.set()

    def close(self, code: int, reason: str) -> None:
        """Have the server begin the closing handshake, once what waits is sent."""
        if not self._sending:
            return
        self._stop_sending()
        self._receiving = False
        fitting = fitting_reason(reason)
        self._put({"type": "websocket.close", "code": code, "reason": fitting}, 0)
        self._flowing.set()  # to hear of the end
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._close_timeout, self._end)

    def abort(self) -> None:
        """Let the server drop the transport."""
        self._stop_sending()
        self._receiving = False
        self._end()

    # -------------------------------------------------------------- in

    async def _read(self) -> None:
        try:
            await self._take_in()
        except Exception as error:  # noqa: BLE001 - of the server, whatever it is; `run` raises it
            if not self._over.done():
                self._over.set_exception(error)

    async def _take_in(self) -> None:
        while True:
            message = await self._receive()
            await self._flowing.wait()
            if message["type"] == "websocket.disconnect":
                self._receive_end(message)
                return
            if self._receiver is not None and self._receiving:
                text = message.get("text")
                self._receiver.receive_data(message["bytes"] if text is None else text)

    def _receive_end(self, message: Message) -> None:
        """The client has closed, or is gone; or the server says so after a close of ours."""
        self._stop_sending()
        code = message.get("code", _NO_STATUS)
        if self._receiver is not None and self._receiving and code != _DROPPED:
            self._receiving = False
            self._receiver.receive_close(code, message.get("reason") or "")
        self._end()

    # -------------------------------------------------------------- out

    def _put(self, message: Message, size: int) -> None:
        self._waiting.append((message, size))
        self._backlog += size
        self._something_waits.set()
        if self._backlog > _HIGH_WATER and self._sending:
            self._few_wait.clear()

    async def _write(self) -> None:
        while True:
            while not self._waiting:
                self._something_waits.clear()
                await self._something_waits.wait()
            message, size = self._waiting[0]
            try:
                await self._send(message)
            except Exception as error:  # noqa: BLE001 - OSError in ASGI 2.4; servers have others
                _log.debug("a websocket's message was not taken: %r", error)
                self._end()
                return
            self._waiting.popleft()
            self._backlog -= size
            if self._backlog <= _LOW_WATER:
                self._few_wait.set()

    async def _go_away(self) -> None:
        """The server cancels: it stops, and gives no other way to tell the client."""
        if not self._sending:
            return
        try:
            async with asyncio.timeout(_LAST_WORD):
                await self._send(_GOING_AWAY)
        except Exception as error:  # noqa: BLE001 - as above
            _log.debug("a websocket could not be closed: %r", error)

    # -------------------------------------------------------------- the end

    def _stop_sending(self) -> None:
        self._sending = False
        self._few_wait.set()

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _lose(self) -> None:
        self._lost = True
        self._stop_sending()
        self._backlog = 0
        if self._timer is not None:
            self._timer.cancel()
        if self._receiver is not None:
            self._receiver.receive_lost()


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
