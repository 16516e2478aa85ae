"""A stateless HTTP action: the whole life of a connection around one call (C14)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ..definition import Request
from ..errors import ActorError, Disconnected, GoingAway
from ..session import Close
from ..wire import messages
from ._driver import ConnectionDriver
from ._errors import error_to_send

if TYPE_CHECKING:
    from ._instance import Instance

_ACTION_ID = 1


class StatelessDriver(ConnectionDriver):
    """Drives a connection that lives for one action.

    Its transport counts as closed as soon as the connection is closing; the answer is given
    once the action has ended and the connection is gone, even if it was disconnected meanwhile.
    """

    def __init__(
        self, instance: Instance, params: Any, request: Request, name: str, args: list[Any]
    ) -> None:
        super().__init__(instance, params, request)
        self._action = messages.ActionRequest(_ACTION_ID, name, args)
        self._answered: asyncio.Future[messages.ActionResponse | messages.Error] = (
            asyncio.get_running_loop().create_future()
        )
        self._dispatched = False
        self._transport_closed = False

    async def call(self) -> messages.ActionResponse | messages.Error:
        """Run the action and the hooks around it; the answer, whatever it is."""
        self.open()
        answer = await asyncio.shield(self._answered)
        await self.wait_gone()
        return answer

    @override
    def abort(self) -> None:
        """There is no transport of its own to drop."""

    @override
    def send_event(self, event: messages.Event, frames: dict[Any, str | bytes]) -> None:
        """Nobody listens: an HTTP client has no subscriptions and reads one answer."""

    @override
    def _send(self, message: messages.ToClient) -> None:
        match message:
            case messages.Init():
                self._dispatched = True
                self.session.receive_message(self._action, 0)
            case messages.Error():
                self._settle(message)
            case _:
                raise AssertionError(f"a stateless session sends no {message!r}")

    @override
    def _close(self, close: Close) -> None:
        if not self._dispatched:  # ended while connecting, and not by a hook's error (C7)
            self._settle(error_to_send(_ended_early(close), actor=self._instance.identity))
        self._lose_transport()

    @override
    def _run_action(self, request: messages.ActionRequest) -> None:
        if self._instance.is_ready:
            super()._run_action(request)
        else:  # the stop began while it connected; the caller waits for an answer
            self._answer_error(request.id, GoingAway("The actor is stopping"))

    @override
    def _answer(self, action_id: int, output: Any) -> None:
        self._settle(messages.ActionResponse(action_id, output))
        self._lose_transport()

    @override
    def _answer_error(self, action_id: int, error: BaseException) -> None:
        self._settle(error_to_send(error, actor=self._instance.identity))
        self._lose_transport()

    def _settle(self, answer: messages.ActionResponse | messages.Error) -> None:
        if not self._answered.done():
            self._answered.set_result(answer)

    def _lose_transport(self) -> None:
        if not self._transport_closed:
            self._transport_closed = True
            self.session.receive_transport_closed()
            self._pump()


def _ended_early(close: Close) -> ActorError:
    """Why the action never ran, from what a websocket would have been closed with."""
    if close.code == 1000:
        return Disconnected(close.reason or "The actor disconnected this connection")
    group, _, code = close.reason.partition(".")
    return ActorError("The actor is stopping", group=group, code=code)
