"""A stateless HTTP action: the whole life of a connection around one call (C14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ..definition import Request
from ..wire import messages
from ._http_call import HttpCallDriver

if TYPE_CHECKING:
    from ._instance import Instance

_ACTION_ID = 1


class StatelessDriver(HttpCallDriver[messages.ActionResponse]):
    """Drives a connection that lives for one action."""

    def __init__(
        self, instance: Instance, params: Any, request: Request, name: str, args: list[Any]
    ) -> None:
        super().__init__(instance, params, request)
        self._action = messages.ActionRequest(_ACTION_ID, name, args)

    @override
    def _work(self) -> None:
        self.session.receive_message(self._action, 0)

    @override
    def _answer(self, action_id: int, output: Any) -> None:
        self._succeed(messages.ActionResponse(action_id, output))

    @override
    def _answer_error(self, action_id: int, error: BaseException) -> None:
        self._fail(error)
