"""Every timeout and limit of a client, with its default (lifecycle.md, "Defaults")."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias, get_args

from attrs import Attribute, field, frozen

Reconnect: TypeAlias = Literal["unless_disconnected", "always", "never"]


def _positive(_options: object, attribute: Attribute[Any], value: object) -> None:
    """Refuse what is no number above 0, and a fraction where things are counted."""
    name = f"ClientOptions.{attribute.name}"
    counted = isinstance(attribute.default, int)
    if isinstance(value, bool) or not isinstance(value, int if counted else (int, float)):
        expected = "a whole number" if counted else "a number of seconds"
        raise TypeError(f"{name} is {expected}, not {value!r}")
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be above 0 and finite, not {value!r}")


def _reconnect(_options: object, _attribute: object, value: object) -> None:
    if value not in get_args(Reconnect):
        choices = ", ".join(map(repr, get_args(Reconnect)))
        raise ValueError(f"ClientOptions.reconnect is one of {choices}, not {value!r}")


@frozen(kw_only=True)
class ClientOptions:
    """How a client waits, retries and gives up: of `Client`, or of one connection.

    Times are seconds and everything must be above 0.

    Attributes:
        backoff_initial: The most that the first pause before a new attempt takes. Each pause is
            a random part of its bound (*full jitter*), and each bound twice the one before.
        backoff_max: The highest of these bounds. A connection that lasted as long sets them back.
        reconnect: When a lost connection is made anew. ``"unless_disconnected"``: always but
            after ``conn.disconnect()`` of the actor (close 1000); ``"always"``: then too, as
            official clients do; ``"never"``: neither that, nor a second attempt to open it.
        open_timeout: Of one attempt, from its params to the host's ``Init``.
        connect_timeout: How long ``async with handle.connect()`` tries to enter.
        call_timeout: Of one call, waiting included; a little over a host's ``action_timeout``,
            so that the host can say itself what was too slow.
        wait_timeout: How long a call may wait for a connection.
        max_waiting_calls: How many may.
    """

    backoff_initial: float = field(default=0.25, validator=_positive)
    backoff_max: float = field(default=10.0, validator=_positive)
    reconnect: Reconnect = field(default="unless_disconnected", validator=_reconnect)
    open_timeout: float = field(default=30.0, validator=_positive)
    connect_timeout: float = field(default=30.0, validator=_positive)
    call_timeout: float = field(default=65.0, validator=_positive)
    wait_timeout: float = field(default=30.0, validator=_positive)
    max_waiting_calls: int = field(default=1000, validator=_positive)
