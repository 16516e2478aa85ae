"""What TARGET may be, and how its mistakes are told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pyactor.cli._target import ImportFailed, load_module, load_registry
from pyactor.errors import DefinitionError

GOOD = """
from pyactor import Actor, Registry, action

class Counter(Actor[None], name="counter"):
    @action
    def add(self, amount: int) -> int:
        return amount

registry = Registry(Counter)
number = 3
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty current directory; what is imported from it is forgotten afterwards."""
    before = set(sys.modules)
    path = list(sys.path)
    monkeypatch.chdir(tmp_path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if str(tmp_path) in (getattr(module, "__file__", None) or ""):
            del sys.modules[name]


def test_a_module_and_an_attribute(tmp_path: Path) -> None:
    (tmp_path / "good_target.py").write_text(GOOD)
    assert list(load_registry("good_target:registry").definitions) == ["counter"]
    assert list(load_registry("good_target").definitions) == ["counter"]
    assert sys.path[0] == str(tmp_path)


def test_a_module_in_a_package(tmp_path: Path) -> None:
    (tmp_path / "pack_target").mkdir()
    (tmp_path / "pack_target" / "good.py").write_text(GOOD)
    assert list(load_registry("pack_target.good:registry").definitions) == ["counter"]


def test_a_file_and_what_stands_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "beside_target.py").write_text(GOOD)
    (folder / "main_target.py").write_text("from beside_target import registry\n")
    assert list(load_registry("folder/main_target.py").definitions) == ["counter"]
    assert list(load_registry("folder/main_target.py:registry").definitions) == ["counter"]


def test_a_file_is_a_module_like_any_other_while_it_runs(tmp_path: Path) -> None:
    """`dataclasses`, for one, looks a class's module up to read string annotations."""
    (tmp_path / "late_target.py").write_text(
        "from __future__ import annotations\n"
        "import dataclasses\n"
        "@dataclasses.dataclass\n"
        "class Amount:\n"
        "    number: dataclasses.KW_ONLY\n"
    )
    module = load_module("late_target.py")
    assert sys.modules[module.__name__] is module


def test_a_file_that_is_named_like_a_module(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(GOOD)
    assert list(load_registry("json.py").definitions) == ["counter"]
    assert "JSONDecoder" in vars(sys.modules["json"])


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("no_such_target", r"no module 'no_such_target'"),
        ("no_such_target.deeper", r"no module 'no_such_target'"),
        ("no_such_target.py", r"no file no_such_target\.py"),
        ("needs_target", r"needs_target\.py:1: ModuleNotFoundError: No module named 'absent_x'"),
        ("needs_target.py", r"needs_target\.py:1: ModuleNotFoundError"),
        ("raises_target", r"raises_target\.py:3: ZeroDivisionError: division by zero"),
        ("syntax_target", r"syntax_target\.py:2: "),
        ("exits_target", r"SystemExit: 3"),
    ],
)
def test_a_module_that_cannot_be_imported(tmp_path: Path, target: str, says: str) -> None:
    (tmp_path / "needs_target.py").write_text("import absent_x\n")
    (tmp_path / "raises_target.py").write_text("def f():\n\n    return 1 / 0\n\nf()\n")
    (tmp_path / "syntax_target.py").write_text("x = 1\nclass = 3\n")
    (tmp_path / "exits_target.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(ImportFailed, match=says) as caught:
        load_module(target)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("good_target:missing", r"has no 'missing': use good_target:registry"),
        ("good_target:number", r"is a int, not a Registry: write number = Registry"),
        ("empty_target", r"has no 'registry': add to it: registry = Registry\(YourActor\)"),
    ],
)
def test_a_module_without_the_registry(tmp_path: Path, target: str, says: str) -> None:
    (tmp_path / "good_target.py").write_text(GOOD)
    (tmp_path / "empty_target.py").write_text("")
    with pytest.raises(click.ClickException, match=says):
        load_registry(target)


def test_a_definition_error_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "bad_target.py").write_text(GOOD.replace("amount: int", "amount"))
    with pytest.raises(DefinitionError, match="amount"):
        load_registry("bad_target")
