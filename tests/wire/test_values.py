"""What is plain and what is not: the rules of the value compatibility layer, in all encodings."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest

from pyactor.errors import DecodeError
from pyactor.plain import UNDEFINED, Plain, Undefined
from pyactor.wire.codecs import CODECS, Codec
from pyactor.wire.messages import ActionRequest, ActionResponse

codecs = pytest.mark.parametrize("codec", CODECS.values(), ids=list(CODECS))
binary_codecs = pytest.mark.parametrize("name", ["cbor", "bare"])


def over_the_wire(codec: Codec, value: Plain) -> Plain:
    message = codec.decode_to_client(codec.encode_to_client(ActionResponse(1, value), 4))
    assert isinstance(message, ActionResponse)
    return message.output


def to_host(codec: Codec, value: Plain) -> Plain:
    message = codec.decode_to_server(codec.encode_to_server(ActionRequest(1, "f", [value]), 4))
    assert isinstance(message, ActionRequest)
    return message.args[0]


def nested(depth: int) -> Plain:
    value: Plain = 1
    for _ in range(depth):
        value = [value]
    return value


class Colour(Enum):
    RED = "red"


PLAIN_IS = (
    "what travels is None, bool, int, float, str, bytes, list, dict with str keys, set and datetime"
)


@codecs
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (object(), TypeError, f"object is not plain; {PLAIN_IS} @ $.output"),
        ([1, {"a": Colour.RED}], TypeError, f"Colour is not plain; {PLAIN_IS} @ $.output[1].a"),
        ({1, 1j}, TypeError, f"complex is not plain; {PLAIN_IS} @ $.output[1]"),
        (
            {"a": {2: None}},
            TypeError,
            "dict with the key 2: only str keys travel; use str(key) @ $.output.a",
        ),
        (
            ["ok", "\ud800"],
            ValueError,
            "str with half a surrogate pair at index 0; it is no UTF-8 @ $.output[1]",
        ),
        (
            datetime(2024, 1, 1),  # noqa: DTZ001 - the mistake that is tested
            ValueError,
            (
                "datetime.datetime(2024, 1, 1, 0, 0) has no time zone, so it names no instant; "
                "give it one: tzinfo=UTC @ $.output"
            ),
        ),
        (
            {"a": nested(100)},
            ValueError,
            (
                "containers nested more than 100 deep, or one inside itself "
                "@ $.output.a[0][0][0][0][0][0][0]…"
            ),
        ),
    ],
)
def test_what_cannot_travel(
    codec: Codec, value: Plain, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        codec.encode_to_client(ActionResponse(1, value), 4)
    assert str(caught.value) == message


@codecs
def test_an_int_beyond_what_python_prints_is_refused(codec: Codec) -> None:
    with pytest.raises(ValueError, match=r"more than 4300 digits cannot travel @ \$\.output\[0\]$"):
        codec.encode_to_client(ActionResponse(1, [-(10**5000)]), 4)


@codecs
def test_half_a_surrogate_pair_in_a_key_is_named(codec: Codec) -> None:
    with pytest.raises(
        ValueError, match=r"half a surrogate pair at index 1.* @ \$\.args\[0\]\.a\\udfff$"
    ):
        codec.encode_action_request([{"a\udfff": 1}], 4)


@codecs
def test_a_value_that_holds_itself_is_refused(codec: Codec) -> None:
    value: dict[str, object] = {}
    value["me"] = value
    with pytest.raises(ValueError, match=r"one inside itself @ \$\.output\.me\.me"):
        codec.encode_action_response(value, 4)


@codecs
def test_the_deepest_value_travels_both_ways(codec: Codec) -> None:
    assert over_the_wire(codec, nested(100)) == nested(100)
    assert to_host(codec, nested(99)) == nested(99)


@codecs
def test_encoding_changes_nothing_in_the_value(codec: Codec) -> None:
    value = {"a": ["$x", [b"1", {2**60}]]}
    codec.encode_to_client(ActionResponse(1, value), 4)
    assert value == {"a": ["$x", [b"1", {2**60}]]}


@codecs
def test_a_subclass_of_a_plain_type_travels_as_that_type(codec: Codec) -> None:
    class Level(IntEnum):
        HIGH = 3

    class Name(StrEnum):
        ANN = "ann"

    class Ratio(float):
        pass

    class Items(list[int]):
        pass

    sent = [Level.HIGH, Name.ANN, Ratio(0.5), Items([1]), (1, "a"), frozenset({2})]
    for received in (over_the_wire(codec, sent), to_host(codec, sent)):
        assert received == [3, "ann", 0.5, [1], [1, "a"], {2}]
        assert isinstance(received, list)
        assert [type(item) for item in received] == [int, str, float, list, list, set]


@codecs
def test_undefined_is_kept_in_lists_dropped_from_dicts_and_none_on_top(codec: Codec) -> None:
    assert over_the_wire(codec, [UNDEFINED, {"a": UNDEFINED, "b": [UNDEFINED]}]) == [
        UNDEFINED,
        {"b": [UNDEFINED]},
    ]
    assert over_the_wire(codec, UNDEFINED) is None
    assert to_host(codec, UNDEFINED) is Undefined.UNDEFINED


@codecs
def test_bool_and_int_and_float_stay_apart(codec: Codec) -> None:
    for received in (over_the_wire(codec, [True, 1, 1.0]), to_host(codec, [True, 1, 1.0])):
        assert isinstance(received, list)
        assert [type(item) for item in received] == [bool, int, float]


@codecs
def test_an_int_that_javascript_keeps_as_a_float_comes_back_as_an_int(codec: Codec) -> None:
    for value in (2**32, -(2**32) - 1, 2**53 - 1, 2**53, 2**64):
        for received in (over_the_wire(codec, value), to_host(codec, value)):
            assert received == value
            assert type(received) is int


def test_a_datetime_is_text_in_json() -> None:
    local = datetime(2024, 2, 29, 13, 30, tzinfo=timezone(timedelta(hours=1)))
    assert over_the_wire(CODECS["json"], local) == "2024-02-29T12:30:00Z"


@binary_codecs
def test_a_datetime_is_a_date_in_cbor(name: str) -> None:
    local = datetime(2024, 2, 29, 13, 30, tzinfo=timezone(timedelta(hours=1)))
    assert over_the_wire(CODECS[name], local) == datetime(2024, 2, 29, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_has_no_nan_and_no_infinity(value: float) -> None:
    with pytest.raises(ValueError, match=r"is no JSON number; send None .* @ \$\.output\.a"):
        CODECS["json"].encode_to_client(ActionResponse(1, {"a": value}), 0)


@binary_codecs
def test_cbor_has_nan(name: str) -> None:
    received: Any = over_the_wire(CODECS[name], math.nan)
    assert math.isnan(received)


@codecs
def test_lists_in_a_set_become_tuples(codec: Codec) -> None:
    value = {("a", ("b", 1)), frozenset({1})}
    assert over_the_wire(codec, value) == value
    assert to_host(codec, value) == value


@codecs
@pytest.mark.parametrize("number", [-1, 2**64])
def test_an_id_is_a_uint(codec: Codec, number: int) -> None:
    with pytest.raises(ValueError, match=f"^id is from 0 to 2\\^64-1, not {number}$"):
        codec.encode_to_client(ActionResponse(number, None), 4)
    with pytest.raises(ValueError, match=f"^id is from 0 to 2\\^64-1, not {number}$"):
        codec.encode_to_server(ActionRequest(number, "f", []), 4)


@codecs
def test_the_empty_input_is_no_message(codec: Codec) -> None:
    with pytest.raises(DecodeError):
        codec.decode_to_server("" if codec.is_text else b"")
