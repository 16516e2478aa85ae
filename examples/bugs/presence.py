"""How many people are here, kept as people come and go."""

from __future__ import annotations

from attrs import define

from pyactor import Actor, Conn, action, hook


@define
class JoinParams:
    """Who comes."""

    user_id: str


@define
class Member:
    """Whose connection it is."""

    user_id: str


@define
class RoomState:
    """What the room keeps."""

    online: int = 0


class Room(Actor[RoomState, Member, JoinParams]):
    """Counts the people in it."""

    @hook
    def create_conn_state(self, params: JoinParams) -> Member:
        """Remember who it is."""
        return Member(params.user_id)

    @hook
    def on_connect(self, conn: Conn[Member, JoinParams]) -> None:
        """Somebody comes."""
        self.state.online += 1

    @hook
    def on_disconnect(self, conn: Conn[Member, JoinParams]) -> None:
        """Somebody goes."""
        self.state.online -= 1

    @action
    def online(self) -> int:
        """How many people are here."""
        return self.state.online


class FixedRoom(Room):
    """The same room."""

    @hook
    def on_connect(self, conn: Conn[Member, JoinParams]) -> None:
        """Somebody comes."""
        self._count()

    @hook
    def on_disconnect(self, conn: Conn[Member, JoinParams]) -> None:
        """Somebody goes."""
        self._count()

    @hook
    def on_wake(self) -> None:
        """Nobody is here yet, whoever was when the host went down."""
        self._count()

    def _count(self) -> None:
        self.state.online = len({conn.state.user_id for conn in self.conns.values()})


def everybody_counts_once(room: Room) -> bool:
    """The invariant: a person counts once, with however many connections."""
    return room.state.online == len({conn.state.user_id for conn in room.conns.values()})
