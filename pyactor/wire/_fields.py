"""The fields of a decoded mapping, each read as the type that the protocol says it has.

Owns the checks that json and cbor make of an envelope, and those that bare shares. Raises
DecodeError for what a peer sent, ValueError for what we were about to send.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, cast

from ..errors import DecodeError
from ..plain import UNDEFINED, Plain
from .messages import ActorIdentity, Error, Position
from .queue import QueueStatus

MAX_UINT: Final = 2**64 - 1
"""The largest id, generation and timeout."""

_QUEUE_STATUS: Final[Mapping[str, QueueStatus]] = {
    "completed": "completed",
    "timedOut": "timedOut",
}


class FieldReader:
    """One mapping of an envelope.

    Args:
        raw: The mapping as the decoder library made it.
        read: Makes a plain value of a field's (``ValueReader.read``).
        name: What the mapping is, for messages.
    """

    __slots__ = ("_name", "_raw", "_read")

    def __init__(self, raw: object, read: Callable[[object], Plain], name: str = "message") -> None:
        if not isinstance(raw, dict):
            raise DecodeError(f"{name} is {type(raw).__name__}, not an object")
        self._raw = cast("dict[object, object]", raw)
        self._read = read
        self._name = name

    def body(self) -> tuple[str, FieldReader]:
        """The tag of ``{"body": {"tag": …, "val": {…}}}``, and the fields in it."""
        body = FieldReader(self._raw.get("body"), self._read, "body")
        return body.text("tag"), FieldReader(body.raw("val"), self._read, "val")

    def raw(self, key: str) -> object:
        """A field as the decoder library made it."""
        return self._raw.get(key)

    def any(self, key: str) -> Plain:
        """Any plain value; UNDEFINED if the field is absent."""
        return self._read(self._raw[key]) if key in self._raw else UNDEFINED

    def value(self, key: str) -> Plain:
        """Any plain value; None if the field is absent or undefined."""
        value = self.any(key)
        return None if value is UNDEFINED else value

    def items(self, key: str) -> list[Plain]:
        """A list of plain values."""
        value = self.value(key)
        if not isinstance(value, list):
            raise self._not(key, "an array", value)
        return cast("list[Plain]", value)

    def text(self, key: str) -> str:
        """A str."""
        value = self.value(key)
        if not isinstance(value, str):
            raise self._not(key, "a string", value)
        return value

    def optional_text(self, key: str) -> str | None:
        """A str, or None if it is absent, null or undefined."""
        return None if self.value(key) is None else self.text(key)

    def flag(self, key: str) -> bool:
        """A bool."""
        value = self.value(key)
        if not isinstance(value, bool):
            raise self._not(key, "true or false", value)
        return value

    def uint(self, key: str) -> int:
        """An int from 0 to MAX_UINT, written as a number or a BigInt."""
        value = self.value(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_UINT:
            raise self._not(key, "an integer from 0 to 2^64-1", value)
        return value

    def optional_uint(self, key: str) -> int | None:
        """An int from 0 to MAX_UINT, or None if it is absent, null or undefined."""
        return None if self.value(key) is None else self.uint(key)

    def optional_position(self, key: str) -> Position | None:
        """A position, or None if it is absent, null or undefined."""
        if self.value(key) is None:
            return None
        fields = FieldReader(self._raw[key], self._read, key)
        return Position(fields.text("epoch"), fields.uint("sequence"))

    def error(self, action_id: int | None) -> Error:
        """These fields as an error."""
        actor = None
        if self.value("actor") is not None:
            fields = FieldReader(self._raw["actor"], self._read, "actor")
            actor = ActorIdentity(
                fields.text("actorId"), fields.uint("generation"), fields.optional_text("key")
            )
        return Error(
            group=self.text("group"),
            code=self.text("code"),
            message=self.text("message"),
            metadata=self.value("metadata"),
            action_id=action_id,
            actor=actor,
        )

    def _not(self, key: str, expected: str, value: Plain) -> DecodeError:
        return DecodeError(f"{self._name}.{key} must be {expected}, not {value!r:.80}")


def queue_status(text: str) -> QueueStatus:
    """``text``, if it is one of the two.

    Raises:
        DecodeError: It is not.
    """
    status = _QUEUE_STATUS.get(text)
    if status is None:
        raise DecodeError(f"queue status is one of {', '.join(_QUEUE_STATUS)}, not {text!r:.80}")
    return status


def checked_uint(value: int, name: str) -> int:
    """``value``, if it can be written.

    Raises:
        ValueError: It is out of range.
    """
    if 0 <= value <= MAX_UINT:
        return value
    raise ValueError(f"{name} is from 0 to 2^64-1, not {value}")
