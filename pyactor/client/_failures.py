"""Error messages of a host, made into exceptions again.

Owns which class an error becomes: the class the actor declares for its (group, code), else the
class of ``pyactor.errors`` that has it, else a plain `ActorError`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .. import errors
from ..errors import ActorError, StorageError, UserError
from ..wire import messages

_BUILT_IN: Mapping[tuple[str, str], type[ActorError]] = {
    (cls.group, cls.code): cls
    for cls in vars(errors).values()
    if isinstance(cls, type)
    and issubclass(cls, ActorError)
    and cls not in (ActorError, UserError)
    # What only a client can find out must not be claimed by a host.
    and cls.group != "client"
}


def exception_of(
    error: messages.Error, declared: Mapping[tuple[str, str], type[UserError]]
) -> ActorError:
    """The exception that a caller gets for ``error``.

    Args:
        error: What the host answered.
        declared: The actor's declared errors, by (group, code).
    """
    name = (error.group, error.code)
    if name in declared:
        return declared[name].from_wire(error.group, error.code, error.message, error.metadata)
    if error.group == StorageError.group:
        return StorageError(error.message, code=error.code)
    if name in _BUILT_IN:
        return _BUILT_IN[name](error.message, metadata=error.metadata)
    return ActorError(error.message, group=error.group, code=error.code, metadata=error.metadata)


def invalid_response(message: str) -> ActorError:
    """``client.invalid_response``: a host answered what the protocol does not have."""
    return ActorError(message, group="client", code="invalid_response")
