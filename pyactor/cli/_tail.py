"""``pyactor tail``: one connection, watched until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import stat
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence

from ..client import ClientOptions, Closed
from ..client._callbacks import Notices
from ..client._closed import detail_of
from ..client._untyped import UntypedActor
from ..errors import ActorError, ConnectionLost, HostUnreachable, NotAcknowledged
from ..plain import Plain
from ._output import Output
from ._remote import ANSWERED, Remote, exit_code_of
from ._signals import stop_requested


def tail_events(
    remote: Remote, events: Sequence[str], *, count: int | None, timeout: float, as_json: bool
) -> int:
    """Print what comes over a connection, and what becomes of it.

    Args:
        remote: The actor.
        events: What to subscribe to.
        count: End after so many events; None for never.
        timeout: Seconds to try to connect at first.
        as_json: Print lines of JSON, whoever reads them.

    Returns:
        The exit code.

    Raises:
        click.UsageError: The URL or the token is none.
    """
    # What the client logs is told here anyway; a log without a handler goes to standard error.
    silent = logging.NullHandler()
    log = logging.getLogger("pyactor.client")
    log.addHandler(silent)
    try:
        return asyncio.run(_tail(remote, events, count, timeout, as_json=as_json))
    finally:
        log.removeHandler(silent)


async def _tail(
    remote: Remote, events: Sequence[str], count: int | None, timeout: float, *, as_json: bool
) -> int:
    with stop_requested() as stop:
        output = Output(as_json=as_json, cut=stop.set)
        async with remote.client(ClientOptions()) as client:
            with _told_when_the_reader_goes(stop.set):
                tail = Tail(remote, remote.of(client), output, stop, count)
                return await tail.run(events, timeout)


class Tail:
    """One connection, and why it ends."""

    def __init__(
        self,
        remote: Remote,
        actor: UntypedActor,
        output: Output,
        over: asyncio.Event,
        count: int | None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            remote: What the actor is called.
            actor: The actor.
            output: Where to print.
            over: Ends it.
            count: Events until it ends, or None.
        """
        self._remote = remote
        self._output = output
        self._over = over
        self._left = count
        self._events: Sequence[str] = ()
        self._exit_code = 0
        self._why = ""  # the connection is not there
        self._detail = ""  # of how it was closed last
        self._has_opened = False
        notices = Notices()
        notices.on_open(self._opened)
        notices.on_close(self._closed)
        notices.on_error(self._failed)
        notices.on_retry(self._retrying)
        self._link = actor.link(notices, self._arrived, self._missed, self._ended)

    async def run(self, events: Sequence[str], timeout: float) -> int:
        """Watch until it is over.

        Args:
            events: What to subscribe to.
            timeout: Seconds to try to connect at first.

        Returns:
            The exit code.
        """
        self._events = events
        for name in events:
            self._link.subscribe(name, is_replayed=True)
        giving_up = asyncio.get_running_loop().call_later(timeout, self._give_up, timeout)
        self._output.status("connecting")
        self._link.open()
        try:
            await self._over.wait()
        finally:
            giving_up.cancel()
            await self._link.close()
        return self._exit_code

    def _arrived(self, name: str, args: list[Plain]) -> None:
        if self._over.is_set():
            return
        self._output.event(name, args)
        if self._left is not None:
            self._left -= 1
            if not self._left:
                self._over.set()

    def _missed(self, name: str, count: int | None) -> None:
        self._output.status(f"missed {'some' if count is None else count} of {name}", "yellow")

    def _opened(self) -> Awaitable[None] | None:
        self._has_opened = True
        if self._events:
            return self._say_subscribed(self._link.opened)
        self._say_connected()
        return None

    async def _say_subscribed(self, opened: object) -> None:
        # Who reads the line relies on it: whatever happens from then on is seen.
        try:
            for name in self._events:
                await self._link.subscribed(name, math.inf)
        except NotAcknowledged:
            pass  # this host does not tell
        except ActorError:
            return  # it is the end, and told as such
        if self._link.opened is opened and self._link.status == "connected":
            self._say_connected()

    def _say_connected(self) -> None:
        opened = self._link.opened
        assert opened is not None
        self._output.status(f"connected as {opened.connection_id}", "green")

    def _closed(self, closed: Closed) -> None:
        self._detail = detail_of(closed)
        self._why = f"lost{self._detail}"

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, ActorError):
            raise error
        if self._link.status == "connected":
            # A refused subscription: to wait on would be to wait for ever.
            self._end_with(error)
        self._why = str(error)

    def _retrying(self, pause: float) -> None:
        self._output.status(f"{self._why}: retrying in {pause:.1f} s", "yellow")

    def _ended(self, error: Exception | None) -> None:
        if self._over.is_set() or error is None:
            return
        if self._has_opened and isinstance(error, ConnectionLost):
            self._output.status(f"closed by the actor{self._detail}", "red")
            self._exit_code = ANSWERED
            self._over.set()
        elif isinstance(error, ActorError):
            self._end_with(error)

    def _give_up(self, timeout: float) -> None:
        if not self._has_opened:
            late = HostUnreachable(f"the connection was not open within {timeout:g} s")
            failure = self._link.failure
            self._end_with(failure if isinstance(failure, ActorError) else late)

    def _end_with(self, error: ActorError) -> None:
        self._output.error(error, self._remote.hint_for(error))
        self._exit_code = exit_code_of(error)
        self._over.set()


@contextlib.contextmanager
def _told_when_the_reader_goes(told: Callable[[], None]) -> Iterator[None]:
    """Without it ``| head -1`` would end with the event behind the one that ends ``head``."""
    try:
        pipe = sys.stdout.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(pipe).st_mode)
    except (OSError, ValueError):  # it is no file
        is_pipe, pipe = False, -1
    if not is_pipe:
        yield
        return
    loop = asyncio.get_running_loop()
    # The writing end of a pipe is never readable, but by an error.
    loop.add_reader(pipe, told)
    try:
        yield
    finally:
        loop.remove_reader(pipe)
