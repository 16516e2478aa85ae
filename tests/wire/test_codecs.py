"""The registry of encodings."""

from __future__ import annotations

import pytest

from pyactor.errors import UnsupportedEncoding
from pyactor.wire.codecs import CODECS, codec_for


def test_every_codec_is_found_by_its_name() -> None:
    assert list(CODECS) == ["json", "cbor", "bare"]
    for name, codec in CODECS.items():
        assert codec.name == name
        assert codec_for(name) is codec


@pytest.mark.parametrize("name", ["", "JSON", "msgpack"])
def test_another_name_is_an_error_that_names_those_there_are(name: str) -> None:
    with pytest.raises(UnsupportedEncoding) as caught:
        codec_for(name)
    assert caught.value.message == (f"encoding {name!r} is not known; use one of: json, cbor, bare")


def test_what_a_transport_asks_of_a_codec() -> None:
    assert [(codec.is_text, codec.content_type) for codec in CODECS.values()] == [
        (True, "application/json"),
        (False, "application/octet-stream"),
        (False, "application/octet-stream"),
    ]
    assert [codec.initial_version for codec in CODECS.values()] == [0, 0, 2]
    assert codec_for("json").version_of("{}") == 0
