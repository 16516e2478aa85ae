"""Every timeout and limit of an actor class, with its default (lifecycle.md, "Defaults")."""

from __future__ import annotations

import math
from typing import Any, Literal

from attrs import Attribute, field, frozen

KIB = 1024
MIB = 1024 * KIB


def _positive(instance: object, attribute: Attribute[Any], value: object) -> None:
    """Refuse what is no number above 0, and a fraction where things are counted."""
    name = f"{type(instance).__name__}.{attribute.name}"
    counted = isinstance(attribute.default, int)
    if isinstance(value, bool) or not isinstance(value, int if counted else (int, float)):
        expected = "a whole number" if counted else "a number of seconds"
        raise TypeError(f"{name} is {expected}, not {value!r}")
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be above 0 and finite, not {value!r}")


def _seconds(default: float) -> float:
    seconds: Any = field(default=default, validator=_positive)
    return seconds  # type: ignore[no-any-return] # as attrs has it: it becomes the float


def _count(default: int) -> int:
    count: Any = field(default=default, validator=_positive)
    return count  # type: ignore[no-any-return] # as attrs has it: it becomes the int


def _one_of(instance: object, attribute: Attribute[Any], value: object) -> None:
    """Refuse what is none of the words that the attribute takes."""
    if value not in ("keep", "refuse"):
        name = f"{type(instance).__name__}.{attribute.name}"
        raise ValueError(f"{name} is 'keep' or 'refuse', not {value!r}")


@frozen(kw_only=True)
class ActorOptions:
    """Timeouts in seconds, sizes in bytes, the rest counted.

    Every number must be above 0.

    Attributes:
        on_before_connect_timeout: Of the hook of that name (C11), as the eight after it.
        create_conn_state_timeout: See above.
        on_connect_timeout: See above.
        on_disconnect_timeout: See above; of each deferred callback too.
        create_state_timeout: See above.
        on_create_timeout: See above.
        on_wake_timeout: See above.
        can_subscribe_timeout: See above.
        can_publish_timeout: See above.
        action_timeout: Of an action that declares none itself (C11), of ``on_request``, and of
            ``on_web_socket`` once its websocket is closed.
        sleep_timeout: Idle time before sleep (A3).
        sleep_grace_period: For sleep, destroy and shutdown, everything included (C15).
        state_save_interval: The most work a crash may lose (A4).
        close_timeout: How long a peer may take to answer a close frame (C9).
        ping_interval: Between keepalive pings.
        ping_timeout: Without an answer to a ping, the peer counts as lost.
        open_timeout: For a websocket handshake.
        max_held_messages: Messages of one connection held until ``on_connect`` returned, or
            ``can_subscribe`` about a subscription before them (C5, C16).
        max_held_size: Their bytes.
        max_in_flight_actions: Running actions of one connection.
        max_outgoing_backlog: Bytes that may wait to be written to one connection (C16).
        max_incoming_message: Bytes of one message of a client.
        max_outgoing_message: Bytes of one message to a client.
        max_params_size: Bytes of connection parameters.
        max_input_size: Bytes of the input of a creation.
        max_key_part_size: Bytes of one part of a key.
        max_key_size: Bytes of a whole key.
        max_replay_size: Bytes of the broadcasts that are kept of one ``Event[T](replay=n)`` (C13),
            about as many as they are sent with; each encoding that clients speak may take as much
            again.
        max_schedules: Schedules of one actor (A5).
        max_state_size: Bytes of the state as it is kept.
        unknown_state_fields: What becomes of fields in a kept state that State does not have, as
            a newer version of the code may have written them: ``keep`` writes them back as they
            are, ``refuse`` does not start the actor.
    """

    on_before_connect_timeout: float = _seconds(5.0)
    create_conn_state_timeout: float = _seconds(5.0)
    on_connect_timeout: float = _seconds(5.0)
    on_disconnect_timeout: float = _seconds(5.0)
    create_state_timeout: float = _seconds(5.0)
    on_create_timeout: float = _seconds(5.0)
    on_wake_timeout: float = _seconds(5.0)
    can_subscribe_timeout: float = _seconds(5.0)
    can_publish_timeout: float = _seconds(5.0)
    action_timeout: float = _seconds(60.0)
    sleep_timeout: float = _seconds(30.0)
    sleep_grace_period: float = _seconds(15.0)
    state_save_interval: float = _seconds(1.0)
    close_timeout: float = _seconds(5.0)
    ping_interval: float = _seconds(20.0)
    ping_timeout: float = _seconds(20.0)
    open_timeout: float = _seconds(15.0)
    max_held_messages: int = _count(64)
    max_held_size: int = _count(256 * KIB)
    max_in_flight_actions: int = _count(1024)
    max_outgoing_backlog: int = _count(MIB)
    max_incoming_message: int = _count(64 * KIB)
    max_outgoing_message: int = _count(MIB)
    max_params_size: int = _count(4 * KIB)
    max_input_size: int = _count(4 * MIB)
    max_key_part_size: int = _count(128)
    max_key_size: int = _count(KIB)
    max_replay_size: int = _count(MIB)
    max_schedules: int = _count(1000)
    max_state_size: int = _count(16 * MIB)
    unknown_state_fields: Literal["keep", "refuse"] = field(default="keep", validator=_one_of)
