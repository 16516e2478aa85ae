"""Between a typed actor and its stored record: what is kept, and as which bytes.

The state is kept as CBOR of plain values under the names of the Python attributes, whatever
``wire_case`` says (api.md).
"""

from __future__ import annotations

from typing import Any

import cbor2

from ..definition import ActorDefinition
from ..plain import Plain
from ..storage import ActorRecord


def encode_state(definition: ActorDefinition, state: Any) -> bytes:
    """A snapshot of the whole state at this instant (A4).

    Raises:
        TypeError: the state holds a value that is not of its declared type.
    """
    return cbor2.dumps(definition.unstructure_state(state))


def decode_state(definition: ActorDefinition, record: ActorRecord) -> Any:
    """The typed state of a stored actor."""
    return definition.structure_state(cbor2.loads(record.state))


def encode_input(plain: Plain) -> bytes | None:
    """The plain input of a creation as it is kept, or None where there is none."""
    return None if plain is None else cbor2.dumps(plain)
