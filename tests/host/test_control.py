"""The control API and the gateway's paths, over ``respond``: wire-protocol.md."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pyactor.definition import Actor, action
from pyactor.host import ActorHost, Registry
from pyactor.wire.http import HttpRequest, WholeBody


class Plain(Actor[None], name="plain"):
    @action
    def add(self, a: int, b: int) -> int:
        return a + b


ADD = "/gateway/plain/action/add"

Ask = Callable[..., Coroutine[Any, Any, tuple[int, Any]]]


def with_host(scene: Callable[[Ask], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        host = ActorHost(Registry(Plain))

        async def ask(method: str, target: str, body: Any = None) -> tuple[int, Any]:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            response = await host.respond(HttpRequest(method, target, {}, WholeBody(data)))
            assert isinstance(response.body, bytes)
            return response.status, json.loads(response.body)

        try:
            await scene(ask)
        finally:
            await host.stop()

    asyncio.run(main())


def test_create_find_and_destroy() -> None:
    async def scene(ask: Ask) -> None:
        status, created = await ask("PUT", "/actors", {"name": "plain", "key": "a/b"})
        assert (status, created["created"]) == (200, True)
        actor = created["actor"]
        assert (actor["name"], actor["key"]) == ("plain", "a/b")
        _, again = await ask("PUT", "/actors", {"name": "plain", "key": "a/b"})
        assert again == {"actor": actor, "created": False}
        for query in ("name=plain", "name=plain&key=a/b", f"actor_ids={actor['actor_id']},none"):
            _, found = await ask("GET", f"/actors?{query}")
            assert found["actors"] == [actor]
        assert (await ask("GET", "/actors?name=plain&key=c"))[1]["actors"] == []
        assert await ask("DELETE", f"/actors/{actor['actor_id']}") == (200, {})
        status, error = await ask("DELETE", f"/actors/{actor['actor_id']}")
        assert (status, error["group"], error["code"]) == (404, "actor", "not_found")
        assert (await ask("GET", "/actors?name=plain"))[1]["actors"] == []

    with_host(scene)


def test_a_list_comes_in_pages() -> None:
    async def scene(ask: Ask) -> None:
        for number in range(7):
            await ask("PUT", "/actors", {"name": "plain", "key": str(number)})
        _, whole = await ask("GET", "/actors?name=plain")
        assert [actor["key"] for actor in whole["actors"]] == [str(each) for each in range(7)]
        assert whole["pagination"] == {"cursor": None}
        found: list[Any] = []
        cursors: list[Any] = [""]
        for size in (3, 3, 1):
            _, page = await ask("GET", f"/actors?name=plain&limit=3&cursor={cursors[-1]}")
            assert len(page["actors"]) == size
            found += page["actors"]
            cursors.append(page["pagination"]["cursor"])
            # Where a page ended, the next begins, whatever became of that actor.
            await ask("DELETE", f"/actors/{found[-1]['actor_id']}")
        assert cursors[-1] is None
        assert found == whole["actors"]

    with_host(scene)


def test_post_creates_or_fails() -> None:
    async def scene(ask: Ask) -> None:
        status, created = await ask("POST", "/actors", {"name": "plain", "key": "a"})
        assert (status, created["created"]) == (200, True)
        status, error = await ask("POST", "/actors", {"name": "plain", "key": "a"})
        assert (status, error["group"], error["code"]) == (409, "actor", "duplicate_key")

    with_host(scene)


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code"),
    [
        ("POST", "/actors", {"name": "nope"}, 400, "not_registered"),
        ("POST", "/actors", b"\xff", 400, "invalid_request"),
        ("POST", "/actors", [], 400, "invalid_request"),
        ("POST", "/actors", {"name": 3}, 400, "invalid_request"),
        ("POST", "/actors", {"name": "plain", "key": ["a"]}, 400, "invalid_request"),
        ("POST", "/actors", {"name": "plain", "input": 3}, 400, "invalid_request"),
        ("POST", "/actors", {"name": "plain", "input": "%"}, 400, "invalid_request"),
        ("POST", "/actors", b"[" * 50_000, 400, "invalid_request"),
        ("POST", "/actors", {"name": "\ud800"}, 400, "invalid_request"),
        ("PUT", "/actors", {"name": "plain", "key": "\ud800"}, 400, "invalid_request"),
        ("GET", "/actors", None, 400, "invalid_request"),
        ("GET", "/actors?name=plain&limit=0", None, 400, "invalid_request"),
        ("GET", "/actors?name=plain&limit=1001", None, 400, "invalid_request"),
        ("GET", "/actors?name=plain&limit=x", None, 400, "invalid_request"),
        ("GET", "/actors?name=plain&cursor=x", None, 400, "invalid_request"),
        ("GET", "/actors?name=plain&cursor=0x1p99999:x", None, 400, "invalid_request"),
        ("PATCH", "/actors", None, 405, "method_not_allowed"),
        ("GET", "/actors/x", None, 405, "method_not_allowed"),
        ("GET", "/actors/x/y", None, 404, "no_route"),
        ("GET", "/", None, 404, "no_route"),
        ("POST", "/gateway/plain/add?rvt-method=getOrCreate", None, 404, "no_route"),
        ("GET", f"{ADD}?rvt-method=getOrCreate", None, 405, "method_not_allowed"),
        ("POST", f"{ADD}?rvt-method=get", {"args": []}, 404, "not_found"),
        ("POST", f"{ADD}?rvt-method=make", None, 400, "invalid_request"),
        ("POST", f"{ADD}?rvt-method=getOrCreate", b"x", 400, "invalid_request"),
        ("POST", "/gateway/plain/action/no?rvt-method=getOrCreate", {"args": []}, 404, "not_found"),
        (
            "POST", f"{ADD}?rvt-method=getOrCreate", {"args": ["x", 1]},
            400, "invalid_arguments",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_answered_with_its_status(
    method: str, target: str, body: Any, status: int, code: str
) -> None:
    async def scene(ask: Ask) -> None:
        got, error = await ask(method, target, body)
        assert (got, error["code"]) == (status, code)

    with_host(scene)


def test_an_action_by_key_and_by_id() -> None:
    async def scene(ask: Ask) -> None:
        body = {"args": [1, 2]}
        by_key = f"{ADD}?rvt-method=getOrCreate&rvt-key=a"
        assert await ask("POST", by_key, body) == (200, {"output": 3})
        _, found = await ask("GET", "/actors?name=plain")
        [actor] = found["actors"]
        by_id = f"/gateway/{actor['actor_id']}/action/add"
        assert await ask("POST", by_id, body) == (200, {"output": 3})

    with_host(scene)
