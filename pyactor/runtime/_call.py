"""One run of user code under a timeout (C11). Knows nothing of connections or actors."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine
from contextvars import Context
from types import GeneratorType
from typing import Any

from ..errors import CallInterrupted
from ..tasks import start_task
from ._scope import Scope

log = logging.getLogger("pyactor.runtime")

_AT_THE_END = "at the end of the grace period in which its actor stops"


class CallExpired(Exception):
    """Reported for a call that ran longer than its timeout (not what user code may raise)."""


class Call:
    """Runs a coroutine in a task of its own and reports exactly once how it ended.

    At the timeout, or when it is abandoned, the task is cancelled and the report is made at once;
    what the task returns or raises later is logged and dropped.
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
            context: That of this call alone, of ``context_of``.
            timeout: Seconds, or None for no limit.
            report: Called with ``(result, None)`` or ``(None, error)``; CallExpired at the
                timeout, CallInterrupted after ``cancel``. It must not raise.
        """
        self.scope = scope
        self._report = report
        self._given_up: str | None = None
        self._cut_off: str | None = None
        self._reported = False
        self._timeout = timeout
        loop = asyncio.get_running_loop()
        self._timer = None if timeout is None else loop.call_later(timeout, self._expire)
        self._started = loop.time()
        self._coroutine = coroutine
        self.task: asyncio.Task[Any] = start_task(coroutine, context=context)
        self.task.add_done_callback(self._done)

    @property
    def has_begun(self) -> bool:
        """Whether the code has run to its first await, at least."""
        return inspect.getcoroutinestate(self._coroutine) != inspect.CORO_CREATED

    def cancel(self, why: str = _AT_THE_END) -> None:
        """Cut it off: the task is cancelled, and that is what is reported if it heeds it."""
        self._cut_off = why
        self.task.cancel()

    def abandon(self) -> None:
        """Cancel it, and wait for it no longer: its actor leaves memory."""
        self.give_up("its actor left memory", self._interruption(_AT_THE_END))

    def _expire(self) -> None:
        if not self.task.done():  # else in this turn of a loop that was held up: not late by itself
            self.give_up(f"its timeout of {self._timeout:g} s", CallExpired())

    def give_up(self, why: str, error: BaseException) -> None:
        """Cancel it, and report an error at once.

        Args:
            why: What it ends too late for, for the log: ``its timeout of 5 s``.
            error: What is reported, if nothing has been.
        """
        self.task.cancel()
        if not self._reported:
            self._given_up = why
            self._finish(None, error)

    def _interruption(self, why: str) -> CallInterrupted:
        return CallInterrupted(f"{self.scope.what} was cut off {why}; it may have run in part")

    def _done(self, task: asyncio.Task[Any]) -> None:
        error: BaseException | None
        if task.cancelled():
            error = self._interruption(self._cut_off) if self._cut_off else asyncio.CancelledError()
        else:
            error = task.exception()
        if self._reported:
            if not task.cancelled():
                log.warning(
                    "%s ended after %s; what it %s is dropped",
                    self.scope.what,
                    self._given_up,
                    "returned" if error is None else "raised",
                    exc_info=error,
                )
            return
        took = asyncio.get_running_loop().time() - self._started
        if self._timeout is not None and took > self._timeout:
            log_slow(self.scope, took)
        self._finish(None if error else task.result(), error)

    def _finish(self, result: object, error: BaseException | None) -> None:
        self._reported = True
        if self._timer is not None:
            self._timer.cancel()
        self._report(result, error)


def run_now(
    work: Callable[[], Any], scope: Scope, context: Context, timeout: float | None
) -> tuple[Any, BaseException | None]:
    """Run code that is not async, here and now: its result, or what it raised.

    It cannot be timed out; what takes longer than ``timeout`` seconds is logged (C11).
    """
    now = asyncio.get_running_loop().time
    started = now()
    try:
        return context.run(work), None
    except BaseException as error:  # noqa: BLE001 - also what a task would have kept to itself
        return None, error
    finally:
        took = now() - started
        if timeout is not None and took > timeout:
            log_slow(scope, took)


def end_loop_if_exit(error: BaseException | None) -> None:
    """Let an exit end the loop, as it does from a task: never out of whatever ran the code.

    That may be a transport that has read a message, and uvloop's keep to themselves what is raised.
    """
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        asyncio.get_running_loop().call_soon(_raise, error)


def _raise(error: BaseException) -> None:
    raise error


def log_slow(scope: Scope, took: float) -> None:
    """Log code that no timeout could reach: it never gave way to the loop (C11)."""
    log.warning("%s blocked the event loop for %.3f s", scope.what, took)


def is_awaitable(value: object) -> bool:
    """As ``inspect.isawaitable``, which takes long to say no."""
    return hasattr(type(value), "__await__") or (
        isinstance(value, GeneratorType) and inspect.isawaitable(value)
    )


async def invoke(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function that may be sync or async; the result of either."""
    result = function(*args, **kwargs)
    return await result if is_awaitable(result) else result
