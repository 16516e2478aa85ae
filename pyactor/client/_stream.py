"""Events as an async iterator, with a bound on those that wait to be taken."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeAlias

from typing_extensions import TypeVar, override

from ..errors import EventBacklog
from ._gap import Gap

T_co = TypeVar("T_co", covariant=True)
WhenFull: TypeAlias = Literal["drop_oldest", "fail"]


class Waiting:
    """The payloads of one stream that wait to be taken."""

    def __init__(self, label: str, max_waiting: int, when_full: WhenFull) -> None:
        """None waits.

        Args:
            label: What messages call the event.
            max_waiting: How many may wait.
            when_full: What becomes of one more.

        Raises:
            ValueError: One of them is none.
        """
        if max_waiting < 1:
            raise ValueError(f"max_waiting is a number above 0, not {max_waiting!r}")
        if when_full not in ("drop_oldest", "fail"):
            raise ValueError(f"when_full is 'drop_oldest' or 'fail', not {when_full!r}")
        self._label = label
        self._max = max_waiting
        self._drops = when_full == "drop_oldest"
        self._payloads: deque[Any] = deque()
        self._changed = asyncio.Event()
        self._is_over = False
        self._error: Exception | None = None
        self.dropped = 0

    def put(self, *payload: object) -> None:
        """Take an event in; one without a payload is None."""
        if self._is_over:
            return
        if len(self._payloads) >= self._max:
            if not self._drops:
                self.end(
                    EventBacklog(
                        f"more than {self._max} events {self._label} wait to be taken: "
                        "take them faster, raise max_waiting, or choose when_full='drop_oldest'"
                    )
                )
                return
            self._payloads.popleft()
            self.dropped += 1
        self._payloads.append(payload[0] if payload else None)
        self._changed.set()

    def end(self, error: Exception | None) -> None:
        """No more comes; once what waits is taken, ``error`` is raised, if there is one."""
        if not self._is_over:
            self._is_over, self._error = True, error
            self._changed.set()

    def clear(self) -> None:
        """Drop what waits."""
        self._payloads.clear()

    async def get(self) -> Any:
        """The oldest payload.

        Raises:
            StopAsyncIteration: There is none, and none will come.
            ActorError: The same, but for a reason.
        """
        while not self._payloads:
            if self._is_over:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._payloads.popleft()


class EventStream(AsyncIterator[T_co], Generic[T_co]):
    """The events of one name, as they come: ``async for message in conn.events(…)``.

    It goes on over reconnections, and ends as the connection does: quietly after ``close()``,
    else with the error that says why. To stop earlier leave ``async with``, call ``aclose``, or
    let go of it.
    """

    def __init__(self, waiting: Waiting, stop: Callable[[], None]) -> None:
        self._waiting = waiting
        loop = asyncio.get_running_loop()

        def stop_soon() -> None:
            # From wherever the garbage collector runs, and perhaps after the loop's end.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stop)

        self._stop = stop
        self._finalizer = weakref.finalize(self, stop_soon)
        self._finalizer.atexit = False

    @property
    def dropped(self) -> int:
        """How many events were dropped because they were not taken in time."""
        return self._waiting.dropped

    async def aclose(self) -> None:
        """Take no more; what waits is dropped. Idempotent."""
        if self._finalizer.detach() is not None:
            self._stop()
        self._waiting.end(None)
        self._waiting.clear()

    @override
    def __aiter__(self) -> Self:
        return self

    @override
    async def __anext__(self) -> T_co:
        payload: T_co = await self._waiting.get()
        return payload

    async def __aenter__(self) -> Self:
        """The stream itself."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take no more."""
        await self.aclose()


class GapStream(EventStream[T_co | Gap], Generic[T_co]):
    """Events, and a `Gap` in each place where some are missing: ``conn.events(…, gaps=True)``."""
