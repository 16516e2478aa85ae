"""The whole error tree: what went wrong, and how it is named on the wire.

Every error that can cross the wire has a ``group`` and a ``code`` (shown together as
``group.code``), a message, optional metadata, and ``public``: whether a client may read the
message and metadata (rule C8). This module imports nothing of pyactor.
"""

from __future__ import annotations

from typing import ClassVar, Self

from attrs import frozen
from typing_extensions import override

INTERNAL_GROUP = "core"
INTERNAL_CODE = "internal_error"
INTERNAL_MESSAGE = "An internal error occurred"


class ActorError(Exception):
    """An error named ``group.code`` that a host answers with and a client raises.

    Attributes:
        group: Whose error it is, for example ``user``, ``action`` or ``actor``.
        code: Which of the group's errors it is.
        message: What a person reads.
        metadata: Plain values that a program reads, or None.
        public: Whether a client may see the message and metadata (C8).
    """

    group: str = INTERNAL_GROUP
    code: str = INTERNAL_CODE
    public: ClassVar[bool] = True
    message: str
    metadata: object

    def __init__(
        self,
        message: str = "",
        *,
        group: str | None = None,
        code: str | None = None,
        metadata: object = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata
        if group is not None:
            self.group = group
        if code is not None:
            self.code = code

    @property
    def name(self) -> str:
        """``group.code``, as it stands in close reasons and logs."""
        return f"{self.group}.{self.code}"

    @override
    def __str__(self) -> str:
        return f"{self.message} ({self.name})" if self.message else self.name


class UserError(ActorError):
    """What an actor raises to tell its client something: message and metadata reach it (C8).

    Subclass it and declare the subclass (``errors=`` of the class, ``raises=`` of an action),
    and the Python client raises that same class again.
    """

    group = "user"
    code = "user_error"

    def __init__(
        self, message: str = "", *, code: str | None = None, metadata: object = None
    ) -> None:
        super().__init__(message, code=code, metadata=metadata)

    @classmethod
    def from_wire(cls, group: str, code: str, message: str, metadata: object) -> Self:
        """The error as a client raises it, without a call of a subclass's ``__init__``."""
        error = cls.__new__(cls)
        ActorError.__init__(error, message, group=group, code=code, metadata=metadata)
        return error


# ------------------------------------------------------------------ answered by a host


class InvalidArguments(ActorError, ValueError):
    """A call's arguments do not fit the action's signature; the actor is untouched."""

    group = "action"
    code = "invalid_arguments"


class ActionNotFound(ActorError, LookupError):
    """The actor has no action of that name. Never ``actor.not_found``: clients retry that."""

    group = "action"
    code = "not_found"


class ActionTimedOut(ActorError, TimeoutError):
    """An action ran longer than its timeout and was cancelled; nothing is rolled back (C11)."""

    group = "action"
    code = "timed_out"


class EventNotFound(ActorError, LookupError):
    """A subscription names an event that the actor does not declare."""

    group = "event"
    code = "not_found"


class InvalidParams(ActorError, ValueError):
    """Connection parameters do not fit the actor's Params."""

    group = "connection"
    code = "invalid_params"


class Disconnected(ActorError):
    """The actor disconnected a stateless call's connection before the action could run."""

    group = "connection"
    code = "disconnected"


class InvalidInput(ActorError, ValueError):
    """The input of a creation does not fit the actor's Input."""

    group = "actor"
    code = "invalid_input"


class CallbackTimedOut(ActorError, TimeoutError):
    """A hook ran longer than its timeout and was cancelled (C11)."""

    group = "actor"
    code = "callback_timed_out"


class CallInterrupted(ActorError):
    """Cut off as its actor stopped and its grace period was over; it may have run in part (C15)."""

    group = "actor"
    code = "interrupted"


class ActorNotFound(ActorError, LookupError):
    """No actor of that name and key, or id, exists, or it was destroyed (A6)."""

    group = "actor"
    code = "not_found"


class CallTooDeep(ActorError, RecursionError):
    """Actors call each other in too long a chain, most likely in a cycle; nothing has run."""

    group = "actor"
    code = "call_too_deep"


class ActorNotRegistered(ActorError, LookupError):
    """The host's registry has no actor of that name."""

    group = "actor"
    code = "not_registered"


class DuplicateKey(ActorError):
    """An actor of that name and key exists already."""

    group = "actor"
    code = "duplicate_key"


class InvalidRequest(ActorError, ValueError):
    """A message or request that cannot be read."""

    group = "actor"
    code = "invalid_request"


class RouteNotFound(ActorError, LookupError):
    """The host has no such path."""

    group = "guard"
    code = "no_route"


class RequestTimedOut(ActorError, TimeoutError):
    """A client began an HTTP request and did not finish it in time."""

    group = "actor"
    code = "request_timed_out"


class MethodNotAllowed(ActorError):
    """The path exists, but not for this HTTP method."""

    group = "actor"
    code = "method_not_allowed"


class UnsupportedEncoding(ActorError):
    """The client asks for an encoding that this host does not speak."""

    group = "actor"
    code = "unsupported_websocket_encoding"


class IncomingTooLong(ActorError):
    """A message, body or head of a client is over the limit."""

    group = "message"
    code = "incoming_too_long"


class OutgoingTooLong(ActorError):
    """An answer is over the limit; that call fails."""

    group = "message"
    code = "outgoing_too_long"


class IncomingBacklog(ActorError):
    """More messages wait to be dispatched on one connection than the bound allows (C16)."""

    group = "message"
    code = "incoming_backlog"


class OutgoingBacklog(ActorError):
    """More bytes wait to be written to one connection than the bound allows (C16)."""

    group = "message"
    code = "outgoing_backlog"


class GoingAway(ActorError):
    """The actor or its host is stopping; a client may come back (C15)."""

    group = "ws"
    code = "going_away"


class ActorRestarting(ActorError):
    """The actor or its host is stopping and the call did not run; it may be tried again at once."""

    group = "actor"
    code = "restarting"


class Unauthorised(ActorError, PermissionError):
    """The host wants a token and the request has none, or another."""

    group = "auth"
    code = "unauthorized"


class Forbidden(ActorError, PermissionError):
    """A subscription, a queue or an origin that this client may not use."""

    group = "auth"
    code = "forbidden"


class NamespaceNotFound(ActorError, LookupError):
    """The host serves another namespace."""

    group = "namespace"
    code = "not_found"


class RequestsNotSupported(ActorError, LookupError):
    """A raw HTTP request to an actor that defines no ``on_request``."""

    group = "handler"
    code = "request_not_defined"


class WebSocketsNotSupported(ActorError, LookupError):
    """A raw websocket to an actor that defines no ``on_web_socket``."""

    group = "handler"
    code = "websocket_not_defined"


class StateTooLarge(ActorError):
    """The state has more than ``max_state_size`` bytes, and is not saved while it has."""

    group = "actor"
    code = "state_too_large"


class StateMutationReentrant(ActorError):
    """``on_state_change`` changed the state; the change stays and is not reported again (A7)."""

    group = "actor"
    code = "state_mutation_reentrant"


class StateUnreadable(ActorError):
    """What is kept of an actor is no state of its class; nothing started, nothing was changed."""

    group = "actor"
    code = "state_unreadable"
    public = False


class TooManySchedules(ActorError):
    """The actor has ``max_schedules`` schedules and jobs already; nothing was added (A5)."""

    group = "actor"
    code = "too_many_schedules"


class StorageError(ActorError, OSError):
    """The storage could not do what was asked; nothing has changed, and it may be asked again.

    The message says what to do, and names files, so clients do not see it. They are told the
    ``code``: ``full``, ``read_only``, ``locked``, ``in_use``, ``newer_format``, ``corrupt`` or
    ``failed``.
    """

    group = "storage"
    code = "failed"
    public = False


# ------------------------------------------------------------------ raised by the client


class ConnectionLost(ActorError, ConnectionError):
    """The connection ended before this call was answered.

    Attributes:
        may_have_run: False only if the call was never sent, so that trying again is safe.
    """

    group = "client"
    code = "connection_lost"

    def __init__(self, message: str = "", *, may_have_run: bool) -> None:
        super().__init__(message)
        self.may_have_run = may_have_run


class HostUnreachable(ActorError, ConnectionError):
    """No host answers at the client's URL."""

    group = "client"
    code = "host_unreachable"


class CallTimedOut(ActorError, TimeoutError):
    """A call was not answered within the client's time.

    Attributes:
        may_have_run: False only if the call was never sent, so that trying again is safe.
    """

    group = "client"
    code = "call_timed_out"

    def __init__(self, message: str = "", *, may_have_run: bool) -> None:
        super().__init__(message)
        self.may_have_run = may_have_run


class GetParamsFailed(ActorError):
    """The client's function that gives the params of an attempt or call failed."""

    group = "client"
    code = "get_params_failed"


class EventBacklog(ActorError):
    """More events wait to be taken from a stream than may, and none is to be dropped."""

    group = "client"
    code = "event_backlog"


class NotAcknowledged(ActorError):
    """The host acknowledges no subscriptions: it speaks the protocol without the extension."""

    group = "client"
    code = "not_acknowledged"


# ------------------------------------------------------------------ raised to an actor


class WebSocketClosed(ConnectionError):
    """A raw websocket is closed.

    Attributes:
        code: RFC 6455 7.4; 1006 where the peer vanished.
        reason: What was said, or "".
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"the websocket is closed: {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


# ------------------------------------------------------------------ the programmer's mistakes


@frozen
class Problem:
    """One mistake in an actor class.

    Attributes:
        file: The source file, as the code object names it.
        line: The line, counted from 1.
        message: What is wrong and which rule says so.
        expected: The line that would be right, or None.
        got: The line as it stands, or None.
    """

    file: str
    line: int
    message: str
    expected: str | None = None
    got: str | None = None

    @override
    def __str__(self) -> str:
        lines = [f"{self.file}:{self.line}: {self.message}"]
        if self.expected is not None:
            lines.append(f"    expected: {self.expected}")
        if self.got is not None:
            lines.append(f"    got:      {self.got}")
        return "\n".join(lines)


class DefinitionError(TypeError):
    """Everything that is wrong with one actor class, each problem with file and line."""

    problems: tuple[Problem, ...]

    def __init__(self, class_name: str, problems: tuple[Problem, ...]) -> None:
        self.class_name = class_name
        self.problems = problems
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        body = "".join("\n  " + str(p).replace("\n", "\n  ") for p in problems)
        super().__init__(f"{class_name} is not a valid actor ({count}){body}")


class NoCallerError(RuntimeError):
    """``self.conn`` was read where no connection is calling."""


class DecodeError(ValueError):
    """Bytes or text that are no message of the protocol; the only error a codec raises."""


class IllegalInput(RuntimeError):
    """A session was given an input that its phase does not allow: a bug of the caller."""
