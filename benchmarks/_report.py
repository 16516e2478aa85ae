"""What came out, as tables: for the terminal and for docs/performance.md.

Knows the document of results only; nothing is measured here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ._curves import CURVES, TOLERANCE, Curve, slope
from ._goals import GOALS, Verdict, judge
from ._servers import BARE, PYACTOR
from ._works import WORKS, Result, Work

BUSY = 0.85
"""Utilisation of the load generator from which on it may have held a server back."""

Document = dict[str, Any]
ENOUGH_ROUNDS = 5
ENOUGH_SECONDS = 1.0
QUIET = 0.75
"""Load average up to which a machine has little else to do."""
_BLOCK = re.compile(
    r"(?P<begin><!-- measured: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def spread(values: Sequence[float], form: str = ",.1f") -> str:
    """The median, and the smallest and largest in brackets."""
    middle = f"{median(values):{form}}"
    if len(values) < 2:
        return middle
    return f"{middle} ({min(values):{form}} to {max(values):{form}})"


# ------------------------------------------------------------------ goals


def verdicts(document: Document) -> list[Verdict]:
    """All goals, judged."""
    return [judge(goal, document.get("works", {})) for goal in GOALS]


def goals_table(document: Document) -> str:
    """Each goal with its ratio."""
    rows = []
    for verdict in verdicts(document):
        goal = verdict.goal
        wanted = ""
        if goal.limit is not None:
            wanted = f"{'≥' if goal.at_least else '≤'} {goal.limit:g}"
            wanted += "" if goal.stretch is None else f" (hoped for: {goal.stretch:g})"
        measured = spread(verdict.ratios, ".2f") if verdict.ratios else "not measured"
        said = {True: "met", False: "**missed**", None: ""}[verdict.met]
        rows.append((goal.name, goal.text, wanted, measured, said))
    return table(("", "ratio", "goal", "median (least to most)", ""), rows)


# ------------------------------------------------------------------ works


def works_table(document: Document) -> str:
    """CPU per unit: servers down, works across."""
    measured = document.get("works", {})
    works = [work for work in WORKS if work.name in measured and not work.only_actors]
    header = ["server", *(f"{work.title}, {_unit(work)}" for work in works)]
    rows = []
    for server in document["servers"]:
        cells = [_cost(measured[work.name].get(server, ()), work) for work in works]
        rows.append([server, *cells])
    return table(header, rows)


def details_table(document: Document) -> str:
    """Everything else of each measurement: rates, latencies, the load generator."""
    rows = []
    for name, by_server in document.get("works", {}).items():
        for server, rounds in by_server.items():
            if "rate" not in rounds[0]:
                continue
            cells = [
                _spread_of(rounds, "cpu", ",.1f"),
                _spread_of(rounds, "rate", ",.0f"),
                _spread_of(rounds, "p50", ",.0f"),
                _spread_of(rounds, "p99", ",.0f"),
                _utilisation(rounds),
            ]
            rows.append([name, server, *cells])
    return table(
        ("work", "server", "CPU µs", "per second", "p50 µs", "p99 µs", "load generator"), rows
    )


def _spread_of(rounds: Sequence[Result], name: str, form: str) -> str:
    return spread([result[name] for result in rounds], form) if name in rounds[0] else ""


def _unit(work: Work) -> str:
    return "KB each" if work.kind == "idle" else f"CPU µs/{work.unit}"


def _cost(rounds: Sequence[Result], work: Work) -> str:
    if not rounds:
        return ""
    if work.kind == "idle":
        return spread([result["bytes"] / 1000 for result in rounds])
    return spread([result["cpu"] for result in rounds])


def _utilisation(rounds: Sequence[Result]) -> str:
    if "utilisation" not in rounds[0]:
        return ""
    used = median(result["utilisation"] for result in rounds)
    return f"{used:.0%}" + (" **busy**" if used > BUSY else "")


# ------------------------------------------------------------------ curves


def points_of(document: Document, curve: Curve, server: str) -> list[tuple[int, float]]:
    """The medians of a curve, in order; but for those below the resolution of the clock."""
    costs = document.get("curves", {}).get(curve.name, {}).get(server, {})
    middles = ((int(point), median(values)) for point, values in costs.items())
    return sorted((point, cost) for point, cost in middles if cost > 0)


def slopes_table(document: Document) -> str:
    """Each curve with its slope, over all of it and at its end."""
    rows = []
    for curve in CURVES:
        ends: dict[str, float] = {}
        for server in (BARE, PYACTOR):
            points = points_of(document, curve, server)
            if len(points) < 2:
                continue
            end = ends[server] = slope(points[-3:])
            said = "worse than linear" if end > curve.linear + TOLERANCE else ""
            if said and server == PYACTOR and ends.get(BARE, 0) > curve.linear + TOLERANCE:
                said = "the bare server too"
            first, last = points[0], points[-1]
            rows.append(
                (
                    f"{curve.cost} against {curve.name}",
                    server,
                    f"{first[0]:,}: {first[1]:,.1f}",
                    f"{last[0]:,}: {last[1]:,.1f}",
                    f"{slope(points):.2f}",
                    f"{end:.2f}",
                    f"{curve.linear}",
                    said,
                )
            )
    header = ("cost", "server", "first", "last", "slope", "at the end", "linear is", "")
    return table(header, rows)


def actors_table(document: Document) -> str:
    """Creation, sleep and wake of many actors."""
    rows = []
    for number, found in document.get("actors", {}).items():
        count = int(number)
        cells = [f"{count:,}"]
        for what in ("created", "woken"):
            per_second = count / found[f"{what}_seconds"]
            each = found[f"{what}_cpu"] / count * 1e6
            cells += [f"{per_second:,.0f}", f"{each:,.0f}"]
        cells.append(f"{found['warm_mib']:.0f} → {found['woken_mib']:.0f}")
        rows.append(cells)
    header = (
        "actors",
        "created/s",
        "CPU µs each",
        "woken/s",
        "CPU µs each",
        "MiB, all asleep",
    )
    return table(header, rows)


# ------------------------------------------------------------------ documents


def circumstances(document: Document) -> str:
    """Where and how it was measured, and who was left out."""
    machine, settings = document["machine"], document["settings"]
    where = f"{machine['cores']} cores, {machine['cpu']}, {machine['system']}"
    how = f"{settings['rounds']} rounds of {settings['seconds']:g} s"
    before = f"load average before it began: {machine['load_before']:.2f}"
    versions = ", ".join(f"{name} {found}" for name, found in document["versions"].items())
    lines = [f"{where}, Python {machine['python']}; {how}; {before}.", f"Versions: {versions}."]
    lines += [f"Left out: {name}: {why}" for name, why in document.get("missing", {}).items()]
    for work, failed in document.get("failed", {}).items():
        lines += [f"No result: {name}, {work}: {why}" for name, why in failed.items()]
    return "\n\n".join(" ".join(line.split()) for line in lines)


def caution(document: Document) -> str:
    """What speaks against taking the numbers for more than a rehearsal; often nothing."""
    settings, machine = document["settings"], document["machine"]
    reasons = []
    if settings["rounds"] < ENOUGH_ROUNDS:
        reasons.append(f"only {settings['rounds']} rounds")
    if settings["seconds"] < ENOUGH_SECONDS:
        reasons.append(f"only {settings['seconds']:g} s of load each")
    if machine["load_before"] > QUIET:
        reasons.append(f"other work on the machine (load average {machine['load_before']:.1f})")
    if settings["server_core"] is None:
        reasons.append("one core for server and load")
    lines = [f"**A rehearsal, which ranks nothing:** {', '.join(reasons)}."] if reasons else []
    lines += [
        f"Not all of it was measured: {part}, {how_far}."
        for part, how_far in document.get("cut", {}).items()
    ]
    return "\n\n".join(lines)


def missed(document: Document) -> str:
    """The goals that are missed, as a list."""
    lines = []
    for verdict in verdicts(document):
        goal = verdict.goal
        if verdict.met is False:
            wanted = f"{'at least' if goal.at_least else 'at most'} {goal.limit:g}"
            lines.append(f"- {goal.name} is missed: {verdict.ratio:.2f}, {wanted} is the goal.")
    return "\n".join(lines) or "- Of the goals none is missed."


def lost_of_ours(document: Document) -> list[str]:
    """What pyactor should have done in the run, and did not."""
    lost = [name for name in document.get("missing", {}) if name.startswith(PYACTOR)]
    for work, servers in document.get("failed", {}).items():
        lost += [f"{name}: {work}" for name in servers if name.startswith(PYACTOR)]
    return lost


PARTS: dict[str, Callable[[Document], str]] = {
    "circumstances": circumstances,
    "caution": caution,
    "missed": missed,
    "goals": goals_table,
    "works": works_table,
    "details": details_table,
    "slopes": slopes_table,
    "actors": actors_table,
}


def text_of(document: Document) -> str:
    """All tables."""
    return "\n\n".join(part(document) for part in PARTS.values())


def fill(path: Path, document: Document) -> None:
    """Write the tables between the markers of a Markdown file."""
    text = path.read_text(encoding="utf-8")

    def block(match: re.Match[str]) -> str:
        part = PARTS[match["name"]](document)
        return "\n".join(filter(None, (match["begin"].rstrip(), part, match["end"])))

    path.write_text(_BLOCK.sub(block, text), encoding="utf-8")
