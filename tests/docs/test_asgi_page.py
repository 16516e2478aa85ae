"""What ``asgi.md`` says is Python, and the servers have the options that it names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypercorn.config import Config

PAGE = (Path(__file__).parents[2] / "docs/asgi.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
ROWS = [line.split("|") for line in PAGE.splitlines() if line.startswith("|")]


def column(number: int) -> str:
    """What the tables say of one server: uvicorn is in their second column."""
    return " ".join(row[number] for row in ROWS if len(row) > number + 1)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_compiles(block: str) -> None:
    compile(block, "asgi.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize(("server", "number"), [("uvicorn", 2), ("hypercorn", 3)])
def test_a_server_has_the_options(server: str, number: int) -> None:
    named = set(re.findall(r"--[a-z][a-z0-9-]+", column(number)))
    command = (sys.executable, "-m", server, "--help")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert named
    assert named <= set(re.findall(r"--[a-z][a-z0-9-]+", done.stdout))


def test_hypercorn_has_the_settings_with_these_values() -> None:
    settings = dict(re.findall(r"`([a-z][a-z0-9]*_[a-z_]+)`, (\d+)", column(3)))
    assert settings == {
        "shutdown_timeout": "60",
        "websocket_max_message_size": "16",
        "h11_max_incomplete_size": "16",
    }
    assert Config.shutdown_timeout == 60
    assert Config.websocket_max_message_size == 16 * 1024 * 1024
    assert Config.h11_max_incomplete_size == 16 * 1024
    assert Config.graceful_timeout == 3
    assert Config().websocket_ping_interval is None
