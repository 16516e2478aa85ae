"""Actions, events and hooks of one class: members as marked -> specs, or what is wrong with them.

Owns the step from a member's annotations to its entry in the table. What needs no types was
checked in the body phase; a member that failed there is passed over in silence here.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import NoneType
from typing import Any

from attrs import frozen

from ._annotations import Scope, hints_of, resolve_type, types_in
from ._arguments import Arguments, ParameterSpec
from ._binding import Binding
from ._case import Rename
from ._choices import Bound
from ._conn import Conn
from ._declaration import Declaration, error_problems
from ._findings import Findings
from ._generics import UNANNOTATED, accepts, awaited, normalise, show, show_def, substitute
from ._hooks import HOOKS
from ._http import Request, Response
from ._kept import KeptArguments
from ._location import Location, location_of
from ._markers import Action, Event
from ._refs import AnyEvent
from ._signatures import action_messages, hook_messages, parameters_of
from ._table import ActionSpec, EventSpec, HookSpec
from ._web_socket import WebSocket

_FIXED: Mapping[str, Any] = {
    "event": AnyEvent,
    "request": Request,
    "response": Response,
    "web_socket": WebSocket,
    "name": str,
    "arguments": tuple[Any, ...],
    "output": Any,
    "verdict": bool,
}
"""The roles whose type is the same for all actors."""


def expected_hook(hook: str, roles: Mapping[str, Any]) -> tuple[list[tuple[str, Any]], Any]:
    """The parameters and the result of a hook, for an actor's type arguments."""
    conn: Any = Conn
    types: dict[str, Any] = {
        **roles,
        **_FIXED,
        "conn": conn[roles.get("conn_state", Any), roles.get("params", Any)],
        "kept": dict[str, Any],
        "version": int,
    }
    rule = HOOKS[hook]
    parameters = [(name, normalise(types.get(role, Any))) for name, role in rule.parameters]
    returns = None if rule.returns is None else types.get(rule.returns, Any)
    return parameters, normalise(returns)


@frozen
class MemberCompiler:
    """Compiles the members of one class.

    Attributes:
        findings: Where mistakes go.
        location: The class statement.
        scope: Where names in annotations are looked up.
        envs: What the type variables of each class above stand for.
        rename: ``wire_case``.
        received: Binds what clients send.
        sent: Binds what the host sends.
        kept: Binds what is kept for later.
    """

    findings: Findings
    location: Location
    scope: Scope
    envs: Mapping[type[Any], Mapping[Any, Any]]
    rename: Rename
    received: Binding
    sent: Binding
    kept: Binding

    def action(self, attr: str, action: Action[Any], owner: type[Any]) -> ActionSpec | None:
        """An action's entry, or None if something is wrong with it."""
        where = self._where(attr, action.function, owner)
        what = f"action {attr!r}"
        if action_messages(action.function):
            return None  # the body phase has told
        hints = self._hints(action.function, owner, where, what)
        if hints is None:
            return None
        written = parameters_of(action.function) or []
        parameters: list[ParameterSpec] = []
        for each in written:
            bound = self.bind(
                self.received, hints[each.name], where, f"{what}: parameter {each.name!r}"
            )
            if bound is not None:
                parameters.append(
                    ParameterSpec(
                        each.name,
                        self.rename(each.name),
                        bound.type,
                        each.kind,
                        each.default,
                        bound.structure,
                        bound.unstructure,
                    )
                )
        self._check_parameter_names(parameters, where, what)
        result = self.bind(self.sent, hints["return"], where, f"{what}: its result")
        if result is None or len(parameters) != len(written):
            return None
        signature = inspect.signature(action.function).replace(parameters=written)
        return ActionSpec(
            name=action.name or self.rename(attr),
            attr=attr,
            function=action.function,
            is_async=action.is_async,
            timeout=action.timeout,
            parameters=tuple(parameters),
            returns=result.type,
            raises=() if error_problems(action.raises, "raises") else action.raises,
            location=where,
            arguments=Arguments(attr, signature, parameters),
            kept=KeptArguments(
                attr, signature, {each.name: self.kept.bind(each.type) for each in parameters}
            ),
            result=result,
        )

    def _check_parameter_names(
        self, parameters: list[ParameterSpec], where: Location, what: str
    ) -> None:
        names: dict[str, str] = {}
        for each in parameters:
            other = names.setdefault(each.wire, each.name)
            if other != each.name:
                self.findings.problems.append(
                    where.problem(
                        f"{what}: parameters {other!r} and {each.name!r} are both {each.wire!r} "
                        "on the wire; rename one of them"
                    )
                )

    def event(self, attr: str, event: Event[Any], owner: type[Any]) -> EventSpec | None:
        """An event's entry, or None if something is wrong with it."""
        what = f"event {attr!r}"
        if event.payload is None:
            return None  # the body phase has told
        with self.findings.at(event.location, what):
            written = resolve_type(event.payload, owner.__module__, self.scope_of(owner))
            payload = substitute(written, self.envs.get(owner, {}))
            bound = self.bind(self.sent, payload, event.location, f"{what}: its payload")
            if bound is not None:
                name = event.name or self.rename(attr)
                carried = None if bound.type is NoneType else bound
                return EventSpec(
                    name, attr, bound.type, event.location, carried, replay=event.replay or 0
                )
        return None

    def hook(
        self, name: str, function: Any, owner: type[Any], roles: Mapping[str, Any]
    ) -> HookSpec:
        """A hook's entry."""
        where = self._where(name, function, owner)
        is_async = inspect.iscoroutinefunction(function)
        if not hook_messages(name, function):  # else the body phase has told
            what = f"hook {name!r}"
            hints = self._hints(function, owner, where, what)
            if hints is not None:
                self._check_hook(name, function, hints, roles, where)
        return HookSpec(name, function, is_async, where)

    def _check_hook(
        self,
        name: str,
        function: Any,
        hints: Mapping[str, Any],
        roles: Mapping[str, Any],
        where: Location,
    ) -> None:
        """A hook's parameters and result against the type arguments of the actor."""
        parameters, returns = expected_hook(name, roles)
        got = [
            (each.name, hints.get(each.name, UNANNOTATED)) for each in parameters_of(function) or []
        ]
        got_returns = hints.get("return", UNANNOTATED)
        why = next(
            (
                f"{parameter} is {show(tp)}"
                for (parameter, tp), (_, got_tp) in zip(parameters, got, strict=False)
                if not accepts(got_tp, tp)
            ),
            None if accepts(returns, awaited(got_returns)) else f"it returns {show(returns)}",
        )
        if why is not None:
            is_async = inspect.iscoroutinefunction(function)
            self.findings.problems.append(
                where.problem(
                    f"hook {name!r}: {why}",
                    expected=show_def(name, parameters, returns, is_async=False),
                    got=show_def(name, got, got_returns, is_async=is_async),
                )
            )

    def _hints(
        self, function: Any, owner: type[Any], where: Location, what: str
    ) -> dict[str, Any] | None:
        with self.findings.at(where, what):
            env = self.envs.get(owner, {})
            resolved = hints_of(function, self.scope_of(owner))
            return {name: substitute(tp, env) for name, tp in resolved.items()}
        return None  # the findings say why

    def _where(self, attr: str, function: Any, owner: type[Any]) -> Location:
        declaration: Declaration | None = vars(owner).get("__pyactor__")
        lines = {} if declaration is None else declaration.lines
        return location_of(function, lines.get(attr)) or self.location

    def bind(self, binding: Binding, tp: Any, where: Location, what: str) -> Bound | None:
        """A type, bound; None if the findings say why not."""
        with self.findings.at(where, what):
            return binding.bind(tp)
        return None

    def scope_of(self, owner: type[Any]) -> Scope:
        """Where names in the annotations of one class above are looked up."""
        return self.scope.with_names({**types_in(vars(owner)), owner.__name__: owner})
