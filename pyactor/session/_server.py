"""One connection as the host sees it, without I/O: carries out the table of ``_transitions.py``.

It owns the phase, the held messages, the subscriptions and the remembered end of one connection.
It must not wait, read a clock, or know bytes and user types: a driver feeds it with ``receive_*``
and ``send_*``, and after each of these drains ``messages_to_send()``, then ``events_received()``.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TypeAlias

from attrs import evolve

from ..errors import IllegalInput
from ..wire.messages import (
    ActionRequest,
    ActionResponse,
    ActorIdentity,
    Error,
    Event,
    ExtendedInit,
    Init,
    NumberedEvent,
    Plain,
    Position,
    Subscribed,
    SubscribeRequest,
    SubscriptionRequest,
    ToClient,
    ToServer,
)
from ._events import (
    CheckSubscription,
    Close,
    Closed,
    End,
    Joined,
    Left,
    RunAction,
    RunDeferred,
    RunHook,
    SessionEvent,
    SubscriptionChanged,
)
from ._transitions import (
    ENDED_BY_CLIENT,
    FAILED,
    MESSAGE_GUARDS,
    RETURNED,
    TABLE,
    Emit,
    EndCause,
    Guard,
    Hook,
    Input,
    Phase,
    Row,
    Stage,
    Take,
    illegal,
)

FrameToClient: TypeAlias = ToClient | Close

# RFC 6455 7.4.1: "no status code was received" and "closed abnormally"; never sent.
_DROPPED = End(EndCause.DROPPED, 1006, "")
_TOO_MUCH_HELD = End(EndCause.BACKLOG, 1011, "message.incoming_backlog")

_NOTES: dict[Emit, SessionEvent] = {
    Emit.JOINED: Joined(),
    Emit.LEFT: Left(),
    Emit.CLOSED: Closed(),
}
_WORK: dict[Stage, SessionEvent] = {
    **{stage: RunHook(stage.hook) for stage in Stage if stage.hook is not None},
    Stage.CLOSING_DEFERRED: RunDeferred(),
    Stage.REJECTED_DEFERRED: RunDeferred(),
}


class ServerSession:
    """The rules of one connection (C1-C7, C13, C16), from the first hook to the closed transport.

    An input that the table does not allow raises ``IllegalInput`` and changes nothing. It starts in
    PREFLIGHT, with ``RunHook(ON_BEFORE_CONNECT)`` as its first event.
    """

    __slots__ = (
        "_actor",
        "_asked",
        "_checks_subscriptions",
        "_connection_id",
        "_end",
        "_events",
        "_extension",
        "_frames",
        "_held",
        "_held_size",
        "_max_held_messages",
        "_max_held_size",
        "_numbered",
        "_stage",
        "_subscriptions",
        "_transport_open",
    )

    def __init__(
        self,
        *,
        actor: ActorIdentity,
        connection_id: str,
        max_held_messages: int,
        max_held_size: int,
        checks_subscriptions: bool,
        extension: int = 0,
    ) -> None:
        """Begin a connection whose transport is open and whose params fit.

        Args:
            actor: Whose connection it is; ``Init`` and a rejection's ``Error`` name it.
            connection_id: Unique among the actor's connections.
            max_held_messages: How many messages may wait for ``on_connect``, or for the verdict
                on a subscription (C16).
            max_held_size: How large they may be together, in the unit of ``receive_message``.
            checks_subscriptions: Whether a new subscription is asked about before it takes
                effect.
            extension: The version of the extension that the client asked for; 0 for none.
        """
        self._actor = actor
        self._connection_id = connection_id
        self._max_held_messages = max_held_messages
        self._max_held_size = max_held_size
        self._checks_subscriptions = checks_subscriptions
        self._stage = Stage.BEFORE_CONNECT
        self._end: End | None = None
        self._transport_open = True
        self._held: list[tuple[ToServer, int]] = []
        self._held_size = 0
        self._extension = extension
        self._asked: SubscriptionRequest | SubscribeRequest | None = None
        self._subscriptions: set[str] = set()
        self._numbered: set[str] = set()
        self._frames: list[FrameToClient] = []
        self._events: list[SessionEvent] = [_WORK[self._stage]]

    # ------------------------------------------------------------------ what it is

    @property
    def phase(self) -> Phase:
        """Where the connection stands."""
        return self._stage.phase

    @property
    def running(self) -> Hook | None:
        """The hook that runs, or None."""
        return self._stage.hook

    @property
    def end(self) -> End | None:
        """What ended it: the first cause (C7). None if it lives, or if a hook rejected it."""
        return self._end

    @property
    def in_conns(self) -> bool:
        """Whether ``actor.conns`` has it (C3)."""
        return self._stage.in_conns

    @property
    def subscriptions(self) -> AbstractSet[str]:
        """The names of the events it is subscribed to: a live view, empty once it has left."""
        return self._subscriptions

    def is_subscribed(self, event_name: str) -> bool:
        """Whether a broadcast of this event reaches it (C13)."""
        return event_name in self._subscriptions

    def is_numbered(self, event_name: str) -> bool:
        """Whether its subscription to this event was made by a `SubscribeRequest` (C13)."""
        return event_name in self._numbered

    # ------------------------------------------------------------------ in

    def receive_hook_returned(self, hook: Hook) -> None:
        """The running hook returned.

        Raises:
            IllegalInput: Another hook runs, or none (C1).
        """
        self._enter(self._row(RETURNED[hook]))

    def receive_hook_failed(self, hook: Hook, error: Error) -> None:
        """The running hook raised or timed out. For ``on_disconnect`` the same as returned (C12).

        Args:
            hook: The running hook.
            error: What the client may read of it (C8); the session adds the actor's identity.

        Raises:
            IllegalInput: Another hook runs, or none (C1).
        """
        rejected = (
            Error(error.group, error.code, error.message, error.metadata, None, self._actor),
            Close(1011, f"{error.group}.{error.code}"),
        )
        self._enter(self._row(FAILED[hook]), rejected)

    def receive_message(self, message: ToServer, size: int) -> None:
        """The client sent a message: held while it connects or is checked, else dispatched (C5).

        Args:
            message: What the client sent.
            size: What it weighs while held: bytes on the wire.
        """
        row = self._row(Input.MESSAGE, message)
        if row.take is Take.DISPATCH:
            self._dispatch(message)
        elif row.take is Take.HOLD:
            self._hold(message, size)
        elif row.take is Take.ASK:
            self._ask(message)
            self._enter(row)

    def receive_subscription_checked(self, event_name: str, error: Error | None) -> None:
        """``can_subscribe`` has decided; the connection goes on either way (C5).

        Args:
            event_name: The event that was asked about.
            error: Why not, for the client (C8); None if it may.

        Raises:
            IllegalInput: Nothing was asked, or about another event. Once the connection has left
                ``conns`` a verdict is dropped instead.
        """
        row = self._row(Input.SUBSCRIPTION_CHECKED)
        if row.take is Take.IGNORE:
            return
        asked = self._asked
        assert asked is not None  # in CHECK
        if event_name != asked.event_name:
            raise IllegalInput(
                f"connection {self._connection_id}: a verdict on {event_name!r} is illegal, "
                f"{asked.event_name!r} was asked about (C5)"
            )
        if error is None:
            self._change_subscription(asked)
        else:
            self.send_error(_request_id(asked), error)
        self._enter(row)

    def receive_end(self, end: End) -> None:
        """Somebody ends the connection. The first end wins; later ones are ignored (C7, C9)."""
        row = self._row(Input.END)
        if row.take is Take.REMEMBER:
            self._remember(end)
        self._enter(row)

    def receive_deferred_finished(self) -> None:
        """The deferred callbacks have run (C10).

        Raises:
            IllegalInput: They were not running.
        """
        self._enter(self._row(Input.DEFERRED_FINISHED))

    def receive_transport_closed(self) -> None:
        """The transport is gone. An end by itself, DROPPED, if there was none (C7).

        Raises:
            IllegalInput: It was gone already.
        """
        row = self._row(Input.TRANSPORT_CLOSED)
        self._transport_open = False
        self._frames.clear()
        if row.take is Take.REMEMBER:
            self._remember(_DROPPED)
        self._enter(row)

    # ------------------------------------------------------------------ out, asked for by the actor

    def send_event(self, event: Event | NumberedEvent) -> None:
        """Send an event, before ``Init`` too; dropped outside ``conns`` (C13)."""
        if self._stage.in_conns:
            self._send(event)

    def send_response(self, action_id: int, output: Plain) -> None:
        """Answer an action; dropped once the connection has left ``conns`` (C6)."""
        if self._stage.phase is Phase.OPEN:
            self._send(ActionResponse(action_id, output))

    def send_error(self, action_id: int | None, error: Error) -> None:
        """Answer an action with an error, or tell of one that ends nothing (no id).

        Dropped once the connection has left ``conns`` (C6), and before ``Init``, where an error
        without an id would mean a rejection to the client.
        """
        if self._stage.phase is Phase.OPEN:
            self._send(evolve(error, action_id=action_id))

    def refuse_subscription(
        self, event_name: str, error: Error, request_id: int | None = None
    ) -> None:
        """Undo a subscription to what is no event of the actor, and tell the client why.

        The connection goes on: a session does not know which events there are, so the driver
        refuses upon ``SubscriptionChanged``.
        """
        self._forget_subscription(event_name)
        self.send_error(request_id, error)

    def send_subscribed(self, request_id: int, position: Position | None) -> None:
        """Answer a `SubscribeRequest`; dropped once the connection has left ``conns`` (C13)."""
        if self._stage.phase is Phase.OPEN:
            self._send(Subscribed(request_id, position))

    # ------------------------------------------------------------------ out

    def messages_to_send(self) -> list[FrameToClient]:
        """Take what goes to the client, in order. Drain it before the events."""
        frames, self._frames = self._frames, []
        return frames

    def events_received(self) -> list[SessionEvent]:
        """Take what the driver must do or note, in order."""
        events, self._events = self._events, []
        return events

    # ------------------------------------------------------------------ how

    def _row(self, given: Input, message: ToServer | None = None) -> Row:
        """The row for this input here and now; raises IllegalInput if there is none."""
        for row in TABLE[self._stage].get(given, ()):
            if self._holds(row.when, message):
                return row
        legal = [
            each
            for each, rows in TABLE[self._stage].items()
            if any(self._holds(row.when, None) for row in rows)
        ]
        raise illegal(self._connection_id, self._stage, given, legal)

    def _holds(self, guard: Guard, message: ToServer | None) -> bool:
        if guard is Guard.ALWAYS:
            return True
        if guard in MESSAGE_GUARDS:
            return self._is_checked(message) is (guard is Guard.CHECKED)
        if guard is Guard.LIVE:
            return self._end is None
        if guard is Guard.ENDED:
            return self._end is not None
        return self._transport_open is (guard is Guard.ATTACHED)

    def _is_checked(self, message: ToServer | None) -> bool:
        """Whether a message is what ``can_subscribe`` decides about."""
        return (
            self._checks_subscriptions
            and isinstance(message, (SubscriptionRequest, SubscribeRequest))
            and message.subscribe
            and message.event_name not in self._subscriptions
        )

    def _enter(self, row: Row, rejected: tuple[FrameToClient, ...] = ()) -> None:
        """Take the step of ``row``: its outputs, then the work of the new stage.

        Args:
            row: The step.
            rejected: The frames that ``Emit.ERROR`` stands for.
        """
        before, self._stage = self._stage, row.to
        for emit in row.emit:
            self._emit(emit, rejected)
        if row.to is not before and row.to in _WORK:
            self._events.append(_WORK[row.to])

    def _emit(self, emit: Emit, rejected: tuple[FrameToClient, ...]) -> None:
        match emit:
            case Emit.INIT:
                self._send(self._init())
            case Emit.HELD:
                self._release()
            case Emit.CLOSE:
                if self._end is not None and self._end.cause not in ENDED_BY_CLIENT:
                    self._send(Close(self._end.code, self._end.reason))
            case Emit.ERROR:
                self._held = []
                for frame in rejected:
                    self._send(frame)
            case Emit.LEFT:
                self._subscriptions.clear()
                self._numbered.clear()
                self._events.append(_NOTES[emit])
            case _:
                self._events.append(_NOTES[emit])

    def _send(self, frame: FrameToClient) -> None:
        if self._transport_open:
            self._frames.append(frame)

    def _remember(self, end: End) -> None:
        if self._end is None:
            self._end = end
            self._held = []

    def _release(self) -> None:
        """Dispatch what was held, up to the next subscription that must be asked about."""
        while self._held and self._stage is Stage.OPEN:
            message, size = self._held.pop(0)
            self._held_size -= size
            self.receive_message(message, size)

    def _hold(self, message: ToServer, size: int) -> None:
        self._held.append((message, size))
        self._held_size += size
        if len(self._held) > self._max_held_messages or self._held_size > self._max_held_size:
            self.receive_end(_TOO_MUCH_HELD)

    def _dispatch(self, message: ToServer) -> None:
        if isinstance(message, ActionRequest):
            self._events.append(RunAction(message))
        elif isinstance(message, SubscribeRequest) or message.subscribe is not (
            message.event_name in self._subscriptions
        ):
            # Whoever asks to be told is told, though nothing may change by it.
            self._change_subscription(message)

    def _ask(self, message: ToServer) -> None:
        assert not isinstance(message, ActionRequest)  # the guard has seen to that
        self._asked = message
        self._events.append(CheckSubscription(message.event_name))

    def _change_subscription(self, request: SubscriptionRequest | SubscribeRequest) -> None:
        name = request.event_name
        if isinstance(request, SubscribeRequest):
            self._subscriptions.add(name)
            self._numbered.add(name)
            self._events.append(SubscriptionChanged(name, True, request.id, request.after))
            return
        if request.subscribe:
            self._subscriptions.add(name)
        else:
            self._forget_subscription(name)
        self._events.append(SubscriptionChanged(name, request.subscribe))

    def _forget_subscription(self, name: str) -> None:
        self._subscriptions.discard(name)
        self._numbered.discard(name)

    def _init(self) -> Init | ExtendedInit:
        actor_id, connection_id = self._actor.actor_id, self._connection_id
        if self._extension:
            return ExtendedInit(actor_id, connection_id, self._extension)
        return Init(actor_id, connection_id)


def _request_id(request: SubscriptionRequest | SubscribeRequest) -> int | None:
    return request.id if isinstance(request, SubscribeRequest) else None
