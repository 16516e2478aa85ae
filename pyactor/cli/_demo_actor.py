"""The actor of ``pyactor demo``: a chat room with a door, as a user would write it.

It notes in a log what runs, which is what the transcript shows.
"""

from __future__ import annotations

import logging

from attrs import Factory, define

from ..definition import Actor, Conn, Event, UserError, action, hook
from ..host import Registry

log = logging.getLogger("pyactor.demo")


@define
class Message:
    """What is said."""

    author: str
    text: str


@define
class RoomState:
    """What the room remembers: durable state."""

    messages: list[Message] = Factory(list)
    banned: set[str] = Factory(set)


@define
class Member:
    """What the room knows of one connection."""

    user: str


@define
class JoinParams:
    """What a client passes when it connects."""

    user: str
    token: str


class BadToken(UserError):
    """The token opens no door."""

    code = "bad_token"


class Banned(UserError):
    """Whoever was kicked stays out."""

    code = "banned"


class ChatRoom(
    Actor[RoomState, Member, JoinParams],
    name="chatRoom",
    wire_case="camel",
    errors=(BadToken, Banned),
):
    """One room of people who talk."""

    joined = Event[str]()
    said = Event[Message]()
    left = Event[str]()

    @hook
    def on_create(self) -> None:
        """The first start of this room, ever."""
        log.info("on_create            room %s is new", self.key[0])

    @hook
    def on_wake(self) -> None:
        """Every start."""
        log.info("on_wake")

    @hook
    def on_before_connect(self, params: JoinParams) -> None:
        """Decide who comes in."""
        log.info("on_before_connect    %s, token %r", params.user, params.token)
        if params.token != "s3cret":  # noqa: S105 - the demo's only secret
            raise BadToken("this token opens no door")
        if params.user in self.state.banned:
            raise Banned(f"{params.user} was kicked and stays out")

    @hook
    def create_conn_state(self, params: JoinParams) -> Member:
        """What to remember of a connection."""
        log.info("create_conn_state    Member(user=%r)", params.user)
        return Member(params.user)

    @hook
    def on_connect(self, conn: Conn[Member, JoinParams]) -> None:
        """Greet; the connection is in ``conns`` from here on."""
        log.info("on_connect           %s; %d in the room", conn.state.user, len(self.conns))
        self.joined.broadcast(conn.state.user)

    @hook
    def on_disconnect(self, conn: Conn[Member, JoinParams]) -> None:
        """Tell the others; the connection has left ``conns``."""
        log.info("on_disconnect        %s; %d in the room", conn.state.user, len(self.conns))
        self.left.broadcast(conn.state.user)

    @hook
    def on_sleep(self) -> None:
        """The room leaves memory."""
        log.info("on_sleep             %d messages kept", len(self.state.messages))

    @action
    def say(self, text: str) -> int:
        """Say something to everybody; how many messages there are now."""
        message = Message(self.conn.state.user, text)
        self.state.messages.append(message)
        self.said.broadcast(message)
        return len(self.state.messages)

    @action
    async def kick(self, user: str, reason: str) -> int:
        """Keep a user out, and end their connections; how many there were."""
        self.state.banned.add(user)
        targets = [conn for conn in self.conns.values() if conn.state.user == user]
        for conn in targets:
            await conn.disconnect(reason)
        return len(targets)


registry = Registry(ChatRoom)
