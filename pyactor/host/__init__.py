"""Registry (name -> definition), directory (key -> instance), and the paths that lead there."""

from ._host import ActorHost
from ._status import ActorStatus
from .registry import Registry

__all__ = ["ActorHost", "ActorStatus", "Registry"]
