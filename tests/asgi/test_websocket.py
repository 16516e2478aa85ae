"""Websockets over ASGI: messages both ways, slow readers, and every kind of end."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pyactor.asgi._websocket import WebsocketChannel

if TYPE_CHECKING:
    from tests.asgi.conftest import Call, Server

JSON = ("rivet", "rivet_encoding.json")


def request(name: str, *args: Any) -> str:
    val = {"id": 1, "name": name, "args": list(args)}
    return json.dumps({"body": {"tag": "ActionRequest", "val": val}})


def subscribe(event: str) -> str:
    val = {"eventName": event, "subscribe": True}
    return json.dumps({"body": {"tag": "SubscriptionRequest", "val": val}})


async def heard(call: Call) -> tuple[str, Any]:
    """The next message of the protocol."""
    body = json.loads((await call.next("websocket.send"))["text"])["body"]
    return body["tag"], body["val"]


async def connected(server: Server) -> Call:
    call = await server.socket("/connect", *JSON)
    assert (await heard(call))[0] == "Init"
    return call


def leave(call: Call, code: int = 1000, reason: str = "") -> None:
    call.tell("websocket.disconnect", code=code, reason=reason)


# ------------------------------------------------------------------ messages


@pytest.mark.parametrize(("offered", "chosen"), [(JSON, "rivet"), ((), None), (("x",), None)])
def test_of_the_subprotocols_it_takes_rivet_or_none(
    offered: tuple[str, ...], chosen: str | None, served: Callable[..., None]
) -> None:
    async def scenario(server: Server) -> None:
        call = await server.socket("/connect", *offered)
        assert call.sent[0] == {"type": "websocket.accept", "subprotocol": chosen}
        leave(call)

    served(scenario)


def test_a_call_over_a_connection(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = await connected(server)
        call.tell("websocket.receive", text=request("echo", "hi"))
        tag, val = await heard(call)
        assert (tag, val["output"]) == ("ActionResponse", "hi")
        leave(call)
        await call.task
        assert server.seen == ["left"]

    served(scenario)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"text": "hi"}, {"text": "hi"}),
        ({"text": "", "bytes": None}, {"text": ""}),
        ({"bytes": b"\0", "text": None}, {"bytes": b"\0"}),
        ({"bytes": b""}, {"bytes": b""}),
    ],
)
def test_text_and_binary_as_they_are(
    told: dict[str, Any], message: dict[str, Any], served: Callable[..., None]
) -> None:
    async def scenario(server: Server) -> None:
        call = await server.socket("/websocket/echo")
        call.tell("websocket.receive", **told)
        assert await call.next() == {"type": "websocket.send", **message}
        leave(call)

    served(scenario)


def test_a_message_over_the_limit_ends_the_connection(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = await connected(server)
        call.tell("websocket.receive", text=request("echo", "x" * 70_000))
        assert await call.closed() == (1011, "message.incoming_too_long")

    served(scenario)


def test_a_websocket_that_reaches_no_actor_is_refused_with_the_reason(
    served: Callable[..., None],
) -> None:
    async def scenario(server: Server) -> None:
        call = await server.socket("/nowhere", *JSON)
        tag, val = await heard(call)
        assert (tag, val["code"]) == ("Error", "no_route")
        assert await call.closed() == (1011, "guard.no_route")

    served(scenario)


# ------------------------------------------------------------------ slow ends


def test_a_reader_that_is_too_slow_is_cut_off(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = await connected(server)
        call.tell("websocket.receive", text=subscribe("said"))
        await server.settle()
        call.has_room.clear()
        for _ in range(4):
            await server.action("shout", 60_000).answer()
        assert server.seen == ["left"] * 4 + ["left"], "240,000 bytes are over the limit"
        await call.task
        # It has not taken the close either, and was given the time of close_timeout for it.
        assert asyncio.get_running_loop().time() == pytest.approx(5)
        assert [message["type"] for message in call.sent] == ["websocket.accept", "websocket.send"]

    served(scenario)


def test_a_reader_that_catches_up_hears_everything(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = await connected(server)
        call.tell("websocket.receive", text=subscribe("said"))
        await server.settle()
        for _ in range(3):
            call.has_room.clear()
            for _ in range(3):
                await server.action("shout", 60_000).answer()
            call.has_room.set()
            for _ in range(3):
                assert (await heard(call))[0] == "Event"
            await server.settle()
        leave(call)

    served(scenario)


def test_who_sends_much_has_to_wait_for_the_server(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = await server.socket("/websocket/flood")
        call.has_room.clear()
        await server.settle()
        assert len(server.seen) < 5, "of 3,000,000 bytes"
        call.has_room.set()
        for number in range(100):
            assert (await call.next("websocket.send"))["bytes"][0] == number
        assert await call.closed() == (1000, "")

    served(scenario)


def test_who_sends_more_than_is_received_has_to_wait(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = await server.socket("/websocket/wait")
        for _ in range(500):
            call.tell("websocket.receive", text="hi")
        await server.settle()
        assert call.untaken > 400
        server.open("ws")
        for _ in range(500):
            await call.next("websocket.send")
        leave(call, 4000, "bye")
        await call.task
        assert server.seen == ["'hi'"] * 500 + ["closed 4000 bye", "left"]

    served(scenario)


# ------------------------------------------------------------------ the end


def test_the_actor_closes(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = await server.socket("/websocket/close")
        assert await call.closed() == (4001, "enough")
        assert server.seen == ["left"]

    served(scenario)


def test_a_client_that_never_answers_a_close(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = await server.socket("/websocket/close")
        await call.next("websocket.close")
        await call.task
        assert asyncio.get_running_loop().time() == pytest.approx(5)

    served(scenario)


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({"code": 4002, "reason": "too late"}, "closed 4002 too late"),
        ({"code": 1000, "reason": None}, "closed 1000 "),
        ({"code": 1001}, "closed 1001 "),
        ({}, "closed 1005 "),
        ({"code": 1006}, "closed 1006 "),
    ],
)
def test_the_client_closes_or_is_gone(
    told: dict[str, Any], seen: str, served: Callable[..., None]
) -> None:
    async def scenario(server: Server) -> None:
        call = await server.socket("/websocket/listen")
        await server.settle()
        call.tell("websocket.disconnect", **told)
        await call.task
        await server.settle()
        assert server.seen == [seen, "left"]

    served(scenario)


def test_a_server_that_takes_no_more(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = await server.socket("/websocket/echo")
        call.fault = OSError("gone")
        call.tell("websocket.receive", text="hi")
        await call.task
        await server.settle()
        assert server.seen == ["'hi'", "closed 1006 ", "left"]

    served(scenario)


def test_a_receive_that_fails_ends_the_connection(served: Callable[..., None]) -> None:
    """As a middleware's may, which refuses a message: it sees its error again."""

    async def scenario(server: Server) -> None:
        call = await connected(server)
        call.refusal = ValueError("too large")
        call.tell("websocket.receive", text="x")
        with pytest.raises(ValueError, match="too large"):
            await call.task
        await server.settle()
        assert server.seen == ["left"]

    served(scenario)


def test_a_client_that_is_gone_before_it_is_accepted(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = server.call({**(await server.socket("/connect")).scope})
        call.fault = OSError("gone")
        call.tell("websocket.connect")
        await call.task
        assert call.sent == []
        leave(server.calls[0])

    served(scenario)


def test_a_server_that_cancels_is_told_to_say_why(served: Callable[..., None]) -> None:
    async def scenario(server: Server) -> None:
        call = await connected(server)
        call.task.cancel()
        assert await call.next() == {
            "type": "websocket.close",
            "code": 1001,
            "reason": "ws.going_away",
        }
        await server.settle()
        assert call.task.cancelled()
        assert server.seen == ["left"]

    served(scenario)


@pytest.mark.parametrize("fault", [None, RuntimeError("closed already")])
def test_a_server_that_cancels_and_takes_no_word(
    fault: Exception | None, served: Callable[..., None]
) -> None:
    async def scenario(server: Server) -> None:
        call = await connected(server)
        call.fault = fault
        if fault is None:
            call.has_room.clear()
        call.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call.task
        assert asyncio.get_running_loop().time() == (1 if fault is None else 0)
        assert server.seen == ["left"]

    served(scenario)


def test_the_end_of_the_app_closes_every_websocket(served: Callable[..., None]) -> None:
    calls: list[Call] = []

    async def scenario(server: Server) -> None:
        calls.append(await connected(server))

    served(scenario)
    last = {"type": "websocket.close", "code": 1001, "reason": "ws.going_away"}
    assert calls[0].sent[-1] == last
    assert calls[0].task.done()


# ------------------------------------------------------------------ the channel by itself


class Recorder:
    """A receiver that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def receive_data(self, data: str | bytes) -> None:
        self.heard.append(data)

    def receive_close(self, code: int, reason: str) -> None:
        self.heard.append((code, reason))

    def receive_lost(self) -> None:
        self.heard.append("lost")


class Wire:
    """A channel, and the two queues of its server."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[Any] = []
        self.channel = WebsocketChannel(self.incoming.get, self._send, close_timeout=5)
        self.receiver = Recorder()
        self.task = asyncio.create_task(self.channel.run())

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    def attach(self) -> None:
        self.channel.attach(self.receiver, ping_interval=1, ping_timeout=1, close_timeout=7)

    def tell(self, data: str) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": data})

    def leave(self, code: int = 1000) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": code})


async def turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_what_comes_before_somebody_is_attached_waits(virtual: Callable[..., None]) -> None:
    async def main() -> None:
        wire = Wire()
        wire.tell("a")
        wire.leave(4000)
        await turn()
        wire.attach()
        assert wire.receiver.heard == [], "no receiver is called while it attaches"
        await wire.task
        assert wire.receiver.heard == ["a", (4000, ""), "lost"]

    virtual(main())


def test_who_is_dropped_has_not_closed(virtual: Callable[..., None]) -> None:
    async def main() -> None:
        wire = Wire()
        wire.attach()
        wire.leave(1006)
        await wire.task
        assert wire.receiver.heard == ["lost"]

    virtual(main())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_whoever_attaches_after_the_end_is_told_of_it(
    how: str, virtual: Callable[..., None]
) -> None:
    async def main() -> None:
        wire = Wire()
        if how == "close":
            wire.channel.close(1000, "")
        else:
            wire.channel.abort()
        await wire.task
        wire.attach()
        assert wire.receiver.heard == []
        await turn()
        assert wire.receiver.heard == ["lost"]

    virtual(main())


def test_nothing_is_heard_while_it_is_paused(virtual: Callable[..., None]) -> None:
    async def main() -> None:
        wire = Wire()
        wire.attach()
        wire.channel.pause()
        for text in "abc":
            wire.tell(text)
        await turn()
        assert wire.receiver.heard == []
        assert wire.incoming.qsize() == 2, "the server keeps the rest"
        wire.channel.resume()
        await turn()
        assert wire.receiver.heard == ["a", "b", "c"]
        wire.channel.abort()
        await wire.task

    virtual(main())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_after_its_own_end_nothing_is_heard_but_the_loss(
    how: str, virtual: Callable[..., None]
) -> None:
    async def main() -> None:
        wire = Wire()
        wire.attach()
        wire.channel.pause()
        wire.tell("late")
        await turn()
        if how == "close":
            wire.channel.close(1000, "żażółć" * 20)
            wire.channel.close(1011, "again")
            wire.channel.send("dropped")
            await turn()
            assert [message["type"] for message in wire.sent] == ["websocket.close"]
            assert wire.sent[0]["reason"] == ("żażółć" * 20).encode()[:123].decode(errors="ignore")
            wire.leave()
        else:
            wire.channel.abort()
            wire.channel.abort()
        await wire.task
        assert wire.receiver.heard == ["lost"]
        assert asyncio.get_running_loop().time() == 0, "it has heard of the end"

    virtual(main())


def test_what_was_sent_before_a_close_goes_out_first(virtual: Callable[..., None]) -> None:
    async def main() -> None:
        wire = Wire()
        wire.attach()
        wire.channel.send("a")
        wire.channel.send(b"b")
        wire.channel.close(1000, "")
        await wire.task  # nobody tells it of the end: close_timeout of whoever is attached
        assert asyncio.get_running_loop().time() == pytest.approx(7)
        types = [message["type"] for message in wire.sent]
        assert types == ["websocket.send", "websocket.send", "websocket.close"]

    virtual(main())


def test_the_backlog_is_what_the_server_has_not_taken(virtual: Callable[..., None]) -> None:
    async def main() -> None:
        wire = Wire()
        wire.attach()
        wire.channel.send("zażółć")
        wire.channel.send(b"abc")
        assert wire.channel.backlog == 10 + 3
        await turn()
        assert wire.channel.backlog == 0
        wire.channel.send(b"x" * 100_000)
        waiting = asyncio.create_task(wire.channel.drained())
        await asyncio.sleep(0)
        wire.channel.abort()
        await waiting
        await wire.task
        assert wire.channel.backlog == 0

    virtual(main())


def test_a_channel_that_is_over_is_let_go_of(virtual: Callable[..., None]) -> None:
    async def main() -> None:
        wire = Wire()
        wire.attach()
        wire.channel.close(1000, "")
        wire.leave()
        await wire.task
        channel = weakref.ref(wire.channel)
        del wire
        gc.collect()
        assert channel() is None, "no timer has it"

    virtual(main())


def test_half_of_a_surrogate_pair_becomes_a_question_mark(virtual: Callable[..., None]) -> None:
    async def main() -> None:
        wire = Wire()
        wire.channel.send("a\ud800b")
        assert wire.channel.backlog == 3
        await turn()
        assert wire.sent == [{"type": "websocket.send", "text": "a?b"}]
        wire.channel.abort()
        await wire.task

    virtual(main())
