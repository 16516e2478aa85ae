"""``pyactor demo``: the transcript tells the story, in order, and the process ends well."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pyactor.cli import _demo

STORY = (
    "serves the actor chatRoom at http://127.0.0.1:",
    "mallory  → connect",
    "on_before_connect    mallory",
    "mallory  is rejected: BadToken: this token opens no door",
    "create_conn_state    Member(user='ann')",
    "on_connect           ann; 1 in the room",
    "on_connect           bob; 2 in the room",
    "ann  ← joined: bob",
    "bob  ← said: ann: hello",
    "ann  ← said: bob: ",
    "on_disconnect        bob; 1 in the room",
    "bob  was disconnected: 1000 no hats in here",
    "bob  is rejected: Banned: bob was kicked and stays out",
    "on_disconnect        ann; 0 in the room",
    "on_sleep             2 messages kept",
    "host  is gone",
)

COMMAND = [sys.executable, "-m", "pyactor.cli", "demo"]


def told(transcript: str) -> list[int]:
    """Where each part of the story is told; -1 if it is not."""
    return [transcript.find(part) for part in STORY]


def test_once_tells_the_story_in_order(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--once"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=50
    )
    assert (done.returncode, done.stderr) == (0, "")
    places = told(done.stdout)
    assert -1 not in places, [part for part, place in zip(STORY, places, strict=True) if place < 0]
    assert places == sorted(places)
    assert "\x1b[" not in done.stdout


def test_the_transcript_is_coloured_on_a_terminal(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--once"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
        env={**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color"},
    )
    assert "\x1b[" in done.stdout


def test_without_once_it_serves_on_until_interrupted(tmp_path: Path) -> None:
    process = subprocess.Popen(
        COMMAND, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if re.search(r"goes on at http://127\.0\.0\.1:\d+ ", line):
                break
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert stderr == ""
    assert stdout.endswith("host  is gone\n")
    assert process.returncode == 0


def test_the_port_is_the_usual_one_unless_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(_demo, "_PORT", port)
        assert _demo._free_port(once=False) == 0
    assert _demo._free_port(once=False) == port
    assert _demo._free_port(once=True) == 0
