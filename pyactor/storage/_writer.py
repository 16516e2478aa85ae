"""The one thread that works on a core: takes what waits, does it in one transaction, answers.

Group commit: while one transaction reaches the disk, the calls for the next one gather, so that
many actors share the cost of one sync. Calls are done in the order they were made in.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future as ThreadFuture
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from attrs import define

from ..errors import ActorError, StorageError
from ._sqlite_core import SqliteCore

_LARGEST_GROUP = 1024
"""Calls in one transaction: so that none waits long for those behind it."""

_R = TypeVar("_R")


@define(eq=False)
class _Call:
    work: Callable[[SqliteCore], Any]
    durable: bool | None
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def perform(self, core: SqliteCore) -> None:
        """Do the work in the open transaction; an error that changed nothing is the result."""
        self.error = None
        try:
            self.result = self.work(core)
        except ActorError as error:
            self.error = error

    def settle(self) -> None:
        """Answer, on the loop, unless nobody waits any more."""
        if self.answer.done():
            return
        if self.error is None:
            self.answer.set_result(self.result)
        else:
            self.answer.set_exception(self.error)


class Writer:
    """Does the calls of event loops on a core that nobody else uses."""

    def __init__(self, core: SqliteCore) -> None:
        self._core = core
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._closed: ThreadFuture[None] | None = None
        # A daemon: a host that forgets to close may end, and loses nothing it was promised.
        self._thread = threading.Thread(target=self._run, name="pyactor-storage", daemon=True)
        self._thread.start()

    async def call(self, work: Callable[[SqliteCore], _R], *, durable: bool | None) -> _R:
        """Have ``work`` done on the core; that it is no longer waited for does not stop it.

        Args:
            work: One call on the core.
            durable: Whether what it writes must survive the loss of power; None if it reads.

        Raises:
            StorageError: It could not be done; nothing has changed.
            RuntimeError: The storage is closed.
        """
        if self._closed is not None:
            raise RuntimeError("the storage is closed")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_R] = loop.create_future()
        self._queue.put(_Call(work, durable, loop, answer))
        return await answer

    async def close(self) -> None:
        """Do what was asked before, then close the core; a second call waits for the first."""
        if self._closed is None:
            self._closed = ThreadFuture()
            self._queue.put(None)
        await asyncio.shield(asyncio.wrap_future(self._closed))
        self._thread.join()

    # -------------------------------------------------------------- on the thread

    def _run(self) -> None:
        going_on = True
        while going_on:
            calls, going_on = self._take()
            self._perform(calls)
            _answer(calls)
        assert self._closed is not None
        try:
            self._core.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever closes must hear it
            self._closed.set_exception(error)
        else:
            self._closed.set_result(None)

    def _take(self) -> tuple[list[_Call], bool]:
        """All calls that wait, at least one; and whether more may come."""
        calls: list[_Call] = []
        call = self._queue.get()
        with suppress(Empty):
            while call is not None:
                calls.append(call)
                if len(calls) == _LARGEST_GROUP:
                    return calls, True
                call = self._queue.get_nowait()
        return calls, call is not None

    def _perform(self, calls: Sequence[_Call]) -> None:
        """Do the calls in one transaction; if that fails, find those that it fails for."""
        if not calls:
            return
        try:
            with self._core.transaction(durable=_durable(calls)):
                for call in calls:
                    call.perform(self._core)
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits must hear it
            if len(calls) > 1 and not _concerns_all(error):
                half = len(calls) // 2
                self._perform(calls[:half])
                self._perform(calls[half:])
                return
            for call in calls:
                call.error = error


def _durable(calls: Sequence[_Call]) -> bool | None:
    """What the most demanding of the calls asks for."""
    asked = [call.durable for call in calls if call.durable is not None]
    return any(asked) if asked else None


def _concerns_all(error: Exception) -> bool:
    """Whether each of the calls would wait as long, only to fail alike."""
    return isinstance(error, StorageError) and error.code == "locked"


def _answer(calls: Sequence[_Call]) -> None:
    """Settle the calls on their loops, with one wake-up for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Call]] = {}
    for call in calls:
        by_loop.setdefault(call.loop, []).append(call)
    for loop, its in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits there
            loop.call_soon_threadsafe(_settle, its)


def _settle(calls: Sequence[_Call]) -> None:
    for call in calls:
        call.settle()
