"""The rules C1-C16 and A1-A7, held against a trace.

Owns the order of judgement: each new step is shown to every checker, then entered in the book; and
while nothing can happen before the time goes on, each is asked for what is due. What a checker
knows was seen from outside of the code under test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from attrs import frozen
from typing_extensions import override

from ..definition import ActorDefinition
from ..session import RULES
from ._book import Book
from ._breach import Breach, Checker
from ._rules_actor import LifeChecker, ScheduleChecker, StateChecker
from ._rules_ends import EndChecker
from ._rules_hooks import HookChecker
from ._rules_messages import RequestChecker, SendChecker, StatelessChecker
from ._trace import Step, Trace, What

PROOFS: Mapping[str, str] = MappingProxyType(
    {
        "C1": "each hook enters once, in order, after the one before it has ended; Init, actions",
        "C2": "after a failed hook: no later hook, its error and close frame, nobody else ends",
        "C3": "what conns shows as each hook enters; joined, left; ghosts once nothing can run",
        "C4": "on_disconnect enters once after on_connect returned, never without, never beside",
        "C5": "actions enter after on_connect and before left; what was held enters",
        "C6": "requests that arrived against actions that enter and answers that are sent",
        "C7": "an end that comes while a hook runs: no Init, no further hook, first cause's words",
        "C8": "errors as sent against errors as raised by user code",
        "C9": "disconnect(): left and close frame as it returns; its awaits end when all is over",
        "C10": "deferred callbacks enter last in, first out, once it is gone, and all of them do",
        "C11": "a run past its timeout is cancelled then; its error is told; no ghost, no answer",
        "C12": "what was deferred still runs after on_disconnect or a callback raised",
        "C13": "each send and broadcast against the events sent before the next thing happens",
        "C14": "an HTTP call is answered once its whole life is over, with its action's outcome",
        "C15": "1001 on sleep, destroy and shutdown, within the grace period; nothing new begins",
        "C16": "backlog as each message is sent, and held messages, against their bounds",
        "A1": "no instance loads, and no user code enters, beside or after another life of its key",
        "A2": "creation hooks and the commit with its schedules before on_wake, ready and answers",
        "A3": "time since the last activity as it falls asleep, and while it does not",
        "A4": "each snapshot against the state in memory; what is kept at save, sleep, crash, wake",
        "A5": "schedules as committed against scheduled actions that enter, and when",
        "A6": "nothing is kept of a destroyed actor, and its id never comes again",
        "A7": "the state as on_state_change enters and leaves, and as answers are sent",
    }
)
"""Which observation proves each rule."""

_NO_RULE = "No exception may come to the event loop: it is a fault of the run time."
_CHECKERS = (
    HookChecker,
    EndChecker,
    RequestChecker,
    SendChecker,
    StatelessChecker,
    LifeChecker,
    StateChecker,
    ScheduleChecker,
)


class RuleBroken(AssertionError):
    """A trace breaks a rule.

    Attributes:
        violation: Which, where, and what was seen.
    """

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.violation = violation


@frozen
class Violation:
    """A rule that a trace breaks.

    Attributes:
        rule: Its number; ``loop`` for an exception that came to the event loop.
        text: The rule in words.
        what: What was seen that it forbids, or not seen that it demands.
        step: The index of the last step that was looked at.
    """

    rule: str
    text: str
    what: str
    step: int

    def error(self) -> RuleBroken:
        """It as an exception."""
        return RuleBroken(self)

    @override
    def __str__(self) -> str:
        return f"{self.rule} is broken: {self.what}\n{self.rule}: {self.text}"


class Rules:
    """All rules over one trace that grows. Each step is looked at once."""

    def __init__(self, trace: Trace, definitions: Mapping[str, ActorDefinition]) -> None:
        """Begin at the first step.

        Args:
            trace: It may grow, and must not change otherwise.
            definitions: The classes of the world by the names of their actors, the one that the
                world is for first.
        """
        self._trace = trace
        self._book = Book(definitions)
        self._checkers: list[Checker] = [each(self._book) for each in _CHECKERS]
        self._looks: dict[What, list[Callable[[int, Step], None]]] = {}
        for checker in self._checkers:
            for what, look in checker.looks().items():
                self._looks.setdefault(what, []).append(look)
        self._next = 0
        self._found: Violation | None = None

    def check(self, now: float | None = None, *, is_settled: bool) -> Violation | None:
        """Look at the steps that are new.

        Args:
            now: The virtual time; that of the last step by default.
            is_settled: Whether nothing can happen before the time goes on, so that what is due
                must have happened.

        Returns:
            The first violation there ever was, or None.
        """
        if self._found is not None:
            return self._found
        try:
            self._look_at_steps()
            if is_settled:
                self._book.now = max(self._book.now, now or 0.0)
                for checker in self._checkers:
                    checker.due()
        except Breach as breach:
            text = RULES.get(breach.rule, _NO_RULE)
            self._found = Violation(breach.rule, text, breach.what, self._next)
        return self._found

    def _look_at_steps(self) -> None:
        steps, book, looks = self._trace.steps, self._book, self._looks
        while self._next < len(steps):
            index, step = self._next, steps[self._next]
            if step.what is What.LOOP_FAULT:
                raise Breach("loop", step.data["error"])
            for look in looks.get(step.what, ()):
                look(index, step)
            book.enter(index, step)
            self._next += 1


def check(
    trace: Trace, definitions: Mapping[str, ActorDefinition], *, is_settled: bool = True
) -> Violation | None:
    """The first rule that a trace breaks, or None. See ``Rules``."""
    return Rules(trace, definitions).check(is_settled=is_settled)
