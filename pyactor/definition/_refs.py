"""Actions and events named through their class (``ChatRoom.post``), and ``resolve``.

A ref carries names only. What it stands for is found in an actor's definition.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, overload

from typing_extensions import override

from ._types import A_contra, Ps, R, R_co, T

if TYPE_CHECKING:
    from ._actor import ActorContract


class Ref(Generic[A_contra]):
    """An action or event named through its actor class.

    Contravariant: what ``Base`` declares may stand wherever something of a subclass of ``Base``
    is asked for.

    Attributes:
        owner: The class it was read from.
        attr: Its name in Python.
    """

    __slots__ = ("attr", "owner")

    def __init__(self, owner: type[Any], attr: str) -> None:
        self.owner = owner
        self.attr = attr

    @override
    def __eq__(self, other: object) -> bool:
        """Whether both name the same member: of one class, or of a class and its subclass."""
        if not isinstance(other, Ref):
            return NotImplemented
        return self.attr == other.attr and (
            issubclass(self.owner, other.owner) or issubclass(other.owner, self.owner)
        )

    @override
    def __hash__(self) -> int:
        return hash(self.attr)  # equal refs may have different owners

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.owner.__name__}.{self.attr}>"


class ActionRef(Ref[A_contra], Generic[A_contra, Ps, R_co]):
    """``ChatRoom.post``: an action, with the parameters and the result its callers see."""

    __slots__ = ()

    @property
    def __isabstractmethod__(self) -> bool:
        # abc looks through class access to learn whether an inherited action is still abstract.
        found = inspect.getattr_static(self.owner, self.attr)
        return bool(getattr(found, "__isabstractmethod__", False))


class EventRef(Ref[A_contra], Generic[A_contra, T, Ps]):
    """``ChatRoom.message_posted``: an event with its payload type.

    ``Ps`` is ``[T]``, or ``[]`` for ``Event[None]``. It is there for the checkers' messages:
    with ``*args: Ps.args`` a wrong payload reads 'has incompatible type "int"; expected "User"'
    where a plain ``T`` gives mypy's 'Cannot infer value of type parameter "T"'.
    """

    __slots__ = ()


AnyEvent: TypeAlias = EventRef[Any, Any, ...]
"""An event of whatever actor and payload: what ``can_subscribe`` is asked about."""


class BoundEvent(EventRef[A_contra, T, Ps]):
    """``self.message_posted``: an event of the live actor."""

    __slots__ = ("_actor",)

    def __init__(self, actor: ActorContract[Any, Any], owner: type[Any], attr: str) -> None:
        super().__init__(owner, attr)
        self._actor: Any = actor

    def broadcast(self, *payload: Ps.args, **kw: Ps.kwargs) -> None:
        """Send it to every subscribed connection (C13).

        Args:
            *payload: The payload; nothing for ``Event[None]``.
            **kw: Nothing: a payload is positional.

        Raises:
            TypeError: The payload is not of the event's type.
        """
        self._actor.broadcast(self, *payload, **kw)


def checked_payload(
    event: object, payload: tuple[object, ...], keywords: dict[str, Any]
) -> tuple[EventRef[Any, Any, ...], tuple[object, ...]]:
    """The event and its payload, for ``send`` and ``broadcast``.

    Raises:
        TypeError: It is no event, or the payload came by keyword.
    """
    if not isinstance(event, EventRef):
        raise TypeError(
            f"expected an event such as ChatRoom.message_posted, got {type(event).__name__}"
        )
    if keywords:
        raise TypeError(f"{event!r}: the payload is positional, not {next(iter(keywords))}=")
    return event, payload


@overload
def resolve(value: Awaitable[R], /) -> Coroutine[Any, Any, R]: ...
@overload
def resolve(value: R, /) -> Coroutine[Any, Any, R]: ...
def resolve(value: Any, /) -> Coroutine[Any, Any, Any]:
    """Await a value that may or may not be awaitable.

    A hook may be sync or async: ``await resolve(super().on_connect(conn))``.
    """

    async def resolved() -> Any:
        return await value if inspect.isawaitable(value) else value

    return resolved()
