"""The calls of one connection that have no answer yet: who waits, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import frozen

from ..errors import CallTimedOut
from ._futures import fail, settle

if TYPE_CHECKING:
    from ..wire.messages import Plain
    from ._clock import ClientClock
    from ._options import ClientOptions


@frozen
class _Pending:
    name: str
    answer: asyncio.Future[Plain]


class PendingCalls:
    """Calls by their id."""

    def __init__(
        self,
        label: str,
        options: ClientOptions,
        clock: ClientClock,
        is_waiting: Callable[[int], bool],
    ) -> None:
        """There is none.

        Args:
            label: What messages call the actor.
            options: The timeouts.
            clock: Measures them.
            is_waiting: Whether a call was not sent yet.
        """
        self._label = label
        self._options = options
        self._clock = clock
        self._is_waiting = is_waiting
        self._pending: dict[int, _Pending] = {}

    @contextmanager
    def waiting(self, call_id: int, name: str) -> Iterator[asyncio.Future[Plain]]:
        """The future answer of a call; it fails when the call's time is over."""
        answer: asyncio.Future[Plain] = asyncio.get_running_loop().create_future()
        self._pending[call_id] = _Pending(name, answer)
        options, later = self._options, self._clock.call_later
        timers = [later(options.call_timeout, lambda: self._expire(call_id))]
        if self._is_waiting(call_id):
            timers.append(later(options.wait_timeout, lambda: self._expire_waiting(call_id)))
        try:
            yield answer
        finally:
            for timer in timers:
                timer.cancel()
            del self._pending[call_id]

    def answer(self, call_id: int, output: Plain) -> None:
        """Settle a call, if anybody waits for it."""
        if (pending := self._pending.get(call_id)) is not None:
            settle(pending.answer, output)

    def fail(self, call_id: int, error: Callable[[str], Exception]) -> None:
        """Fail a call, if anybody waits for it; ``error`` is made of its action's name."""
        if (pending := self._pending.get(call_id)) is not None:
            fail(pending.answer, error(pending.name))

    def _expire(self, call_id: int) -> None:
        sent = not self._is_waiting(call_id)
        step, seconds = "answered" if sent else "sent", self._options.call_timeout
        self.fail(
            call_id,
            lambda name: CallTimedOut(
                f"{name!r} of {self._label} was not {step} within {seconds:g} s",
                may_have_run=sent,
            ),
        )

    def _expire_waiting(self, call_id: int) -> None:
        if self._is_waiting(call_id):
            self.fail(
                call_id,
                lambda name: CallTimedOut(
                    f"{self._label} was not connected for {self._options.wait_timeout:g} s: "
                    f"{name!r} was not sent",
                    may_have_run=False,
                ),
            )
