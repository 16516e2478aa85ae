"""What the wheel holds: the package with its types, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """The wheel, built from the work tree by the build backend itself."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (path,) = folder.glob("*.whl")
    with ZipFile(path) as wheel:
        yield wheel


def test_wheel_carries_the_inline_types(wheel: ZipFile) -> None:
    assert "pyactor/py.typed" in wheel.namelist()


def test_wheel_carries_every_module_and_nothing_else(wheel: ZipFile) -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "pyactor").rglob("*.py")}
    carried = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert carried == modules | {"pyactor/py.typed"}


def test_wheel_carries_the_license_the_command_and_the_pytest_plugin(wheel: ZipFile) -> None:
    names = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert wheel.read(names["LICENSE"]).decode() == (ROOT / "LICENSE").read_text(encoding="utf-8")
    entry_points = wheel.read(names["entry_points.txt"])
    assert b"pyactor = pyactor.cli:main" in entry_points
    assert b"[pytest11]\npyactor = pyactor.testing.pytest_plugin" in entry_points
