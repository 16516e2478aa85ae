"""Which refusals of a stateless call are worth another try: those that say that nothing ran.

Source: wire-protocol.md, "What the client does after errors".
"""

from __future__ import annotations

from typing import Final

from ..errors import ActorError
from ._address import Address, ByKey

PAUSE: Final = 0.1
"""Seconds between two tries."""
_TRIES: Final = 24
_TRIES_OF_GET_OR_CREATE: Final = 60

# Without ``dropped_reply``, after which the action may have run, and ``not_found``: it is the
# answer to a question that people ask.
_DID_NOT_RUN: Final = frozenset(
    {
        "actor.destroying",
        "actor.not_configured",
        "actor.restarting",
        "actor.starting",
        "actor.stopping",
    }
)


def tries_of(address: Address) -> int:
    """How often a call may be sent in all."""
    may_create = isinstance(address, ByKey) and address.may_create
    return _TRIES_OF_GET_OR_CREATE if may_create else _TRIES


def did_not_run(error: Exception) -> bool:
    """Whether the host's answer says that nothing ran, and that it may run a moment later."""
    return isinstance(error, ActorError) and (
        error.name in _DID_NOT_RUN or error.name.startswith("actor.destroyed_")
    )
