"""Who waits for a host to acknowledge a subscription."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import CallTimedOut
from ._clock import ClientClock
from ._futures import fail, settle


class Acknowledgements:
    """Those who wait, by the event's name; they outlive a single connection."""

    def __init__(self, label: str, clock: ClientClock) -> None:
        """Nobody waits.

        Args:
            label: What messages call the actor.
            clock: Measures the timeouts.
        """
        self._label = label
        self._clock = clock
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    async def wait(self, name: str, seconds: float, *, is_sent: Callable[[], bool]) -> None:
        """Wait for one.

        Args:
            name: The event's name.
            seconds: How long at most.
            is_sent: Whether a host was asked, for the error.

        Raises:
            CallTimedOut: It took longer.
            Exception: What it failed with.
        """
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, []).append(answer)
        limit = self._clock.timeout(seconds)
        try:
            async with limit:
                await answer
        except TimeoutError as error:
            if not limit.expired():  # what it failed with
                raise
            raise CallTimedOut(
                f"{self._label}: the subscription to {name!r} was not acknowledged within "
                f"{seconds:g} s",
                may_have_run=is_sent(),
            ) from error
        finally:
            if answer in (waiting := self._waiting.get(name, [])):
                waiting.remove(answer)

    def settle(self, name: str) -> None:
        """It is acknowledged."""
        for answer in self._waiting.pop(name, ()):
            settle(answer, None)

    def fail(self, name: str, make: Callable[[], Exception]) -> None:
        """It will not be; each who waits gets an exception of his own."""
        for answer in self._waiting.pop(name, ()):
            fail(answer, make())

    def fail_all(self, make: Callable[[], Exception]) -> None:
        """None will be."""
        for name in tuple(self._waiting):
            self.fail(name, make)


def not_subscribed(label: str, name: str) -> RuntimeError:
    """What is wrong with waiting for an event that nobody wants."""
    return RuntimeError(
        f"{label}: nothing asks for event {name!r}, so no subscription to it is acknowledged: "
        "register a callback with conn.on, or take conn.events, and keep it"
    )
