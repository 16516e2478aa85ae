"""All actors of one class on a host: ``client.actor(ChatRoom)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, overload

from ..wire.values import encode_value
from ._address import ById, ByKey
from ._handle import Handle
from ._params import ParamsSource
from ._types import A_co, AskParams, I, P

if TYPE_CHECKING:
    from ..definition import ActorContract, ActorDefinition
    from ._gateway import Gateway


class ActorType(Generic[A_co]):
    """Makes handles of one actor class.

    The self-types of its methods choose the overload, so ``params`` and ``input`` are required
    exactly where the actor declares Params and Input.
    """

    def __init__(self, gateway: Gateway, definition: ActorDefinition) -> None:
        self._gateway = gateway
        self._definition = definition

    @overload
    def get_or_create(self: ActorType[ActorContract[None, None]], *key: str) -> Handle[A_co]: ...
    @overload
    def get_or_create(
        self: ActorType[ActorContract[P, None]], *key: str, params: P | AskParams[P]
    ) -> Handle[A_co]: ...
    @overload
    def get_or_create(
        self: ActorType[ActorContract[None, I]], *key: str, input: I
    ) -> Handle[A_co]: ...
    @overload
    def get_or_create(
        self: ActorType[ActorContract[P, I]], *key: str, params: P | AskParams[P], input: I
    ) -> Handle[A_co]: ...
    def get_or_create(self, *key: str, params: Any = None, input: Any = None) -> Any:  # noqa: A002 - the contract
        """A handle of the actor with this key, which its first use creates if need be.

        Args:
            *key: The parts of the key.
            params: What its connections and calls bring, where the actor declares Params; or a
                function, sync or async, that is asked for it with each attempt and call.
            input: What ``create_state`` gets, where the actor declares Input.

        Raises:
            TypeError: A part is no str; params or input is not of the declared type.
        """
        return self._by_key(key, params, may_create=True, packed=self._packed(input))

    @overload
    def get(self: ActorType[ActorContract[None, Any]], *key: str) -> Handle[A_co]: ...
    @overload
    def get(
        self: ActorType[ActorContract[P, Any]], *key: str, params: P | AskParams[P]
    ) -> Handle[A_co]: ...
    def get(self, *key: str, params: Any = None) -> Any:
        """A handle of the actor with this key; its use fails if there is none.

        Args:
            *key: The parts of the key.
            params: What its connections and calls bring, where the actor declares Params; or a
                function, sync or async, that is asked for it with each attempt and call.

        Raises:
            TypeError: A part is no str; params is not of the declared type.
        """
        return self._by_key(key, params, may_create=False, packed=None)

    @overload
    async def create(self: ActorType[ActorContract[None, None]], *key: str) -> Handle[A_co]: ...
    @overload
    async def create(
        self: ActorType[ActorContract[P, None]], *key: str, params: P | AskParams[P]
    ) -> Handle[A_co]: ...
    @overload
    async def create(
        self: ActorType[ActorContract[None, I]], *key: str, input: I
    ) -> Handle[A_co]: ...
    @overload
    async def create(
        self: ActorType[ActorContract[P, I]], *key: str, params: P | AskParams[P], input: I
    ) -> Handle[A_co]: ...
    async def create(self, *key: str, params: Any = None, input: Any = None) -> Any:  # noqa: A002 - the contract
        """Create the actor with this key now, and give a handle of it, by its id.

        Args:
            *key: The parts of the key.
            params: What its connections and calls bring, where the actor declares Params; or a
                function, sync or async, that is asked for it with each attempt and call.
            input: What ``create_state`` gets, where the actor declares Input.

        Raises:
            TypeError: A part is no str; params or input is not of the declared type.
            DuplicateKey: There is such an actor already.
            ActorError: What else the host answered, or a failure of the way there.
        """
        source = ParamsSource(self._definition, params)
        address = self._address(key, may_create=True, packed=self._packed(input))
        actor_id = await self._gateway.create(address)
        return Handle[Any](self._gateway, self._definition, ById(actor_id), source, key)

    @overload
    def get_for_id(self: ActorType[ActorContract[None, Any]], actor_id: str) -> Handle[A_co]: ...
    @overload
    def get_for_id(
        self: ActorType[ActorContract[P, Any]], actor_id: str, *, params: P | AskParams[P]
    ) -> Handle[A_co]: ...
    def get_for_id(self, actor_id: str, *, params: Any = None) -> Any:
        """A handle of the actor with this id; its use fails if there is none.

        Args:
            actor_id: What ``resolve`` or ``actor_id`` gave.
            params: What its connections and calls bring, where the actor declares Params; or a
                function, sync or async, that is asked for it with each attempt and call.

        Raises:
            TypeError: params is not of the declared type.
        """
        source = ParamsSource(self._definition, params)
        return Handle[Any](self._gateway, self._definition, ById(actor_id), source, None)

    def _by_key(
        self, key: tuple[str, ...], params: object, *, may_create: bool, packed: bytes | None
    ) -> Handle[Any]:
        source = ParamsSource(self._definition, params)
        address = self._address(key, may_create=may_create, packed=packed)
        return Handle(self._gateway, self._definition, address, source, key)

    def _address(self, key: tuple[str, ...], *, may_create: bool, packed: bytes | None) -> ByKey:
        for part in key:
            if not isinstance(part, str):
                raise TypeError(
                    f"a key's parts are str, not {type(part).__name__}: "
                    f"{self._definition.name} {key!r}"
                )
        return ByKey(self._definition.name, key, may_create, packed)

    def _packed(self, value: object) -> bytes | None:
        """The input as CBOR, which is its form on the wire in every encoding."""
        plain = self._definition.unstructure_input(value)
        return None if plain is None else encode_value(plain, "input")
