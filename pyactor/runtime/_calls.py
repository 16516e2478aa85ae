"""The calls of one actor that run: how they begin and how they end.

Owns them, and what becomes of them as their actor stops. What a call is for, and what its end means
to whoever asked for it, is for others to say.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import Any

from ..errors import CallInterrupted
from ._background import Background
from ._call import Call, end_loop_if_exit, run_now
from ._idle import IdleTimer
from ._saving import Saver
from ._scope import Scope


class Calls(ABC):
    """The half of an instance that runs its code.

    Attributes:
        has_left: Whether it has left memory: no code of it begins any more (C10).
        idle: Held while any call runs (A3).
        saver: Told of whatever may have changed the state (A4).
        background: What runs beside the calls.
        log: Where a call that was cut off is told of.
    """

    idle: IdleTimer
    saver: Saver
    background: Background

    def __init__(self, context: contextvars.Context) -> None:
        """Nothing runs yet.

        Args:
            context: The context variables that the code runs with, each call in a copy.
        """
        self.has_left = False
        self._context = context
        self._calls: dict[Call, None] = {}
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    @abstractmethod
    def log(self) -> logging.LoggerAdapter[logging.Logger]: ...

    @abstractmethod
    def note_change(self) -> None:
        """A call is over, and may have changed the state; raises what is wrong with that."""

    @abstractmethod
    def stop_if_asked(self) -> None:
        """Begin the stop that the actor asked for, if it is ready for one."""

    @abstractmethod
    def _note_quiet(self) -> None:
        """Something has ended; perhaps nothing is left that a stop waits for."""

    @property
    def is_running_code(self) -> bool:
        """Whether any of its code runs, or stands at an await."""
        return bool(self._calls or self.background.running)

    # -------------------------------------------------------------- begin and end

    def start_call(
        self,
        scope: Scope,
        coroutine: Coroutine[Any, Any, Any],
        timeout: float | None,
        report: Callable[[object, BaseException | None], None],
    ) -> Call:
        """Run user code in a context of its own; see ``Call``."""
        return self._start_in(self._context_of(scope), scope, coroutine, timeout, report)

    def call_now(
        self,
        scope: Scope,
        work: Callable[[], Any],
        timeout: float | None,
        report: Callable[[object, BaseException | None], None],
    ) -> None:
        """Run user code that is not async, here and now: without a task, and without a timer.

        Never from within other code of the actor, which must find things as it left them.

        Args:
            scope: What the code is told of its caller.
            work: The code. If it returns a coroutine, that goes on as one of ``start_call``.
            timeout: Seconds; longer is logged (C11).
            report: As of ``Call``.
        """
        context = self._context_of(scope)
        result, error = run_now(work, scope, context, timeout)
        if isinstance(result, CoroutineType):
            self._start_in(context, scope, result, timeout, report)
            return
        self.idle.hold()
        self._ended(scope, result, error, report)
        end_loop_if_exit(error)

    def _start_in(
        self,
        context: contextvars.Context,
        scope: Scope,
        coroutine: Coroutine[Any, Any, Any],
        timeout: float | None,
        report: Callable[[object, BaseException | None], None],
    ) -> Call:
        def ended(result: object, error: BaseException | None) -> None:
            if call.task.done():
                del self._calls[call]
            else:
                call.task.add_done_callback(partial(self._note_late_end, call))
            self._ended(scope, result, error, report)
            self._note_quiet()

        call = Call(coroutine, scope, context, timeout, ended)
        self._calls[call] = None
        self.idle.hold()
        self.note_busy()
        return call

    def _context_of(self, scope: Scope) -> contextvars.Context:
        context = self.new_context()
        context.run(scope.enter)
        return context

    def _ended(
        self,
        scope: Scope,
        result: object,
        error: BaseException | None,
        report: Callable[[object, BaseException | None], None],
    ) -> None:
        """A call is over: first its changes are noted, then it is answered, then it may sleep."""
        scope.end()
        if isinstance(error, CallInterrupted):
            where = "" if scope.conn is None else f"connection {scope.conn.id}: "
            self.log.warning("%s%s", where, error)
        try:
            self.note_change()
        except Exception as found:  # noqa: BLE001 - what is wrong with the state fails its call
            error = error or found
        report(result, error)
        self.idle.release()
        if scope.asks_stop:
            self.stop_if_asked()

    def _note_late_end(self, call: Call, _task: asyncio.Task[Any]) -> None:
        """What was given up on has ended, and may have changed the state until now (A4)."""
        del self._calls[call]
        self.note_end()

    def note_busy(self) -> None:
        """Code of the actor runs: it is waited for, and may change the state at any time."""
        self._quiet.clear()
        self.saver.note_change()

    def note_end(self) -> None:
        """Code beside the calls is over."""
        self.saver.note_change()
        self._note_quiet()

    def new_context(self) -> contextvars.Context:
        """The context that the actor owns, for code that no request runs."""
        return self._context.copy()

    # -------------------------------------------------------------- at the end of the actor

    def cancel_calls(self) -> None:
        """The grace period is over: whatever still runs is cancelled."""
        for call in list(self._calls):
            call.cancel()
        self.background.cancel()

    def cancel_start(self) -> None:
        """The start has failed, or was cancelled: nothing that it began goes on."""
        for call in list(self._calls):
            call.cancel("with the start of its actor")
        self.background.cancel()

    def left_behind(self) -> list[str]:
        """What still runs although it has been cancelled."""
        left = [call.scope.what for call in self._calls if call.task.cancelling()]
        if self.background.running:
            left.append("what wait_until or keep_awake waits for")
        return left

    def leave(self) -> None:
        """The last wait is over: what runs is cancelled and left behind, and nothing follows it."""
        self.has_left = True
        for call in list(self._calls):
            call.abandon()
        self.background.cancel()
