"""Values of State, ConnState, Params and Input: made without arguments, and checked."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import Any

import attrs

from ._generics import is_union, normalise

_EMPTY = (str, bytes, int, float, bool, list, dict, set, frozenset)


def factory_of(tp: Any) -> Callable[[], Any] | None:
    """What makes a fresh value of a type without arguments, or None if nothing can."""
    tp = normalise(tp)
    if accepts_none(tp):
        return lambda: None
    cls = typing.get_origin(tp) or tp
    made = (
        not is_union(tp)
        and isinstance(cls, type)
        and (
            cls in _EMPTY
            or (cls is tuple and typing.get_args(tp)[1:] == (Ellipsis,))
            or (_is_own(cls) and not missing_arguments(cls))
        )
    )
    return cls if made else None


def missing_arguments(tp: Any) -> list[str]:
    """The arguments without which a type makes no value; the type itself if it makes none."""
    cls = typing.get_origin(tp) or tp
    if not (isinstance(cls, type) and _is_own(cls)):
        return ["a value"]
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return ["a value"]
    return [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]


def accepts_none(tp: Any) -> bool:
    """Whether None is a value of the type."""
    tp = normalise(tp)
    return tp in (NoneType, Any, object) or (
        is_union(tp) and any(accepts_none(arm) for arm in typing.get_args(tp))
    )


def is_instance(value: object, tp: Any) -> bool:
    """Whether a value is of a type, as far as its class tells: items are not looked at."""
    if type(value) is tp:  # as nearly always, and the rest takes long
        return True
    tp = normalise(tp)
    if is_union(tp):
        return any(is_instance(value, arm) for arm in typing.get_args(tp))
    origin = typing.get_origin(tp)
    if origin is typing.Literal:
        return any(value == arg and type(value) is type(arg) for arg in typing.get_args(tp))
    cls = origin or tp
    if tp is Any or not isinstance(cls, type) or getattr(cls, "_is_protocol", False):
        return True  # isinstance does not take these
    if cls in (int, float):
        return isinstance(value, (int, cls)) and not isinstance(value, bool)
    return isinstance(value, cls)


def shared_defaults(
    tp: Any, types_of: Callable[[type[Any]], Mapping[str, Any]], seen: set[Any]
) -> Iterator[tuple[type[Any], str, Any]]:
    """The defaults that all instances of an attrs class, or one in it, would share.

    attrs, unlike dataclasses, accepts ``xs: list[int] = []``.

    Args:
        tp: The type to look into.
        types_of: The types of an attrs class's attributes, as far as they are known.
        seen: The classes that were looked into before.

    Yields:
        The class, the attribute and the default.
    """
    tp = normalise(tp)
    for arg in typing.get_args(tp):
        yield from shared_defaults(arg, types_of, seen)
    cls = typing.get_origin(tp) or tp
    if not (isinstance(cls, type) and attrs.has(cls)) or cls in seen:
        return
    seen.add(cls)
    types = types_of(cls)
    for each in attrs.fields(cls):
        default: Any = each.default
        # A Factory is hashable, and what is not hashable is mutable.
        if type(default).__hash__ is None:
            yield cls, each.name, default
        yield from shared_defaults(types.get(each.name), types_of, seen)


def _is_own(cls: type[Any]) -> bool:
    """A class that says itself what it is made of, unlike the scalars of the standard library."""
    return (
        cls.__module__ not in {"datetime", "uuid"}
        and not issubclass(cls, (*_EMPTY, tuple))
        and not inspect.isabstract(cls)
    )
