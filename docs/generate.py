"""Draw the tables of the code into the documents of this folder.

A document has pairs of markers; what stands between them is written by this script, from the
same data that the code runs on. With ``--check`` nothing is written: the exit status is 1 if a
document is not what its sources say.

    python docs/generate.py [--check]
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pyactor.definition import HOOKS
from pyactor.definition._generics import show_def
from pyactor.definition._members import expected_hook
from pyactor.runtime._lifecycle import TRANSITIONS, ActorPhase
from pyactor.session._client_transitions import CLIENT_ROWS, ClientPhase
from pyactor.session._rules import RULES
from pyactor.session._transitions import ROWS, TABLE, Guard, Phase, Row, Stage, Take

DOCS = Path(__file__).parent
DOCUMENTS = ("lifecycle.md", "architecture.md")
_BLOCK = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a cell that says what the one above says is left empty in column one."""
    lines = [header, ["---"] * len(header)]
    last = ""
    for first, *rest in rows:
        lines.append(["" if first == last else first, *rest])
        last = first
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def diagram(
    start: str, steps: Iterable[tuple[str, str, str]], notes: Iterable[tuple[str, str]] = ()
) -> str:
    """A mermaid state diagram; steps between the same two states share one arrow.

    Args:
        start: The first state.
        steps: State, label, next state; a step that stays is not drawn.
        notes: State and what runs in it.
    """
    arrows: dict[tuple[str, str], list[str]] = {}
    for state, label, to in steps:
        if state != to:
            labels = arrows.setdefault((state, to), [])
            if label not in labels:
                labels.append(label)
    last = {to for _, to in arrows} - {state for state, _ in arrows}
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start}"]
    lines += [
        f"    {state} --> {to}: {'<br>'.join(labels)}" for (state, to), labels in arrows.items()
    ]
    lines += [f"    {state} --> [*]" for state in sorted(last)]
    lines += [f"    note right of {state}: {text}" for state, text in notes]
    return "\n".join([*lines, "```"])


# ------------------------------------------------------------------ a connection


def _condition(row: Row) -> str:
    return "" if row.when is Guard.ALWAYS else row.when.value


def _stage(stage: Stage) -> str:
    return f"{stage.phase.value}: {stage.running}"


def _arrow(row: Row) -> str:
    """The label of a step in the diagram: with its condition only if that decides the phase."""
    rows = TABLE[row.stage][row.input]
    decides = len({each.to.phase for each in rows}) > 1
    return f"{row.input.label}, {row.when.value}" if decides else row.input.label


def connection_diagram() -> str:
    """The phases of a connection on its host, and what runs in them."""
    steps = [(row.stage.phase.value, _arrow(row), row.to.phase.value) for row in ROWS]
    running = {
        phase.value: (", at times " if phase is Phase.OPEN else ", then ").join(
            stage.running for stage in Stage if stage.phase is phase and stage.running != "nothing"
        )
        for phase in Phase
    }
    return diagram(Phase.PREFLIGHT.value, steps, [(p, r) for p, r in running.items() if r])


def connection_table() -> str:
    """Every legal step of a connection on its host."""
    return table(
        ["stands in: what runs", "input", "if", "goes to", "and", "rules"],
        (
            (
                _stage(row.stage),
                row.input.label,
                _condition(row),
                "" if row.to is row.stage else _stage(row.to),
                "; ".join(
                    [
                        *([row.take.value] if row.take is not Take.NOTHING else []),
                        *(emit.value for emit in row.emit),
                    ]
                ),
                row.rules,
            )
            for row in ROWS
        ),
    )


def client_diagram() -> str:
    """The phases of a connection on its client, over every drop."""
    steps = [(row.phase.name, row.input.value, row.to.name) for row in CLIENT_ROWS]
    return diagram(ClientPhase.IDLE.name, steps)


def client_table() -> str:
    """Every legal step of a connection on its client."""
    return table(
        ["phase, status", "input", "goes to", "and"],
        (
            (
                f"{row.phase.name}, `{row.phase.status}`",
                row.input.value,
                "" if row.to is row.phase else row.to.name,
                "; ".join(
                    [
                        *([row.take.value] if row.take.name != "NOTHING" else []),
                        *(emit.value for emit in row.emit),
                    ]
                ),
            )
            for row in CLIENT_ROWS
        ),
    )


# ------------------------------------------------------------------ an actor


def actor_diagram() -> str:
    """The phases of an actor."""
    steps = [(row.phase.name, row.input.value, row.to.name) for row in TRANSITIONS]
    return diagram(ActorPhase.LOADING.name, steps)


def actor_table() -> str:
    """Every legal step of an actor."""
    return table(
        ["phase", "input", "goes to", "what then runs"],
        ((row.phase.name, row.input.value, row.to.name, row.runs) for row in TRANSITIONS),
    )


# ------------------------------------------------------------------ hooks

_ROLES = {
    "state": type("State", (), {}),
    "conn_state": type("ConnState", (), {}),
    "params": type("Params", (), {}),
    "input": type("Input", (), {}),
}


def hooks() -> str:
    """Every hook as its class declares it, the phase it runs in, and what bounds it."""
    return table(
        ["phase", "hook", "bounded by"],
        (
            (rule.phase, f"`{_signature(name)}`", f"`{rule.timeout}`" if rule.timeout else "")
            for name, rule in HOOKS.items()
        ),
    )


def _signature(name: str) -> str:
    parameters, returns = expected_hook(name, _ROLES)
    return show_def(name, parameters, returns, is_async=False)


# ------------------------------------------------------------------ words, layers


def rules(letter: str) -> str:
    """The rules of one lifecycle, each by its number and name."""
    lines = []
    for number, text in RULES.items():
        if number.startswith(letter):
            name, _, said = text.partition(". ")
            lines.append(f"- **{number} {name}.** {said}")
    return "\n".join(lines)


def layers() -> str:
    """The layers of the import contract, from the top, as a mermaid flowchart."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        each for each in project["tool"]["importlinter"]["contracts"] if each["type"] == "layers"
    )
    lines = ["```mermaid", "flowchart TD"]
    names: list[str] = contract["layers"]
    for number, layer in enumerate(names):
        # In parentheses the contract has a package that need not exist yet.
        packages = re.sub(r"\((\w+)\)", r"\1 (to come)", layer).replace(" | ", " · ")
        lines.append(f'    layer{number}["{packages}"]')
    lines += [f"    layer{number - 1} --> layer{number}" for number in range(1, len(names))]
    return "\n".join([*lines, "```"])


BLOCKS: dict[str, Callable[[], str]] = {
    "connection-diagram": connection_diagram,
    "connection-table": connection_table,
    "connection-rules": lambda: rules("C"),
    "client-diagram": client_diagram,
    "client-table": client_table,
    "actor-diagram": actor_diagram,
    "actor-table": actor_table,
    "actor-rules": lambda: rules("A"),
    "hooks": hooks,
    "layers": layers,
}


def generated(text: str) -> str:
    """The document with every block written anew.

    Raises:
        KeyError: A marker names no block.
    """
    return _BLOCK.sub(
        lambda found: f"{found['begin']}{BLOCKS[found['name']]()}\n{found['end']}", text
    )


def main(arguments: list[str]) -> int:
    """Write or check the documents.

    Returns:
        The exit status: 0, or 1 if ``--check`` found a stale document, or 2 for a wrong call.
    """
    if arguments not in ([], ["--check"]):
        print(f"usage: python docs/generate.py [--check] (got: {' '.join(arguments)})")
        return 2
    stale = []
    for name in DOCUMENTS:
        path = DOCS / name
        text = path.read_text(encoding="utf-8")
        if (new := generated(text)) != text:
            stale.append(name)
            if not arguments:
                path.write_text(new, encoding="utf-8")
    for name in stale:
        print(f"docs/{name}: {'stale; run python docs/generate.py' if arguments else 'written'}")
    return 1 if stale and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
