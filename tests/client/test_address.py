"""Where an actor is reached (wire-protocol.md, "Gateway paths", "WebSocket handshake")."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyactor.client._address import (
    ById,
    ByKey,
    action_route,
    call_headers,
    connection_subprotocols,
    gateway_target,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TOKEN = set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_get_by_key() -> None:
    target = gateway_target(ByKey("chatRoom", ("a", "b"), may_create=False), "/connect")
    assert target == "/gateway/chatRoom/connect?rvt-namespace=default&rvt-method=get&rvt-key=a%2Cb"


def test_get_or_create_by_key_with_input() -> None:
    target = gateway_target(ByKey("r", ("a b",), may_create=True, input=b"\xff\xfb\x01\x02"), "/x")
    assert target == (
        "/gateway/r/x?rvt-namespace=default&rvt-method=getOrCreate&rvt-key=a+b"
        "&rvt-runner=default&rvt-crash-policy=sleep&rvt-input=__sBAg"
    )


def test_an_empty_key_has_no_rvt_key() -> None:
    assert "rvt-key" not in gateway_target(ByKey("r", (), may_create=False), "/connect")


def test_by_id() -> None:
    assert gateway_target(ById("a/b@c"), "/connect") == "/gateway/a%2Fb%40c/connect"


@pytest.mark.parametrize(
    ("key", "fits"),
    [
        ((), True),
        (("a",), True),
        (("a", "b"), True),
        (("a", ""), True),
        (("", ""), True),
        (("",), False),
        (("a,b",), False),
        (("a", ","), False),
    ],
)
def test_which_keys_a_gateway_path_carries(key: tuple[str, ...], fits: bool) -> None:
    assert ByKey("r", key, may_create=False).fits_gateway is fits


@given(st.lists(TEXT, max_size=4).map(tuple), TEXT)
def test_a_key_that_fits_arrives_as_it_was(key: tuple[str, ...], name: str) -> None:
    address = ByKey(name, key, may_create=False)
    parts = urlsplit(gateway_target(address, action_route(name)))
    joined = dict(parse_qsl(parts.query, keep_blank_values=True)).get("rvt-key")
    arrived = () if not joined else tuple(joined.split(","))
    assert (arrived == key) is address.fits_gateway
    gateway, route = parts.path.split("/action/")
    assert unquote(gateway.removeprefix("/gateway/")) == unquote(route) == name


def test_headers_of_a_call() -> None:
    assert call_headers("json", "application/json", None) == {
        "x-rivet-encoding": "json",
        "content-type": "application/json",
    }
    headers = call_headers("json", "application/json", {"name": "Zoë"})
    assert headers["x-rivet-conn-params"] == '{"name":"Zo\\u00eb"}'


def test_subprotocols_without_params() -> None:
    assert connection_subprotocols("json", None) == ["rivet", "rivet_encoding.json"]


@given(st.dictionaries(TEXT, TEXT | st.integers() | st.lists(TEXT), max_size=3))
def test_params_are_one_token_and_arrive_as_they_were(params: dict[str, object]) -> None:
    offered = connection_subprotocols("json", params)[2]
    assert set(offered) <= TOKEN
    assert json.loads(unquote(offered.removeprefix("rivet_conn_params."))) == params


def test_params_that_json_has_not_are_refused() -> None:
    with pytest.raises(TypeError):
        connection_subprotocols("json", {"raw": b"x"})
    with pytest.raises(ValueError, match="JSON"):
        connection_subprotocols("json", float("nan"))
