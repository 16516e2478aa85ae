"""A scope as the head of a request, whatever the server and the framework make of it."""

from __future__ import annotations

from typing import Any

import pytest

from pyactor.asgi._scope import request_of, target_of


def scope(path: str, **fields: Any) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": path, "headers": [], **fields}


@pytest.mark.parametrize(
    ("given", "target"),
    [
        pytest.param({"path": "/a", "raw_path": b"/a", "query_string": b"x=%2F"}, "/a?x=%2F"),
        pytest.param({"path": "/a/b c", "raw_path": b"/a%2Fb%20c"}, "/a%2Fb%20c", id="as sent"),
        pytest.param({"path": "/a b/ż"}, "/a%20b/%C5%BC", id="no raw path"),
        pytest.param({"path": "/a", "raw_path": None}, "/a", id="raw path is None"),
        pytest.param({"path": "/b", "raw_path": b"/a/b"}, "/b", id="a middleware has cut the path"),
        pytest.param({"path": "/a", "raw_path": b"/a?x=1", "query_string": b"x=1"}, "/a?x=1"),
    ],
)
def test_the_target_is_what_the_client_sent(given: dict[str, Any], target: str) -> None:
    assert target_of(scope(**given)) == target


@pytest.mark.parametrize(
    ("root", "path", "raw_path", "target"),
    [
        pytest.param("/actors", "/actors/metadata", b"/actors/metadata", "/metadata"),
        pytest.param("/actors/", "/actors/metadata", b"/actors/metadata", "/metadata"),
        pytest.param("/actors", "/actors", b"/actors", "/", id="the root itself"),
        pytest.param("/actors", "/actors/actors", b"/actors/actors", "/actors", id="once"),
        pytest.param("/actors", "/actorsx/y", b"/actorsx/y", "/actorsx/y", id="another name"),
        pytest.param("/actors", "/metadata", b"/metadata", "/metadata", id="cut by a proxy"),
        pytest.param("/my actors", "/my actors/a/b", b"/my%20actors/a%2Fb", "/a%2Fb"),
        pytest.param("/a/b", "/a/b/c", b"/a%2Fb/c", "/c", id="the root with an encoded slash"),
        pytest.param("/my actors", "/my actors", b"/my%20actors", "/", id="an encoded root"),
        pytest.param("", "/a", b"/a", "/a"),
    ],
)
def test_the_path_begins_below_the_root(root: str, path: str, raw_path: bytes, target: str) -> None:
    assert target_of(scope(path, raw_path=raw_path, root_path=root)) == target


def test_a_mount_below_a_prefix_that_a_proxy_has_cut() -> None:
    given = scope("/actors/metadata", root_path="/api/actors", app_root_path="/api")
    assert target_of(given) == "/metadata"
    given = scope("/api/actors/metadata", root_path="/api/actors", app_root_path="/api")
    assert target_of(given) == "/metadata"


def test_headers_have_names_in_lower_case_and_are_joined() -> None:
    headers = [
        (b"X-A", b"1"),
        (b"x-a", b"\xff"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
    ]
    given = request_of(scope("/", headers=headers))
    assert given.headers == {"x-a": "1, \xff", "cookie": "a=1; b=2"}


def test_subprotocols_are_found_with_and_without_the_header() -> None:
    offered = ["rivet", "rivet_encoding.bare"]
    without = request_of(scope("/", type="websocket", subprotocols=offered))
    assert without.headers["sec-websocket-protocol"] == "rivet, rivet_encoding.bare"
    header = [(b"sec-websocket-protocol", b"rivet,rivet_encoding.bare")]
    with_ = request_of(scope("/", type="websocket", subprotocols=offered, headers=header))
    assert with_.headers["sec-websocket-protocol"] == "rivet,rivet_encoding.bare"


@pytest.mark.parametrize(
    ("client", "peer"),
    [
        (("127.0.0.1", 80), "127.0.0.1:80"),
        (["::1", 80], "[::1]:80"),
        (None, None),
    ],
)
def test_the_peer(client: Any, peer: str | None) -> None:
    assert request_of(scope("/", client=client)).peer == peer
