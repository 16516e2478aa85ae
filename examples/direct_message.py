"""A direct message: find the recipient in ``conns`` and ``send`` to that connection alone.

``send`` reaches the connection whether it has subscribed or not (rule C13). Prints:

    bob got: psst, from ann
    to carol: not here
"""

from __future__ import annotations

import asyncio

from attrs import define

from pyactor import Actor, Client, Event, Host, Registry, action, hook


@define
class JoinParams:
    """What a client passes when it connects."""

    user_id: str


@define
class Member:
    """What the room knows of one connection."""

    user_id: str


@define
class DirectMessage:
    """What one member says to another."""

    sender: str
    text: str


class Room(Actor[None, Member, JoinParams]):
    """An actor that carries messages between two of its connections."""

    direct_message = Event[DirectMessage]()

    @hook
    def create_conn_state(self, params: JoinParams) -> Member:
        """Remember who it is."""
        return Member(params.user_id)

    @action
    def send_direct_message(self, recipient_id: str, text: str) -> bool:
        """Send to one member; False if they are not here."""
        for conn in self.conns.values():
            if conn.state.user_id == recipient_id:
                conn.send(Room.direct_message, DirectMessage(self.conn.state.user_id, text))
                return True
        return False


registry = Registry(Room)


async def main() -> None:
    """Ann writes to Bob, and to Carol, who is not here."""
    async with Host(registry, port=0) as host, Client(host.url) as client:
        rooms = client.actor(Room)
        async with (
            rooms.get_or_create("general", params=JoinParams("ann")).connect() as ann,
            rooms.get_or_create("general", params=JoinParams("bob")).connect() as bob,
        ):
            arrived = asyncio.Event()

            @bob.once(Room.direct_message)
            def show(message: DirectMessage) -> None:
                print(f"bob got: {message.text}, from {message.sender}")
                arrived.set()

            await ann.rpc.send_direct_message("bob", "psst")
            await arrived.wait()
            found = await ann.rpc.send_direct_message("carol", "psst")
            print("to carol:", "sent" if found else "not here")


if __name__ == "__main__":
    asyncio.run(main())
