"""One connection without I/O: its rules as data, and the two halves that carry them out.

The host's half is exported here; the client's half, with events of its own, is ``_client``.
"""

from __future__ import annotations

from ._events import (
    CheckSubscription,
    Close,
    Closed,
    End,
    Joined,
    Left,
    RunAction,
    RunDeferred,
    RunHook,
    SessionEvent,
    SubscriptionChanged,
)
from ._replay import ReplayBuffer
from ._rules import RULES
from ._server import FrameToClient, ServerSession
from ._transitions import EndCause, Hook, Phase

__all__ = [
    "CheckSubscription",
    "Close",
    "Closed",
    "End",
    "EndCause",
    "FrameToClient",
    "Hook",
    "Joined",
    "Left",
    "Phase",
    "RULES",
    "ReplayBuffer",
    "RunAction",
    "RunDeferred",
    "RunHook",
    "ServerSession",
    "SessionEvent",
    "SubscriptionChanged",
]
