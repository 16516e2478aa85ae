"""The log of one actor: each line says whose it is."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from ._instance import Instance

_log = logging.getLogger("pyactor.actor")


class ActorLogger(logging.LoggerAdapter[logging.Logger]):
    """Says which actor a line is of, and in a call which connection."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(_log, {})
        self._instance = instance

    @override
    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        instance = self._instance
        caller = instance.caller
        extra = {
            "actor": instance.name,
            "actor_key": instance.key,
            "actor_id": instance.actor_id,
            "conn_id": None if caller is None else caller.id,
        }
        kwargs["extra"] = {**kwargs.get("extra", {}), **extra}
        where = f"{instance.name}[{instance.identity.key}]"
        return f"{where} {msg}" if caller is None else f"{where} {caller.id}: {msg}", kwargs
