"""Whatever comes in, only DecodeError comes out."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyactor.errors import DecodeError
from pyactor.wire.codecs import CODECS, Codec

THEIRS = json.loads((Path(__file__).parent / "golden" / "theirs.json").read_text())
GOLDEN = {
    name: [
        bytes.fromhex(frame)
        for case in THEIRS.values()
        for form, frame in case["frames"].items()
        if form.startswith(name)
    ]
    for name in CODECS
}


def decoders(codec: Codec) -> list[Callable[[Any], object]]:
    return [
        codec.version_of,
        codec.decode_to_client,
        codec.decode_to_server,
        codec.decode_action_request,
        codec.decode_action_response,
        codec.decode_queue_request,
        codec.decode_queue_response,
        codec.decode_error,
    ]


def decode_in_every_way(codec: Codec, data: str | bytes) -> None:
    for decode in decoders(codec):
        with suppress(DecodeError):
            decode(data)


codecs = pytest.mark.parametrize("codec", CODECS.values(), ids=list(CODECS))


@codecs
@given(data=st.binary() | st.text(st.characters()))
@example(data="")
@example(data=b"")
@example(data='"\udc80"')
def test_noise(codec: Codec, data: str | bytes) -> None:
    decode_in_every_way(codec, data)


@codecs
@given(st.data())
def test_golden_bytes_with_a_few_changes(codec: Codec, data: st.DataObject) -> None:
    frame = bytearray(data.draw(st.sampled_from(GOLDEN[codec.name])))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(frame)))
        end = data.draw(st.integers(start, min(start + 3, len(frame))))
        frame[start:end] = data.draw(st.binary(max_size=4))
    decode_in_every_way(codec, bytes(frame))
    if codec.is_text:
        decode_in_every_way(codec, frame.decode(errors="surrogateescape"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: (
        st.lists(values, max_size=3)
        | st.tuples(
            st.sampled_from(["$BigInt", "$Uint8Array", "$ArrayBuffer", "$Undefined", "$Set", "$$"]),
            values,
        )
        | st.dictionaries(
            st.sampled_from(["body", "tag", "val", "id", "name", "args", "actor", "a"]),
            values | st.sampled_from(["ActionRequest", "Event", "Error"]),
            max_size=6,
        )
    ),
)
cbor_values = st.recursive(
    st.none()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=9)
    | st.just(cbor2.undefined)
    | st.integers(32, 255).map(cbor2.CBORSimpleValue),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(st.integers() | st.text(max_size=3), values, max_size=3)
        | st.builds(cbor2.CBORTag, st.integers(0, 300) | st.just(55799), values)
    ),
)


def enveloped(value: object) -> dict[str, object]:
    return {"body": {"tag": "ActionRequest", "val": {"id": 1, "name": "f", "args": [value]}}}


@given(json_values)
def test_json_of_wrong_content(value: object) -> None:
    for content in (value, enveloped(value), {"args": value, "output": value}):
        decode_in_every_way(CODECS["json"], json.dumps(content))


@given(cbor_values)
def test_cbor_of_wrong_content(value: object) -> None:
    for content in (value, enveloped(value), {"args": value, "output": value}):
        decode_in_every_way(CODECS["cbor"], cbor2.dumps(content))


def test_a_decoder_is_hurt_by_no_depth() -> None:
    for depth in (101, 399, 401, 1_001, 100_000):
        opened = '{"body":{"tag":"ActionRequest","val":{"id":1,"name":"f","args":['
        with pytest.raises(DecodeError):
            CODECS["json"].decode_to_server(opened + "[" * depth + "]" * depth + "]}}}")
        with pytest.raises(DecodeError):
            CODECS["json"].decode_to_server(opened + '{"a":' * depth + "1" + "}" * depth + "]}}}")
        with pytest.raises(DecodeError):
            CODECS["json"].decode_to_server(opened + '["$$",' * depth + "1" + "]" * depth + "]}}}")
        for head in (b"\x81", b"\xa1\x61a", b"\xd9\x01\x02\x81", b"\xd9\x01\x03", b"\x9f", b"\xc1"):
            nested = head * depth + b"\x00"
            with pytest.raises(DecodeError):
                CODECS["cbor"].decode_action_request(b"\xa1\x64args" + nested)
            with pytest.raises(DecodeError):
                CODECS["cbor"].decode_action_response(b"\xa1\x66output" + nested)
