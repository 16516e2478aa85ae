"""Where tasks stand: the awaits of each, from the outermost to what it waits for in the end.

``task.get_stack`` shows the outermost frame of a task that waits; what one wants to read is the
innermost.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

_MOST_AWAITS = 100
"""Awaits that a coroutine may make on its way out."""
INNER = "_stepped_coroutine"
"""The local variable under which a frame of ours keeps the coroutine that it steps by hand."""


def awaits_of(awaited: Any) -> Iterator[tuple[FrameType, Any]]:
    """The frames of a suspended awaitable, outermost first, each with what it awaits."""
    while awaited is not None:
        if inspect.iscoroutine(awaited):
            frame, awaited = awaited.cr_frame, awaited.cr_await
        elif inspect.isgenerator(awaited):
            frame, awaited = awaited.gi_frame, awaited.gi_yieldfrom
            if frame is not None and INNER in frame.f_locals:
                awaited = frame.f_locals[INNER]
        elif inspect.isasyncgen(awaited):
            frame, awaited = awaited.ag_frame, awaited.ag_await
        else:
            return
        if frame is not None:
            yield frame, awaited


def describe_task(task: asyncio.Task[Any]) -> str:
    """A task's name and its awaits, a line each; our own frames around user code are left out."""
    lines = [f"  task {task.get_name()}"]
    for frame, _ in awaits_of(task.get_coro()):
        if frame.f_globals.get("__package__") != __package__:
            code = frame.f_code
            where = f"{Path(code.co_filename).name}:{frame.f_lineno}"
            lines.append(f"    {where} in {code.co_qualname}")
    return "\n".join(lines)


def throw_away(coroutine: Any) -> None:
    """End a coroutine of a dead process; what its ``finally`` does is nobody's any more."""
    for _ in range(_MOST_AWAITS):
        try:
            coroutine.close()
        except RuntimeError:  # it awaits on its way out: once more, from there
            continue
        except BaseException:  # noqa: BLE001 - as a finalizer would
            return
        return


def describe_waiting(loop: asyncio.AbstractEventLoop) -> str:
    """Every task of a loop that has not ended, oldest first as far as names tell."""
    tasks = sorted(asyncio.all_tasks(loop), key=_age)
    return "\n".join(describe_task(task) for task in tasks) or "  no task is left"


def _age(task: asyncio.Task[Any]) -> tuple[int, str]:
    name = task.get_name()
    return len(name), name
