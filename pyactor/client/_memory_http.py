"""HTTP as a call to a host in the same process, bodies piece by piece.

Owns what stands between the two for a network: the host's side runs in tasks and a context of its
own, whatever becomes of its caller.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextvars import Context
from typing import Final, TypeAlias

import httpx2
from typing_extensions import override

from ..errors import ConnectionLost
from ..tasks import start_task
from ..wire.http import HttpRequest, HttpResponse, path_to_log

_BODILESS: Final = frozenset({204, 304})  # RFC 9110 6.4.1
_log: Final = logging.getLogger("pyactor.client")
_Respond: TypeAlias = "Callable[[HttpRequest], Awaitable[HttpResponse]]"


class MemoryHttp(httpx2.AsyncBaseTransport):
    """Requests to an application, as `httpx2` sends them.

    Args:
        respond: The application's.
    """

    def __init__(self, respond: _Respond) -> None:
        self._respond = respond
        self._running: set[asyncio.Task[None]] = set()

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        loop = asyncio.get_running_loop()
        exchange = _Exchange(request, loop.create_future())
        running = start_task(exchange.run(self._respond), context=Context())
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        try:
            answer = await exchange.answer
        except asyncio.CancelledError:
            # A client that no longer waits does not stop the host (C6, C14), but for a stream.
            if not exchange.answer.cancelled():
                await _Stream(exchange, running).aclose()
            raise
        headers = [
            (name, value)
            for name, values in answer.headers.items()
            for value in ((values,) if isinstance(values, str) else values)
        ]
        if isinstance(answer.body, bytes):
            return httpx2.Response(answer.status, headers=headers, content=answer.body)
        return httpx2.Response(answer.status, headers=headers, stream=_Stream(exchange, running))


class _Exchange:
    """One request and its answer; ``run`` is the host's side of it.

    Attributes:
        answer: What the application answered; cancelled when its caller gave up.
        pieces: Those of a streamed answer, one ahead of their reader, then what ended them.
        is_cut: Nobody takes the pieces any more.
    """

    def __init__(self, request: httpx2.Request, answer: asyncio.Future[HttpResponse]) -> None:
        self._request = request
        self.answer = answer
        self.pieces: asyncio.Queue[bytes | httpx2.TransportError | None] = asyncio.Queue(1)
        self.is_cut = False

    async def run(self, respond: _Respond) -> None:
        """Have the request answered, then pass the pieces on, if there are any."""
        request = self._request
        headers: dict[str, str] = {}
        for name, value in request.headers.multi_items():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        head = (request.method, _target(request), headers)
        try:
            response = await respond(HttpRequest(*head, self._body()))
            body = response.body
            pieces = None if isinstance(body, bytes) else aiter(body)
        except Exception as error:  # noqa: BLE001 - an application never raises; who waits is told
            if not self.answer.done():
                self.answer.set_exception(error)
            return
        except asyncio.CancelledError:
            self.answer.cancel()
            raise
        is_wanted = not self.answer.done()
        if is_wanted:
            self.answer.set_result(response)
        if pieces is not None:
            has_body = request.method != "HEAD" and response.status not in _BODILESS
            await self._send(pieces, begins=is_wanted and has_body)

    async def _body(self) -> AsyncIterator[bytes]:
        stream = self._request.stream
        assert isinstance(stream, AsyncIterable)
        try:
            async for piece in stream:
                if piece:
                    yield piece
        except Exception as error:
            raise ConnectionLost("the client's body broke off", may_have_run=True) from error

    async def _send(self, pieces: AsyncIterator[bytes], *, begins: bool) -> None:
        end: httpx2.TransportError | None = None
        try:
            while begins and not self.is_cut:  # an iterator may swallow the cancellation
                await self.pieces.put(await anext(pieces))
        except StopAsyncIteration:
            pass
        except Exception:  # noqa: BLE001 - the client has to see a transfer that broke off
            path = path_to_log(_target(self._request))
            _log.exception("%s %s: the answer broke off", self._request.method, path)
            end = httpx2.RemoteProtocolError("the host closed connection within its answer")
        finally:
            await _close(pieces)
        if not self.is_cut:
            await self.pieces.put(end)


def _target(request: httpx2.Request) -> str:
    return request.url.raw_path.decode("ascii")


async def _close(pieces: AsyncIterator[bytes]) -> None:
    close = getattr(pieces, "aclose", None)
    if close is None:
        return
    try:
        await close()
    except Exception:  # noqa: BLE001 - the answer is over, whatever the bug is
        _log.exception("the body of an answer could not be closed")


class _Stream(httpx2.AsyncByteStream):
    """A streamed answer as its reader has it; to close it early is to vanish."""

    def __init__(self, exchange: _Exchange, running: asyncio.Task[None]) -> None:
        self._exchange = exchange
        self._running = running

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._exchange.pieces.get()) is not None:
            if isinstance(piece, httpx2.TransportError):
                raise piece
            yield piece

    @override
    async def aclose(self) -> None:
        if not self._exchange.is_cut:
            self._exchange.is_cut = True
            self._running.cancel()
        await asyncio.wait([self._running])
