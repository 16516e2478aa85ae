"""One request over ASGI: its body as the server has it, its answer as the server takes it.

Owns what becomes of the two bodies when the client, or the patience, is gone. What a request
means is the application's.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ..errors import INTERNAL_MESSAGE, ActorError, ConnectionLost, RequestTimedOut
from ..tasks import start_task
from ..transports import ServerLimits
from ..transports import _http_messages as messages
from ..transports._application import Application
from ..transports._bodies import MAX_UNREAD, RequestBody, ResponseBody
from ..wire.http import path_to_log
from ._scope import request_of
from ._types import Message, Receive, Scope, Send

if TYPE_CHECKING:
    import h11

_log = logging.getLogger("pyactor.asgi")
_SERVERS = frozenset({b"connection", b"date"})
"""Headers that are the server's business."""


class Exchange:
    """Answers one ``http`` scope.

    The server is listened to only while somebody waits for the request's body, or while the
    answer streams: nobody else would do anything about a client that leaves (C6, C14).
    """

    def __init__(
        self,
        application: Application,
        scope: Scope,
        receive: Receive,
        send: Send,
        limits: ServerLimits,
    ) -> None:
        self._application = application
        self._receive = receive
        self._send = send
        self._limits = limits
        self._incoming = RequestBody(self, max_size=limits.max_body, timeout=limits.body_timeout)
        self._request = request_of(scope, self._incoming)
        self._outgoing: ResponseBody | None = None  # what has not all gone out
        self._is_gone = False  # nobody takes an answer any more
        self._wanted = asyncio.Event()  # somebody waits for the request's body
        self._listening: asyncio.Task[None] | None = None
        self._fault: Exception | None = None  # of listening

    async def run(self, answers: set[asyncio.Task[None]]) -> None:
        """Answer, and return when the server has all of it.

        Args:
            answers: Where to note the work, which outlives a cancellation: the server then has
                given the client up, and what was begun is finished (C6).

        Raises:
            Exception: The answer broke off; the server has to end the transfer so that it shows.
                Or what ``receive`` raised, as a middleware that limits bodies does.
        """
        answering = start_task(self._answer())
        answers.add(answering)
        answering.add_done_callback(answers.discard)
        try:
            await asyncio.shield(answering)
        except asyncio.CancelledError:
            answering.add_done_callback(_note)
            self._vanish()
            raise
        finally:
            if self._listening is not None:
                self._listening.cancel()
            why = "the request was answered before all of its body was read"
            self._incoming.fail(ConnectionLost(why, may_have_run=True))
        if self._fault is not None:
            raise self._fault

    # -------------------------------------------------------------- in

    def want_body(self) -> None:
        """The application waits for the body: ask the server for more of it."""
        self._wanted.set()
        self._listen()

    def _listen(self) -> None:
        if self._listening is None:
            self._listening = start_task(self._hear())

    async def _hear(self) -> None:
        try:
            await self._take_in()
        except Exception as error:  # noqa: BLE001 - whatever it is, `run` raises it
            self._fault = error
            self._vanish()

    async def _take_in(self) -> None:
        """Take in the body, no further ahead of its reader than that may be, and then the end."""
        body = self._incoming
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._vanish()
                return
            if not body.has_failed:
                self._wanted.clear()
                body.feed(message.get("body", b""))
                if not message.get("more_body", False):
                    body.finish()
                elif body.unread > MAX_UNREAD:
                    await self._wait_for_reader()

    async def _wait_for_reader(self) -> None:
        """Let the client wait; but while the answer streams somebody has to hear it leave."""
        while not await self._is_wanted_within(self._limits.body_timeout):
            if self._outgoing is not None:
                self._incoming.fail(RequestTimedOut("the request's body was not read in time"))
                return

    async def _is_wanted_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        except TimeoutError:
            return False
        return True

    def _vanish(self) -> None:
        """The client is gone: the body ends in an error, a streamed answer is cut."""
        if self._is_gone:
            return
        self._is_gone = True
        self._incoming.fail(ConnectionLost("the client is gone", may_have_run=True))
        if self._outgoing is not None:
            self._outgoing.cut()

    # -------------------------------------------------------------- out

    async def _answer(self) -> None:
        method, target = self._request.method, self._request.target
        body: bytes | ResponseBody = b""
        try:
            response = await self._application.respond(self._request)
            body = (
                response.body if isinstance(response.body, bytes) else ResponseBody(response.body)
            )
            head = messages.response_head(response, closing=False)
        except Exception:  # noqa: BLE001 - whatever the bug is, the client is not left waiting
            _log.exception("%s %s: no answer could be made", method, path_to_log(target))
            if isinstance(body, ResponseBody):
                await body.close()
            head, body = messages.refusal(500, ActorError(INTERNAL_MESSAGE))
        if isinstance(body, ResponseBody):
            await self._send_pieces(head, body)
        else:
            await self._put(_start(head))
            whole = b"" if messages.is_bodiless(method, head.status_code) else body
            await self._put(_piece(whole, more=False))

    async def _send_pieces(self, head: h11.Response, body: ResponseBody) -> None:
        await self._put(_start(head))
        if self._is_gone or messages.is_bodiless(self._request.method, head.status_code):
            await body.close()
        else:
            self._outgoing = body
            self._listen()
            try:
                await body.send(self._put_piece)
            finally:
                self._outgoing = None
        await self._put(_piece(b"", more=False))

    async def _put_piece(self, piece: bytes) -> None:
        if piece:  # servers differ in what an empty one is
            await self._put(_piece(piece, more=True))

    async def _put(self, message: Message) -> None:
        """Give the server one message, and wait while the client takes less than it is sent."""
        if self._is_gone:
            return
        try:
            async with asyncio.timeout(self._limits.idle_timeout):
                await self._send(message)
        except OSError as error:  # of a client that left (ASGI 2.4), or TimeoutError, which is one
            path = path_to_log(self._request.target)
            _log.debug("%s %s: nobody takes the answer: %r", self._request.method, path, error)
            self._vanish()


def _start(head: h11.Response) -> Message:
    headers = [(name, value) for name, value in head.headers if name not in _SERVERS]
    return {"type": "http.response.start", "status": head.status_code, "headers": headers}


def _piece(data: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def _note(answering: asyncio.Task[None]) -> None:
    """The server is not told any more how the answer ended; a bug was logged already."""
    if not answering.cancelled():
        answering.exception()
