"""``python -m benchmarks``: measure, print, write the results; see ``make bench``.

python -m benchmarks                 everything
python -m benchmarks --smoke         a little of everything that needs no other install
python -m benchmarks --report        the tables again, from the results that are there
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

from . import _load, _report, _servers, _works
from ._curves import CURVES
from ._progress import Progress
from ._run import Document, Run, describe
from ._works import WORKS, Settings

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--smoke", action="store_true", help="small, and without peers to install")
    parser.add_argument("--report", action="store_true", help="measure nothing, fill the tables")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--curve-rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="of load, each time")
    parser.add_argument("--minutes", type=float, help="after which nothing new begins")
    parser.add_argument("--server", action="append", help="only this one; repeatable")
    parser.add_argument(
        "--only",
        action="append",
        choices=[*(work.name for work in WORKS), "storage", "curves", "actors"],
        help="only this part; repeatable",
    )
    parser.add_argument("--actors", type=int, default=100_000, help="the most of them")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a directory")
    return parser.parse_args(arguments)


def run_all(options: argparse.Namespace) -> Document:
    """Measure what was asked for; what there is so far is written after each server."""
    servers = _servers.all_servers()
    if options.server:
        servers = {name: servers[name] for name in options.server}
    settings = Settings(options.rounds, options.seconds, *_works.cores())
    document = describe(settings, servers)
    run = Run(
        servers,
        settings,
        document,
        Progress(options.minutes),
        keep=lambda: write(document, options.results),
    )
    asked = options.only or [*(work.name for work in WORKS), "storage", "curves", "actors"]
    numbers = [number for number in (1000, 10_000, 100_000) if number <= options.actors]
    try:
        if "storage" in asked:
            run.storage()
        run.works([work for work in WORKS if work.name in asked])
        if "actors" in asked:
            run.actors(numbers[:2])
        if "curves" in asked:
            run.curves({curve.name: curve.points for curve in CURVES}, options.curve_rounds)
        if "actors" in asked:
            run.actors(numbers[2:])
    except KeyboardInterrupt:
        document.setdefault("cut", {})["the run"] = "interrupted"
    return document


def run_smoke() -> Document:
    """Whether every part still works; no number of it means anything."""
    servers = _servers.smoke_servers()
    settings = Settings(1, 0.05, None, None)
    run = Run(servers, settings, describe(settings, servers))
    works = [_works.smoke(work) for work in WORKS]
    works += [_works.smoke(curve.work(curve.points[1])) for curve in CURVES]
    run.quickly(works)
    run.curves({"connections": (1, 4)}, 1)
    run.storage()
    run.actors([50])
    return run.document


def write(document: Document, directory: Path) -> None:
    """Leave the results and the pictures of them."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_rounded(document), indent=1, ensure_ascii=False)
    new = directory / "results.json.new"
    new.write_text(f"{text}\n", encoding="utf-8")
    new.replace(directory / "results.json")


def _rounded(value: object) -> object:
    """The same with six digits of each number, which is more than was measured."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return value


def draw(document: Document, directory: Path) -> None:
    """Make the pictures."""
    from . import _plots  # noqa: PLC0415 - its library is in the environment of the peers alone

    _plots.plot_all(document, directory)


def main() -> int:
    """Do it."""
    options = options_of()
    if options.report:
        text = (options.results / "results.json").read_text(encoding="utf-8")
        document = json.loads(text)
        draw(document, options.results)
        _report.fill(PAGE, document)
        print(_report.text_of(document))
        return 0
    try:
        _load.compile_load()
    except _load.NoCompilerError as error:
        needed = not options.smoke or os.environ.get("CI")
        print(f"{'error' if needed else 'skipped'}: {error}", file=sys.stderr)
        return 1 if needed else 0
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if options.smoke:
        _report.text_of(run_smoke())
        print("\nbench-smoke: every part works; its numbers mean nothing")
        return 0
    if shutil.which("node") is None:
        print("without Node its three peers are left out", file=sys.stderr)
    # So that an end from outside stops the server that is running, and keeps the results.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    document = run_all(options)
    write(document, options.results)
    draw(document, options.results)
    print(f"\n{_report.text_of(document)}\n\nwritten to {options.results}")
    lost = _report.lost_of_ours(document)
    if lost:
        print("\nno result of pyactor: " + ", ".join(lost), file=sys.stderr)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
