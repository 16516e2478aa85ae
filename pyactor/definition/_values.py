"""Params and Input: the values that come with a connection or a creation, or are left out."""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any

from attrs import field, frozen

from ..errors import ActorError
from ..plain import UNDEFINED, Plain
from ._choices import Bound
from ._defaults import accepts_none, factory_of, missing_arguments
from ._generics import show
from ._mismatch import Mismatch


@frozen
class OptionalValue:
    """A value that may be absent, if one can be made without arguments.

    Attributes:
        label: ``params`` or ``input``, for messages.
        actor: The actor's name, for messages.
        bound: The type.
        error: What an ill-fitting one raises on the host.
    """

    label: str
    actor: str
    bound: Bound
    error: Callable[[str], ActorError] = field(repr=False)

    def structure(self, plain: Plain) -> Any:
        """The typed value.

        Raises:
            ActorError: Of the class ``error``: it does not fit.
        """
        if plain is UNDEFINED:
            plain = None
        if self.bound.type is NoneType:
            if plain is not None and plain != {}:
                raise self.error(f"{self.actor} takes no {self.label}")
            return None
        if plain is None and not accepts_none(self.bound.type):
            make = factory_of(self.bound.type)
            if make is None:
                raise self.error(self._required())
            return make()
        try:
            return self.bound.structure(plain)
        except Mismatch as error:
            raise self.error(f"{self.label}: {error.describe('$')}") from error

    def unstructure(self, value: Any) -> Plain:
        """The plain value; None stays None where the host can make one.

        Raises:
            TypeError: It is not of the type.
        """
        if value is None and not accepts_none(self.bound.type):
            if factory_of(self.bound.type) is None:
                raise TypeError(self._required())
            return None
        try:
            return self.bound.unstructure(value)
        except Mismatch as error:
            raise TypeError(f"{self.label} of {self.actor}: {error.describe(self.label)}") from None

    def _required(self) -> str:
        missing = ", ".join(missing_arguments(self.bound.type))
        return (
            f"{self.actor} needs {self.label}: {show(self.bound.type)} "
            f"cannot be made without {missing}"
        )
