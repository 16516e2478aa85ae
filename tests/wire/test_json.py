"""The encoding json, as text: what of it is read, and what is refused with which words."""

from __future__ import annotations

import pytest

from pyactor.errors import DecodeError
from pyactor.plain import UNDEFINED, Plain
from pyactor.wire.json import JsonCodec, decode_plain, decode_untagged, encode_plain
from pyactor.wire.messages import ActionRequest, ActionResponse, Error
from pyactor.wire.queue import QueueSend

codec = JsonCodec()


def request(args: str = "[]", id: str = "1", name: str = '"f"') -> str:
    return f'{{"body":{{"tag":"ActionRequest","val":{{"id":{id},"name":{name},"args":{args}}}}}}}'


def args_of(args: str) -> object:
    message = codec.decode_to_server(request(args))
    assert isinstance(message, ActionRequest)
    return message.args


def test_an_id_is_a_number_or_a_bigint() -> None:
    for text in ("5", '["$BigInt","5"]'):
        assert codec.decode_to_server(request(id=text)) == ActionRequest(5, "f", [])


@pytest.mark.parametrize(
    "id", ["-1", "1.0", "true", "null", '"5"', "18446744073709551616", '["$BigInt","-1"]', "[]"]
)
def test_an_id_is_nothing_else(id: str) -> None:
    with pytest.raises(DecodeError, match=r"^val\.id must be an integer from 0 to 2\^64-1, not "):
        codec.decode_to_server(request(id=id))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON: Expecting value: line 1 column 1 (char 0)"),
        (
            "{",
            "no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("[]", "message is list, not an object"),
        ('["$Undefined",0]', "message is list, not an object"),
        ("{}", "body is NoneType, not an object"),
        ('{"body":{}}', "body.tag must be a string, not None"),
        ('{"body":{"tag":"ActionRequest"}}', "val is NoneType, not an object"),
        ('{"body":{"tag":"Nope","val":{}}}', "'Nope' is no message from a client to a host"),
        ('{"body":{"tag":"Init","val":{}}}', "'Init' is no message from a client to a host"),
        (request(name="7"), "val.name must be a string, not 7"),
        (request(name='"\\ud800"'), r"text '\ud800' has half a surrogate pair"),
        (request(args="{}"), "val.args must be an array, not {}"),
        (request(args="null"), "val.args must be an array, not None"),
        (request(args="[NaN]"), "no JSON: NaN is no JSON"),
        (request(args="[1e400]"), "no JSON: 1e400 is larger than any float"),
        (request(args='[{"\\udc00":1}]'), r"text '\udc00' has half a surrogate pair"),
        (
            request(args='["$Nope",1]'),
            (
                "a list that begins with '$Nope' is no tagged value that is known; a list of the "
                "user's own begins with one more $"
            ),
        ),
        (
            request(args='[["$Set",1]]'),
            "a set is written as a list of its items, not as int",
        ),
        (
            request(args='[["$Set",[{}]]]'),
            "a set with an object in it: Python cannot hash one",
        ),
        (
            '{"body":{"tag":"SubscriptionRequest","val":{"eventName":"e","subscribe":1}}}',
            "val.subscribe must be true or false, not 1",
        ),
    ],
)
def test_what_is_no_message_of_a_client(text: str, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode_to_server(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("item", ["1_0", " 1", "", "0x1", "1.0", "٣", "1" * 4301])
def test_a_bigint_is_ascii_digits(item: str) -> None:
    with pytest.raises(DecodeError, match=r"begins with '\$BigInt'"):
        args_of(f'[["$BigInt","{item}"]]')


@pytest.mark.parametrize("item", ["A", "*AAA", "AAAA\\n", "é"])
def test_bytes_are_base64(item: str) -> None:
    with pytest.raises(DecodeError, match=r"^\$Uint8Array with what is no base64: "):
        args_of(f'[["$Uint8Array","{item}"]]')


@pytest.mark.parametrize("tag", ["$BigInt", "$Uint8Array", "$ArrayBuffer"])
def test_a_tag_holds_text(tag: str) -> None:
    with pytest.raises(DecodeError, match="no tagged value that is known"):
        args_of(f'[["{tag}",5]]')


def test_an_int_of_too_many_digits_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"^no JSON: "):
        args_of(f"[{'9' * 5000}]")


def test_escaped_dollars_are_dollars() -> None:
    assert args_of('[["\\u0024BigInt","5"]]') == [5]
    assert args_of('["\\u0024\\u0024x",["$$y",["$Set",[]]]]') == ["$x", ["$y", set()]]


def test_what_is_no_message_has_no_tags() -> None:
    assert decode_untagged('["$BigInt",["$$x",{"a":["$Set"]}]]') == [
        "$BigInt",
        ["$$x", {"a": ["$Set"]}],
    ]
    with pytest.raises(DecodeError, match="half a surrogate pair"):
        decode_untagged(b'["\\ud800"]')
    with pytest.raises(DecodeError, match=r"^no JSON: NaN"):
        decode_untagged("NaN")


def test_half_a_pair_is_refused_after_an_escape_too() -> None:
    with pytest.raises(DecodeError, match="half a surrogate pair"):
        args_of('["$$\\ud800",1]')


def test_whitespace_order_doubles_and_strange_fields_do_not_matter() -> None:
    text = (
        ' {"more": 1, "body": {"val": {"args": [ ], "x": [], "name": "g", "name": "f", "id": 1},'
        ' "tag": "ActionRequest"}} '
    )
    assert codec.decode_to_server(text) == ActionRequest(1, "f", [])


def test_a_binary_frame_is_read_as_utf_8() -> None:
    assert codec.decode_to_server(request('["é"]').encode()) == ActionRequest(1, "f", ["é"])
    with pytest.raises(DecodeError, match=r"^no JSON: .*utf-8"):
        codec.decode_to_server(b"\xff")


def test_wide_text_is_written_as_itself() -> None:
    assert codec.encode_action_response("é\u2028", 0) == '{"output":"é\u2028"}'.encode()


def test_an_absent_output_is_none_and_an_absent_response_undefined() -> None:
    text = '{"body":{"tag":"ActionResponse","val":{"id":1}}}'
    assert codec.decode_to_client(text) == ActionResponse(1, None)
    assert codec.decode_action_response(b"{}") is None
    assert codec.decode_queue_response(b'{"status":"timedOut"}').response is UNDEFINED


def test_null_is_absent_where_a_field_is_optional() -> None:
    body = b'{"group":"g","code":"c","message":"m","metadata":null,"actor":null}'
    assert codec.decode_error(body) == Error("g", "c", "m")
    body = b'{"body":1,"name":null,"wait":null,"timeout":null}'
    assert codec.decode_queue_request(body) == QueueSend(1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"group":"g","code":"c"}', "message.message must be a string, not None"),
        (
            b'{"group":"g","code":"c","message":"m","actor":[]}',
            "actor is list, not an object",
        ),
        (
            b'{"group":"g","code":"c","message":"m","actor":{"actorId":"a","generation":-1}}',
            "actor.generation must be an integer from 0 to 2^64-1, not -1",
        ),
    ],
)
def test_what_is_no_error(body: bytes, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode_error(body)
    assert str(caught.value) == message


def test_a_status_of_a_queue_is_one_of_two() -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode_queue_response(b'{"status":"done"}')
    assert str(caught.value) == "queue status is one of completed, timedOut, not 'done'"


def test_a_client_is_told_when_it_gets_what_clients_send() -> None:
    with pytest.raises(
        DecodeError, match=r"^'ActionRequest' is no message from a host to a client"
    ):
        codec.decode_to_client(request())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"é": [1, None, "x"]}, '{"é":[1,null,"x"]}'),
        (b"ab", '["$Uint8Array","YWI="]'),
        (2**60, '["$BigInt","1152921504606846976"]'),
    ],
)
def test_one_value_as_text(value: Plain, text: str) -> None:
    assert encode_plain(value) == text
    assert decode_plain(text) == value
    with pytest.raises(DecodeError):
        decode_plain(text[:-1])
