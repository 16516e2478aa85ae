"""Clients of a simulated world: what they do, and what they have seen.

Owns the client's side of a connection. Nothing here waits: what a client does is begun when the
world next runs, in the order in which it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..plain import Plain
from ..wire import messages
from ._network import CloseFrame, Lost, WorldChannel
from ._trace import What

if TYPE_CHECKING:
    from ._world import World

_GONE = (1006, "")
"""What one sees of a transport that is lost without a close frame (RFC 6455 7.1.5)."""


@define(eq=False)
class WorldCall:
    """One call of an action, and its answer once there is one.

    Attributes:
        name: The action's name on the wire.
        args: Its plain arguments.
        conn: The short name of its connection; ``h1`` for a call over HTTP.
        is_answered: Whether an answer came.
        output: The plain result, if it is one.
        error: The error, if it is that.
    """

    name: str
    args: list[Plain]
    conn: str
    is_answered: bool = False
    output: Plain = None
    error: messages.Error | None = None

    def answer(self, message: messages.ActionResponse | messages.Error) -> None:
        """Note the answer; a second one is a bug that the trace shows."""
        self.is_answered = True
        if isinstance(message, messages.Error):
            self.error = message
        else:
            self.output = message.output

    @property
    def error_name(self) -> str | None:
        """The error as ``group.code``, or None."""
        return None if self.error is None else f"{self.error.group}.{self.error.code}"

    def result(self) -> Plain:
        """The plain result.

        Raises:
            AssertionError: There is no answer yet, or it is an error.
        """
        if not self.is_answered:
            raise AssertionError(f"{self.name}() of {self.conn} is not answered")
        if self.error is not None:
            raise AssertionError(
                f"{self.name}() of {self.conn} failed: {self.error.message} ({self.error_name})"
            )
        return self.output


@define(eq=False)
class WorldConn:
    """One client with a websocket to the actor. Made by ``World.connect``.

    Attributes:
        name: Its short name in the transcript: ``c1``.
        key: The key of its actor.
        received: Every message that reached it, in order.
        ended: The close code and reason that it saw, or None while it lives.
        calls: What it called, by message id.
    """

    name: str
    key: tuple[str, ...]
    _world: World[Any] = field(repr=False)
    _channel: WorldChannel = field(repr=False)
    received: list[messages.ToClient] = field(factory=list, repr=False)
    ended: tuple[int, str] | None = None
    calls: dict[int, WorldCall] = field(factory=dict, repr=False)
    _has_left: bool = False
    _is_dead: bool = False

    # -------------------------------------------------------------- what it does

    def act(self, name: str, *args: Any, **kwargs: Any) -> WorldCall:
        """Call an action with typed arguments.

        Args:
            name: Its name in Python.
            *args: Typed; they go over the wire as plain ones.
            **kwargs: The same, by keyword.

        Returns:
            What holds the answer, once there is one.

        Raises:
            TypeError: There is no such action, or the arguments do not fit.
        """
        spec = self._world.definition.action(name)
        return self.act_plain(spec.name, spec.unstructure_arguments(args, kwargs))

    def act_plain(self, name: str, args: list[Plain]) -> WorldCall:
        """Call whatever action with whatever plain arguments, fitting or not.

        Args:
            name: Its name on the wire.
            args: Plain.
        """
        number = len(self.calls) + 1
        call = self.calls[number] = WorldCall(name, args, self.name)
        self._put(messages.ActionRequest(number, name, args))
        return call

    def subscribe(self, event: str, *, subscribed: bool = True) -> None:
        """Subscribe to an event, by its name in Python, or no longer be subscribed."""
        spec = self._world.definition.events_by_attr.get(event)
        self._put(messages.SubscriptionRequest(spec.name if spec else event, subscribed))

    def send_raw(self, data: str | bytes) -> None:
        """Send what need not be a message of the protocol."""
        if not self._has_left:
            self._do(lambda: self._channel.put_raw(data))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in an orderly way."""
        if not self._has_left:
            self._has_left = True
            self._do(lambda: self._channel.put_close(code, reason))

    def drop(self) -> None:
        """Be gone without a word, as when a process dies or a cable is cut with notice."""
        self._has_left = True
        self._do(self._channel.drop)
        self._end(*_GONE)

    def half_open(self) -> None:
        """Fall silent: nothing arrives at either side, and the host learns of it by its pings."""
        self._do(self._channel.fall_silent)

    def slow(self) -> None:
        """Read nothing from now on; what the host sends waits (C16)."""
        self._do(self._channel.stop_reading)

    def read_on(self) -> None:
        """Read again, first what has waited."""
        self._do(self._channel.read_on)

    # -------------------------------------------------------------- what it saw

    @property
    def is_open(self) -> bool:
        """Whether ``Init`` reached it and nothing has ended it, as far as it knows."""
        return self.ended is None and bool(self.inits)

    @property
    def inits(self) -> list[messages.Init]:
        """The ``Init`` that reached it; more than one is a bug."""
        return [each for each in self.received if isinstance(each, messages.Init)]

    @property
    def conn_id(self) -> str | None:
        """Its id at the host, once it knows it."""
        return self.inits[0].connection_id if self.inits else None

    @property
    def events(self) -> list[tuple[str, list[Plain]]]:
        """The events that reached it, by their names on the wire, with their plain arguments."""
        return [(m.name, m.args) for m in self.received if isinstance(m, messages.Event)]

    @property
    def errors(self) -> list[str]:
        """The errors of the connection itself that reached it, as ``group.code``."""
        return [
            f"{m.group}.{m.code}"
            for m in self.received
            if isinstance(m, messages.Error) and m.action_id is None
        ]

    # -------------------------------------------------------------- for the world

    def take(self, item: messages.ToClient | CloseFrame | Lost) -> None:
        """Something reached it."""
        if isinstance(item, Lost):
            self._end(*_GONE)
        elif isinstance(item, CloseFrame):
            self._end(item.code, item.reason)
        else:
            self.received.append(item)
            action_id = None
            if isinstance(item, messages.ActionResponse):
                action_id = item.id
            elif isinstance(item, messages.Error):
                action_id = item.action_id
            call = None if action_id is None else self.calls.get(action_id)
            if call is not None and isinstance(item, (messages.ActionResponse, messages.Error)):
                call.answer(item)

    def lose_host(self) -> None:
        """The process of the host is dead."""
        self._has_left = self._is_dead = True
        self._end(*_GONE)

    def _end(self, code: int, reason: str) -> None:
        if self.ended is None and not self._channel.is_half_open:
            self.ended = code, reason
            self._world.observer.note(
                What.SAW_END, self.name, data={"code": code, "reason": reason}
            )

    def _put(self, message: messages.ToServer) -> None:
        if not self._has_left:
            self._do(lambda: self._channel.put(message))

    def _do(self, what: Callable[[], object]) -> None:
        if not self._is_dead:
            self._world.do(what)
