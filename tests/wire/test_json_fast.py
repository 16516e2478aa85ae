"""Short cuts of the encoding json, with msgspec and without: nobody can tell that they exist."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from types import ModuleType
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyactor.errors import DecodeError
from pyactor.wire import _json_text, messages
from pyactor.wire import json as wire_json
from pyactor.wire._envelope import EnvelopeCodec
from pyactor.wire._fields import FieldReader
from pyactor.wire.json import JsonCodec

codec = JsonCodec()


def without_msgspec() -> ModuleType:
    """The module as it is where the extra ``fast`` is not installed."""
    spec = importlib.util.spec_from_file_location("pyactor.wire._plain_json", _json_text.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with patch.dict(sys.modules, {"msgspec": None}):
        spec.loader.exec_module(module)
    return module


PLAIN = without_msgspec()


def outcome(decode: Callable[[str], object], text: str) -> str:
    """What came of it, with the types of all that is in it: 1 is not 1.0 is not True."""
    try:
        return repr(decode(text))
    except RecursionError:
        return "too deep"
    except ValueError as error:
        return f"refused: {error}"


def test_both_ways_are_tested() -> None:
    pytest.importorskip("msgspec", reason="the extra `fast` is not installed")
    assert _json_text.decode("[1]") == PLAIN.decode("[1]")
    assert "msgspec" in type(getattr(_json_text._quick, "__self__", None)).__module__
    assert PLAIN._quick is PLAIN._scan


tokens = st.one_of(
    st.sampled_from('{}[],:"\\ \t\n0123456789-+.eEu'),
    st.sampled_from(["null", "true", "false", "NaN", "Infinity", "-Infinity", "\ufeff", "\x0c"]),
    st.sampled_from(["1e400", "-1e400", "1e-400", "-0", "-0.0", "0.1", "01", "1.", ".5", "\xa0"]),
    st.sampled_from(["9007199254740993", "18446744073709551616", "-9223372036854775809"]),
    st.sampled_from(["1" * 40, "1" * 4301, "1.7976931348623159e308", "[" * 90, "]" * 90]),
    st.sampled_from(['"a"', '"ü"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\x"', '"\x01"', '"\x7f"']),
    st.sampled_from(['"\ud800"', '{"a":1,"a":2}', '"$BigInt"']),
)
values: st.SearchStrategy[object] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)


@st.composite
def nearly_json(draw: st.DrawFn) -> str:
    """Right JSON, with white space, or with something put into it or taken out of it."""
    text = json.dumps(draw(values), ensure_ascii=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.one_of(tokens, st.text(max_size=2))) + text[at:]
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + text[cut + draw(st.integers(0, 2)) :]
    return text


texts = st.one_of(nearly_json(), st.lists(tokens, max_size=8).map("".join), st.text(max_size=8))


@given(texts)
@example("1e400")
@example("1 2")
@example(" 1 ")
@example("NaN")
@example('{"a":1,"a":2}')
@example('"\\ud800"')
@example("1" * 4301)
@example("-0")
@example("18446744073709551616")
@example("[" * 300 + "]" * 300)
def test_every_way_of_reading_takes_the_same_with_the_same_values(text: str) -> None:
    expected = outcome(_json_text.decode_exactly, text)
    assert outcome(_json_text.decode, text) == expected
    assert outcome(PLAIN.decode, text) == expected


def slowly(text: str) -> messages.ToServer:
    return codec.to_server_of(FieldReader(_json_text.decode_exactly(text), _read))


_read = wire_json._READER.read

fields = st.one_of(
    values,
    st.sampled_from(
        [
            ["$BigInt", "7"],
            ["$BigInt", "-7"],
            ["$BigInt", "٣"],
            ["$BigInt", "9" * 19],
            ["$BigInt", "9" * 20],
            ["$BigInt", "0007"],
            ["$BigInt", ""],
            ["$BigInt", ["7"]],
            ["BigInt", "7"],
            {"$BigInt": 1, "7": 2},
            7,
            [],
            ["a", 1],
            ["$Undefined", 0],
            ["$$x", 1],
            ["$Set", [1]],
            ["$what", 1],
            [["$BigInt", "5"], {"a": ["$Undefined", 0]}],
            "add",
            "hinzufügen",
            "ActionRequest",
            "SubscriptionRequest",
        ]
    ),
)


def message(tag: object, **val: object) -> str:
    return json.dumps({"body": {"tag": tag, "val": val}})


requests = st.one_of(
    st.builds(
        message,
        st.sampled_from(["ActionRequest", "SubscriptionRequest", "X", 1, None]),
        id=st.one_of(st.just(["$BigInt", "7"]), fields),
        name=st.one_of(st.just("add"), fields),
        args=st.one_of(st.lists(fields, max_size=3), fields),
        eventName=st.just("changed"),
        subscribe=st.just(True),
    ),
    st.builds(lambda body: json.dumps({"body": body}), fields),
    fields.map(json.dumps),
)


@given(requests)
@example(message("ActionRequest", id={"$BigInt": 1, "7": 2}, name="add", args=[]))
@example(message("ActionRequest", id=["$BigInt", "٣"], name="add", args=[]))
@example(message("ActionRequest", id=["$BigInt", "9" * 20], name="add", args=[]))
@example(message("ActionRequest", id=["$BigInt", "7"], name="add", args=["$Undefined", 0]))
@example(message("ActionRequest", id=["$BigInt", "7"], name="add", args=["$$x", 1]))
@example(message("ActionRequest", id=["$BigInt", "7"], name="\ud800", args=[]))
@example(message("ActionRequest", id=["$BigInt", "7"], name=["a"], args=[]))
@example(message("ActionRequest", id=["$BigInt", "7"], name="add", args=["\ud800"]))
def test_a_call_is_read_as_any_message_is(text: str) -> None:
    def read(way: Callable[[str], object]) -> str:
        try:
            return repr(way(text))
        except DecodeError as error:
            return f"refused: {error}"
        except ValueError as error:
            return f"refused: no JSON: {error}"

    assert read(codec.decode_to_server) == read(slowly)


def test_a_call_takes_the_short_cut() -> None:
    text = message("ActionRequest", id=["$BigInt", "7"], name="add", args=[1, "x", [None]])
    with patch.object(JsonCodec, "to_server_of", side_effect=AssertionError):
        assert codec.decode_to_server(text) == messages.ActionRequest(7, "add", [1, "x", [None]])


@given(st.integers(-1, 2**64), values)
@example(0, '"\x00\x1f\x7f\u2028ü')
def test_an_answer_is_written_as_any_message_is(number: int, output: object) -> None:
    response = messages.ActionResponse(number, output)

    def write(way: Callable[[], str | bytes]) -> str:
        try:
            return f"{way()!r}"
        except (TypeError, ValueError) as error:
            return f"refused: {error}"

    assert write(lambda: codec.encode_to_client(response, 0)) == write(
        lambda: EnvelopeCodec.encode_to_client(codec, response, 0)
    )


@given(values)
def test_text_is_what_the_standard_library_writes(value: object) -> None:
    dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

    def write(way: Callable[[object], str]) -> str:
        try:
            return way(value)
        except ValueError:
            return "refused"

    assert write(_json_text.encode) == write(dumps)
