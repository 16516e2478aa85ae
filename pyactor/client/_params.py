"""What connections and calls bring along: params given once, or asked for anew each time."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Protocol

from ..errors import GetParamsFailed

if TYPE_CHECKING:
    from ..definition import ActorDefinition
    from ..wire.messages import Plain


class AnyParams(Protocol):
    """Where an attempt or a call gets its params."""

    async def get(self) -> Plain:
        """The params of one attempt or call, as plain values.

        Raises:
            GetParamsFailed: There are none.
        """
        ...


class PlainParams:
    """Params that are plain values already."""

    def __init__(self, given: Plain) -> None:
        self._given = given

    async def get(self) -> Plain:
        return self._given


class ParamsSource:
    """The params of one handle."""

    def __init__(self, definition: ActorDefinition, given: object) -> None:
        """Check them, if they are here already.

        Args:
            definition: The actor's.
            given: Params, None, or a function, sync or async, that returns one of these.

        Raises:
            TypeError: They are not of the declared type.
        """
        self._definition = definition
        self._ask = given if callable(given) else None
        self._fixed = None if callable(given) else definition.unstructure_params(given)

    async def get(self) -> Plain:
        """The params of one attempt or call, as plain values.

        Raises:
            GetParamsFailed: The function raised, or returned what Params is not.
        """
        if self._ask is None:
            return self._fixed
        try:
            given = self._ask()
            if inspect.isawaitable(given):
                given = await given
            return self._definition.unstructure_params(given)
        except Exception as error:
            raise GetParamsFailed(
                f"the function that gives the params of {self._definition.name} failed: "
                f"{type(error).__name__}: {error}"
            ) from error
