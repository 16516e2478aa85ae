"""What a failed search says: the rule, the shrunk transcript, and a program that shows it again.

Owns the text. It plays a script again only to find the shortest program that fails in the same way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from ..definition import definition_of
from ._script import AnyActor, Expectations, Failure, Player, Script
from ._snippet import Snippet
from ._trace import Trace
from ._transcript import transcript

_INDENT = "    "


class LifecycleFailure(AssertionError):
    """A run breaks a rule or an invariant; the message is the report."""


@frozen
class Report:
    """A failed run.

    Attributes:
        actor: The class.
        others: Classes that it calls.
        expected: What must hold besides the rules.
        script: The run.
        failure: What is wrong with it.
        trace: What happened.
        holder: The test class, if there is one.
    """

    actor: type[AnyActor]
    others: tuple[type[AnyActor], ...]
    expected: Expectations
    script: Script
    failure: Failure
    trace: Trace
    holder: Any = None

    def text(self, saved: Path | None = None) -> str:
        """All of it.

        Args:
            saved: Where the run was written to, if it was.
        """
        return "\n".join(
            [
                self.headline,
                "",
                *_indented(self._rule()),
                "",
                "What happened (virtual seconds; a1 is the first life of the actor):",
                "",
                transcript(self.trace, self.failure.step),
                "",
                "To see it again:",
                "",
                *_indented(self.snippet()),
                "",
                self._about_file(saved),
            ]
        )

    @property
    def headline(self) -> str:
        """The first line."""
        name, rule = definition_of(self.actor).name, self.failure.rule
        match rule:
            case "invariant" | "client invariant":
                client = f" for {self.failure.client}" if self.failure.client else ""
                return f"{name}: the {rule} {self.failure.text} does not hold{client}"
            case "deadlock":
                return f"{name}: a deadlock"
            case "left behind":
                return f"{name}: something is left behind"
            case _:
                return f"{name}: rule {rule} is broken"

    def snippet(self) -> str:
        """A program that plays the run over ``World`` and fails as it did."""
        short = Player(self.actor, self.others, self.script, self.expected)
        try:
            found = short.play_all(checks_each=False)
        finally:
            short.close()
        is_enough = found is not None and found.kind == self.failure.kind
        text = Snippet(self.actor, self.others, self.script, checks_each=not is_enough)
        invariants = self.expected.of(self.failure.rule)
        return text.text(self.failure, invariants, self.holder)

    def _rule(self) -> str:
        failure = self.failure
        if failure.rule in ("invariant", "client invariant"):
            return failure.what
        return f"{failure.rule} {failure.text}\n\nHere: {failure.what}"

    def _about_file(self, saved: Path | None) -> str:
        if saved is None:
            return (
                "PYACTOR_SAVE_TRANSCRIPT=<folder> saves the run, and examples=[<file>] of "
                "lifecycle_test plays it first."
            )
        return f"Saved to {saved}; examples=[{str(saved)!r}] of lifecycle_test plays it first."


def _indented(text: str) -> list[str]:
    return [f"{_INDENT}{line}".rstrip() for line in text.splitlines()]
