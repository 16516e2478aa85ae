"""Where actors are kept while they are not in memory."""

from ._inline import InlineStorage
from ._protocol import (
    ActorEntry,
    ActorRecord,
    Changes,
    ScheduleRecord,
    Storage,
    StorageCore,
    StoredActor,
)
from ._sqlite_core import SqliteCore
from .memory import MemoryCore, MemoryStorage
from .sqlite import SqliteStorage

__all__ = [
    "ActorEntry",
    "ActorRecord",
    "Changes",
    "InlineStorage",
    "MemoryCore",
    "MemoryStorage",
    "ScheduleRecord",
    "SqliteCore",
    "SqliteStorage",
    "Storage",
    "StorageCore",
    "StoredActor",
]
