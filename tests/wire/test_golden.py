"""Our codecs against bytes that the official client's own code made: ``golden/generate.mjs``."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest

from pyactor.wire.messages import Error

FOLDER = Path(__file__).parent / "golden"
cases = SimpleNamespace(**runpy.run_path(str(FOLDER / "cases.py")))
THEIRS = cases.theirs()
OURS = json.loads((FOLDER / "ours.json").read_text())

FORMS = [(case, form) for case, content in THEIRS.items() for form in content["frames"]]
OUR_FORMS = [(case, form) for case, frames in OURS.items() for form in frames]
NEWEST_FORMS = [
    (case, form)
    for case, form in OUR_FORMS
    if form in {"cbor", "bare.4"} or (form == "json" and cases.is_same_in_json(case))
]

# Where two encodings of one value are right, and theirs is not ours.
OTHER_BYTES = {
    ("error_of_action", "cbor"): "generate.mjs writes an id of a host as a $BigInt",
    ("error_of_actor", "cbor"): "the same",
    ("response", "cbor"): "the same",
    ("response_of_nothing", "cbor"): "the same",
    ("queue_request_plain", "cbor"): "it writes a timeout that is undefined",
    **{
        (f"{group}.{value}", form): reason
        for value, reason in (
            ("infinity", "ours is a half float"),
            ("date_old", "ours is an integer, for a negative number of seconds too"),
        )
        for group in ("value", "value_to_client")
        for form in ("cbor", "bare.4")
    },
}


def short_map_heads(cbor: bytes) -> bytes:
    """cbor-x writes every object with two bytes of length, as no shortest form has it."""
    return re.sub(rb"\xb9\x00([\x00-\x17])", lambda head: bytes([0xA0 + head[1][0]]), cbor)


def in_version(message: object, form: str) -> object:
    """What of a message exists in a version: an error's actor came with 4."""
    if isinstance(message, Error) and form in {"bare.1", "bare.2", "bare.3"}:
        return attrs.evolve(message, actor=None)
    return message


@pytest.mark.parametrize(("case", "form"), FORMS)
def test_their_bytes_are_the_message(case: str, form: str) -> None:
    content = THEIRS[case]
    message = cases.decode(content["kind"], bytes.fromhex(content["frames"][form]), form)
    expected = in_version(cases.message_of(case, form), form)
    assert message == expected
    assert repr(message) == repr(expected)  # True is no 1, and 1 is no 1.0


@pytest.mark.parametrize(("case", "form"), OUR_FORMS)
def test_our_bytes_are_those_that_rivetkit_has_read(case: str, form: str) -> None:
    message = cases.message_of(case, form)
    assert cases.encode(THEIRS[case]["kind"], message, form).hex() == OURS[case][form]["hex"]


@pytest.mark.parametrize(("case", "form"), NEWEST_FORMS)
def test_rivetkit_reads_our_bytes_as_it_reads_its_own(case: str, form: str) -> None:
    assert OURS[case][form]["js"] == THEIRS[case]["js"]


@pytest.mark.parametrize(("case", "form"), OUR_FORMS)
def test_our_bytes_are_their_bytes(case: str, form: str) -> None:
    theirs = bytes.fromhex(THEIRS[case]["frames"][form])
    if form == "cbor":
        theirs = short_map_heads(theirs)
    elif b"\xb9\x00" in theirs:
        pytest.skip("an object within bare has a longer head, and so another length before it")
    are_equal = theirs.hex() == OURS[case][form]["hex"]
    assert are_equal != ((case, form) in OTHER_BYTES)


def test_every_case_has_a_value() -> None:
    named = {case.partition(".")[2] or case for case in THEIRS}
    assert named == set(cases.VALUES) | set(cases.MESSAGES)
