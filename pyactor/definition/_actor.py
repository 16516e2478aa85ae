"""The base classes of user actors: ``Actor``, and ``ActorContract`` for signatures alone.

Owns what ``self`` offers. Everything but the defaults of the hooks is fetched from the context
that the run time sets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self

from typing_extensions import override

from ..errors import NoCallerError, RequestsNotSupported, UserError, WebSocketsNotSupported
from ._conn import Conn, Connecting
from ._context import ActorContext
from ._http import Request, Response
from ._meta import definition_of
from ._options import ActorOptions
from ._refs import AnyEvent, EventRef, Ref, checked_payload
from ._schedule import CronJobs, Schedule
from ._types import C, I, P, Ps, R, S
from ._web_socket import WebSocket

if TYPE_CHECKING:
    # With a metaclass of ours in sight, checkers would not look at `__init_subclass__` below, which
    # says what the class keywords are.
    from abc import ABCMeta as ActorMeta
    from asyncio import Event as AbortEvent
    from logging import Logger, LoggerAdapter
    from typing import Literal

    from ..client import Client
else:
    from ._meta import ActorMeta


class ActorContract(Generic[P, I], metaclass=ActorMeta):
    """What clients may know of an actor: actions and events, Params and Input.

    Optional. A subclass with signatures and events only types clients that must not import the
    implementation, which inherits it and ``Actor[...]``.
    """

    # What the type variables are for, in order.
    __pyactor_roles__: ClassVar[tuple[str, ...]] = ("params", "input")

    if TYPE_CHECKING:
        # The metaclass takes these and tells of mistakes; this is how checkers know of them.
        @override
        def __init_subclass__(
            cls,
            *,
            name: str | None = None,
            wire_case: Literal["camel"] | None = None,
            abstract: bool = False,
            options: ActorOptions = ...,
            errors: tuple[type[UserError], ...] = (),
            state_version: int = 0,
        ) -> None: ...


class Actor(ActorContract[P, I], Generic[S, C, P, I], abstract=True):
    """Base of user actors: ``class ChatRoom(Actor[RoomState, Member, JoinParams])``.

    ``self`` is the live actor: one instance for each key. Instance attributes are its ephemeral
    variables; ``self.state`` is durable. Class keywords: ``name``, ``wire_case``, ``abstract``,
    ``options``, ``errors``, ``state_version``.
    """

    __pyactor_roles__: ClassVar[tuple[str, ...]] = ("state", "conn_state", "params", "input")

    _context: ActorContext

    @property
    def state(self) -> S:
        """The durable state."""
        state: S = self._context.state
        return state

    @state.setter
    def state(self, value: S) -> None:
        self._context.state = value

    @property
    def conn(self) -> Conn[C, P]:
        """The calling connection.

        Raises:
            NoCallerError: No connection is calling.
        """
        conn = self._context.caller
        if conn is None:
            raise NoCallerError(
                f"self.conn: no connection is calling {self._context.describe_caller()} of "
                f"{type(self).__name__}; use self.caller, which may be None"
            )
        return conn

    @property
    def caller(self) -> Conn[C, P] | None:
        """The calling connection, or None."""
        return self._context.caller

    @property
    def connecting(self) -> Connecting[P]:
        """The attempt to connect, in ``on_before_connect`` and ``create_conn_state``.

        Raises:
            NoCallerError: Neither of the two is running.
        """
        connecting = self._context.connecting
        if connecting is None:
            raise NoCallerError(
                f"self.connecting: {self._context.describe_caller()} of {type(self).__name__} is "
                "neither on_before_connect nor create_conn_state; use self.conn"
            )
        return connecting

    @property
    def conns(self) -> Mapping[str, Conn[C, P]]:
        """The connections by id: a live, read-only view."""
        return self._context.conns

    @property
    def key(self) -> tuple[str, ...]:
        """The parts of the actor's key."""
        return self._context.key

    @property
    def actor_id(self) -> str:
        """The actor's id."""
        return self._context.actor_id

    @property
    def name(self) -> str:
        """The name that clients know the class by."""
        return self._context.name

    @property
    def region(self) -> str:
        """Where the actor runs."""
        return self._context.region

    @property
    def log(self) -> LoggerAdapter[Logger]:
        """A logger bound to the actor's name, key and id, and in a call to the connection."""
        return self._context.log

    @property
    def schedule(self) -> Schedule[Self]:
        """Actions of this actor that run once, later (A5)."""
        return Schedule(self._context.schedules)

    @property
    def cron(self) -> CronJobs[Self]:
        """Actions of this actor that run again and again (A5)."""
        return CronJobs(self._context.schedules)

    @property
    def client(self) -> Client:
        """A client of this host: ``await self.client.actor(Other).get("key").rpc.act()``.

        It is the host's, which closes it. The other actor sees a connection of its own, never
        the one that is calling this actor.
        """
        return self._context.client

    def broadcast(
        self, event: EventRef[Self, Any, Ps] | Ref[NoActor], /, *payload: Ps.args, **kw: Ps.kwargs
    ) -> None:
        """Send an event to every subscribed connection (C13).

        Args:
            event: ``ChatRoom.message_posted`` or ``self.message_posted``.
            *payload: Its payload; nothing for ``Event[None]``.
            **kw: Nothing: a payload is positional.

        Raises:
            TypeError: The payload is not of the event's type, or it is another actor's event.
        """
        self._context.broadcast(*checked_payload(event, payload, kw))

    async def save_state(self, *, immediate: bool = False) -> None:
        """Save the state.

        Args:
            immediate: Save now, and return once what the state held at the call will survive
                whatever comes (A4). Otherwise return at once: it is saved within
                ``state_save_interval``, as it would be anyway. In ``on_create`` there is nothing
                to save into yet: the creation commits everything together (A2).

        Raises:
            StorageError: The storage could not keep it; the state is saved later.
            StateTooLarge: It has more than ``max_state_size`` bytes.
        """
        await self._context.save_state(immediate=immediate)

    def sleep(self) -> None:
        """Leave memory, state kept, once the running call is over; the next call wakes it."""
        self._context.sleep()

    def destroy(self) -> None:
        """End this actor and its state for good, once the running call is over (A6)."""
        self._context.destroy()

    async def keep_awake(self, aw: Awaitable[R]) -> R:
        """Await something without falling asleep meanwhile (A3); its result.

        Once the actor has begun to stop, what is still running at the end of the grace period
        is cancelled.

        Raises:
            TypeError: It cannot be awaited.
        """
        _check_awaitable("keep_awake", aw)
        return await self._context.keep_awake(aw)

    def wait_until(self, aw: Awaitable[object]) -> None:
        """Run something in the background and let it end before the actor leaves memory.

        It does not keep the actor awake. What is still running at the end of the grace period
        is cancelled; an error is logged.

        Raises:
            TypeError: It cannot be awaited.
        """
        _check_awaitable("wait_until", aw)
        self._context.wait_until(aw)

    @property
    def aborted(self) -> bool:
        """Whether the actor has begun to stop."""
        return self._context.abort_event.is_set()

    @property
    def abort_event(self) -> AbortEvent:
        """Set as the actor begins to stop: what ``run`` waits for beside its work."""
        return self._context.abort_event

    # Hooks. Each may be overridden under @hook, sync or async; no argument is used here.

    def create_state(self, input: I) -> Awaitable[S] | S:  # noqa: A002, ARG002
        """Make the first state; by default ``State()``. The first start only (A2)."""
        state: S = definition_of(type(self)).make_state()
        return state

    def on_create(self) -> Awaitable[None] | None:
        """After ``create_state``, before the first commit. The first start only (A2)."""
        return None

    def on_wake(self) -> Awaitable[None] | None:
        """Every start."""
        return None

    def on_sleep(self) -> Awaitable[None] | None:
        """Before the actor leaves memory, its state kept."""
        return None

    def on_destroy(self) -> Awaitable[None] | None:
        """Before the actor and its state are gone for good."""
        return None

    def on_before_connect(self, params: P) -> Awaitable[None] | None:  # noqa: ARG002
        """Raise to reject the attempt (C2)."""
        return None

    def create_conn_state(self, params: P) -> Awaitable[C] | C:  # noqa: ARG002
        """Make the connection's state; by default ``ConnState()``."""
        state: C = definition_of(type(self)).make_conn_state()
        return state

    def on_connect(self, conn: Conn[C, P]) -> Awaitable[None] | None:  # noqa: ARG002
        """Begin: ``conn`` is in ``conns``; its messages wait until this returns (C3, C5)."""
        return None

    def on_disconnect(self, conn: Conn[C, P]) -> Awaitable[None] | None:  # noqa: ARG002
        """End: ``conn`` has left ``conns``; runs once if ``on_connect`` returned (C4)."""
        return None

    def can_subscribe(
        self,
        conn: Conn[C, P],  # noqa: ARG002
        event: AnyEvent,  # noqa: ARG002
    ) -> Awaitable[bool] | bool:
        """Whether ``conn`` may hear ``event``, asked before it does; False is ``auth.forbidden``.

        Compare: ``event == ChatRoom.admin_log``. Of a refused one the client gets the error, and
        the connection goes on.
        """
        return True

    def can_publish(self, conn: Conn[C, P], queue: str) -> Awaitable[bool] | bool:  # noqa: ARG002
        """Whether ``conn`` may send to the queue of that name; False is ``auth.forbidden``."""
        return True

    def on_before_action_response(
        self,
        name: str,  # noqa: ARG002
        args: tuple[Any, ...],  # noqa: ARG002
        output: Any,
    ) -> Any:
        """What an action answers in place of ``output``: of its type, checked as its result is.

        Runs within the action, under its timeout. ``name`` is the action's in Python, ``args`` are
        its arguments in the order of its parameters.
        """
        return output

    def on_request(self, request: Request) -> Awaitable[Response] | Response:
        """Answer a raw HTTP request, ``/request/...``; ``self.conn`` is its connection (C14)."""
        raise RequestsNotSupported(f"{self.name} does not answer {request.method} {request.path}")

    def on_web_socket(self, ws: WebSocket) -> Awaitable[None] | None:
        """Serve a raw websocket, ``/websocket/...``, for as long as this runs.

        It ends with its websocket: ``receive`` and iteration tell it, and ``ws.wait_closed()``.
        ``action_timeout`` after that it is cancelled.
        """
        raise WebSocketsNotSupported(f"{self.name} serves no websocket at {ws.request.path}")

    def on_state_change(self, state: S) -> None:
        """Before an answer, if the state has changed; it is not async and changes nothing (A7)."""

    def run(self) -> Awaitable[None] | None:
        """Work in the background from each start on, until it returns or ``aborted`` is set.

        The actor does not fall idle meanwhile (A3); the end of the grace period cancels it.
        """
        return None

    def migrate_state(self, old: dict[str, Any], version: int) -> dict[str, Any]:  # noqa: ARG002
        """Make a state that an older ``state_version`` has kept fit; not async.

        Args:
            old: The state as it is kept: plain values under the attributes' names.
            version: The ``state_version`` that kept it, lower than the class's.
        """
        return old


class NoActor(ActorContract[Any, Any], abstract=True):
    """Never subclassed nor made: the second arm of ``EventRef[A, ...] | Ref[NoActor]``.

    Without it mypy pushes the expected ``A`` down into the descriptor's ``__get__``, and
    ``ChatRoom.joined`` is an error where an event of a subclass of ChatRoom will do.
    """


def _check_awaitable(method: str, aw: object) -> None:
    if not isinstance(aw, Awaitable):
        got = "a function: call it" if callable(aw) else type(aw).__name__
        raise TypeError(
            f"{method}() takes what can be awaited, such as self.{method}(self.work()) for an "
            f"async method, not {got}"
        )
