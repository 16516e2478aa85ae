"""Raw requests and raw websockets, in memory and over sockets: the same behaviour."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
from attrs import define

from pyactor import (
    Actor,
    ActorOptions,
    CallTimedOut,
    Client,
    Host,
    HostUnreachable,
    Registry,
    Request,
    Response,
    UserError,
    WebSocket,
    WebSocketClosed,
    hook,
)
from pyactor.client import Handle


@define
class Login:
    user: str


class Denied(UserError):
    code = "denied"


class Site(
    Actor[None, None, Login],
    name="site",
    errors=(Denied,),
    options=ActorOptions(sleep_grace_period=0.05),  # for what hangs
):
    @hook
    def on_before_connect(self, params: Login) -> None:
        if params.user == "mallory":
            raise Denied("not you")

    @hook
    async def on_request(self, request: Request) -> Response:
        if request.path == "/stream":
            return Response(self._pieces(), 200, {"x-kind": "stream"})
        if request.path == "/hang":
            await asyncio.get_running_loop().create_future()
        body = b"".join([piece async for piece in request.body])
        seen = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "own": request.headers.get("x-own"),
            "user": self.conn.params.user,
            "body": body.decode(),
        }
        return Response.json(seen, 201)

    @hook
    async def on_web_socket(self, ws: WebSocket) -> None:
        await ws.send(f"{self.conn.params.user} at {ws.request.path}?{ws.request.query}")
        async for message in ws:
            if message == "close":
                await ws.close(4000, "you asked")
            elif message == b"flood":
                for _ in range(200):
                    await ws.send(b"x" * 10_000)
            else:
                await ws.send(message)

    @staticmethod
    async def _pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            yield str(number).encode()


@asynccontextmanager
async def over_sockets(host: Host) -> AsyncIterator[Client]:
    async with host, Client(host.url) as client:
        yield client


@asynccontextmanager
async def in_memory(host: Host) -> AsyncIterator[Client]:
    async with Client(host) as client:
        yield client
    await host.stop()


Use = Callable[[Client], Coroutine[None, None, None]]
Run = Callable[[Use], None]


@pytest.fixture(params=[over_sockets, in_memory], ids=lambda way: way.__name__)
def run(request: pytest.FixtureRequest) -> Run:
    def runner(use: Use) -> None:
        async def main() -> None:
            async with request.param(Host(Registry(Site), port=0)) as client:
                await use(client)

        asyncio.run(main())

    return runner


def site(client: Client, user: str = "ann") -> Handle[Site]:
    return client.actor(Site).get_or_create("a", params=Login(user))


# ------------------------------------------------------------------ requests


def test_a_request_arrives_as_it_was_sent(run: Run) -> None:
    async def use(client: Client) -> None:
        response = await site(client).fetch(
            "/some/ü path?x=1&y=a%26b",
            method="PUT",
            headers={"X-Own": "mine", "X-Rivet-Conn-Params": '{"user":"root"}'},
            content=b"body",
        )
        assert (response.status_code, response.is_success) == (201, True)
        assert response.headers["Content-Type"] == "application/json"
        assert json.loads(response.text) == json.loads(response.content) == response.json()
        assert response.json() == {
            "method": "PUT",
            "path": "/some/%C3%BC%20path",
            "query": "x=1&y=a%26b",
            "own": "mine",
            "user": "ann",
            "body": "body",
        }

    run(use)


def test_a_body_in_pieces_by_id(run: Run) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async def use(client: Client) -> None:
        actor_id = await site(client).resolve()
        by_id = client.actor(Site).get_for_id(actor_id, params=Login("bob"))
        response = await by_id.fetch("x?y", method="POST", content=pieces())
        assert response.json()["body"] == "one two"
        assert (response.json()["path"], response.json()["query"]) == ("/x", "y")

    run(use)


def test_an_answer_in_pieces(run: Run) -> None:
    async def use(client: Client) -> None:
        async with await site(client).fetch("/stream", stream=True) as response:
            assert response.headers["x-kind"] == "stream"
            pieces = [piece async for piece in response.aiter_bytes()]
        assert b"".join(pieces) == b"012"
        async with await site(client).fetch("/stream", stream=True) as response:
            assert repr(response) == "<FetchResponse 200>"
        whole = await site(client).fetch("/stream")
        assert whole.content == await whole.aread() == b"012"

    run(use)


def test_a_request_that_takes_too_long(run: Run) -> None:
    async def use(client: Client) -> None:
        with pytest.raises(CallTimedOut, match=r"GET '/hang' was not answered within 0\.05 s"):
            await site(client).fetch("/hang", timeout=0.05)

    run(use)


def test_a_refusal_is_a_response(run: Run) -> None:
    async def use(client: Client) -> None:
        response = await site(client, "mallory").fetch("/")
        assert not response.is_success
        assert response.json()["code"] == "denied"

    run(use)


@pytest.mark.parametrize(
    "path", ["/../../actors", "/a/%2e%2E/b", "/.", "/x?rvt-key=b", "?rvt%2Dkey"]
)
def test_a_path_stays_within_its_actor(run: Run, path: str) -> None:
    async def use(client: Client) -> None:
        with pytest.raises(ValueError, match=r"path within|names of a query"):
            await site(client).fetch(path)
        with pytest.raises(ValueError, match=r"path within|names of a query"):
            await site(client).web_socket(path).__aenter__()

    run(use)


# ------------------------------------------------------------------ websockets


def test_a_web_socket(run: Run) -> None:
    async def use(client: Client) -> None:
        async with site(client).web_socket("/term?rows=3") as ws:
            assert repr(ws) == "<ClientWebSocket /term?rows=3: open>"
            assert await ws.receive() == "ann at /term?rows=3"
            await ws.send("text")
            await ws.send(b"bytes")
            assert [await ws.receive(), await ws.receive()] == ["text", b"bytes"]
            await ws.send("close")
            assert [message async for message in ws] == []
            for _ in range(2):
                with pytest.raises(WebSocketClosed, match="4000 you asked"):
                    await ws.receive()
                with pytest.raises(WebSocketClosed):
                    await ws.send("too late")
            assert ws.closed is not None

    run(use)


def test_what_came_before_the_close_is_received(run: Run) -> None:
    async def use(client: Client) -> None:
        async with site(client).web_socket("/") as ws:
            for message in ("1", "2", "close"):
                await ws.send(message)
            assert [message async for message in ws] == ["ann at /?", "1", "2"]

    run(use)


def test_much_at_once_arrives(run: Run) -> None:
    async def use(client: Client) -> None:
        async with site(client).web_socket("/") as ws:
            await ws.receive()
            await ws.send(b"flood")
            assert sum([len(await ws.receive()) for _ in range(200)]) == 2_000_000
            for number in range(100):
                await ws.send(str(number))
            assert [await ws.receive() for _ in range(100)] == [str(n) for n in range(100)]

    run(use)


def test_too_much_that_nobody_takes_ends_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyactor.client._web_socket.MAX_WAITING", 100_000)

    async def use(client: Client) -> None:
        async with site(client).web_socket("/") as ws:
            await ws.send(b"flood")
            await ws._gone.wait()
            assert ws.closed is not None
            assert ws.closed.reason == "message.incoming_backlog"

    run(use)


def test_who_is_not_let_in_reads_why(run: Run) -> None:
    async def use(client: Client) -> None:
        async with site(client, "mallory").web_socket("/") as ws:
            with pytest.raises(WebSocketClosed, match=r"1011 user\.denied"):
                await ws.receive()

    run(use)


def test_misuse_says_so(run: Run) -> None:
    async def use(client: Client) -> None:
        ws = site(client).web_socket("/")
        with pytest.raises(RuntimeError, match="not open"):
            await ws.receive()
        with pytest.raises(RuntimeError, match="not open"):
            await ws.send("x")
        await ws.close()
        async with ws:
            with pytest.raises(TypeError, match="str or bytes, not int"):
                await ws.send(3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
            with pytest.raises(ValueError, match="cannot be closed with 1005"):
                await ws.close(1005)
            with pytest.raises(ValueError, match="123 bytes"):
                await ws.close(1000, "x" * 124)
            with pytest.raises(RuntimeError, match="opened before"):
                await ws.__aenter__()
            await ws.close(3000, "bye")
            with pytest.raises(WebSocketClosed, match="3000 bye"):
                await ws.receive()

    run(use)


def test_closing_the_client_closes_its_web_sockets(run: Run) -> None:
    async def use(client: Client) -> None:
        ws = await site(client).web_socket("/").__aenter__()
        assert await ws.receive() == "ann at /?"
        receiving = asyncio.ensure_future(ws.receive())
        await asyncio.sleep(0)
        await client.aclose()
        with pytest.raises(WebSocketClosed):
            await receiving

    run(use)


def test_nobody_listens() -> None:
    async def main() -> None:
        async with Client("http://127.0.0.1:1") as client:
            with pytest.raises(HostUnreachable):
                await site(client).fetch("/")
            with pytest.raises(HostUnreachable):
                await site(client).web_socket("/").__aenter__()

    asyncio.run(main())
