"""A raw websocket: the life of a connection around ``on_web_socket``.

Owns the messages that wait for the hook, and what the hook's end means. The rules are the
session's, the pump is the driver's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ..definition import ActorOptions, Request, WebSocket, WebSocketContext
from ..errors import CallbackTimedOut, GoingAway, WebSocketClosed, WebSocketsNotSupported
from ..session import Close, End, EndCause, Left, Phase
from ..wire import messages
from ..wire.channel import Channel
from ._call import Call
from ._channel import ChannelCarried
from ._disconnect import Disconnection
from ._errors import error_to_send, is_public
from ._sizes import byte_length, check_size

if TYPE_CHECKING:
    from ._instance import Instance

_HOOK = "on_web_socket"
_ROOM_AGAIN = 0.5


class RawWebSocketDriver(ChannelCarried):
    """Drives a connection whose messages are the actor's own business.

    The hook is in-flight work like an action: a disconnect does not end it and on_disconnect does
    not wait for it; it is cancelled ``action_timeout`` after the websocket's end, and by the end of
    a grace period (C6, C15).
    """

    def __init__(self, instance: Instance, params: Any, request: Request, channel: Channel) -> None:
        """Prepare; ``open`` begins the attempt to connect.

        Raises:
            WebSocketsNotSupported: The actor has no ``on_web_socket``; the channel is untouched.
        """
        if _HOOK not in instance.definition.hooks:
            raise WebSocketsNotSupported(
                f"{instance.name} takes no raw websockets: it has no hook {_HOOK}"
            )
        super().__init__(instance, params, request, channel)
        self._socket = _Socket(self, channel, self._options)
        self._hook_call: Call | None = None
        self._timer: asyncio.TimerHandle | None = None

    # -------------------------------------------------------------- for the socket

    def closed(self) -> WebSocketClosed | None:
        """How it was closed, or None while it is open; for the hook, so after ``Init`` only."""
        end = self.session.end
        return None if end is None else WebSocketClosed(end.code, end.reason)

    async def send_message(self, data: str | bytes) -> None:
        """Send one message; return when the peer keeps up.

        Raises:
            OutgoingTooLong: It is over ``max_outgoing_message``.
        """
        check_size(data, self._options.max_outgoing_message, "the message")
        self._write(data)
        await self._channel.drained()

    def close(self, code: int, reason: str) -> Awaitable[None]:
        """Begin to close; the first one wins (C9)."""
        self.end(End(EndCause.DISCONNECT, code, reason))
        return Disconnection(self, self._gone)

    # -------------------------------------------------------------- in

    @override
    def _receive(self, data: str | bytes, size: int) -> None:
        """Keep a message for the hook; past the bound of held messages the peer waits (C16)."""
        if self.session.end is None and self.session.phase is not Phase.REJECTED:
            self._socket.put(data, size)

    @override
    def _carry_out(self, event: object) -> None:
        super()._carry_out(event)
        if isinstance(event, Left):
            self._socket.wake()
            if self._hook_call is not None:
                timeout = self._options.action_timeout
                self._timer = asyncio.get_running_loop().call_later(timeout, self._expire)

    # -------------------------------------------------------------- out

    @override
    def send_event(
        self, event: messages.Event | messages.NumberedEvent, frames: dict[Any, str | bytes]
    ) -> None:
        """A raw websocket has a language of its own, in which there are no events."""

    @override
    def _send(self, message: messages.ToClient) -> None:
        match message:
            case messages.Init():
                self._serve()
            case messages.Error():
                pass  # the close that follows says it
            case _:
                raise AssertionError(f"the session of a raw websocket sends no {message!r}")

    @override
    def _close(self, close: Close) -> None:
        """End it from here: what the peer had sent is not dispatched any more (C5)."""
        self._socket.clear()
        super()._close(close)

    # -------------------------------------------------------------- the hook

    def _serve(self) -> None:
        if not self._instance.is_ready:  # the stop began while it connected
            self.end(End(EndCause.SHUTDOWN, 1001, GoingAway().name))
            return
        self._hook_call = self._instance.start_hook(
            _HOOK, WebSocket(self._socket), conn=self.conn, report=self._served
        )

    def _expire(self) -> None:
        """The websocket is closed, and the hook runs on: it must not hold its actor for ever."""
        assert self._hook_call is not None  # else nothing waits for this
        seconds = f"{self._options.action_timeout:g} s"
        error = CallbackTimedOut(
            f"hook {_HOOK!r} still ran {seconds} after its websocket was closed: "
            "it is to end with it"
        )
        self._hook_call.give_up(f"the {seconds} it had once its websocket was closed", error)

    def _served(self, _result: object, error: BaseException | None) -> None:
        self._hook_call = None
        if self._timer is not None:
            self._timer.cancel()
        is_over = self.closed() is not None
        if error is None or (is_over and _says_closed(error)):
            self.end(End(EndCause.DISCONNECT, 1000, ""))
            return
        if is_over or not is_public(error):
            self._instance.log_error(f"hook {_HOOK!r}", error, self.id)
        told = error_to_send(error)
        self.end(End(EndCause.DISCONNECT, 1011, f"{told.group}.{told.code}"))


def _says_closed(error: BaseException) -> bool:
    """Whether it says no more than that the websocket is closed, as of a group of tasks too."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(WebSocketClosed)[1] is None
    return isinstance(error, WebSocketClosed)


class _Socket(WebSocketContext):
    """The actor's end, with the messages that it has not received yet."""

    def __init__(self, driver: RawWebSocketDriver, channel: Channel, options: ActorOptions) -> None:
        self._driver = driver
        self._channel = channel
        self._options = options
        self._is_paused = False
        self._waiting: deque[str | bytes] = deque()
        self._waiting_size = 0
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()

    # -------------------------------------------------------------- for the driver

    def put(self, data: str | bytes, size: int) -> None:
        """Let a message wait."""
        self._waiting.append(data)
        self._waiting_size += size
        self._changed.set()
        if self._fullness() >= 1:
            self._is_paused = True
            self._channel.pause()

    def wake(self) -> None:
        """It is closed: whoever receives or waits looks again."""
        self._changed.set()
        self._closed.set()

    def clear(self) -> None:
        """Drop what waits."""
        self._waiting.clear()
        self._waiting_size = 0

    # -------------------------------------------------------------- WebSocketContext

    @property
    @override
    def request(self) -> Request:
        return self._driver.request

    @override
    async def send(self, data: str | bytes) -> None:
        if (closed := self._driver.closed()) is not None:
            raise closed
        await self._driver.send_message(data)

    @override
    async def receive(self) -> str | bytes:
        while not self._waiting:
            if (closed := self._driver.closed()) is not None:
                raise closed
            self._changed.clear()
            await self._changed.wait()
        data = self._waiting.popleft()
        self._waiting_size -= byte_length(data)
        if self._is_paused and self._fullness() <= _ROOM_AGAIN:
            self._is_paused = False
            self._channel.resume()
        return data

    @override
    async def wait_closed(self) -> None:
        await self._closed.wait()

    @override
    def close(self, code: int, reason: str) -> Awaitable[None]:
        return self._driver.close(code, reason)

    def _fullness(self) -> float:
        """What waits, as a part of what may: messages or bytes, whichever is nearer its bound."""
        return max(
            len(self._waiting) / self._options.max_held_messages,
            self._waiting_size / self._options.max_held_size,
        )
