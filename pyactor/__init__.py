"""Declarative, class-based, typed actors with a published lifecycle.

Subclass ``Actor``, decorate actions and hooks, and serve the class with ``Host``. The public
names are here; everything else is private.
"""

from __future__ import annotations

from .client import ActorType, Client, Closed, Connection, Handle
from .definition import (
    ActionRef,
    Actor,
    ActorContract,
    ActorOptions,
    BoundEvent,
    Conn,
    Connecting,
    Event,
    EventRef,
    Request,
    action,
    hook,
    resolve,
)
from .errors import (
    ActionNotFound,
    ActionTimedOut,
    ActorError,
    ActorNotFound,
    ActorNotRegistered,
    CallbackTimedOut,
    ConnectionLost,
    DefinitionError,
    Disconnected,
    DuplicateKey,
    EventNotFound,
    GoingAway,
    HostUnreachable,
    IncomingBacklog,
    IncomingTooLong,
    InvalidArguments,
    InvalidInput,
    InvalidParams,
    InvalidRequest,
    MethodNotAllowed,
    NoCallerError,
    OutgoingBacklog,
    OutgoingTooLong,
    Problem,
    RequestTimedOut,
    RouteNotFound,
    UnsupportedEncoding,
    UserError,
)
from .host import Registry
from .storage import ActorRecord, MemoryStorage, Storage
from .transports import Host, ServerLimits

__all__ = [
    # what a user writes
    "Actor",
    "ActorContract",
    "ActorOptions",
    "Event",
    "UserError",
    "action",
    "hook",
    "resolve",
    # what an actor is given
    "ActionRef",
    "BoundEvent",
    "Conn",
    "Connecting",
    "EventRef",
    "Request",
    # how it is served
    "ActorRecord",
    "Host",
    "MemoryStorage",
    "Registry",
    "ServerLimits",
    "Storage",
    # how it is called
    "ActorType",
    "Client",
    "Closed",
    "Connection",
    "Handle",
    # errors
    "ActionNotFound",
    "ActionTimedOut",
    "ActorError",
    "ActorNotFound",
    "ActorNotRegistered",
    "CallbackTimedOut",
    "ConnectionLost",
    "DefinitionError",
    "Disconnected",
    "DuplicateKey",
    "EventNotFound",
    "GoingAway",
    "HostUnreachable",
    "IncomingBacklog",
    "IncomingTooLong",
    "InvalidArguments",
    "InvalidInput",
    "InvalidParams",
    "InvalidRequest",
    "MethodNotAllowed",
    "NoCallerError",
    "OutgoingBacklog",
    "OutgoingTooLong",
    "Problem",
    "RequestTimedOut",
    "RouteNotFound",
    "UnsupportedEncoding",
]
