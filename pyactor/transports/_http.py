"""One HTTP/1.1 connection: h11 on an asyncio transport, request by request.

Every connection begins here, and any of its requests may be the upgrade to a websocket, which
then takes the transport over (wire-protocol.md, "One port, one server"). Requests are answered
one at a time, in order. Owned here: the limits and timeouts of heads, bodies and pauses, and how
a connection ends. What a request means is the application's.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import cast

import h11
from attrs import evolve
from typing_extensions import override
from websockets.exceptions import InvalidHandshake

from ..errors import (
    INTERNAL_MESSAGE,
    ActorError,
    IncomingTooLong,
    InvalidRequest,
    MethodNotAllowed,
    RequestTimedOut,
)
from ..wire.http import HttpRequest
from . import _http_messages as messages
from ._serving import Serving, logger
from ._websocket import WebsocketChannel


class _Phase(Enum):
    """What a connection is about."""

    IDLE = auto()  # no byte of a request is here
    HEAD = auto()  # a head is coming in
    BODY = auto()  # a body is coming in
    ANSWERING = auto()  # the application works, or the client has not taken the answer yet
    ENDED = auto()  # nothing is read any more


class HttpConnection(asyncio.Protocol):
    """Keep-alive, pipelining, bodies by length or in chunks, ``Expect: 100-continue``."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._limits = serving.limits
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.max_head)
        self._phase = _Phase.IDLE
        self._request: HttpRequest | None = None  # the head; the body gathers beside it
        self._body = bytearray()
        self._write_paused = False
        self._timer: asyncio.TimerHandle | None = None

    def shut_down(self) -> None:
        """End now if no request is under way, else with its answer."""
        flushing = self._phase is _Phase.ANSWERING and self._request is None
        if self._phase is _Phase.IDLE or flushing:
            self._close()

    def abort(self) -> None:
        """Drop the transport at once; an answer under way is finished and dropped."""
        self._phase = _Phase.ENDED
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
            return
        self._h11.receive_data(data)
        if self._phase is _Phase.ANSWERING:
            self._transport.pause_reading()  # pipelined requests wait where they are
        else:
            self._read()

    @override
    def eof_received(self) -> bool:
        if self._phase is _Phase.ENDED:
            return False
        self._h11.receive_data(b"")
        if self._phase is not _Phase.ANSWERING:
            self._read()
        # A client may close its half and still wait for the answer.
        return self._phase is _Phase.ANSWERING

    @override
    def pause_writing(self) -> None:
        self._write_paused = True

    @override
    def resume_writing(self) -> None:
        self._write_paused = False
        if self._request is None and self._phase is _Phase.ANSWERING:
            self._next_request()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = _Phase.ENDED
        self._stop_timer()
        self._serving.forget(self)

    # -------------------------------------------------------------- in

    def _read(self) -> None:
        try:
            self._read_events()
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            if status == 431:
                self._refuse_head()
            else:
                self._refuse(status, InvalidRequest(str(error)))

    def _read_events(self) -> None:
        """Go through what has arrived until a request is whole, or more is needed."""
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Request):
                if not self._receive_head(event):
                    return
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._limits.max_body:
                    self._refuse_body()
                    return
            elif isinstance(event, h11.EndOfMessage) and self._request is not None:
                self._answer(self._request)
                return
            elif isinstance(event, h11.ConnectionClosed):
                self._end()
                return
            else:
                self._wait_for_data()
                return

    def _wait_for_data(self) -> None:
        if self._phase is _Phase.BODY:
            self._time_out_in(self._limits.body_timeout)
        elif self._phase is _Phase.IDLE and self._h11.trailing_data[0]:
            self._phase = _Phase.HEAD
            self._time_out_in(self._limits.head_timeout)

    def _receive_head(self, event: h11.Request) -> bool:
        """Take in a head. Returns whether its body is to be read here."""
        self._stop_timer()
        self._phase = _Phase.BODY
        request = self._request = messages.request_head(event, self._peer)
        if messages.head_size(event) > self._limits.max_head:
            self._refuse_head()
        elif request.method == "CONNECT":
            self._refuse(405, MethodNotAllowed("this server is no proxy: CONNECT is refused"))
        elif "content-length" in request.headers and "transfer-encoding" in request.headers:
            # RFC 9112 6.1: two lengths are how requests are smuggled past a proxy.
            self._refuse(400, InvalidRequest("Content-Length together with Transfer-Encoding"))
        elif messages.wants_websocket(request.headers):
            self._upgrade(request, event.http_version.decode("ascii"))
        elif int(request.headers.get("content-length", "0")) > self._limits.max_body:
            self._refuse_body()
        else:
            if self._h11.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                self._transport.write(self._h11.send(go_on))
            return True
        return False

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
        self._transport.write(response.serialize())
        if response.status_code != 101:
            self._end()
            return
        self._phase = _Phase.ENDED
        self._serving.forget(self)
        channel.take_over(request, early)

    # -------------------------------------------------------------- out

    def _answer(self, head: HttpRequest) -> None:
        """Let the application answer the request that is now whole."""
        self._stop_timer()
        self._phase = _Phase.ANSWERING
        request = evolve(head, body=bytes(self._body))
        self._body = bytearray()
        task = asyncio.get_running_loop().create_task(self._respond(request))
        self._serving.tasks.add(task)
        task.add_done_callback(self._serving.tasks.discard)

    async def _respond(self, request: HttpRequest) -> None:
        try:
            response = await self._serving.application.respond(request)
            event = messages.response_event(response, closing=self._serving.draining)
        except asyncio.CancelledError:
            self.abort()  # not by us: the loop ends
            raise
        except Exception:  # noqa: BLE001 - whatever the bug is, the client is not left waiting
            logger.exception("%s %s: no answer could be made", request.method, request.target)
            response = messages.refusal(500, ActorError(INTERNAL_MESSAGE))
            event = messages.response_event(response, closing=True)
        if self._transport.is_closing():
            return
        self._write(event, messages.sent_body(request.method, response))
        self._request = None
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            self._end()
        elif self._write_paused:
            # A client that sends and does not read must not fill the memory with answers.
            self._time_out_in(self._limits.idle_timeout)
        else:
            self._next_request()

    def _next_request(self) -> None:
        self._h11.start_next_cycle()
        self._phase = _Phase.IDLE
        self._time_out_in(self._limits.idle_timeout)
        self._transport.resume_reading()
        self._read()

    def _refuse_head(self) -> None:
        limit = self._limits.max_head
        self._refuse(431, IncomingTooLong(f"the request's head is over {limit} bytes"))

    def _refuse_body(self) -> None:
        limit = self._limits.max_body
        self._refuse(413, IncomingTooLong(f"the request's body is over {limit} bytes"))

    def _refuse(self, status: int, error: ActorError) -> None:
        """Answer with an error of the transport's own and end the connection."""
        logger.debug("request of %s refused: %s %s", self._peer, status, error)
        response = messages.refusal(status, error)
        method = None if self._request is None else self._request.method
        event = messages.response_event(response, closing=True)
        self._write(event, messages.sent_body(method, response))
        self._end()

    def _write(self, head: h11.Response, body: bytes) -> None:
        pieces = [self._h11.send(head)]
        if body:
            pieces.append(self._h11.send(h11.Data(data=body)))
        pieces.append(self._h11.send(h11.EndOfMessage()))
        self._transport.write(b"".join(pieces))

    # -------------------------------------------------------------- the end, and time

    def _end(self) -> None:
        """No request follows: close, but let the peer finish what it is sending."""
        all_read = self._h11.their_state in {h11.DONE, h11.MUST_CLOSE, h11.CLOSED}
        if all_read and self._transport.is_reading():
            self._close()
            return
        # To close with unread data would reset the connection, and the client might never see
        # its answer (RFC 9112 9.6).
        self._phase = _Phase.ENDED
        self._transport.write_eof()
        self._transport.resume_reading()
        self._time_out_in(self._limits.linger_timeout)

    def _close(self) -> None:
        """Close as soon as everything is written, within ``idle_timeout``."""
        self._phase = _Phase.ENDED
        self._transport.close()
        self._time_out_in(self._limits.idle_timeout)

    def _time_out_in(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._time_out)

    def _time_out(self) -> None:
        if self._phase is _Phase.HEAD or self._phase is _Phase.BODY:
            self._refuse(408, RequestTimedOut("the rest of the request did not come in time"))
        elif self._phase is _Phase.IDLE:
            self._close()
        else:
            self.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
