"""Websockets in memory, each direction first in, first out, with chosen delays and losses.

Owns the host's end (``wire.channel.Channel``) and what is under way. What a client makes of what
reaches it is ``_clients``'. As with a real websocket, nothing is delivered before ``attach`` nor
from inside a sender's call, and after ``close`` the host hears nothing but that the peer is gone.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

from attrs import define, field, frozen

from ..wire import messages
from ..wire.channel import ChannelReceiver, fitting_reason
from ..wire.codecs import Codec
from ._chooser import happens
from ._observer import Observer
from ._trace import What

"""Bytes of a close reason (RFC 6455 5.5)."""
_FRAMES = 64
"""Decoded frames that are kept."""


@frozen
class CloseFrame:
    """A close frame under way."""

    code: int
    reason: str


@frozen
class Lost:
    """The end of the transport; the last thing of either direction."""


@define(eq=False)
class _Direction:
    """What is under way in one direction.

    Attributes:
        deliver: Takes one item at the other end.
        queue: What is under way, oldest first.
        is_open: Whether the other end takes anything: it is there, reads, and is not cut off.
        is_under_way: Whether the oldest item already travels.
    """

    label: str
    deliver: Callable[[Any], None]
    queue: deque[Any] = field(factory=deque)
    is_open: bool = False
    is_under_way: bool = False


class WorldChannel:
    """The host's end of one websocket: a ``Channel``.

    Args:
        name: The short name of the connection.
        codec: Which encoding the client speaks.
        observer: Who notes what happens.
    """

    _to_client: Callable[[messages.ToClient | CloseFrame | Lost], None]

    def __init__(self, name: str, codec: Codec, observer: Observer) -> None:
        self.name = name
        self.is_half_open = False
        self._codec = codec
        self._observer = observer
        self._loop = observer.loop
        self._receiver: ChannelReceiver | None = None
        self._out = _Direction("delivery to a client", self._deliver_to_client, is_open=True)
        self._in = _Direction("delivery to the host", self._deliver_to_host)
        self._size = 0
        self._is_closing = False
        self._has_closed = False
        self._is_lost = False
        self._client_is_gone = False
        self._is_paused = False
        self._attached_at = math.nan
        self._ping_interval = self._ping_timeout = self._close_timeout = 0.0
        self._drained = asyncio.Event()
        self._drained.set()

    # -------------------------------------------------------------- Channel

    @property
    def backlog(self) -> int:
        """Bytes that the client has not taken yet."""
        return self._size

    def attach(
        self,
        receiver: ChannelReceiver,
        *,
        ping_interval: float,
        ping_timeout: float,
        close_timeout: float,
    ) -> None:
        """Begin delivery in the loop's next turn."""
        self._receiver = receiver
        self._attached_at = self._loop.now
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._close_timeout = close_timeout
        self._in.is_open = not (self.is_half_open or self._is_paused)
        self._start(self._in)
        if self.is_half_open:
            self._await_ping()

    def pause(self) -> None:
        """Deliver nothing more to the host."""
        self._is_paused = True
        self._in.is_open = False

    def resume(self) -> None:
        """Deliver again what waits and what comes."""
        self._is_paused = False
        if self._receiver is not None and not self.is_half_open:
            self._in.is_open = True
            self._start(self._in)

    def send(self, data: str | bytes) -> None:
        """Put one message on its way to the client."""
        message = self._decode(data)
        size = _bytes_of(data)
        self._note_sent(message, size)
        if self._is_closing or self._is_lost:
            return
        self._size += size
        self._drained.clear()
        self._put(self._out, (message, size))

    async def drained(self) -> None:
        """Wait until the client has taken what was sent, or none is left to take it."""
        await self._drained.wait()

    def close(self, code: int, reason: str) -> None:
        """Send a close frame, and abort if the client does not answer it in time."""
        self._observer.note(What.CLOSE_SENT, self.name, data={"code": code, "reason": reason})
        if self._is_closing or self._is_lost:
            return
        self._is_closing = self._has_closed = True
        self.resume()
        self._drained.set()
        self._put(self._out, (CloseFrame(code, fitting_reason(reason)), 0))
        self._loop.call_later(self._close_timeout, self._lose, context=Context())

    def abort(self) -> None:
        """Drop the transport at once."""
        self._observer.note(What.ABORTED, self.name)
        self._loop.call_soon(self._lose, context=Context())

    # -------------------------------------------------------------- the client's side

    def serve(self, client: Callable[[messages.ToClient | CloseFrame | Lost], None]) -> None:
        """Make ``client`` take what reaches it: messages, a close frame, the end; once."""
        self._to_client = client

    def put(self, message: messages.ToServer) -> None:
        """Put a message of the client on its way."""
        self._put(self._in, message)

    def put_raw(self, data: str | bytes) -> None:
        """Put bytes on their way that need not be a message."""
        self._put(self._in, data)

    def put_close(self, code: int, reason: str) -> None:
        """The client begins to close: its frame is on its way."""
        self._put(self._in, CloseFrame(code, reason))

    def drop(self) -> None:
        """The client is gone without a word; what it has sent arrives before that is noticed."""
        self._client_is_gone = True
        self._out.is_open = False
        self._put(self._in, Lost())

    def refuse(self) -> None:
        """No host listens."""
        self._is_lost = True
        self._to_client(Lost())

    def stop_reading(self) -> None:
        """A slow client: what is sent to it waits."""
        self._out.is_open = False

    def read_on(self) -> None:
        """It reads what has waited."""
        if not (self._client_is_gone or self.is_half_open):
            self._out.is_open = True
            self._start(self._out)

    def fall_silent(self) -> None:
        """Half-open: nothing arrives at either side any more, and neither is told."""
        self.is_half_open = True
        self._in.is_open = self._out.is_open = False
        if self._receiver is not None:
            self._await_ping()

    @property
    def is_lost(self) -> bool:
        """Whether the host knows that the transport is gone, or will at once."""
        return self._is_lost

    # -------------------------------------------------------------- under way

    def _put(self, direction: _Direction, item: Any) -> None:
        if not self._is_lost:
            direction.queue.append(item)
            self._start(direction)

    def _start(self, direction: _Direction) -> None:
        """Send the oldest item on its way, if nothing is."""
        if direction.is_under_way or not direction.queue or not direction.is_open:
            return
        direction.is_under_way = True
        observer = self._observer
        if happens(observer.chooser, direction.label, observer.faults.late_messages):
            delay = observer.delay("how late")
            self._loop.call_later(delay, self._arrive, direction, context=Context())
        else:
            self._loop.call_soon(self._arrive, direction, context=Context())

    def _arrive(self, direction: _Direction) -> None:
        direction.is_under_way = False
        if self._is_lost or not direction.is_open or not direction.queue:
            return
        observer = self._observer
        if happens(observer.chooser, "loss", observer.faults.losses):
            observer.note(What.WORLD, self.name, name="loses the connection")
            self._lose()
            return
        direction.deliver(direction.queue.popleft())
        self._start(direction)

    def _deliver_to_client(self, item: tuple[messages.ToClient | CloseFrame, int]) -> None:
        message, size = item
        self._size -= size
        if not self._size:
            self._drained.set()
        self._to_client(message)
        if isinstance(message, CloseFrame):  # which a client answers, and both hang up
            self._put(self._in, Lost())

    def _deliver_to_host(self, item: Any) -> None:
        receiver = self._receiver
        assert receiver is not None  # the direction opens with it
        if isinstance(item, Lost):
            self._lose()
        elif self._is_closing:
            return
        elif isinstance(item, CloseFrame):
            data = {"code": item.code, "reason": item.reason}
            self._observer.note(What.CLOSE_ARRIVED, self.name, data=data)
            self._is_closing = True
            self._drained.set()
            receiver.receive_close(item.code, item.reason)
            self._loop.call_soon(self._lose, context=Context())
        elif isinstance(item, (str, bytes)):
            self._observer.note(What.ARRIVED, self.name, name="?", data={"size": _bytes_of(item)})
            receiver.receive_data(item)
        else:
            frame = self._codec.encode_to_server(item, self._codec.initial_version)
            self._note_arrived(item, _bytes_of(frame))
            receiver.receive_data(frame)

    # -------------------------------------------------------------- the end

    def _lose(self) -> None:
        """The transport is gone; the host hears of it now, or as it attaches."""
        if self._is_lost:
            return
        if self._receiver is None:
            self._in.queue.append(Lost())
            return
        self._is_lost = self._is_closing = True
        self._size = 0
        self._drained.set()
        self._observer.note(What.LOST, self.name)
        self._to_client(Lost())
        self._receiver.receive_lost()

    def _await_ping(self) -> None:
        """Nobody answers the host's next ping: it gives up then."""
        silent = self._loop.now - self._attached_at
        pings = math.floor(silent / self._ping_interval) + 1
        due = self._attached_at + pings * self._ping_interval + self._ping_timeout
        self._loop.call_at(due, self._lose, context=Context())

    # -------------------------------------------------------------- notes

    def _decode(self, data: str | bytes) -> messages.ToClient:
        """The message of a frame; one frame goes to all who hear a broadcast."""
        cache = self._observer.frames
        found = cache.get(id(data))
        if found is None:  # the cache keeps the frame alive, and so its id its own
            found = cache[id(data)] = (data, self._codec.decode_to_client(data))
            if len(cache) > _FRAMES:
                del cache[next(iter(cache))]
        return found[1]

    def _note_sent(self, message: messages.ToClient, size: int) -> None:
        data: dict[str, Any] = {"type": type(message).__name__}
        name = ""
        match message:
            case messages.Init():
                data["id"] = message.connection_id
                self._observer.name_init(message.connection_id, self.name)
            case messages.Event():
                name = message.name
                data["args"] = message.args
            case messages.ActionResponse():
                data["id"] = message.id
                data["output"] = message.output
                self._observer.add_told_state(self.name, data)
            case messages.Error():
                name = f"{message.group}.{message.code}"
                data["message"] = message.message
                data["metadata"] = message.metadata
                data["id"] = message.action_id
        data["size"] = size
        data["backlog"] = self._size + (0 if self._is_closing else size)
        if self._has_closed:
            data["late"] = True
        self._observer.note(What.SENT, self.name, name=name, data=data)

    def _note_arrived(self, message: messages.ToServer, size: int) -> None:
        if isinstance(message, messages.ActionRequest):
            data = {"id": message.id, "args": message.args, "size": size}
            self._observer.note(What.ARRIVED, self.name, name=message.name, data=data)
        else:
            data = {"subscribe": message.subscribe, "size": size}
            self._observer.note(What.ARRIVED, self.name, name=message.event_name, data=data)


def _bytes_of(data: str | bytes) -> int:
    if isinstance(data, bytes) or data.isascii():
        return len(data)
    return len(data.encode())
