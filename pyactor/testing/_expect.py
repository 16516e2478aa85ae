"""A client's connection that keeps what arrives, for tests that say what they expect.

Owns the record of one connection and the words of a failure. How it is connected is the client's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar

from attrs import define
from typing_extensions import override

from ..client import ClientOptions, Closed, Connection, Handle
from ..client._types import A_co

if TYPE_CHECKING:
    from ..definition import EventRef, NoActor
    from ..plain import Plain
    from ._settling import Settling

_T = TypeVar("_T")

_LAST = 30
"""Lines of a record that are shown."""


@define(eq=False)
class _Entry:
    """One thing that happened on a connection.

    Attributes:
        time: Virtual seconds.
        text: How it reads.
        arrived: The name of the event that it is, or the end; None for what the test did.
        value: The event's payload.
        is_taken: Whether the test has expected it.
    """

    time: float
    text: str
    arrived: str | Closed | None = None
    value: Any = None
    is_taken: bool = False

    @override
    def __str__(self) -> str:
        return f"{self.time:10.3f} s  {self.text}{'  (expected)' if self.is_taken else ''}"


class WatchedConnection(Connection[A_co], Generic[A_co]):
    """A typed connection that is open already; made by the fixture ``connect``.

    It keeps every event from the start, so that nothing is missed between two lines of a test,
    and is closed at the end of the test.

    Attributes:
        label: What failures call it.
    """

    def __init__(
        self, handle: Handle[A_co], subscribed: Collection[str], settling: Settling, number: int
    ) -> None:
        """Not open yet.

        Args:
            handle: The actor.
            subscribed: The events to subscribe to, by their names on the wire.
            settling: Of the test's loop.
            number: Which of the test's connections it is, from 1.
        """
        # One that came back by itself would hide from a test that it was lost.
        once = ClientOptions(reconnect="never")
        super().__init__(handle._gateway, handle._definition, handle._address, handle._params, once)
        key = ", ".join(map(repr, handle.key or ()))
        self.label = f"connection {number} to {handle._definition.cls.__name__}({key})"
        self._settling = settling
        self._entries: list[_Entry] = []
        self._news = asyncio.Event()
        self._end: asyncio.Task[None] | None = None
        for name in subscribed:
            self._callbacks.add(name, _do_nothing, is_once=False)

    # -------------------------------------------------------------- what a test expects

    async def expect(
        self,
        event: EventRef[A_co, _T, ...] | EventRef[NoActor, _T, ...],
        /,
        *,
        timeout: float = 5.0,
    ) -> _T:
        """Wait for an event, and give its payload.

        It is the oldest of its name that was not expected yet; others stay for later. One that
        has arrived already is given at once.

        Args:
            event: ``ChatRoom.message_posted``.
            timeout: Virtual seconds. What arrives at the end of them is in time.

        Raises:
            AssertionError: None came in time, or the connection has ended; the message names
                what did arrive.
            TypeError: It is another actor's event.
        """
        __tracebackhide__ = True
        spec = self._definition.event(event)
        found = await self._next(lambda entry: entry.arrived == spec.name, timeout)
        if found is None:
            hint = "" if spec.name in self._callbacks.names else ", to which it is not subscribed,"
            when = "before the end" if self._has_ended else f"within {timeout:g} s"
            self._fail(f"expected {_shown(event)}{hint} {when}")
        value: _T = found.value
        return value

    async def expect_nothing(
        self,
        event: EventRef[A_co, Any, ...] | EventRef[NoActor, Any, ...] | None = None,
        /,
        *,
        within: float = 0.0,
    ) -> None:
        """Let some time pass, in which nothing arrives that was not expected before.

        Args:
            event: Only this event must not; without one, no event and no end.
            within: Virtual seconds; by default only what can happen now happens.

        Raises:
            AssertionError: Something did; the message names it.
            TypeError: It is another actor's event.
        """
        __tracebackhide__ = True
        name = None if event is None else self._definition.event(event).name
        await self._settling.advance(within)
        for entry in self._entries:
            if entry.arrived is not None and not entry.is_taken and name in (None, entry.arrived):
                what = "nothing" if event is None else f"no {_shown(event)}"
                self._fail(f"expected {what} within {within:g} s")

    async def expect_close(
        self, *, code: int | None = None, reason: str | None = None, timeout: float = 5.0
    ) -> Closed:
        """Wait until the connection ends, whoever ends it.

        Args:
            code: The close code that it must be.
            reason: The close reason that it must be.
            timeout: Virtual seconds.

        Returns:
            How it ended.

        Raises:
            AssertionError: It goes on, or has ended otherwise; the message names what did arrive.
        """
        __tracebackhide__ = True
        found = await self._next(lambda entry: isinstance(entry.arrived, Closed), timeout)
        wanted = _shown_end(code, reason)
        if found is None:
            self._fail(f"expected {wanted} within {timeout:g} s")
        closed = found.arrived
        assert isinstance(closed, Closed)
        if code not in (None, closed.code) or reason not in (None, closed.reason):
            self._fail(f"expected {wanted}, not {_shown_end(closed.code, closed.reason)}")
        return closed

    def transcript(self) -> str:
        """What it sent and received last, a line each."""
        return "\n".join(map(str, self._entries[-_LAST:])) or "nothing has happened"

    # -------------------------------------------------------------- what is kept

    @override
    async def __aenter__(self) -> Self:
        try:
            await super().__aenter__()
        except Exception as error:
            self._note(f"not let in: {type(error).__name__}: {error}")
            raise
        self._note("open")
        self._end = asyncio.get_running_loop().create_task(self._note_end())
        return self

    @override
    async def close(self) -> None:
        await super().close()
        if self._end is not None:
            await self._end

    @override
    async def _call(self, name: str, args: list[Plain]) -> Plain:
        call = f"{name}({', '.join(map(repr, args))})"
        self._note(f"-> {call}")
        try:
            output = await super()._call(name, args)
        except Exception as error:
            self._note(f"<- {name} raised {type(error).__name__}: {error}")
            raise
        self._note(f"<- {name} returned {output!r}")
        return output

    @override
    def _deliver(self, name: str, args: list[Plain]) -> None:
        spec = self._definition.events.get(name)
        if spec is not None:
            payload = spec.structure_payload(args)
            text = " ".join(("event", spec.attr, *map(repr, payload)))
            self._arrive(text, name, payload[0] if payload else None)
        super()._deliver(name, args)

    async def _note_end(self) -> None:
        closed = await self.wait_closed()
        self._arrive(_shown_end(closed.code, closed.reason), closed)

    def _arrive(self, text: str, arrived: str | Closed, value: object = None) -> None:
        self._note(text, arrived, value)
        self._news.set()

    def _note(self, text: str, arrived: str | Closed | None = None, value: object = None) -> None:
        now = asyncio.get_running_loop().time()
        self._entries.append(_Entry(now, text, arrived, value))

    # -------------------------------------------------------------- how it is waited for

    async def _next(self, is_it: Callable[[_Entry], bool], timeout: float) -> _Entry | None:
        """Take the oldest entry of a kind that is not taken; None if none comes."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            for entry in self._entries:
                if not entry.is_taken and is_it(entry):
                    entry.is_taken = True
                    return entry
            if self._has_ended or not await self._has_news(deadline):
                return None

    @property
    def _has_ended(self) -> bool:
        return any(isinstance(entry.arrived, Closed) for entry in self._entries)

    async def _has_news(self, deadline: float) -> bool:
        self._news.clear()
        try:
            async with asyncio.timeout_at(deadline):
                await self._news.wait()
        except TimeoutError:
            await self._settling.settle()  # what arrives at this very moment is in time
        return self._news.is_set()

    def _fail(self, expected: str) -> NoReturn:
        __tracebackhide__ = True
        arrived = [str(entry) for entry in self._entries if entry.arrived is not None]
        lines = arrived[-_LAST:] or ["  nothing"]
        raise AssertionError("\n".join((f"{expected} on {self.label}; what did arrive:", *lines)))


def _shown(event: EventRef[Any, Any, ...]) -> str:
    return f"{event.owner.__name__}.{event.attr}"


def _shown_end(code: int | None, reason: str | None) -> str:
    return " ".join(("the end", *(str(each) for each in (code, reason) if each not in (None, ""))))


def _do_nothing(*_payload: object) -> None:
    """Stands for a subscription among the callbacks."""
