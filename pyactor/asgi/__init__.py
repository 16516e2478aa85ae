"""Actors as an ASGI application: below FastAPI, Starlette, or any ASGI server.

``rooms = pyactor.asgi.app(registry)`` has its requests and websockets from somebody else's server
and answers as a host does. It imports no framework and no server.
"""

from ._app import App, app
from ._types import Message, Receive, Scope, Send

__all__ = ["app", "App", "Message", "Receive", "Scope", "Send"]
