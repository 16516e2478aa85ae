"""Typed calls of an actor's actions, whatever way they go: ``rpc``, ``call``, ``call_by_name``.

Owns the step between typed and plain values on the client; how a call travels is left to the
handle and the connection.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Generic, NoReturn

from typing_extensions import override

from ._failures import invalid_response
from ._types import A_co, Ps, R

if TYPE_CHECKING:
    from ..definition import ActionRef, ActionSpec, ActorDefinition, NoActor, Ref
    from ..wire.messages import Plain


class Calls(ABC, Generic[A_co]):
    """What can be called on an actor; base of `Handle` and `Connection`."""

    def __init__(self, definition: ActorDefinition) -> None:
        self._definition = definition
        self._rpc: Any = Rpc(self, definition)

    @property
    def rpc(self) -> A_co:
        """The actor's actions: ``await room.rpc.post("hi")``.

        Typed as the actor itself, so that calls are checked, completed and navigable. At run
        time it has the actions and nothing else.
        """
        view: A_co = self._rpc
        return view

    async def call(
        self, action: ActionRef[A_co, Ps, R] | Ref[NoActor], /, *args: Ps.args, **kwargs: Ps.kwargs
    ) -> R:
        """Call an action named through its class: ``await room.call(ChatRoom.post, "hi")``.

        Args:
            action: The action.
            *args: Its arguments, bound by its signature.
            **kwargs: The same, by keyword.

        Raises:
            TypeError: The arguments do not fit, or it is another actor's action.
            ActorError: What the host answered: a declared error as its own class.
        """
        result: R = await self._invoke(self._definition.action(action), args, kwargs)
        return result

    async def call_by_name(self, name: str, /, *args: object, **kwargs: object) -> Any:
        """Call an action by its name, unchecked by type checkers: for dynamic callers.

        Args:
            name: The action's name on the wire, or in Python. A name that the class does not
                have goes to the host as it stands, with plain arguments and a plain result.
            *args: Its arguments.
            **kwargs: The same, by keyword; for an unknown name, one object after the others.

        Raises:
            TypeError: The arguments do not fit.
            ActorError: What the host answered: a declared error as its own class.
        """
        definition = self._definition
        spec = definition.actions.get(name) or definition.actions_by_attr.get(name)
        if spec is not None:
            return await self._invoke(spec, args, kwargs)
        return await self._call(name, [*args, kwargs] if kwargs else [*args])

    async def _invoke(
        self, spec: ActionSpec, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> Any:
        output = await self._call(spec.name, spec.unstructure_arguments(args, kwargs))
        try:
            return spec.structure_result(output)
        except Exception as error:
            raise invalid_response(
                f"action {spec.name!r} answered {output!r}, which is not its result type: {error}"
            ) from error

    @abstractmethod
    async def _call(self, name: str, args: list[Plain]) -> Plain:
        """Send one call and wait for its answer; cancelling that cancels only the wait."""


class Rpc:
    """What ``rpc`` really is: the actor's actions, each as a function."""

    __slots__ = ("_calls", "_definition")

    def __init__(self, calls: Calls[Any], definition: ActorDefinition) -> None:
        self._calls = calls
        self._definition = definition

    def __getattr__(self, attr: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        spec = self._definition.actions_by_attr.get(attr)
        if spec is None:
            self._refuse(attr)
        calls = self._calls

        async def call(*args: object, **kwargs: object) -> Any:
            return await calls._invoke(spec, args, kwargs)

        call.__name__ = call.__qualname__ = attr
        call.__doc__ = spec.function.__doc__
        return call

    @override
    def __dir__(self) -> Iterable[str]:
        return sorted(self._definition.actions_by_attr)

    @override
    def __repr__(self) -> str:
        return f"<actions of {self._definition.name}: {', '.join(dir(self)) or 'none'}>"

    def _refuse(self, attr: str) -> NoReturn:
        kind = "a hook" if attr in self._definition.hooks else "no action"
        raise AttributeError(
            f"{attr!r} is {kind} of {self._definition.name}; clients reach actions only: "
            f"{', '.join(dir(self)) or 'it has none'}"
        )
