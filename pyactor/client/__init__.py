"""Typed access to actors: handles, calls, connections and events.

Owns the client's half of the wire, over `pyactor.session` and the codecs. It knows nothing of the
run time or the host, whose application it reaches in memory as it would over a network.
"""

from __future__ import annotations

from ..session._client_transitions import Status as ConnectionStatus
from ._actor_type import ActorType
from ._client import Client
from ._clock import ClientClock
from ._closed import Closed
from ._connection import Connection
from ._fetch import FetchResponse
from ._gap import Gap
from ._handle import Handle
from ._options import ClientOptions
from ._stream import EventStream, GapStream
from ._web_socket import ClientWebSocket

__all__ = [
    "ActorType",
    "Client",
    "ClientClock",
    "ClientOptions",
    "ClientWebSocket",
    "Closed",
    "Connection",
    "ConnectionStatus",
    "EventStream",
    "FetchResponse",
    "Gap",
    "GapStream",
    "Handle",
]
