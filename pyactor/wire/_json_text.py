"""JSON text to the values of the decoder library, and back: strict, and as quick as can be.

What is JSON is for the standard library to say, without the NaN that it adds. Where the extra
``fast`` is installed msgspec reads what both of them take, with equal values; what it refuses goes
to the standard library, which takes it after all or says what is wrong.
"""

from __future__ import annotations

import json
import json.encoder
import json.scanner
import math
from collections.abc import Callable
from typing import Any, NoReturn


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.80} is larger than any float")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_decoder = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant)
# A walk by a ValueWriter comes first, so no cycle and no NaN is left to be found.
_encoder = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
)


_any_decoder: Any = _decoder  # typeshed says the scanner takes itself
_scan_once: Callable[[str, int], tuple[object, int]] = json.scanner.make_scanner(_any_decoder)


def decode_exactly(text: str) -> object:
    """The value, by the standard library.

    Raises:
        ValueError: It is no JSON, or has a number that no float can hold.
        RecursionError: It is nested too deeply.
    """
    return _decoder.decode(text)


def _scan(text: str) -> object:
    """The same for a text without white space around it, which spares two searches for that."""
    value, end = _scan_once(text, 0)
    if end != len(text):
        raise ValueError("not all of it")
    return value


try:
    import msgspec
except ImportError:
    _quick: Callable[[str], object] = _scan
    _REFUSALS: tuple[type[Exception], ...] = (ValueError, RecursionError, StopIteration)
else:
    _quick = msgspec.json.Decoder().decode
    _REFUSALS = (msgspec.MsgspecError, UnicodeEncodeError, RecursionError)


def decode(text: str) -> object:
    """The value.

    Raises:
        ValueError: It is no JSON, or has a number that no float can hold.
        RecursionError: It is nested too deeply.
    """
    try:
        return _quick(text)
    except _REFUSALS:
        return decode_exactly(text)


def _make_encode() -> Callable[[object], str]:
    """``JSONEncoder.encode`` without what it does anew each time, if that is C here."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # pragma: no cover - not CPython
        return _encoder.encode
    quote = json.encoder.encode_basestring
    pieces: Callable[[Any, int], tuple[str, ...]] = make(
        None, _encoder.default, quote, None, ":", ",", False, False, False
    )
    join = "".join
    return lambda value: join(pieces(value, 0))


encode = _make_encode()
"""The text of a value that a ValueWriter has made."""
