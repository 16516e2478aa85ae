"""``@action``, ``@hook`` and ``Event``: they mark what a class body declares.

They check nothing and raise nothing: what is misused becomes a ``Misplaced``, so that every
mistake of a class is told at once, when the class is complete.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from types import FunctionType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Protocol, get_args, overload

from attrs import frozen

from ..errors import UserError
from ._location import Location, calling_location, location_of
from ._refs import ActionRef, BoundEvent, EventRef
from ._types import A, F_co, Ps, R, T

# hook is listed for the checkers' sake: to them it is imported, and exported only by this.
__all__ = ["Action", "ActionDecorator", "Event", "Misplaced", "action", "hook", "is_hook"]

if TYPE_CHECKING:
    # Checkers see PEP 698's override: a hook must exist on the base with a compatible signature,
    # so State, ConnState and Params are checked and a misspelt hook is an error, with no plugin.
    from typing_extensions import override as hook
else:

    def hook(function):
        """Mark a method, sync or async, as the override of a lifecycle hook."""
        if not isinstance(function, FunctionType):
            return Misplaced(
                f"@hook goes on a plain method, directly above def, not on {_describe(function)}",
                location_of(function) or calling_location(),
            )
        function.__override__ = True
        function.__pyactor_hook__ = True
        return function


@frozen
class Misplaced:
    """What a marker gives in place of what it cannot mark."""

    message: str
    location: Location


def is_hook(value: object) -> bool:
    """Whether ``@hook`` marked it."""
    return isinstance(value, FunctionType) and hasattr(value, "__pyactor_hook__")


def _describe(value: object) -> str:
    """``a staticmethod``, ``an action``, ``an event``, ``a class`` ..."""
    if isinstance(value, (Action, Event)):
        return f"an {type(value).__name__.lower()}"
    return "a class" if isinstance(value, type) else f"a {type(value).__name__}"


class Action(Generic[F_co]):
    """A method that clients may call.

    One covariant parameter, the callable that callers see, and not a ParamSpec and a result:
    so pyright accepts an override with more optional arguments. The self-type of ``__get__``
    takes it apart again.

    Attributes:
        function: The method as written.
        attr: Its name in Python.
        name: The wire name that was asked for, taken literally, or None.
        timeout: Seconds (C11), or None for the actor's ``action_timeout``.
        raises: The errors it declares besides the class's.
        is_async: Whether it was written with ``async def``.
    """

    def __init__(
        self,
        function: FunctionType,
        *,
        name: str | None = None,
        timeout: float | None = None,
        raises: tuple[type[UserError], ...] = (),
    ) -> None:
        self.function = function
        self.attr = function.__name__
        self.name = name
        self.timeout = timeout
        self.raises = raises
        self.is_async = inspect.iscoroutinefunction(function)
        self.__doc__ = function.__doc__
        self.__isabstractmethod__ = bool(getattr(function, "__isabstractmethod__", False))

    def __set_name__(self, owner: type[Any], attr: str) -> None:
        self.attr = attr

    @overload
    def __get__(
        self: Action[Callable[Ps, Coroutine[Any, Any, R]]], instance: None, owner: type[A], /
    ) -> ActionRef[A, Ps, R]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None, /) -> F_co: ...
    def __get__(self, instance: Any, owner: Any = None, /) -> Any:
        """On the class a ref; on the live actor the method, which is awaited, sync or not."""
        if instance is None:
            return ActionRef[Any, Any, Any](owner, self.attr)
        method = self.function.__get__(instance)
        if self.is_async:
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            result = method(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        call.__name__ = call.__qualname__ = self.attr
        return call


class ActionDecorator(Protocol):
    """What ``@action(...)`` is: a decorator of sync and async methods alike."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[Any, Ps], Coroutine[Any, Any, R]], /
    ) -> Action[Callable[Ps, Coroutine[Any, Any, R]]]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[Any, Ps], R], /
    ) -> Action[Callable[Ps, Coroutine[Any, Any, R]]]: ...


@overload
def action(
    function: Callable[Concatenate[Any, Ps], Coroutine[Any, Any, R]], /
) -> Action[Callable[Ps, Coroutine[Any, Any, R]]]: ...
@overload
def action(
    function: Callable[Concatenate[Any, Ps], R], /
) -> Action[Callable[Ps, Coroutine[Any, Any, R]]]: ...
@overload
def action(
    *,
    name: str | None = None,
    timeout: float | None = None,
    raises: tuple[type[UserError], ...] = (),
) -> ActionDecorator: ...
def action(function: Any = None, /, **options: Any) -> Any:
    """Expose a method, sync or async, to clients.

    Calling it is awaitable everywhere: from a client and on ``self``.

    Args:
        function: The method, for ``@action`` without parentheses.
        **options: ``name``, the wire name, taken literally (``users.add`` is nested: JavaScript
            calls ``handle.users.add()``); ``timeout`` in seconds (C11); ``raises``, the
            ``UserError`` subclasses that it declares besides the class's.
    """
    if function is None:
        return lambda function: _mark_action(function, options)
    if isinstance(function, str):
        given = function
        return lambda function: Misplaced(
            f"@action takes its name by keyword: @action(name={given!r})",
            location_of(function) or calling_location(),
        )
    return _mark_action(function, options)


def _mark_action(function: Any, options: dict[str, Any]) -> Action[Any] | Misplaced:
    location = location_of(function) or calling_location()
    if not isinstance(function, FunctionType):
        return Misplaced(
            f"@action goes on a plain method, directly above def, not on {_describe(function)}",
            location,
        )
    unknown = options.keys() - {"name", "timeout", "raises"}
    if unknown:
        return Misplaced(
            f"@action has no option {min(unknown)!r}: it takes name, timeout and raises", location
        )
    return Action[Any](function, **options)


class _OfAny:
    """No event has it as its payload; but to a type checker ``Event[Any]`` is one of it, first."""


class Event(Generic[T]):
    """A named broadcast: ``message_posted = Event[Message]()`` in the body of an actor.

    ``Event[None]`` carries no payload.

    Attributes:
        name: The wire name that was asked for, or None.
        replay: How many of the last broadcasts are kept for clients that come back, or None.
        attr: Its name in Python.
        location: Where it was made.
    """

    __orig_class__: Any

    def __init__(self, name: str | None = None, /, *, replay: int | None = None) -> None:
        """Declare it.

        Args:
            name: The wire name, taken literally.
            replay: Keep the last so many broadcasts in memory, of ``max_replay_size`` at most: a
                Python client that lost its connection gets those that it missed, and is told
                where they do not reach back (C13).
        """
        self.name = name
        self.replay = replay
        self.attr = ""
        self.location = calling_location()

    def __set_name__(self, owner: type[Any], attr: str) -> None:
        self.attr = attr

    @property
    def payload(self) -> Any:
        """The payload's type as written, or None where ``Event()`` was written without one."""
        # typing sets __orig_class__ once __init__ is done: there is no earlier moment to look.
        alias = getattr(self, "__orig_class__", None)
        return None if alias is None else get_args(alias)[0]

    @overload
    def __get__(
        self: Event[_OfAny], instance: None, owner: type[A], /
    ) -> EventRef[A, Any, ...]: ...
    @overload
    def __get__(
        self: Event[_OfAny], instance: A, owner: type[A] | None = None, /
    ) -> BoundEvent[A, Any, ...]: ...
    @overload
    def __get__(self: Event[None], instance: None, owner: type[A], /) -> EventRef[A, None, []]: ...
    @overload
    def __get__(
        self: Event[None], instance: A, owner: type[A] | None = None, /
    ) -> BoundEvent[A, None, []]: ...
    @overload
    def __get__(self, instance: None, owner: type[A], /) -> EventRef[A, T, [T]]: ...
    @overload
    def __get__(self, instance: A, owner: type[A] | None = None, /) -> BoundEvent[A, T, [T]]: ...
    def __get__(self, instance: Any, owner: Any = None, /) -> Any:
        """On the class a ref; on the live actor one that can broadcast."""
        if instance is None:
            return EventRef[Any, Any, Any](owner, self.attr)
        return BoundEvent[Any, Any, Any](instance, type(instance), self.attr)
