"""The public contract of pyactor.asgi, which stubtest holds the package to."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from pyactor import ActorStatus, Client, Registry, ServerLimits, Storage

__all__ = ["app", "App", "Message", "Receive", "Scope", "Send"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

def app(
    registry: Registry,
    *,
    storage: Storage | Callable[[], Storage] | None = None,
    region: str = "local",
    token: str | None = None,
    namespace: str = "default",
    allowed_origins: Sequence[str] | None = None,
    limits: ServerLimits | None = None,
) -> App: ...

class App:
    @property
    def client(self) -> Client: ...
    async def status(self, actor_id: str) -> ActorStatus: ...
    def lifespan(self, _app: object = None, /) -> AbstractAsyncContextManager[None]: ...
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...
