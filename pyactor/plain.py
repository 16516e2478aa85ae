"""Plain values: what lies between typed Python values and bytes.

Owns the words for them and nothing else: no checks, no conversion. ``definition`` makes plain
values of typed ones, ``wire`` makes bytes of plain ones, and neither knows the other.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeAlias

Plain: TypeAlias = object
"""A plain value: None, bool, int, float, str, bytes, list, dict with str keys, set, datetime.

``UNDEFINED`` is one too, as an item of a list or set. A set holds only what Python can hash. The
alias says what ``object`` alone would not.
"""


class Undefined(Enum):
    """The type of ``UNDEFINED``."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED
"""JavaScript's ``undefined``, which is not its ``null``: for an argument, "use the default"."""
