"""The depth of calls between actors, as a header."""

from __future__ import annotations

from contextvars import copy_context

import pytest

from pyactor.wire.depth import DEPTH_HEADER, call_depth, depth_headers, depth_of


def test_a_request_says_its_depth_inside_of_actors_only() -> None:
    assert depth_headers() == {}
    context = copy_context()
    context.run(call_depth.set, 3)
    headers = context.run(depth_headers)
    assert headers == {DEPTH_HEADER: "3"}
    assert depth_of(headers) == 3


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "²", "٣", "9" * 10, "9" * 5000, " 1"])
def test_what_is_no_depth_counts_as_none(text: str) -> None:
    assert depth_of({DEPTH_HEADER: text}) == 0
    assert depth_of({}) == 0
