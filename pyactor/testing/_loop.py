"""The event loop of a simulated world: asyncio's order, time that jumps, nothing from outside.

Owns time and the order of what is ready. It must not know actors; what a wait means to one is for
others to say.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from contextvars import Context
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, TypeVarTuple, Unpack

from typing_extensions import override

from ._chooser import Chooser, PlainChooser
from ._stacks import describe_waiting

if TYPE_CHECKING:
    from concurrent.futures import Executor

_R = TypeVar("_R")
_Ts = TypeVarTuple("_Ts")

_WIDEST = 4
"""Among how many timers of one instant the next one is chosen."""
_MOST_TURNS = 100_000
"""Turns of one instant: more is a loop that never lets the time go on."""
_MANY = 256
"""Cancelled timers that are worth a sweep."""


class Deadlock(RuntimeError):
    """Everything waits for something that can never come; the message shows who stands where."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose clock stands still while anything is ready, and then jumps.

    ``call_soon`` is first in, first out, as asyncio promises. Timers of one and the same instant
    fire in an order that the chooser decides. There are no sockets and no threads: what is run in
    an executor runs inline.

    Used by itself, ``asyncio.Runner(loop_factory=VirtualLoop)`` runs a coroutine in no time, and
    one that waits for ever ends in ``Deadlock``. A ``World`` runs it step by step with
    ``run_to``.

    Attributes:
        now: The virtual time in seconds, from 0.
        slowest: The longest that one step took, in real seconds, and what it was.
    """

    def __init__(self, chooser: Chooser | None = None, *, start: float = 0.0) -> None:
        """Make a loop that nobody runs yet.

        Args:
            chooser: Decides between timers of one instant; plain order without one.
            start: The virtual time to begin at, in seconds.
        """
        super().__init__()
        self.now = start
        self.slowest: tuple[float, str] = (0.0, "")
        self._chooser = chooser or PlainChooser()
        self._ready: deque[asyncio.Handle]  # asyncio's own queue
        self._stopping: bool
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0
        self._cancelled_timers = 0
        self._turns_of_instant = 0
        self._dropped: list[asyncio.Handle] = []
        self._horizon: float | None = None
        self._turns: int | None = None

    # -------------------------------------------------------------- time

    @override
    def time(self) -> float:
        """The virtual time in seconds."""
        return self.now

    @property
    def next_timer(self) -> float | None:
        """When the next timer fires, or None."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
            self._cancelled_timers -= 1
        return self._timers[0][0] if self._timers else None

    @property
    def timers(self) -> int:
        """How many timers wait."""
        return sum(not entry[2].cancelled() for entry in self._timers)

    @property
    def is_idle(self) -> bool:
        """Whether nothing can run before the time goes on."""
        due = self.next_timer
        return not self._ready and (due is None or due > self.now)

    def run_to(self, when: float) -> None:
        """Run everything up to and at a virtual time, which is the time afterwards."""
        self._horizon = when
        try:
            self.run_forever()
        finally:
            self._horizon = None

    def run_turns(self, turns: int) -> None:
        """Run so many turns of what is ready now; the time does not go on."""
        self._turns = turns
        try:
            self.run_to(self.now)
        finally:
            self._turns = None

    def halt(self) -> None:
        """Stop within this very step and forget what would come: the process is dead."""
        self._dropped.extend(self._ready)  # kept, lest coroutines complain of their end
        self._ready.clear()
        self._timers.clear()
        self._cancelled_timers = 0
        self._stopping = True

    # -------------------------------------------------------------- asyncio's seams

    @override
    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        self._cancelled_timers += 1
        if self._cancelled_timers > _MANY and 2 * self._cancelled_timers > len(self._timers):
            self._timers = [entry for entry in self._timers if not entry[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    def _run_once(self) -> None:
        """One turn: what is ready now, in order. What it makes ready has its turn in the next."""
        ready = self._ready
        if not ready and not self._jump():
            return
        self._take_due()
        self._turns_of_instant += 1
        if self._turns_of_instant > _MOST_TURNS:
            raise Deadlock(
                f"the time cannot go on from {self.now:g} s: something is ready again and again\n"
                + describe_waiting(self)
            )
        for _ in range(len(ready)):
            if not ready:  # halted from within
                break
            handle = ready.popleft()
            if handle.cancelled():
                continue
            began = perf_counter()
            handle._run()
            took = perf_counter() - began
            if took > self.slowest[0]:
                self.slowest = (took, repr(handle))
        if self._turns is not None:
            self._turns -= 1
            if self._turns <= 0:
                self._stopping = True

    def _jump(self) -> bool:
        """Nothing is ready: go on to the next timer; whether there is one to go on to."""
        due = self.next_timer
        if due is not None and (self._horizon is None or due <= self._horizon):
            self._go_to(due)
            return True
        if self._horizon is not None:
            self._go_to(self._horizon)
            self._stopping = True
            return False
        if self._stopping:
            return False
        raise Deadlock(
            "everything waits for something that never comes: nothing is ready and no timer runs\n"
            + describe_waiting(self)
        )

    def _go_to(self, when: float) -> None:
        if when > self.now:
            self.now = when
            self._turns_of_instant = 0

    def _take_due(self) -> None:
        timers = self._timers
        while timers and timers[0][0] <= self.now:
            instant = timers[0][0]
            tied: list[asyncio.TimerHandle] = []
            while timers and timers[0][0] == instant:
                timer = heapq.heappop(timers)[2]
                if timer.cancelled():
                    self._cancelled_timers -= 1
                else:
                    tied.append(timer)
            while len(tied) > 1:
                width = min(len(tied), _WIDEST)
                self._ready.append(tied.pop(self._chooser.choose("timers", width)))
            self._ready.extend(tied)

    def _process_events(self, _event_list: object) -> None: ...  # no selector, no events

    def _write_to_self(self) -> None: ...  # no thread waits in a selector

    # -------------------------------------------------------------- nothing from outside

    @override
    def run_in_executor(  # type: ignore[override] # the function runs here, whatever it is
        self, executor: Executor | None, func: Callable[..., _R], *args: Any
    ) -> asyncio.Future[_R]:
        """Run a function inline: a thread would make the order depend on the machine."""
        done: asyncio.Future[_R] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever awaits it is told
            done.set_exception(error)
        return done

    @override
    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> NoReturn:
        """Refuse: nothing outside has a virtual time.

        Raises:
            OSError: Always.
        """
        raise OSError(
            f"{host!r}:{port!r} cannot be reached from virtual time: replace what talks to the "
            "network in a test"
        )
