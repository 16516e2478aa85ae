"""What mypy (strict) and basedpyright (standard) say of actors, with no plugin.

``good.py`` must be clean and ``bad.py`` must give exactly its marks (``# mypy: … pyright: …``),
once against the package's inline types and once against the public stub.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = ("good.py", "bad.py")
INLINE_FILES = (*FILES, "lifecycle.py")
"""What the stub does not have: ``pyactor.testing``."""
MARK = re.compile(r"# mypy: (\S+) pyright: (\S+)$")

Errors = dict[tuple[str, int], set[str]]


def files(types: Path) -> tuple[str, ...]:
    """The files that are checked against the package or its stub."""
    return INLINE_FILES if types == ROOT else FILES


def expected(checker: int, types: Path = ROOT) -> Errors:
    """(file, line) -> the codes that are marked there; checker is 1 for mypy, 2 for pyright."""
    marks: Errors = {}
    for name in files(types):
        for number, line in enumerate((HERE / name).read_text(encoding="utf-8").splitlines(), 1):
            mark = MARK.search(line)
            if mark is not None:
                marks[name, number] = set(mark[checker].split(","))
    return marks


def mypy(types: Path, scratch: Path) -> Errors:
    config = scratch / "mypy.ini"
    config.write_text("[mypy]\nstrict = True\nenable_error_code = explicit-override\n")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", config, "--cache-dir", scratch / "cache",
         "--no-error-summary", "--show-error-codes", *files(types)],
        cwd=HERE,
        env={**os.environ, "MYPYPATH": str(types)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert not run.stderr, run.stderr
    found: Errors = {}
    for line in run.stdout.splitlines():
        match = re.match(r"(\w+\.py):(\d+): error: .*\[([\w-]+)\]$", line)
        if match:
            found.setdefault((match[1], int(match[2])), set()).add(match[3])
        else:
            assert ": note: " in line, run.stdout
    return found


def pyright(types: Path, scratch: Path) -> Errors:
    config = scratch / "pyrightconfig.json"
    config.write_text(
        json.dumps(
            {
                "include": [str(HERE / name) for name in files(types)],
                "extraPaths": [str(types), str(HERE)],
                "stubPath": str(types),
                "typeCheckingMode": "standard",
                "pythonVersion": "3.11",
            }
        )
    )
    run = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--project", config, "--outputjson",
         "--pythonpath", sys.executable],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    found: Errors = {}
    for each in json.loads(run.stdout)["generalDiagnostics"]:
        if each["severity"] == "error":
            place = (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
            found.setdefault(place, set()).add(each["rule"])
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("types", ["inline", "stubs"])
def test_mypy_finds_each_mistake_and_no_other(types: str, tmp_path: Path) -> None:
    root = ROOT if types == "inline" else ROOT / "stubs"
    assert mypy(root, tmp_path) == expected(1, root)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("types", ["inline", "stubs"])
def test_pyright_finds_each_mistake_and_no_other(types: str, tmp_path: Path) -> None:
    root = ROOT if types == "inline" else ROOT / "stubs"
    assert pyright(root, tmp_path) == expected(2, root)


def test_there_are_at_least_thirty_mistakes() -> None:
    assert len(expected(1)) >= 30
