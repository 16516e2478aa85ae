"""The documents that are drawn from the code, and the script that draws them."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from pyactor.session._rules import RULES
from pyactor.session._transitions import ROWS, Phase

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, at work on copies of the documents."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    copies = tmp_path / "docs"
    copies.mkdir()
    for name in module.DOCUMENTS:
        shutil.copy(DOCS / name, copies)
    shutil.copy(DOCS.parent / "pyproject.toml", tmp_path)
    monkeypatch.setattr(module, "DOCS", copies)
    return module


def test_the_documents_are_what_their_sources_say(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_document_is_named_and_mended(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    path = script.DOCS / "lifecycle.md"
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("**C4 Exactly once.**", "**C4 Twice.**"), encoding="utf-8")
    assert script.main(["--check"]) == 1
    assert "docs/lifecycle.md: stale; run python docs/generate.py" in capsys.readouterr().out
    assert script.main([]) == 0
    assert path.read_text(encoding="utf-8") == good


def test_a_marker_of_no_block_is_an_error(script: ModuleType) -> None:
    with pytest.raises(KeyError, match="no-such-table"):
        script.generated("<!-- generated: no-such-table -->\n<!-- end -->")


def test_a_wrong_call_is_refused(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().out


def test_every_block_stands_in_a_document(script: ModuleType) -> None:
    text = "".join((DOCS / name).read_text(encoding="utf-8") for name in script.DOCUMENTS)
    assert sorted(re.findall(r"<!-- generated: (\S+) -->", text)) == sorted(script.BLOCKS)


def test_the_lifecycle_has_every_rule_phase_and_row() -> None:
    text = (DOCS / "lifecycle.md").read_text(encoding="utf-8")
    for number in RULES:
        assert text.count(f"- **{number} ") == 1
    for phase in Phase:
        assert f"- **{phase.value}.**" in text
    table = text[text.index("| stands in") :]
    assert table[: table.index("<!-- end -->")].count("\n") == len(ROWS) + 2


def test_a_diagram_draws_what_moves() -> None:
    text = (DOCS / "lifecycle.md").read_text(encoding="utf-8")
    for row in ROWS:
        if row.stage.phase is not row.to.phase:
            arrow = rf"    {row.stage.phase.value} --> {row.to.phase.value}: .*{row.input.label}"
            assert re.search(arrow, text), arrow
