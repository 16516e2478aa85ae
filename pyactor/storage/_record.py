"""What proves that a row is read as it was written: its seal.

A seal is one byte, the number of the record's format, and a digest over every column of the row
and the id of its actor. It finds what a disk changed, and a row that is not where it belongs; it
is no protection from somebody who means harm.
"""

from __future__ import annotations

from hashlib import blake2b

FORMAT = 1
"""The format that records are written in; a later one reads this one and writes its own."""

_DIGEST_SIZE = 8


def seal(part: str, fields: tuple[object, ...], body: bytes | None) -> bytes:
    """The seal of a row.

    Args:
        part: What the row is: the same fields in two tables have two seals.
        fields: Texts and numbers of the row, with the id of its actor.
        body: The long value of the row.
    """
    digest = blake2b(repr((part, *fields, body is None)).encode(), digest_size=_DIGEST_SIZE)
    if body is not None:
        digest.update(body)
    return bytes((FORMAT,)) + digest.digest()


def is_intact(sealed: object, part: str, fields: tuple[object, ...], body: object) -> bool:
    """Whether a row is what was sealed, in value and in type."""
    if body is not None and not isinstance(body, bytes):
        return False
    return sealed == seal(part, fields, body)
