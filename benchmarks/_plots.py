"""The curves and the comparison as SVG, with matplotlib, which only this environment has."""

# pyright: reportMissingImports=false
# What it imports is installed for `make bench` only.

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from ._curves import CURVES, slope
from ._report import points_of
from ._servers import BARE, PYACTOR

mpl.use("svg")
# The same results make the same file: no date, no random ids; text stays text.
mpl.rcParams.update({"svg.hashsalt": "pyactor", "svg.fonttype": "none", "font.size": 9})

_NO_DATE = {"Date": None}


def plot_all(document: dict[str, Any], directory: Path) -> None:
    """Write ``curves.svg`` and ``actions.svg``."""
    _plot_curves(document, directory / "curves.svg")
    _plot_actions(document, directory / "actions.svg")


def _plot_curves(document: dict[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.5), layout="constrained")
    for curve, axis in zip(CURVES, axes.flat, strict=False):
        for server, colour in ((PYACTOR, "tab:blue"), (BARE, "tab:gray")):
            points = points_of(document, curve, server)
            if len(points) > 1:
                label = f"{server}, slope {slope(points):.2f}"
                axis.plot(*zip(*points, strict=True), "o-", color=colour, label=label)
        axis.set(xscale="log", yscale="log", xlabel=curve.name, ylabel=curve.cost)
        axis.grid(visible=True, which="major", alpha=0.3)
        _explain(axis)
    _plot_actors(document, axes.flat[len(CURVES)])
    figure.savefig(path, metadata=_NO_DATE)
    plt.close(figure)


def _explain(axis: Any) -> None:
    if axis.lines:
        axis.legend(fontsize=7)


def _plot_actors(document: dict[str, Any], axis: Any) -> None:
    found = sorted((int(number), each) for number, each in document.get("actors", {}).items())
    numbers = [number for number, _ in found]
    for what, colour in (("created", "tab:blue"), ("woken", "tab:green")):
        costs = [each[f"{what}_cpu"] for _, each in found]
        if len(costs) > 1:
            label = f"{what}, slope {slope(list(zip(numbers, costs, strict=True))):.2f}"
            axis.plot(numbers, costs, "o-", color=colour, label=label)
    axis.set(xscale="log", yscale="log", xlabel="actors", ylabel="CPU s for all")
    axis.grid(visible=True, which="major", alpha=0.3)
    _explain(axis)


def _plot_actions(document: dict[str, Any], path: Path) -> None:
    measured = document.get("works", {}).get("actions", {})
    costs = {
        server: [result["cpu"] for result in measured[server]]
        for server in reversed(document["servers"])
        if server in measured
    }
    middles = {server: median(values) for server, values in costs.items()}
    figure, axis = plt.subplots(figsize=(8, 0.4 * len(costs) + 1), layout="constrained")
    errors = [
        [middle - min(costs[server]) for server, middle in middles.items()],
        [max(costs[server]) - middle for server, middle in middles.items()],
    ]
    colours = ["tab:blue" if server.startswith(PYACTOR) else "tab:gray" for server in costs]
    axis.barh(list(middles), list(middles.values()), xerr=errors, color=colours, capsize=2)
    axis.set(xscale="log", xlabel="CPU µs per action, 64 connections (median, least, most)")
    figure.savefig(path, metadata=_NO_DATE)
    plt.close(figure)
