"""The messages of one connection, as plain values. No bytes, no user types, no I/O.

Source: wire-protocol.md, "Framing". What values a message can carry: ``pyactor.plain``.
"""

from __future__ import annotations

from typing import TypeAlias

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


ToClient: TypeAlias = Init | Error | ActionResponse | Event

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


ToServer: TypeAlias = ActionRequest | SubscriptionRequest
