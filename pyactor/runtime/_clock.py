"""Where time of day and randomness come in, so that a test may put its own in their place."""

from __future__ import annotations

import secrets
import time


class Clock:
    """The real world's clock and source of ids."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()

    def new_id(self) -> str:
        """A fresh id that nobody can guess: 32 hexadecimal digits."""
        return secrets.token_hex(16)
