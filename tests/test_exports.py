"""The public names: importable, documented, and the same in the package and in its stub."""

from __future__ import annotations

import ast
import inspect
import typing
from pathlib import Path

import pytest

import pyactor

ROOT = Path(__file__).parents[1]


def stub_names() -> list[str]:
    """``__all__`` of the public stub."""
    tree = ast.parse((ROOT / "stubs/pyactor/__init__.pyi").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise AssertionError("stubs/pyactor/__init__.pyi has no __all__")


def test_the_package_exports_each_name_once() -> None:
    assert len(pyactor.__all__) == len(set(pyactor.__all__))


def test_package_and_stub_export_the_same_names() -> None:
    assert sorted(pyactor.__all__) == sorted(stub_names())


def test_nothing_public_is_left_out_of_all() -> None:
    public = {
        name
        for name, value in vars(pyactor).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name != "annotations"
    }
    assert public == {name for name in pyactor.__all__ if not name.startswith("_")}


@pytest.mark.parametrize("name", pyactor.__all__)
def test_public_name_is_documented(name: str) -> None:
    value = getattr(pyactor, name)
    if isinstance(value, type):
        assert vars(value).get("__doc__"), f"class {name} has no docstring of its own"
    elif callable(value) and typing.get_origin(value) is None:  # an alias has no docstring
        assert inspect.getdoc(value), f"{name} has no docstring"
