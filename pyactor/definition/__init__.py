"""What users declare: actor classes, checked and turned into frozen dispatch tables.

Knows nothing of connections, time or bytes: no asyncio, no wire, no run time.
"""

from ..errors import UserError
from ._actor import Actor, ActorContract, NoActor
from ._arguments import ParameterSpec
from ._conn import Conn, Connecting
from ._context import ActorContext, ConnContext
from ._cron import Cron
from ._hooks import HOOKS, HookRule
from ._http import Request, Response
from ._location import Location
from ._markers import Action, ActionDecorator, Event, action, hook
from ._meta import ActorMeta, collecting, definition_of, problems_of
from ._options import ActorOptions
from ._refs import ActionRef, AnyEvent, BoundEvent, EventRef, Ref, resolve
from ._schedule import CronJob, CronJobs, FutureCall, Schedule, ScheduleContext, Scheduled
from ._table import ActionSpec, ActorDefinition, EventSpec, HookSpec
from ._web_socket import WebSocket, WebSocketContext

__all__ = [
    # what users write
    "Actor",
    "ActorContract",
    "ActorOptions",
    "Conn",
    "Connecting",
    "Cron",
    "CronJob",
    "CronJobs",
    "Event",
    "Request",
    "Response",
    "Schedule",
    "Scheduled",
    "UserError",
    "WebSocket",
    "action",
    "hook",
    "resolve",
    # what class access gives
    "Action",
    "ActionDecorator",
    "ActionRef",
    "AnyEvent",
    "BoundEvent",
    "EventRef",
    "NoActor",
    "Ref",
    # the table
    "HOOKS",
    "ActionSpec",
    "ActorDefinition",
    "ActorMeta",
    "EventSpec",
    "HookRule",
    "HookSpec",
    "Location",
    "ParameterSpec",
    "collecting",
    "definition_of",
    "problems_of",
    # what a run time provides
    "ActorContext",
    "ConnContext",
    "WebSocketContext",
    "FutureCall",
    "ScheduleContext",
]
