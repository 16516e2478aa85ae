"""One process of a simulated world: a loop, a host, and what dies with them.

Owns how a process begins, stops and is killed. What goes on between is the world's.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from ..host import ActorHost, Registry
from ..runtime import Clock
from ._chooser import Chooser
from ._faults import Faults
from ._instrument import instrument
from ._loop import VirtualLoop
from ._observer import Counters, Observer
from ._stacks import describe_task, throw_away
from ._storage import Disk, WorldStorage
from ._trace import EPOCH, Trace, What


class WorldClock(Clock):
    """The time of day goes with the loop's; ids are counted."""

    def __init__(self, loop: VirtualLoop, counters: Counters) -> None:
        self._loop = loop
        self._counters = counters

    @override
    def now(self) -> float:
        return EPOCH + self._loop.now

    @override
    def new_id(self) -> str:
        self._counters.ids += 1
        return f"{self._counters.ids:032x}"


class Process:
    """A host that runs in a virtual loop, and everything in memory.

    Attributes:
        loop: Its loop.
        observer: Who notes what happens in it.
        storage: Its way to the disk.
        host: The host, or None after an orderly shutdown.
        found: What is wrong with the code that ran, whatever the rules say: a line each.
    """

    def __init__(
        self,
        registry: Registry,
        disk: Disk,
        *,
        trace: Trace,
        chooser: Chooser,
        faults: Faults,
        counters: Counters,
        start: float,
        loop: VirtualLoop | None,
    ) -> None:
        self.loop = loop or VirtualLoop(chooser if faults.tied_timers else None, start=start)
        self.observer = Observer(
            trace,
            self.loop,
            chooser,
            faults,
            counters,
            exists=lambda name, key: disk.core.find(name, key) is not None,
        )
        self.storage = WorldStorage(disk, self.observer)
        self.found: list[str] = []
        self._clock = WorldClock(self.loop, counters)
        self._owns_loop = loop is None
        self._registry = _watched(registry, self.observer)
        self.host: ActorHost | None = None
        self.loop.set_exception_handler(self._note_fault)

    # -------------------------------------------------------------- life

    def start(self) -> ActorHost:
        """Begin a host; it serves as soon as the loop runs."""
        host = self.host = ActorHost(self._registry, storage=self.storage, clock=self._clock)
        self.observer.note(What.UP)
        self.loop.call_soon(host.start, context=Context())
        return host

    def kill(self) -> None:
        """Everything in memory is gone: no task of it takes another step, no timer fires."""
        self.observer.note(What.CRASHED)
        self.observer.is_muted = True
        self.host = None
        self._throw_away()

    def close(self) -> None:
        """The world is over."""
        self.observer.is_muted = True
        self._throw_away()

    def _throw_away(self) -> None:
        if not self._owns_loop:
            return
        loop = self.loop
        loop.halt()
        complain = sys.unraisablehook
        sys.unraisablehook = lambda _: None
        asyncio._set_running_loop(loop)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for task in asyncio.all_tasks(loop):
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    throw_away(task.get_coro())
                loop.halt()
        finally:
            asyncio._set_running_loop(None)
            sys.unraisablehook = complain
        loop.close()

    # -------------------------------------------------------------- what is wrong with code

    def leaked(self) -> list[asyncio.Task[Any]]:
        """Tasks that are left though no host is: user code started them and forgot them."""
        return sorted(asyncio.all_tasks(self.loop), key=describe_task)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While code runs: find coroutines that are thrown away without an await."""
        with warnings.catch_warnings():
            warnings.filterwarnings("always", r"coroutine .* was never awaited", RuntimeWarning)
            show = warnings.showwarning

            def showwarning(message: Warning | str, *args: Any, **kwargs: Any) -> None:
                text = str(message).partition("\n")[0]
                if "was never awaited" in text:
                    self.found.append(f"a coroutine was made and not awaited: {text}")
                else:
                    show(message, *args, **kwargs)

            warnings.showwarning = showwarning
            yield

    def collect(self) -> None:
        """Find coroutines that only a young cycle keeps; to look for old ones takes long."""
        with self.watching():
            gc.collect(1)

    def _note_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        text = f"{context['message']}: {error!r}" if error is not None else context["message"]
        self.observer.note(What.LOOP_FAULT, data={"error": text})
        self.found.append(f"an exception came to the event loop: {text}")


def _watched(registry: Registry, observer: Observer) -> Registry:
    watched = Registry()
    watched.definitions = MappingProxyType(
        {name: instrument(each, observer) for name, each in registry.definitions.items()}
    )
    return watched
