"""Registry (name -> definition), directory (key -> instance), and the paths that lead there."""

from ._host import ActorHost
from .registry import Registry

__all__ = ["ActorHost", "Registry"]
