"""What an ASGI server hands to an application (ASGI 3.0), in the types that frameworks use too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
"""What a request, a websocket or a lifespan is about."""
Message: TypeAlias = MutableMapping[str, Any]
"""One step of it, with its ``type``."""
Receive: TypeAlias = Callable[[], Awaitable[Message]]
"""Waits for what the server tells next."""
Send: TypeAlias = Callable[[Message], Awaitable[None]]
"""Tells the server, and returns when it wants more."""
