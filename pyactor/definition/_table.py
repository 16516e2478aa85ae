"""The dispatch table of an actor class: frozen, and all that other packages know of the class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import Factory, field, frozen

from ..errors import UserError
from ..plain import Plain
from ._arguments import Arguments, ParameterSpec
from ._choices import Bound
from ._defaults import factory_of, is_instance
from ._generics import show
from ._kept import KeptArguments
from ._location import Location
from ._mismatch import Mismatch, type_name
from ._options import ActorOptions
from ._refs import ActionRef, EventRef, Ref
from ._unknown import unknown_fields
from ._values import OptionalValue

if TYPE_CHECKING:
    from ._context import ActorContext


@frozen
class ActionSpec:
    """One action.

    Attributes:
        name: Its name on the wire.
        attr: Its name in Python.
        function: The method as written, sync or async; takes the actor first.
        is_async: Whether it was written with ``async def``.
        timeout: Seconds (C11), or None for the actor's ``action_timeout``.
        parameters: Besides self, in order.
        returns: The type of its result.
        raises: The errors that it declares besides the class's.
        location: Where it was written.
        title: Its name in messages.
    """

    name: str
    attr: str
    function: Callable[..., Any]
    is_async: bool
    timeout: float | None
    parameters: tuple[ParameterSpec, ...]
    returns: Any
    raises: tuple[type[UserError], ...]
    location: Location
    title: str = field(
        default=Factory(lambda self: f"action {self.attr!r}", takes_self=True),
        init=False,
        eq=False,
        repr=False,
    )
    _arguments: Arguments = field(alias="arguments", eq=False, repr=False)
    _kept: KeptArguments = field(alias="kept", eq=False, repr=False)
    _result: Bound = field(alias="result", eq=False, repr=False)

    def structure_arguments(self, args: Sequence[Plain]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The positional and keyword arguments that a client's plain ones stand for.

        Raises:
            InvalidArguments: They do not fit.
        """
        return self._arguments.structure(args)

    def unstructure_arguments(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> list[Plain]:
        """The plain arguments of a Python call, bound by the signature.

        Raises:
            TypeError: They do not fit.
        """
        return self._arguments.unstructure(args, kwargs)

    def keep_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Plain]:
        """The arguments of a Python call as they are kept for later: plain, under Python names.

        Raises:
            TypeError: They do not fit.
        """
        return self._kept.unstructure(args, kwargs)

    def restore_arguments(
        self, kept: Mapping[str, Plain]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The positional and keyword arguments that were kept.

        Raises:
            InvalidArguments: They do not fit, as the class is now.
        """
        return self._kept.structure(kept)

    def unstructure_result(self, value: Any) -> Plain:
        """The plain result.

        Raises:
            TypeError: It is not of the declared type.
        """
        return _unstructure(self._result, value, f"result of action {self.attr!r}")

    def structure_result(self, plain: Plain) -> Any:
        """The typed result, on the client.

        Raises:
            TypeError: It is not of the declared type.
        """
        return _structure(self._result, plain, f"result of action {self.attr!r}")


@frozen
class EventSpec:
    """One event.

    Attributes:
        name: Its name on the wire.
        attr: Its name in Python.
        payload: The type of its payload; NoneType where it has none.
        location: Where it was written.
        replay: How many of the last broadcasts are kept (C13); 0 where none are.
    """

    name: str
    attr: str
    payload: Any
    location: Location
    _bound: Bound | None = field(alias="bound", eq=False, repr=False)
    replay: int = field(kw_only=True, default=0)

    def unstructure_payload(self, *payload: Any) -> list[Plain]:
        """The arguments of the event's message: one, or none for ``Event[None]``.

        Raises:
            TypeError: The payload is not of the event's type.
        """
        count = int(self._bound is not None)
        if len(payload) != count:
            raise TypeError(
                f"event {self.attr!r} carries {show(self.payload) if count else 'no payload'}; "
                f"got {len(payload)} values"
            )
        if self._bound is None:
            return []
        return [_unstructure(self._bound, payload[0], f"payload of event {self.attr!r}")]

    def structure_payload(self, args: Sequence[Plain]) -> tuple[Any, ...]:
        """What a callback of the event is called with: one argument or none.

        Raises:
            TypeError: It is not of the event's type.
        """
        if self._bound is None:
            return ()
        if len(args) != 1:
            raise TypeError(f"event {self.attr!r} carries one payload, got {len(args)}")
        return (_structure(self._bound, args[0], f"payload of event {self.attr!r}"),)


@frozen
class HookSpec:
    """One hook that the class overrides.

    Attributes:
        name: Its name.
        function: The method as written, sync or async; takes the actor first.
        is_async: Whether it was written with ``async def``.
        location: Where it was written.
    """

    name: str
    function: Callable[..., Any]
    is_async: bool
    location: Location


@frozen
class ActorDefinition:
    """Everything that an actor class declares.

    Attributes:
        name: The name that clients use.
        cls: The class.
        state: State; NoneType for None, as the three below.
        conn_state: ConnState.
        params: Params.
        input: Input.
        options: Timeouts and limits.
        wire_case: ``"camel"`` or None.
        location: Where the class was written.
        actions: By name on the wire.
        actions_by_attr: By name in Python.
        events: By name on the wire.
        events_by_attr: By name in Python.
        hooks: By name; only those that are overridden.
        errors: The declared errors by (group, code): the class's and every action's.
        state_version: Which form of State this is.
        state_may_nest: Whether a State may be nested to any depth.
        state_has_sets: Whether a State has sets in it.
    """

    name: str
    cls: type[Any]
    state: Any
    conn_state: Any
    params: Any
    input: Any
    options: ActorOptions
    wire_case: str | None
    location: Location
    actions: Mapping[str, ActionSpec]
    actions_by_attr: Mapping[str, ActionSpec]
    events: Mapping[str, EventSpec]
    events_by_attr: Mapping[str, EventSpec]
    hooks: Mapping[str, HookSpec]
    errors: Mapping[tuple[str, str], type[UserError]]
    state_version: int
    state_may_nest: bool
    state_has_sets: bool
    _bound_state: Bound = field(alias="bound_state", eq=False, repr=False)
    _bound_params: OptionalValue = field(alias="bound_params", eq=False, repr=False)
    _bound_input: OptionalValue = field(alias="bound_input", eq=False, repr=False)
    _state_factory: Callable[[], Any] | None = field(
        default=Factory(lambda self: factory_of(self.state), takes_self=True),
        init=False,
        eq=False,
        repr=False,
    )
    _conn_state_factory: Callable[[], Any] | None = field(
        default=Factory(lambda self: factory_of(self.conn_state), takes_self=True),
        init=False,
        eq=False,
        repr=False,
    )

    def structure_params(self, plain: Plain) -> Any:
        """The connection parameters that a client passed; None stands for none.

        Raises:
            InvalidParams: They do not fit.
        """
        return self._bound_params.structure(plain)

    def unstructure_params(self, value: Any) -> Plain:
        """Connection parameters as they travel.

        Raises:
            TypeError: They are not of the type Params.
        """
        return self._bound_params.unstructure(value)

    def structure_input(self, plain: Plain) -> Any:
        """The input of a creation; None stands for none.

        Raises:
            InvalidInput: It does not fit.
        """
        return self._bound_input.structure(plain)

    def unstructure_input(self, value: Any) -> Plain:
        """The input of a creation as it travels.

        Raises:
            TypeError: It is not of the type Input.
        """
        return self._bound_input.unstructure(value)

    def structure_state(self, plain: Plain) -> Any:
        """The state as it was kept, under the attributes' own names.

        Raises:
            TypeError: It is not of the type State.
        """
        return _structure(self._bound_state, plain, f"state of {self.name}")

    def unstructure_state(self, value: Any) -> Plain:
        """The state as it is kept, under the attributes' own names.

        Raises:
            TypeError: It is not of the type State.
        """
        return _unstructure(self._bound_state, value, f"state of {self.name}")

    def unknown_state_fields(self, state: Any) -> Mapping[str, Plain]:
        """What was kept under a structured state's name that State does not have."""
        return unknown_fields(state)

    def make_state(self) -> Any:
        """A fresh ``State()``.

        Raises:
            TypeError: State cannot be made without arguments.
        """
        return _make(self._state_factory, self.state, "create_state")

    def make_conn_state(self) -> Any:
        """A fresh ``ConnState()``.

        Raises:
            TypeError: ConnState cannot be made without arguments.
        """
        return _make(self._conn_state_factory, self.conn_state, "create_conn_state")

    def check_state(self, value: object) -> None:
        """Refuse what ``create_state`` returned if it is no State.

        Raises:
            TypeError: It is none.
        """
        _check("create_state", value, self.state)

    def check_conn_state(self, value: object) -> None:
        """Refuse what ``create_conn_state`` returned if it is no ConnState.

        Raises:
            TypeError: It is none.
        """
        _check("create_conn_state", value, self.conn_state)

    def action(self, ref: ActionRef[Any, ..., Any] | Ref[Any] | str) -> ActionSpec:
        """The action that a ref, or its name in Python, stands for.

        Raises:
            TypeError: It is no action of this actor.
        """
        spec = None
        if isinstance(ref, str):
            spec = self.actions_by_attr.get(ref)
        elif isinstance(ref, ActionRef) and issubclass(self.cls, ref.owner):
            spec = self.actions_by_attr.get(ref.attr)
        if spec is None:
            raise TypeError(_not_of(self, ref, "action", self.actions_by_attr))
        return spec

    def event(self, ref: EventRef[Any, Any, ...] | Ref[Any]) -> EventSpec:
        """The event that a ref stands for.

        Raises:
            TypeError: It is no event of this actor.
        """
        spec = None
        if isinstance(ref, EventRef) and issubclass(self.cls, ref.owner):
            spec = self.events_by_attr.get(ref.attr)
        if spec is None:
            raise TypeError(_not_of(self, ref, "event", self.events_by_attr))
        return spec

    def instantiate(self, context: ActorContext) -> Any:
        """The actor's object: its context is set before the class's own ``__init__`` runs."""
        actor: Any = object.__new__(self.cls)
        actor._context = context
        actor.__init__()
        return actor


def _not_of(definition: ActorDefinition, ref: object, kind: str, known: Mapping[str, Any]) -> str:
    names = ", ".join(known) or "none"
    return f"{ref!r} is no {kind} of {definition.name} ({kind}s: {names})"


def _structure(bound: Bound, plain: Plain, what: str) -> Any:
    try:
        return bound.structure(plain)
    except Mismatch as error:
        raise TypeError(f"{what}: {error.describe('$')}") from error


def _unstructure(bound: Bound, value: Any, what: str) -> Plain:
    try:
        return bound.unstructure(value)
    except Mismatch as error:
        raise TypeError(f"{what}: {error.describe('$')}") from None


def _make(make: Callable[[], Any] | None, tp: Any, hook: str) -> Any:
    if make is None:
        raise TypeError(f"{show(tp)} cannot be made without arguments: {hook} makes it")
    return make()


def _check(hook: str, value: object, tp: Any) -> None:
    if not is_instance(value, tp):
        raise TypeError(f"hook {hook!r} returned {type_name(value)}, expected {show(tp)}")
