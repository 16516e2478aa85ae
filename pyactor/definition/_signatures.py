"""Checks of one method's signature that need no types: pure, method -> messages."""

from __future__ import annotations

import inspect
from typing import Any

from ._hooks import HOOKS

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_UNANNOTATED = inspect.Parameter.empty


def parameters_of(function: Any) -> list[inspect.Parameter] | None:
    """The parameters besides self, or None where there is no self to take."""
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind not in _POSITIONAL:
        return None
    return parameters[1:]


def action_messages(function: Any) -> list[str]:
    """What is wrong with an action's signature."""
    if _is_generator(function):
        return ["it is a generator; return a list, or send an event for each item"]
    parameters = parameters_of(function)
    if parameters is None:
        return ["it takes no self"]
    messages = []
    kinds = {each.kind for each in parameters}
    for each in parameters:
        if each.kind is each.VAR_KEYWORD:
            messages.append(f"**{each.name} cannot be checked; name each parameter")
            continue
        if each.annotation is _UNANNOTATED:
            messages.append(f"parameter {each.name!r} has no annotation")
        if each.kind is each.VAR_POSITIONAL and each.KEYWORD_ONLY in kinds:
            messages.append(
                f"*{each.name} and keyword-only parameters exclude each other: both would "
                "follow the positional ones on the wire"
            )
    if inspect.signature(function).return_annotation is _UNANNOTATED:
        messages.append("it has no return annotation; write -> None if it returns nothing")
    return messages


def hook_messages(name: str, function: Any) -> list[str]:
    """What is wrong with a hook's shape; it is called with its arguments by position."""
    if _is_generator(function):
        return ["it is a generator; a hook returns or is awaited"]
    if HOOKS[name].is_sync and inspect.iscoroutinefunction(function):
        return ["it cannot be async: nothing may happen while it runs; write def"]
    parameters = parameters_of(function)
    if parameters is None:
        return ["it takes no self"]
    wanted = len(HOOKS[name].parameters)
    try:
        inspect.Signature(parameters).bind(*range(wanted))
    except TypeError:
        arguments = f"{wanted} argument{'s' * (wanted != 1)}"
        return [f"it takes {arguments} besides self, not {len(parameters)}"]
    return []


def init_messages(function: Any) -> list[str]:
    """What is wrong with an actor's ``__init__``; the run time calls it without arguments."""
    if inspect.iscoroutinefunction(function) or _is_generator(function):
        return ["it is not awaited; do async work in on_create or on_wake"]
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return ["the run time calls it without arguments; take Input in create_state instead"]
    return []


def _is_generator(function: Any) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
