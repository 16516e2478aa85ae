"""A conversation of five official clients outlives the process that serves it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Serving: TypeAlias = "Callable[..., AbstractContextManager[Any]]"

SECONDS = 200
"""After which a conversation is given up. It takes half a minute where nothing else runs."""


@pytest.mark.timeout(SECONDS + 30)
@pytest.mark.parametrize(
    "case",
    [
        pytest.param({"how": "kill", "times": 20, "life": 1000}, id="killed 20 times"),
        pytest.param({"how": "restart", "times": 2, "life": 0}, id="restarted twice"),
    ],
)
def test_every_client_is_back(
    case: dict[str, object], node: Any, serving: Serving, tmp_path: Path
) -> None:
    """After ``life`` milliseconds the serving process is killed, or gives way to another."""
    with serving(tmp_path / "host.log") as served:
        setting = {**case, "url": served.url, "parent": served.process.pid}
        told = node.run("conversation.mjs", {**setting, "seconds": SECONDS}, seconds=SECONDS + 5)
    print(told)
    assert told["status"] == ["connected"] * 5
    assert len(told["milliseconds"]) == case["times"]
    assert all(calls["answered"] for calls in told["calls"])
