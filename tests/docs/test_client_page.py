"""The Python of ``client.md`` is Python, and what it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import attrs
import pytest

import pyactor
from pyactor import ClientOptions, Connection

PAGE = (Path(__file__).parents[2] / "docs/client.md").read_text(encoding="utf-8")


BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_compiles(block: str) -> None:
    compile(block, "client.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([A-Z]\w+)[(`]", PAGE))))
def test_a_name_is_public(name: str) -> None:
    assert name in pyactor.__all__


@pytest.mark.parametrize("name", sorted(set(re.findall(r"conn\.(\w+)", PAGE))))
def test_a_connection_has_it(name: str) -> None:
    assert name in {*dir(Connection), "disconnect"}


def test_every_option_is_listed_with_its_default() -> None:
    table = PAGE.split("## Options")[1]
    options = ClientOptions()
    for attribute in attrs.fields(ClientOptions):
        default = getattr(options, attribute.name)
        shown = f'"{default}"' if isinstance(default, str) else f"{default:g}"
        line = next(line for line in table.splitlines() if f"`{attribute.name}`" in line)
        assert shown in line
