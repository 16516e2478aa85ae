"""The encoding cbor, as bytes: native tags, ids, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest

from pyactor.errors import DecodeError
from pyactor.wire.cbor import CborCodec
from pyactor.wire.messages import ActionRequest, ActionResponse, Event

codec = CborCodec()


def args_of(hex_of_item: str) -> object:
    args: Any = codec.decode_action_request(b"\xa1\x64args\x81" + bytes.fromhex(hex_of_item))
    return args[0]


def test_an_id_takes_eight_bytes_however_small_it_is() -> None:
    for data in (
        codec.encode_to_client(ActionResponse(5, None), 0),
        codec.encode_to_server(ActionRequest(5, "f", []), 0),
    ):
        assert isinstance(data, bytes)
        assert b"\x62id\x1b\x00\x00\x00\x00\x00\x00\x00\x05" in data


def test_any_form_of_an_id_is_read() -> None:
    for number in (5, 2**40, float(2**40)):
        message = {"body": {"tag": "ActionRequest", "val": {"id": number, "name": "f", "args": []}}}
        assert codec.decode_to_server(cbor2.dumps(message)) == ActionRequest(int(number), "f", [])


def test_a_client_escapes_nothing_and_a_host_everything() -> None:
    request: Any = codec.encode_to_server(ActionRequest(1, "f", ["$Set", [b"1"]]), 0)
    assert cbor2.loads(request)["body"]["val"]["args"] == ["$Set", [cbor2.CBORTag(64, b"1")]]
    event: Any = codec.encode_to_client(Event("e", ["$Set", [b"1"]]), 0)
    assert cbor2.loads(event)["body"]["val"]["args"] == ["$$Set", [["$Uint8Array", "MQ=="]]]


def test_what_looks_like_a_tagged_value_of_a_client_is_none() -> None:
    assert codec.decode_action_request(cbor2.dumps({"args": ["$Nope", 1]})) == ["$Nope", 1]


@pytest.mark.parametrize(
    ("item", "value"),
    [
        (
            "c0 74 323031332d30332d32315432303a30343a30305a",
            datetime(2013, 3, 21, 20, 4, tzinfo=UTC),
        ),
        ("c1 1a 514b67b0", datetime(2013, 3, 21, 20, 4, tzinfo=UTC)),
        ("c1 fb bff8000000000000", datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)),
        ("c2 49 010000000000000000", 2**64),
        ("c3 49 010000000000000000", -(2**64) - 1),
        ("d8 40 42 0102", b"\x01\x02"),
        ("d9 0102 82 01 81 02", {1, (2,)}),
        ("d9 0103 a1 61 61 d9 0103 a0", {"a": {}}),
        ("9f 01 ff", [1]),
        ("7f 61 61 61 62 ff", "ab"),
        ("d8 4d 44 ffff 0100", [-1, 1]),
    ],
)
def test_native_values(item: str, value: object) -> None:
    assert args_of(item) == value


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("c0 61 78", "CBOR date that is no RFC 3339 text: Invalid isoformat string: 'x'"),
        ("c0 01", "CBOR date that is no RFC 3339 text: fromisoformat: argument must be str"),
        ("c0 6a 323031332d30332d3231", "CBOR date without a time zone, so it names no instant"),
        (
            "c1 61 78",
            "CBOR date that is no time: unsupported type for timedelta seconds component: str",
        ),
        ("c1 f9 7e00", "CBOR date that is no time: cannot convert float NaN to integer"),
        ("c1 f9 7c00", "CBOR date that is no time: cannot convert float infinity to integer"),
        ("c1 1b ffffffffffffffff", "CBOR date that is no time: "),
        ("c2 01", "CBOR integer that is no bytes, or more than 1785 of them"),
        ("c3 59 06fa" + "ff" * 1786, "CBOR integer that is no bytes, or more than 1785 of them"),
        ("d8 40 01", "CBOR typed array that is no bytes"),
        ("d8 45 43 010203", "CBOR typed array that is none: iterative unpacking requires "),
        ("d8 45 01", "CBOR typed array that is none: a bytes-like object is required"),
        ("d9 0102 01", "a set is written as a list of its items, not as int"),
        ("d9 0102 81 a0", "a set with an object in it: Python cannot hash one"),
        ("d9 0103 01", "CBOR tag 259 on a int is not known"),
        ("d8 1c 80", "CBOR tag 28 on a list is not known"),
        ("d8 23 62 2e2a", "CBOR tag 35 on a str is not known"),
        ("d9 d9f7 01", "CBOR tag 55799 on a int is not known"),
        ("a1 01 02", "a map with a key of int: only str keys are plain"),
        ("f8 ff", "CBOR with a CBORSimpleValue, which is not plain"),
        ("61 ff", "no CBOR: error decoding text string"),
        ("18", "no CBOR: premature end of stream"),
        ("01 02", "CBOR of 8 bytes with more after it, of 9"),
    ],
)
def test_what_is_refused(item: str, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        args_of(item)
    assert str(caught.value).startswith(message)


def test_shared_references_unfold_nothing() -> None:
    # 30 lists, each twice the one before it: a thousand million items if it were unfolded.
    bomb = (
        b"\xd8\x1c"
        + b"\x82\xd8\x1c" * 30
        + b"\x80"
        + b"".join(b"\xd8\x1d" + bytes([0x18, number]) for number in range(30))
    )
    with pytest.raises(DecodeError, match=r"^CBOR tag 28 on a "):
        args_of(bomb.hex())


def test_a_text_frame_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"^a text frame, but cbor is binary$"):
        codec.decode_to_server("{}")
