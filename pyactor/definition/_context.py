"""What an actor and a connection can ask of their run time.

Abstract: ``runtime`` implements both. User code never sees them; it reaches them through
``Actor``, ``Conn`` and ``Connecting``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ._types import R

if TYPE_CHECKING:
    from asyncio import Event as AbortEvent
    from logging import Logger, LoggerAdapter

    from ..client import Client
    from ._conn import Conn, Connecting
    from ._http import Request
    from ._refs import EventRef
    from ._schedule import ScheduleContext


class ActorContext(ABC):
    """One live actor, as its own object sees it.

    Attributes:
        state: The durable state.
        abort_event: Set as the actor begins to stop.
    """

    state: Any
    abort_event: AbortEvent

    @property
    @abstractmethod
    def key(self) -> tuple[str, ...]:
        """The parts of its key."""

    @property
    @abstractmethod
    def actor_id(self) -> str:
        """Its id."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of its definition."""

    @property
    @abstractmethod
    def region(self) -> str:
        """Where it runs."""

    @property
    @abstractmethod
    def conns(self) -> Mapping[str, Conn[Any, Any]]:
        """Its connections by id: a live, read-only view."""

    @property
    @abstractmethod
    def caller(self) -> Conn[Any, Any] | None:
        """The connection that the running code serves, or None."""

    @property
    @abstractmethod
    def connecting(self) -> Connecting[Any] | None:
        """The attempt to connect, in a preflight hook; None elsewhere."""

    @property
    @abstractmethod
    def log(self) -> LoggerAdapter[Logger]:
        """A logger that says which actor and connection it speaks of."""

    @property
    @abstractmethod
    def schedules(self) -> ScheduleContext:
        """What it has scheduled (A5)."""

    @property
    @abstractmethod
    def client(self) -> Client:
        """A client of the host it runs on."""

    @abstractmethod
    def broadcast(self, event: EventRef[Any, Any, ...], payload: tuple[Any, ...]) -> None:
        """Send to every subscribed connection; ``payload`` has one item or none (C13)."""

    @abstractmethod
    async def save_state(self, *, immediate: bool) -> None:
        """Save soon, or now and return once it is kept (A4)."""

    @abstractmethod
    def sleep(self) -> None:
        """Ask for sleep once the running call is over."""

    @abstractmethod
    def destroy(self) -> None:
        """Ask for the end of the actor once the running call is over (A6)."""

    @abstractmethod
    async def keep_awake(self, aw: Awaitable[R]) -> R:
        """Await it, and do not fall idle meanwhile (A3)."""

    @abstractmethod
    def wait_until(self, aw: Awaitable[object]) -> None:
        """Let it end before the actor leaves memory, within the grace period."""

    @abstractmethod
    def describe_caller(self) -> str:
        """What runs just now, for messages: ``action 'post'``."""


class ConnContext(ABC):
    """One connection, as ``Conn`` and ``Connecting`` see it."""

    @property
    @abstractmethod
    def id(self) -> str:
        """Its id, the same while connecting and after."""

    @property
    @abstractmethod
    def is_hibernatable(self) -> bool:
        """Whether it outlives the sleep of its actor."""

    @property
    @abstractmethod
    def request(self) -> Request:
        """What the client connected with."""

    @abstractmethod
    def send(self, event: EventRef[Any, Any, ...], payload: tuple[Any, ...]) -> None:
        """Send to this connection; ``payload`` has one item or none (C13)."""

    @abstractmethod
    def disconnect(self, reason: str | None = None) -> Awaitable[None]:
        """Begin to close, at once (C9)."""

    @abstractmethod
    def defer(self, callback: Callable[[], Awaitable[object] | object]) -> None:
        """Run a callback when the connection is gone (C10)."""
