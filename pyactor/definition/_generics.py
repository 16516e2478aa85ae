"""Types as written: how they read, what type variables stand for, and which accept which."""

from __future__ import annotations

import functools
import inspect
import operator
import types
import typing
from collections.abc import Awaitable, Coroutine, Mapping
from types import NoneType
from typing import Any, TypeVar

from typing_extensions import NoDefault, TypeAliasType, get_original_bases

from ._refs import AnyEvent

UNANNOTATED: Any = inspect.Parameter.empty
_UNIONS = (typing.Union, types.UnionType)


def is_union(tp: Any) -> bool:
    """Whether a type is ``X | Y`` or ``Union[X, Y]``."""
    return typing.get_origin(tp) in _UNIONS


def normalise(tp: Any) -> Any:
    """A type without what says nothing about its values: Annotated, NewType, aliases, None."""
    while True:
        if tp is None:
            return NoneType
        origin = typing.get_origin(tp)
        if origin is typing.Annotated:
            tp = typing.get_args(tp)[0]
        elif isinstance(tp, typing.NewType):
            tp = tp.__supertype__
        elif isinstance(tp, TypeAliasType):
            tp = tp.__value__
        elif isinstance(origin, TypeAliasType):
            tp = origin.__value__[typing.get_args(tp)]
        else:
            return tp


def show(tp: Any) -> str:
    """A type as one writes it."""
    if tp in (None, NoneType, Ellipsis):
        return "..." if tp is Ellipsis else "None"
    if tp == AnyEvent:
        return "AnyEvent"
    args = typing.get_args(tp)
    if is_union(tp):
        return " | ".join(map(show, args))
    if not args:
        return getattr(tp, "__name__", None) or str(tp).replace("typing.", "")
    origin = typing.get_origin(tp)
    inner = map(repr, args) if origin is typing.Literal else map(show, args)
    return f"{show(origin)}[{', '.join(inner)}]"


def show_def(name: str, parameters: list[tuple[str, Any]], returns: Any, *, is_async: bool) -> str:
    """A method's first line."""
    head = "".join(
        f", {each}" if tp is UNANNOTATED else f", {each}: {show(tp)}" for each, tp in parameters
    )
    tail = "" if returns is UNANNOTATED else f" -> {show(returns)}"
    return f"{'async ' * is_async}def {name}(self{head}){tail}"


def substitute(tp: Any, env: Mapping[Any, Any]) -> Any:
    """A type with its type variables replaced, as far as ``env`` knows them."""
    if isinstance(tp, TypeVar):
        return env.get(tp, tp)
    if isinstance(tp, type) or not has_type_variables(tp):
        return tp
    return tp[tuple(env.get(each, each) for each in tp.__parameters__)]


def has_type_variables(tp: Any) -> bool:
    """Whether a type still has an open type variable in it."""
    if isinstance(tp, TypeVar):
        return True
    return not isinstance(tp, type) and bool(getattr(tp, "__parameters__", ()))


def environments(tp: Any) -> dict[type[Any], dict[Any, Any]]:
    """For each class at and above ``tp``, what its type variables stand for, seen from ``tp``.

    Args:
        tp: A class, or a generic class with its arguments.
    """
    out: dict[type[Any], dict[Any, Any]] = {}

    def visit(cls: type[Any], given: dict[Any, Any]) -> None:
        env = dict(given)
        for parameter in getattr(cls, "__parameters__", ()):
            default = getattr(parameter, "__default__", NoDefault)
            env.setdefault(parameter, parameter if default is NoDefault else default)
        out.setdefault(cls, env)
        for base in get_original_bases(cls):
            origin = typing.get_origin(base)
            if origin is None and isinstance(base, type) and base is not object:
                visit(base, {})
            elif origin is not None:
                args = [substitute(arg, env) for arg in typing.get_args(base)]
                visit(origin, _arguments(origin, args))

    origin = typing.get_origin(tp)
    if origin is None:
        visit(tp, {})
    else:
        visit(origin, _arguments(origin, typing.get_args(tp)))
    return out


def _arguments(origin: Any, args: typing.Sequence[Any]) -> dict[Any, Any]:
    parameters = getattr(origin, "__parameters__", ())  # Generic itself has none
    return dict(zip(parameters, args, strict=False))


def awaited(tp: Any) -> Any:
    """What awaiting a result of the type gives; the type itself if it is not awaitable."""
    if is_union(tp):
        return functools.reduce(operator.or_, map(awaited, typing.get_args(tp)))
    if typing.get_origin(tp) in (Awaitable, Coroutine):
        return typing.get_args(tp)[-1]
    return tp


def accepts(parameter: Any, given: Any) -> bool:
    """Whether a parameter of one type takes a value of another.

    True when in doubt: type checkers decide about generics; this is the net for unchecked code.
    """
    parameter, given = normalise(parameter), normalise(given)
    if (
        parameter in (Any, object, UNANNOTATED, given)
        or given in (Any, UNANNOTATED, typing.NoReturn, typing.Never)
        or has_type_variables(parameter)
        or has_type_variables(given)
    ):
        return True
    if is_union(given):
        return all(accepts(parameter, arm) for arm in typing.get_args(given))
    if is_union(parameter):
        return any(accepts(arm, given) for arm in typing.get_args(parameter))
    return _class_accepts(parameter, given)


def _class_accepts(parameter: Any, given: Any) -> bool:
    bare, origin = _with_defaults(parameter), typing.get_origin(given)
    if typing.get_origin(bare) is not None and typing.get_origin(bare) is origin:
        pairs = zip(typing.get_args(bare), typing.get_args(given), strict=False)
        return all(Any in pair or accepts(*pair) for pair in pairs)
    if isinstance(parameter, type):
        if getattr(parameter, "_is_protocol", False):
            return True
        cls = origin or given
        return isinstance(cls, type) and (
            issubclass(cls, parameter) or (parameter is float and cls is int)
        )
    return False


def _with_defaults(tp: Any) -> Any:
    """A bare generic class with the defaults of its type variables: ``Conn[None, None]``."""
    parameters = getattr(tp, "__parameters__", ())
    if not (isinstance(tp, type) and parameters):
        return tp
    defaults = [getattr(each, "__default__", NoDefault) for each in parameters]
    generic: Any = tp
    return tp if NoDefault in defaults else generic[tuple(defaults)]
