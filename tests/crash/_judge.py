"""What is known from outside, and what follows from it: checks, and violations of A1 to A6.

Nothing here waits or reads a clock. No check is a guess about speed: what must have been saved by
now is told by *beats*, answers to immediate saves that were asked for one after the other, so
that a slow machine slows the measure with the measured.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from attrs import Factory, define, frozen

BEATS = 3
"""Answers after which what a process did before is in its storage: it writes in order."""


@define
class Report:
    """Counts checks by rule, and keeps what was violated."""

    log: Path
    checks: Counter[str] = Factory(Counter)
    events: Counter[str] = Factory(Counter)
    violations: list[str] = Factory(list)

    def check(self, rule: str, holds: bool, what: object) -> None:
        """Note one check; ``what`` is only shown if it does not hold."""
        self.checks[rule] += 1
        if not holds:
            self.violations.append(f"{rule}: {what}")
            self.note("violation", rule=rule, detail=str(what))

    def note(self, what: str, **more: object) -> None:
        """Write down what was acknowledged or seen, outside of every process that is killed."""
        self.events[what] += 1
        with self.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"what": what, **more}, default=str) + "\n")


@define
class Beats:
    """How far each process had come with its storage, as its answers show."""

    interval: float
    sent: defaultdict[int, list[float]] = Factory(lambda: defaultdict(list))
    answered: defaultdict[int, list[float]] = Factory(lambda: defaultdict(list))

    def note(self, pid: int, sent: float, answered: float) -> None:
        """A beat of that process; they come one after the other."""
        self.sent[pid].append(sent)
        self.answered[pid].append(answered)

    def wrote(self, pid: int, at: float) -> bool:
        """Whether all that the process had given to its storage by then was kept."""
        return bisect_left(self.sent[pid], at) + BEATS <= len(self.sent[pid])

    def saved(self, pid: int, at: float) -> bool:
        """Whether a state that was changed by then had to be saved: A4's interval was over.

        A save that was on its way then is over with the first beat; the next one begins within
        the interval, and the beats after that wait for it.
        """
        first = bisect_left(self.sent[pid], at)
        if first == len(self.sent[pid]):
            return False
        return self.wrote(pid, self.answered[pid][first] + self.interval)


@frozen
class Seen:
    """One answer: when it was asked for, when it came, and who gave it."""

    sent: float
    came: float
    instance: str


@define
class Instances:
    """A1: of one actor, no instance answers before and after another one does."""

    report: Report
    latest: defaultdict[str, list[Seen]] = Factory(lambda: defaultdict(list))
    first: dict[tuple[str, str], float] = Factory(dict)

    def note(self, name: str, seen: Seen) -> None:
        """Take note of an answer of the actor of that name."""
        began = self.first.setdefault((name, seen.instance), seen.came)
        others = self.latest[name]
        between = [
            other
            for other in others
            if other.instance != seen.instance and began < other.sent and other.came < seen.sent
        ]
        self.report.check("A1", not between, f"{name}: {between} while {seen.instance} lives")
        others.append(seen)
        del others[:-200]


@define
class Promise:
    """A one-shot that somebody asked for.

    Attributes:
        due_at: By the clock that all processes share.
        is_kept: Whether it was acknowledged.
        rings: Who ran it, and when: pid, monotonic time.
    """

    due_at: float
    is_kept: bool = False
    rings: list[tuple[int, float]] = Factory(list)


@define
class Bells:
    """A5, as the file of the witness tells it; A6 too: nothing of a destroyed actor runs.

    Attributes:
        destroyed: When it was acknowledged that an actor is gone.
        downs: When there was no process, by the clock of all: from, to.
        known: Of an actor, when somebody was told of its job, and a time at which that is due.
    """

    report: Report
    beats: Beats
    promises: dict[int, Promise] = Factory(dict)
    destroyed: dict[str, float] = Factory(dict)
    ticks: dict[tuple[str, str], tuple[int, float, int]] = Factory(dict)
    known: dict[str, tuple[float, float]] = Factory(dict)
    downs: list[tuple[float, float]] = Factory(list)

    @property
    def due_while_down(self) -> int:
        """How many one-shots came due while no process served, and ran after that."""
        return sum(
            any(down < promise.due_at < up for down, up in self.downs)
            for promise in self.promises.values()
            if promise.rings
        )

    def take(self, line: dict[str, Any]) -> None:
        """One line of the witness."""
        if line["what"] not in ("ring", "tick"):
            return
        actor_id, at = line["actor_id"], line["at"]
        gone_at = self.destroyed.get(actor_id, math.inf)
        self.report.check("A6", at < gone_at, f"{line} runs, and its actor was destroyed")
        if line["what"] == "ring":
            self._take_ring(line["number"], line["pid"], at, line["clock"])
        else:
            self._take_tick(actor_id, line["job"], line["pid"], at, line["clock"])

    def _take_ring(self, number: int, pid: int, at: float, clock: float) -> None:
        promise = self.promises[number]
        self.report.check("A5 early", clock >= promise.due_at, f"{promise} rings at {clock}")
        for before, then in promise.rings:
            # At least once: a second time only if the end of the first could not be noted.
            may = before != pid and not self.beats.wrote(before, then)
            self.report.check("A5 twice", may, f"{promise} rings again, in {pid} at {at}")
            self.report.note("rung again")
        if not promise.rings and not promise.is_kept:
            self.report.note("rung unacknowledged")
        promise.rings.append((pid, at))

    def _take_tick(self, actor_id: str, job: str, pid: int, at: float, clock: float) -> None:
        """A job runs at most once between two of its due times."""
        known_at, due_at = self.known.get(actor_id, (math.inf, 0.0))
        if job == "minute":
            turn = int(clock // 60)
        elif known_at < at:
            turn = math.floor(clock - due_at)
        else:
            return  # nobody had been told by then when it is due
        before, then, last = self.ticks.get((actor_id, job), (0, 0.0, -1))
        again = turn == last and before != pid and not self.beats.wrote(before, then)
        self.report.check(
            "A5 jobs", turn > last or again, f"{job} of {actor_id}: turn {turn} after {last}"
        )
        self.ticks[actor_id, job] = pid, at, turn
