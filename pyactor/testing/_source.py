"""Values as Python text, with the imports that the text needs.

Owns how a value is spelt so that it can be run elsewhere. What cannot be, it refuses.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

import attrs

from ..plain import UNDEFINED

_BUILT_IN = (str, bytes, bool, int, float, type(None))
_OF_MODULES = (datetime, date, time, timedelta, UUID, Decimal)


class CannotSpell(Exception):
    """There is no Python text that one could run elsewhere."""


class Source:
    """Collects the imports that texts of values need."""

    def __init__(self) -> None:
        self._names: defaultdict[str, set[str]] = defaultdict(set)

    def use(self, module: str, name: str) -> str:
        """Import a name, and give it back."""
        self._names[module].add(name)
        return name

    def name(self, thing: Any) -> str:
        """The name of a class or function, imported.

        Raises:
            CannotSpell: It is not found where it says it is.
        """
        module, name = getattr(thing, "__module__", ""), getattr(thing, "__qualname__", "")
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is None or found is not thing:
            raise CannotSpell(name or repr(thing))
        self.use(module, name.partition(".")[0])
        return str(name)

    def text(self, value: Any) -> str:
        """The Python text of a value.

        Raises:
            CannotSpell: It has none.
        """
        if value is UNDEFINED:
            text = self.use("pyactor.plain", "UNDEFINED")
        elif isinstance(value, Enum):
            text = f"{self.name(type(value))}.{value.name}"
        elif attrs.has(type(value)):
            text = self._object(value)
        elif isinstance(value, dict):
            items = (f"{self.text(key)}: {self.text(each)}" for key, each in value.items())
            text = f"{{{', '.join(items)}}}"
        elif isinstance(value, (list, tuple, set, frozenset)):
            text = self._items(value)
        elif isinstance(value, float) and not isfinite(value):
            text = f"float({str(value)!r})"
        else:
            text = self._repr(value)
        return text

    def _repr(self, value: Any) -> str:
        if not isinstance(value, (*_OF_MODULES, *_BUILT_IN)):
            raise CannotSpell(repr(value))
        module = type(value).__module__
        if module == "datetime":  # whose repr names the module
            self._names[module].update(())
        elif module != "builtins":
            self.use(module, type(value).__name__)
        return repr(value)

    @property
    def imports(self) -> list[str]:
        """The lines of the imports, in order."""
        return [
            f"from {module} import {', '.join(sorted(names))}" if names else f"import {module}"
            for module, names in sorted(self._names.items())
        ]

    def _items(self, value: Any) -> str:
        inner = ", ".join(self.text(each) for each in value)
        if isinstance(value, list):
            return f"[{inner}]"
        if isinstance(value, tuple):
            return f"({inner}{',' if len(value) == 1 else ''})"
        return f"{type(value).__name__}({f'[{inner}]' if inner else ''})"

    def _object(self, value: Any) -> str:
        given = [
            f"{each.alias}={self.text(getattr(value, each.name))}"
            for each in attrs.fields(type(value))
            if each.init and not _is_default(each, getattr(value, each.name))
        ]
        return f"{self.name(type(value))}({', '.join(given)})"


def _is_default(attribute: Any, value: object) -> bool:
    default = attribute.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type] # a class, whatever its stub says
        if default.takes_self:
            return False
        default = default.factory()
    return default is not attrs.NOTHING and type(default) is type(value) and default == value
