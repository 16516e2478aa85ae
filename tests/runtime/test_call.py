"""One run of user code under a timeout, by itself."""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import Any

from pyactor.runtime._call import Call


class _Scope:
    what = "action 'work'"

    def end(self) -> None: ...


def test_code_that_ends_at_once_is_not_late_in_a_loop_that_was_held_up() -> None:
    """Between the start of the timer and the code's first step, others may take their time."""
    reports: list[tuple[object, BaseException | None]] = []

    async def work() -> str:
        return "done"

    async def scenario() -> None:
        scope: Any = _Scope()
        call = Call(
            work(),
            scope,
            contextvars.copy_context(),
            0.001,
            lambda result, error: reports.append((result, error)),
        )
        time.sleep(0.01)  # noqa: ASYNC251 - what holds up the loop, past the timeout
        await asyncio.wait({call.task})
        await asyncio.sleep(0)

    asyncio.run(scenario())
    assert reports == [("done", None)]
