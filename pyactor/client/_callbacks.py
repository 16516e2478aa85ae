"""Who wants to hear of what: the callbacks of one connection.

Owns their order, their failures and the tasks of the async ones. It knows nothing of the wire.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from ..session._client_transitions import Status
    from ._closed import Closed

_log = logging.getLogger("pyactor.client")


@define(eq=False)
class _Registration:
    callback: Callable[..., object]
    is_once: bool
    is_active: bool = True


class Callbacks:
    """The callbacks of each event, by its name on the wire."""

    def __init__(
        self, report: Callable[[str, Exception], None] | None = None, *, what: str = "event "
    ) -> None:
        """Nobody wants anything yet.

        Args:
            report: Takes the name, and what a callback of it raised; it is logged in any case.
            what: What the log calls that which has the name.
        """
        self._report = report
        self._what = what
        self._registered: dict[str, list[_Registration]] = {}
        self._tasks: set[asyncio.Future[object]] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The events that have a callback, in the order of their first one."""
        return tuple(self._registered)

    def add(self, name: str, callback: Callable[..., object], *, is_once: bool = False) -> bool:
        """Register a callback; True if it is the event's first."""
        registered = self._registered.setdefault(name, [])
        registered.append(_Registration(callback, is_once))
        return len(registered) == 1

    def remove(self, name: str, callback: Callable[..., object]) -> bool:
        """Drop every registration of a callback, if any; True if the event has none left."""
        for registration in self._registered.get(name, ()):
            if registration.callback == callback:
                registration.is_active = False
        return self._drop_inactive(name)

    def run(self, name: str, payload: tuple[object, ...]) -> bool:
        """Call every callback of an event, in the order they were registered.

        One that raises is logged and reported, and stops nothing. One that returns an awaitable
        goes on as a task, begun in the order of arrival.

        Returns:
            True if the event has no callback left, because the last one was for once.
        """
        for registration in tuple(self._registered.get(name, ())):
            if not registration.is_active:
                continue
            registration.is_active = not registration.is_once
            try:
                result = registration.callback(*payload)
            except Exception as error:  # noqa: BLE001 - it is the user's code, and it is logged
                self._failed(name, error)
                continue
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(result)
                self._tasks.add(task)
                task.add_done_callback(lambda done: self._finished(name, done))
        return self._drop_inactive(name)

    async def cancel(self, *, after: float | None = None) -> None:
        """Cancel the async callbacks that still run, and wait for their end.

        The one that asks, if it is one of them, is left alone.

        Args:
            after: Seconds that they may go on before.
        """
        running = self._tasks - {asyncio.current_task()}
        if running and after is not None:
            await asyncio.wait(running, timeout=after)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _drop_inactive(self, name: str) -> bool:
        before = self._registered.get(name)
        if before is None:
            return False
        after = [registration for registration in before if registration.is_active]
        if after:
            self._registered[name] = after
        else:
            del self._registered[name]
        return not after

    def _finished(self, name: str, task: asyncio.Future[object]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        match task.exception():
            case None:
                pass
            case Exception() as error:
                self._failed(name, error)
            case error:
                _log.error("a callback of %s%r raised", self._what, name, exc_info=error)

    def _failed(self, name: str, error: Exception) -> None:
        _log.error("a callback of %s%r raised", self._what, name, exc_info=error)
        if self._report is not None:
            self._report(name, error)


_STATUS, _OPEN, _CLOSE, _ERROR = "on_status_change", "on_open", "on_close", "on_error"
_RETRY = "on_retry"


class Notices:
    """The callbacks for what becomes of the connection itself."""

    def __init__(self) -> None:
        self._callbacks = Callbacks(self._callback_failed, what="")

    def on_status_change(self, callback: Callable[[Status], object]) -> None:
        """Register for each new status."""
        self._callbacks.add(_STATUS, callback)

    def on_open(self, callback: Callable[[], object]) -> None:
        """Register for each time it opens."""
        self._callbacks.add(_OPEN, callback)

    def on_close(self, callback: Callable[[Closed], object]) -> None:
        """Register for each time it closes that was open."""
        self._callbacks.add(_CLOSE, callback)

    def on_retry(self, callback: Callable[[float], object]) -> None:
        """Register for each pause, in seconds, as it begins."""
        self._callbacks.add(_RETRY, callback)

    def on_error(self, callback: Callable[[Exception], object]) -> None:
        """Register for each failure that has no other place to go."""
        self._callbacks.add(_ERROR, callback)

    def status_changed(self, status: Status) -> None:
        """Tell of a new status."""
        self._callbacks.run(_STATUS, (status,))

    def opened(self) -> None:
        """Tell that it is open."""
        self._callbacks.run(_OPEN, ())

    def closed(self, closed: Closed) -> None:
        """Tell that it is closed."""
        self._callbacks.run(_CLOSE, (closed,))

    def retrying(self, pause: float) -> None:
        """Tell that the next attempt follows after a pause, in seconds."""
        self._callbacks.run(_RETRY, (pause,))

    def failed(self, error: Exception) -> None:
        """Tell of a failure."""
        self._callbacks.run(_ERROR, (error,))

    async def finish(self, within: float) -> None:
        """Let async callbacks end by themselves, then cancel those that do not.

        Args:
            within: Seconds that they have.
        """
        await self._callbacks.cancel(after=within)

    def _callback_failed(self, name: str, error: Exception) -> None:
        if name != _ERROR:
            self.failed(error)
