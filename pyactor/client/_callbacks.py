"""Who wants which event: the callbacks of one connection.

Owns their order, their failures and the tasks of the async ones. It knows nothing of the wire.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable

from attrs import define

_log = logging.getLogger("pyactor.client")


@define(eq=False)
class _Registration:
    callback: Callable[..., object]
    is_once: bool
    is_active: bool = True


class Callbacks:
    """The callbacks of each event, by its name on the wire."""

    def __init__(self) -> None:
        self._registered: dict[str, list[_Registration]] = {}
        self._tasks: set[asyncio.Future[object]] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The events that have a callback, in the order of their first one."""
        return tuple(self._registered)

    def add(self, name: str, callback: Callable[..., object], *, is_once: bool) -> bool:
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

        One that raises is logged and stops nothing. One that returns an awaitable goes on as a
        task, begun in the order of arrival.

        Returns:
            True if the event has no callback left, because the last one was for once.
        """
        for registration in tuple(self._registered.get(name, ())):
            if not registration.is_active:
                continue
            registration.is_active = not registration.is_once
            try:
                result = registration.callback(*payload)
            except Exception:  # noqa: BLE001 - it is the user's code, and it is logged
                _log.exception("a callback of event %r raised", name)
                continue
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(result)
                self._tasks.add(task)
                task.add_done_callback(lambda done: self._finished(name, done))
        return self._drop_inactive(name)

    async def cancel(self) -> None:
        """Cancel the async callbacks that still run, and wait for their end.

        The one that asks, if it is one of them, is left alone.
        """
        running = self._tasks - {asyncio.current_task()}
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
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a callback of event %r raised", name, exc_info=error)
