"""What a client may see of an error (C8)."""

from __future__ import annotations

from ..errors import (
    INTERNAL_CODE,
    INTERNAL_GROUP,
    INTERNAL_MESSAGE,
    ActorError,
    ActorRestarting,
    StorageError,
)
from ..wire import messages


def is_public(error: BaseException) -> bool:
    """Whether a client may see it; what it may not see is logged in full instead."""
    return isinstance(error, ActorError) and error.public


def error_to_send(
    error: BaseException,
    *,
    action_id: int | None = None,
    actor: messages.ActorIdentity | None = None,
) -> messages.Error:
    """The message for ``error``: its own words if it is public, else ``internal_error``.

    Of a storage's fault the client is told which it is, but not its words, which name files.
    """
    if isinstance(error, ActorError) and is_public(error):
        return messages.Error(
            error.group, error.code, error.message, error.metadata, action_id, actor
        )
    if isinstance(error, StorageError):
        told = f"The host cannot keep or read its data now: {error.name}"
        return messages.Error(error.group, error.code, told, None, action_id, actor)
    return messages.Error(INTERNAL_GROUP, INTERNAL_CODE, INTERNAL_MESSAGE, None, action_id, actor)


def stopping() -> ActorRestarting:
    """The error for what came too late to run: the client may try again at once (C15)."""
    return ActorRestarting("The actor is stopping")
