"""The table of hooks, and the names that an actor's class body may not take.

Data only. The phases are those of lifecycle.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from attrs import frozen

Role: TypeAlias = Literal["state", "conn_state", "params", "input", "conn", "kept", "version"]
"""What a hook's parameter or result is: a type argument of the actor, its ``Conn``, its state as
it is kept (a ``dict``), or a ``state_version``."""


@frozen
class HookRule:
    """What the base class declares of one hook.

    Attributes:
        parameters: Name and role of each parameter besides self, in order.
        returns: The role of the result, or None where the hook returns nothing.
        timeout: The field of ``ActorOptions`` that bounds it (C11), or None for no limit.
        phase: The phase of lifecycle.md in which it runs.
        is_sync: Whether it cannot be async: what it is called for happens in one instant.
    """

    parameters: tuple[tuple[str, Role], ...]
    returns: Role | None
    timeout: str | None
    phase: str
    is_sync: bool = False


HOOKS: Mapping[str, HookRule] = MappingProxyType(
    {
        "create_state": HookRule((("input", "input"),), "state", "create_state_timeout", "LOADING"),
        "on_create": HookRule((), None, "on_create_timeout", "LOADING"),
        "on_wake": HookRule((), None, "on_wake_timeout", "LOADING"),
        "on_sleep": HookRule((), None, "sleep_grace_period", "SLEEP_GRACE"),
        "on_destroy": HookRule((), None, "sleep_grace_period", "DESTROY_GRACE"),
        "on_before_connect": HookRule(
            (("params", "params"),), None, "on_before_connect_timeout", "PREFLIGHT"
        ),
        "create_conn_state": HookRule(
            (("params", "params"),), "conn_state", "create_conn_state_timeout", "PREFLIGHT"
        ),
        "on_connect": HookRule((("conn", "conn"),), None, "on_connect_timeout", "OPENING"),
        "on_disconnect": HookRule((("conn", "conn"),), None, "on_disconnect_timeout", "CLOSING"),
        "on_state_change": HookRule((("state", "state"),), None, None, "READY", is_sync=True),
        "run": HookRule((), None, None, "READY"),
        "migrate_state": HookRule(
            (("old", "kept"), ("version", "version")), "kept", None, "LOADING", is_sync=True
        ),
    }
)
"""Hook name -> rule."""

MEMBERS: frozenset[str] = frozenset(
    {
        "state",
        "conn",
        "caller",
        "connecting",
        "conns",
        "key",
        "actor_id",
        "name",
        "region",
        "broadcast",
        "log",
        "schedule",
        "cron",
        "client",
        "save_state",
        "sleep",
        "destroy",
        "keep_awake",
        "wait_until",
        "aborted",
        "abort_event",
        "_context",
    }
)
"""What every actor has already."""

LATER: frozenset[str] = frozenset(
    {
        "on_request",
        "on_web_socket",
        "on_before_action_response",
        "can_subscribe",
        "can_publish",
    }
)
"""Members and hooks of later versions: reserved now, so that no class has to rename then."""
