"""Who may use a host: token, namespace, origin, over ``respond`` and ``open_channel``."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from pyactor.client._memory import channel_pair
from pyactor.definition import Actor, action
from pyactor.errors import ConnectionLost
from pyactor.host import ActorHost, Registry
from pyactor.wire.http import HttpRequest, HttpResponse, WholeBody


class Plain(Actor[None], name="plain"):
    @action
    def add(self, a: int, b: int) -> int:
        return a + b


BY_KEY = "/gateway/plain/action/add?rvt-method=getOrCreate&rvt-key=a"
ADD = b'{"args":[1,2]}'


def with_host(scene: Callable[[ActorHost], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        host = ActorHost(Registry(Plain), **options)
        try:
            await scene(host)
        finally:
            await host.stop()

    asyncio.run(main())


async def ask(
    host: ActorHost, method: str, target: str, body: bytes = b"", **headers: str
) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await host.respond(HttpRequest(method, target, named, WholeBody(body)))


def told(response: HttpResponse) -> tuple[int, str, str]:
    assert isinstance(response.body, bytes)
    error = json.loads(response.body)
    return response.status, error["group"], error["code"]


class Peer:
    """The client's end of a websocket."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.closed: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def receive_data(self, data: str | bytes) -> None:
        self.received.append(data)

    def receive_close(self, code: int, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result((code, reason))

    def receive_lost(self) -> None:
        self.receive_close(1006, "")


async def refused(host: ActorHost, target: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """How a websocket ends that the host refuses."""
    host_end, client_end = channel_pair()
    peer = Peer()
    client_end.attach(peer, ping_interval=9, ping_timeout=9, close_timeout=9)
    host.open_channel(HttpRequest("GET", target, headers), host_end)
    return await peer.closed


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (f"{BY_KEY}&rvt-token=secret", {}),
        (BY_KEY, {"x_rivet_token": "secret"}),
        (BY_KEY, {"authorization": "Bearer secret"}),
        (BY_KEY, {"authorization": "bearer secret"}),
    ],
)
def test_the_token_opens_the_gateway(target: str, headers: dict[str, str]) -> None:
    async def scene(host: ActorHost) -> None:
        assert (await ask(host, "POST", target, ADD, **headers)).body == b'{"output":3}'

    with_host(scene, token="secret")


@pytest.mark.parametrize("token", [None, "", "Secret", "secre", "secret2", "\u00e9\u20ac"])
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", BY_KEY),
        ("POST", "/actors"),
        ("PUT", "/actors"),
        ("GET", "/actors?name=plain"),
        ("DELETE", "/actors/x"),
    ],
)
def test_without_the_token_nothing_is_done(method: str, target: str, token: str | None) -> None:
    async def scene(host: ActorHost) -> None:
        headers = {} if token is None else {"x_rivet_token": token}
        refusal = await ask(host, method, target, b'{"name":"plain"}', **headers)
        assert told(refusal) == (401, "auth", "unauthorized")
        assert b"secret" not in (refusal.body if isinstance(refusal.body, bytes) else b"")
        assert host.directory.instances == []

    with_host(scene, token="secret")


def test_the_control_api_takes_a_bearer_token() -> None:
    async def scene(host: ActorHost) -> None:
        created = await ask(
            host, "PUT", "/actors", b'{"name":"plain"}', authorization="Bearer secret"
        )
        assert created.status == 200

    with_host(scene, token="secret")


def test_metadata_health_and_preflight_need_no_token() -> None:
    async def scene(host: ActorHost) -> None:
        metadata = await ask(host, "GET", "/metadata?namespace=other")
        assert isinstance(metadata.body, bytes)
        said = json.loads(metadata.body)
        assert (said["runtime"], said["actorNames"]) == ("pyactor", {"plain": {"metadata": {}}})
        assert said["version"]
        assert (await ask(host, "GET", "/health")).body == b'{"status":"ok"}'
        assert (await ask(host, "OPTIONS", BY_KEY, origin="https://a.example")).status == 204

    with_host(scene, token="secret")


def test_websockets_are_refused_with_the_reason() -> None:
    async def scene(host: ActorHost) -> None:
        at = "/gateway/plain/connect?rvt-method=getOrCreate"
        assert await refused(host, at, {}) == (1011, "auth.unauthorized")
        assert await refused(host, f"{at}&rvt-token=x", {}) == (1011, "auth.unauthorized")
        spaced = f"{at}&rvt-token=secret&rvt-namespace=other"
        assert await refused(host, spaced, {}) == (1011, "namespace.not_found")
        foreign = {"origin": "https://evil.example"}
        assert await refused(host, f"{at}&rvt-token=secret", foreign) == (1011, "auth.forbidden")
        assert host.directory.instances == []

    with_host(scene, token="secret", allowed_origins=["https://app.example"])


def test_a_host_serves_one_namespace() -> None:
    async def scene(host: ActorHost) -> None:
        for target, body in ((BY_KEY + "&rvt-namespace=", ADD), ("/actors?namespace=", b"{}")):
            refusal = await ask(host, "POST", f"{target}default", body)
            assert told(refusal) == (404, "namespace", "not_found")
        assert (await ask(host, "POST", f"{BY_KEY}&rvt-namespace=prod", ADD)).status == 200
        assert (await ask(host, "POST", BY_KEY, ADD)).status == 200
        listed = await ask(host, "GET", "/actors?name=plain&namespace=prod")
        assert isinstance(listed.body, bytes)
        assert json.loads(listed.body)["actors"][0]["namespace_id"] == "prod"

    with_host(scene, namespace="prod")


def test_every_origin_is_echoed_without_a_list() -> None:
    async def scene(host: ActorHost) -> None:
        answer = await ask(host, "POST", BY_KEY, ADD, origin="https://any.example")
        assert answer.headers["access-control-allow-origin"] == "https://any.example"
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "access-control-allow-origin" not in (await ask(host, "POST", BY_KEY, ADD)).headers
        error = await ask(host, "GET", "/nowhere", origin="https://any.example")
        assert error.headers["access-control-allow-origin"] == "https://any.example"

    with_host(scene)


def test_an_origin_that_is_not_on_the_list_gets_nothing() -> None:
    async def scene(host: ActorHost) -> None:
        wanted = {
            "origin": "https://app.example",
            "access_control_request_headers": "x-rivet-encoding",
        }
        allowed = await ask(host, "OPTIONS", BY_KEY, b"", **wanted)
        assert allowed.headers["access-control-allow-origin"] == "https://app.example"
        assert allowed.headers["access-control-allow-headers"] == "x-rivet-encoding"
        assert (await ask(host, "POST", BY_KEY, ADD, origin="https://app.example")).status == 200
        for evil in ("https://evil.example", "https://app.example.evil", "null", ""):
            refused = await ask(host, "OPTIONS", BY_KEY, origin=evil)
            assert refused.headers == {"vary": "origin"}
            for method, target in (("POST", BY_KEY), ("GET", "/actors?name=plain")):
                answer = await ask(host, method, target, ADD, origin=evil)
                assert told(answer) == (403, "auth", "forbidden")
                assert "access-control-allow-origin" not in answer.headers
        # What is no browser sends no Origin.
        assert (await ask(host, "POST", BY_KEY, ADD)).status == 200

    with_host(scene, allowed_origins=["https://app.example"])


def test_a_token_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(host: ActorHost) -> None:
        async def fail(actor_id: str, *, depth: int = 0) -> Any:
            raise RuntimeError("a bug")

        host.directory.get_by_id = fail  # type: ignore[method-assign]
        target = "/gateway/id@secret/action/add?rvt-token=secret"
        assert (await ask(host, "POST", target, ADD)).status == 500
        assert (await refused(host, target, {}))[0] == 1011

    with caplog.at_level(logging.ERROR, "pyactor.host"):
        with_host(scene, token="secret")
    assert [record.getMessage() for record in caplog.records] == [
        "POST /gateway/id/action/add failed",
        "websocket /gateway/id/action/add failed",
    ]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"token": ""}, ValueError, "an empty token protects nothing: leave it out, or give one"),
        ({"token": " \n"}, ValueError, "an empty token protects nothing"),
        (
            {"allowed_origins": "https://a.example"},
            TypeError,
            r"write allowed_origins=\['https://a.example'\]",
        ),
        *(
            ({"allowed_origins": ["https://a.example", wrong]}, ValueError, "without a path")
            for wrong in ("https://b.example/", "b.example", "*", "null", "", "https://b .example")
        ),
    ],
)
def test_rules_that_protect_nothing_are_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ActorHost(Registry(Plain), **options)


def test_a_refusal_names_what_would_let_one_in() -> None:
    async def scene(host: ActorHost) -> None:
        foreign = await ask(host, "POST", BY_KEY, ADD, origin="https://b.example")
        elsewhere = await ask(host, "POST", f"{BY_KEY}&rvt-namespace=other", ADD)
        for answer, ways in (
            (foreign, (b"Host(allowed_origins=[", b"--allow-origin")),
            (elsewhere, (b"Host(namespace=", b"--namespace")),
        ):
            assert isinstance(answer.body, bytes)
            assert all(way in answer.body for way in ways)

    with_host(scene, allowed_origins=["https://a.example"])


def test_the_client_from_inside_needs_no_token_and_ends_with_the_host() -> None:
    async def main() -> None:
        host = ActorHost(Registry(Plain), token="s3cret", namespace="prod")
        plain = host.client.actor(Plain).get_or_create("a")
        assert host.client is host.client
        assert await plain.rpc.add(1, 2) == 3
        await host.stop()
        with pytest.raises(ConnectionLost, match="this client is closed"):
            await plain.rpc.add(1, 2)

    asyncio.run(main())
