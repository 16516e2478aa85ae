"""The table phase: an actor class -> its frozen definition, or what is wrong with its types.

A name that does not exist yet is no mistake here; it is reported apart, and the metaclass tries
again at first use. What concerns one member is in ``_members``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType, NoneType
from typing import Any, TypeVar

from attrs import frozen
from typing_extensions import get_original_bases

from ..errors import InvalidInput, InvalidParams, Problem, UserError
from ._annotations import BadAnnotation, Scope, Unresolved, attribute_types, resolve_type
from ._binding import Binding
from ._case import CASES, keep
from ._declaration import Declaration
from ._defaults import factory_of, missing_arguments, shared_defaults
from ._findings import Findings
from ._generics import environments, has_type_variables, show, show_def
from ._hooks import HOOKS
from ._location import class_location
from ._markers import Action, Event, is_hook
from ._members import MemberCompiler, expected_hook
from ._table import ActionSpec, ActorDefinition, EventSpec, HookSpec
from ._values import OptionalValue

_LABELS = {"state": "State", "conn_state": "ConnState", "params": "Params", "input": "Input"}


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
    unresolved: tuple[Problem, ...]


def compile_actor(cls: type[Any]) -> Compiled:
    """Make the definition of a class that is not abstract."""
    compiler = _Compiler(cls)
    definition = compiler.compile()
    findings = compiler.findings
    is_whole = not (findings.problems or findings.unresolved)
    return Compiled(
        definition if is_whole else None, tuple(findings.problems), tuple(findings.unresolved)
    )


def default_problems(cls: type[Any]) -> list[Problem]:
    """Defaults of State, ConnState, Params and Input that all their values would share.

    Looks at what is known: an abstract class may still leave some of the types open.
    """
    compiler = _Compiler(cls)
    compiler.check_defaults(compiler.role_types())
    return compiler.findings.problems


def is_actor(cls: type[Any]) -> bool:
    """Whether a class inherits Actor, and not ActorContract alone."""
    return any("state" in roles for _, roles in _roots_of(cls))


def is_root(cls: type[Any]) -> bool:
    """Whether a class is Actor or ActorContract itself."""
    return "__pyactor_roles__" in vars(cls)


def _roots_of(cls: type[Any]) -> Iterator[tuple[type[Any], tuple[str, ...]]]:
    """Actor and ActorContract above a class, with what their type variables are for, in order."""
    for owner in cls.__mro__:
        if is_root(owner):
            yield owner, vars(owner)["__pyactor_roles__"]


class _Compiler:
    """One run over one class."""

    def __init__(self, cls: type[Any]) -> None:
        declaration: Declaration = vars(cls)["__pyactor__"]
        keywords = declaration.keywords
        rename = CASES[keywords.wire_case]
        # Attrs classes of a local base are looked up where that base stands.
        scope = Scope(
            tuple(
                frame
                for owner in cls.__mro__
                if "__pyactor__" in vars(owner)
                for frame in vars(owner)["__pyactor__"].scope.frames
            )
        )
        self.findings = Findings()
        self._cls = cls
        self._keywords = keywords
        self._location = declaration.location
        self._kept = Binding(
            keep,
            scope,
            refuses_unknown=keywords.options.unknown_state_fields == "refuse",
            keeps_all=True,
        )
        self._members = MemberCompiler(
            self.findings,
            declaration.location,
            scope,
            environments(cls),
            rename,
            received=Binding(rename, scope, refuses_unknown=True),
            sent=Binding(rename, scope, refuses_unknown=False),
            kept=Binding(keep, scope, refuses_unknown=False),
        )

    def compile(self) -> ActorDefinition | None:
        """The definition; complete only if there are no findings."""
        roles = self._closed(self.role_types())
        actions: dict[str, ActionSpec] = {}
        events: dict[str, EventSpec] = {}
        hooks: dict[str, HookSpec] = {}
        for attr, value, owner in self._declared():
            if isinstance(value, Action):
                self._add(actions, "action", self._members.action(attr, value, owner))
            elif isinstance(value, Event):
                self._add(events, "event", self._members.event(attr, value, owner))
            else:
                hooks[attr] = self._members.hook(attr, value, owner, roles)
        self._check_makers(roles, hooks)
        self._check_migration(hooks)
        self.check_defaults(roles)
        errors = self._errors(actions.values())
        state, params, given = (
            self._members.bind(binding, roles.get(role, NoneType), self._location, _LABELS[role])
            for role, binding in (
                ("state", self._kept),
                ("params", self._members.received),
                ("input", self._members.received),
            )
        )
        if state is None or params is None or given is None:
            return None
        name = self._keywords.name
        return ActorDefinition(
            name=name,
            cls=self._cls,
            state=state.type,
            conn_state=roles.get("conn_state", NoneType),
            params=params.type,
            input=given.type,
            options=self._keywords.options,
            wire_case=self._keywords.wire_case,
            location=self._location,
            actions=MappingProxyType(actions),
            actions_by_attr=MappingProxyType({each.attr: each for each in actions.values()}),
            events=MappingProxyType(events),
            events_by_attr=MappingProxyType({each.attr: each for each in events.values()}),
            hooks=MappingProxyType(hooks),
            errors=MappingProxyType(errors),
            state_version=self._keywords.state_version,
            state_may_nest=self._kept.may_nest,
            state_has_sets=self._kept.has_sets,
            bound_state=state,
            bound_params=OptionalValue("params", name, params, InvalidParams),
            bound_input=OptionalValue("input", name, given, InvalidInput),
        )

    # -------------------------------------------------------------- the type arguments

    def role_types(self) -> dict[str, Any]:
        """State, ConnState, Params and Input, as far as their names exist."""
        types: dict[str, Any] = {}
        for root, roles in _roots_of(self._cls):
            for role, variable in zip(roles, _parameters(root), strict=True):
                with self.findings.at(self._location, _LABELS[role]):
                    types[role] = self._resolved(self._members.envs[root][variable])
                    self._check_agreement(root, role, variable)
        return types

    def _check_agreement(self, root: type[Any], role: str, variable: Any) -> None:
        """A contract and the ``Actor[...]`` beside it name the same Params and Input."""
        sides: dict[Any, str] = {}
        for base in get_original_bases(self._cls):
            env = environments(base).get(root)
            if env is not None:
                sides.setdefault(self._resolved(env[variable]), show(base))
        if len(sides) > 1:
            told = " and ".join(f"{show(tp)} in {base}" for tp, base in sides.items())
            self._problem(f"its bases disagree about {_LABELS[role]}: {told}")

    def _resolved(self, tp: Any) -> Any:
        if isinstance(tp, TypeVar):
            return tp
        return resolve_type(tp, self._cls.__module__, self._members.scope_of(self._cls))

    def _closed(self, roles: dict[str, Any]) -> dict[str, Any]:
        """The same without open type variables, of which is told."""
        for role, tp in roles.items():
            if has_type_variables(tp):
                self._problem(
                    f"{_LABELS[role]} is left open: {show(tp)}; give it a type, or declare the "
                    "class abstract=True"
                )
        return {role: Any if has_type_variables(tp) else tp for role, tp in roles.items()}

    def _check_makers(self, roles: Mapping[str, Any], hooks: Mapping[str, HookSpec]) -> None:
        for role, maker in (("state", "create_state"), ("conn_state", "create_conn_state")):
            tp = roles.get(role, NoneType)
            if maker in hooks or factory_of(tp) is not None:
                continue
            missing = ", ".join(missing_arguments(tp))
            parameters, returns = expected_hook(maker, roles)
            self._problem(
                f"define {maker}: {_LABELS[role]} {show(tp)} cannot be made without {missing}",
                expected=show_def(maker, parameters, returns, is_async=False),
            )

    def _check_migration(self, hooks: Mapping[str, HookSpec]) -> None:
        if "migrate_state" in hooks and self._keywords.state_version == 0:
            self.findings.problems.append(
                hooks["migrate_state"].location.problem(
                    "hook 'migrate_state' would never run: nothing is older than state_version 0; "
                    "give the class state_version=1"
                )
            )

    def check_defaults(self, roles: Mapping[str, Any]) -> None:
        """Refuse defaults that all values of a class would share."""
        seen: set[Any] = set()
        for tp in roles.values():
            for cls, attr, default in shared_defaults(tp, self._known_types, seen):
                where = class_location(cls, self._location)
                self.findings.problems.append(
                    where.problem(
                        f"{cls.__name__}.{attr}: the default {default!r} is one object that all "
                        f"instances would share; use Factory({type(default).__name__})"
                    )
                )

    def _known_types(self, cls: type[Any]) -> Mapping[str, Any]:
        try:
            return attribute_types(cls, self._members.scope)
        except (Unresolved, BadAnnotation):
            return {}

    # -------------------------------------------------------------- the members together

    def _declared(self) -> Iterator[tuple[str, Any, type[Any]]]:
        """Each action, event and hook with the class it is from; what is overridden is left out."""
        taken: set[str] = set()
        for owner in self._cls.__mro__:
            if is_root(owner):
                continue
            for attr, value in vars(owner).items():
                if attr in taken:
                    continue
                taken.add(attr)
                if isinstance(value, (Action, Event)):
                    self._check_implemented(attr, value, owner)
                    yield attr, value, owner
                elif is_hook(value) and attr in HOOKS:
                    yield attr, value, owner

    def _check_implemented(self, attr: str, value: object, owner: type[Any]) -> None:
        is_contract = "__pyactor__" in vars(owner) and not is_actor(owner)
        if isinstance(value, Action) and is_contract and is_actor(self._cls):
            self._problem(
                f"action {attr!r} of the contract {owner.__name__} is not implemented; define it "
                "here under @action"
            )

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

    def _errors(self, actions: Iterable[ActionSpec]) -> dict[tuple[str, str], type[UserError]]:
        """The declared errors by what they are called on the wire."""
        errors: dict[tuple[str, str], type[UserError]] = {}
        declared = [(each, self._location) for each in self._keywords.errors]
        declared += [(each, spec.location) for spec in actions for each in spec.raises]
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

    def _problem(self, message: str, *, expected: str | None = None) -> None:
        self.findings.problems.append(self._location.problem(message, expected=expected))


def _parameters(generic: type[Any]) -> tuple[Any, ...]:
    parameters: tuple[Any, ...] = getattr(generic, "__parameters__", ())
    return parameters
