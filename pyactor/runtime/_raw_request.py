"""A raw HTTP request: the whole life of a connection around ``on_request`` (C14)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ..definition import Request, Response
from ..errors import RequestsNotSupported
from ..wire.http import HttpResponse
from ._body import BodyStream
from ._errors import is_public
from ._http_call import HttpCallDriver
from ._scope import Scope

if TYPE_CHECKING:
    from ._instance import Instance

_HOOK = "on_request"


class RawRequestDriver(HttpCallDriver[HttpResponse]):
    """Drives a connection that lives for one raw request.

    That of a streamed response lives until the body has ended or failed, or nobody reads on; the
    response itself is given at once. The body is in-flight work like an action: a disconnect
    does not end it, the end of a grace period does (C6, C15).
    """

    def __init__(self, instance: Instance, params: Any, request: Request) -> None:
        """Prepare.

        Raises:
            RequestsNotSupported: The actor has no ``on_request``.
        """
        if _HOOK not in instance.definition.hooks:
            raise RequestsNotSupported(
                f"{instance.name} takes no raw requests: it has no hook {_HOOK}"
            )
        super().__init__(instance, params, request)
        self._stream: BodyStream | None = None
        self._has_vanished = False
        self._timer: asyncio.TimerHandle | None = None

    @override
    def _work(self) -> None:
        self._instance.start_hook(_HOOK, self.request, conn=self.conn, report=self._respond)

    @override
    async def _wait_to_answer(self) -> None:
        if self._stream is None:
            await super()._wait_to_answer()

    @override
    def _client_vanished(self) -> None:
        self._has_vanished = True
        if self._stream is None:
            super()._client_vanished()
        else:
            self._stream.abandon()

    def _respond(self, response: object, error: BaseException | None) -> None:
        if isinstance(response, Response):
            if isinstance(response.body, bytes):
                self._succeed(HttpResponse(response.status, response.headers, response.body))
            else:
                self._stream_body(response, response.body)
            return
        if error is None:
            error = TypeError(f"hook {_HOOK!r} returned {type(response).__name__}, not a Response")
        if not is_public(error):
            self._instance.log_error(f"hook {_HOOK!r}", error, self.id)
        self._fail(error)

    def _stream_body(self, response: Response, body: AsyncIterable[bytes]) -> None:
        stream = self._stream = BodyStream(body, self._abandoned)
        scope = Scope(self._instance, "the body of a response", conn=self.conn, depth=self._depth)
        self._instance.start_call(scope, stream.make(), None, self._body_ended)
        self._settle(HttpResponse(response.status, response.headers, stream))
        if self._has_vanished:
            stream.abandon()

    def _abandoned(self) -> None:
        """The body is being closed: on_disconnect waits for that, but not for ever (C4)."""
        self._timer = asyncio.get_running_loop().call_later(
            self._instance.definition.options.close_timeout, self._lose_transport
        )

    def _body_ended(self, _result: object, error: BaseException | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        assert self._stream is not None
        was_told = self._stream.is_abandoned and isinstance(error, asyncio.CancelledError)
        if error is not None and not was_told:
            self._instance.log_error("the body of a response", error, self.id)
        self._stream.end(error)
        self._lose_transport()
