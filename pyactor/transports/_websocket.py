"""One websocket: the library's sans-I/O protocol on an asyncio transport, as a channel.

Frames, masks, the handshake, ping and close are `websockets`' (RFC 6455). Owned here: moving the
bytes, joining fragments, keepalive and the timers. Nothing here knows what a message means.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import cast

from typing_extensions import override
from websockets.datastructures import Headers
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN, SEND_EOF
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ..wire.channel import SUBPROTOCOL, ChannelReceiver, fitting_reason
from ..wire.http import HttpRequest
from ._frame import WHOLE_TEXT, whole_message, wire_size
from ._serving import Serving, logger

_SUBPROTOCOL = Subprotocol(SUBPROTOCOL)
_PING = Frame(Opcode.PING, b"").serialize(mask=False)
_MAX_PONG_BACKLOG = 1024 * 1024


class _Protocol(ServerProtocol):
    """The library's protocol; of the subprotocols offered it takes ``rivet`` or none."""

    @override
    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        return _SUBPROTOCOL if _SUBPROTOCOL in subprotocols else None


class WebsocketChannel(asyncio.Protocol):
    """A channel over one websocket whose upgrade request came in over HTTP.

    Is a ``Channel`` and an ``OpenConnection``, by shape: their bases would cost every connection
    a ``__dict__``. What arrives before ``attach`` is held: at most one read, since reading pauses
    then. After ``close`` or ``abort`` the receiver hears nothing but ``receive_lost``.
    """

    __slots__ = (
        "_close_timeout",
        "_deadline",
        "_ending",
        "_fragments",
        "_heard",
        "_held",
        "_is_text",
        "_lost",
        "_next_ping",
        "_paused",
        "_ping_interval",
        "_ping_timeout",
        "_protocol",
        "_receiver",
        "_receiving",
        "_resumed",
        "_sending",
        "_serving",
        "_timer",
        "_transport",
        "_unanswered",
        "_unparsed",
        "_waiting",
    )

    def __init__(self, serving: Serving, transport: asyncio.Transport) -> None:
        self._serving = serving
        self._transport = transport
        # The upgrade was read as HTTP, so the library begins at the frames. Its own reader of
        # heads would refuse lines over 8 KiB, which connection parameters may need.
        self._protocol = _Protocol(state=OPEN, max_size=serving.limits.max_websocket_message)
        self._receiver: ChannelReceiver | None = None
        self._held = b""
        self._unanswered = b""  # what answers the upgrade, until something is written
        self._fragments: bytearray | None = None  # joined so far, of a message under way
        self._is_text = False  # of the fragments
        self._unparsed = 0  # bytes that the library has, of a frame that is not whole
        self._paused = False
        self._waiting: list[Frame] = []  # taken in, and not delivered since it is paused
        self._sending = True  # messages may go out: neither side has begun to close
        self._receiving = True  # messages are for the receiver, or held until there is one
        self._ending = False  # the timer counts towards an abort
        self._lost = False
        self._resumed: asyncio.Event | None = None  # while the transport's buffer is full
        self._heard = True  # something arrived since the last ping
        self._next_ping = self._deadline = math.inf  # loop time, seconds
        self._timer: asyncio.TimerHandle | None = None
        self._ping_interval = self._ping_timeout = 0.0
        self._close_timeout = serving.limits.close_timeout

    # -------------------------------------------------------------- upgrade

    def accept(self, request: HttpRequest, http_version: str) -> Response:
        """The library's answer to the upgrade: 101, or an error status.

        Raises:
            InvalidHandshake: A header has a value that the library does not even look at.
        """
        headers = Headers(request.headers)
        version = f"HTTP/{http_version}"
        return self._protocol.accept(Request(request.target, headers, request.method, version))

    def take_over(self, request: HttpRequest, answer: bytes, early: bytes) -> None:
        """Become the transport's protocol and go to the application.

        The answer waits for a turn of the loop: most applications have their first message by then,
        and both go out in one piece.

        Args:
            request: The upgrade that was accepted.
            answer: What tells the client so.
            early: What came in one piece with the request.
        """
        self._unanswered = answer
        self._held = early
        self._serving.remember(self)
        self._transport.set_protocol(self)
        self._serving.application.open_channel(request, self)
        asyncio.get_running_loop().call_soon(self._answer_upgrade)

    def _answer_upgrade(self) -> None:
        if self._unanswered and not self._transport.is_closing():
            self._write(b"")

    def _write(self, data: bytes) -> None:
        if self._unanswered:
            data = self._unanswered + data
            self._unanswered = b""
        self._transport.write(data)

    # -------------------------------------------------------------- Channel

    @property
    def backlog(self) -> int:
        """Bytes that the operating system has not taken yet."""
        return 0 if self._lost else self._transport.get_write_buffer_size()

    def attach(
        self,
        receiver: ChannelReceiver,
        *,
        ping_interval: float,
        ping_timeout: float,
        close_timeout: float,
    ) -> None:
        """Begin delivery in the loop's next turn: no receiver is called while it attaches."""
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._close_timeout = close_timeout
        asyncio.get_running_loop().call_soon(self._begin, receiver)

    def send(self, data: str | bytes) -> None:
        """Write one message at once; dropped if the channel is closing."""
        if self._sending and not self._transport.is_closing():
            self._write(self._serving.framer.frame(data))

    async def drained(self) -> None:
        """Wait while more than asyncio's high-water mark is unsent, down to its low one."""
        if self._sending and self._resumed is not None:
            await self._resumed.wait()

    def pause(self) -> None:
        """Read no more; what has been read already waits."""
        self._paused = True
        self._transport.pause_reading()

    def resume(self) -> None:
        """Deliver what waits, then read on."""
        if self._paused:
            self._paused = False
            asyncio.get_running_loop().call_soon(self._read_on)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake, with a code that RFC 6455 7.4 lets an endpoint send."""
        self._receiving = self._paused = False
        if not self._sending:
            return
        self._stop_sending()
        self._protocol.send_close(code, fitting_reason(reason))
        self._write(b"".join(self._protocol.data_to_send()))
        self._abort_later()
        self._read_held()

    def abort(self) -> None:
        """Drop the transport at once."""
        self._stop_sending()
        self._receiving = False
        self._transport.abort()

    def stop_reuse(self) -> None:
        """Nothing: it has no further request."""

    def shut_down(self) -> None:
        """Nothing: the application closes its channels, each with its reason (C15)."""

    # -------------------------------------------------------------- asyncio.Protocol

    @override
    def data_received(self, data: bytes) -> None:
        self._heard = True
        receiver = self._receiver
        if receiver is None and self._receiving:
            self._held += data
            self._transport.pause_reading()
        elif receiver is not None and self._is_between_messages:
            message = whole_message(data, self._serving.limits.max_websocket_message)
            if message is None:
                self._receive(data)
            else:
                self._receive_message(receiver, message, data[0] == WHOLE_TEXT)
        else:
            self._receive(data)

    @override
    def eof_received(self) -> None:
        # The transport now writes what is left and closes; a peer that takes none of it must
        # not hold it open.
        self._stop_sending()
        self._abort_later()

    @override
    def pause_writing(self) -> None:
        self._resumed = asyncio.Event()

    @override
    def resume_writing(self) -> None:
        self._release_senders()
        self._resumed = None

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._stop_sending()
        self._stop_timer()
        self._serving.forget(self)
        if self._receiver is not None:
            self._receiver.receive_lost()

    # -------------------------------------------------------------- in

    def _begin(self, receiver: ChannelReceiver) -> None:
        self._receiver = receiver
        self._read_held()
        if self._lost:
            receiver.receive_lost()
        elif self._sending:
            self._next_ping = asyncio.get_running_loop().time() + self._ping_interval
            self._keep_alive()

    def _read_held(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._receive(held)
        self._read_on()

    def _read_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._deliver(waiting)
        if not self._paused:
            self._transport.resume_reading()

    @property
    def _is_between_messages(self) -> bool:
        """Whether the library has nothing of what came, and has nothing to say of what comes."""
        return (
            self._unparsed == 0
            and self._fragments is None
            and self._receiving
            and self._sending
            and not self._paused
            and not self._waiting
        )

    def _receive(self, data: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(data)
        frames = cast("list[Frame]", protocol.events_received())
        # A length in more bytes than it needs leaves it above zero for good, which is safe.
        self._unparsed += len(data) - sum(map(wire_size, frames))
        if protocol.state is not OPEN:
            self._stop_sending()
        self._write_answers()
        self._deliver(frames)

    def _deliver(self, frames: list[Frame]) -> None:
        receiver = self._receiver
        for index, frame in enumerate(frames):
            if receiver is None or not self._receiving:
                return
            if self._paused:
                self._waiting += frames[index:]
                return
            self._receive_frame(receiver, frame)
        if receiver is not None and self._protocol.parser_exc is not None:
            self._receive_failure(receiver)

    def _receive_frame(self, receiver: ChannelReceiver, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            if frame.fin:
                self._receive_message(receiver, bytes(frame.data), opcode is Opcode.TEXT)
            else:
                self._is_text = opcode is Opcode.TEXT
                self._fragments = bytearray(frame.data)
        elif opcode is Opcode.CONT:
            assert self._fragments is not None  # the library has seen the first one
            # Joined as they come: a list of empty fragments would grow without bound.
            self._fragments += frame.data
            if frame.fin:
                message = bytes(self._fragments)
                self._fragments = None
                self._receive_message(receiver, message, self._is_text)
        elif opcode is Opcode.CLOSE:
            self._receive_close(receiver, Close.parse(frame.data))

    def _receive_message(self, receiver: ChannelReceiver, data: bytes, is_text: bool) -> None:
        if not is_text:
            receiver.receive_data(data)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError as error:  # the library leaves this check to its user
            self._stop_sending()
            where = f"{error.reason} at position {error.start}"
            self._protocol.fail(CloseCode.INVALID_DATA, where)
            self._write_answers()
            self._receive_failure(receiver)
        else:
            receiver.receive_data(text)

    def _receive_failure(self, receiver: ChannelReceiver) -> None:
        """The peer broke the protocol, and the library has told it so in a close frame."""
        close = self._protocol.close_sent
        if close is not None:
            logger.debug("websocket failed: %s", close)
            self._receive_close(receiver, close)

    def _receive_close(self, receiver: ChannelReceiver, close: Close) -> None:
        if self._receiving:
            self._receiving = False
            receiver.receive_close(close.code, close.reason)

    # -------------------------------------------------------------- out

    def _stop_sending(self) -> None:
        self._sending = False
        self._release_senders()

    def _release_senders(self) -> None:
        if self._resumed is not None:
            self._resumed.set()

    def _write_answers(self) -> None:
        """Write what the library answers by itself: pongs, or a close frame and the end."""
        pieces = self._protocol.data_to_send()
        if not pieces or self._transport.is_closing():
            return
        if pieces[-1] != SEND_EOF:
            # A peer that pings and does not read; RFC 6455 5.5.3 lets pongs be left out.
            if self.backlog <= _MAX_PONG_BACKLOG:
                self._write(b"".join(pieces))
            return
        self._write(b"".join(pieces))
        # Half-closed, then read to the end: to close with unread data would reset the
        # connection, and the peer might never see the close frame.
        self._transport.write_eof()
        self._abort_later()

    # -------------------------------------------------------------- timers

    def _keep_alive(self) -> None:
        """Ping if it is time, drop a peer that is silent for too long, and come back.

        Any byte proves the peer alive: its pong may stand behind a long message.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._heard or self._paused:  # paused, nobody can hear
            self._deadline = math.inf
        elif now >= self._deadline:
            logger.info("websocket dropped: no answer to a ping in %s s", self._ping_timeout)
            self._transport.abort()
            return
        if now >= self._next_ping:
            self._write(_PING)
            self._next_ping = now + self._ping_interval
            self._deadline = min(self._deadline, now + self._ping_timeout)
            self._heard = False
        self._timer = loop.call_at(min(self._next_ping, self._deadline), self._keep_alive)

    def _abort_later(self) -> None:
        """From the first sign of the end, the peer has ``close_timeout`` to do its part."""
        if not self._ending:
            self._ending = True
            self._stop_timer()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._close_timeout, self._transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
