"""The command ``pyactor``: serve actors, check their definitions, show a demo.

Everything the user reads goes out here, as messages; nothing below prints.
"""

from __future__ import annotations

from ._main import main

__all__ = ["main"]
