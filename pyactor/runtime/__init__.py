"""Where the sans-I/O half meets await: instances, and the drivers of their connections."""

from ._alarm import Alarm
from ._clock import Clock
from ._errors import error_to_send, is_public
from ._instance import Instance
from ._lifecycle import ActorInput, ActorLifecycle, ActorPhase
from ._queue import QueueDriver
from ._raw_request import RawRequestDriver
from ._raw_web_socket import RawWebSocketDriver
from ._schedule import Schedules
from ._sizes import check_size
from ._start_stop import create, destroy, sleep, wake
from ._stateless import StatelessDriver
from ._websocket import ChannelDriver

__all__ = [
    "ActorInput",
    "ActorLifecycle",
    "ActorPhase",
    "Alarm",
    "ChannelDriver",
    "Clock",
    "Instance",
    "QueueDriver",
    "RawRequestDriver",
    "RawWebSocketDriver",
    "Schedules",
    "StatelessDriver",
    "check_size",
    "create",
    "destroy",
    "error_to_send",
    "is_public",
    "sleep",
    "wake",
]
