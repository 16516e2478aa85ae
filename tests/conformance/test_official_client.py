"""Every check of ``checks/`` on each server in each encoding, by the unmodified official client."""

from __future__ import annotations

from typing import Any

import pytest


def test_official_client(
    check: str,
    way: tuple[str, str],
    unable: str | None,
    runs: dict[tuple[str, str], Any],
    outcomes: dict[tuple[str, str], list[bool | str]],
) -> None:
    results = outcomes.setdefault(way, [])
    if unable is not None:
        results.append(f"{check!r}, for {unable}")
        pytest.skip(unable)
    error = runs[way].result(check).error
    results.append(error is None)
    if error is not None:
        pytest.fail(f"{check}, over {way[0]} in {way[1]}:\n{error}", pytrace=False)
