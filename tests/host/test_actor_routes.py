"""The routes of one actor, over ``respond`` and ``open_channel``: wire-protocol.md."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from pyactor import Actor, ActorOptions, Conn, Request, Response, WebSocket, hook
from pyactor.client._memory import channel_pair
from pyactor.host import ActorHost, Registry
from pyactor.wire.codecs import codec_for
from pyactor.wire.http import HttpRequest, HttpResponse, WholeBody, read_body
from pyactor.wire.queue import QueueSend


class Raw(Actor[None, None, dict[str, str]], options=ActorOptions(max_incoming_message=64)):
    @hook
    async def on_request(self, request: Request) -> Response:
        async def echo() -> AsyncIterator[bytes]:
            async for piece in request.body:
                yield piece

        if request.method in ("POST", "PUT"):
            return Response(echo(), 201, {"x-from": request.headers.get("x-from", "")})
        seen = [request.method, request.path, request.query, dict(self.conn.params)]
        return Response.json(seen, headers={"set-cookie": ["a=1", "b=2"]})

    @hook
    async def on_web_socket(self, ws: WebSocket) -> None:
        await ws.send(f"{ws.request.path} {ws.request.query} {self.conn.params}")
        async for message in ws:
            await ws.send(message)

    @hook
    def can_publish(self, conn: Conn[None, dict[str, str]], queue: str) -> bool:
        return queue != "private" and "guest" not in conn.params


class Bare(Actor[None]):
    pass


def with_host(scene: Callable[[ActorHost], Awaitable[None]]) -> None:
    async def main() -> None:
        host = ActorHost(Registry(Raw, Bare))
        try:
            await scene(host)
        finally:
            await host.stop()

    asyncio.run(main())


async def ask(
    host: ActorHost, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, bytes, HttpResponse]:
    name, _, rest = path.partition("/")
    target = f"/gateway/{name}/{rest}{'&' if '?' in rest else '?'}rvt-method=getOrCreate"
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    response = await host.respond(HttpRequest(method, target, named, WholeBody(body)))
    if isinstance(response.body, bytes):
        return response.status, response.body, response
    return response.status, await read_body(response.body, 2**20), response


def code(body: bytes) -> str:
    error = json.loads(body)
    return f"{error['group']}.{error['code']}"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH", "HEAD", "QUERY"])
@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("Raw/request", ["/", ""]),
        ("Raw/request/", ["/", ""]),
        ("Raw/request/a%2Fb/c?x=%20&y", ["/a%2Fb/c", "x=%20&y"]),
    ],
)
def test_a_raw_request_reaches_on_request_as_it_was_sent(
    method: str, path: str, seen: list[str]
) -> None:
    async def scene(host: ActorHost) -> None:
        status, body, response = await ask(
            host, method, path, x_rivet_conn_params='{"who":"ann"}', origin="https://a.example"
        )
        assert (status, json.loads(body)) == (200, [method, *seen, {"who": "ann"}])
        assert list(response.headers["set-cookie"]) == ["a=1", "b=2"]
        assert response.headers["access-control-allow-origin"] == "https://a.example"

    with_host(scene)


def test_a_raw_body_streams_and_has_not_the_limit_of_a_message() -> None:
    async def scene(host: ActorHost) -> None:
        body = b"x" * 100_000
        status, got, response = await ask(host, "POST", "Raw/request/up", body, x_from="test")
        assert (status, got, response.headers["x-from"]) == (201, body, "test")
        [instance] = host.directory.instances
        assert instance.conns == {}

    with_host(scene)


def test_an_actor_without_the_hook_has_no_raw_requests() -> None:
    async def scene(host: ActorHost) -> None:
        status, body, _ = await ask(host, "GET", "Bare/request/x")
        assert (status, code(body)) == (404, "handler.request_not_defined")

    with_host(scene)


@pytest.mark.parametrize("encoding", ["json", "cbor", "bare"])
def test_a_queue_that_is_not_defined(encoding: str) -> None:
    codec = codec_for(encoding)
    version = 4 if encoding == "bare" else codec.initial_version

    async def scene(host: ActorHost) -> None:
        body = codec.encode_queue_request(QueueSend({"n": 1}, None, True, 10), version)
        status, got, _ = await ask(host, "POST", "Raw/queue/work", body, x_rivet_encoding=encoding)
        assert (status, codec.decode_queue_response(got).status) == (200, "completed")
        for path, params in (("Raw/queue/private", "{}"), ("Raw/queue/work", '{"guest":"1"}')):
            status, got, _ = await ask(
                host, "POST", path, body, x_rivet_encoding=encoding, x_rivet_conn_params=params
            )
            error = codec.decode_error(got)
            assert (status, error.group, error.code) == (403, "auth", "forbidden")

    with_host(scene)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "name"),
    [
        ("GET", "Raw/queue/work", b"", 405, "actor.method_not_allowed"),
        ("POST", "Raw/queue/", b"{}", 404, "guard.no_route"),
        ("POST", "Raw/queue/work", b"no", 400, "actor.invalid_request"),
        ("POST", "Raw/queue/work", b" " * 65, 413, "message.incoming_too_long"),
        ("POST", "Raw/action/go", b" " * 65, 413, "message.incoming_too_long"),
        ("POST", "Raw/requests", b"", 404, "guard.no_route"),
    ],
)
def test_what_is_no_request_to_an_actor(
    method: str, path: str, body: bytes, status: int, name: str
) -> None:
    async def scene(host: ActorHost) -> None:
        got, answer, _ = await ask(host, method, path, body)
        assert (got, code(answer)) == (status, name)

    with_host(scene)


class Peer:
    """The client's end of a websocket."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.closed: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def receive_data(self, data: str | bytes) -> None:
        self.received.put_nowait(data)

    def receive_close(self, code: int, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result((code, reason))

    def receive_lost(self) -> None:
        self.receive_close(1006, "")


def upgrade(host: ActorHost, target: str) -> tuple[Peer, Any]:
    host_end, client_end = channel_pair()
    peer = Peer()
    client_end.attach(peer, ping_interval=9, ping_timeout=9, close_timeout=9)
    protocols = "rivet, rivet_encoding.bare"
    if "/Bare/" not in target:
        protocols += ", rivet_conn_params.%7B%22who%22%3A%22ann%22%7D"
    host.open_channel(HttpRequest("GET", target, {"sec-websocket-protocol": protocols}), host_end)
    return peer, client_end


@pytest.mark.parametrize(
    ("path", "seen"),
    [("/websocket", "/ "), ("/websocket/", "/ "), ("/websocket/a/b?q=1", "/a/b q=1")],
)
def test_a_raw_websocket_reaches_on_web_socket(path: str, seen: str) -> None:
    async def scene(host: ActorHost) -> None:
        joint = "&" if "?" in path else "?"
        peer, channel = upgrade(host, f"/gateway/Raw{path}{joint}rvt-method=getOrCreate")
        assert await peer.received.get() == f"{seen} {{'who': 'ann'}}"
        for message in ("text", b"\x00bytes"):
            channel.send(message)
            assert await peer.received.get() == message
        channel.close(1000, "")
        await peer.closed

    with_host(scene)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/gateway/Bare/websocket/x", "handler.websocket_not_defined"),
        ("/gateway/Raw/websockets", "guard.no_route"),
        ("/websocket/x", "guard.no_route"),
    ],
)
def test_no_raw_websocket_here(target: str, reason: str) -> None:
    async def scene(host: ActorHost) -> None:
        peer, _ = upgrade(host, f"{target}?rvt-method=getOrCreate")
        assert await peer.closed == (1011, reason)

    with_host(scene)


def test_a_raw_websocket_that_is_refused_gets_no_frame_of_the_protocol() -> None:
    async def scene(host: ActorHost) -> None:
        peer, _ = upgrade(host, "/gateway/Bare/websocket/x?rvt-method=getOrCreate")
        await peer.closed
        assert peer.received.empty()

    with_host(scene)
