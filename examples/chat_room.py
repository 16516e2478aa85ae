"""A chat room with every part of an actor: state, conn state, params, events, hooks, actions.

Serve it with ``pyactor serve examples.chat_room:registry``, or run this file, which prints:

    over HTTP, by ann
    HI
    the same, checked the same
    untyped, for dynamic callers
    only for ann
    kicked 1: Be nice
"""

from __future__ import annotations

import asyncio

from attrs import Factory, define

from pyactor import Actor, Client, Conn, Event, Host, Registry, UserError, action, hook


@define
class Message:
    """What is said: the payload of an event and the result of an action."""

    text: str
    author: str


@define
class RoomState:
    """What the room remembers."""

    messages: list[Message] = Factory(list)


@define
class Member:
    """What the room knows of one connection."""

    user_id: str
    role: str


@define
class JoinParams:
    """What a client passes when it connects."""

    auth_token: str = ""
    user_id: str = "anonymous"
    role: str = "guest"


class BadToken(UserError):
    """The token is missing. Declared, so a Python client catches this same class."""

    code = "bad_token"


class ChatRoom(
    Actor[RoomState, Member, JoinParams],
    name="chatRoom",
    wire_case="camel",
    errors=(BadToken,),
):
    """One room; its key is the name of the room."""

    message_posted = Event[Message]()
    user_left = Event[str]()

    @hook
    async def on_before_connect(self, params: JoinParams) -> None:
        """Let nobody in without a token."""
        if not params.auth_token:
            raise BadToken("Invalid authentication")

    @hook
    def create_conn_state(self, params: JoinParams) -> Member:
        """Remember who it is."""
        return Member(params.user_id, params.role)

    @hook
    async def on_disconnect(self, conn: Conn[Member, JoinParams]) -> None:
        """Tell the others."""
        self.user_left.broadcast(conn.state.user_id)

    @action
    async def post(self, text: str, *, loud: bool = False) -> Message:
        """Say something to everybody."""
        message = Message(text.upper() if loud else text, self.conn.state.user_id)
        self.state.messages.append(message)
        self.message_posted.broadcast(message)
        return message

    @action
    def direct(self, user_id: str, text: str) -> bool:
        """Say something to one member; False if they are not here."""
        for conn in self.conns.values():
            if conn.state.user_id == user_id:
                conn.send(ChatRoom.message_posted, Message(text, self.conn.state.user_id))
                return True
        return False

    @action(timeout=5)
    async def kick(self, user_id: str, reason: str = "Kicked by admin") -> int:
        """End every connection of one member; how many there were."""
        targets = [conn for conn in self.conns.values() if conn.state.user_id == user_id]
        for conn in targets:
            await conn.disconnect(reason)
        return len(targets)


registry = Registry(ChatRoom)


async def main() -> None:
    """Two members talk, and one is kicked."""
    async with Host(registry, port=0) as host, Client(host.url) as client:
        room = client.actor(ChatRoom).get_or_create("general", params=JoinParams("s3cret", "ann"))
        message = await room.rpc.post("over HTTP")
        print(f"{message.text}, by {message.author}")

        async with room.connect() as conn:

            @conn.on(ChatRoom.message_posted)
            def show(message: Message) -> None:
                print(message.text)

            await conn.rpc.post("hi", loud=True)
            await conn.call(ChatRoom.post, "the same, checked the same")
            await conn.call_by_name("post", "untyped, for dynamic callers")
            await conn.rpc.direct("ann", "only for ann")

            admin = client.actor(ChatRoom).get("general", params=JoinParams("s3cret", "bob"))
            kicked = await admin.rpc.kick("ann", "Be nice")
            closed = await conn.wait_closed()
            print(f"kicked {kicked}: {closed.reason}")


if __name__ == "__main__":
    asyncio.run(main())
