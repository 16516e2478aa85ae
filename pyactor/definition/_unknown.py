"""Fields of a kept state that its class does not have: remembered beside the object they came in.

A newer version of the code may have written them; what an older one saves must not drop them.
Nothing else is known of them here than which object they belong to.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ..plain import Plain

_NONE: Final[Mapping[str, Plain]] = MappingProxyType({})
_fields: dict[int, tuple[weakref.ref[Any], Mapping[str, Plain]]] = {}


def remember_unknown(owner: Any, fields: Mapping[str, Plain]) -> None:
    """Keep the fields for as long as the object lives.

    An object that cannot be referred to weakly (``@define(weakref_slot=False)``) loses them.
    """
    number = id(owner)
    try:
        reference = weakref.ref(owner, lambda _: _fields.pop(number, None))
    except TypeError:
        return
    _fields[number] = (reference, fields)


def unknown_fields(owner: Any) -> Mapping[str, Plain]:
    """What was remembered of the object."""
    found = _fields.get(id(owner)) if _fields else None
    return _NONE if found is None or found[0]() is not owner else found[1]
