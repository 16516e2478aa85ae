"""What a server session gives out: events for its driver, and the close frame.

Values only. Events are what the driver must do or note, in order; frames go to the client.
"""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from ..wire.messages import ActionRequest, Position
from ._transitions import EndCause, Hook


@frozen
class End:
    """That a connection ends, and how its client hears of it.

    Attributes:
        cause: Who or what ended it.
        code: The close code (RFC 6455 7.4), sent unless the client itself has gone.
        reason: The close reason: ``group.code``, or the reason given to ``disconnect`` (C9).
    """

    cause: EndCause
    code: int
    reason: str


@frozen
class Close:
    """A close frame to send. ``reason`` may be too long for one: the channel cuts it."""

    code: int
    reason: str


@frozen
class RunHook:
    """Run this hook, and report with ``receive_hook_returned`` or ``receive_hook_failed``."""

    hook: Hook


@frozen
class Joined:
    """The connection is in ``conns`` from now on (C3)."""


@frozen
class RunAction:
    """Start this action; actions start in the order of these events (C6)."""

    request: ActionRequest


@frozen
class CheckSubscription:
    """Ask ``can_subscribe`` about this event, and report ``receive_subscription_checked`` (C5)."""

    event_name: str


@frozen
class SubscriptionChanged:
    """The client subscribed to an event, or no longer is.

    Attributes:
        event_name: The event.
        subscribed: Whether it is subscribed now.
        request_id: Of a `SubscribeRequest`, which is to be answered (C13); else None.
        after: The last broadcast that the client knows of, if it does.
    """

    event_name: str
    subscribed: bool
    request_id: int | None = None
    after: Position | None = None


@frozen
class Left:
    """The connection is out of ``conns`` and of every subscription (C3)."""


@frozen
class RunDeferred:
    """Run what was deferred, last in, first out, and report ``receive_deferred_finished`` (C10)."""


@frozen
class Closed:
    """All of it is done and the transport is closed. The last event."""


SessionEvent: TypeAlias = (
    RunHook
    | Joined
    | RunAction
    | CheckSubscription
    | SubscriptionChanged
    | Left
    | RunDeferred
    | Closed
)
