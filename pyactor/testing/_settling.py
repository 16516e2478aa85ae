"""Waiting, from inside a virtual loop, until nothing can happen before the time goes on."""

from __future__ import annotations

import asyncio
from contextvars import Context

from ._loop import VirtualLoop


class Settling:
    """One for a loop: two that looked by themselves would keep each other from ever being done."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._settled: asyncio.Event | None = None

    async def settle(self) -> None:
        """Let everything happen that can happen now.

        Raises:
            Deadlock: It never ends, because something is ready again and again.
            RuntimeError: Another loop runs.
        """
        self.check_loop()
        if self._settled is None:
            self._settled = asyncio.Event()
            self._look_later()
        await self._settled.wait()

    def check_loop(self) -> None:
        """Refuse to work in another loop, where one would wait for ever for this one.

        Raises:
            RuntimeError: Another loop runs.
        """
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(
                "this runs in an event loop of another plugin or thread, in real time; use "
                "actor_host and connect in an async test, or in an async fixture of scope "
                "'function' that no other plugin runs"
            )

    async def advance(self, seconds: float) -> None:
        """Let so many seconds pass, and everything happen that happens meanwhile.

        Raises:
            ValueError: They are less than none.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: advance({seconds:g})")
        self.check_loop()
        await asyncio.sleep(seconds)
        await self.settle()

    def _look(self) -> None:
        assert self._settled is not None
        if self._loop.is_idle:
            self._settled.set()
            self._settled = None
        else:
            self._look_later()

    def _look_later(self) -> None:
        self._loop.call_soon(self._look, context=Context())
