"""How time goes on in a simulated world, and when its host lives, stops and dies.

Owns the loop's steps, the process and the judgement of what happened. What is to happen is for
``World`` to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from types import TracebackType
from typing import Any, Literal, Self

from ..definition import ActorDefinition
from ..host import ActorHost, Registry
from ..runtime import Instance
from ._chooser import Chooser
from ._clients import WorldConn
from ._faults import Faults
from ._loop import Deadlock, VirtualLoop
from ._observer import Counters, Observer
from ._process import Process
from ._rules import Rules, Violation
from ._stacks import describe_task, describe_waiting
from ._storage import CommitFault, Disk
from ._trace import Trace, What

_NOT_OURS = "somebody else runs the loop: await asyncio.sleep(seconds) instead"

_PATIENCE = 300.0
"""Virtual seconds that user code has to end once its host has stopped."""


class Course:
    """The course of a world: its time, its process, and what is wrong with what happened.

    Attributes:
        definition: What the class declares.
        trace: What happened so far.
        conns: Every client there ever was, in order.
    """

    def __init__(
        self,
        registry: Registry,
        definition: ActorDefinition,
        *,
        chooser: Chooser,
        faults: Faults,
        storage: Literal["memory", "sqlite"],
        loop: VirtualLoop | None,
    ) -> None:
        """Begin with a host; see ``World``."""
        self.definition = definition
        self.trace = Trace()
        self.conns: list[WorldConn] = []
        self._registry = registry
        self._chooser = chooser
        self._faults = faults
        self._disk = Disk(storage)
        self._counters = Counters()
        self._loop_of_others = loop
        self._rules = Rules(self.trace, registry.definitions)
        self._found: list[str] = []
        self._is_closed = False
        self._stopping: asyncio.Task[None] | None = None
        self._process = self._new_process(0.0)
        self._process.start()

    # -------------------------------------------------------------- time

    @property
    def now(self) -> float:
        """Virtual seconds since the world began."""
        return self._process.loop.now

    def settle(self) -> None:
        """Let everything happen that can before the time goes on."""
        self._run_to(self.now)

    def turns(self, count: int = 1) -> None:
        """Let the event loop make so many turns: a little of what can happen now."""
        loop = self._own_loop()
        with self._process.watching():
            loop.run_turns(count)
        self._look_for_crash()

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass, and everything happen that happens meanwhile."""
        self._run_to(self.now + seconds)

    def advance_until(self, condition: Callable[[], bool], *, within: float) -> bool:
        """Let the time go on from timer to timer until something is so.

        Args:
            condition: What is waited for.
            within: Virtual seconds at most.

        Returns:
            Whether it came about.
        """
        limit = self.now + within
        self.settle()
        while not condition():
            due = self._process.loop.next_timer
            if due is None or due > limit:
                self._run_to(limit)
                return condition()
            self._run_to(due)
        return True

    # -------------------------------------------------------------- the host

    def shutdown(self) -> None:
        """Stop the host in an orderly way and run until it has (C15).

        Raises:
            Deadlock: It does not stop; the message shows who waits.
        """
        stopping = self.begin_shutdown()
        if stopping is None:
            return
        self._run_until(
            lambda: stopping.done() or self._stopping is not stopping, "the host does not stop"
        )
        self._finish_shutdown()

    def begin_shutdown(self) -> asyncio.Task[None] | None:
        """Let the host begin to stop; None if there is none. ``shutdown`` then waits for it."""
        host = self._process.host
        if host is None:
            return None
        if self._stopping is None:
            self.observer.note(What.DOWN, name="begins")
            self._stopping = self._process.loop.create_task(host.stop(), context=Context())
        return self._stopping

    def restart(self) -> None:
        """Start a host on the same disk, after ``shutdown``; nothing if one runs."""
        if self._process.host is None:
            self._process.start()

    def crash(self) -> None:
        """Kill the process and start another: memory is lost, what was committed is not."""
        loop = self._process.loop
        if self._loop_of_others is not None:
            raise RuntimeError("a world in somebody else's loop cannot crash")
        self._note_findings()
        self._process.kill()
        self._stopping = None
        for conn in self.conns:
            conn.lose_host()
        self._disk.reopen()
        self._process = self._new_process(loop.now)
        self._process.start()

    def at_commit(self, commits: int, fault: CommitFault) -> None:
        """Let something become of a commit that comes: it fails, or the process dies in it.

        Args:
            commits: How many others come before it.
            fault: ``"fails"``; or the process ``"dies before"`` anything is kept, or
                ``"dies after"`` it was kept and before anybody was told.
        """
        self._process.storage.plan(commits, fault)

    # -------------------------------------------------------------- what is there

    @property
    def instances(self) -> Sequence[Instance]:
        """The live instances of the class, whatever their phase, once they have started."""
        host = self._process.host
        if host is None:
            return ()
        name = self.definition.name
        return [each for each in host.directory.instances if each.name == name]

    @property
    def host(self) -> ActorHost | None:
        """The host, or None after ``shutdown``."""
        return self._process.host

    @property
    def loop(self) -> VirtualLoop:
        """The loop of the process that lives."""
        return self._process.loop

    @property
    def observer(self) -> Observer:
        """Who notes what happens in the process that lives."""
        return self._process.observer

    @property
    def faults(self) -> Faults:
        """Which faults come about by themselves."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = self.observer.faults = faults

    @property
    def slowest_step(self) -> tuple[float, str]:
        """The longest that one step held up the loop, in real seconds, and which it was."""
        return self._process.loop.slowest

    # -------------------------------------------------------------- judgement

    def violation(self) -> Violation | None:
        """The first rule that the trace so far breaks, or None.

        What is due by now is only asked for once nothing can happen before the time goes on.
        """
        self._note_states()
        return self._rules.check(self.now, is_settled=self._process.loop.is_idle)

    def check(self) -> None:
        """Look at the trace so far.

        Raises:
            RuleBroken: It breaks one of C1-C16 and A1-A7, or an exception came to the loop.
        """
        violation = self.violation()
        if violation is not None:
            raise violation.error()

    @property
    def findings(self) -> list[str]:
        """What is wrong with the code that ran, whatever the rules say, a line each.

        Coroutines that nobody awaited, exceptions that came to the event loop, and, after
        ``shutdown``, tasks that nobody ended.
        """
        return [*self._found, *self._process.found]

    def close(self, *, checks: bool = True) -> None:
        """End the world: shut down, check, and let go of everything.

        Args:
            checks: Whether to look; otherwise it is only thrown away.

        Raises:
            RuleBroken: The trace breaks a rule.
            AssertionError: There are findings.
        """
        if self._is_closed:
            return
        try:
            if checks:
                self.faults = Faults.NONE
                self.settle()
                self.shutdown()
                self.check()
                self._note_leaks()
                self._process.collect()
                if self.findings:
                    raise AssertionError("\n".join(self.findings))
        finally:
            self._is_closed = True
            self._process.close()
            self._disk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(checks=error is None)

    # -------------------------------------------------------------- for whoever acts in it

    def do(self, what: Callable[[], object]) -> None:
        """Let something happen when the world next runs, behind what was asked for before."""
        self._process.loop.call_soon(what, context=Context())

    # -------------------------------------------------------------- how

    def _new_process(self, start: float) -> Process:
        return Process(
            self._registry,
            self._disk,
            trace=self.trace,
            chooser=self._chooser,
            faults=self._faults,
            counters=self._counters,
            start=start,
            loop=self._loop_of_others,
        )

    def _own_loop(self) -> VirtualLoop:
        if self._loop_of_others is not None:
            raise RuntimeError(_NOT_OURS)
        return self._process.loop

    def _run_to(self, when: float) -> None:
        while True:
            loop = self._own_loop()
            with self._process.watching():
                loop.run_to(when)
            if not self._look_for_crash():
                break
        self._note_states()

    def _note_states(self) -> None:
        for instance in self.instances:
            self.observer.note_state(instance)

    def _look_for_crash(self) -> bool:
        if not self._process.storage.crash_due:
            return False
        self.crash()
        return True

    def _run_until(self, condition: Callable[[], bool], otherwise: str) -> None:
        """Run until something is so, however long that takes in virtual time."""
        self._run_to(self.now)
        while not condition():
            due = self._process.loop.next_timer
            if due is None:
                raise Deadlock(f"{otherwise}\n{describe_waiting(self._process.loop)}")
            self._run_to(due)

    def _finish_shutdown(self) -> None:
        process = self._process
        if self._stopping is None:  # it died before it had stopped
            return
        self._stopping.result()
        self._stopping = None
        process.host = None
        self._run_to(self.now)
        self.observer.note(What.DOWN, name="has stopped")

    def _note_leaks(self) -> None:
        """Tasks that are still there when whatever was cut short has had time to end."""
        self._run_to(self.now + _PATIENCE)
        process = self._process
        for task in process.leaked():
            process.found.append(f"a task was left behind:\n{describe_task(task)}")

    def _note_findings(self) -> None:
        self._found.extend(self._process.found)
        self._process.found.clear()

    def _start_task(self, coroutine: Any) -> None:
        self._process.loop.create_task(coroutine, context=Context())
