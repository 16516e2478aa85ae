"""The awaitable that ``conn.disconnect`` returns (C9)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ._scope import awaits, current_scope

if TYPE_CHECKING:
    from ._driver import ConnectionDriver


class Disconnection(Awaitable[None]):
    """A closing that has begun; awaiting it waits until the connection is gone.

    It never raises, may be awaited any number of times or not at all, and cancelling one
    waiter cancels nothing else.
    """

    def __init__(self, driver: ConnectionDriver, gone: asyncio.Event) -> None:
        self._driver = driver
        self._gone = gone

    @override
    def __await__(self) -> Generator[Any, None, None]:
        return self._wait().__await__()

    async def _wait(self) -> None:
        scope = current_scope.get()
        if scope is None or scope.closes is None or not scope.active:
            await self._gone.wait()
            return
        if awaits(self._driver, scope.closes):
            return  # the closing waits for the very hook that runs this: waiting would never end
        scope.waits += (self._driver,)
        try:
            await self._gone.wait()
        finally:
            others = list(scope.waits)
            others.remove(self._driver)
            scope.waits = tuple(others)
