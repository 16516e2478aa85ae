"""Where actors are kept while they are not in memory."""

from ._protocol import ActorRecord, Storage
from .memory import MemoryStorage

__all__ = ["ActorRecord", "MemoryStorage", "Storage"]
