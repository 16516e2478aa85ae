"""What is the same for every websocket: its close reason fits into a control frame."""

from __future__ import annotations

import pytest

from pyactor.wire.channel import fitting_reason


@pytest.mark.parametrize(
    ("reason", "fitting"),
    [
        ("be nice", "be nice"),
        ("x" * 123, "x" * 123),
        ("x" * 124, "x" * 123),
        ("x" * 122 + "\u00fc", "x" * 122),  # no half of a letter
        ("\ud800", "?"),
    ],
)
def test_a_reason_fits_into_a_close_frame(reason: str, fitting: str) -> None:
    assert fitting_reason(reason) == fitting
