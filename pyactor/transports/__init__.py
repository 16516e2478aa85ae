"""Where bytes come in: accept a connection, make a request or a channel of it, call the host.

A transport decides nothing about actors. ``server`` is the one on a port of its own.
"""

from ._host import Host
from .server import ServerLimits

__all__ = ["Host", "ServerLimits"]
