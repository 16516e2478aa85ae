"""Between a typed actor and its stored record: what is kept, and as which bytes.

The state is kept as CBOR of plain values under the names of the Python attributes, whatever
``wire_case`` says (api.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import cbor2

from ..definition import ActorDefinition
from ..errors import StateTooLarge, StateUnreadable
from ..plain import Plain
from ..storage import ActorRecord

UNENCODABLE = (TypeError, ValueError, RecursionError, cbor2.CBOREncodeError, StateTooLarge)
"""What ``encode_state`` raises. To try it again is of no use while the state is as it is."""
MAX_DEPTH = 200
"""Lists and dicts within each other. What is nested deeper could be written but not read again:
to structure it takes more of Python's stack than to unstructure it."""


def encode_state(
    definition: ActorDefinition, state: Any, unknown: Mapping[str, Plain] | None = None
) -> bytes:
    """A snapshot of the whole state at this instant (A4): nothing is awaited meanwhile.

    Args:
        definition: The actor's.
        state: A State.
        unknown: Fields of the kept state that its class does not have; they are kept on.

    Raises:
        StateTooLarge: It has more than ``max_state_size`` bytes.
        TypeError: The state holds a value that is not of its declared type.
        ValueError: It holds one that has no bytes, or is nested too deeply to be read again.
        RecursionError: It holds itself.
    """
    plain = definition.unstructure_state(state)
    if unknown and isinstance(plain, dict):
        plain = {**plain, **unknown}
    data = dump_stable(plain) if definition.state_has_sets else cbor2.dumps(plain)
    limit = definition.options.max_state_size
    if len(data) > limit:
        raise StateTooLarge(
            f"the state has {len(data)} bytes; max_state_size is {limit}: keep less in it, or "
            "spread it over more actors"
        )
    if definition.state_may_nest:
        try:
            cbor2.loads(data, max_depth=MAX_DEPTH)
        except cbor2.CBORDecodeError as error:
            raise ValueError(f"the state is nested more than {MAX_DEPTH} deep") from error
    return data


def dump_stable(plain: Plain) -> bytes:
    """CBOR in which equal sets have equal bytes, however they came about.

    The order of a set is that of its history, and of its process where it holds str: to a digest
    one that did not change would look changed (A7). It costs several times what ``cbor2.dumps``
    does.
    """
    return cbor2.dumps(plain, encoders=_STABLE)


def _encode_set(encoder: cbor2.CBOREncoder, value: set[Plain] | frozenset[Plain]) -> None:
    encoder.encode(cbor2.CBORTag(_SET_TAG, sorted(value, key=cbor2.dumps)))


_SET_TAG = 258  # of IANA's registry of CBOR tags
_STABLE: Mapping[type, Callable[[cbor2.CBOREncoder, Any], None]] = {
    set: _encode_set,
    frozenset: _encode_set,
}


def digest_of(data: bytes) -> bytes:
    """What tells two snapshots apart: 16 bytes."""
    return hashlib.blake2b(data, digest_size=16).digest()


def read_state(definition: ActorDefinition, record: ActorRecord) -> Plain:
    """The plain state of a stored actor, of whichever older version.

    Raises:
        StateUnreadable: A newer version wrote it, or its bytes are no state at all.
    """
    if record.state_version > definition.state_version:
        raise StateUnreadable(
            f"the state was kept by state_version {record.state_version}, and this class is of "
            f"state_version {definition.state_version}: run the newer code; the state is untouched"
        )
    try:
        return cbor2.loads(record.state)
    except (cbor2.CBORError, ValueError) as error:
        raise StateUnreadable(f"the kept state cannot be decoded: {error}") from error


def structure_state(definition: ActorDefinition, plain: Plain) -> Any:
    """The typed state.

    Raises:
        StateUnreadable: It does not fit State; the message names the field.
    """
    try:
        return definition.structure_state(plain)
    except TypeError as error:
        raise StateUnreadable(
            f"{error}; the kept state is untouched: give new fields a default, or change its form "
            "with state_version and migrate_state"
        ) from error


def encode_input(plain: Plain) -> bytes | None:
    """The plain input of a creation as it is kept, or None where there is none."""
    return None if plain is None else cbor2.dumps(plain)
