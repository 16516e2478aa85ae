"""How a task of pyactor's own begins: always in a later turn of the loop.

Whoever starts one relies on that: it notes the task first, and is not interrupted by what runs in
it. A loop's task factory may have it otherwise, as ``asyncio.eager_task_factory`` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

_R = TypeVar("_R")


def start_task(
    coroutine: Coroutine[Any, Any, _R], *, context: Context | None = None, name: str | None = None
) -> asyncio.Task[_R]:
    """Run a coroutine in a task of the running loop, whatever the loop's task factory is.

    Args:
        coroutine: What to run.
        context: What it runs in; a copy of the current one without.
        name: That of the task.
    """
    loop = asyncio.get_running_loop()
    return asyncio.Task(coroutine, loop=loop, context=context, name=name)
