"""A photo booth: one visitor at a time, with a ticket."""

from __future__ import annotations

from attrs import define

from pyactor import Actor, Conn, UserError, action, hook


class Occupied(UserError):
    """Somebody is in it."""

    code = "occupied"


class NoTicket(UserError):
    """Whoever comes has no ticket."""

    code = "no_ticket"


@define
class Visit:
    """What a visitor brings."""

    has_ticket: bool


class Booth(Actor[None, None, Visit], errors=(Occupied, NoTicket)):
    """Lets one visitor in, who locks the door."""

    def __init__(self) -> None:
        """The door is open."""
        self.is_locked = False

    @hook
    def on_before_connect(self, params: Visit) -> None:
        """Lock the door behind the visitor."""
        if self.is_locked:
            raise Occupied("somebody is in it")
        self.is_locked = True

    @hook
    async def on_connect(self, conn: Conn[None, Visit]) -> None:
        """Ask for the ticket."""
        if not conn.params.has_ticket:
            raise NoTicket("buy a ticket first")

    @hook
    def on_disconnect(self, conn: Conn[None, Visit]) -> None:
        """Unlock the door."""
        self.is_locked = False

    @action
    def smile(self) -> str:
        """Take a picture."""
        return "click"


class FixedBooth(Booth):
    """The same booth."""

    @hook
    def on_before_connect(self, params: Visit) -> None:
        """Lock the door behind the visitor, whatever becomes of the visit."""
        super().on_before_connect(params)
        self.connecting.defer(self._unlock)

    @hook
    def on_disconnect(self, conn: Conn[None, Visit]) -> None:
        """The door is unlocked by what was deferred."""

    def _unlock(self) -> None:
        self.is_locked = False


def nobody_locks_an_empty_booth(booth: Booth) -> bool:
    """The invariant: it is locked if somebody is in it, and only then."""
    return booth.is_locked == bool(booth.conns)
