"""From a request to the actor it is for: wire-protocol.md, "Gateway paths". Pure functions."""

from __future__ import annotations

import base64
from urllib.parse import quote

import cbor2
import pytest

from pyactor.errors import CallTooDeep, InvalidParams, InvalidRequest, RouteNotFound
from pyactor.host.routing import (
    ActorRoute,
    ById,
    ByKey,
    actor_route,
    carried_token,
    check_depth,
    http_params,
    websocket_params,
)
from pyactor.plain import UNDEFINED
from pyactor.wire.depth import DEPTH_HEADER
from pyactor.wire.http import HttpRequest
from pyactor.wire.values import encode_value


def route_of(target: str, **headers: str) -> ActorRoute:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return actor_route(HttpRequest("GET", target, named))


def test_by_key() -> None:
    """The actor sees the path below its own, with the query that is not the gateway's."""
    encoded = base64.urlsafe_b64encode(cbor2.dumps({"a": 1})).decode().rstrip("=")
    route = route_of(
        f"/gateway/my%20room/x/y?rvt-method=getOrCreate&q=%31&rvt-key=a,b%20c&rvt-input={encoded}"
        "&r&rvt-namespace=space&rvt-token=t%20t&rvt-skip-ready-wait=true&rvt-new=1"
    )
    assert route == ActorRoute(
        ByKey("my room", ("a", "b c"), True, {"a": 1}), "/x/y", "q=%31&r", "t t", "space"
    )
    assert route_of("/gateway/room?rvt-method=get") == ActorRoute(
        ByKey("room", (), False, None), "/", "", None, None
    )


def test_by_id() -> None:
    assert route_of("/gateway/abc@a%40b/connect?q=1") == ActorRoute(
        ById("abc"), "/connect", "q=1", "a@b", None
    )
    assert route_of("/gateway/abc/?rvt-token=t&rvt-skip-ready-wait=true") == ActorRoute(
        ById("abc"), "/", "", "t", None
    )


@pytest.mark.parametrize("path", ["/connect", "/websocket/a/b", "/request/x", "/action/go"])
def test_skip_ready_wait_by_id_has_the_actors_path_at_the_root(path: str) -> None:
    expected = ActorRoute(ById("abc"), path, "q=1", "t", None)
    assert expected == route_of(
        f"{path}?q=1", x_rivet_target="actor", x_rivet_actor="abc", x_rivet_token="t"
    )
    protocols = "rivet, rivet_target.actor, rivet_actor.abc, rivet_token.t, rivet_skip_ready_wait"
    assert expected == route_of(f"{path}?q=1", sec_websocket_protocol=protocols)


def test_where_a_token_may_stand_and_which_is_taken() -> None:
    """The most particular wins: a Bearer token may be meant for the actor's own on_request."""
    at = "/gateway/abc@path/connect?rvt-token=query"
    every = {
        "x_rivet_token": "header",
        "authorization": "Bearer bearer",
        "sec_websocket_protocol": "rivet, rivet_token.protocol",
    }
    assert route_of(at, **every).token == "path"
    assert route_of(at.replace("@path", ""), **every).token == "query"
    assert route_of("/gateway/abc/connect", **every).token == "header"
    del every["x_rivet_token"]
    assert route_of("/gateway/abc/connect", **every).token == "protocol"
    del every["sec_websocket_protocol"]
    assert route_of("/gateway/abc/connect", **every).token == "bearer"
    assert carried_token(HttpRequest("GET", "/", {"authorization": "Basic YQ=="})) is None


@pytest.mark.parametrize(
    "target", ["/gateway", "/gateway/", "/gate/room/connect", "/", "*", "connect", "//connect"]
)
def test_what_leads_to_no_actor(target: str) -> None:
    with pytest.raises(RouteNotFound, match="actors are below /gateway/NAME/"):
        route_of(target)
    with pytest.raises(RouteNotFound):
        route_of(target, x_rivet_target="runner", x_rivet_actor="abc")
    with pytest.raises(RouteNotFound):
        route_of(target, x_rivet_target="actor")


def test_methods() -> None:
    with pytest.raises(InvalidRequest, match="it must be get or getOrCreate"):
        route_of("/gateway/room/connect?rvt-method=Get")


def test_the_input_is_what_the_compatibility_layer_says_it_is() -> None:
    """The official client escapes: $-tags are values, and a doubled $ is text."""
    value = {"big": 2**60, "bytes": b"x", "text": ["$Set", 1]}
    encoded = base64.urlsafe_b64encode(encode_value(value, "input")).decode().rstrip("=")
    actor = route_of(f"/gateway/room/connect?rvt-method=getOrCreate&rvt-input={encoded}").actor
    assert isinstance(actor, ByKey)
    assert actor.input == value
    tagged = base64.urlsafe_b64encode(cbor2.dumps(["$Set", [1]])).decode().rstrip("=")
    actor = route_of(f"/gateway/room/connect?rvt-method=getOrCreate&rvt-input={tagged}").actor
    assert isinstance(actor, ByKey)
    assert actor.input == {1}
    nothing = base64.urlsafe_b64encode(encode_value(UNDEFINED, "input")).decode().rstrip("=")
    actor = route_of(f"/gateway/room/connect?rvt-method=getOrCreate&rvt-input={nothing}").actor
    assert actor == ByKey("room", (), True, None)
    for bad in ("%25", "gA", base64.urlsafe_b64encode(b"\x01\x01").decode()):
        with pytest.raises(InvalidRequest, match="base64 of CBOR"):
            route_of(f"/gateway/room/connect?rvt-method=getOrCreate&rvt-input={bad}zz")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (r'{"name":"\ud800"}', "half a surrogate pair"),
        (r'{"\ud800":1}', "half a surrogate pair"),
        ("[NaN]", "NaN is no JSON"),
        ("[1e999]", "1e999 is larger than any float"),
        ("[" * 101 + "]" * 101, "containers nested more than 100 deep"),
        ("[" * 2000 + "]" * 2000, "no JSON|nested more than 100 deep"),
        ("{", "no JSON: "),
    ],
)
def test_params_that_could_not_travel_on_are_refused(text: str, reason: str) -> None:
    """An actor may put them into its state, and nobody could save that."""
    message = f"the connection parameters cannot be read: .*({reason})"
    with pytest.raises(InvalidParams, match=message):
        http_params(HttpRequest("POST", "/", {"x-rivet-conn-params": text}), 10_000)
    protocols = f"rivet, rivet_conn_params.{quote(text, safe='')}"
    with pytest.raises(InvalidParams, match=message):
        websocket_params(HttpRequest("GET", "/", {"sec-websocket-protocol": protocols}), 10_000)


def test_params_are_plain_json() -> None:
    """No client escapes in them: a list is a list, whatever it begins with."""
    text = '{"tag":["$Set",[1]],"big":5e9,"text":"\\ud83d\\ude00 ü"}'
    request = HttpRequest("POST", "/", {"x-rivet-conn-params": text})
    assert http_params(request, 100) == {"tag": ["$Set", [1]], "big": 5e9, "text": "😀 ü"}
    assert websocket_params(request, 100) is None


def test_a_refusal_names_no_token() -> None:
    """It goes into logs too."""
    request = HttpRequest("GET", "/gateway/id@secret/x?rvt-token=secret", {DEPTH_HEADER: "101"})
    with pytest.raises(CallTooDeep) as caught:
        check_depth(request)
    assert "and now /gateway/id/x: break" in str(caught.value)
