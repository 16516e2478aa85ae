"""The table phase: an actor class -> its frozen definition, or what is wrong with its types.

A name that does not exist yet is no mistake here; it is reported apart, and the metaclass tries
again at first use.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType, NoneType
from typing import Any

from attrs import define, field, frozen
from typing_extensions import get_original_bases

from ..errors import InvalidInput, InvalidParams, Problem, UserError
from ._annotations import (
    BadAnnotation,
    Scope,
    Unresolved,
    attribute_types,
    hints_of,
    resolve_type,
    types_in,
)
from ._arguments import Arguments, ParameterSpec
from ._binding import Binding
from ._case import CASES, keep
from ._choices import Bound
from ._conn import Conn
from ._declaration import Declaration, error_problems
from ._defaults import factory_of, missing_arguments, shared_defaults
from ._generics import (
    UNANNOTATED,
    accepts,
    awaited,
    environments,
    has_type_variables,
    normalise,
    show,
    show_def,
    substitute,
)
from ._hooks import HOOKS
from ._location import Location, class_location, location_of
from ._markers import Action, Event, is_hook
from ._mismatch import CannotTravel
from ._signatures import action_messages, hook_messages, parameters_of
from ._table import ActionSpec, ActorDefinition, EventSpec, HookSpec
from ._values import OptionalValue

_LABELS = {"state": "State", "conn_state": "ConnState", "params": "Params", "input": "Input"}
_UNRESOLVED = "pyactor needs this type at run time: import or define it outside TYPE_CHECKING"


@frozen
class Compiled:
    """What became of one class.

    Attributes:
        definition: The table, if nothing is wrong and every name exists.
        problems: What is wrong.
        unresolved: The annotations that name what does not exist yet.
    """

    definition: ActorDefinition | None
    problems: tuple[Problem, ...]
    unresolved: tuple[Problem, ...] = ()


def compile_actor(cls: type[Any]) -> Compiled:
    """Make the definition of a class that is not abstract."""
    return _Compiler(cls).compile()


def default_problems(cls: type[Any]) -> list[Problem]:
    """Defaults of State, ConnState, Params and Input that all their values would share.

    Looks at what is known: an abstract class may still leave some of the types open.
    """
    compiler = _Compiler(cls)
    compiler.check_defaults(compiler.role_types())
    return compiler.findings.problems


class _Compiler:
    """One run over one class."""

    def __init__(self, cls: type[Any]) -> None:
        declaration: Declaration = vars(cls)["__pyactor__"]
        self.findings = _Findings()
        self._cls = cls
        self._declaration = declaration
        self._envs = environments(cls)
        self._is_actor = any("state" in roles for _, roles in _roles_of(cls))
        self._rename = rename = CASES[declaration.keywords.wire_case]
        frames = tuple(
            frame
            for owner in cls.__mro__
            if "__pyactor__" in vars(owner)
            for frame in vars(owner)["__pyactor__"].scope.frames
        )
        self._scope = scope = Scope(frames)
        self._received = Binding(rename, scope, refuses_unknown=True)
        self._sent = Binding(rename, scope, refuses_unknown=False)
        self._kept = Binding(keep, scope, refuses_unknown=False, keeps_all=True)

    def compile(self) -> Compiled:
        """Everything, in the order in which it is written."""
        roles = self.role_types()
        for role, tp in roles.items():
            if has_type_variables(tp):
                self._problem(
                    f"{_LABELS[role]} is the open type variable {show(tp)}; give it a type, or "
                    "declare the class abstract=True"
                )
        actions: dict[str, ActionSpec] = {}
        events: dict[str, EventSpec] = {}
        hooks: dict[str, HookSpec] = {}
        for attr, value, owner in self._members():
            if isinstance(value, Action):
                self._add(actions, "action", self._action(attr, value, owner))
            elif isinstance(value, Event):
                self._add(events, "event", self._event(attr, value, owner))
            else:
                hooks[attr] = self._hook(attr, value, owner, roles)
        self._check_makers(roles, hooks)
        self.check_defaults(roles)
        errors = self._errors(actions)
        bound = {
            role: self._bind(
                self._kept if role == "state" else self._received,
                roles.get(role, NoneType),
                self._declaration.location,
                _LABELS[role],
            )
            for role in ("state", "params", "input")
        }
        problems = tuple(self.findings.problems)
        unresolved = tuple(self.findings.unresolved)
        if problems or unresolved:
            return Compiled(None, problems, unresolved)
        return Compiled(self._definition(roles, actions, events, hooks, errors, bound), ())

    def _definition(
        self,
        roles: Mapping[str, Any],
        actions: dict[str, ActionSpec],
        events: dict[str, EventSpec],
        hooks: dict[str, HookSpec],
        errors: dict[tuple[str, str], type[UserError]],
        bound: Mapping[str, Bound | None],
    ) -> ActorDefinition:
        keywords = self._declaration.keywords
        state, params, given = bound["state"], bound["params"], bound["input"]
        assert state is not None  # nothing was wrong
        assert params is not None
        assert given is not None
        return ActorDefinition(
            name=keywords.name,
            cls=self._cls,
            state=roles.get("state", NoneType),
            conn_state=roles.get("conn_state", NoneType),
            params=roles["params"],
            input=roles["input"],
            options=keywords.options,
            wire_case=keywords.wire_case,
            location=self._declaration.location,
            actions=MappingProxyType(actions),
            actions_by_attr=MappingProxyType({each.attr: each for each in actions.values()}),
            events=MappingProxyType(events),
            events_by_attr=MappingProxyType({each.attr: each for each in events.values()}),
            hooks=MappingProxyType(hooks),
            errors=MappingProxyType(errors),
            bound_state=state,
            bound_params=OptionalValue("params", keywords.name, params, InvalidParams),
            bound_input=OptionalValue("input", keywords.name, given, InvalidInput),
        )

    # -------------------------------------------------------------- the class as a whole

    def role_types(self) -> dict[str, Any]:
        """State, ConnState, Params and Input, as far as their names exist."""
        types: dict[str, Any] = {}
        for root, roles in _roles_of(self._cls):
            for role, variable in roles.items():
                with self.findings.at(self._declaration.location, _LABELS[role]):
                    types[role] = self._resolved(self._envs[root][variable])
                    self._check_agreement(root, role, variable)
        return types

    def _check_agreement(self, root: type[Any], role: str, variable: Any) -> None:
        """A contract and ``Actor[...]`` beside it name the same Params and Input."""
        seen: dict[Any, Any] = {}
        for base in get_original_bases(self._cls):
            env = environments(base).get(root) if _is_class(base) else None
            if env is not None:
                seen.setdefault(self._resolved(env[variable]), base)
        if len(seen) > 1:
            sides = " and ".join(f"{show(tp)} in {show(base)}" for tp, base in seen.items())
            self._problem(f"its bases disagree about {_LABELS[role]}: {sides}")

    def _resolved(self, tp: Any) -> Any:
        if isinstance(tp, typing.TypeVar):
            return tp
        return resolve_type(tp, self._cls.__module__, self._scope_of(self._cls))

    def _members(self) -> Iterator[tuple[str, Any, type[Any]]]:
        """Each action, event and hook with the class it is from; overridden ones are not told."""
        taken: set[str] = set()
        is_hidden = False
        for owner in self._cls.__mro__:
            if "__pyactor_roles__" in vars(owner):
                is_hidden = True
                continue
            for attr, value in vars(owner).items():
                if attr in taken:
                    continue
                taken.add(attr)
                if isinstance(value, (Action, Event)):
                    self._check_implemented(attr, value, owner)
                    yield attr, value, owner
                elif is_hook(value) and attr in HOOKS and not is_hidden:
                    yield attr, value, owner

    def _check_implemented(self, attr: str, value: object, owner: type[Any]) -> None:
        is_contract = "__pyactor__" in vars(owner) and not any(
            "state" in roles for _, roles in _roles_of(owner)
        )
        if self._is_actor and is_contract and isinstance(value, Action):
            self._problem(
                f"action {attr!r} of the contract {owner.__name__} is not implemented; define it "
                "here under @action"
            )

    def _check_makers(self, roles: Mapping[str, Any], hooks: Mapping[str, HookSpec]) -> None:
        for role, maker in (("state", "create_state"), ("conn_state", "create_conn_state")):
            tp = roles.get(role, NoneType)
            if maker in hooks or has_type_variables(tp) or factory_of(tp) is not None:
                continue
            missing = ", ".join(missing_arguments(tp))
            parameters, returns = _expected(maker, roles)
            self._problem(
                f"define {maker}: {_LABELS[role]} {show(tp)} cannot be made without {missing}",
                expected=show_def(maker, parameters, returns, False),
            )

    def check_defaults(self, roles: Mapping[str, Any]) -> None:
        """Refuse defaults that all values of a class would share."""
        seen: set[Any] = set()
        for tp in roles.values():
            for cls, attr, default in shared_defaults(tp, self._known_types, seen):
                where = class_location(cls, self._declaration.location)
                self.findings.problems.append(
                    where.problem(
                        f"{cls.__name__}.{attr}: the default {default!r} is one object that all "
                        f"instances would share; use Factory({type(default).__name__})"
                    )
                )

    def _known_types(self, cls: type[Any]) -> Mapping[str, Any]:
        try:
            return attribute_types(cls, self._scope)
        except (Unresolved, BadAnnotation):
            return {}

    def _errors(self, actions: Mapping[str, ActionSpec]) -> dict[tuple[str, str], type[UserError]]:
        """The declared errors by what they are called on the wire."""
        errors: dict[tuple[str, str], type[UserError]] = {}
        declared = [
            (each, self._declaration.location) for each in self._declaration.keywords.errors
        ]
        declared += [(each, spec.location) for spec in actions.values() for each in spec.raises]
        for error, where in declared:
            other = errors.setdefault((error.group, error.code), error)
            if other is not error:
                self.findings.problems.append(
                    where.problem(
                        f"{other.__name__} and {error.__name__} are both "
                        f"'{error.group}.{error.code}'; give one of them another code"
                    )
                )
        return errors

    def _add(self, specs: dict[str, Any], kind: str, spec: Any) -> None:
        if spec is None:
            return
        other = specs.setdefault(spec.name, spec)
        if other is not spec:
            self.findings.problems.append(
                spec.location.problem(
                    f"{kind} {spec.attr!r} is {spec.name!r} on the wire, as {kind} "
                    f"{other.attr!r} of line {other.location.line} is; give one another name="
                )
            )

    def _problem(self, message: str, *, expected: str | None = None) -> None:
        self.findings.problems.append(
            self._declaration.location.problem(message, expected=expected)
        )


def _roles_of(cls: type[Any]) -> Iterator[tuple[type[Any], Mapping[str, Any]]]:
    """The base classes of ours above a class, with what their type variables are for."""
    for owner in cls.__mro__:
        if "__pyactor_roles__" in vars(owner):
            yield owner, vars(owner)["__pyactor_roles__"]


def _is_class(base: Any) -> bool:
    origin = typing.get_origin(base) or base
    return isinstance(origin, type) and origin is not typing.Generic

