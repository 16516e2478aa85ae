r"""Actor keys as one string: ``("a", "b/c")`` is ``a/b\/c``.

Owns that form and nothing else (wire-protocol.md, "Control API"): parts are joined with ``/``,
``\`` and ``/`` inside a part are escaped with a backslash, an empty part is ``\0`` and the empty
key is ``/``. Every key has exactly one string, so a string can serve as the key of a table.
"""

from __future__ import annotations

from ..errors import DecodeError

_SEPARATOR = "/"
_ESCAPE = "\\"
_EMPTY_PART = "\\0"
_EMPTY_KEY = "/"


def serialise_key(key: tuple[str, ...]) -> str:
    """The one string that stands for ``key``; ``parse_key`` is its inverse."""
    if not key:
        return _EMPTY_KEY
    return _SEPARATOR.join(_serialise_part(part) for part in key)


def parse_key(text: str) -> tuple[str, ...]:
    """The key that ``text`` stands for.

    Raises:
        DecodeError: ``serialise_key`` makes no such string.
    """
    if text == _EMPTY_KEY:
        return ()
    parts: list[str] = []
    part = ""
    is_empty_part = False
    characters = iter(text)
    for character in characters:
        if is_empty_part and character != _SEPARATOR:
            raise DecodeError(rf"key {text!r}: '\0' stands for an empty part and stands alone")
        if character == _SEPARATOR:
            parts.append(_checked_part(text, part, is_empty_part))
            part, is_empty_part = "", False
        elif character != _ESCAPE:
            part += character
        else:
            escaped = next(characters, "")
            if escaped == "0" and not part:
                is_empty_part = True
            elif escaped and escaped in _ESCAPE + _SEPARATOR:
                part += escaped
            else:
                raise DecodeError(
                    f"key {text!r}: a backslash escapes '/' or '\\', not {escaped or 'the end'!r}"
                )
    parts.append(_checked_part(text, part, is_empty_part))
    return tuple(parts)


def _serialise_part(part: str) -> str:
    if not part:
        return _EMPTY_PART
    return part.replace(_ESCAPE, _ESCAPE * 2).replace(_SEPARATOR, _ESCAPE + _SEPARATOR)


def _checked_part(text: str, part: str, is_empty_part: bool) -> str:
    if not part and not is_empty_part:
        raise DecodeError(rf"key {text!r}: an empty part is written '\0'")
    return part
