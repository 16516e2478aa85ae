"""Plain values <-> typed values, strict both ways (wire-protocol.md, "Python types on the wire").

Owns which types can travel and how. cattrs generates what makes attrs classes; their attributes
and all else are bound here, since cattrs alone coerces: it takes 3 for a str.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from ..plain import Plain
from ._annotations import BadAnnotation, Scope, attribute_types
from ._case import Rename
from ._choices import Bound, bind_enum, bind_literal, bind_union
from ._generics import (
    environments,
    is_union,
    normalise,
    show,
    substitute,
)
from ._mismatch import CannotTravel, Mismatch, expected
from ._scalars import ANY, SCALARS, Scalar, Structure, Unstructure
from ._unknown import remember_unknown, unknown_fields

_LIST, _DICT, _SET = frozenset({list}), frozenset({dict}), frozenset({set})
KNOWN_TYPES = (
    "use an attrs class, str, int, float, bool, bytes, None, list, dict[str, ...], set, tuple, "
    "datetime, date, time, timedelta, UUID, Decimal, an Enum, Literal or a union of these"
)


class Binding:
    """Binds types, each once.

    Args:
        rename: Attribute name -> its name in plain values.
        scope: Where the names in the annotations of local attrs classes are looked up.
        refuses_unknown: Whether an object with an unknown key is refused. So it is for what a
            client sends; a client itself takes what a newer host adds.
        keeps_all: Whether attributes that are no arguments (``init=False``) are carried too,
            and unknown keys, unless they are refused.
    """

    def __init__(
        self, rename: Rename, scope: Scope, *, refuses_unknown: bool, keeps_all: bool = False
    ) -> None:
        self._rename = rename
        self._scope = scope
        self._refuses_unknown = refuses_unknown
        self._keeps_all = keeps_all
        self._bound: dict[Any, Bound] = {}
        self._in_progress: set[Any] = set()
        self._converter = cattrs.Converter()
        self.may_nest = False
        """Whether a value of what was bound may hold values of its own kind, to any depth."""
        self.has_sets = False
        """Whether a type that was bound is, or has within it, a set."""

    def bind(self, tp: Any) -> Bound:
        """The functions that carry values of a type.

        Raises:
            CannotTravel: The type, or one in it, cannot be carried.
            Unresolved: An attrs class has an annotation that names what does not exist yet.
        """
        tp = normalise(tp)
        try:
            hash(tp)
        except TypeError:  # Literal[[]]
            raise CannotTravel(("", f"{show(tp)} cannot travel: {KNOWN_TYPES}")) from None
        if tp in self._in_progress:  # a class that refers to itself
            self.may_nest = True
            return Bound(tp, *self._late(tp), _DICT)
        if tp not in self._bound:
            self._bound[tp] = self._make(tp)
        return self._bound[tp]

    def _make(self, tp: Any) -> Bound:
        origin, args = get_origin(tp), get_args(tp)
        cls = origin or tp
        row = ANY if tp in (Any, object) else SCALARS.get(tp)
        if row is not None:
            self.may_nest = self.may_nest or row is ANY
            bound = _bound(tp, row)
        elif origin is Literal:
            bound = bind_literal(tp)
        elif is_union(tp):
            bound = self._union(tp, args)
        elif cls in (list, set, frozenset):
            bound = self._items(tp, cls, args[0] if args else Any)
        elif cls is tuple:
            bound = self._tuple(tp, args)
        elif cls is dict:
            bound = self._dict(tp, args)
        elif isinstance(cls, type) and attrs.has(cls):
            bound = self._object(tp, cls)
        elif isinstance(cls, type) and issubclass(cls, Enum):
            bound = bind_enum(cls)
        else:
            raise CannotTravel(("", f"{show(tp)} cannot travel: {KNOWN_TYPES}"))
        return bound

    def _late(self, tp: Any) -> tuple[Structure, Unstructure]:
        def structure(value: Plain, _: object = None) -> Any:
            return self.bind(tp).structure(value)

        def unstructure(value: Any) -> Plain:
            return self.bind(tp).unstructure(value)

        return structure, unstructure

    def _union(self, tp: Any, args: tuple[Any, ...]) -> Bound:
        arms = [self.bind(arg) for arg in _flat(args)]
        if any(arm.type in (Any, object) for arm in arms):
            return _bound(tp, ANY)
        return bind_union(tp, arms, self._rename)

    # -------------------------------------------------------------- collections

    def _items(self, tp: Any, cls: type, item_type: Any) -> Bound:
        """A list, set or frozenset; on the wire a list or set."""
        item = self.bind(item_type)
        wire: type = list if cls is list else set
        self.has_sets = self.has_sets or wire is set
        if wire is set and item.plain & {list, dict, set}:
            raise CannotTravel(
                ("", f"{show(tp)} cannot travel: the items of a set are single values; use a list")
            )

        def structure(value: Plain, _: object = None) -> Any:
            if not isinstance(value, wire):
                raise expected(wire.__name__, value)
            return cls(_each(item.structure, value))

        def unstructure(value: Any) -> Plain:
            if not isinstance(value, cls):
                raise expected(cls.__name__, value)
            return wire(_each(item.unstructure, value))

        return Bound(tp, structure, unstructure, _LIST if wire is list else _SET)

    def _tuple(self, tp: Any, args: tuple[Any, ...]) -> Bound:
        """A tuple of any length (``tuple[X, ...]``) or of a fixed one; on the wire a list."""
        if not args and tp is not tuple[()]:
            args = (Any, ...)
        if len(args) == 2 and args[1] is Ellipsis:
            item = self.bind(args[0])

            def carry(bound: str, value: Any) -> list[Any]:
                return _each(getattr(item, bound), value)
        else:
            items = [self.bind(arg) for arg in args]
            what = f"{len(items)} item{'s' * (len(items) != 1)}"

            def carry(bound: str, value: Any) -> list[Any]:
                if len(value) != len(items):
                    raise Mismatch(("", f"expected {what}, got {len(value)}"))
                return [
                    _at(getattr(item, bound), each, f"[{index}]")
                    for index, (item, each) in enumerate(zip(items, value, strict=True))
                ]

        def structure(value: Plain, _: object = None) -> Any:
            if not isinstance(value, list):
                raise expected("list", value)
            return tuple(carry("structure", value))

        def unstructure(value: Any) -> Plain:
            if not isinstance(value, tuple):
                raise expected("tuple", value)
            return carry("unstructure", value)

        return Bound(tp, structure, unstructure, _LIST)

    def _dict(self, tp: Any, args: tuple[Any, ...]) -> Bound:
        key, value_type = args or (str, Any)
        if normalise(key) is not str:
            raise CannotTravel(("", f"{show(tp)} cannot travel: the keys of a dict are str"))
        item = self.bind(value_type)

        def carry(hook: Callable[[Any], Any], value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise expected("dict", value)
            for name in value:
                if not isinstance(name, str):
                    raise Mismatch(("", f"expected a str as key, got {name!r}"))
            return {name: _at(hook, each, f"[{name!r}]") for name, each in value.items()}

        def structure(value: Plain, _: object = None) -> Any:
            return carry(item.structure, value)

        def unstructure(value: Any) -> Plain:
            return carry(item.unstructure, value)

        return Bound(tp, structure, unstructure, _DICT)

    # -------------------------------------------------------------- attrs classes

    def _object(self, tp: Any, cls: type[Any]) -> Bound:
        self._in_progress.add(tp)
        try:
            return self._generate(tp, cls, self._attributes(tp, cls))
        finally:
            self._in_progress.discard(tp)

    def _attributes(self, tp: Any, cls: type[Any]) -> dict[str, Bound]:
        """The attributes of a class that travel, bound; every fault of the class at once."""
        try:
            types = attribute_types(cls, self._scope)
        except BadAnnotation as error:
            text = f"{show(tp)}: its annotations cannot be read: {error}"
            raise CannotTravel(("", text)) from None
        envs = environments(tp)
        bound: dict[str, Bound] = {}
        faults: list[tuple[str, str]] = []
        names: dict[str, str] = {}
        for each in attrs.fields(cls):
            if not (each.init or self._keeps_all):
                continue
            what = f"attribute {each.name!r} of {show(tp)}"
            other = names.setdefault(self._rename(each.name), each.name)
            if other != each.name:
                faults.append(("", f"{what}: on the wire it has the name of {other!r}"))
            if types[each.name] is None:
                faults.append(("", f"{what} has no type"))
                continue
            owner = _owner(cls, each.name)
            try:
                bound[each.name] = self.bind(substitute(types[each.name], envs.get(owner, {})))
            except CannotTravel as error:
                faults += [(path, f"{what}: {text}") for path, text in error.faults]
        if faults:
            raise CannotTravel(*faults)
        return bound

    def _generate(self, tp: Any, cls: type[Any], attributes: dict[str, Bound]) -> Bound:
        overrides: dict[str, Any] = {
            name: override(rename=self._rename(name), struct_hook=each.structure)
            for name, each in attributes.items()
        }
        from_dict = make_dict_structure_fn(
            tp,
            self._converter,
            _cattrs_forbid_extra_keys=self._refuses_unknown,
            _cattrs_detailed_validation=True,
            _cattrs_include_init_false=self._keeps_all,
            **overrides,
        )
        rows = [(self._rename(name), name, each.unstructure) for name, each in attributes.items()]
        known = {key for key, _, _ in rows}
        what = show(tp)

        def structure(value: Plain, _: object = None) -> Any:
            if type(value) is not dict:
                raise expected(what, value)
            try:
                made = from_dict(value, tp)
            except cattrs.ClassValidationError as error:
                raise self._mismatch(error) from error
            if self._keeps_all and not value.keys() <= known:
                remember_unknown(made, {k: v for k, v in value.items() if k not in known})
            return made

        def unstructure(value: Any) -> Plain:
            if not isinstance(value, cls):
                raise expected(what, value)
            plain: dict[str, Plain] = {}
            key = ""
            try:
                for key, name, hook in rows:
                    plain[key] = hook(getattr(value, name))
            except Mismatch as error:
                raise error.under(f".{key}") from None
            if self._keeps_all and (unknown := unknown_fields(value)):
                return {**plain, **unknown}
            return plain

        return Bound(tp, structure, unstructure, _DICT)

    def _mismatch(self, error: cattrs.ClassValidationError) -> Mismatch:
        """The faults that cattrs found in an object, and those of the class's own validators."""
        faults: list[tuple[str, str]] = []
        of_attributes, of_class = error.group_exceptions()
        for each, note in of_attributes:
            step = f".{self._rename(note.name)}"
            if isinstance(each, Mismatch):
                faults += each.under(step).faults
            elif isinstance(each, KeyError):
                faults.append((step, "missing"))
            else:
                faults.append((step, _told(each)))
        for each in of_class:
            if isinstance(each, cattrs.ForbiddenExtraKeysError):
                faults += [(f".{name}", "unknown") for name in sorted(map(str, each.extra_fields))]
            else:
                faults.append(("", _told(each)))
        return Mismatch(*faults)


def _bound(tp: Any, row: Scalar) -> Bound:
    return Bound(tp, row.structure, row.unstructure, row.plain)


def _flat(args: Iterable[Any]) -> list[Any]:
    """The arms of a union, those of unions behind an alias among them."""
    arms: list[Any] = []
    for arg in map(normalise, args):
        arms += _flat(get_args(arg)) if is_union(arg) else [arg]
    return list(dict.fromkeys(arms))


def _owner(cls: type[Any], attribute: str) -> type[Any]:
    """The class that declares an attribute, whose type variables its type may name."""
    return next(
        (each for each in cls.__mro__ if attribute in vars(each).get("__annotations__", ())), cls
    )


def _at(hook: Callable[[Any], Any], value: Any, step: str) -> Any:
    try:
        return hook(value)
    except Mismatch as error:
        raise error.under(step) from None


def _each(hook: Callable[[Any], Any], values: Any) -> list[Any]:
    done: list[Any] = []
    try:
        for value in values:
            done.append(hook(value))  # noqa: PERF401 - its length is the fault's index
    except Mismatch as error:
        raise error.under(f"[{len(done)}]") from None
    return done


def _told(error: BaseException) -> str:
    """What a class's own validator or converter says of a value."""
    if isinstance(error, (ValueError, TypeError)) and error.args:
        return str(error.args[0])  # attrs adds the attribute and the value to the args
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return type(error).__name__
