"""The public contract of pyactor, to read and to hold the package to (stubtest).

Checkers use the package's inline types where it is installed; these say the same, without code.
"""

import asyncio
import socket
import ssl
from abc import ABCMeta
from asyncio import Event as _AbortEvent
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Mapping,
    Sequence,
)
from datetime import datetime
from logging import Logger, LoggerAdapter
from pathlib import Path
from types import TracebackType
from typing import (
    Any,
    ClassVar,
    Concatenate,
    Generic,
    Literal,
    Protocol,
    Self,
    TypeAlias,
    overload,
    type_check_only,
)

from attrs import field, frozen
from typing_extensions import ParamSpec, TypeVar
from typing_extensions import override as hook

__all__ = [
    "ActionNotFound",
    "ActionRef",
    "ActionTimedOut",
    "Actor",
    "ActorContract",
    "ActorEntry",
    "ActorError",
    "ActorNotFound",
    "ActorNotRegistered",
    "ActorOptions",
    "ActorRecord",
    "ActorRestarting",
    "ActorStatus",
    "ActorType",
    "AnyEvent",
    "BoundEvent",
    "CallTooDeep",
    "CallTimedOut",
    "CallInterrupted",
    "CallbackTimedOut",
    "Changes",
    "Client",
    "ClientClock",
    "ClientOptions",
    "ClientWebSocket",
    "Closed",
    "Conn",
    "Connecting",
    "Connection",
    "ConnectionLost",
    "Cron",
    "CronJob",
    "CronJobs",
    "ConnectionStatus",
    "DefinitionError",
    "Disconnected",
    "DuplicateKey",
    "Event",
    "EventBacklog",
    "EventNotFound",
    "EventRef",
    "EventStream",
    "FetchResponse",
    "Gap",
    "GapStream",
    "Forbidden",
    "GetParamsFailed",
    "GoingAway",
    "Handle",
    "Host",
    "HostUnreachable",
    "IncomingBacklog",
    "IncomingTooLong",
    "InvalidArguments",
    "InvalidInput",
    "InvalidParams",
    "InvalidRequest",
    "MemoryStorage",
    "MethodNotAllowed",
    "NamespaceNotFound",
    "NoCallerError",
    "NotAcknowledged",
    "OutgoingBacklog",
    "OutgoingTooLong",
    "Problem",
    "Registry",
    "Request",
    "RequestTimedOut",
    "RequestsNotSupported",
    "Response",
    "RouteNotFound",
    "Schedule",
    "ScheduleRecord",
    "Scheduled",
    "ServerLimits",
    "SqliteStorage",
    "Storage",
    "Unauthorised",
    "StateMutationReentrant",
    "StateTooLarge",
    "StorageError",
    "StoredActor",
    "TooManySchedules",
    "UnsupportedEncoding",
    "UserError",
    "WebSocket",
    "WebSocketClosed",
    "WebSocketsNotSupported",
    "action",
    "hook",
    "resolve",
]

_S = TypeVar("_S")
_C = TypeVar("_C", default=None)
_P = TypeVar("_P", default=None)
_I = TypeVar("_I", default=None)
_Params = TypeVar("_Params")
_Input = TypeVar("_Input")
_A = TypeVar("_A", bound=ActorContract[Any, Any])
_A_co = TypeVar("_A_co", bound=ActorContract[Any, Any], covariant=True)
_A_contra = TypeVar("_A_contra", bound=ActorContract[Any, Any], contravariant=True)
_F_co = TypeVar("_F_co", covariant=True)
_T = TypeVar("_T")
_R = TypeVar("_R")
_R_co = TypeVar("_R_co", covariant=True)
_Ps = ParamSpec("_Ps")
_T_co = TypeVar("_T_co", covariant=True)
_StatusCallback = TypeVar("_StatusCallback", bound=Callable[[ConnectionStatus], object])
_OpenCallback = TypeVar("_OpenCallback", bound=Callable[[], object])
_CloseCallback = TypeVar("_CloseCallback", bound=Callable[[Closed], object])
_ErrorCallback = TypeVar("_ErrorCallback", bound=Callable[[Exception], object])

# ---------------------------------------------------------------- what a user writes

@type_check_only
class _Action(Generic[_F_co]):
    @overload
    def __get__(
        self: _Action[Callable[_Ps, Coroutine[Any, Any, _R]]], instance: None, owner: type[_A], /
    ) -> ActionRef[_A, _Ps, _R]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None, /) -> _F_co: ...

@type_check_only
class _ActionDecorator(Protocol):
    @overload
    def __call__(
        self, function: Callable[Concatenate[Any, _Ps], Coroutine[Any, Any, _R]], /
    ) -> _Action[Callable[_Ps, Coroutine[Any, Any, _R]]]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[Any, _Ps], _R], /
    ) -> _Action[Callable[_Ps, Coroutine[Any, Any, _R]]]: ...

@overload
def action(
    function: Callable[Concatenate[Any, _Ps], Coroutine[Any, Any, _R]], /
) -> _Action[Callable[_Ps, Coroutine[Any, Any, _R]]]: ...
@overload
def action(
    function: Callable[Concatenate[Any, _Ps], _R], /
) -> _Action[Callable[_Ps, Coroutine[Any, Any, _R]]]: ...
@overload
def action(
    *,
    name: str | None = None,
    timeout: float | None = None,
    raises: tuple[type[UserError], ...] = (),
) -> _ActionDecorator: ...

class _OfAny: ...

class Event(Generic[_T]):
    def __init__(self, name: str | None = None, /, *, replay: int | None = None) -> None: ...
    @overload
    def __get__(
        self: Event[_OfAny], instance: None, owner: type[_A], /
    ) -> EventRef[_A, Any, ...]: ...
    @overload
    def __get__(
        self: Event[_OfAny], instance: _A, owner: type[_A] | None = None, /
    ) -> BoundEvent[_A, Any, ...]: ...
    @overload
    def __get__(
        self: Event[None], instance: None, owner: type[_A], /
    ) -> EventRef[_A, None, []]: ...
    @overload
    def __get__(
        self: Event[None], instance: _A, owner: type[_A] | None = None, /
    ) -> BoundEvent[_A, None, []]: ...
    @overload
    def __get__(self, instance: None, owner: type[_A], /) -> EventRef[_A, _T, [_T]]: ...
    @overload
    def __get__(
        self, instance: _A, owner: type[_A] | None = None, /
    ) -> BoundEvent[_A, _T, [_T]]: ...

@overload
def resolve(value: Awaitable[_R], /) -> Coroutine[Any, Any, _R]: ...
@overload
def resolve(value: _R, /) -> Coroutine[Any, Any, _R]: ...

@frozen(kw_only=True)
class ActorOptions:
    """Seconds and bytes."""

    on_before_connect_timeout: float = 5
    create_conn_state_timeout: float = 5
    on_connect_timeout: float = 5
    on_disconnect_timeout: float = 5
    create_state_timeout: float = 5
    on_create_timeout: float = 5
    on_wake_timeout: float = 5
    can_subscribe_timeout: float = 5
    can_publish_timeout: float = 5
    action_timeout: float = 60
    sleep_timeout: float = 30
    sleep_grace_period: float = 15
    state_save_interval: float = 1
    close_timeout: float = 5
    ping_interval: float = 20
    ping_timeout: float = 20
    open_timeout: float = 15
    max_held_messages: int = 64
    max_held_size: int = 262_144
    max_in_flight_actions: int = 1_024
    max_outgoing_backlog: int = 1_048_576
    max_incoming_message: int = 65_536
    max_outgoing_message: int = 1_048_576
    max_params_size: int = 4_096
    max_input_size: int = 4_194_304
    max_key_part_size: int = 128
    max_key_size: int = 1_024
    max_replay_size: int = 1_048_576
    max_schedules: int = 1_000
    max_state_size: int = 16_777_216
    unknown_state_fields: Literal["keep", "refuse"] = "keep"

class ActorContract(Generic[_P, _I]):
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

@type_check_only
class _NoActor(ActorContract[Any, Any]): ...

class Actor(ActorContract[_P, _I], Generic[_S, _C, _P, _I]):
    @property
    def state(self) -> _S: ...
    @state.setter
    def state(self, value: _S) -> None: ...
    @property
    def conn(self) -> Conn[_C, _P]: ...
    @property
    def caller(self) -> Conn[_C, _P] | None: ...
    @property
    def connecting(self) -> Connecting[_P]: ...
    @property
    def conns(self) -> Mapping[str, Conn[_C, _P]]: ...
    @property
    def key(self) -> tuple[str, ...]: ...
    @property
    def actor_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def log(self) -> LoggerAdapter[Logger]: ...
    @property
    def schedule(self) -> Schedule[Self]: ...
    @property
    def cron(self) -> CronJobs[Self]: ...
    @property
    def client(self) -> Client: ...
    def broadcast(
        self,
        event: EventRef[Self, Any, _Ps] | _Ref[_NoActor],
        /,
        *payload: _Ps.args,
        **kw: _Ps.kwargs,
    ) -> None: ...
    async def save_state(self, *, immediate: bool = False) -> None: ...
    def sleep(self) -> None: ...
    def destroy(self) -> None: ...
    async def keep_awake(self, aw: Awaitable[_R]) -> _R: ...
    def wait_until(self, aw: Awaitable[object]) -> None: ...
    @property
    def aborted(self) -> bool: ...
    @property
    def abort_event(self) -> _AbortEvent: ...
    # the hooks
    def create_state(self, input: _I) -> Awaitable[_S] | _S: ...  # noqa: A002 - the contract
    def on_create(self) -> Awaitable[None] | None: ...
    def on_wake(self) -> Awaitable[None] | None: ...
    def on_sleep(self) -> Awaitable[None] | None: ...
    def on_destroy(self) -> Awaitable[None] | None: ...
    def on_before_connect(self, params: _P) -> Awaitable[None] | None: ...
    def create_conn_state(self, params: _P) -> Awaitable[_C] | _C: ...
    def on_connect(self, conn: Conn[_C, _P]) -> Awaitable[None] | None: ...
    def on_disconnect(self, conn: Conn[_C, _P]) -> Awaitable[None] | None: ...
    def can_subscribe(self, conn: Conn[_C, _P], event: AnyEvent) -> Awaitable[bool] | bool: ...
    def can_publish(self, conn: Conn[_C, _P], queue: str) -> Awaitable[bool] | bool: ...
    def on_before_action_response(self, name: str, args: tuple[Any, ...], output: Any) -> Any: ...
    def on_request(self, request: Request) -> Awaitable[Response] | Response: ...
    def on_web_socket(self, ws: WebSocket) -> Awaitable[None] | None: ...
    def on_state_change(self, state: _S) -> None: ...
    def run(self) -> Awaitable[None] | None: ...
    def migrate_state(self, old: dict[str, Any], version: int) -> dict[str, Any]: ...

# ---------------------------------------------------------------- what an actor is given

@type_check_only
class _Ref(Generic[_A_contra]):
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

class ActionRef(_Ref[_A_contra], Generic[_A_contra, _Ps, _R_co]): ...
class EventRef(_Ref[_A_contra], Generic[_A_contra, _T, _Ps]): ...

class BoundEvent(EventRef[_A_contra, _T, _Ps]):
    def broadcast(self, *payload: _Ps.args, **kw: _Ps.kwargs) -> None: ...

AnyEvent: TypeAlias = EventRef[Any, Any, ...]

@frozen
class Request:
    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = ...
    peer: str | None = None
    body: AsyncIterable[bytes] = ...
    async def read(self) -> bytes: ...
    async def text(self) -> str: ...
    async def json(self) -> Any: ...

@frozen(init=False)
class Response:
    body: bytes | AsyncIterable[bytes]
    status: int
    headers: Mapping[str, str | Sequence[str]]
    def __init__(
        self,
        body: bytes | str | AsyncIterable[bytes] = b"",
        status: int = 200,
        headers: Mapping[str, str | Sequence[str]] = ...,
    ) -> None: ...
    @classmethod
    def json(
        cls, value: Any, status: int = 200, headers: Mapping[str, str | Sequence[str]] = ...
    ) -> Self: ...

class WebSocket:
    @property
    def request(self) -> Request: ...
    async def send(self, data: str | bytes) -> None: ...
    async def receive(self) -> str | bytes: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> str | bytes: ...
    async def wait_closed(self) -> None: ...
    def close(self, code: int = 1000, reason: str = "") -> Awaitable[None]: ...

class Conn(Generic[_C, _P]):
    state: _C
    params: _P
    @property
    def id(self) -> str: ...
    @property
    def is_hibernatable(self) -> bool: ...
    @property
    def request(self) -> Request: ...
    def send(
        self, event: EventRef[Any, Any, _Ps], /, *payload: _Ps.args, **kw: _Ps.kwargs
    ) -> None: ...
    def disconnect(self, reason: str | None = None) -> Awaitable[None]: ...
    def defer(self, callback: Callable[[], Awaitable[object] | object]) -> None: ...

class Connecting(Generic[_P]):
    params: _P
    @property
    def id(self) -> str: ...
    @property
    def request(self) -> Request: ...
    def defer(self, callback: Callable[[], Awaitable[object] | object]) -> None: ...

@frozen
class Cron:
    expression: str
    timezone: str = field(default="UTC", kw_only=True)  # noqa: PYI015 - mypy reads it
    def next_after(self, when: datetime, /) -> datetime: ...

@frozen
class Scheduled:
    id: str
    action: str
    arguments: Mapping[str, Any]
    due_at: datetime

@frozen
class CronJob:
    name: str
    action: str
    arguments: Mapping[str, Any]
    when: Cron | float
    next_at: datetime
    last_at: datetime | None

class Schedule(Generic[_A_co]):
    async def after(
        self,
        seconds: float,
        action: ActionRef[_A_co, _Ps, Any] | _Ref[_NoActor],
        /,
        *args: _Ps.args,
        **kwargs: _Ps.kwargs,
    ) -> str: ...
    async def at(
        self,
        when: datetime | float,
        action: ActionRef[_A_co, _Ps, Any] | _Ref[_NoActor],
        /,
        *args: _Ps.args,
        **kwargs: _Ps.kwargs,
    ) -> str: ...
    async def get(self, schedule_id: str, /) -> Scheduled | None: ...
    async def list(self) -> list[Scheduled]: ...
    async def cancel(self, schedule_id: str, /) -> bool: ...

class CronJobs(Generic[_A_co]):
    async def set(
        self,
        name: str,
        when: str | Cron,
        action: ActionRef[_A_co, _Ps, Any] | _Ref[_NoActor],
        /,
        *args: _Ps.args,
        **kwargs: _Ps.kwargs,
    ) -> None: ...
    async def every(
        self,
        name: str,
        seconds: float,
        action: ActionRef[_A_co, _Ps, Any] | _Ref[_NoActor],
        /,
        *args: _Ps.args,
        **kwargs: _Ps.kwargs,
    ) -> None: ...
    async def get(self, name: str, /) -> CronJob | None: ...
    async def list(self) -> list[CronJob]: ...
    async def delete(self, name: str, /) -> bool: ...

# ---------------------------------------------------------------- how it is served

class Registry:
    def __init__(self, *actors: type[Actor[Any, Any, Any, Any]]) -> None: ...

@frozen
class ActorEntry:
    actor_id: str
    name: str
    key: tuple[str, ...]
    created_at: float
    @property
    def position(self) -> tuple[float, str]: ...

@frozen
class ActorRecord(ActorEntry):
    input: bytes | None
    state: bytes
    state_version: int = 0

@frozen
class ScheduleRecord:
    schedule_id: str
    due_at: float
    body: bytes

@frozen
class StoredActor:
    record: ActorRecord
    schedules: tuple[ScheduleRecord, ...] = ()

@frozen
class Changes:
    actor_id: str
    record: ActorRecord | None = None
    state: tuple[bytes, int] | None = None
    put_schedules: tuple[ScheduleRecord, ...] = ()
    delete_schedules: tuple[str, ...] = ()

class Storage(Protocol):
    async def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None: ...
    async def load(self, actor_id: str) -> StoredActor | None: ...
    async def list(
        self, name: str, after: tuple[float, str] | None = None, limit: int = 1000
    ) -> list[ActorEntry]: ...
    async def commit(self, changes: Changes, *, immediate: bool = True) -> None: ...
    async def delete(self, actor_id: str) -> None: ...
    async def due(self, before: float, limit: int = 100) -> Sequence[tuple[str, float]]: ...
    async def next_due(self, after: float) -> float | None: ...
    async def close(self) -> None: ...

class MemoryStorage(Storage):
    def __init__(self) -> None: ...

class SqliteStorage(Storage):
    def __init__(self, data_dir: Path | str, *, busy_timeout: float = 5.0) -> None: ...

@frozen(kw_only=True)
class ServerLimits:
    """Bytes and seconds."""

    max_head: int = 65_536
    max_body: int = 20_971_520
    max_websocket_message: int = 33_554_432
    head_timeout: float = 10.0
    idle_timeout: float = 75.0
    body_timeout: float = 30.0
    close_timeout: float = 5.0
    linger_timeout: float = 2.0
    max_linger: float = 30.0

@frozen
class ActorStatus:
    status: Literal["starting", "running", "stopping", "sleeping", "crashed"]
    started_at: float | None = None
    connectable_at: float | None = None
    slept_at: float | None = None
    error: str | None = None

class Host:
    host: str
    def __init__(
        self,
        registry: Registry,
        *,
        host: str = "127.0.0.1",
        port: int = 6420,
        storage: Storage | None = None,
        region: str = "local",
        token: str | None = None,
        namespace: str = "default",
        allowed_origins: Sequence[str] | None = None,
        limits: ServerLimits | None = None,
        sock: socket.socket | None = None,
    ) -> None: ...
    @property
    def port(self) -> int: ...
    @property
    def url(self) -> str: ...
    @property
    def client(self) -> Client: ...
    async def status(self, actor_id: str) -> ActorStatus: ...
    async def serve(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

# ---------------------------------------------------------------- how it is called

ConnectionStatus: TypeAlias = Literal["idle", "connecting", "connected", "disconnected"]
_AskParams: TypeAlias = Callable[[], _Params] | Callable[[], Awaitable[_Params]]

@frozen(kw_only=True)
class ClientOptions:
    backoff_initial: float = 0.25
    backoff_max: float = 10.0
    reconnect: Literal["unless_disconnected", "always", "never"] = "unless_disconnected"
    open_timeout: float = 30.0
    connect_timeout: float = 30.0
    call_timeout: float = 65.0
    wait_timeout: float = 30.0
    max_waiting_calls: int = 1000

class ClientClock:
    def now(self) -> float: ...
    def call_later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle: ...
    def timeout(self, seconds: float) -> asyncio.Timeout: ...
    async def sleep(self, seconds: float) -> None: ...
    def random(self) -> float: ...

class Client:
    def __init__(
        self,
        host: str | Host,
        /,
        *,
        token: str | None = None,
        namespace: str | None = None,
        options: ClientOptions | None = None,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        encoding: Literal["json", "cbor", "bare"] = "json",
        clock: ClientClock | None = None,
    ) -> None: ...
    def actor(self, cls: type[_A], /) -> ActorType[_A]: ...
    async def aclose(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class ActorType(Generic[_A_co]):
    @overload
    def get_or_create(self: ActorType[ActorContract[None, None]], *key: str) -> Handle[_A_co]: ...
    @overload
    def get_or_create(
        self: ActorType[ActorContract[_Params, None]],
        *key: str,
        params: _Params | _AskParams[_Params],
    ) -> Handle[_A_co]: ...
    @overload
    def get_or_create(
        self: ActorType[ActorContract[None, _Input]], *key: str, input: _Input
    ) -> Handle[_A_co]: ...
    @overload
    def get_or_create(
        self: ActorType[ActorContract[_Params, _Input]],
        *key: str,
        params: _Params | _AskParams[_Params],
        input: _Input,
    ) -> Handle[_A_co]: ...
    @overload
    def get(self: ActorType[ActorContract[None, Any]], *key: str) -> Handle[_A_co]: ...
    @overload
    def get(
        self: ActorType[ActorContract[_Params, Any]],
        *key: str,
        params: _Params | _AskParams[_Params],
    ) -> Handle[_A_co]: ...
    @overload
    async def create(self: ActorType[ActorContract[None, None]], *key: str) -> Handle[_A_co]: ...
    @overload
    async def create(
        self: ActorType[ActorContract[_Params, None]],
        *key: str,
        params: _Params | _AskParams[_Params],
    ) -> Handle[_A_co]: ...
    @overload
    async def create(
        self: ActorType[ActorContract[None, _Input]], *key: str, input: _Input
    ) -> Handle[_A_co]: ...
    @overload
    async def create(
        self: ActorType[ActorContract[_Params, _Input]],
        *key: str,
        params: _Params | _AskParams[_Params],
        input: _Input,
    ) -> Handle[_A_co]: ...
    @overload
    def get_for_id(self: ActorType[ActorContract[None, Any]], actor_id: str) -> Handle[_A_co]: ...
    @overload
    def get_for_id(
        self: ActorType[ActorContract[_Params, Any]],
        actor_id: str,
        *,
        params: _Params | _AskParams[_Params],
    ) -> Handle[_A_co]: ...

@type_check_only
class _Calls(Generic[_A_co], metaclass=ABCMeta):
    @property
    def rpc(self) -> _A_co: ...
    async def call(
        self,
        action: ActionRef[_A_co, _Ps, _R] | _Ref[_NoActor],
        /,
        *args: _Ps.args,
        **kwargs: _Ps.kwargs,
    ) -> _R: ...
    async def call_by_name(self, name: str, /, *args: object, **kwargs: object) -> Any: ...

class Handle(_Calls[_A_co]):
    @property
    def key(self) -> tuple[str, ...] | None: ...
    def connect(self, *, options: ClientOptions | None = None) -> Connection[_A_co]: ...
    async def resolve(self) -> str: ...
    async def fetch(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterable[bytes] = b"",
        stream: bool = False,
        timeout: float | None = None,
    ) -> FetchResponse: ...
    def web_socket(self, path: str) -> ClientWebSocket: ...

class FetchResponse:
    @property
    def status_code(self) -> int: ...
    @property
    def is_success(self) -> bool: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    @property
    def text(self) -> str: ...
    def json(self) -> Any: ...
    async def aread(self) -> bytes: ...
    def aiter_bytes(self) -> AsyncIterator[bytes]: ...
    async def aclose(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class ClientWebSocket:
    @property
    def closed(self) -> WebSocketClosed | None: ...
    async def send(self, data: str | bytes) -> None: ...
    async def receive(self) -> str | bytes: ...
    async def close(self, code: int = 1000, reason: str = "") -> None: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> str | bytes: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

@frozen
class Gap:
    event: str
    missed: int | None

class EventStream(AsyncIterator[_T_co], Generic[_T_co]):
    @property
    def dropped(self) -> int: ...
    async def aclose(self) -> None: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> _T_co: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class GapStream(EventStream[_T_co | Gap], Generic[_T_co]): ...

@frozen
class Closed:
    code: int
    reason: str

class Connection(_Calls[_A_co]):
    @property
    def status(self) -> ConnectionStatus: ...
    @property
    def ready(self) -> Awaitable[None]: ...
    @property
    def actor_id(self) -> str: ...
    @property
    def conn_id(self) -> str: ...
    def on(
        self, event: EventRef[_A_co, Any, _Ps] | EventRef[_NoActor, Any, _Ps], /
    ) -> Callable[[Callable[_Ps, _R]], Callable[_Ps, _R]]: ...
    def once(
        self, event: EventRef[_A_co, Any, _Ps] | EventRef[_NoActor, Any, _Ps], /
    ) -> Callable[[Callable[_Ps, _R]], Callable[_Ps, _R]]: ...
    def off(
        self,
        event: EventRef[_A_co, Any, _Ps] | EventRef[_NoActor, Any, _Ps],
        callback: Callable[_Ps, object],
        /,
    ) -> None: ...
    @overload
    def events(
        self,
        event: EventRef[_A_co, _T, ...] | EventRef[_NoActor, _T, ...],
        /,
        *,
        max_waiting: int = 1000,
        when_full: Literal["drop_oldest", "fail"] = "drop_oldest",
        gaps: Literal[False] = False,
    ) -> EventStream[_T]: ...
    @overload
    def events(
        self,
        event: EventRef[_A_co, _T, ...] | EventRef[_NoActor, _T, ...],
        /,
        *,
        max_waiting: int = 1000,
        when_full: Literal["drop_oldest", "fail"] = "drop_oldest",
        gaps: Literal[True],
    ) -> GapStream[_T]: ...
    def on_gap(
        self, event: EventRef[_A_co, Any, ...] | EventRef[_NoActor, Any, ...], /
    ) -> Callable[[Callable[[Gap], _R]], Callable[[Gap], _R]]: ...
    async def subscribed(
        self,
        event: EventRef[_A_co, Any, ...] | EventRef[_NoActor, Any, ...],
        /,
        *,
        timeout: float | None = None,
    ) -> None: ...
    def on_status_change(self, callback: _StatusCallback, /) -> _StatusCallback: ...
    def on_open(self, callback: _OpenCallback, /) -> _OpenCallback: ...
    def on_close(self, callback: _CloseCallback, /) -> _CloseCallback: ...
    def on_error(self, callback: _ErrorCallback, /) -> _ErrorCallback: ...
    def open(self) -> None: ...
    async def close(self) -> None: ...
    async def wait_closed(self) -> Closed: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

# ---------------------------------------------------------------- errors

class ActorError(Exception):
    group: str
    code: str
    public: ClassVar[bool]
    message: str
    metadata: object
    def __init__(
        self,
        message: str = "",
        *,
        group: str | None = None,
        code: str | None = None,
        metadata: object = None,
    ) -> None: ...
    @property
    def name(self) -> str: ...

class UserError(ActorError):
    def __init__(
        self, message: str = "", *, code: str | None = None, metadata: object = None
    ) -> None: ...
    @classmethod
    def from_wire(cls, group: str, code: str, message: str, metadata: object) -> Self: ...

class InvalidArguments(ActorError, ValueError): ...
class ActionNotFound(ActorError, LookupError): ...
class ActionTimedOut(ActorError, TimeoutError): ...
class EventNotFound(ActorError, LookupError): ...
class InvalidParams(ActorError, ValueError): ...
class Disconnected(ActorError): ...
class InvalidInput(ActorError, ValueError): ...
class CallbackTimedOut(ActorError, TimeoutError): ...
class CallInterrupted(ActorError): ...
class ActorNotFound(ActorError, LookupError): ...
class CallTooDeep(ActorError, RecursionError): ...
class ActorNotRegistered(ActorError, LookupError): ...
class DuplicateKey(ActorError): ...
class InvalidRequest(ActorError, ValueError): ...
class RouteNotFound(ActorError, LookupError): ...
class MethodNotAllowed(ActorError): ...
class RequestTimedOut(ActorError, TimeoutError): ...
class UnsupportedEncoding(ActorError): ...
class IncomingTooLong(ActorError): ...
class OutgoingTooLong(ActorError): ...
class IncomingBacklog(ActorError): ...
class OutgoingBacklog(ActorError): ...
class StateTooLarge(ActorError): ...
class StateMutationReentrant(ActorError): ...
class StorageError(ActorError, OSError): ...
class TooManySchedules(ActorError): ...
class GoingAway(ActorError): ...
class ActorRestarting(ActorError): ...
class Unauthorised(ActorError, PermissionError): ...
class Forbidden(ActorError, PermissionError): ...
class NamespaceNotFound(ActorError, LookupError): ...
class RequestsNotSupported(ActorError, LookupError): ...
class WebSocketsNotSupported(ActorError, LookupError): ...

class ConnectionLost(ActorError, ConnectionError):
    may_have_run: bool
    def __init__(self, message: str = "", *, may_have_run: bool) -> None: ...

class HostUnreachable(ActorError, ConnectionError): ...

class CallTimedOut(ActorError, TimeoutError):
    may_have_run: bool
    def __init__(self, message: str = "", *, may_have_run: bool) -> None: ...

class GetParamsFailed(ActorError): ...
class EventBacklog(ActorError): ...
class NotAcknowledged(ActorError): ...

@frozen
class Problem:
    file: str
    line: int
    message: str
    expected: str | None = None
    got: str | None = None

class DefinitionError(TypeError):
    class_name: str
    problems: tuple[Problem, ...]
    def __init__(self, class_name: str, problems: tuple[Problem, ...]) -> None: ...

class NoCallerError(RuntimeError): ...

class WebSocketClosed(ConnectionError):
    code: int
    reason: str
    def __init__(self, code: int, reason: str = "") -> None: ...
