"""A live actor: one object per (name, key), its state and its connections (A1).

Owns the user's object, and runs its hooks; how any of its code runs and ends is told in ``_calls``,
starting and stopping in ``_start_stop``. What one connection does is the driver's.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from ..definition import (
    HOOKS,
    ActionSpec,
    ActorContext,
    ActorDefinition,
    Conn,
    Connecting,
    EventRef,
)
from ..errors import ActionTimedOut, CallbackTimedOut, CallInterrupted
from ..storage import Storage
from ..tasks import start_task
from ..wire import messages
from ..wire.depth import depth_of
from ..wire.keys import serialise_key
from ._actor_log import ActorLogger
from ._background import Background
from ._broadcasts import logs_of
from ._call import Call, CallExpired, invoke
from ._calls import Calls
from ._clock import Clock
from ._driver import ConnectionDriver
from ._idle import IdleTimer
from ._lifecycle import ActorInput, ActorLifecycle, ActorPhase
from ._saving import Saver
from ._schedule import Schedules
from ._scope import Scope, current_scope
from ._state_change import StateWatch

if TYPE_CHECKING:
    from ..client import Client

_R = TypeVar("_R")


class Instance(Calls, ActorContext):
    """What an actor sees through ``self``, and what runs its hooks and actions."""

    def __init__(
        self,
        definition: ActorDefinition,
        *,
        actor_id: str,
        key: tuple[str, ...],
        region: str,
        clock: Clock,
        context: contextvars.Context,
        storage: Storage,
        stop: Callable[[Instance, ActorInput], None],
        client: Callable[[], Client],
        depth: int = 0,
    ) -> None:
        """Make the instance; no user code runs before ``start``.

        Args:
            definition: The actor's dispatch table.
            actor_id: The id that whoever places actors gave it.
            key: Its key.
            region: Where it runs.
            clock: Time of day and ids.
            context: The context variables that its code runs with: the host's, never those of
                the request that happened to start it.
            storage: Where it is kept.
            stop: Called when it is idle, or asks for SLEEP or DESTROY itself; it is ready then.
            client: Gives the host's own client.
            depth: How many calls of actors its start stands in (`pyactor.wire.depth`).
        """
        super().__init__(context)
        self.definition = definition
        self.clock = clock
        self.lifecycle = ActorLifecycle()
        self.identity = messages.ActorIdentity(actor_id, 1, serialise_key(key))
        self.drivers: dict[str, ConnectionDriver] = {}
        self.conns_by_id: dict[str, Conn[Any, Any]] = {}
        self.actor: Any = None
        self._key = key
        self._region = region
        self.state: Any = None
        self._logger = ActorLogger(self)
        self._stop = stop
        self.stop_asked: ActorInput | None = None
        self.abort_event = asyncio.Event()
        self.saver = Saver(self, storage)
        self._schedules = Schedules(self)
        self._client = client
        self._depth = depth
        self.watch = StateWatch.of(self)
        self.background = Background(self)
        self.broadcasts = logs_of(definition, clock)
        self.idle = IdleTimer(definition.options.sleep_timeout, self._fall_asleep)

    # -------------------------------------------------------------- ActorContext

    @property
    @override
    def key(self) -> tuple[str, ...]:
        return self._key

    @property
    @override
    def actor_id(self) -> str:
        return self.identity.actor_id

    @property
    @override
    def name(self) -> str:
        return self.definition.name

    @property
    @override
    def region(self) -> str:
        return self._region

    @property
    @override
    def conns(self) -> Mapping[str, Conn[Any, Any]]:
        return MappingProxyType(self.conns_by_id)

    @property
    @override
    def caller(self) -> Conn[Any, Any] | None:
        scope = self._scope()
        return None if scope is None else scope.conn

    @property
    @override
    def connecting(self) -> Connecting[Any] | None:
        scope = self._scope()
        return None if scope is None else scope.connecting

    @override
    def describe_caller(self) -> str:
        scope = self._scope()
        return "code outside any hook or action" if scope is None else scope.what

    @override
    def broadcast(self, event: EventRef[Any, Any, ...], payload: tuple[Any, ...]) -> None:
        spec = self.definition.event(event)
        message = messages.Event(spec.name, spec.unstructure_payload(*payload))
        frames: dict[Any, str | bytes] = {}
        drivers = [d for d in self.drivers.values() if d.session.is_subscribed(spec.name)]
        if spec.replay:
            self.broadcasts[spec.name].broadcast(message, drivers)
            return
        for driver in drivers:
            driver.send_event(message, frames)

    @property
    @override
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        return self._logger

    @property
    @override
    def schedules(self) -> Schedules:
        return self._schedules

    @property
    @override
    def client(self) -> Client:
        return self._client()

    @override
    async def save_state(self, *, immediate: bool) -> None:
        if immediate:
            await self.saver.commit(with_state=True)
        else:
            self.saver.note_change()

    @override
    def sleep(self) -> None:
        self._ask_stop(ActorInput.SLEEP)

    @override
    def destroy(self) -> None:
        self._ask_stop(ActorInput.DESTROY)

    @override
    async def keep_awake(self, aw: Awaitable[_R]) -> _R:
        return await self.background.keep_awake(aw)

    @override
    def wait_until(self, aw: Awaitable[object]) -> None:
        self.background.wait_until(aw)

    def _ask_stop(self, how: ActorInput) -> None:
        """Stop once the running call is over; at once if none is, or it is ``run``."""
        if self.stop_asked is not ActorInput.DESTROY:
            self.stop_asked = how
        scope = self._scope()
        if scope is not None and scope.active and not scope.is_background:
            scope.asks_stop = True
        else:
            asyncio.get_running_loop().call_soon(self.stop_if_asked)

    def _scope(self) -> Scope | None:
        """The running hook or action, if it is one of this instance."""
        scope = current_scope.get()
        return scope if scope is not None and scope.instance is self else None

    # -------------------------------------------------------------- for drivers

    def hook_timeout(self, hook: str) -> float | None:
        """Seconds that the options give a hook, or None where it has no bound of its own."""
        option = HOOKS[hook].timeout
        seconds: float | None = None if option is None else getattr(self.definition.options, option)
        return seconds

    def action_timeout(self, spec: ActionSpec) -> float:
        """Seconds that an action may take (C11)."""
        return spec.timeout or self.definition.options.action_timeout

    def action_error(self, spec: ActionSpec, error: BaseException) -> BaseException:
        """What an action's failure counts as: at its timeout ``action.timed_out`` (C11)."""
        if isinstance(error, CallExpired):
            return ActionTimedOut(
                f"action {spec.name!r} ran longer than {self.action_timeout(spec):g} s"
            )
        return error

    def hook_error(self, hook: str, error: BaseException) -> BaseException:
        """What a hook's failure counts as: at its timeout ``actor.callback_timed_out`` (C11)."""
        if isinstance(error, CallExpired):
            return CallbackTimedOut(f"hook {hook!r} ran longer than {self.hook_timeout(hook):g} s")
        return error

    @override
    def note_change(self) -> None:
        """An action or hook is over: what it changed is told of (A7), and saved before long (A4).

        Raises:
            StateMutationReentrant: ``on_state_change`` changed the state itself.
            Exception: the state cannot be encoded; only where ``on_state_change`` asks for it.
        """
        self.saver.note_change()
        if self.watch is not None:
            self.watch.check()

    def start_hook(
        self,
        hook: str,
        *args: Any,
        conn: Conn[Any, Any] | None = None,
        report: Callable[[object, BaseException | None], None],
    ) -> Call:
        """Run a hook that the class has, and that no connection's closing waits for (C6).

        Args:
            hook: Its name.
            args: Its arguments.
            conn: The connection that it serves.
            report: As of ``Call``; the error is what the hook's failure counts as (C11).
        """

        def ended(result: object, error: BaseException | None) -> None:
            report(result, None if error is None else self.hook_error(hook, error))

        run = invoke(self.definition.hooks[hook].function, self.actor, *args)
        scope = Scope(self, f"hook {hook!r}", conn=conn, depth=self._depth_of_hook(conn))
        return self.start_call(scope, run, self.hook_timeout(hook), ended)

    def _depth_of_hook(self, conn: Conn[Any, Any] | None) -> int:
        """As deep as who waits for it; nobody does for the hooks that a ready actor runs itself."""
        if conn is not None:
            return depth_of(conn.request.headers)
        return self._depth if self.lifecycle.phase is ActorPhase.LOADING else 0

    def add(self, driver: ConnectionDriver) -> None:
        """An attempt to connect begins."""
        self.drivers[driver.id] = driver
        self.idle.hold()
        self._quiet.clear()

    def forget(self, driver: ConnectionDriver) -> None:
        """A connection is gone."""
        del self.drivers[driver.id]
        self.idle.release()
        self._note_quiet()

    def start_task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something of the run time's own: neither waited for nor cancelled by itself."""
        return start_task(coroutine, context=self.new_context())

    def log_error(self, what: str, error: BaseException, connection_id: str | None = None) -> None:
        """Log in full what no client may see (C8, C12); what was cut off has been told of."""
        if isinstance(error, CallInterrupted):
            return
        where = "" if connection_id is None else f" of connection {connection_id}"
        self._logger.error("%s%s failed", what, where, exc_info=error)

    # -------------------------------------------------------------- for start and stop

    @property
    def is_ready(self) -> bool:
        """Whether it takes connections and calls."""
        return self.lifecycle.phase is ActorPhase.READY

    @override
    def stop_if_asked(self) -> None:
        """Begin the stop that the actor asked for, if it is ready for one."""
        if not self.is_ready or self.stop_asked is None:
            return
        if self.stop_asked is ActorInput.SLEEP and not self.saver.is_savable():
            self.stop_asked = None
        else:
            self._stop(self, self.stop_asked)

    def begin_stop(self, how: ActorInput) -> None:
        """Take in nothing more, of this very moment on; ``sleep`` or ``destroy`` does the rest.

        ``run`` and what the actor has in the background are told.
        """
        self.lifecycle.receive(how)
        self.idle.end()
        self.schedules.end()
        self.abort_event.set()

    def _fall_asleep(self) -> None:
        """It is idle; with a state that cannot be kept it stays, and a call may mend it (A4)."""
        if self.saver.is_savable():
            self._stop(self, ActorInput.SLEEP)
        else:
            self.idle.begin()

    def start_run(self) -> None:
        """Run ``run`` in the background, if the class has it."""
        spec = self.definition.hooks.get("run")
        if spec is None:
            return

        def report(_result: object, error: BaseException | None) -> None:
            if error is not None and not (
                isinstance(error, asyncio.CancelledError) and self.abort_event.is_set()
            ):
                self.log_error("hook 'run'", error)

        scope = Scope(self, "hook 'run'", is_background=True)
        self.start_call(scope, invoke(spec.function, self.actor), None, report)

    async def run_hook(self, hook: str, *args: Any) -> Any:
        """Run one of the actor's own hooks, which the class has; what it returns.

        Args:
            hook: Its name.
            args: Its arguments.

        Raises:
            CallbackTimedOut: it ran longer.
            Exception: what the hook raised.
        """
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def report(result: object, error: BaseException | None) -> None:
            if done.done():  # whoever waited has been cancelled
                return
            if error is None:
                done.set_result(result)
            elif isinstance(error, asyncio.CancelledError):
                # As it is it would cancel the start, and all who wait for it.
                cancelled = RuntimeError(f"hook {hook!r} raised CancelledError")
                cancelled.__cause__ = error
                done.set_exception(cancelled)
            else:
                done.set_exception(error)

        self.start_hook(hook, *args, report=report)
        return await done

    async def wait_quiet(self) -> None:
        """Return once no connection is left and no user code runs."""
        while self.is_running_code or self.drivers:
            await self._quiet.wait()

    def abort_connections(self) -> None:
        """Drop the transports of those that did not close even so."""
        for driver in list(self.drivers.values()):
            driver.abort()

    @override
    def _note_quiet(self) -> None:
        if not self.is_running_code and not self.drivers:
            self._quiet.set()
