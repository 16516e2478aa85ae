"""How annotations become types: PEP 563 strings, later-defined, local and nested names.

A name that is not there yet raises ``Unresolved``; the caller tries again at first use.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Mapping
from types import FrameType, FunctionType, SimpleNamespace
from typing import Any

import attrs

from ._markers import Action, Event, Misplaced


class Unresolved(Exception):
    """An annotation names what does not exist (yet)."""


class BadAnnotation(Exception):
    """An annotation is no type."""


@attrs.frozen
class Scope:
    """Where the names in a class's annotations are looked up, besides the module.

    Attributes:
        frames: The functions that the class is defined in, innermost first. Their locals are
            read at each look-up, since a name may be defined after the class.
        names: The names of the class body and of the classes concerned.
    """

    frames: tuple[FrameType, ...] = ()
    names: Mapping[str, Any] = attrs.field(factory=dict[str, Any])

    @property
    def locals(self) -> dict[str, Any]:
        """All of them, the innermost winning."""
        merged: dict[str, Any] = {}
        for frame in reversed(self.frames):
            merged.update(frame.f_locals)
        merged.update(self.names)
        return merged

    def with_names(self, names: Mapping[str, Any]) -> Scope:
        """The same with more names."""
        return Scope(self.frames, {**self.names, **names})


def enclosing_frames(body: FrameType) -> tuple[FrameType, ...]:
    """The frames of the functions around a class body, innermost first."""
    frames = []
    frame = body.f_back
    while frame is not None and frame.f_locals is not frame.f_globals:
        frames.append(frame)
        if frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # a function; a class body is none
            break
        frame = frame.f_back
    return tuple(frames)


def types_in(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """What annotations in a class body may name of it: not its methods, actions and events."""
    methods = (FunctionType, property, staticmethod, classmethod, Action, Event, Misplaced)
    return {
        name: value
        for name, value in namespace.items()
        if not name.startswith("__") and not isinstance(value, methods)
    }


def hints_of(function: Any, scope: Scope) -> dict[str, Any]:
    """The types of a function's parameters and result, by name.

    Raises:
        Unresolved: A name does not exist yet.
        BadAnnotation: An annotation is no type.
    """
    return _evaluate(function, None, scope)


def resolve_type(tp: Any, module: str, scope: Scope) -> Any:
    """A type in which forward references may stand, such as ``Event["Later"]``'s.

    Raises:
        Unresolved: A name does not exist yet.
        BadAnnotation: It is no type.
    """
    holder = SimpleNamespace(__annotations__={"it": tp})
    return _evaluate(holder, vars(sys.modules[module]) if module in sys.modules else {}, scope)[
        "it"
    ]


def attribute_types(cls: type[Any], scope: Scope) -> dict[str, Any]:
    """The types of an attrs class's attributes, by name, as its bases and itself declare them.

    Raises:
        Unresolved: A name does not exist yet.
        BadAnnotation: An annotation is no type.
    """
    names = {**types_in(vars(cls)), cls.__name__: cls}
    try:
        attrs.resolve_types(cls, None, scope.with_names(names).locals, include_extras=False)
    except NameError as error:
        raise Unresolved(str(error)) from error
    except Exception as error:
        raise BadAnnotation(f"{type(error).__name__}: {error}") from error
    return {each.name: each.type for each in attrs.fields(cls)}


def _evaluate(holder: Any, module: dict[str, Any] | None, scope: Scope) -> dict[str, Any]:
    try:
        return typing.get_type_hints(holder, module, scope.locals)
    except NameError as error:
        raise Unresolved(str(error)) from error
    except Exception as error:
        raise BadAnnotation(f"{type(error).__name__}: {error}") from error
