"""A definition whose user code is watched: what ``attrs.evolve`` makes of the real one.

The run time is given this instead of the class's own. Nothing of how it runs user code changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import evolve, field, fields, frozen
from typing_extensions import override

from ..definition import ActionSpec, ActorContext, ActorDefinition, Conn, Connecting, HookSpec
from ..runtime import Instance
from ._observer import Observer
from ._watched import WatchedContext, call

_OF_CONN = frozenset({"on_connect", "on_disconnect"})
_PREFLIGHT = frozenset({"on_before_connect", "create_conn_state"})
_WITH_STATE = frozenset({"on_state_change", "on_wake"})


@frozen
class WatchedDefinition(ActorDefinition):
    """The definition of a class whose instances an observer watches."""

    observer: Observer = field(kw_only=True, eq=False, repr=False)

    @override
    def instantiate(self, context: ActorContext) -> Any:
        assert isinstance(context, Instance)  # what a run time passes
        return super().instantiate(WatchedContext(context, self.observer))


def instrument(definition: ActorDefinition, observer: Observer) -> WatchedDefinition:
    """The same definition, watched."""
    values: dict[str, Any] = {
        str(each.alias): getattr(definition, each.name)
        for each in fields(ActorDefinition)
        if each.init
    }
    watched = {
        id(spec): evolve(spec, function=_watch_action(spec, observer))
        for spec in definition.actions.values()
    }
    values["actions"] = _with(definition.actions, watched)
    values["actions_by_attr"] = _with(definition.actions_by_attr, watched)
    values["hooks"] = MappingProxyType(
        {
            name: evolve(spec, function=_watch_hook(spec, observer))
            for name, spec in definition.hooks.items()
        }
    )
    return WatchedDefinition(**values, observer=observer)


def _with(
    specs: Mapping[str, ActionSpec], watched: Mapping[int, ActionSpec]
) -> Mapping[str, ActionSpec]:
    return MappingProxyType({name: watched[id(spec)] for name, spec in specs.items()})


def _watch_action(spec: ActionSpec, observer: Observer) -> Callable[..., Any]:
    function, name = spec.function, spec.name

    def act(actor: Any, *args: Any, **kwargs: Any) -> Any:
        context = actor._context
        instance: Instance = context.instance
        conn = instance.caller
        who = "" if conn is None else context.watch_conn(conn)
        data: dict[str, Any] = {"attr": spec.attr, "args": _arguments(spec, args, kwargs)}
        if conn is not None:
            data["in_conns"] = conn.id in instance.conns
        run = observer.enter("action", name, who, instance, data, spec)
        return call(observer, run, function, actor, *args, **kwargs)

    return act


def _arguments(spec: ActionSpec, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    try:
        return spec.unstructure_arguments(args, kwargs)
    except Exception:  # noqa: BLE001 - a call that does not fit is the run time's to find
        return None


def _watch_hook(spec: HookSpec, observer: Observer) -> Callable[..., Any]:
    function, name = spec.function, spec.name
    is_preflight, is_of_conn = name in _PREFLIGHT, name in _OF_CONN

    def hook(actor: Any, *args: Any, **kwargs: Any) -> Any:
        context = actor._context
        instance: Instance = context.instance
        data: dict[str, Any] = {}
        conn: Conn[Any, Any] | Connecting[Any] | None
        if is_preflight:
            conn = instance.connecting
        elif is_of_conn:
            conn = args[0]
            data["sees_itself"] = instance.caller is conn
            data["has_state"] = hasattr(conn, "state")
        else:
            conn = instance.caller
        who = "" if conn is None else context.watch_conn(conn)
        if conn is not None:
            data["in_conns"] = conn.id in instance.conns
        if name == "can_subscribe":
            data["event"] = instance.definition.event(args[1]).name
        elif name in _WITH_STATE:
            data["state"] = observer.digest(instance)
        run = observer.enter("hook", name, who, instance, data)
        return call(observer, run, function, actor, *args, **kwargs)

    return hook
