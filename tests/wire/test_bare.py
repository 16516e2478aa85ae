"""The encoding bare, as bytes: versions, canonical forms, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyactor.errors import DecodeError
from pyactor.wire._bare_versions import VERSIONS
from pyactor.wire.bare import BareCodec
from pyactor.wire.messages import ActionRequest, ActionResponse, ActorIdentity, Error, Init
from pyactor.wire.queue import QueueResult, QueueSend

codec = BareCodec()


def decode(hex_of_rest: str, version: int = 4) -> object:
    return codec.decode_to_server(version.to_bytes(2, "little") + bytes.fromhex(hex_of_rest))


def test_a_socket_begins_with_what_old_and_new_clients_read() -> None:
    assert codec.initial_version == 2


def test_the_versions() -> None:
    assert list(VERSIONS) == [1, 2, 3, 4]
    for version in VERSIONS:
        assert codec.version_of(codec.encode_to_client(Init("a", "c"), version)) == version


@pytest.mark.parametrize("version", [0, 5, 256, 65535])
def test_another_version_is_an_error_that_names_those_there_are(version: int) -> None:
    message = f"protocol version {version} is not supported; these are: 1, 2, 3, 4"
    for read in (codec.version_of, codec.decode_to_server, codec.decode_to_client):
        with pytest.raises(DecodeError) as caught:
            read(version.to_bytes(2, "little") + b"\x00")
        assert str(caught.value) == message
    with pytest.raises(ValueError, match=message):
        codec.encode_to_client(Init("a", "c"), version)


def test_queues_came_with_version_3() -> None:
    message = r"^queues do not exist in protocol version 2; use 3 or later$"
    with pytest.raises(ValueError, match=message):
        codec.encode_queue_request(QueueSend(1), 2)
    with pytest.raises(ValueError, match=message):
        codec.encode_queue_response(QueueResult("completed"), 2)
    with pytest.raises(DecodeError, match=message):
        codec.decode_queue_request(b"\x02\x00\x01\x01\x00\x00\x00")
    with pytest.raises(DecodeError, match=message):
        codec.decode_queue_response(b"\x02\x00")


@pytest.mark.parametrize("number", [0, 127, 128, 2**14, 2**63, 2**64 - 1])
def test_a_uint_takes_no_more_bytes_than_it_needs(number: int) -> None:
    data = codec.encode_to_server(ActionRequest(number, "", []), 4)
    assert len(data) == 3 + max(1, -(-number.bit_length() // 7)) + 1 + 2
    assert codec.decode_to_server(data) == ActionRequest(number, "", [])


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", "BARE message that ends 1 bytes early"),
        ("02", "2 is no tag of a message from a client to a host"),
        ("00 8000", "BARE uint of more than 64 bits, or longer than it needs to be"),
        (
            "00 ffffffffffffffffff02",
            "BARE uint of more than 64 bits, or longer than it needs to be",
        ),
        (
            "00 ffffffffffffffffffff01",
            "BARE uint of more than 64 bits, or longer than it needs to be",
        ),
        ("00 01 05 61", "BARE message that ends 4 bytes early"),
        ("00 01 ffffffffffffffffff01", "BARE message that ends 18446744073709551615 bytes early"),
        ("00 01 01 ff", "BARE str that is no UTF-8: "),
        ("00 01 01 61 00", "no CBOR: premature end of stream"),
        ("00 01 01 61 01 01", "args must be an array, not 1"),
        ("00 01 01 61 01 f7", "args must be an array, not None"),
        ("00 01 01 61 01 80 00", "BARE message with 1 bytes after it"),
        ("01 01 61 02", "BARE bool is 0 or 1, not 2"),
    ],
)
def test_what_is_no_message_of_a_client(rest: str, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(rest)
    assert str(caught.value).startswith(message)


def test_a_frame_shorter_than_its_version() -> None:
    with pytest.raises(DecodeError, match=r"^bare begins with a version of two bytes, not with 1$"):
        codec.version_of(b"\x04")


def test_a_text_frame_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"^a text frame, but bare is binary$"):
        codec.decode_to_server("{}")


def test_a_client_is_told_of_an_unknown_tag() -> None:
    with pytest.raises(DecodeError, match=r"^4 is no tag of a message from a host to a client$"):
        codec.decode_to_client(b"\x04\x00\x04")


def test_half_a_surrogate_pair_is_named_where_it_stands() -> None:
    actor = ActorIdentity("a", 1, "\ud800")
    with pytest.raises(ValueError, match=r"half a surrogate pair at index 0.* @ \$\.actor\.key$"):
        codec.encode_error(Error("g", "c", "m", actor=actor), 4)


def test_nothing_may_follow_a_message() -> None:
    wholes: list[tuple[Callable[[bytes], object], bytes]] = [
        (codec.decode_to_client, codec.encode_to_client(ActionResponse(1, None), 4)),
        (codec.decode_to_server, codec.encode_to_server(ActionRequest(1, "f", []), 4)),
        (codec.decode_action_request, codec.encode_action_request([], 4)),
        (codec.decode_action_response, codec.encode_action_response(None, 4)),
        (codec.decode_queue_request, codec.encode_queue_request(QueueSend(1), 4)),
        (codec.decode_queue_response, codec.encode_queue_response(QueueResult("completed"), 4)),
        (codec.decode_error, codec.encode_error(Error("g", "c", "m"), 4)),
    ]
    for read, whole in wholes:
        read(whole)
        with pytest.raises(DecodeError, match=r"^BARE message with 1 bytes after it$"):
            read(whole + b"\x00")
