"""The pump around one connection: session events become runs of user code and back (C1-C16).

Owns what happens between a session, which knows the rules and does no I/O, and an instance,
which has the user's actor. It must not decide *when* a thing may happen: the session does.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from ..definition import (
    ActionSpec,
    AnyEvent,
    Conn,
    ConnContext,
    Connecting,
    EventRef,
    Request,
)
from ..errors import (
    ActionNotFound,
    EventNotFound,
    IncomingBacklog,
)
from ..session import (
    CheckSubscription,
    Close,
    Closed,
    End,
    EndCause,
    FrameToClient,
    Hook,
    Joined,
    Left,
    RunAction,
    RunDeferred,
    RunHook,
    ServerSession,
    SubscriptionChanged,
)
from ..wire import messages
from ..wire.depth import depth_of
from ._action import act
from ._call import Call, invoke
from ._disconnect import Disconnection
from ._errors import error_to_send, is_public
from ._scope import Scope
from ._verdict import ask

if TYPE_CHECKING:
    from ._instance import Instance


class ConnectionDriver(ConnContext):
    """Drives one connection of one instance, whatever carries its messages."""

    def __init__(
        self, instance: Instance, params: Any, request: Request, extension: int = 0
    ) -> None:
        """Prepare an attempt to connect; ``open`` begins it.

        Args:
            instance: The live actor.
            params: The structured parameters.
            request: What the client asked with.
            extension: The version of the extension that it asked for; 0 for none.
        """
        self._instance = instance
        self._id = instance.clock.new_id()
        self._request = request
        self._params = params
        self._depth = depth_of(request.headers)
        options = instance.definition.options
        self.session = ServerSession(
            actor=instance.identity,
            connection_id=self._id,
            max_held_messages=options.max_held_messages,
            max_held_size=options.max_held_size,
            checks_subscriptions="can_subscribe" in instance.definition.hooks,
            extension=extension,
        )
        self.connecting: Connecting[Any] = Connecting(self, params)
        self.conn: Conn[Any, Any] | None = None
        self.hook_scopes: list[Scope] = []
        self._actions_in_flight = 0
        self._last_call: Call | None = None
        self._deferred: list[Callable[[], Awaitable[object] | object]] = []
        self._gone = asyncio.Event()
        self._pumping = False

    # -------------------------------------------------------------- for the instance

    def open(self) -> None:
        """Begin the attempt: the session asks for its first hook."""
        self._instance.add(self)
        self._pump()

    def end(self, end: End) -> None:
        """End the connection for ``end``'s cause; the first cause wins (C7)."""
        self.session.receive_end(end)
        self._pump()

    async def wait_gone(self) -> None:
        """Return once on_disconnect and the deferred callbacks ran and the transport closed."""
        await self._gone.wait()

    @abstractmethod
    def abort(self) -> None:
        """Drop the transport at once, without a closing handshake."""

    @abstractmethod
    def send_event(
        self, event: messages.Event | messages.NumberedEvent, frames: dict[Any, str | bytes]
    ) -> None:
        """Send an event, in the order of calls (C13).

        Args:
            event: What to send.
            frames: The encoded forms so far, shared by all receivers of one broadcast.
        """

    # -------------------------------------------------------------- ConnContext

    @property
    @override
    def id(self) -> str:
        return self._id

    @property
    @override
    def request(self) -> Request:
        return self._request

    @property
    @override
    def is_hibernatable(self) -> bool:
        return False

    @override
    def send(self, event: EventRef[Any, Any, ...], payload: tuple[Any, ...]) -> None:
        spec = self._instance.definition.event(event)
        message = messages.Event(spec.name, spec.unstructure_payload(*payload))
        self.send_event(message, {})

    @override
    def disconnect(self, reason: str | None = None) -> Awaitable[None]:
        self.end(End(EndCause.DISCONNECT, 1000, reason or ""))
        return Disconnection(self, self._gone)

    @override
    def defer(self, callback: Callable[[], Awaitable[object] | object]) -> None:
        self._deferred.append(callback)
        if self._gone.is_set():
            self._run_next_deferred()

    # -------------------------------------------------------------- the pump

    def _pump(self) -> None:
        """Carry out what the session asks for until it asks for nothing.

        User code never runs inside: hooks start in tasks, whose reports come back through here,
        and actions once all else is done.
        """
        if self._pumping:
            return
        actions: list[messages.ActionRequest] = []
        self._pumping = True
        try:
            while True:
                to_send = self.session.messages_to_send()
                events = self.session.events_received()
                if not to_send and not events:
                    break
                self._send_all(to_send)
                for event in events:
                    if isinstance(event, RunAction):
                        actions.append(event.request)
                    else:
                        self._carry_out(event)
        finally:
            self._pumping = False
        for request in actions:
            self._run_action(request)

    def _send_all(self, to_send: list[FrameToClient]) -> None:
        for message in to_send:
            if isinstance(message, Close):
                self._close(message)
            else:
                self._send(message)

    def _carry_out(self, event: object) -> None:
        match event:
            case RunHook(hook):
                self._run_hook(hook)
            case SubscriptionChanged():
                self._note_subscription(event)
            case CheckSubscription(name):
                self._check_subscription(name)
            case Joined():
                assert self.conn is not None  # made before the session was told of its state
                self._instance.conns_by_id[self._id] = self.conn
            case Left():
                self._instance.conns_by_id.pop(self._id, None)
            case RunDeferred():
                self._run_next_deferred()
            case Closed():
                self._gone.set()
                self._instance.forget(self)
            case _:  # pragma: no cover
                raise AssertionError(f"unknown session event {event!r}")

    @abstractmethod
    def _send(self, message: messages.ToClient) -> None:
        """Put one message of the session on its way."""

    @abstractmethod
    def _close(self, close: Close) -> None:
        """Begin to close the transport."""

    # -------------------------------------------------------------- hooks

    def _run_hook(self, hook: Hook) -> None:
        definition = self._instance.definition
        spec = definition.hooks.get(hook.value)
        if spec is None:
            try:
                made = definition.make_conn_state() if hook is Hook.CREATE_CONN_STATE else None
            except Exception as error:  # noqa: BLE001 - the user's class rejects as a hook does (C2)
                self._hook_ended(hook, None, error)
            else:
                self._hook_ended(hook, made, None)
            return
        preflight = self.conn is None
        scope = Scope(
            self._instance,
            f"hook {hook.value!r}",
            conn=self.conn,
            connecting=self.connecting if preflight else None,
            closes=self,
            depth=self._depth,
        )
        self._start(
            scope,
            spec.function,
            self._instance.actor,
            self._params if preflight else self.conn,
            timeout=self._instance.hook_timeout(hook.value),
            report=partial(self._hook_ended, hook),
        )

    def _hook_ended(self, hook: Hook, result: object, error: BaseException | None) -> None:
        if error is None and hook is Hook.CREATE_CONN_STATE:
            error = self._make_conn(result)
        if error is None:
            self.session.receive_hook_returned(hook)
        else:
            error = self._instance.hook_error(hook.value, error)
            if hook is Hook.ON_DISCONNECT or not is_public(error):
                self._instance.log_error(f"hook {hook.value!r}", error, self._id)
            self.session.receive_hook_failed(
                hook, error_to_send(error, actor=self._instance.identity)
            )
        self._pump()

    def _make_conn(self, state: object) -> BaseException | None:
        try:
            self._instance.definition.check_conn_state(state)
        except TypeError as error:
            return error
        self.conn = Conn(self, self._params, state)
        return None

    def _run_next_deferred(self) -> None:
        """Last in, first out (C10); each gets on_disconnect's timeout (C11)."""
        if self._deferred and self._instance.has_left:
            self._skip_deferred()
        if not self._deferred:
            if not self._gone.is_set():
                self.session.receive_deferred_finished()
                self._pump()
            return
        scope = Scope(
            self._instance, "a deferred callback", conn=self.conn, closes=self, depth=self._depth
        )
        self._start(
            scope,
            self._deferred.pop(),
            timeout=self._instance.definition.options.on_disconnect_timeout,
            report=self._deferred_ended,
        )

    def _skip_deferred(self) -> None:
        """Too late for these: no code of an actor begins once it has left memory (C10)."""
        skipped = [getattr(each, "__qualname__", repr(each)) for each in reversed(self._deferred)]
        self._deferred.clear()
        self._instance.log.error(
            "deferred callbacks of connection %s do not run, as the actor has left memory: %s",
            self._id,
            ", ".join(skipped),
        )

    def _deferred_ended(self, _result: object, error: BaseException | None) -> None:
        if error is not None:
            self._instance.log_error("a deferred callback", error, self._id)
        self._run_next_deferred()

    def _start(
        self,
        scope: Scope,
        function: Callable[..., Any],
        *args: Any,
        timeout: float | None,
        report: Callable[[object, BaseException | None], None],
    ) -> None:
        """Run one hook of this connection; its closing waits for it (C9)."""

        def ended(result: object, error: BaseException | None) -> None:
            self.hook_scopes.remove(scope)
            report(result, error)

        self.hook_scopes.append(scope)
        self._instance.start_call(scope, invoke(function, *args), timeout, ended)

    # -------------------------------------------------------------- actions and subscriptions

    def _run_action(self, request: messages.ActionRequest) -> None:
        instance = self._instance
        if not instance.is_ready:
            return  # it is stopping: no new calls, and this connection is about to be closed
        if not self.session.in_conns:
            return  # ended by what was sent or begun since the session asked for this (C5)
        spec = instance.definition.actions.get(request.name)
        if spec is None:
            known = ", ".join(instance.definition.actions) or "none"
            self._answer_error(
                request.id,
                ActionNotFound(
                    f"{instance.definition.name} has no action {request.name!r} (actions: {known})"
                ),
            )
            return
        if self._actions_in_flight >= instance.definition.options.max_in_flight_actions:
            self.end(End(EndCause.BACKLOG, 1011, IncomingBacklog().name))
            return
        self._actions_in_flight += 1
        timeout = instance.action_timeout(spec)
        scope = Scope(instance, spec.title, self.conn, self._depth)
        work = partial(act, instance.definition, instance.actor, spec, request.args)
        report = partial(self._action_ended, spec, request.id)
        if spec.is_async or self._has_calls_to_begin():
            self._last_call = instance.start_call(scope, invoke(work), timeout, report)
        else:
            instance.call_now(scope, work, timeout, report)

    def _has_calls_to_begin(self) -> bool:
        """Whether one stands in the way, in a task that has not had its first turn (C6)."""
        self._forget_begun()
        return self._last_call is not None

    def _forget_begun(self) -> None:
        """Let go of the last call once it stands in nobody's way, and of what it returned."""
        if self._last_call is not None and self._last_call.has_begun:
            self._last_call = None

    def _action_ended(
        self, spec: ActionSpec, action_id: int, result: object, error: BaseException | None
    ) -> None:
        instance = self._instance
        self._actions_in_flight -= 1
        self._forget_begun()
        if error is None:
            try:
                instance.saver.check_savable()
            except Exception as found:  # noqa: BLE001 - what is wrong with the state
                error = found
        if error is None:
            self._answer(action_id, result)
            return
        error = instance.action_error(spec, error)
        if not is_public(error):
            instance.log_error(spec.title, error, self._id)
        self._answer_error(action_id, error)

    def _answer(self, action_id: int, output: Any) -> None:
        self.session.send_response(action_id, output)
        self._pump()

    def _answer_error(self, action_id: int, error: BaseException) -> None:
        self.session.send_error(action_id, error_to_send(error, actor=self._instance.identity))
        self._pump()

    def _note_subscription(self, change: SubscriptionChanged) -> None:
        name, request_id = change.event_name, change.request_id
        if change.subscribed and name not in self._instance.definition.events:
            error = error_to_send(self._no_event(name), actor=self._instance.identity)
            self.session.refuse_subscription(name, error, request_id)
        elif request_id is not None:
            self._acknowledge(request_id, change)

    def _acknowledge(self, request_id: int, change: SubscriptionChanged) -> None:  # noqa: ARG002 - what is replayed depends on it
        """Answer a subscription, then send what it has missed, before anything else (C13)."""
        self.session.send_subscribed(request_id, None)

    def _check_subscription(self, name: str) -> None:
        """Ask ``can_subscribe``; no action of the client starts before it has answered (C5)."""
        instance = self._instance
        if not instance.is_ready or not self.session.in_conns:
            return  # as for actions: this connection is about to be closed, or has been
        event = instance.definition.events.get(name)
        if event is None:
            self._subscription_checked(name, self._no_event(name))
            return
        assert self.conn is not None  # in conns
        ask(
            instance,
            "can_subscribe",
            self.conn,
            AnyEvent(instance.definition.cls, event.attr),
            refusal=f"This client may not subscribe to event {name!r}",
            report=partial(self._subscription_checked, name),
        )

    def _subscription_checked(self, name: str, error: BaseException | None) -> None:
        refusal = None if error is None else error_to_send(error, actor=self._instance.identity)
        self.session.receive_subscription_checked(name, refusal)
        self._pump()

    def _no_event(self, name: str) -> EventNotFound:
        definition = self._instance.definition
        known = ", ".join(definition.events) or "none"
        return EventNotFound(f"{definition.name} has no event {name!r} (events: {known})")
