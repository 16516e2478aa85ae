"""A message for a queue over HTTP: the whole life of a connection around it (C14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ..definition import Request
from ..wire.queue import QueueResult, QueueSend
from ._http_call import HttpCallDriver
from ._verdict import ask

if TYPE_CHECKING:
    from ._instance import Instance


class QueueDriver(HttpCallDriver[QueueResult]):
    """Drives a connection that lives for one message to a queue.

    No actor has queues yet: a message that ``can_publish`` allows is answered as RivetKit answers
    one for an actor without queues, "completed", and goes nowhere.
    """

    def __init__(
        self,
        instance: Instance,
        params: Any,
        request: Request,
        name: str,
        send: QueueSend,  # noqa: ARG002 - goes nowhere, see above
    ) -> None:
        super().__init__(instance, params, request)
        self._name = name

    @override
    def _work(self) -> None:
        if "can_publish" not in self._instance.definition.hooks:
            self._checked(None)
            return
        assert self.conn is not None  # on_connect has returned
        refusal = f"This client may not send to queue {self._name!r}"
        ask(
            self._instance,
            "can_publish",
            self.conn,
            self._name,
            refusal=refusal,
            report=self._checked,
        )

    def _checked(self, error: BaseException | None) -> None:
        if error is None:
            self._succeed(QueueResult("completed"))
        else:
            self._fail(error)
