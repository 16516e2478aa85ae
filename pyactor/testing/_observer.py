"""Who writes the trace while one process of a world lives: names, numbers, and faults at awaits.

Owns one process's view: which instance is which life, which connection has which name, which run
of user code has which number. A new process, after a crash, has a new observer; the dead one's is
muted, so that what its coroutines do as they are thrown away is not taken for life.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import cbor2
from attrs import define, field

from ..definition import ActionSpec
from ..errors import ActorError
from ..runtime import Instance, is_public
from ..wire.messages import ToClient
from ._chooser import Chooser, happens
from ._faults import Faults, InjectedFault
from ._stacks import awaits_of, throw_away
from ._trace import Step, Trace, What

if TYPE_CHECKING:
    from ..definition import Request
    from ._loop import VirtualLoop

NAME_HEADER = "x-pyactor-world"
"""The request header with the short name of a connection: ``c1``."""

_NO_DATA: dict[str, Any] = {}
_current_run: ContextVar[Run | None] = ContextVar("pyactor_world_run", default=None)


@define
class Counters:
    """What is counted through all processes of a world, so that no number comes twice."""

    lives: int = 0
    runs: int = 0
    ids: int = 0
    inner: int = 0


@define(eq=False)
class Run:
    """One run of a hook, action or deferred callback.

    Attributes:
        number: Counted from 1.
        kind: ``hook``, ``action`` or ``deferred``.
        name: Of the hook or action.
        conn: The short name of the connection that it serves, or ``""``.
        life: The number of its actor's life.
        instance: The live actor.
        spec: The action; None for what is none.
        is_cancelled: Whether a cancellation has reached it.
    """

    number: int
    kind: str
    name: str
    conn: str
    life: int
    instance: Instance
    spec: ActionSpec | None = None
    is_cancelled: bool = False


@define(eq=False)
class Observer:
    """Notes what happens. Cheap: nothing is rendered or checked here.

    Attributes:
        trace: Where to.
        loop: Whose time it is.
        chooser: Decides about faults.
        faults: How likely they are.
        counters: What goes on through all processes.
        exists: Whether the storage has an actor of that name and key.
        is_muted: Whether its process is dead.
        running: User code that has begun and not ended, by number.
        frames: What was sent last, decoded, by the identity of the frame.
    """

    trace: Trace
    loop: VirtualLoop
    chooser: Chooser
    faults: Faults
    counters: Counters
    exists: Callable[[str, tuple[str, ...]], bool]
    is_muted: bool = False
    running: dict[int, Run] = field(factory=dict)
    frames: dict[int, tuple[str | bytes, ToClient]] = field(factory=dict)
    _lives: dict[Instance, int] = field(factory=dict)
    _names: dict[str, str] = field(factory=dict)
    _instances: dict[str, Instance] = field(factory=dict)
    _states: dict[Instance, Any] = field(factory=dict)
    _noted: dict[Instance, dict[str, Any]] = field(factory=dict)

    # -------------------------------------------------------------- notes

    def note(  # noqa: PLR0917 - called for each step, and in this order everywhere
        self,
        what: What,
        conn: str = "",
        life: int = 0,
        name: str = "",
        run: int = 0,
        data: dict[str, Any] = _NO_DATA,
    ) -> None:
        """Write one step; see ``Step``."""
        if not self.is_muted:
            self.trace.steps.append(Step(self.loop.now, what, conn, life, name, run, data))

    def begin_life(self, instance: Instance) -> int:
        """An instance begins to load; its number."""
        self.counters.lives += 1
        life = self._lives[instance] = self.counters.lives
        data = {
            "id": instance.actor_id,
            "key": list(instance.key),
            "exists": self.exists(instance.name, instance.key),
        }
        self.note(What.LOADING, "", life, instance.name, data=data)
        return life

    def life_of(self, instance: Instance) -> int:
        """The number of an instance; 0 if it never was observed to load."""
        return self._lives.get(instance, 0)

    def live_instance(self, actor_id: str) -> Instance | None:
        """The youngest instance of that id, or None."""
        for instance in reversed(self._lives):
            if instance.actor_id == actor_id:
                return instance
        return None

    def name_conn(self, conn_id: str, request: Request, instance: Instance) -> str:
        """The short name of a connection, found or given."""
        name = self._names.get(conn_id)
        if name is None:
            name = request.headers.get(NAME_HEADER, "")
            if not name:
                self.counters.inner += 1
                name = f"i{self.counters.inner}"
            self._names[conn_id] = name
        self._instances[name] = instance
        return name

    def name_init(self, conn_id: str, name: str) -> None:
        """``Init`` says which id a client's connection has."""
        self._names.setdefault(conn_id, name)

    def add_told_state(self, conn: str, data: dict[str, Any]) -> None:
        """Add the state at this instant, where the class is told of its changes (A7)."""
        instance = self._instances.get(conn)
        if instance is not None and "on_state_change" in instance.definition.hooks:
            data["state"] = self.digest(instance)

    # -------------------------------------------------------------- runs of user code

    def enter(  # noqa: PLR0917 - as ``note``
        self,
        kind: str,
        name: str,
        conn: str,
        instance: Instance,
        data: dict[str, Any],
        spec: ActionSpec | None = None,
    ) -> Run:
        """User code begins."""
        self.counters.runs += 1
        run = Run(self.counters.runs, kind, name, conn, self.life_of(instance), instance, spec)
        if not self.is_muted:
            self.running[run.number] = run
            _current_run.set(run)
        self.note(What.ENTERED, conn, run.life, name, run.number, {"kind": kind, **data})
        return run

    @property
    def current(self) -> int:
        """The number of the run that this code is of; 0 if it is of none, or that has ended."""
        run = _current_run.get()
        return run.number if run is not None and run.number in self.running else 0

    @property
    def waiter(self) -> int:
        """The same, if it is a hook or a deferred callback."""
        run = self.running.get(self.current)
        return 0 if run is None or run.kind == "action" else run.number

    def cancel(self, run: Run) -> None:
        """A cancellation reaches user code, which may ignore it."""
        run.is_cancelled = True
        self.note(What.CANCELLED, run.conn, run.life, run.name, run.number, {"kind": run.kind})

    def leave(self, run: Run, error: BaseException | None = None, result: Any = None) -> None:
        """User code is over."""
        self.running.pop(run.number, None)
        data: dict[str, Any] = {"kind": run.kind}
        if error is None:
            if run.spec is not None:
                data["output"] = _output(run.spec, result)
            elif run.name == "can_subscribe":
                data["verdict"] = result is True
            elif run.name == "on_state_change":
                data["state"] = self.digest(run.instance)
            elif run.name == "create_conn_state" and not _fits(run.instance, result):
                data["fits"] = False
            self._note_unsure(run, data)
            self.note(What.RETURNED, run.conn, run.life, run.name, run.number, data)
            return
        data["error"] = type(error).__name__
        data["public"] = is_public(error)
        if isinstance(error, ActorError):
            data["code"] = error.name
            data["message"] = error.message
            data["metadata"] = error.metadata
        else:
            data["message"] = str(error)
        self._note_unsure(run, data)
        self.note(What.RAISED, run.conn, run.life, run.name, run.number, data)

    def _note_unsure(self, run: Run, data: dict[str, Any]) -> None:
        """Where the class is told of changes, a state that cannot be encoded fails the call."""
        instance = run.instance
        is_told = instance.state is not None and "on_state_change" in instance.definition.hooks
        if is_told and self.digest(instance) is None:
            data["unsure"] = True

    def fault_at(self, run: Run, coroutine: Any) -> float | Exception | None:
        """What the world makes of an await of user code that would go on now.

        Args:
            run: Whose.
            coroutine: It, suspended at the await.

        Returns:
            Seconds to wait, an error to raise, or None.
        """
        faults = self.faults
        if self.is_muted or run.is_cancelled:
            return None
        if happens(self.chooser, f"late await in {run.name}", faults.late_awaits):
            seconds = self.delay(f"how late in {run.name}")
            data = {"kind": run.kind, "seconds": seconds}
            self.note(What.LATE, run.conn, run.life, run.name, run.number, data)
            return seconds
        if (
            run.name not in faults.spares
            and run.kind not in faults.spares
            and faults.failed_awaits
            and _is_outside_pyactor(coroutine)
            and happens(self.chooser, f"failed await in {run.name}", faults.failed_awaits)
        ):
            return InjectedFault(f"an await in {run.name} failed")
        return None

    def delay(self, label: str) -> float:
        """A chosen number of seconds; the plain answer is the shortest."""
        steps = (0.0, 0.001, 0.05, 0.5, 2.0, float(self.faults.longest))
        return steps[self.chooser.choose(label, len(steps))]

    # -------------------------------------------------------------- state

    def own_state(self, instance: Instance) -> None:
        """Its own code, or its start, has given an instance the state object that it has."""
        self._states[instance] = instance.state

    def note_state(self, instance: Instance) -> None:
        """Note the state of an instance as it is now, if it is not what was noted last."""
        data: dict[str, Any] = {"id": instance.actor_id, "state": self.digest(instance)}
        owned = self._states.get(instance, instance.state)
        if owned is not instance.state:
            data["replaced"] = True
        if self._noted.get(instance) != data:
            self._noted[instance] = data
            self.note(What.STATE, "", self.life_of(instance), data=data)

    def digest(self, instance: Instance) -> str | None:
        """What tells two states apart, 16 hexadecimal digits; None if it has none to encode."""
        try:
            plain = instance.definition.unstructure_state(instance.state)
            return digest_of(cbor2.dumps(plain))
        except Exception:  # noqa: BLE001 - what the user put there: the run time reports it
            return None


def digest_of(data: bytes) -> str:
    """A short name for the value that is encoded: the same whatever the order of a set."""
    data = cbor2.dumps(cbor2.loads(data), canonical=True)
    return blake2b(data, digest_size=8).hexdigest()


def _output(spec: ActionSpec, result: Any) -> Any:
    """The plain result; None also where it is none, which the run time finds."""
    try:
        return spec.unstructure_result(result)
    except TypeError:
        return None


def _fits(instance: Instance, state: Any) -> bool:
    try:
        instance.definition.check_conn_state(state)
    except TypeError:
        return False
    return True


def _is_outside_pyactor(coroutine: Any) -> bool:
    """Whether an await stands in user code, or in what that calls, but in nothing of ours."""
    package = __name__.partition(".")[0]
    awaited = coroutine
    for frame, awaited in awaits_of(coroutine):  # noqa: B007 - the last one is looked at below
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
            return False
    return awaited is None or type(awaited).__name__ == "FutureIter"


async def drive(observer: Observer, run: Run, awaitable: Any) -> Any:
    """Await user code step by step: what reaches it and how it ends is noted, faults come in."""
    return await _Stepped(observer, run, _coroutine_of(awaitable))


def _coroutine_of(awaitable: Any) -> Any:
    return awaitable if asyncio.iscoroutine(awaitable) else _awaited(awaitable)


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


class _Stepped:
    def __init__(self, observer: Observer, run: Run, coroutine: Any) -> None:
        self._observer = observer
        self._run = run
        self._coroutine = coroutine

    def __await__(self) -> Any:
        observer, run = self._observer, self._run
        _stepped_coroutine = self._coroutine
        resume: Callable[[Any], Any] = _stepped_coroutine.send
        value: BaseException | None = None
        while True:
            try:
                awaited = resume(value)
            except StopIteration as stop:
                observer.leave(run, None, stop.value)
                return stop.value
            except BaseException as error:
                observer.leave(run, error)
                raise
            resume, value = _stepped_coroutine.send, None
            try:
                yield awaited
                fault = observer.fault_at(run, _stepped_coroutine)
                if isinstance(fault, float):
                    yield from asyncio.sleep(fault).__await__()
                elif isinstance(fault, Exception):
                    resume, value = _stepped_coroutine.throw, fault
            except GeneratorExit:
                throw_away(_stepped_coroutine)
                raise
            except BaseException as error:  # noqa: BLE001 - it is the user code's to take
                if isinstance(error, asyncio.CancelledError):
                    observer.cancel(run)
                resume, value = _stepped_coroutine.throw, error
