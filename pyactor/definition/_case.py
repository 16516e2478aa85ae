"""How names look on the wire: ``wire_case`` of an actor class."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

Rename: TypeAlias = Callable[[str], str]


def keep(name: str) -> str:
    """The name as it is."""
    return name


def camel(name: str) -> str:
    """``message_posted`` as ``messagePosted``; underscores at either end stay."""
    return re.sub(r"(?<=[^_])_+([^_])", lambda match: match[1].upper(), name)


CASES: Mapping[str | None, Rename] = MappingProxyType({None: keep, "camel": camel})
"""Value of ``wire_case`` -> what it does to a name."""
