"""One connection as its client sees it, without I/O: carries out ``_client_transitions.py``.

It owns the phase, the unanswered calls and the subscriptions of one attempt to connect. It must
not wait, read a clock, or know bytes and user types. Its owner feeds it, and after each input
drains ``messages_to_send()``, then ``events_received()``.

Every connection gives out ``Opened`` or ``ConnectionFailed`` at most once, and ``Closed`` exactly
once, last but for calls that come too late. (``close()`` before ``Init`` gives out ``Closed``
alone.) Of what a host sends out of order - an answer to no call, a second ``Init``, an answer
before ``Init`` - nothing is heard: it is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from attrs import frozen

from ..wire.messages import (
    ActionRequest,
    ActionResponse,
    Error,
    Init,
    Plain,
    SubscriptionRequest,
    ToClient,
    ToServer,
)
from ._client_transitions import (
    ClientEmit,
    ClientInput,
    ClientPhase,
    ClientRow,
    ClientTake,
    client_row,
)
from ._events import Close

__all__ = [
    "CallLost",
    "ClientEvent",
    "ClientPhase",
    "ClientSession",
    "Close",
    "Closed",
    "ConnectionFailed",
    "ErrorArrived",
    "EventArrived",
    "Failed",
    "FrameToServer",
    "Opened",
    "Responded",
]

FrameToServer: TypeAlias = ToServer | Close


# ------------------------------------------------------------------ events


@frozen
class Opened:
    """The host sent ``Init``: calls and subscriptions are on their way."""

    actor_id: str
    connection_id: str


@frozen
class Responded:
    """A call was answered."""

    id: int
    output: Plain


@frozen
class Failed:
    """A call was answered with an error."""

    id: int
    error: Error


@frozen
class CallLost:
    """A call will not be answered.

    Attributes:
        id: The call.
        sent: Whether it was sent, and so may have run.
    """

    id: int
    sent: bool


@frozen
class EventArrived:
    """An event came; before ``Opened`` too, if ``on_connect`` sent it (C13)."""

    name: str
    args: list[Plain]


@frozen
class ErrorArrived:
    """An error of the connection that does not end it, as of a refused subscription."""

    error: Error


@frozen
class ConnectionFailed:
    """The connection never opened: a hook rejected it, the host closed it, or it was lost."""

    error: Error


@frozen
class Closed:
    """The connection is over.

    Attributes:
        code: The host's close code; 1006 if the transport was lost without one (RFC 6455 7.4.1).
        reason: The host's reason, or "".
    """

    code: int
    reason: str


ClientEvent: TypeAlias = (
    Opened | Responded | Failed | CallLost | EventArrived | ErrorArrived | ConnectionFailed | Closed
)

# ------------------------------------------------------------------ the session

_LOST = Closed(1006, "")
_CLOSED_BY_US = Close(1000, "")
_NO_NOTES: Mapping[ClientEmit, ClientEvent] = {}
_ERROR_NAME = re.compile(r"([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)")


class ClientSession:
    """The client's side of one connection, from the first byte sent to the lost transport.

    An input that the table does not allow raises ``IllegalInput`` and changes nothing.
    """

    __slots__ = ("_calls", "_events", "_frames", "_next_id", "_phase", "_queued", "_subscriptions")

    def __init__(self) -> None:
        """Begin a connection: it is CONNECTING."""
        self._phase = ClientPhase.CONNECTING
        self._next_id = 1
        self._queued: list[ActionRequest] = []
        # Dicts for their order: what was asked for first is sent, or lost, first.
        self._calls: dict[int, None] = {}
        self._subscriptions: dict[str, None] = {}
        self._frames: list[FrameToServer] = []
        self._events: list[ClientEvent] = []

    @property
    def phase(self) -> ClientPhase:
        """Where the connection stands."""
        return self._phase

    @property
    def subscriptions(self) -> AbstractSet[str]:
        """The names of the events that the client wants: a live view."""
        return self._subscriptions.keys()

    # ------------------------------------------------------------------ in, from the user

    def call(self, name: str, args: list[Plain]) -> int:
        """Call an action; kept until ``Init``, lost at once when the connection is closing.

        Returns:
            The call's id, which ``Responded``, ``Failed`` or ``CallLost`` will carry.
        """
        row = client_row(self._phase, ClientInput.CALL)
        request = ActionRequest(self._next_id, name, args)
        self._next_id += 1
        if row.take is ClientTake.REFUSE:
            self._events.append(CallLost(request.id, sent=False))
        elif row.take is ClientTake.QUEUE:
            self._queued.append(request)
        else:
            self._send_call(request)
        return request.id

    def subscribe(self, event_name: str) -> None:
        """Ask for an event; sent with ``Init``, before any call that was kept."""
        if event_name not in self._subscriptions:
            self._subscriptions[event_name] = None
            self._subscription_changed(event_name, subscribe=True)

    def unsubscribe(self, event_name: str) -> None:
        """Ask for an event no longer."""
        if event_name in self._subscriptions:
            del self._subscriptions[event_name]
            self._subscription_changed(event_name, subscribe=False)

    def close(self) -> None:
        """End the connection; calls without an answer are lost. Repeated calls do nothing."""
        self._enter(client_row(self._phase, ClientInput.CLOSE))

    # ------------------------------------------------------------------ in, from the host

    def receive_message(self, message: ToClient) -> None:
        """The host sent a message.

        Raises:
            IllegalInput: The connection is over.
        """
        match message:
            case Init():
                row = client_row(self._phase, ClientInput.INIT)
                opened = Opened(message.actor_id, message.connection_id)
                self._enter(row, {ClientEmit.OPENED: opened})
            case ActionResponse():
                row = client_row(self._phase, ClientInput.RESPONSE)
                self._answer(row, Responded(message.id, message.output))
            case Error(action_id=int(action_id)):
                row = client_row(self._phase, ClientInput.CALL_ERROR)
                self._answer(row, Failed(action_id, message))
            case Error():
                row = client_row(self._phase, ClientInput.ERROR)
                if row.take is ClientTake.REPORT:
                    self._events.append(ErrorArrived(message))
                self._enter(row, {ClientEmit.FAILED: ConnectionFailed(message)})
            case _:
                row = client_row(self._phase, ClientInput.EVENT)
                if row.take is ClientTake.DELIVER:
                    self._events.append(EventArrived(message.name, message.args))

    def receive_close(self, code: int, reason: str) -> None:
        """The host closed the connection, or answered our close.

        Raises:
            IllegalInput: The connection is over already.
        """
        self._over(ClientInput.HOST_CLOSED, Closed(code, reason))

    def receive_lost(self) -> None:
        """The transport is gone; ignored after the host's close."""
        self._over(ClientInput.LOST, _LOST)

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

    def _enter(self, row: ClientRow, notes: Mapping[ClientEmit, ClientEvent] = _NO_NOTES) -> None:
        """Take the step of ``row``; ``notes`` has the events that its ``emit`` stands for."""
        self._phase = row.to
        for emit in row.emit:
            match emit:
                case ClientEmit.SUBSCRIPTIONS:
                    self._frames += [SubscriptionRequest(n, True) for n in self._subscriptions]
                case ClientEmit.QUEUED:
                    queued, self._queued = self._queued, []
                    for request in queued:
                        self._send_call(request)
                case ClientEmit.LOSE_CALLS:
                    self._lose_calls()
                case ClientEmit.CLOSE:
                    self._frames.append(_CLOSED_BY_US)
                case _:
                    self._events.append(notes[emit])

    def _over(self, given: ClientInput, closed: Closed) -> None:
        notes: dict[ClientEmit, ClientEvent] = {
            ClientEmit.FAILED: ConnectionFailed(_close_error(closed)),
            ClientEmit.CLOSED: closed,
        }
        self._enter(client_row(self._phase, given), notes)

    def _send_call(self, request: ActionRequest) -> None:
        self._calls[request.id] = None
        self._frames.append(request)

    def _subscription_changed(self, event_name: str, *, subscribe: bool) -> None:
        if client_row(self._phase, ClientInput.SUBSCRIPTION).take is ClientTake.SEND:
            self._frames.append(SubscriptionRequest(event_name, subscribe))

    def _answer(self, row: ClientRow, event: Responded | Failed) -> None:
        if row.take is ClientTake.ANSWER and event.id in self._calls:
            del self._calls[event.id]
            self._events.append(event)

    def _lose_calls(self) -> None:
        self._events += [CallLost(call, sent=True) for call in self._calls]
        self._events += [CallLost(call.id, sent=False) for call in self._queued]


def _close_error(closed: Closed) -> Error:
    """Why a connection never opened, from how it was closed without an ``Error`` frame."""
    name = _ERROR_NAME.fullmatch(closed.reason)
    if name is not None:
        message = f"The host closed the connection before it opened: {closed.reason}"
        return Error(name[1], name[2], message)
    how = "was lost" if closed is _LOST else f"was closed ({closed.code} {closed.reason!r})"
    return Error("client", "connection_lost", f"The connection {how} before it opened")
