"""Calls over HTTP: what is sent, and what becomes of each answer. The host is a script."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

import cbor2
import pytest
from attrs import define
from typing_extensions import override

from pyactor.client import Client
from pyactor.definition import Actor, Event, UserError, action, hook
from pyactor.errors import (
    ActionNotFound,
    ActorError,
    ActorNotFound,
    ConnectionLost,
    DuplicateKey,
    InvalidArguments,
)
from pyactor.wire.channel import Channel
from pyactor.wire.http import HttpRequest, HttpResponse, read_body

T = TypeVar("T")
JSON = {"content-type": "application/json"}
CALLER: ContextVar[str] = ContextVar("CALLER", default="nobody")


@define
class Message:
    text: str
    is_loud: bool


@define
class Login:
    user_name: str


@define
class Setup:
    size: int


class Denied(UserError):
    code = "denied"

    def __init__(self, who: str) -> None:
        super().__init__(f"not for {who}")
        self.who = who


class Room(Actor[None], name="myRoom", wire_case="camel", errors=(Denied,)):
    message_posted = Event[str]()

    @hook
    def on_wake(self) -> None: ...

    @action
    async def post_message(self, text: str, *, is_loud: bool = False) -> Message:
        return Message(text, is_loud)

    @action(name="size")
    def count(self) -> int:
        return 0


class Vault(Actor[None, None, Login, Setup], name="vault", wire_case="camel"):
    @hook
    def create_state(self, input: Setup) -> None: ...

    @action
    def open(self) -> bool:
        return True


class Other(Actor[None], name="other"):
    @action
    def count(self) -> int:
        return 0


class Script:
    """A host that answers as it is told, and notes what it was asked."""

    def __init__(self, *answers: HttpResponse) -> None:
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []
        self.bodies: list[bytes] = []
        self.callers: list[str] = []

    async def respond(self, request: HttpRequest, /) -> HttpResponse:
        self.requests.append(request)
        self.bodies.append(await read_body(request.body, 1 << 20))
        self.callers.append(CALLER.get())
        return self.answers.pop(0)

    def open_channel(self, request: HttpRequest, channel: Channel, /) -> None:
        raise AssertionError("no channel was expected")


def output(value: object) -> HttpResponse:
    return HttpResponse(200, JSON, json.dumps({"output": value}).encode())


def error(group: str, code: str, message: str = "", metadata: object = None) -> HttpResponse:
    body = {"group": group, "code": code, "message": message, "metadata": metadata}
    return HttpResponse(400, JSON, json.dumps(body).encode())


def run(script: Script, use: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
    async def main() -> T:
        async with Client(script) as client:
            return await use(client)

    return asyncio.run(main())


def failure(answer: HttpResponse) -> ActorError:
    """What a call raises that gets this answer."""
    with pytest.raises(ActorError) as caught:
        run(Script(answer), lambda client: client.actor(Room).get("a").rpc.post_message("x"))
    return caught.value


# ------------------------------------------------------------------ what is sent


def test_a_call_by_key() -> None:
    script = Script(output({"text": "hi", "isLoud": True}))
    answer = run(
        script,
        lambda client: (
            client.actor(Room).get_or_create("a", "b").rpc.post_message("hi", is_loud=True)
        ),
    )
    assert answer == Message("hi", is_loud=True)
    [request] = script.requests
    assert request.method == "POST"
    assert request.target == (
        "/gateway/myRoom/action/postMessage?rvt-namespace=default&rvt-method=getOrCreate"
        "&rvt-key=a%2Cb&rvt-runner=default&rvt-crash-policy=sleep"
    )
    assert request.headers["x-rivet-encoding"] == "json"
    assert request.headers["content-type"] == "application/json"
    assert "x-rivet-conn-params" not in request.headers
    assert json.loads(script.bodies[0]) == {"args": ["hi", {"isLoud": True}]}


def test_params_and_input_go_along() -> None:
    script = Script(output(True))
    login = Login("Zoë")
    run(
        script,
        lambda client: (
            client.actor(Vault).get_or_create("a", params=login, input=Setup(3)).rpc.open()
        ),
    )
    [request] = script.requests
    assert json.loads(request.headers["x-rivet-conn-params"]) == {"userName": "Zoë"}
    packed = request.target.partition("rvt-input=")[2]
    assert cbor2.loads(base64.urlsafe_b64decode(packed + "==")) == {"size": 3}


def test_get_sends_no_input_and_creates_nothing() -> None:
    script = Script(output(True))
    run(script, lambda client: client.actor(Vault).get("a", params=Login("x")).rpc.open())
    assert script.requests[0].target == (
        "/gateway/vault/action/open?rvt-namespace=default&rvt-method=get&rvt-key=a"
    )


def test_a_call_by_id() -> None:
    script = Script(output(5))
    assert run(script, lambda client: client.actor(Room).get_for_id("i/d").rpc.count()) == 5
    assert script.requests[0].target == "/gateway/i%2Fd/action/size"


def test_call_takes_a_reference_and_only_of_this_actor() -> None:
    script = Script(output(1))

    async def use(client: Client) -> None:
        room = client.actor(Room).get("a")
        assert await room.call(Room.count) == 1
        with pytest.raises(TypeError, match="Other"):
            await room.call(Other.count)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

    run(script, use)
    assert len(script.requests) == 1


def test_call_by_name_takes_both_names_and_passes_unknown_ones_on() -> None:
    script = Script(output(1), output(2), output([3]), output(None))

    async def use(client: Client) -> list[object]:
        room = client.actor(Room).get("a")
        return [
            await room.call_by_name("size"),
            await room.call_by_name("count"),
            await room.call_by_name("nested.name", 1, deep=True),
            await room.call_by_name("bare"),
        ]

    assert run(script, use) == [1, 2, [3], None]
    names = [request.target.partition("?")[0].rpartition("/")[2] for request in script.requests]
    assert names == ["size", "size", "nested.name", "bare"]
    assert json.loads(script.bodies[2]) == {"args": [1, {"deep": True}]}


def test_arguments_that_do_not_fit_are_not_sent() -> None:
    script = Script()

    async def use(client: Client) -> None:
        room = client.actor(Room).get("a")
        untyped: Any = room.rpc
        for args, kwargs in (((), {}), ((1,), {}), (("x", True), {}), (("x",), {"loud": True})):
            with pytest.raises(TypeError):
                await untyped.post_message(*args, **kwargs)
        with pytest.raises(ValueError, match="nan"):
            await room.call_by_name("unknown", float("nan"))

    run(script, use)
    assert script.requests == []


def test_rpc_has_actions_only_and_says_so() -> None:
    async def use(client: Client) -> None:
        rpc: Any = client.actor(Room).get("a").rpc
        assert dir(rpc) == ["count", "post_message"]
        assert repr(rpc) == "<actions of myRoom: count, post_message>"
        assert rpc.count.__name__ == "count"
        for attr, kind in (("on_wake", "a hook"), ("messagePosted", "no action"), ("_x", "no")):
            with pytest.raises(AttributeError, match=f"'{attr}' is {kind}.*: count, post_message"):
                getattr(rpc, attr)

    run(Script(), use)


@pytest.mark.parametrize("key", [(1,), ("a", None)])
def test_a_key_s_parts_are_str(key: tuple[Any, ...]) -> None:
    async def use(client: Client) -> None:
        with pytest.raises(TypeError, match="key's parts are str"):
            client.actor(Room).get(*key)

    run(Script(), use)


def test_params_of_the_wrong_type_are_refused_at_once() -> None:
    async def use(client: Client) -> None:
        vaults: Any = client.actor(Vault)
        rooms: Any = client.actor(Room)
        with pytest.raises(TypeError):
            vaults.get("a", params=3)
        with pytest.raises(TypeError):
            rooms.get("a", params=3)
        with pytest.raises(TypeError):
            vaults.get_or_create("a", params=Login("x"), input="small")

    run(Script(), use)


# ------------------------------------------------------------------ what becomes of the answer


def test_a_declared_error_is_raised_as_its_class_without_its_init() -> None:
    raised = failure(error("user", "denied", "not for you", {"why": 1}))
    assert type(raised) is Denied
    assert (raised.message, raised.metadata, raised.name) == (
        "not for you",
        {"why": 1},
        "user.denied",
    )


@pytest.mark.parametrize(
    ("code", "kind"), [("not_found", ActionNotFound), ("invalid_arguments", InvalidArguments)]
)
def test_an_error_of_the_host_is_raised_as_its_class(code: str, kind: type[ActorError]) -> None:
    raised = failure(error("action", code, "so it is"))
    assert type(raised) is kind
    assert raised.message == "so it is"


@pytest.mark.parametrize("group", ["user", "core", "client"])
def test_any_other_error_is_an_actor_error(group: str) -> None:
    code = "connection_lost" if group == "client" else "odd"
    raised = failure(error(group, code, "odd", [1]))
    assert type(raised) is ActorError
    assert (raised.group, raised.code, raised.message, raised.metadata) == (group, code, "odd", [1])


@pytest.mark.parametrize(
    "answer",
    [
        HttpResponse(200, JSON, b"<html>"),
        HttpResponse(200, JSON, b"{}"),
        HttpResponse(200, JSON, b"\xff"),
        HttpResponse(502, {"content-type": "text/html"}, b"<html>bad gateway"),
        HttpResponse(500, JSON, b"[]"),
        HttpResponse(302, {"location": "/elsewhere"}, b""),
        output(3),
        output({"text": "hi"}),
    ],
)
def test_an_answer_that_is_not_of_the_protocol(answer: HttpResponse) -> None:
    assert failure(answer).name == "client.invalid_response"


# ------------------------------------------------------------------ ids and creation


def test_resolve_by_key() -> None:
    script = Script(
        HttpResponse(200, JSON, b'{"actor":{"actor_id":"i1"},"created":true}'),
        HttpResponse(200, JSON, b'{"actors":[{"actor_id":"i2"}]}'),
        HttpResponse(200, JSON, b'{"actors":[]}'),
        HttpResponse(200, JSON, b'{"actors":[{}]}'),
    )

    async def use(client: Client) -> None:
        vaults = client.actor(Vault)
        login = Login("x")
        assert await vaults.get_or_create("a/b", params=login, input=Setup(3)).resolve() == "i1"
        assert await vaults.get("a/b", params=login).resolve() == "i2"
        with pytest.raises(ActorNotFound, match="'vault'"):
            await vaults.get(params=login).resolve()
        with pytest.raises(ActorError, match="not of the protocol"):
            await vaults.get("b", params=login).resolve()
        assert await vaults.get_for_id("i4", params=login).resolve() == "i4"

    run(script, use)
    put, get, get_nothing, _ = script.requests
    assert (put.method, put.target) == ("PUT", "/actors?namespace=default")
    body = json.loads(script.bodies[0])
    assert cbor2.loads(base64.b64decode(body.pop("input"))) == {"size": 3}
    assert body == {
        "name": "vault",
        "key": r"a\/b",
        "runner_name_selector": "default",
        "crash_policy": "sleep",
    }
    assert get.method == "GET"
    assert get.target == r"/actors?namespace=default&name=vault&key=a%5C%2Fb"
    assert get_nothing.target.endswith("&key=%2F")


def test_create_gives_a_handle_by_id() -> None:
    script = Script(
        HttpResponse(200, JSON, b'{"actor":{"actor_id":"i1"},"created":true}'),
        output(True),
        error("actor", "duplicate_key", "it exists"),
        HttpResponse(200, JSON, b'{"actor":{}}'),
        HttpResponse(200, JSON, b"<html>"),
    )

    async def use(client: Client) -> None:
        vaults = client.actor(Vault)
        vault = await vaults.create("a", params=Login("x"), input=Setup(1))
        assert vault.key == ("a",)
        assert await vault.rpc.open()
        with pytest.raises(DuplicateKey, match="it exists"):
            await vaults.create("a", params=Login("x"), input=Setup(1))
        for _ in range(2):
            with pytest.raises(ActorError, match="not of the protocol") as caught:
                await vaults.create("a", params=Login("x"), input=Setup(1))
            assert caught.value.name == "client.invalid_response"

    run(script, use)
    assert script.requests[0].method == "POST"
    assert script.requests[1].target == "/gateway/i1/action/open"


@pytest.mark.parametrize(("key", "text"), [(("",), r"\0"), (("a,b", "c"), "a,b/c")])
def test_a_key_that_the_gateway_would_mangle_goes_by_its_id(
    key: tuple[str, ...], text: str
) -> None:
    resolved = HttpResponse(200, JSON, b'{"actor":{"actor_id":"i1"},"created":false}')
    script = Script(resolved, output(1), resolved, output(2))

    async def use(client: Client) -> None:
        room = client.actor(Room).get_or_create(*key)
        assert [await room.rpc.count(), await room.rpc.count()] == [1, 2]
        assert room.key == key

    run(script, use)
    assert json.loads(script.bodies[0])["key"] == text
    assert script.requests[1].target == "/gateway/i1/action/size"


def test_what_a_handle_shows() -> None:
    async def use(client: Client) -> None:
        rooms = client.actor(Room)
        assert repr(rooms.get("a")) == "<Handle of myRoom ('a',)>"
        assert repr(rooms.get_for_id("i1")) == "<Handle of myRoom i1>"
        assert rooms.get("a").key == ("a",)
        assert rooms.get_for_id("i1").key is None

    run(Script(), use)


# ------------------------------------------------------------------ cancelling and closing


def test_cancelling_a_call_cancels_only_the_wait() -> None:
    class Slow(Script):
        @override
        async def respond(self, request: HttpRequest, /) -> HttpResponse:
            started.set()
            await go_on.wait()
            finished.set()
            return output(1)

    async def main() -> None:
        async with Client(Slow()) as client:
            call = asyncio.create_task(client.actor(Room).get("a").rpc.count())
            await started.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            go_on.set()
            await asyncio.wait_for(finished.wait(), 5)

    started, go_on, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()
    asyncio.run(main())


def test_the_host_does_not_see_the_caller_s_context() -> None:
    script = Script(output(1))

    async def use(client: Client) -> None:
        CALLER.set("an actor")
        await client.actor(Room).get("a").rpc.count()

    run(script, use)
    assert script.callers == ["nobody"]


def test_a_closed_client_says_so() -> None:
    async def use(client: Client) -> None:
        room = client.actor(Room).get("a")
        await client.aclose()
        await client.aclose()
        with pytest.raises(ConnectionLost, match="client is closed") as caught:
            await room.rpc.count()
        assert not caught.value.may_have_run
        with pytest.raises(ConnectionLost, match="client is closed"):
            await room.connect().__aenter__()

    run(Script(), use)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:6420",
        "ws://host",
        "http://",
        "http://host:port",
        "http://host:0",
        "http://host:99999",
        "http://host/?x=1",
        "http://host/#x",
    ],
)
def test_what_is_no_url_of_a_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a host's URL is http://host:port"):
        Client(url)


def test_what_is_no_host_at_all_is_refused() -> None:
    untyped: Any = Client
    with pytest.raises(TypeError, match="URL of a host, or a Host, not int"):
        untyped(6420)


def test_only_actor_classes_have_handles() -> None:
    async def use(client: Client) -> None:
        untyped: Any = client
        with pytest.raises(TypeError):
            untyped.actor(Message)

    run(Script(), use)
