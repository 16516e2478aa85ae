"""Small rules of HTTP messages."""

from __future__ import annotations

import pytest

from pyactor.transports._http_messages import origin_form, peer_name, wants_websocket


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a?b=http://c", "/a?b=http://c"),
        ("*", "*"),
        ("http://host:1/a?b", "/a?b"),
        ("HTTPS://host", "/"),
        ("http://host?b=/c", "/?b=/c"),
        ("ftp://host/a", "ftp://host/a"),
    ],
)
def test_origin_form(target: str, path: str) -> None:
    assert origin_form(target) == path


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("websocket", True),
        ("WebSocket", True),
        ("h2c, websocket", True),
        ("h2c", False),
        ("websockets", False),
        ("", False),
    ],
)
def test_wants_websocket(value: str, *, wanted: bool) -> None:
    assert wants_websocket({"upgrade": value}) is wanted
    assert wants_websocket({}) is False


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (("127.0.0.1", 80), "127.0.0.1:80"),
        (("::1", 80, 0, 0), "[::1]:80"),
        ("", None),
        ("/run/socket", None),
        (None, None),
    ],
)
def test_peer_name(address: object, name: str | None) -> None:
    assert peer_name(address) == name
