"""A connection as its actor sees it: ``Conn``, and ``Connecting`` before it is one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic

from typing_extensions import override

from ._context import ConnContext
from ._http import Request
from ._refs import EventRef, checked_payload
from ._types import C, P, Ps


class _Peer(Generic[P]):
    """What an attempt to connect and a connection have in common."""

    __slots__ = ("_context", "params")

    def __init__(self, context: ConnContext, params: P) -> None:
        self._context = context
        self.params = params

    @property
    def id(self) -> str:
        """Its id: the same while connecting and after."""
        return self._context.id

    @property
    def request(self) -> Request:
        """What the client connected with."""
        return self._context.request

    def defer(self, callback: Callable[[], Awaitable[object] | object]) -> None:
        """Run ``callback``, sync or async, once the connection is gone, whatever ended it (C10)."""
        self._context.defer(callback)

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"


class Connecting(_Peer[P]):
    """An attempt to connect: ``self.connecting`` in the preflight hooks.

    Attributes:
        params: What the client passed.
    """

    __slots__ = ()


class Conn(_Peer[P], Generic[C, P]):
    """One client connection.

    Attributes:
        state: The connection's own state; it stays readable in ``on_disconnect`` (C3).
        params: What the client passed.
    """

    __slots__ = ("state",)

    def __init__(self, context: ConnContext, params: P, state: C) -> None:
        super().__init__(context, params)
        self.state = state

    @property
    def is_hibernatable(self) -> bool:
        """Whether it outlives the sleep of its actor."""
        return self._context.is_hibernatable

    def send(self, event: EventRef[Any, Any, Ps], /, *payload: Ps.args, **kw: Ps.kwargs) -> None:
        """Send an event to this connection, subscribed or not (C13).

        Args:
            event: ``ChatRoom.message_posted`` or ``self.message_posted``.
            *payload: Its payload; nothing for ``Event[None]``.
            **kw: Nothing: a payload is positional.

        Raises:
            TypeError: The payload is not of the event's type, or it is another actor's event.
        """
        self._context.send(*checked_payload(event, payload, kw))

    def disconnect(self, reason: str | None = None) -> Awaitable[None]:
        """Close this connection: it begins at once, also when not awaited (C9).

        Args:
            reason: What the client reads; the first one wins.

        Returns:
            What ends once ``on_disconnect`` and the deferred callbacks ran. It never raises.
        """
        return self._context.disconnect(reason)
