"""One run of user code under a timeout (C11). Knows nothing of connections or actors."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

from ._scope import Scope, current_scope

log = logging.getLogger("pyactor.runtime")


class CallExpired(Exception):
    """Reported for a call that ran longer than its timeout (not what user code may raise)."""


class Call:
    """Runs a coroutine in a task of its own and reports exactly once how it ended.

    At the timeout the task is cancelled and the report is made at once; what the task returns
    or raises later is logged and dropped.
    """

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        scope: Scope,
        context: Context,
        timeout: float | None,
        report: Callable[[object, BaseException | None], None],
    ) -> None:
        """Start it.

        Args:
            coroutine: What to run; it starts in a later iteration of the loop, in the order in
                which calls were made.
            scope: What the code is told of its caller.
            context: A copy that belongs to this call alone.
            timeout: Seconds, or None for no limit.
            report: Called with ``(result, None)`` or ``(None, error)``; CallExpired at the
                timeout. It must not raise.
        """
        self.scope = scope
        self._report = report
        self._reported = False
        self._timeout = timeout
        context.run(current_scope.set, scope)
        loop = asyncio.get_running_loop()
        self._timer = None if timeout is None else loop.call_later(timeout, self._expire)
        self._started = loop.time()
        self.task: asyncio.Task[Any] = loop.create_task(coroutine, context=context)
        self.task.add_done_callback(self._done)

    def cancel(self) -> None:
        """Give up on it: the task is cancelled, and that is what is reported."""
        self.task.cancel()

    def _expire(self) -> None:
        if self.task.done():  # in this very turn of a loop that was held up: not late by itself
            return
        self.task.cancel()
        self._finish(None, CallExpired())

    def _done(self, task: asyncio.Task[Any]) -> None:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self._reported:
            if not task.cancelled():
                log.warning(
                    "%s ended after its timeout of %s s; what it %s is dropped",
                    self.scope.what,
                    self._timeout,
                    "returned" if error is None else "raised",
                    exc_info=error,
                )
            return
        took = asyncio.get_running_loop().time() - self._started
        if self._timeout is not None and took > self._timeout:
            # The timer had no chance to fire: the code never gave way to the loop.
            log.warning("%s blocked the event loop for %.3f s", self.scope.what, took)
        self._finish(None if error else task.result(), error)

    def _finish(self, result: object, error: BaseException | None) -> None:
        self._reported = True
        if self._timer is not None:
            self._timer.cancel()
        self.scope.end()
        self._report(result, error)


async def invoke(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function that may be sync or async; the result of either."""
    result = function(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result
