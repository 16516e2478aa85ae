"""The arguments of a call that is kept for later: Python call <-> plain values by name.

The names are those of the parameters and attributes in Python, whatever ``wire_case`` says, so
that a class may change how clients see it without harm to what it has scheduled.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidArguments
from ..plain import Plain
from ._choices import Bound
from ._mismatch import Mismatch, expected

_REST = inspect.Parameter.VAR_POSITIONAL


class KeptArguments:
    """Carries the arguments of one action into storage and back.

    Args:
        action: The action's name in Python, for messages.
        signature: Its signature without self.
        bound: The type of each parameter, by name.
    """

    def __init__(
        self, action: str, signature: inspect.Signature, bound: Mapping[str, Bound]
    ) -> None:
        self._action = action
        self._signature = signature
        self._bound = bound

    def unstructure(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Plain]:
        """The plain arguments of a Python call; what was left to its default is left out.

        Raises:
            TypeError: They do not fit the signature, as Python says it.
        """
        try:
            given = self._signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{self._action}(): {error}") from None
        return self._carried(given, "unstructure", TypeError)

    def structure(self, kept: Mapping[str, Plain]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the Python call that was kept.

        Raises:
            InvalidArguments: They do not fit the signature any more.
        """
        parameters = self._signature.parameters
        for name in kept:
            if name not in parameters:
                raise InvalidArguments(f"{self._action}() has no argument {name!r} any more")
        for each in parameters.values():
            if each.name not in kept and each.default is each.empty and each.kind is not _REST:
                raise InvalidArguments(f"{self._action}(): argument {each.name!r} is missing")
        typed = self._carried(kept, "structure", InvalidArguments)
        call = inspect.BoundArguments(self._signature, typed)
        return call.args, call.kwargs

    def _carried(
        self, given: Mapping[str, Any], way: str, error: Callable[[str], Exception]
    ) -> dict[str, Any]:
        carried: dict[str, Any] = {}
        for name, value in given.items():
            carry = getattr(self._bound[name], way)
            try:
                if self._signature.parameters[name].kind is not _REST:
                    carried[name] = carry(value)
                elif isinstance(value, (list, tuple)):
                    carried[name] = [carry(each) for each in value]
                else:
                    raise expected("list", value)
            except Mismatch as mismatch:
                raise error(
                    f"{self._action}(): argument {name!r}: {mismatch.describe(name)}"
                ) from None
        return carried
