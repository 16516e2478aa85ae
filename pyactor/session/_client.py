"""A client's connection, over every drop, without I/O: carries out ``_client_transitions.py``.

It owns the phase, the calls, and the subscriptions, which outlive a single connection. It must
not wait, read a clock, or know bytes and user types. Its owner feeds it, and after each input
drains ``messages_to_send()``, then ``events_received()``. It feeds only what comes from the
channel of the attempt that began last.

``Ended`` comes exactly once, last but for calls that come too late. Of what a host sends out of
order - an answer to no call, a second ``Init``, an answer before ``Init`` - nothing is heard: it
is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias

from ..wire.messages import (
    ActionRequest,
    ActionResponse,
    Error,
    ExtendedInit,
    Init,
    NumberedEvent,
    Plain,
    Subscribed,
    SubscriptionRequest,
    ToClient,
    ToServer,
)
from ._client_events import (
    AttemptBegan,
    AttemptFailed,
    CallLost,
    CallRefused,
    ClientEvent,
    Closed,
    ConnectionFailed,
    Ended,
    ErrorArrived,
    EventArrived,
    Failed,
    Missed,
    Opened,
    Responded,
    RetryWanted,
    StatusChanged,
    SubscriptionAcknowledged,
    SubscriptionRefused,
)
from ._client_transitions import (
    ClientEmit,
    ClientInput,
    ClientPhase,
    ClientRow,
    ClientTake,
    Status,
    client_row,
    is_final,
)
from ._events import Close
from ._subscriptions import Subscriptions, SubscriptionState

__all__ = [
    "AttemptBegan",
    "AttemptFailed",
    "CallLost",
    "CallRefused",
    "ClientEvent",
    "ClientPhase",
    "ClientSession",
    "Close",
    "Closed",
    "ConnectionFailed",
    "Ended",
    "ErrorArrived",
    "EventArrived",
    "Failed",
    "FrameToServer",
    "Missed",
    "Opened",
    "Responded",
    "RetryWanted",
    "Status",
    "StatusChanged",
    "SubscriptionAcknowledged",
    "SubscriptionRefused",
    "SubscriptionState",
]

FrameToServer: TypeAlias = ToServer | Close

_DISMISSAL: Final = 1000
_LOST: Final = Closed(1006, "")
_CLOSED_BY_US: Final = Close(1000, "")
_ERROR_NAME: Final = re.compile(r"([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)")


class ClientSession:
    """The client's side, from the first attempt to the end for good.

    An input that the table does not allow raises ``IllegalInput`` and changes nothing.
    """

    __slots__ = (
        "_calls",
        "_events",
        "_extension",
        "_frames",
        "_max_waiting",
        "_next_id",
        "_phase",
        "_queued",
        "_returns",
        "_subscriptions",
    )

    def __init__(self, *, max_waiting: int, returns: bool = False) -> None:
        """Begin IDLE.

        Args:
            max_waiting: Calls that may wait for a connection.
            returns: Whether it comes back after a close 1000 too, as official clients do.
        """
        self._phase = ClientPhase.IDLE
        self._max_waiting = max_waiting
        self._returns = returns
        self._next_id = 1
        # Dicts for their order: what was asked for first is sent, or lost, first.
        self._queued: dict[int, ActionRequest] = {}
        self._calls: dict[int, None] = {}
        self._subscriptions = Subscriptions()
        self._extension = 0
        self._frames: list[FrameToServer] = []
        self._events: list[ClientEvent] = []

    @property
    def phase(self) -> ClientPhase:
        """Where the connection stands."""
        return self._phase

    @property
    def subscriptions(self) -> AbstractSet[str]:
        """The names of the events that the client wants: a live view."""
        return self._subscriptions.names

    @property
    def extension(self) -> int:
        """The version of the extension that the host of the latest ``Init`` speaks; 0 for none."""
        return self._extension

    def subscription(self, event_name: str) -> tuple[SubscriptionState, Error | None]:
        """How it stands with a subscription, and why the host has refused it."""
        return self._subscriptions.state(event_name)

    # ------------------------------------------------------------------ in, from the user

    def connect(self) -> None:
        """Begin the first attempt.

        Raises:
            IllegalInput: It has begun before.
        """
        self._enter(client_row(self._phase, ClientInput.CONNECT))

    def retry(self) -> None:
        """Begin the next attempt.

        Raises:
            IllegalInput: None was wanted.
        """
        self._enter(client_row(self._phase, ClientInput.RETRY))

    def call(self, name: str, args: list[Plain]) -> int:
        """Call an action; kept until ``Init``, lost at once when the end has begun.

        Returns:
            The call's id, which ``Responded``, ``Failed``, ``CallLost`` or ``CallRefused`` will
            carry.
        """
        row = client_row(self._phase, ClientInput.CALL)
        request = ActionRequest(self._next_id, name, args)
        self._next_id += 1
        if row.take is ClientTake.REFUSE:
            self._events.append(CallLost(request.id, sent=False))
        elif row.take is ClientTake.SEND:
            self._send_call(request)
        elif len(self._queued) < self._max_waiting:
            self._queued[request.id] = request
        else:
            self._events.append(CallRefused(request.id))
        return request.id

    def is_waiting(self, call_id: int) -> bool:
        """Whether a call waits for a connection: it was not sent."""
        return call_id in self._queued

    def forget(self, call_id: int) -> None:
        """Nobody waits for this call: it is not sent if it was not yet, and its answer ignored."""
        self._queued.pop(call_id, None)
        self._calls.pop(call_id, None)

    def subscribe(self, event_name: str, *, is_replayed: bool = False) -> None:
        """Ask for an event; sent with each ``Init``, before any call that was kept.

        Args:
            event_name: Its name.
            is_replayed: Whether the client wants to be told of what it misses, by a host that
                replays nothing too.
        """
        if self._subscriptions.add(event_name, is_replayed=is_replayed) and self._may_send():
            self._request(event_name)

    def unsubscribe(self, event_name: str) -> None:
        """Ask for an event no longer."""
        if self._subscriptions.remove(event_name) and self._may_send():
            self._frames.append(SubscriptionRequest(event_name, False))

    def close(self) -> None:
        """End it for good; calls without an answer are lost. Repeated calls do nothing."""
        ended = Ended(_CLOSED_BY_US.code, _CLOSED_BY_US.reason)
        self._enter(client_row(self._phase, ClientInput.CLOSE), {ClientEmit.ENDED: ended})

    # ------------------------------------------------------------------ in, from the host

    def receive_message(self, message: ToClient) -> None:
        """The host sent a message.

        Raises:
            IllegalInput: No connection or attempt is there.
        """
        match message:
            case Init() | ExtendedInit():
                self._receive_init(message)
            case ActionResponse():
                row = client_row(self._phase, ClientInput.RESPONSE)
                self._answer(row, Responded(message.id, message.output))
            case Error(action_id=int(action_id)):
                row = client_row(self._phase, ClientInput.CALL_ERROR)
                if row.take is ClientTake.ANSWER:
                    self._events += self._subscriptions.refuse(message)
                self._answer(row, Failed(action_id, message))
            case Subscribed():
                row = client_row(self._phase, ClientInput.SUBSCRIBED)
                if row.take is ClientTake.ANSWER:
                    self._events += self._subscriptions.acknowledge(message)
            case Error():
                self._receive_error(message)
            case _:
                row = client_row(self._phase, ClientInput.EVENT)
                if row.take is not ClientTake.DELIVER:
                    return
                if isinstance(message, NumberedEvent):
                    self._events += self._subscriptions.receive(message)
                else:
                    self._events.append(EventArrived(message.name, message.args))

    def receive_close(self, code: int, reason: str) -> None:
        """The host closed the connection, or answered our close.

        Raises:
            IllegalInput: No connection or attempt is there.
        """
        error = _close_error(Closed(code, reason))
        was_dismissed = code == _DISMISSAL and not self._returns
        # Once it was open, the reason says how this connection ended, and nothing of the next.
        was_refused = self._phase is ClientPhase.CONNECTING and is_final(error.group, error.code)
        given = ClientInput.DISMISSED if was_dismissed or was_refused else ClientInput.HOST_CLOSED
        self._over(given, Closed(code, reason), error)

    def receive_lost(self) -> None:
        """The transport is gone, with no close of the host before.

        Raises:
            IllegalInput: No connection or attempt is there.
        """
        self._over(ClientInput.LOST, _LOST, _close_error(_LOST))

    def receive_failure(self, *, final: bool) -> None:
        """The attempt failed on its way to the host, for a reason that the owner knows.

        Raises:
            IllegalInput: No attempt is there.
        """
        self._over(ClientInput.DISMISSED if final else ClientInput.LOST, _LOST, None)

    # ------------------------------------------------------------------ out

    def messages_to_send(self) -> list[FrameToServer]:
        """Take what goes to the host, in order. Drain it before the events."""
        frames, self._frames = self._frames, []
        return frames

    def events_received(self) -> list[ClientEvent]:
        """Take what the owner of the connection must know, in order."""
        events, self._events = self._events, []
        return events

    # ------------------------------------------------------------------ how

    def _enter(self, row: ClientRow, notes: Mapping[ClientEmit, ClientEvent] | None = None) -> None:
        """Take the step of ``row``; ``notes`` has the events that its ``emit`` stands for."""
        before, self._phase = self._phase, row.to
        if before.status != row.to.status:
            self._events.append(StatusChanged(row.to.status))
        for emit in row.emit:
            match emit:
                case ClientEmit.ATTEMPT:
                    self._events.append(AttemptBegan())
                case ClientEmit.WAIT:
                    self._events.append(RetryWanted())
                case ClientEmit.SUBSCRIPTIONS:
                    for name in self._subscriptions.names:
                        self._request(name)
                case ClientEmit.QUEUED:
                    queued, self._queued = self._queued, {}
                    for request in queued.values():
                        self._send_call(request)
                case ClientEmit.LOSE_SENT:
                    self._lose_sent()
                case ClientEmit.LOSE_CALLS:
                    self._lose_sent()
                    self._events += [CallLost(call, sent=False) for call in self._queued]
                    self._queued = {}
                case ClientEmit.CLOSE:
                    self._frames.append(_CLOSED_BY_US)
                case _:
                    assert notes is not None
                    self._events.append(notes[emit])

    def _receive_error(self, error: Error) -> None:
        for_good = is_final(error.group, error.code)
        row = client_row(self._phase, ClientInput.FINAL_ERROR if for_good else ClientInput.ERROR)
        if row.take is ClientTake.REPORT:
            self._events.append(ErrorArrived(error))
        self._enter(
            row,
            {
                ClientEmit.FAILED: AttemptFailed(error),
                ClientEmit.REJECTED: ConnectionFailed(error),
            },
        )

    def _over(self, given: ClientInput, closed: Closed, error: Error | None) -> None:
        notes: dict[ClientEmit, ClientEvent] = {
            ClientEmit.FAILED: AttemptFailed(error),
            ClientEmit.REJECTED: ConnectionFailed(error),
            ClientEmit.CLOSED: closed,
            ClientEmit.ENDED: Ended(closed.code, closed.reason),
        }
        self._enter(client_row(self._phase, given), notes)

    def _send_call(self, request: ActionRequest) -> None:
        self._calls[request.id] = None
        self._frames.append(request)

    def _receive_init(self, message: Init | ExtendedInit) -> None:
        row = client_row(self._phase, ClientInput.INIT)
        if ClientEmit.OPENED in row.emit:
            self._extension = message.extension if isinstance(message, ExtendedInit) else 0
        opened = Opened(message.actor_id, message.connection_id)
        self._enter(row, {ClientEmit.OPENED: opened})

    def _may_send(self) -> bool:
        return client_row(self._phase, ClientInput.SUBSCRIPTION).take is ClientTake.SEND

    def _request(self, event_name: str) -> None:
        if self._extension:
            self._frames.append(self._subscriptions.request(event_name, self._next_id))
            self._next_id += 1
        else:
            request, lost = self._subscriptions.request_plainly(event_name)
            self._frames.append(request)
            self._events += lost

    def _answer(self, row: ClientRow, event: Responded | Failed) -> None:
        if row.take is ClientTake.ANSWER and event.id in self._calls:
            del self._calls[event.id]
            self._events.append(event)

    def _lose_sent(self) -> None:
        self._subscriptions.lose()
        self._events += [CallLost(call, sent=True) for call in self._calls]
        self._calls = {}


def _close_error(closed: Closed) -> Error:
    """Why a connection never opened, from how it was closed without an ``Error`` frame."""
    name = _ERROR_NAME.fullmatch(closed.reason)
    if name is not None:
        message = f"The host closed the connection before it opened: {closed.reason}"
        return Error(name[1], name[2], message)
    how = "was lost" if closed is _LOST else f"was closed ({closed.code} {closed.reason!r})"
    return Error("client", "connection_lost", f"The connection {how} before it opened")
