"""Typed access to actors: handles, calls, connections and events.

Owns the client's half of the wire, over `pyactor.session` and the codecs. It knows nothing of the
run time or the host, whose application it reaches in memory as it would over a network.
"""

from __future__ import annotations

from ._actor_type import ActorType
from ._client import Client
from ._connection import Connection
from ._handle import Handle
from ._link import Closed

__all__ = ["ActorType", "Client", "Closed", "Connection", "Handle"]
