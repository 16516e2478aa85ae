"""The cases of ``generate.mjs`` as Python values, and our bytes for them.

Run as a script, it writes ``ours.json`` anew, for ``generate.mjs`` to complete.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pyactor.plain import UNDEFINED
from pyactor.wire.codecs import codec_for
from pyactor.wire.messages import (
    ActionRequest,
    ActionResponse,
    ActorIdentity,
    Error,
    Event,
    Init,
    SubscriptionRequest,
)
from pyactor.wire.queue import QueueResult, QueueSend

FOLDER: Final = Path(__file__).parent

VALUES: Final[Mapping[str, object]] = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "minus_one": -1,
    "half": 1.5,
    "int_31": 2**31,
    "int_32_last": 2**32 - 1,
    "int_32": 2**32,
    "int_minus_32": -(2**32),
    "int_below_minus_32": -(2**32) - 1,
    "int_safe": 2**53 - 1,
    "int_minus_safe": -(2**53) + 1,
    "bigint_54": 2**53,
    "bigint_63": 2**63 - 1,
    "bigint_minus_63": -(2**63),
    "bigint_64": 2**64,
    "bigint_minus_70": -(2**70),
    "bigint_small": 5,
    "large_float": 1e300,
    "text": "hello",
    "text_empty": "",
    "text_wide": "zażółć 😀\u2028",
    "text_dollar": "$BigInt",
    "bytes": b"\x00\x01\xfe\xff",
    "bytes_empty": b"",
    "buffer": b"\x01\x02\x03",
    "set": {1, 2},
    "set_empty": set(),
    "set_of_lists": {("a", 1)},
    "map": {"a": 1},
    "object": {"a": {"b": [1, {"c": None}]}, "d": ""},
    "object_empty": {},
    "list_empty": [],
    "date_second": datetime(2024, 2, 29, 12, tzinfo=UTC),
    "date_milli": datetime(2024, 2, 29, 12, 0, 0, 125_000, tzinfo=UTC),
    "date_old": datetime(1960, 1, 1, tzinfo=UTC),
    "undefined_item": [1, UNDEFINED, 2],
    "undefined_property": {"b": 1},
    "dollar_pair": ["$x", 1],
    "dollar_pair_of_tag": ["$BigInt", "5"],
    "dollar_pair_of_two": ["$$x", 1],
    "dollar_pair_nested": ["$x", ["$y", ["$Set", []]]],
    "dollar_three": ["$x", 1, 2],
    "dollar_one": ["$x"],
    "infinity": -math.inf,
    "uint16_array": [1, 65535],
    "int64_array": [-1],
    "float64_array": [0.5],
    "clamped_array": b"\x01\x02",
}

# What the client's JSON cannot hold: it writes these otherwise, and they stay so.
CLIENT_JSON: Final[dict[str, object]] = {
    "set": {},
    "set_empty": {},
    "set_of_lists": {},
    "map": {},
    "undefined_item": [1, None, 2],
    "date_second": "2024-02-29T12:00:00.000Z",
    "date_milli": "2024-02-29T12:00:00.125Z",
    "date_old": "1960-01-01T00:00:00.000Z",
}
HOST_JSON: Final[dict[str, object]] = {
    "map": {},
    "date_second": "2024-02-29T12:00:00.000Z",
    "date_milli": "2024-02-29T12:00:00.125Z",
    "date_old": "1960-01-01T00:00:00.000Z",
}

# JavaScript has more than one of what Python has one, and we never write the other.
DECODE_ONLY: Final = frozenset(
    {
        "response_of_undefined",
        "action_response_of_undefined",
        "bigint_small",
        "buffer",
        "map",
        "undefined_property",
        "uint16_array",
        "int64_array",
        "float64_array",
        "clamped_array",
    }
)

_ACTOR: Final = ActorIdentity("a1", 3, "general")
_FAILURE: Final = Error("user", "bad_token", "No ✗")

MESSAGES: Final[Mapping[str, object]] = {
    "init": Init("a1", "c1"),
    "error": _FAILURE,
    "error_of_action": Error("user", "bad_token", "No ✗", {"tries": 2}, 0),
    "error_of_actor": Error("user", "bad_token", "No ✗", None, 2**64 - 1, _ACTOR),
    "error_of_keyless_actor": Error(
        "user", "bad_token", "No ✗", None, None, ActorIdentity("a1", 128)
    ),
    "response": ActionResponse(5, "done"),
    "response_of_nothing": ActionResponse(127, None),
    "response_of_undefined": ActionResponse(128, None),
    "event": Event("posted", ["hello"]),
    "event_of_nothing": Event("closed", []),
    "request": ActionRequest(1, "post", ["hi", 2]),
    "request_of_nothing": ActionRequest(300, "f", []),
    "request_of_large_id": ActionRequest(2**64 - 1, "f", [None]),
    "request_of_dollar_pair": ActionRequest(1, "f", ["$x", 1]),
    "subscribe": SubscriptionRequest("posted", True),
    "unsubscribe": SubscriptionRequest("ü", False),
    "action_request": ["hi", 2],
    "action_request_of_dollar_pair": ["$x", 1],
    "action_response": [1, "$", None],
    "action_response_of_undefined": None,
    "queue_request": QueueSend("job", "jobs", True, 1500),
    "queue_request_plain": QueueSend(None, "jobs"),
    "queue_response": QueueResult("completed", "ok"),
    "queue_response_of_none": QueueResult("timedOut"),
    "http_error": _FAILURE,
    "http_error_of_actor": Error("user", "bad_token", "No ✗", [1], None, _ACTOR),
}


def is_same_in_json(case: str) -> bool:
    """Whether the client's JSON holds that value as its other encodings do."""
    return case.partition(".")[2] not in CLIENT_JSON | HOST_JSON


def message_of(case: str, form: str) -> object:
    """What the case is in Python, if it came in that form (``json``, ``cbor``, ``bare.4``)."""
    group, _, name = case.partition(".")
    if not name:
        return MESSAGES[case]
    value = VALUES[name]
    if form == "json":
        value = (HOST_JSON if group == "value_to_client" else CLIENT_JSON).get(name, value)
    return Event("e", [value]) if group == "value_to_client" else ActionRequest(1, "f", [value])


def encode(kind: str, message: Any, form: str) -> bytes:
    """Our bytes."""
    name, _, version_text = form.partition(".")
    codec, version = codec_for(name), int(version_text or 0)
    encoders: dict[str, Callable[[Any, int], str | bytes]] = {
        "to_client": codec.encode_to_client,
        "to_server": codec.encode_to_server,
        "action_request": codec.encode_action_request,
        "action_response": codec.encode_action_response,
        "queue_request": codec.encode_queue_request,
        "queue_response": codec.encode_queue_response,
        "http_error": codec.encode_error,
    }
    data = encoders[kind](message, version)
    return data.encode() if isinstance(data, str) else data


def decode(kind: str, data: bytes, form: str) -> object:
    """What we make of bytes."""
    codec = codec_for(form.partition(".")[0])
    frame: Any = data.decode() if codec.is_text and kind in {"to_client", "to_server"} else data
    decoders: dict[str, Callable[[Any], object]] = {
        "to_client": codec.decode_to_client,
        "to_server": codec.decode_to_server,
        "action_request": codec.decode_action_request,
        "action_response": codec.decode_action_response,
        "queue_request": codec.decode_queue_request,
        "queue_response": codec.decode_queue_response,
        "http_error": codec.decode_error,
    }
    return decoders[kind](frame)


def theirs() -> dict[str, Any]:
    """The cases as rivetkit encodes them."""
    cases: dict[str, Any] = json.loads((FOLDER / "theirs.json").read_text())
    return cases


def is_ours_too(case: str) -> bool:
    """Whether we ever write that message."""
    return case.rpartition(".")[2] not in DECODE_ONLY


def main() -> None:
    """Write our bytes of every case that rivetkit has bytes for."""
    ours = {
        case: {
            form: {"hex": encode(content["kind"], message_of(case, form), form).hex()}
            for form in content["frames"]
        }
        for case, content in theirs().items()
        if is_ours_too(case)
    }
    (FOLDER / "ours.json").write_text(json.dumps(ours, indent="\t") + "\n")


if __name__ == "__main__":
    main()
