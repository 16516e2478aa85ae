"""How to test an actor with pytest: the plugin comes with pyactor, and time is virtual.

Run it with ``pytest examples/testing``.
"""

from __future__ import annotations

import pytest

from examples.chat_room import BadToken, ChatRoom, JoinParams, Message
from pyactor.testing.fixtures import ActorHostFactory, Connect, WatchedConnection


def params(user_id: str) -> JoinParams:
    """What a member passes."""
    return JoinParams("s3cret", user_id)


@pytest.fixture
async def ann(connect: Connect) -> WatchedConnection[ChatRoom]:
    """Somebody who is in the room; connections are closed at the end of a test."""
    return await connect(ChatRoom, "general", params=params("ann"))


async def test_everybody_hears_what_is_said(
    ann: WatchedConnection[ChatRoom], connect: Connect
) -> None:
    """An event that has arrived already is not missed, and its payload is typed."""
    bob = await connect(ChatRoom, "general", params=params("bob"))
    await ann.rpc.post("hi", loud=True)

    message = await bob.expect(ChatRoom.message_posted)
    assert message == Message("HI", "ann")
    await bob.expect_nothing(within=60)


async def test_one_who_is_kicked_is_gone(
    ann: WatchedConnection[ChatRoom], connect: Connect
) -> None:
    """The end of a connection is expected like an event."""
    bob = await connect(ChatRoom, "general", params=params("bob"))
    assert await bob.rpc.kick("ann") == 1

    await ann.expect_close(code=1000, reason="Kicked by admin")
    assert await bob.expect(ChatRoom.user_left) == "ann"


async def test_nobody_comes_in_without_a_token(connect: Connect) -> None:
    """A rejection is the declared error, as in any client."""
    with pytest.raises(BadToken, match="Invalid authentication"):
        await connect(ChatRoom, "general", params=JoinParams())


async def test_an_empty_room_sleeps_and_remembers(
    actor_host: ActorHostFactory, connect: Connect
) -> None:
    """Half a minute takes no time; a restart keeps what is durable and nothing else."""
    host = actor_host(ChatRoom)
    ann = await connect(ChatRoom, "general", params=params("ann"))
    await ann.rpc.post("hi")
    await ann.close()
    await host.advance(31)
    assert not host.is_awake(ChatRoom, "general")

    await host.restart()
    await connect(ChatRoom, "general", params=params("bob"))
    assert host.actor(ChatRoom, "general").state.messages == [Message("hi", "ann")]
