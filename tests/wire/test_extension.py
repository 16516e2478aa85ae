"""The bytes of the extension, as docs/extension.md has them, and that nothing else has changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pyactor.errors import DecodeError
from pyactor.wire.codecs import CODECS
from pyactor.wire.messages import (
    ExtendedInit,
    NumberedEvent,
    Position,
    Subscribed,
    SubscribeRequest,
    ToClient,
    ToServer,
)

OURS: Mapping[str, Mapping[str, Any]] = json.loads(
    (Path(__file__).parent / "golden" / "extension.json").read_text()
)

TO_CLIENT: Mapping[str, ToClient] = {
    "extended_init": ExtendedInit("a1", "c1", 1),
    "numbered_event": NumberedEvent("posted", ["hello"], 300),
    "numbered_event_of_nothing": NumberedEvent("closed", [], 1),
    "subscribed": Subscribed(7, Position("e1", 0)),
    "subscribed_without_position": Subscribed(7),
}
TO_SERVER: Mapping[str, ToServer] = {
    "subscribe_request": SubscribeRequest(7, "posted"),
    "subscribe_request_after": SubscribeRequest(8, "posted", Position("e1", 299)),
}
FORMS = [("json", 0), ("cbor", 0), ("bare", 2), ("bare", 4)]


def encoded(name: str, codec_name: str, version: int) -> str | bytes:
    codec = CODECS[codec_name]
    if name in TO_CLIENT:
        return codec.encode_to_client(TO_CLIENT[name], version)
    return codec.encode_to_server(TO_SERVER[name], version)


@pytest.mark.parametrize("name", [*TO_CLIENT, *TO_SERVER])
@pytest.mark.parametrize(("codec", "version"), FORMS)
def test_golden_bytes(name: str, codec: str, version: int) -> None:
    data = encoded(name, codec, version)
    golden = OURS[name][f"{codec}.{version}" if version else codec]
    assert (data if isinstance(data, str) else data.hex()) == golden
    decoded: object
    if name in TO_CLIENT:
        decoded = CODECS[codec].decode_to_client(data)
        assert decoded == TO_CLIENT[name]
    else:
        decoded = CODECS[codec].decode_to_server(data)
        assert decoded == TO_SERVER[name]


@pytest.mark.parametrize(
    "frame",
    [
        '{"body":{"tag":"Subscribed","val":{"id":1,"position":{"epoch":"e"}}}}',
        '{"body":{"tag":"Subscribed","val":{"id":1,"position":7}}}',
        '{"body":{"tag":"NumberedEvent","val":{"name":"a","args":[],"sequence":-1}}}',
        '{"body":{"tag":"ExtendedInit","val":{"actorId":"a","connectionId":"c"}}}',
    ],
)
def test_what_is_malformed(frame: str) -> None:
    with pytest.raises(DecodeError):
        CODECS["json"].decode_to_client(frame)


def test_an_absent_position_is_none() -> None:
    frame = '{"body":{"tag":"SubscribeRequest","val":{"id":1,"eventName":"a"}}}'
    assert CODECS["json"].decode_to_server(frame) == SubscribeRequest(1, "a")
