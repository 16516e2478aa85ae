"""The life of a connection around one HTTP call: what all kinds of them have in common (C14)."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from typing_extensions import override

from ..definition import Request
from ..errors import Disconnected
from ..session import Close
from ..wire import messages
from ._driver import ConnectionDriver
from ._errors import error_to_send, stopping

if TYPE_CHECKING:
    from ._instance import Instance

AnswerT = TypeVar("AnswerT")


class HttpCallDriver(ConnectionDriver, Generic[AnswerT]):
    """Drives a connection that lives for one piece of work, and gives one answer.

    Its transport counts as closed as soon as the connection is closing; the answer is given
    once the work has ended and the connection is gone, even if it was disconnected meanwhile.
    """

    def __init__(self, instance: Instance, params: Any, request: Request) -> None:
        super().__init__(instance, params, request)
        self._answered: asyncio.Future[AnswerT | messages.Error] = (
            asyncio.get_running_loop().create_future()
        )
        self._began = False
        self._transport_closed = False

    async def call(self) -> AnswerT | messages.Error:
        """Do the work and run the hooks around it; the answer, whatever it is.

        To cancel it is to say that the client vanished: the work goes on if it has begun (C6).
        """
        if not self._instance.is_ready:  # it stopped while the request was read: nothing runs
            return error_to_send(stopping(), actor=self._instance.identity)
        self.open()
        try:
            answer = await self._answered
            await self._wait_to_answer()
        except asyncio.CancelledError:
            self._client_vanished()
            raise
        return answer

    @override
    def abort(self) -> None:
        """There is no transport of its own to drop."""

    @override
    def send_event(
        self, event: messages.Event | messages.NumberedEvent, frames: dict[Any, str | bytes]
    ) -> None:
        """Nobody listens: an HTTP client has no subscriptions and reads one answer."""

    @abstractmethod
    def _work(self) -> None:
        """Begin what the call is for, now that on_connect has returned; it settles the answer."""

    async def _wait_to_answer(self) -> None:
        await self.wait_gone()

    def _client_vanished(self) -> None:
        self._lose_transport()

    @override
    def _send(self, message: messages.ToClient) -> None:
        match message:
            case messages.Init():
                self._began = True
                if self._instance.is_ready:
                    self._work()
                else:  # the stop began while it connected; the caller waits for an answer
                    self._fail(stopping())
            case messages.Error():
                self._settle(message)
            case _:
                raise AssertionError(f"the session of an HTTP call sends no {message!r}")

    @override
    def _close(self, close: Close) -> None:
        if not self._began:  # ended while connecting, and not by a hook's error (C7)
            self._settle(error_to_send(_ended_early(close), actor=self._instance.identity))
        self._lose_transport()

    def _succeed(self, answer: AnswerT) -> None:
        self._settle(answer)
        self._lose_transport()

    def _fail(self, error: BaseException) -> None:
        self._settle(error_to_send(error, actor=self._instance.identity))
        self._lose_transport()

    def _settle(self, answer: AnswerT | messages.Error) -> None:
        if not self._answered.done():
            self._answered.set_result(answer)

    def _lose_transport(self) -> None:
        if not self._transport_closed:
            self._transport_closed = True
            self.session.receive_transport_closed()
            self._pump()


def _ended_early(close: Close) -> Exception:
    """Why the work never began, from what a websocket would have been closed with."""
    if close.code == 1000:
        return Disconnected(close.reason or "The actor disconnected this connection")
    return stopping()
