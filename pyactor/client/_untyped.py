"""An actor without its class: names as they are on the wire, and plain values.

Owns what those need who learn at run time what they talk to, such as ``pyactor call``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..wire.values import encode_value
from ._address import ByKey
from ._link import Link
from ._params import PlainParams

if TYPE_CHECKING:
    from ..wire.messages import Plain
    from ._callbacks import Notices
    from ._client import Client


class UntypedActor:
    """One actor, by its name and key. Making one sends nothing."""

    def __init__(
        self,
        client: Client,
        name: str,
        key: tuple[str, ...],
        *,
        params: Plain = None,
        may_create: bool = False,
        input: Plain = None,  # noqa: A002 - as typed handles call it
    ) -> None:
        """Nothing is checked: the host knows the class.

        Args:
            client: The way to the host.
            name: The actor's name.
            key: Its key.
            params: What its connections and calls bring; None for none.
            may_create: Whether the first use creates it.
            input: What ``create_state`` then gets; None for none.
        """
        self._gateway = client._gateway
        packed = None if input is None else encode_value(input, "input")
        self._address = ByKey(name, key, may_create, packed)
        self._params = PlainParams(params)

    async def call(self, action: str, args: list[Plain]) -> Plain:
        """Call an action without a connection (rule C14).

        Raises:
            CallTimedOut: It took too long.
            ActorError: What the host answered, or a failure of the way there.
        """
        return await self._gateway.call(self._address, self._params, action, args, {})

    def link(
        self,
        notices: Notices,
        deliver: Callable[[str, list[Plain]], None],
        missed: Callable[[str, int | None], None],
        ended: Callable[[Exception | None], None],
    ) -> Link:
        """A connection that comes back; not begun yet, and whoever begins it has to close it.

        Args:
            notices: Is told what becomes of it.
            deliver: Takes each event that arrives: its name and its arguments.
            missed: Takes what never will arrive: the event's name and how often, if known.
            ended: Is called once, at the end for good; with its cause, unless ``close`` was.
        """
        return Link(
            self._gateway,
            self._address,
            self._params,
            label=self._address.name,
            declared={},
            options=self._gateway.options,
            notices=notices,
            deliver=deliver,
            missed=missed,
            ended=ended,
        )
