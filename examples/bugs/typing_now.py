"""Who is typing, for the others to see."""

from __future__ import annotations

from pyactor import Actor, Conn, Event, action, hook


class Chat(Actor[None]):
    """Knows which of its connections are typing."""

    typing_changed = Event[int]()

    def __init__(self) -> None:
        """Nobody types yet."""
        self.typing: set[str] = set()

    @action
    def begin_typing(self) -> None:
        """The caller has begun to type."""
        self.typing.add(self.conn.id)
        self.typing_changed.broadcast(len(self.typing))

    @action
    def end_typing(self) -> None:
        """The caller has stopped."""
        self.typing.discard(self.conn.id)
        self.typing_changed.broadcast(len(self.typing))


class FixedChat(Chat):
    """The same chat."""

    @hook
    def on_disconnect(self, conn: Conn[None]) -> None:
        """Who has gone does not type."""
        self.typing.discard(conn.id)
        self.typing_changed.broadcast(len(self.typing))


def only_who_is_here_types(chat: Chat) -> bool:
    """The invariant: who types is connected."""
    return chat.typing <= set(chat.conns)
