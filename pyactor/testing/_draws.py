"""Choices of a world that Hypothesis makes, so that it can shrink them."""

from __future__ import annotations

from functools import cache
from typing import Any

import hypothesis.strategies as st
from typing_extensions import override

from ._chooser import Chooser


@cache
def up_to(options: int) -> st.SearchStrategy[int]:
    """From 0, the plain answer, to ``options - 1``; made once, since there are so many draws."""
    return st.integers(0, options - 1)


class HypothesisChooser(Chooser):
    """Draws each choice.

    It is asked from within the event loop, where nothing may be raised: what ends a test case
    waits in ``stopped`` until the world stands still.

    Attributes:
        choices: What was answered.
        stopped: What Hypothesis raised, or None.
    """

    def __init__(self, data: Any) -> None:
        self._data = data
        self.choices: list[int] = []
        self.stopped: BaseException | None = None

    @override
    def choose(self, label: str, options: int, /) -> int:
        if self.stopped is not None:
            return 0
        try:
            chosen: int = self._data.draw(up_to(options))
        except BaseException as stop:  # noqa: BLE001 - raised again by the machine
            self.stopped = stop
            return 0
        self.choices.append(chosen)
        return chosen
