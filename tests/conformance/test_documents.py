"""The TypeScript of the documents runs, and prints what it says it prints."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def block_of(page: str, language: str) -> str:
    """The first block of a page in that language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found, f"{page} has no block of {language}"
    return found[1]


@pytest.mark.parametrize("page", ["README.md", "docs/official-clients.md"])
def test_typescript_prints_what_it_says(
    page: str, node: Any, serving: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    if page == "README.md":
        target = tmp_path / "counter.py"
        target.write_text(block_of(page, "python"), encoding="utf-8")
    else:
        target = ROOT / "examples" / "chat_room.py"
    block = block_of(page, "ts")
    with serving(tmp_path / "host.log", target=str(target)) as served:
        done = subprocess.run(
            [node.path, "--input-type=module"],
            input=block.replace("http://127.0.0.1:6420", served.url),
            cwd=HERE,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=30,
            check=False,
        )
    promised = re.findall(r"// prints (.*)$", block, re.MULTILINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == promised
