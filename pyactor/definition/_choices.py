"""Types that allow some values or some of several types: Enum, Literal, and unions.

Owns the rule that the arms of a union can be told apart by their plain form alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import attrs
from attrs import frozen

from ..plain import Plain
from ._generics import show
from ._mismatch import CannotTravel, Mismatch, expected, refused, type_name
from ._scalars import MAX_SAFE, NUMBER, Structure, Unstructure


@frozen
class Bound:
    """A type with the functions that carry its values.

    Attributes:
        type: The type.
        structure: Plain to typed; raises Mismatch.
        unstructure: Typed to plain; raises Mismatch.
        plain: The classes that its plain form may have; empty where it may be anything.
    """

    type: Any
    structure: Structure = attrs.field(eq=False, repr=False)
    unstructure: Unstructure = attrs.field(eq=False, repr=False)
    plain: frozenset[type] = attrs.field(eq=False, repr=False)


def _exact(value: object) -> tuple[type, object]:
    """A dict key that keeps 1, 1.0 and True apart, but a whole float, as JavaScript sends it."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_SAFE:
        return int, int(value)
    return type(value), value


def bind_values(tp: Any, choices: Iterable[tuple[Any, object]]) -> Bound:
    """An Enum or Literal.

    Args:
        tp: The type.
        choices: Typed value and plain value of each choice.

    Raises:
        CannotTravel: A plain value is none that can be compared on the other side.
    """
    pairs = list(choices)
    for typed, plain in pairs:
        if not isinstance(plain, (str, int, float, bytes, type(None))):
            raise CannotTravel(("", f"{show(tp)}: the value of {typed!r} is {type_name(plain)}"))
    to_typed = {_exact(plain): typed for typed, plain in pairs}
    if len(to_typed) != len(pairs):
        raise CannotTravel(("", f"{show(tp)}: two of its values look the same on the wire"))
    to_plain = {_exact(typed): plain for typed, plain in pairs}
    what = f"one of {', '.join(repr(plain) for _, plain in pairs)}"

    def structure(value: Plain, _: object = None) -> Any:
        try:
            return to_typed[_exact(value)]
        except (KeyError, TypeError):
            raise refused(what, value) from None

    def unstructure(value: Any) -> Plain:
        try:
            return to_plain[_exact(value)]
        except (KeyError, TypeError):
            raise refused(show(tp), value) from None

    classes = {type(plain) for _, plain in pairs}
    return Bound(
        tp, structure, unstructure, frozenset(classes | (NUMBER if classes & NUMBER else set()))
    )


def bind_enum(tp: type[Enum]) -> Bound:
    """An Enum travels as its value."""
    return bind_values(tp, ((member, member.value) for member in tp))


def bind_literal(tp: Any) -> Bound:
    """A Literal travels as it is; a member of an Enum in it as its value."""
    return bind_values(
        tp, ((arg, arg.value if isinstance(arg, Enum) else arg) for arg in get_args(tp))
    )


def bind_union(tp: Any, arms: Sequence[Bound], name_of: Callable[[str], str]) -> Bound:
    """A union whose arms can be told apart.

    Args:
        tp: The union.
        arms: Its arms, bound; none of them Any.
        name_of: The name of a class's attribute on the wire.

    Raises:
        CannotTravel: Two arms look the same on the wire.
    """
    by_plain: dict[type, Structure] = {}
    objects = [arm for arm in arms if attrs.has(get_origin(arm.type) or arm.type)]
    if len(objects) > 1:
        by_plain[dict] = _tell_apart(objects, name_of)
    for arm in arms:
        if dict in by_plain and arm in objects:
            continue
        for cls in arm.plain:
            if cls in by_plain:
                other = next(each for each in arms if cls in each.plain)
                text = (
                    f"{show(other.type)} and {show(arm.type)} look the same on the wire; "
                    "use one of them, or an attrs class for each"
                )
                raise CannotTravel(("", text))
            by_plain[cls] = arm.structure
    what = show(tp)

    def structure(value: Plain, _: object = None) -> Any:
        arm = by_plain.get(type(value))
        if arm is None:
            raise expected(what, value)
        return arm(value)

    by_class = {get_origin(arm.type) or arm.type: arm.unstructure for arm in objects}

    def unstructure(value: Any) -> Plain:
        own = by_class.get(type(value))
        if own is not None:
            return own(value)
        for arm in arms:
            try:
                return arm.unstructure(value)
            except Mismatch:
                continue
        raise expected(what, value)

    return Bound(tp, structure, unstructure, frozenset(by_plain))


def _tell_apart(arms: Sequence[Bound], name_of: Callable[[str], str]) -> Structure:
    """Choose among attrs classes: by a Literal tag, or by an attribute that only one requires."""
    fields = [{a.name: a for a in attrs.fields(get_origin(arm.type) or arm.type)} for arm in arms]
    for name in fields[0]:
        tags = _tags(name, fields)
        if tags is not None:
            return _by_tag(name_of(name), {tag: arms[at].structure for tag, at in tags.items()})
    unique: dict[str, Structure] = {}
    for at, own in enumerate(fields):
        others = {name for other in fields if other is not own for name in other}
        mark = next(
            (n for n, a in own.items() if a.default is attrs.NOTHING and n not in others), None
        )
        if mark is None:
            text = (
                f"{' and '.join(show(arm.type) for arm in arms)} cannot be told apart: "
                f"{show(arms[at].type)} has no required attribute that the others lack; "
                "give each a tag such as kind: Literal['a'] = 'a'"
            )
            raise CannotTravel(("", text))
        unique[name_of(mark)] = arms[at].structure
    what = " or ".join(show(arm.type) for arm in arms)

    def structure(value: Mapping[str, Plain]) -> Any:
        for mark, arm in unique.items():
            if mark in value:
                return arm(value)
        raise Mismatch(("", f"expected {what}, got an object with none of {', '.join(unique)}"))

    return structure


def _tags(
    name: str, fields: Sequence[Mapping[str, attrs.Attribute[Any]]]
) -> dict[tuple[type, object], int] | None:
    """Tag -> index of its class, if the attribute is a distinct Literal in every class."""
    tags: dict[tuple[type, object], int] = {}
    for at, own in enumerate(fields):
        if name not in own or get_origin(own[name].type) is not Literal:
            return None
        for arg in get_args(own[name].type):
            key = _exact(arg.value if isinstance(arg, Enum) else arg)
            if key in tags:
                return None
            tags[key] = at
    return tags


def _by_tag(key: str, arms: Mapping[tuple[type, object], Structure]) -> Structure:
    known = ", ".join(repr(value) for _, value in arms)

    def structure(value: Mapping[str, Plain]) -> Any:
        tag = value.get(key)
        try:
            arm = arms[_exact(tag)]
        except (KeyError, TypeError):
            raise refused(f"one of {known}", tag).under(f".{key}") from None
        return arm(value)

    return structure
