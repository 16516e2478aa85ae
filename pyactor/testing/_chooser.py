"""Where every choice of a simulated world comes from.

Owns the word for a choice and its plain sources. Whoever asks says what for, and 0 is always the
plain answer: nothing late, nothing lost, in the order in which things were begun. So a run that is
shrunk towards zeros is shrunk towards an ordinary day.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override


class Chooser(Protocol):
    """Decides, one choice at a time. The same answers give the same run, byte for byte."""

    def choose(self, label: str, options: int, /) -> int:
        """One choice.

        Args:
            label: What for, for whoever reads a transcript: ``"timers"``, ``"delivery"``.
            options: How many answers there are, at least 2.

        Returns:
            A number from 0, the plain answer, to ``options - 1``.
        """
        ...


class PlainChooser(Chooser):
    """Always the plain answer."""

    @override
    def choose(self, label: str, options: int, /) -> int:
        return 0


class FixedChooser(Chooser):
    """Answers from a list, and plainly once it is used up: how a run is replayed."""

    def __init__(self, choices: Sequence[int]) -> None:
        self._choices = iter(choices)

    @override
    def choose(self, label: str, options: int, /) -> int:
        return min(next(self._choices, 0), options - 1)


class SeededChooser(Chooser):
    """Answers that a seed decides; each answer is as likely as the others.

    Attributes:
        choices: What was answered so far: ``FixedChooser(choices)`` answers the same.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret hangs on it
        self.choices: list[int] = []

    @override
    def choose(self, label: str, options: int, /) -> int:
        chosen = self._random.randrange(options)
        self.choices.append(chosen)
        return chosen


def happens(chooser: Chooser, label: str, one_in: int) -> bool:
    """Whether something happens that does so once in ``one_in`` times; never if that is 0.

    The chance is the same for each of the answers but the plain one, 0: a fault is not to hide
    behind one number, where a search that tries small numbers first does not come.
    """
    if one_in <= 0:
        return False
    return one_in == 1 or chooser.choose(label, one_in) == 1
