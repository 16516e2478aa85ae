"""Connections: handshake, calls, events, and every way to end. The host is a script.

How a connection comes back: ``test_reconnection.py``. Here one that is lost mostly stays lost.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import weakref
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

import pytest
from attrs import define

from pyactor.client import Client, ClientOptions, Closed, Connection
from pyactor.definition import Actor, Event, UserError, action
from pyactor.errors import ActorError, ActorNotFound, ConnectionLost
from pyactor.wire import messages
from pyactor.wire.channel import Channel
from pyactor.wire.codecs import codec_for
from pyactor.wire.http import HttpRequest, HttpResponse

CODEC = codec_for("json")
ONCE = ClientOptions(reconnect="never")
CALLER: ContextVar[str] = ContextVar("CALLER", default="nobody")


@define
class Login:
    user: str


@define
class Message:
    text: str


class Denied(UserError):
    code = "denied"


class Room(Actor[None, None, Login], name="room", wire_case="camel", errors=(Denied,)):
    message_posted = Event[Message]()
    room_closed = Event[None]()

    @action
    def post(self, text: str) -> Message:
        return Message(text)


class Other(Actor[None], name="other"):
    ticked = Event[None]()


class Peer:
    """The host's end of one connection, led by the test."""

    def __init__(self, request: HttpRequest, channel: Channel) -> None:
        self.request = request
        self.channel = channel
        self.received: asyncio.Queue[messages.ToServer | tuple[int, str] | str] = asyncio.Queue()
        channel.attach(self, ping_interval=20, ping_timeout=20, close_timeout=5)

    def receive_data(self, data: str | bytes) -> None:
        self.received.put_nowait(CODEC.decode_to_server(data))

    def receive_close(self, code: int, reason: str) -> None:
        self.received.put_nowait((code, reason))

    def receive_lost(self) -> None:
        self.received.put_nowait("lost")

    def send(self, *sent: messages.ToClient) -> None:
        for message in sent:
            self.channel.send(CODEC.encode_to_client(message, 0))

    async def next(self) -> messages.ToServer | tuple[int, str] | str:
        return await asyncio.wait_for(self.received.get(), 5)

    async def answers(self, output: object) -> messages.ActionRequest:
        """Answer the next message, a call."""
        request = await self.next()
        assert isinstance(request, messages.ActionRequest)
        self.send(messages.ActionResponse(request.id, output))
        return request


class Script:
    """A host whose connections the test leads: ``greet`` does the first step of each."""

    def __init__(self, greet: Callable[[Peer], None]) -> None:
        self.greet = greet
        self.peers: list[Peer] = []
        self.callers: list[str] = []

    async def respond(self, request: HttpRequest, /) -> HttpResponse:
        raise AssertionError("no request was expected")

    def open_channel(self, request: HttpRequest, channel: Channel, /) -> None:
        self.callers.append(CALLER.get())
        peer = Peer(request, channel)
        self.peers.append(peer)
        self.greet(peer)


def welcome(peer: Peer) -> None:
    peer.send(messages.Init("actor-1", "conn-1"))


def silence(peer: Peer) -> None:
    pass


def posted(text: str) -> messages.Event:
    return messages.Event("messagePosted", [{"text": text}])


def tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def run(
    scenario: Callable[[Connection[Room], Script], Coroutine[None, None, None]],
    greet: Callable[[Peer], None] = welcome,
    options: ClientOptions | None = None,
) -> None:
    """Run a scenario on a connection that is not open yet; afterwards nothing may be left."""
    unhandled: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: unhandled.append(what))
        script = Script(greet)
        async with Client(script) as client:
            room = client.actor(Room).get_or_create("a", params=Login("Zoë"))
            conn = room.connect(options=options)
            await scenario(conn, script)
        await settle()
        assert tasks() == set()
        # A future whose error nobody took tells the loop when it is collected.
        del conn
        gc.collect()

    asyncio.run(main())
    assert unhandled == []


def run_open(
    scenario: Callable[[Connection[Room], Peer], Coroutine[None, None, None]],
    options: ClientOptions | None = None,
) -> None:
    """Run a scenario on an open connection."""

    async def opened(conn: Connection[Room], script: Script) -> None:
        async with conn:
            await scenario(conn, script.peers[0])

    run(opened, options=options)


# ------------------------------------------------------------------ opening


def test_the_handshake_and_what_it_gives() -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        assert (conn.actor_id, conn.conn_id) == ("actor-1", "conn-1")
        assert repr(conn) == "<Connection to room conn-1>"
        assert peer.request.method == "GET"
        assert peer.request.target.startswith("/gateway/room/connect?rvt-namespace=default&")
        offered = peer.request.headers["sec-websocket-protocol"].split(", ")
        assert offered[:2] == ["rivet", "rivet_encoding.json"]
        assert json.loads(unquote(offered[2].removeprefix("rivet_conn_params."))) == {"user": "Zoë"}

    run_open(scenario)


@pytest.mark.parametrize(
    ("group", "code", "kind"),
    [("user", "denied", Denied), ("actor", "not_found", ActorNotFound), ("a", "b", ActorError)],
)
def test_a_rejection_is_raised_on_entering(group: str, code: str, kind: type[ActorError]) -> None:
    def reject(peer: Peer) -> None:
        peer.send(messages.Error(group, code, "go away", ["why"]))
        peer.channel.close(1011, f"{group}.{code}")

    async def scenario(conn: Connection[Room], script: Script) -> None:
        with pytest.raises(ActorError, match="go away") as caught:
            await conn.__aenter__()
        assert type(caught.value) is kind
        assert caught.value.metadata == ["why"]
        assert await conn.wait_closed() == Closed(1011, f"{group}.{code}")
        await conn.close()

    run(scenario, reject)


def test_a_close_instead_of_an_init() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        with pytest.raises(ActorError, match="going_away") as caught:
            await conn.__aenter__()
        assert caught.value.name == "ws.going_away"

    run(scenario, lambda peer: peer.channel.close(1001, "ws.going_away"), ONCE)


def test_a_loss_instead_of_an_init() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        with pytest.raises(ConnectionLost, match="before it opened") as caught:
            await conn.__aenter__()
        assert not caught.value.may_have_run

    run(scenario, lambda peer: peer.channel.abort(), ONCE)


@pytest.mark.parametrize("data", ["garbage", b"\xff", '{"body":{"tag":"Odd","val":{}}}'])
def test_garbage_instead_of_an_init(data: str | bytes) -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        with pytest.raises(ActorError) as caught:
            await conn.__aenter__()
        assert caught.value.name == "client.invalid_response"
        assert await script.peers[0].next() == (1002, "client.invalid_response")

    run(scenario, lambda peer: peer.channel.send(data), ONCE)


def test_opening_can_be_cancelled() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        opening = asyncio.create_task(conn.__aenter__())
        await settle()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert await script.peers[0].next() == "lost"
        await conn.close()

    run(scenario, silence)


def test_closing_while_it_opens() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        opening = asyncio.create_task(conn.__aenter__())
        await settle()
        await conn.close()
        with pytest.raises(ConnectionLost, match="ended before it was open"):
            await opening
        assert await script.peers[0].next() == (1000, "")

    run(scenario, silence)


def test_a_call_while_it_opens_waits_and_fails_with_it_unsent() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        opening = asyncio.create_task(conn.__aenter__())
        await settle()
        call = asyncio.create_task(conn.rpc.post("a"))
        await settle()
        assert script.peers[0].received.empty()
        script.peers[0].channel.close(1011, "user.denied")
        with pytest.raises(ConnectionLost, match="before 'post' was sent") as caught:
            await call
        assert not caught.value.may_have_run
        with pytest.raises(Denied):
            await opening

    run(scenario, silence)


def test_the_host_does_not_see_the_caller_s_context() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        CALLER.set("an actor")
        async with conn:
            assert script.callers == ["nobody"]

    run(scenario)


def test_a_closed_connection_is_not_kept_by_its_client() -> None:
    async def main() -> None:
        script = Script(welcome)
        async with Client(script) as client:
            conn = client.actor(Room).get("a", params=Login("x")).connect()
            async with conn:
                kept = weakref.ref(conn)
            del conn
            # A host lets go of its end as well.
            script.peers.clear()
            await settle()
            gc.collect()
            assert kept() is None

    asyncio.run(main())


def test_a_connection_opens_once() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        async with conn:
            pass
        with pytest.raises(RuntimeError, match="takes a new one"):
            await conn.__aenter__()

    run(scenario)


def test_what_was_never_open_says_so() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        assert repr(conn) == "<Connection to room that is not open>"
        with pytest.raises(ConnectionLost, match="is not open"):
            print(conn.actor_id)
        with pytest.raises(ConnectionLost, match="is not open"):
            print(conn.conn_id)
        with pytest.raises(ConnectionLost, match=r"async with handle\.connect") as caught:
            await conn.rpc.post("x")
        assert not caught.value.may_have_run
        with pytest.raises(ConnectionLost, match="is not open"):
            await conn.wait_closed()
        await conn.close()

    run(scenario)


# ------------------------------------------------------------------ calls


def test_calls_are_answered_by_their_ids_in_any_order() -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        calls = [asyncio.create_task(conn.rpc.post(text)) for text in ("a", "b")]
        first, second = await peer.next(), await peer.next()
        assert isinstance(first, messages.ActionRequest)
        assert isinstance(second, messages.ActionRequest)
        assert (first.name, first.args, second.args) == ("post", ["a"], ["b"])
        peer.send(messages.ActionResponse(second.id, {"text": "B"}))
        peer.send(messages.ActionResponse(first.id, {"text": "A"}))
        assert await asyncio.gather(*calls) == [Message("A"), Message("B")]

    run_open(scenario)


def test_a_call_s_error_is_its_own() -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        call = asyncio.create_task(conn.call(Room.post, "a"))
        request = await peer.next()
        assert isinstance(request, messages.ActionRequest)
        peer.send(messages.Error("user", "denied", "no", None, request.id))
        with pytest.raises(Denied, match="no"):
            await call
        other = asyncio.create_task(conn.call_by_name("post", "b"))
        await peer.answers({"text": "B"})
        assert await other == Message("B")

    run_open(scenario)


def test_cancelling_a_call_cancels_only_the_wait() -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        call = asyncio.create_task(conn.rpc.post("a"))
        request = await peer.next()
        assert isinstance(request, messages.ActionRequest)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        peer.send(messages.ActionResponse(request.id, {"text": "late"}))
        peer.send(messages.Error("user", "denied", "late too", None, request.id))
        other = asyncio.create_task(conn.rpc.post("b"))
        await peer.answers({"text": "B"})
        assert await other == Message("B")

    run_open(scenario)


def test_what_cannot_be_encoded_fails_alone() -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        with pytest.raises(ValueError, match="nan"):
            await conn.call_by_name("unknown", float("nan"))
        call = asyncio.create_task(conn.rpc.post("a"))
        await peer.answers({"text": "A"})
        assert await call == Message("A")

    run_open(scenario)


# ------------------------------------------------------------------ ends


def test_a_disconnect_by_the_host() -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        call = asyncio.create_task(conn.rpc.post("a"))
        await peer.next()
        peer.channel.close(1000, "Kicked by admin")
        assert await conn.wait_closed() == Closed(1000, "Kicked by admin")
        with pytest.raises(
            ConnectionLost, match=r"before 'post' was answered \(1000: Kicked by admin\)"
        ) as caught:
            await call
        assert caught.value.may_have_run
        with pytest.raises(ConnectionLost, match=r"before 'post' was sent \(1000") as caught:
            await conn.rpc.post("b")
        assert not caught.value.may_have_run
        conn.on(Room.room_closed)(lambda: None)
        assert await conn.wait_closed() == Closed(1000, "Kicked by admin")

    run_open(scenario)


def test_a_lost_connection() -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        call = asyncio.create_task(conn.rpc.post("a"))
        await peer.next()
        peer.channel.abort()
        with pytest.raises(ConnectionLost, match="ended before 'post' was answered"):
            await call
        assert await conn.wait_closed() == Closed(1006, "")

    run_open(scenario, ONCE)


def test_garbage_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        call = asyncio.create_task(conn.rpc.post("a"))
        await peer.next()
        peer.channel.send("garbage")
        with pytest.raises(ConnectionLost, match=r"client\.invalid_response"):
            await call
        assert await peer.next() == (1002, "client.invalid_response")
        assert await conn.wait_closed() == Closed(1002, "client.invalid_response")

    with caplog.at_level(logging.WARNING, "pyactor.client"):
        run_open(scenario, ONCE)
    assert "cannot be read" in caplog.text


def test_leaving_closes_and_waits_until_nothing_is_left() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        async with conn:
            call = asyncio.create_task(conn.rpc.post("a"))
            waiting = asyncio.create_task(conn.wait_closed())
            await script.peers[0].next()
        assert await script.peers[0].next() == (1000, "")
        with pytest.raises(ConnectionLost):
            await call
        assert await waiting == Closed(1000, "")
        await conn.close()

    run(scenario)


def test_cancelling_one_waiter_leaves_the_others() -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        first, second = (asyncio.create_task(conn.wait_closed()) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        peer.channel.close(1000, "bye")
        assert await second == Closed(1000, "bye")

    run_open(scenario)


def test_closing_the_client_closes_its_connections() -> None:
    async def main() -> None:
        script = Script(welcome)
        client = Client(script)
        conns = [client.actor(Room).get(str(n), params=Login("x")).connect() for n in range(3)]
        for conn in conns:
            await conn.__aenter__()
        conn = conns[0]

        @conn.on(Room.room_closed)
        async def hang() -> None:
            await asyncio.get_running_loop().create_future()

        script.peers[0].send(messages.Event("roomClosed", []))
        await settle()
        assert len(tasks()) == 1
        await client.aclose()
        assert [await conn.wait_closed() for conn in conns] == [Closed(1000, "")] * 3
        assert tasks() == set()

    asyncio.run(main())


# ------------------------------------------------------------------ events


def test_subscriptions_follow_the_callbacks() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        seen: list[object] = []

        @conn.on(Room.message_posted)
        def early(message: Message) -> None:
            seen.append(("early", message.text))

        async with conn:
            peer = script.peers[0]
            assert await peer.next() == messages.SubscriptionRequest("messagePosted", True)

            @conn.once(Room.room_closed)
            def closed() -> None:
                seen.append("closed")

            assert await peer.next() == messages.SubscriptionRequest("roomClosed", True)

            @conn.on(Room.message_posted)
            def late(message: Message) -> None:
                seen.append(("late", message.text))

            peer.send(posted("1"), messages.Event("roomClosed", []), posted("2"))
            assert await peer.next() == messages.SubscriptionRequest("roomClosed", False)
            await settle()
            conn.off(Room.message_posted, early)
            peer.send(posted("3"))
            await settle()
            conn.off(Room.message_posted, late)
            assert await peer.next() == messages.SubscriptionRequest("messagePosted", False)
            conn.off(Room.message_posted, late)
            peer.send(posted("4"))
            await settle()
            assert peer.received.empty()
        assert seen == [
            ("early", "1"),
            ("late", "1"),
            "closed",
            ("early", "2"),
            ("late", "2"),
            ("late", "3"),
        ]

    run(scenario)


def test_an_event_before_init_arrives() -> None:
    def greet(peer: Peer) -> None:
        peer.send(posted("from on_connect"), messages.Init("actor-1", "conn-1"))

    async def scenario(conn: Connection[Room], script: Script) -> None:
        seen: list[str] = []
        conn.on(Room.message_posted)(lambda message: seen.append(message.text))
        async with conn:
            assert seen == ["from on_connect"]

    run(scenario, greet)


def test_async_callbacks_begin_in_order_and_can_call_and_close() -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        order: list[str] = []

        @conn.on(Room.message_posted)
        async def show(message: Message) -> None:
            order.append(message.text)
            answer = await conn.rpc.post(message.text)
            order.append(answer.text)
            await conn.close()
            order.append("closed")

        assert isinstance(await peer.next(), messages.SubscriptionRequest)
        peer.send(posted("1"))
        await peer.answers({"text": "answer"})
        assert await conn.wait_closed() == Closed(1000, "")
        await settle()
        assert order == ["1", "answer", "closed"]

    run_open(scenario)


def test_what_goes_wrong_with_an_event_is_logged_and_disturbs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(conn: Connection[Room], peer: Peer) -> None:
        seen: list[str] = []

        @conn.on(Room.message_posted)
        def broken(message: Message) -> None:
            raise ZeroDivisionError(message.text)

        @conn.on(Room.message_posted)
        def fine(message: Message) -> None:
            seen.append(message.text)

        peer.send(
            messages.Event("messagePosted", [{"text": 3}]),
            messages.Event("messagePosted", []),
            messages.Event("unheardOf", [1]),
            messages.Error("event", "not_found", "no such event"),
            posted("good"),
        )
        await settle()
        assert seen == ["good"]
        assert isinstance(await peer.next(), messages.SubscriptionRequest)
        call = asyncio.create_task(conn.rpc.post("a"))
        await peer.answers({"text": "A"})
        assert await call == Message("A")

    with caplog.at_level(logging.WARNING, "pyactor.client"):
        run_open(scenario)
    assert [record.getMessage() for record in caplog.records] == [
        "event 'messagePosted' of room was dropped",
        "event 'messagePosted' of room was dropped",
        "room has no event 'unheardOf'; it was dropped",
        "room: the host reports event.not_found: no such event",
        "a callback of event 'messagePosted' raised",
    ]


def test_another_actor_s_event_is_refused() -> None:
    async def scenario(conn: Connection[Room], script: Script) -> None:
        untyped: Any = conn
        for register in (untyped.on, untyped.once):
            with pytest.raises(TypeError, match="Other"):
                register(Other.ticked)
        with pytest.raises(TypeError, match="Other"):
            untyped.off(Other.ticked, print)

    run(scenario)
