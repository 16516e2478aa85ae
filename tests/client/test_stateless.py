"""Stateless calls: which are tried again, and how long; tokens, namespaces and URLs."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define

from pyactor import Host, Registry
from pyactor.client import Client, ClientOptions
from pyactor.definition import Actor, action
from pyactor.errors import (
    ActionTimedOut,
    ActorError,
    ActorRestarting,
    CallTimedOut,
    GetParamsFailed,
    NamespaceNotFound,
    Unauthorised,
)
from pyactor.wire.channel import Channel
from pyactor.wire.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from tests.client.conftest import Live, World

JSON = {"content-type": "application/json"}
TOKEN = "s3cret-t0ken"


@define
class Login:
    user: str


class Room(Actor[None], name="room"):
    @action
    def count(self) -> int:
        return 1


class Vault(Actor[None, None, Login], name="vault"):
    @action
    def open(self) -> bool:
        return True


def output(value: object) -> HttpResponse:
    return HttpResponse(200, JSON, json.dumps({"output": value}).encode())


def refusal(name: str) -> HttpResponse:
    group, _, code = name.partition(".")
    body = {"group": group, "code": code, "message": "", "metadata": None}
    return HttpResponse(503, JSON, json.dumps(body).encode())


class Script:
    """A host that answers as ``answer`` says, given how often it was asked before.

    None is an answer that does not come before ``go_on`` is set.
    """

    def __init__(self, answer: Callable[[int], HttpResponse | None]) -> None:
        self.answer = answer
        self.requests: list[HttpRequest] = []
        self.go_on = asyncio.Event()

    async def respond(self, request: HttpRequest, /) -> HttpResponse:
        self.requests.append(request)
        response = self.answer(len(self.requests) - 1)
        if response is None:
            await self.go_on.wait()
            return output(None)
        return response

    def open_channel(self, request: HttpRequest, channel: Channel, /) -> None:
        raise AssertionError("no channel was expected")


# ------------------------------------------------------------------ tries


@pytest.mark.parametrize(
    "name",
    [
        "actor.starting",
        "actor.stopping",
        "actor.destroying",
        "actor.restarting",
        "actor.not_configured",
        "actor.destroyed_during_creation",
    ],
)
def test_what_did_not_run_is_tried_again(live: Live, name: str) -> None:
    async def scenario(world: World) -> None:
        script = Script(lambda asked: refusal(name) if asked < 3 else output(7))
        async with Client(script) as client:
            assert await client.actor(Room).get("a").rpc.count() == 7
        assert len(script.requests) == 4
        assert world.now == pytest.approx(0.3)

    live(scenario)


@pytest.mark.parametrize(
    "name", ["actor.dropped_reply", "actor.not_found", "core.internal_error", "user.starting"]
)
def test_what_may_have_run_or_will_not_change_is_not(live: Live, name: str) -> None:
    async def scenario(world: World) -> None:
        script = Script(lambda asked: refusal(name))
        async with Client(script) as client:
            with pytest.raises(ActorError) as caught:
                await client.actor(Room).get("a").rpc.count()
        assert caught.value.name == name
        assert len(script.requests) == 1

    live(scenario)


@pytest.mark.parametrize(("creates", "tries"), [(False, 24), (True, 60)])
def test_tries_are_limited(live: Live, creates: bool, tries: int) -> None:
    async def scenario(world: World) -> None:
        script = Script(lambda asked: refusal("actor.restarting"))
        async with Client(script) as client:
            rooms = client.actor(Room)
            room = rooms.get_or_create("a") if creates else rooms.get("a")
            with pytest.raises(ActorRestarting):
                await room.rpc.count()
        assert len(script.requests) == tries

    live(scenario)


def test_a_call_has_a_timeout(live: Live) -> None:
    async def scenario(world: World) -> None:
        script = Script(lambda asked: None)
        async with Client(script, options=ClientOptions(call_timeout=3)) as client:
            with pytest.raises(CallTimedOut, match="'count' was not answered within 3 s") as caught:
                await client.actor(Room).get("a").rpc.count()
            assert caught.value.may_have_run
            with pytest.raises(CallTimedOut, match="a resolve was not answered"):
                await client.actor(Room).get("a").resolve()
            with pytest.raises(CallTimedOut, match="a create was not answered"):
                await client.actor(Room).create("a")
        assert world.now == pytest.approx(9)
        script.go_on.set()

    live(scenario)


def test_a_timeout_of_the_host_is_its_own(live: Live) -> None:
    async def scenario(world: World) -> None:
        async with Client(Script(lambda asked: refusal("action.timed_out"))) as client:
            with pytest.raises(ActionTimedOut):
                await client.actor(Room).get("a").rpc.count()

    live(scenario)


def test_an_actor_that_is_resolved_first_is_tried_again_too(live: Live) -> None:
    async def scenario(world: World) -> None:
        resolved = HttpResponse(200, JSON, b'{"actor":{"actor_id":"i1"},"created":false}')
        answers = [refusal("actor.restarting"), resolved, refusal("actor.starting"), resolved]
        script = Script(lambda asked: [*answers, output(7)][asked])
        async with Client(script) as client:
            assert await client.actor(Room).get_or_create("").rpc.count() == 7

    live(scenario)


def test_params_are_asked_for_with_each_call(live: Live) -> None:
    async def scenario(world: World) -> None:
        users = iter(["ann", "bob"])

        async def ask() -> Login:
            try:
                return Login(next(users))
            except StopIteration:
                raise LookupError("nobody is left") from None

        script = Script(lambda asked: output(True))
        async with Client(script) as client:
            vault = client.actor(Vault).get("a", params=ask)
            await vault.rpc.open()
            await vault.rpc.open()
            with pytest.raises(GetParamsFailed, match="LookupError: nobody is left"):
                await vault.rpc.open()
        assert [json.loads(r.headers["x-rivet-conn-params"]) for r in script.requests] == [
            {"user": "ann"},
            {"user": "bob"},
        ]

    live(scenario)


# ------------------------------------------------------------------ tokens and namespaces


@pytest.mark.parametrize("in_url", [True, False])
def test_a_token_and_a_namespace(in_url: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Host(Registry(Room), port=0, token=TOKEN, namespace="my games") as host:
            url = host.url.replace("://", f"://my%20games:{TOKEN}@") if in_url else host.url
            given: dict[str, Any] = {} if in_url else {"token": TOKEN, "namespace": "my games"}
            async with Client(url, **given) as client:
                rooms = client.actor(Room)
                assert await (await rooms.create("a")).rpc.count() == 1
                assert await rooms.get("a").resolve() == await rooms.get_or_create("a").resolve()
                async with rooms.get("a").connect() as conn:
                    assert await conn.rpc.count() == 1
            async with Client(host.url, token="another", namespace="my games") as client:
                with pytest.raises(Unauthorised):
                    await client.actor(Room).get("a").rpc.count()
                with pytest.raises(Unauthorised):
                    await client.actor(Room).get("a").connect().__aenter__()
                with pytest.raises(Unauthorised):
                    await client.actor(Room).get("a").resolve()
            async with Client(host.url, token=TOKEN) as client:
                with pytest.raises(NamespaceNotFound):
                    await client.actor(Room).get("a").connect().__aenter__()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert "pyactor.client.websockets" in {record.name for record in caplog.records}
    assert TOKEN not in caplog.text


def test_a_token_in_memory() -> None:
    async def main() -> None:
        host = Host(Registry(Room), port=0, token=TOKEN)
        async with Client(host, token=TOKEN) as client:
            assert await client.actor(Room).get_or_create("a").rpc.count() == 1
            async with client.actor(Room).get("a").connect() as conn:
                assert await conn.rpc.count() == 1
        await host.stop()

    asyncio.run(main())


@pytest.mark.parametrize(
    "url",
    [
        f"http://ns:{TOKEN}@host:99999",
        f"http://ns:{TOKEN}@host:port",
        f"http://ns:{TOKEN}@",
        f"ws://ns:{TOKEN}@host",
        f"http://ns:{TOKEN}@host?x=1",
        f"http://ns:{TOKEN}@a@[host",
        f"http://ns:{TOKEN}%0A@host",
    ],
)
def test_no_message_shows_a_token(url: str) -> None:
    with pytest.raises(ValueError, match=r"a host's URL is|a token is ASCII") as caught:
        Client(url)
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("token", ["", "a b", "a\r\nb", "ü"])
def test_a_token_fits_into_a_header(token: str) -> None:
    with pytest.raises(ValueError, match="a token is ASCII without spaces"):
        Client("http://host", token=token)


def test_what_is_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="the token is given twice"):
        Client("http://:a@host", token="b")
    with pytest.raises(ValueError, match="the namespace is given twice"):
        Client("http://a@host", namespace="b")


def test_an_unreachable_host_is_named_without_its_token(live: Live) -> None:
    async def main() -> None:
        async with Client(f"http://ns:{TOKEN}@127.0.0.1:1/path/") as client:
            with pytest.raises(ActorError, match=r"http://127\.0\.0\.1:1/path") as caught:
                await client.actor(Room).get("a").rpc.count()
            assert TOKEN not in str(caught.value)

    asyncio.run(main())


# ------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backoff_max": 0}, "backoff_max must be above 0"),
        ({"call_timeout": float("inf")}, "call_timeout must be above 0 and finite"),
        ({"wait_timeout": "3"}, "wait_timeout is a number of seconds"),
        ({"max_waiting_calls": 1.5}, "max_waiting_calls is a whole number"),
        ({"reconnect": "sometimes"}, "reconnect is one of 'unless_disconnected'"),
    ],
)
def test_options_that_are_none(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        ClientOptions(**options)
