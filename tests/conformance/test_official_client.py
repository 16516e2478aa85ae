"""Every check of ``checks/`` in each encoding, by the unmodified official client."""

from __future__ import annotations

from typing import Any

import pytest


def test_official_client(
    check: str, encoding: str, runs: dict[str, Any], outcomes: dict[str, list[bool]]
) -> None:
    error = runs[encoding].result(check).error
    outcomes.setdefault(encoding, []).append(error is None)
    if error is not None:
        pytest.fail(f"{check}, in {encoding}:\n{error}", pytrace=False)
