"""What a client is subscribed to, over every drop: asked for, acknowledged, and up to where.

Pure bookkeeping for ``_client.py``: it says what is to be asked of the host, and what an answer or
a numbered event of it means. A broadcast that is missing is told whoever lost it, so that what is
delivered has no hole without a ``Missed``, and no repeat.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import Enum

from attrs import define, field

from ..wire.messages import (
    Error,
    NumberedEvent,
    Position,
    Subscribed,
    SubscribeRequest,
    SubscriptionRequest,
)
from ._client_events import (
    ClientEvent,
    EventArrived,
    Missed,
    SubscriptionAcknowledged,
    SubscriptionRefused,
)


class SubscriptionState(Enum):
    """How it stands with one subscription, on the connection that is there."""

    NONE = "nobody asked for it"
    PENDING = "not answered yet"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNANSWERED = "the host answers none"


@define
class _Wanted:
    """One subscription.

    Attributes:
        state: On this connection.
        request_id: Of the latest request on this connection.
        epoch: Of the position, or None while there is none.
        sequence: The number of the last broadcast that was delivered.
        error: Why it was refused.
        is_replayed: Whether the client wants to be told of what it misses.
        is_untracked: Whether the host gave it no position, so that a drop may lose anything.
    """

    is_replayed: bool
    state: SubscriptionState = SubscriptionState.PENDING
    request_id: int | None = None
    epoch: str | None = None
    sequence: int = 0
    error: Error | None = None
    is_untracked: bool = False

    @property
    def position(self) -> Position | None:
        """The last broadcast that was delivered, or after which it began."""
        return None if self.epoch is None else Position(self.epoch, self.sequence)


@define
class Subscriptions:
    """The events that a client wants, in the order in which it asked for them."""

    _wanted: dict[str, _Wanted] = field(init=False, factory=dict)
    _requested: dict[int, str] = field(init=False, factory=dict)

    @property
    def names(self) -> AbstractSet[str]:
        """Their names: a live view."""
        return self._wanted.keys()

    def add(self, name: str, *, is_replayed: bool) -> bool:
        """Want one; False if it is wanted already."""
        if name in self._wanted:
            return False
        self._wanted[name] = _Wanted(is_replayed)
        return True

    def remove(self, name: str) -> bool:
        """Want one no longer, and forget where it stood; False if it was not wanted."""
        wanted = self._wanted.pop(name, None)
        if wanted is None:
            return False
        if wanted.request_id is not None:
            self._requested.pop(wanted.request_id, None)
        return True

    def state(self, name: str) -> tuple[SubscriptionState, Error | None]:
        """How it stands with one, and why it was refused."""
        wanted = self._wanted.get(name)
        return (SubscriptionState.NONE, None) if wanted is None else (wanted.state, wanted.error)

    def lose(self) -> None:
        """The connection is gone, and with it every answer."""
        self._requested.clear()
        for wanted in self._wanted.values():
            wanted.state, wanted.request_id, wanted.error = SubscriptionState.PENDING, None, None

    def request(self, name: str, request_id: int) -> SubscribeRequest:
        """What asks a host for one that answers."""
        wanted = self._wanted[name]
        wanted.request_id = request_id
        self._requested[request_id] = name
        return SubscribeRequest(request_id, name, wanted.position)

    def request_plainly(self, name: str) -> tuple[SubscriptionRequest, list[ClientEvent]]:
        """What asks a host for one that does not answer, and what is lost by that."""
        wanted = self._wanted[name]
        wanted.state = SubscriptionState.UNANSWERED
        may_lose = wanted.is_untracked or wanted.epoch is not None
        wanted.epoch, wanted.is_untracked = None, wanted.is_replayed
        return SubscriptionRequest(name, True), [Missed(name, None)] if may_lose else []

    def acknowledge(self, answer: Subscribed) -> list[ClientEvent]:
        """The host has subscribed; nothing of it, if that is of no interest any more."""
        name = self._requested.pop(answer.id, None)
        if name is None:
            return []
        wanted = self._wanted[name]
        wanted.state = SubscriptionState.ACKNOWLEDGED
        before, now, was_untracked = wanted.position, answer.position, wanted.is_untracked
        wanted.is_untracked = wanted.is_replayed and now is None
        wanted.epoch, wanted.sequence = (None, 0) if now is None else (now.epoch, now.sequence)
        acknowledged = SubscriptionAcknowledged(name)
        if before == now if before is not None else not was_untracked:
            return [acknowledged]
        missed = None
        if before and now and now.epoch == before.epoch and now.sequence > before.sequence:
            missed = now.sequence - before.sequence
        return [Missed(name, missed), acknowledged]

    def refuse(self, error: Error) -> list[ClientEvent]:
        """The host has refused a request; nothing of it, if it is none of these."""
        name = None if error.action_id is None else self._requested.pop(error.action_id, None)
        if name is None:
            return []
        wanted = self._wanted[name]
        wanted.state, wanted.error = SubscriptionState.REFUSED, error
        return [SubscriptionRefused(name, error)]

    def receive(self, event: NumberedEvent) -> list[ClientEvent]:
        """What a broadcast brings: it, after what is missing before it; a repeat brings nothing."""
        wanted = self._wanted.get(event.name)
        if wanted is None or wanted.state is not SubscriptionState.ACKNOWLEDGED:
            return []  # of a subscription that was given up
        missing = event.sequence - wanted.sequence - 1
        if wanted.epoch is None or missing < 0:
            return []
        wanted.sequence = event.sequence
        arrived = EventArrived(event.name, event.args)
        return [Missed(event.name, missing), arrived] if missing else [arrived]
