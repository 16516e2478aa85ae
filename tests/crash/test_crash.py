"""A short run of ``make crash``; see ``__main__`` beside this."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = 4


@pytest.mark.timeout(180)  # it takes about 10 s, and is given all that a busy machine needs
def test_killed_a_few_times_under_load_it_keeps_every_promise() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash", "--kills", str(KILLS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert f"kills {KILLS}, " in done.stdout
    assert "violations = 0" in done.stdout
