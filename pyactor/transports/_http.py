"""One HTTP/1.1 connection: h11 on an asyncio transport, request by request.

Every connection begins here, and any of its requests may be the upgrade to a websocket, which
then takes the transport over (wire-protocol.md, "One port, one server"). Requests are answered
one at a time, in order, each from the moment its head is in. Owned here: the limits and timeouts
of heads and pauses, and how a connection ends. What a request means is the application's.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterable
from enum import Enum, auto
from typing import cast

import h11
from typing_extensions import override
from websockets.exceptions import InvalidHandshake

from ..errors import (
    INTERNAL_MESSAGE,
    ActorError,
    ConnectionLost,
    IncomingTooLong,
    InvalidRequest,
    MethodNotAllowed,
    RequestTimedOut,
)
from ..tasks import start_task
from ..wire.http import HttpRequest, path_to_log
from . import _http_messages as messages
from ._bodies import MAX_UNREAD, RequestBody, ResponseBody
from ._serving import Serving, logger
from ._websocket import WebsocketChannel

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # of SO_LINGER: on, zero seconds


class _Phase(Enum):
    """What a connection is about."""

    IDLE = auto()  # no byte of a request is here
    HEAD = auto()  # a head is coming in
    ANSWERING = auto()  # the application works or its answer streams; a body may be coming in
    FLUSHING = auto()  # the client has not taken the answer yet
    ENDED = auto()  # nothing that comes is a request


class HttpConnection(asyncio.Protocol):
    """Keep-alive, pipelining, bodies by length or in chunks, ``Expect: 100-continue``."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._limits = serving.limits
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.max_head)
        self._phase = _Phase.IDLE
        self._is_first = True  # no request has been answered
        self._method: str | None = None  # of the request that is being read
        self._incoming: RequestBody | None = None  # what has not all come in
        self._outgoing: ResponseBody | None = None  # what has not all gone out
        self._ahead = 0  # bytes of pipelined requests
        self._at_eof = False
        self._write_paused = False
        self._writable: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lingers_until: float | None = None  # loop time, seconds

    def stop_reuse(self) -> None:
        """End now if it waits for another request, or for its client to take the last answer.

        The first one is still let in: an official client whose connect fails stays away for good
        (wire-protocol.md, "What the client does after errors").
        """
        if not self._is_first:
            self.shut_down()

    def shut_down(self) -> None:
        """End now if no request is under way, else with its answer."""
        if self._phase is _Phase.IDLE or self._phase is _Phase.FLUSHING:
            self._close()

    def abort(self) -> None:
        """Drop the transport at once; the application still finishes an answer under way.

        A streamed answer is cut, and reset rather than ended: where the end of the connection
        is the end of the body, as in HTTP/1.0, half of it must not look like the whole.
        """
        self._phase = _Phase.ENDED
        if self._outgoing is not None:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    # -------------------------------------------------------------- asyncio.Protocol

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._peer = messages.peer_name(transport.get_extra_info("peername"))
        self._serving.remember(self)
        self._time_out_in(self._limits.head_timeout)

    @override
    def data_received(self, data: bytes) -> None:
        if self._phase is _Phase.ENDED:
            if self._lingers_until is not None:
                self._linger(self._lingers_until)
            return
        incoming = self._incoming
        if incoming is not None and incoming.has_failed:
            self._transport.pause_reading()  # what is left of it waits for the linger
            return
        self._h11.receive_data(data)
        if incoming is not None:
            self._read_body(incoming)
        elif self._phase is _Phase.IDLE or self._phase is _Phase.HEAD:
            self._read()
        else:
            # Reading goes on for a while, since only who reads learns that the client is gone.
            self._ahead += len(data)
            if self._ahead > MAX_UNREAD:
                self._transport.pause_reading()

    @override
    def eof_received(self) -> bool:
        if self._phase is _Phase.ENDED:
            return False
        self._at_eof = True
        self._h11.receive_data(b"")
        if self._outgoing is not None:
            self.abort()  # nobody can tell whether such a client still listens
        elif self._incoming is not None:
            self._read_body(self._incoming)
        elif self._phase is _Phase.IDLE or self._phase is _Phase.HEAD:
            self._read()
        # A client may close its half and still wait for an answer, if that is in one piece.
        return self._phase is _Phase.ANSWERING or self._phase is _Phase.FLUSHING

    @override
    def pause_writing(self) -> None:
        self._write_paused = True

    @override
    def resume_writing(self) -> None:
        self._write_paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        elif self._phase is _Phase.FLUSHING:
            self._next_request()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = _Phase.ENDED
        self._stop_timer()
        self._fail_body("the client is gone")
        if self._outgoing is not None:
            self._outgoing.cut()
        self._serving.forget(self)

    # -------------------------------------------------------------- in

    def _read(self) -> None:
        """Look for a head in what has arrived."""
        try:
            event = self._h11.next_event()
            if isinstance(event, h11.Request):
                self._receive_head(event)
            elif isinstance(event, h11.ConnectionClosed):
                self._end()
            elif self._phase is _Phase.IDLE and self._h11.trailing_data[0]:
                self._phase = _Phase.HEAD
                self._time_out_in(self._limits.head_timeout)
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            if status == 431:
                self._refuse_head()
            else:
                self._refuse(status, InvalidRequest(str(error)))

    def _receive_head(self, event: h11.Request) -> None:
        self._stop_timer()
        request = messages.request_head(event, self._peer)
        headers = request.headers
        self._method = request.method
        if messages.head_size(event) > self._limits.max_head:
            self._refuse_head()
        elif request.method == "CONNECT":
            self._refuse(405, MethodNotAllowed("this server is no proxy: CONNECT is refused"))
        elif "content-length" in headers and "transfer-encoding" in headers:
            # RFC 9112 6.1: two lengths are how requests are smuggled past a proxy.
            self._refuse(400, InvalidRequest("Content-Length together with Transfer-Encoding"))
        elif messages.wants_websocket(headers):
            self._upgrade(request, event.http_version.decode("ascii"))
        elif int(headers.get("content-length", "0")) > self._limits.max_body:
            limit = self._limits.max_body
            self._refuse(413, IncomingTooLong(f"the request's body is over {limit} bytes"))
        else:
            self._answer(request)

    def _read_body(self, body: RequestBody) -> None:
        """Give what has arrived to its reader, and read no further ahead than that may be."""
        try:
            while isinstance(event := self._h11.next_event(), h11.Data):
                body.feed(event.data)
            if isinstance(event, h11.EndOfMessage):
                self._incoming = None
                body.finish()
                return
        except h11.RemoteProtocolError as error:
            if self._at_eof:
                self._fail_body("the client ended the connection within its request's body")
            else:
                body.fail(InvalidRequest(str(error)))
        if body.unread > MAX_UNREAD:
            self._transport.pause_reading()

    def want_body(self) -> None:
        """The application waits for the body: read on, and say so (RFC 9110 10.1.1)."""
        if self._h11.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            self._transport.write(self._h11.send(go_on))
        self._transport.resume_reading()

    def _fail_body(self, why: str) -> None:
        if self._incoming is not None:
            self._incoming.fail(ConnectionLost(why, may_have_run=True))

    def _upgrade(self, request: HttpRequest, http_version: str) -> None:
        """Hand the transport over to a websocket, or give the library's reason why not."""
        if not isinstance(self._h11.next_event(), h11.EndOfMessage):
            self._refuse(400, InvalidRequest("an upgrade to a websocket has no body"))
            return
        early, client_is_gone = self._h11.trailing_data
        if client_is_gone:
            self._close()
            return
        channel = WebsocketChannel(self._serving, self._transport)
        try:
            response = channel.accept(request, http_version)
        except InvalidHandshake as error:
            self._refuse(400, InvalidRequest(str(error)))
            return
        answer = response.serialize()
        if response.status_code != 101:
            self._transport.write(answer)
            self._end()
            return
        self._phase = _Phase.ENDED
        self._serving.forget(self)
        channel.take_over(request, answer, early)

    # -------------------------------------------------------------- out

    def _answer(self, request: HttpRequest) -> None:
        """Let the application answer the request whose head is now in."""
        self._phase = _Phase.ANSWERING
        if messages.has_body(request.headers):
            body = self._incoming = RequestBody(
                self, max_size=self._limits.max_body, timeout=self._limits.body_timeout
            )
            self._read_body(body)
            request = messages.with_body(request, body)
        else:
            self._h11.next_event()  # the end of the message
        task = start_task(self._respond(request))
        self._serving.tasks.add(task)
        task.add_done_callback(self._serving.tasks.discard)

    async def _respond(self, request: HttpRequest) -> None:
        body: bytes | AsyncIterable[bytes] | ResponseBody = b""
        try:
            response = await self._serving.application.respond(request)
            body = response.body
            if not isinstance(body, bytes):
                body = ResponseBody(body)
            # What is left of the request's body must not be taken for a request.
            closing = self._serving.draining or self._incoming is not None
            head = messages.response_head(response, closing=closing)
        except asyncio.CancelledError:
            self.abort()  # not by us: the loop ends
            raise
        except Exception:  # noqa: BLE001 - whatever the bug is, the client is not left waiting
            path = path_to_log(request.target)
            logger.exception("%s %s: no answer could be made", request.method, path)
            head, refusal = messages.refusal(500, ActorError(INTERNAL_MESSAGE))
            if isinstance(body, ResponseBody):
                await body.close()
            body = refusal
        if isinstance(body, ResponseBody):
            await self._send_pieces(request, head, body)
        elif not self._transport.is_closing():
            self._send_whole(request.method, head, body)
            self._finish()

    async def _send_pieces(
        self, request: HttpRequest, head: h11.Response, body: ResponseBody
    ) -> None:
        """Write a streamed answer, if there is still somebody to take it."""
        if self._at_eof:
            self.abort()
        if self._transport.is_closing():
            await body.close()
            return
        self._transport.write(self._h11.send(head))
        if messages.is_bodiless(request.method, head.status_code):
            await body.close()
        else:
            self._outgoing = body
            try:
                await body.send(self._write_piece)
            except asyncio.CancelledError:
                self.abort()  # not by us: the loop ends
                raise
            except Exception:  # noqa: BLE001 - the client has to see a transfer that broke off
                path = path_to_log(request.target)
                logger.exception("%s %s: the answer broke off", request.method, path)
                self.abort()
            finally:
                self._outgoing = None
        if not self._transport.is_closing():
            self._transport.write(self._h11.send(h11.EndOfMessage()))
            self._finish()

    async def _write_piece(self, piece: bytes) -> None:
        """Write one piece and wait while the client takes less than it is sent."""
        self._transport.write(self._h11.send(h11.Data(data=piece)))
        if self._write_paused:
            self._writable = asyncio.get_running_loop().create_future()
            self._time_out_in(self._limits.idle_timeout)
            try:
                await self._writable
            finally:
                self._stop_timer()

    def _finish(self) -> None:
        """The answer is written: go on to the next request, if there may be one."""
        self._method = None
        self._is_first = False
        self._fail_body("the request was answered before all of its body was read")
        is_over = self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE
        if is_over or self._serving.draining:
            self._end()
        elif self._write_paused:
            # A client that sends and does not read must not fill the memory with answers.
            self._phase = _Phase.FLUSHING
            self._time_out_in(self._limits.idle_timeout)
        else:
            self._next_request()

    def _next_request(self) -> None:
        self._h11.start_next_cycle()
        self._phase = _Phase.IDLE
        self._ahead = 0
        self._time_out_in(self._limits.idle_timeout)
        self._transport.resume_reading()
        self._read()

    def _refuse_head(self) -> None:
        limit = self._limits.max_head
        self._refuse(431, IncomingTooLong(f"the request's head is over {limit} bytes"))

    def _refuse(self, status: int, error: ActorError) -> None:
        """Answer with an error of the transport's own and end the connection."""
        logger.debug("request of %s refused: %s %s", self._peer, status, error)
        head, body = messages.refusal(status, error)
        self._send_whole(self._method, head, body)
        self._end()

    def _send_whole(self, method: str | None, head: h11.Response, body: bytes) -> None:
        pieces = [self._h11.send(head)]
        if body and not messages.is_bodiless(method, head.status_code):
            pieces.append(self._h11.send(h11.Data(data=body)))
        pieces.append(self._h11.send(h11.EndOfMessage()))
        self._transport.write(b"".join(pieces))

    # -------------------------------------------------------------- the end, and time

    def _end(self) -> None:
        """No request follows: close, but let the peer finish what it is sending."""
        all_read = self._h11.their_state in {h11.DONE, h11.MUST_CLOSE, h11.CLOSED}
        is_ahead = not self._transport.is_reading() or self._h11.trailing_data[0]
        if self._at_eof or (all_read and not is_ahead):
            self._close()
            return
        # To close with unread data would reset the connection, and the client might never see
        # its answer (RFC 9112 9.6). What comes now is dropped, so none of it is a request. Many a
        # client does not look for an answer before all of its upload is sent.
        self._phase = _Phase.ENDED
        self._transport.write_eof()
        self._transport.resume_reading()
        until = self._lingers_until = asyncio.get_running_loop().time() + self._limits.max_linger
        self._linger(until)

    def _linger(self, until: float) -> None:
        """Wait for more of what is dropped, or for the client to close its half."""
        left = until - asyncio.get_running_loop().time()
        self._time_out_in(min(self._limits.linger_timeout, left))

    def _close(self) -> None:
        """Close as soon as everything is written, within ``idle_timeout``."""
        self._phase = _Phase.ENDED
        self._transport.close()
        self._time_out_in(self._limits.idle_timeout)

    def _time_out_in(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._time_out)

    def _time_out(self) -> None:
        if self._phase is _Phase.HEAD:
            self._refuse(408, RequestTimedOut("the rest of the request did not come in time"))
        elif self._phase is _Phase.IDLE:
            self._close()
        else:
            self.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
