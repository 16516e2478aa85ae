"""Hypothesis strategies for what a class's clients send, read off its types.

Owns what a type is made of, and what the user wants tried instead.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, NewType, TypeAlias, TypeVar, get_args, get_origin

import attrs
import hypothesis.strategies as st
from typing_extensions import TypeAliasType

from ..definition import ActionSpec, ActorDefinition, ParameterSpec
from ..plain import Plain
from ._limits import NO_LIMITS, Limits, limits_of
from ._misfits import MISFITS, spoiled, spoiled_arguments
from ._values import SCALARS

Values: TypeAlias = "st.SearchStrategy[Any] | Sequence[Any]"
"""A strategy, or the values to choose from."""

Overrides: TypeAlias = Mapping[str | type, Values]
"""What to try instead: by type, or by the name of a parameter or attribute.

``"user_id"`` is every parameter and attribute of that name; ``"post.text"`` only the parameter of
that action, ``"JoinParams.user_id"`` only the attribute of that class.
"""

_FEW: Final = 3
"""Items of a collection, unless its validators ask for more."""
_COLLECTIONS = frozenset({list, set, frozenset, tuple, dict})
_REFUSED = object()


class Strategies:
    """Strategies for one actor class.

    Args:
        definition: What the class declares.
        overrides: What to try instead of what the types say.
        params: The connection parameters to try.
        input: The inputs of a creation to try.
    """

    def __init__(
        self,
        definition: ActorDefinition,
        overrides: Overrides = MappingProxyType({}),
        *,
        params: Values | None = None,
        input: Values | None = None,  # noqa: A002 - named as api.md names it
    ) -> None:
        self._definition = definition
        self._overrides = {key: strategy_of(key, each) for key, each in overrides.items()}
        self._seen: set[str | type] = set()
        self._made: dict[Any, st.SearchStrategy[Any]] = {}
        self._arguments = {
            spec.attr: self._arguments_of(spec) for spec in definition.actions.values()
        }
        self.params = self._optional(definition.params, "params", params).map(
            definition.unstructure_params
        )
        """Plain connection parameters that fit."""
        self.input = self._optional(definition.input, "input", input)
        """Typed inputs of a creation."""
        self._check_overrides()

    # -------------------------------------------------------------- what fits

    def arguments(self, action: str) -> st.SearchStrategy[list[Plain]]:
        """Plain arguments that fit an action.

        Args:
            action: Its name in Python.
        """
        return self._arguments[action]

    def of(self, tp: Any, limits: Limits = NO_LIMITS) -> st.SearchStrategy[Any]:
        """Typed values of a type that can travel.

        Args:
            tp: The type.
            limits: What validators leave of it.

        Raises:
            TypeError: It cannot travel.
        """
        tp = _normal(tp)
        given = self._given(tp)
        if limits != NO_LIMITS:  # which say more than a type does
            return self._make(tp, limits)
        if given is not None:
            return given
        if tp not in self._made:
            # A class that refers to itself finds this, and what it stands for once it is drawn.
            self._made[tp] = st.deferred(lambda: made)
            made = self._make(tp, limits)
            self._made[tp] = made
        return self._made[tp]

    # -------------------------------------------------------------- what does not fit

    @property
    def ill_fitting_params(self) -> st.SearchStrategy[Plain]:
        """Plain values that are nearly, or not at all, connection parameters; some fit."""
        return self.params.flatmap(spoiled) | MISFITS

    def ill_fitting_arguments(self, action: str) -> st.SearchStrategy[list[Plain]]:
        """Plain arguments of which some are missing, too many, or of another type; some fit."""
        return self._arguments[action].flatmap(spoiled_arguments)

    # -------------------------------------------------------------- arguments

    def _arguments_of(self, spec: ActionSpec) -> st.SearchStrategy[list[Plain]]:
        needed: dict[str, st.SearchStrategy[Any]] = {}
        optional: dict[str, st.SearchStrategy[Any]] = {}
        for each in spec.parameters:
            values = self._named(each.name, spec.attr)
            if values is None:
                values = self.of(each.type)
            if each.kind is inspect.Parameter.VAR_POSITIONAL:
                optional[each.name] = st.lists(values, max_size=_FEW)
            elif each.default is inspect.Parameter.empty:
                needed[each.name] = values
            else:
                optional[each.name] = values
        drawn = st.fixed_dictionaries(needed, optional=optional)
        return drawn.map(lambda given: spec.unstructure_arguments(*_call(spec.parameters, given)))

    # -------------------------------------------------------------- overrides

    def _optional(self, tp: Any, name: str, values: Values | None) -> st.SearchStrategy[Any]:
        if values is not None:
            return strategy_of(name, values)
        return self.of(tp)

    def _named(self, name: str, owner: str) -> st.SearchStrategy[Any] | None:
        self._seen.update({name, f"{owner}.{name}"})
        return self._overrides.get(f"{owner}.{name}", self._overrides.get(name))

    def _given(self, tp: Any) -> st.SearchStrategy[Any] | None:
        try:
            self._seen.add(tp)
        except TypeError:  # Literal[[]], which has no hash
            return None
        return self._overrides.get(tp)

    def _check_overrides(self) -> None:
        for key in self._overrides:
            if key not in self._seen:
                names = ", ".join(sorted(each for each in self._seen if isinstance(each, str)))
                raise ValueError(
                    f"arguments: {key!r} is no type, parameter or attribute of what clients send "
                    f"to {self._definition.name} (names: {names or 'none'})"
                )

    # -------------------------------------------------------------- types

    def _make(self, tp: Any, limits: Limits) -> st.SearchStrategy[Any]:
        origin, args = get_origin(tp), get_args(tp)
        cls = origin or tp
        made: st.SearchStrategy[Any]
        if limits.options is not None:
            made = st.sampled_from(list(limits.options))
        elif tp in SCALARS:
            made = SCALARS[tp](limits)
        elif origin is Literal:
            made = st.sampled_from(args)
        elif origin in (typing.Union, UnionType):
            made = st.one_of([self.of(arm, limits) for arm in args])
        elif origin is tuple and Ellipsis not in args:
            made = st.tuples(*[self.of(arg) for arg in args])
        elif cls in _COLLECTIONS:
            made = self._collection(cls, args, limits)
        elif isinstance(cls, type) and attrs.has(cls):
            made = self._object(cls, args)
        elif isinstance(cls, type) and issubclass(cls, Enum):
            made = st.sampled_from(list(cls))
        else:
            raise TypeError(f"{tp!r} is no type that can travel")
        return made

    def _collection(
        self, cls: type, args: tuple[Any, ...], limits: Limits
    ) -> st.SearchStrategy[Any]:
        low, high = limits.within(_FEW)
        if cls is dict:
            value = self.of(args[1] if args else Any)
            return st.dictionaries(self.of(str), value, min_size=low, max_size=high)
        item = self.of(args[0] if args else Any)
        if cls in (set, frozenset):
            return st.lists(item, min_size=low, max_size=high, unique=True).map(cls)
        return st.lists(item, min_size=low, max_size=high).map(cls)

    def _object(self, cls: type[Any], args: tuple[Any, ...]) -> st.SearchStrategy[Any]:
        names = dict(zip(getattr(cls, "__parameters__", ()), args, strict=False))
        needed: dict[str, st.SearchStrategy[Any]] = {}
        optional: dict[str, st.SearchStrategy[Any]] = {}
        for each in attrs.fields(cls):
            if not each.init:
                continue
            values = self._named(each.name, cls.__name__)
            if values is None:
                values = self.of(_substituted(each.type, names), limits_of(each.validator))
            has_default = each.default is not attrs.NOTHING
            (optional if has_default else needed)[each.alias] = values

        def make(given: Mapping[str, Any]) -> Any:
            try:
                return cls(**given)
            except (TypeError, ValueError):
                return _REFUSED

        drawn = st.fixed_dictionaries(needed, optional=optional)
        return drawn.map(make).filter(lambda made: made is not _REFUSED)


def strategy_of(what: object, values: object) -> st.SearchStrategy[Any]:
    """A strategy, also for whoever gave a list of values.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(values, st.SearchStrategy):
        return values
    if isinstance(values, Sequence) and not isinstance(values, (str, bytes)):
        return st.sampled_from(values)
    raise TypeError(f"{what!r}: give a strategy or a list of the values to try, not {values!r}")


def _normal(tp: Any) -> Any:
    """A type without what says nothing about its values: Annotated, NewType, aliases, None."""
    while True:
        origin = get_origin(tp)
        if tp is None:
            return NoneType
        if origin is typing.Annotated:
            tp = get_args(tp)[0]
        elif isinstance(tp, NewType):
            tp = tp.__supertype__
        elif isinstance(tp, TypeAliasType):
            tp = tp.__value__
        elif isinstance(origin, TypeAliasType):
            tp = origin.__value__[get_args(tp)]
        else:
            return tp


def _substituted(tp: Any, names: Mapping[Any, Any]) -> Any:
    if isinstance(tp, TypeVar):
        return names.get(tp, Any)
    parameters: tuple[Any, ...] = () if isinstance(tp, type) else getattr(tp, "__parameters__", ())
    generic: Any = tp
    return generic[tuple(names.get(each, Any) for each in parameters)] if parameters else tp


def _call(
    parameters: Iterable[ParameterSpec], given: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a Python call; what precedes ``*args`` is spelt out."""
    left = dict(given)
    rest: list[Any] = []
    args: list[Any] = []
    for each in parameters:
        if each.kind is inspect.Parameter.VAR_POSITIONAL:
            rest = left.pop(each.name, [])
    for each in parameters:
        if each.kind is inspect.Parameter.POSITIONAL_ONLY or (
            rest and each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        ):
            if each.name not in left and not rest:
                break
            args.append(left.pop(each.name, each.default))
    return (*args, *rest), left
