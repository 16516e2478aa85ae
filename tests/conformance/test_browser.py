"""The official client in a browser: a page of another origin that connects, calls and listens."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60
STRANGER = "http://stranger.example"


@pytest.fixture
def chromium() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip(
            "Chromium is not installed (Debian: apt install chromium); CI runs this with it"
        )
    return path


@pytest.mark.timeout(SECONDS + 30)
def test_a_page_of_another_origin(
    browsed: str, chromium: str, node: Any, hosts_of: Callable[[str], Any], tmp_path: Path
) -> None:
    hosts: dict[str, dict[str, str]] = hosts_of(browsed)
    friend = hosts["guarded"]["origin"]
    visits = [
        {
            "origin": origin,
            "does": does,
            "setting": {**hosts[host], "encoding": encoding, "key": [does, encoding]},
        }
        for origin, does, host, encoding in (
            (STRANGER, "visit", "open", "json"),
            (STRANGER, "visit", "open", "cbor"),
            (STRANGER, "visit", "open", "bare"),
            (friend, "visit", "guarded", "bare"),
            (STRANGER, "intrude", "guarded", "bare"),
        )
    ]
    setting = {
        "executablePath": chromium,
        "userDataDir": str(tmp_path / "profile"),
        "visits": visits,
    }
    *visited, intruded = node.run("browser.mjs", setting, seconds=SECONDS)
    for result in visited:
        assert result == {
            "status": "connected",
            "call": 5,
            "event": 5,
            "id": True,
            "error": "action.not_found",
            "raw": "ann",
            "fetched": "ann",
            # The client makes a stream of a call's body, which Chromium sends over HTTP/2 only.
            "overHttp": 6 if browsed == "hypercorn-h2" else "rivetkit.internal_error",
        }
    assert intruded["call"] == "auth.forbidden"
    assert "Failed to fetch" in intruded["control"]
    assert "Failed to fetch" in intruded["metadata"]
