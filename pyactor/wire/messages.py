"""The messages of one connection, as plain values. No bytes, no user types, no I/O.

Source: wire-protocol.md, "Framing". What values a message can carry: ``pyactor.plain``. The
messages of the extension, which only those send who agreed on it in the handshake, are those of
docs/extension.md.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from attrs import frozen

from ..plain import Plain as Plain  # noqa: PLC0414 - a message is built of them


@frozen
class ActorIdentity:
    """Which actor an error speaks of.

    Attributes:
        key: The serialised key (parts joined with ``/``), or None.
    """

    actor_id: str
    generation: int
    key: str | None = None


# ------------------------------------------------------------------ host to client


@frozen
class Init:
    """The first message of a connection that is open."""

    actor_id: str
    connection_id: str


@frozen
class Error:
    """An error: of one action (``action_id``), or of the connection (``action_id`` is None)."""

    group: str
    code: str
    message: str
    metadata: Plain = None
    action_id: int | None = None
    actor: ActorIdentity | None = None


@frozen
class ActionResponse:
    """The result of the action that was requested under the same id."""

    id: int
    output: Plain


@frozen
class Event:
    """A broadcast or a direct send. ``args`` has one item, or none for ``Event[None]``."""

    name: str
    args: list[Plain]


# ------------------------------------------------------------------ the extension

EXTENSION: Final = 1
"""The version of the extension that this host and client speak."""
EXTENSION_SUBPROTOCOL: Final = f"pyactor_extension.{EXTENSION}"
"""The subprotocol by which a client asks for it."""


@frozen
class Position:
    """How far the broadcasts of one event have come.

    Attributes:
        epoch: Names one life of one actor; positions of two lives cannot be compared.
        sequence: The number of the last broadcast in it; 0 before the first.
    """

    epoch: str
    sequence: int


@frozen
class ExtendedInit:
    """``Init`` for a client that asked for the extension: the host speaks it too."""

    actor_id: str
    connection_id: str
    extension: int


@frozen
class NumberedEvent:
    """A broadcast of an event that is replayed, to one who asked for it by `SubscribeRequest`."""

    name: str
    args: list[Plain]
    sequence: int


@frozen
class Subscribed:
    """A `SubscribeRequest` took effect.

    Attributes:
        id: The request's.
        position: After which broadcast those begin that follow; None if the event is not replayed.
    """

    id: int
    position: Position | None = None


@frozen
class SubscribeRequest:
    """Begin a subscription, and hear of it: `Subscribed`, or an ``Error`` with this id.

    Attributes:
        id: The client's, unique among its calls too.
        event_name: The event.
        after: The last broadcast that the client knows of, from an earlier connection.
    """

    id: int
    event_name: str
    after: Position | None = None

    @property
    def subscribe(self) -> bool:
        """As of a `SubscriptionRequest`."""
        return True


ToClient: TypeAlias = (
    Init | Error | ActionResponse | Event | ExtendedInit | NumberedEvent | Subscribed
)

# ------------------------------------------------------------------ client to host


@frozen
class ActionRequest:
    """A call. ``id`` is the client's, unique within its connection."""

    id: int
    name: str
    args: list[Plain]


@frozen
class SubscriptionRequest:
    """Begin or end a subscription to one event."""

    event_name: str
    subscribe: bool


ToServer: TypeAlias = ActionRequest | SubscriptionRequest | SubscribeRequest
