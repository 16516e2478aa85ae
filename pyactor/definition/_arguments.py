"""The arguments of one action: plain list <-> Python call (api.md, "On the wire").

Positional parameters come in order. Keyword-only ones are one object at the fixed index, the
number of positional parameters. ``UNDEFINED`` stands for "use the default".
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from ..errors import InvalidArguments
from ..plain import UNDEFINED, Plain
from ._mismatch import Mismatch, type_name
from ._scalars import Structure, Unstructure

_Kind = inspect.Parameter


@frozen
class ParameterSpec:
    """One parameter of an action.

    Attributes:
        name: Its name in Python.
        wire: Its name on the wire, where it has one: keyword-only parameters do.
        type: Its type.
        kind: As ``inspect`` has it.
        default: What stands in for it, or ``inspect.Parameter.empty``.
        structure: Plain to typed, of what clients send.
        unstructure: Typed to plain.
    """

    name: str
    wire: str
    type: Any
    kind: Any
    default: Any
    structure: Structure = field(eq=False, repr=False)
    unstructure: Unstructure = field(eq=False, repr=False)


class Arguments:
    """Carries the arguments of one action both ways.

    Args:
        action: The action's name in Python, for messages.
        signature: Its signature without self.
        parameters: Its parameters, in order.
    """

    def __init__(
        self, action: str, signature: inspect.Signature, parameters: Sequence[ParameterSpec]
    ) -> None:
        self._action = action
        self._signature = signature
        self._positional = tuple(
            each
            for each in parameters
            if each.kind in (_Kind.POSITIONAL_ONLY, _Kind.POSITIONAL_OR_KEYWORD)
        )
        self._rest = next((p for p in parameters if p.kind is _Kind.VAR_POSITIONAL), None)
        self._named: Mapping[str, ParameterSpec] = {
            each.wire: each for each in parameters if each.kind is _Kind.KEYWORD_ONLY
        }

    # -------------------------------------------------------------- the host's side

    def structure(self, args: Sequence[Plain]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the Python call that a client asks for.

        Raises:
            InvalidArguments: They do not fit the signature.
        """
        count = len(self._positional)
        given = len(args)
        typed: list[Any] = []
        for index, parameter in enumerate(self._positional):
            plain = args[index] if index < given else UNDEFINED
            typed.append(_structure_one(parameter, plain, index))
        if given <= count:
            return tuple(typed), self._structure_named({}, count) if self._named else {}
        if self._rest is not None:
            rest = self._rest
            typed += [_structure_one(rest, args[index], index) for index in range(count, given)]
            return tuple(typed), {}
        if not self._named or given > count + 1:
            most = count + bool(self._named)
            raise InvalidArguments(
                f"{self._action} takes at most {most} argument{'s' * (most != 1)}, got {given}"
            )
        return tuple(typed), self._structure_named(args[count], count)

    def _structure_named(self, plain: Plain, index: int) -> dict[str, Any]:
        if plain is None or plain is UNDEFINED:
            plain = {}
        if not isinstance(plain, dict):
            names = ", ".join(self._named)
            raise InvalidArguments(
                f"argument {index + 1} of {self._action}: expected an object with {names}, "
                f"got {type_name(plain)} @ $[{index}]"
            )
        unknown = [name for name in plain if name not in self._named]
        if unknown:
            raise InvalidArguments(
                f"{self._action} has no argument {unknown[0]!r} (known: {', '.join(self._named)}) "
                f"@ $[{index}]"
            )
        typed: dict[str, Any] = {}
        for wire, parameter in self._named.items():
            value = plain.get(wire, UNDEFINED)
            typed[parameter.name] = _structure_one(parameter, value, index)
        return typed

    # -------------------------------------------------------------- the client's side

    def unstructure(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Plain]:
        """The plain arguments of a Python call.

        Raises:
            TypeError: They do not fit the signature, as Python says it.
        """
        try:
            bound = self._signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{self._action}(): {error}") from None
        plain: list[Plain] = []
        for parameter in self._positional:
            given = bound.get(parameter.name, UNDEFINED)
            plain.append(self._unstructure_one(parameter, given))
        if self._rest is not None:
            rest = bound.get(self._rest.name, ())
            plain += [self._unstructure_one(self._rest, value) for value in rest]
        named = {
            wire: self._unstructure_one(parameter, bound[parameter.name])
            for wire, parameter in self._named.items()
            if parameter.name in bound
        }
        if named:
            return [*plain, named]
        while plain and plain[-1] is UNDEFINED:
            plain.pop()
        return plain

    def _unstructure_one(self, parameter: ParameterSpec, value: Any) -> Plain:
        if value is UNDEFINED:
            return UNDEFINED
        try:
            return parameter.unstructure(value)
        except Mismatch as error:
            name = parameter.name
            raise TypeError(
                f"{self._action}(): argument {name!r}: {error.describe(name)}"
            ) from None


def _structure_one(parameter: ParameterSpec, plain: Plain, index: int) -> Any:
    """One argument, out of the item of that index of the plain arguments."""
    if plain is UNDEFINED:
        if parameter.default is _Kind.empty:
            raise InvalidArguments(
                f"argument {parameter.wire!r} is missing @ {_path(parameter, index)}"
            )
        return parameter.default
    try:
        return parameter.structure(plain)
    except Mismatch as error:
        raise InvalidArguments(
            f"argument {parameter.wire!r}: {error.describe(_path(parameter, index))}"
        ) from error


def _path(parameter: ParameterSpec, index: int) -> str:
    return f"$[{index}].{parameter.wire}" if parameter.kind is _Kind.KEYWORD_ONLY else f"$[{index}]"
