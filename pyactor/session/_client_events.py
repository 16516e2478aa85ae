"""What a client's session tells its owner, in the order in which it happened."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from ..wire.messages import Error, Plain
from ._client_transitions import Status


@frozen
class StatusChanged:
    """The life has another status; told before what else the step gives out."""

    status: Status


@frozen
class AttemptBegan:
    """A channel to the host is wanted."""


@frozen
class AttemptFailed:
    """An attempt did not open; another follows. ``error`` is None if the owner knows why."""

    error: Error | None


@frozen
class RetryWanted:
    """Nothing is connected: its owner waits, then calls ``retry()``."""


@frozen
class Opened:
    """The host sent ``Init``: subscriptions and calls are on their way."""

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
class CallRefused:
    """A call cannot wait for the next connection: as many as may wait already do."""

    id: int


@frozen
class EventArrived:
    """An event came; before ``Opened`` too, if ``on_connect`` sent it (C13)."""

    name: str
    args: list[Plain]


@frozen
class SubscriptionAcknowledged:
    """The host has subscribed the client to an event; what it then broadcasts arrives."""

    name: str


@frozen
class SubscriptionRefused:
    """The host has not subscribed the client to an event, which ends nothing."""

    name: str
    error: Error


@frozen
class Missed:
    """Broadcasts of an event will never come: as many, or None if nobody knows.

    Told in order: after what came before them, before what comes after them.
    """

    name: str
    count: int | None


@frozen
class ErrorArrived:
    """An error of the connection that does not end it, as of a refused subscription."""

    error: Error


@frozen
class Closed:
    """A connection that was open is over; there is one for each ``Opened``.

    Attributes:
        code: The host's close code; 1006 if the transport was lost without one (RFC 6455 7.4.1).
        reason: The host's reason, or "".
    """

    code: int
    reason: str


@frozen
class ConnectionFailed:
    """No attempt follows: the host rejected this one. ``error`` is None if the owner knows why."""

    error: Error | None


@frozen
class Ended:
    """The life is over, and how its last connection or attempt was closed."""

    code: int
    reason: str


ClientEvent: TypeAlias = (
    StatusChanged
    | AttemptBegan
    | AttemptFailed
    | RetryWanted
    | Opened
    | Responded
    | Failed
    | CallLost
    | CallRefused
    | EventArrived
    | SubscriptionAcknowledged
    | SubscriptionRefused
    | Missed
    | ErrorArrived
    | Closed
    | ConnectionFailed
    | Ended
)
