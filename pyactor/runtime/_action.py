"""One action: from the plain arguments of a message to the plain result.

Knows nothing of who calls, nor of when it runs and for how long.
"""

from __future__ import annotations

from typing import Any

from ..definition import ActionSpec, ActorDefinition, HookSpec
from ._call import invoke, is_awaitable


def act(definition: ActorDefinition, actor: Any, spec: ActionSpec, plain_args: list[Any]) -> Any:
    """Run it: its plain result; a coroutine of that where there is something to await.

    Raises:
        InvalidArguments: They do not fit; nothing ran.
        Exception: What the action raised.
    """
    args, kwargs = spec.structure_arguments(plain_args)
    result = spec.function(actor, *args, **kwargs)
    hook = definition.hooks.get("on_before_action_response")
    if hook is not None or is_awaitable(result):
        return _finish(actor, spec, (*args, *kwargs.values()), result, hook)
    return spec.unstructure_result(result)


async def _finish(
    actor: Any, spec: ActionSpec, args: tuple[Any, ...], result: Any, hook: HookSpec | None
) -> Any:
    if is_awaitable(result):
        result = await result
    if hook is not None:
        result = await invoke(hook.function, actor, spec.attr, args, result)
    return spec.unstructure_result(result)
