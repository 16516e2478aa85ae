"""Actor keys as one string (wire-protocol.md, "Control API")."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyactor.errors import DecodeError
from pyactor.wire.keys import parse_key, serialise_key

PARTS = st.text(alphabet=st.sampled_from("ab0/\\ü,") | st.characters(), max_size=6)
KEYS = st.lists(PARTS, max_size=4).map(tuple)

FORMS = [
    ((), "/"),
    (("",), r"\0"),
    (("general",), "general"),
    (("a", "b"), "a/b"),
    (("a/b", "c"), r"a\/b/c"),
    (("a\\b",), r"a\\b"),
    (("", ""), r"\0/\0"),
    (("0",), "0"),
    ((r"\0",), r"\\0"),
    (("/",), r"\/"),
    (("a", ""), r"a/\0"),
    (("a,b",), "a,b"),
]


@pytest.mark.parametrize(("key", "text"), FORMS)
def test_each_key_has_its_form(key: tuple[str, ...], text: str) -> None:
    assert serialise_key(key) == text
    assert parse_key(text) == key


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "an empty part is written"),
        ("a//b", "an empty part is written"),
        ("/a", "an empty part is written"),
        ("a/", "an empty part is written"),
        ("//", "an empty part is written"),
        ("a\\", "not 'the end'"),
        (r"a\b", "not 'b'"),
        (r"a\0", "not '0'"),
        (r"\0a", "stands alone"),
        (r"\0\0", "stands alone"),
    ],
)
def test_a_string_that_is_no_key_is_refused(text: str, says: str) -> None:
    with pytest.raises(DecodeError, match=says):
        parse_key(text)


@given(KEYS)
def test_round_trip(key: tuple[str, ...]) -> None:
    assert parse_key(serialise_key(key)) == key


@given(st.text(alphabet=st.sampled_from("ab0/\\"), max_size=8))
def test_every_readable_string_is_the_one_form_of_its_key(text: str) -> None:
    try:
        key = parse_key(text)
    except DecodeError:
        return
    assert serialise_key(key) == text
