"""Which module may import which: the contracts of pyproject.toml, and what comes from outside."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]

# A package of ours -> the outside packages that it uses, besides attrs, typing_extensions and the
# standard library. What is not listed uses none.
OUTSIDE = {
    "cli": {"click", "rich", "uvloop", "watchfiles"},
    "client": {"httpx2", "websockets"},
    "definition": {"cattrs", "cronsim"},
    "runtime": {"cbor2"},
    "testing": {"cbor2", "hypothesis", "pytest"},
    "transports": {"h11", "websockets"},
    "wire": {"cbor2", "msgspec"},
}
EVERYWHERE = {"attr", "attrs", "typing_extensions"}

# The session is pure rules: of the wire it knows the messages, and no codec.
SESSION_KNOWS = {"pyactor.errors", "pyactor.plain", "pyactor.wire.messages"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Who imports whom at run time, outside packages included."""
    return grimp.build_graph(
        "pyactor",
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )


def imports_of(graph: grimp.ImportGraph, package: str) -> set[str]:
    """The modules outside of ``package`` that one of its modules imports directly."""
    inside = {package} | graph.find_descendants(package)
    imported = (graph.find_modules_directly_imported_by(module) for module in inside)
    return set().union(*imported) - inside


def packages(graph: grimp.ImportGraph) -> set[str]:
    """The names of the packages and modules directly under ``pyactor``."""
    return {module.removeprefix("pyactor.") for module in graph.find_children("pyactor")}


def outside_packages(graph: grimp.ImportGraph, package: str) -> set[str]:
    """What a package imports that is neither ours, nor in the standard library, nor everywhere."""
    imported = {name.partition(".")[0] for name in imports_of(graph, f"pyactor.{package}")}
    return imported - {"pyactor"} - sys.stdlib_module_names - EVERYWHERE


def test_contracts_are_kept() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint_imports, "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_session_knows_messages_only(graph: grimp.ImportGraph) -> None:
    ours = {name for name in imports_of(graph, "pyactor.session") if name.startswith("pyactor")}
    assert ours <= SESSION_KNOWS


def test_outside_packages_are_used_where_they_belong(graph: grimp.ImportGraph) -> None:
    found = {package: outside_packages(graph, package) for package in packages(graph)}
    assert {package: names for package, names in found.items() if names} == OUTSIDE


def test_only_user_code_imports_the_public_names(graph: grimp.ImportGraph) -> None:
    """The package imports from where a name is defined; the demo is written as a user would."""
    importers = graph.find_modules_that_directly_import("pyactor")
    assert {module.split(".")[1] for module in importers} <= {"cli"}


def test_the_public_module_only_gathers_names() -> None:
    tree = ast.parse((ROOT / "pyactor/__init__.py").read_text(encoding="utf-8"))
    assert {type(node) for node in tree.body} <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign}


def test_all_tasks_of_ours_begin_in_the_same_way() -> None:
    """What starts one relies on it; but ``testing`` has loops of its own."""
    modules = {path: path.read_text(encoding="utf-8") for path in (ROOT / "pyactor").rglob("*.py")}
    assert [
        path.relative_to(ROOT).as_posix()
        for path, text in modules.items()
        if re.search(r"create_task\(|asyncio\.Task\(|TaskGroup\(", text)
        and "testing" not in path.parts
    ] == ["pyactor/tasks.py"]
