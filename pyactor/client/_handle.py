"""References to actors: what ``client.actor(ChatRoom).get(…)`` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from ._address import ById, ByKey
from ._calls import Calls
from ._connection import Connection
from ._types import A_co

if TYPE_CHECKING:
    from ..definition import ActorDefinition
    from ..wire.messages import Plain
    from ._address import Address
    from ._gateway import Gateway


class Handle(Calls[A_co]):
    """A reference to one actor. Making one sends nothing; each call is an HTTP request.

    A call through a handle runs the whole life of a connection of its own (rule C14).
    """

    def __init__(
        self,
        gateway: Gateway,
        definition: ActorDefinition,
        address: Address,
        params: Plain,
        key: tuple[str, ...] | None,
    ) -> None:
        super().__init__(definition)
        self._gateway = gateway
        self._address = address
        self._params = params
        self._key = key

    @property
    def key(self) -> tuple[str, ...] | None:
        """The actor's key; None for a handle that was made from an id."""
        return self._key

    def connect(self) -> Connection[A_co]:
        """A connection to the actor, not open yet: ``async with room.connect() as conn``."""
        return Connection(self._gateway, self._definition, self._address, self._params)

    async def resolve(self) -> str:
        """The actor's id; the actor is created where the handle may create it.

        Raises:
            ActorNotFound: There is no such actor, and this handle does not create it.
            ActorError: What else the host answered, or a failure of the way there.
        """
        return await self._gateway.resolve(self._address)

    @override
    async def _call(self, name: str, args: list[Plain]) -> Plain:
        return await self._gateway.call(
            self._address, self._params, name, args, self._definition.errors
        )

    @override
    def __repr__(self) -> str:
        match self._address:
            case ById(actor_id):
                return f"<Handle of {self._definition.name} {actor_id}>"
            case ByKey(_, key):
                return f"<Handle of {self._definition.name} {key}>"
