"""What one test of the pytest plugin runs on: a virtual loop, hosts, connections, and their end.

Owns the life of a test's loop and what must be gone with it. It knows nothing of pytest, whose
side is ``pytest_plugin``.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Coroutine
from contextvars import copy_context
from types import TracebackType
from typing import Any, TypeVar

from ._loop import Deadlock, VirtualLoop
from ._settling import Settling
from ._stacks import describe_task
from .fixtures import ActorHostFactory, Connect

_R = TypeVar("_R")


class Stage:
    """The virtual loop of one test, and everything that was begun on it.

    Attributes:
        actor_host: The fixture of that name.
        connect: The fixture of that name.
        passed: Whether the test has passed. Only then is it told what it left behind.
    """

    def __init__(self) -> None:
        self._loop = VirtualLoop()
        self._loop.set_exception_handler(self._note_fault)
        self._context = copy_context()  # one for fixtures and test, so that they share variables
        self._found: list[str] = []
        settling = Settling(self._loop)
        self.actor_host = ActorHostFactory(self._loop, settling)
        self.connect = Connect(self.actor_host, settling)
        self.passed = False

    def run(self, awaitable: Awaitable[_R]) -> _R:
        """Run until something is done, from outside the loop.

        Raises:
            Deadlock: It waits for what never comes.
        """
        __tracebackhide__ = True
        task = self._loop.create_task(_coroutine(awaitable), context=self._context)
        try:
            return self._loop.run_until_complete(task)
        except Deadlock as deadlock:
            # Told from where it waits, which a traceback shows best.
            raise deadlock.with_traceback(self._cancelled(task)) from None

    def finish(self) -> list[str]:
        """Close connections, stop hosts, and end the loop.

        Returns:
            What is wrong, a paragraph each: what a test that passed has left behind, an
            exception that came to the loop, a host that does not stop.
        """
        try:
            self.run(self.actor_host.close())
        except Deadlock as deadlock:
            self._found.append(f"the host does not stop: {deadlock}")
        finally:
            left = sorted(map(describe_task, asyncio.all_tasks(self._loop)))
            self._end_loop()
        if not self.passed:
            return []
        return [*self._found, *(f"a task was left behind:\n{task}" for task in left)]

    def sections(self) -> list[tuple[str, str]]:
        """The last that each connection sent and received, as sections of a report."""
        return [(conn.label, conn.transcript()) for conn in self.connect.conns]

    def _cancelled(self, task: asyncio.Task[Any]) -> TracebackType | None:
        """Cancel a task; the way down to what it waited for."""
        task.cancel()
        try:
            self._loop.run_until_complete(task)
        except BaseException as error:  # noqa: BLE001 - whatever it makes of being cancelled
            return error.__traceback__
        return None

    def _end_loop(self) -> None:
        self._loop.set_exception_handler(lambda *_: None)  # what is thrown away may complain
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        try:
            if left:
                self._loop.run_until_complete(asyncio.wait(left))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        except Deadlock:
            pass  # a task that will not be cancelled; it is told as left behind
        finally:
            self._loop.halt()
            self._loop.close()

    def _note_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        lines = [f"the event loop was told of a fault: {context['message']}"]
        task, error = context.get("task"), context.get("exception")
        if task is not None:
            lines.append(describe_task(task))
        if error is not None:
            lines.extend(traceback.format_exception(error))
        self._found.append("\n".join(lines))


def _coroutine(awaitable: Awaitable[_R]) -> Coroutine[Any, Any, _R]:
    """What a task can be made of: ``anext`` of a generator is awaitable and no coroutine."""

    async def wait() -> _R:
        return await awaitable

    return awaitable if isinstance(awaitable, Coroutine) else wait()
