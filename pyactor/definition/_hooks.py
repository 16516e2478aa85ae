"""The table of hooks, and the names that an actor's class body may not take.

Data only. The phases are those of lifecycle.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from attrs import frozen

Role: TypeAlias = Literal[
    "state",
    "conn_state",
    "params",
    "input",
    "conn",
    "event",
    "request",
    "response",
    "web_socket",
    "name",
    "arguments",
    "output",
    "verdict",
    "kept",
    "version",
]
"""What a hook's parameter or result is: a type argument of the actor, its ``Conn``, its state as
it is kept, or a type that is the same for all actors (``expected_hook`` says which)."""


@frozen
class HookRule:
    """What the base class declares of one hook.

    Attributes:
        parameters: Name and role of each parameter besides self, in order.
        returns: The role of the result, or None where the hook returns nothing.
        timeout: The field of ``ActorOptions`` that bounds it (C11), or None where it has no bound
            of its own.
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
        "can_subscribe": HookRule(
            (("conn", "conn"), ("event", "event")), "verdict", "can_subscribe_timeout", "OPEN"
        ),
        "can_publish": HookRule(
            (("conn", "conn"), ("queue", "name")), "verdict", "can_publish_timeout", "OPEN"
        ),
        "on_before_action_response": HookRule(  # a part of the action, under its timeout
            (("name", "name"), ("args", "arguments"), ("output", "output")), "output", None, "OPEN"
        ),
        "on_request": HookRule((("request", "request"),), "response", "action_timeout", "OPEN"),
        "on_web_socket": HookRule((("ws", "web_socket"),), None, None, "OPEN"),
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
