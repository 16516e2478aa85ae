"""Hunts for one planted fault in a process of its own: ``python hunt.py "NAME" quick``.

Owns the planting and the hunt. Modules of pyactor are loaded from changed sources; no file is
changed, and nothing is left of it when the process ends. Prints what came of it as JSON.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import io
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from importlib.abc import MetaPathFinder
from pathlib import Path
from time import process_time
from types import CodeType, ModuleType
from typing import Any

from typing_extensions import override

HERE = Path(__file__).parent
PACKAGE = HERE.parents[2] / "pyactor"
CATALOGUE = HERE / "catalogue.toml"


# ------------------------------------------------------------------ planting


class Unplanted(Exception):
    """A fault cannot be planted: the code that it changes has changed."""


def mutants() -> dict[str, dict[str, Any]]:
    """The catalogue, by name."""
    with CATALOGUE.open("rb") as file:
        return {each["name"]: each for each in tomllib.load(file)["mutant"]}


def changed_sources(mutant: Mapping[str, Any]) -> dict[Path, str]:
    """The sources that a mutant changes, as they are with it.

    Raises:
        Unplanted: An old text is not there exactly once.
    """
    sources: dict[Path, str] = {}
    for edit in mutant["edit"]:
        path = PACKAGE / edit["module"]
        source = sources.get(path) or path.read_text(encoding="utf-8")
        if (count := source.count(edit["old"])) != 1:
            raise Unplanted(
                f"{mutant['name']}: {edit['module']} has the old text {count} times, not once. "
                f"Find what has become of it, and mend {CATALOGUE.name}:\n{edit['old']}"
            )
        sources[path] = source.replace(edit["old"], edit["new"])
    return sources


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from a source that is not its file's."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    @override
    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self._source, self.path, "exec", dont_inherit=True)
        return code


class _Finder(MetaPathFinder):
    def __init__(self, sources: dict[Path, str]) -> None:
        self._sources = sources

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        source = None if spec is None else self._sources.get(Path(spec.origin or ""))
        if spec is None or spec.origin is None or source is None:
            return None
        loader = _Loader(fullname, spec.origin, source)
        return importlib.util.spec_from_loader(fullname, loader, origin=spec.origin)


def plant(mutant: Mapping[str, Any]) -> None:
    """From now on pyactor is imported with this fault, in this process alone."""
    if "pyactor" in sys.modules:
        raise Unplanted("pyactor is imported already: plant before that")
    sys.meta_path.insert(0, _Finder(changed_sources(mutant)))


# ------------------------------------------------------------------ the hunt


def hunt(subjects: Sequence[str], *, is_deep: bool) -> dict[str, Any]:
    """Run the lifecycle tests of these actors, one after the other, until one fails.

    The examples are those of the ``ci`` profile. What is found is shrunk in a deep run only; the
    report's own shortening of a run is quick, and is there in either.

    Returns:
        The rule that was found to be broken, or None; how many examples that took, the length of
        the transcript, and the seconds of the processor.
    """
    import hypothesis

    from pyactor.testing import LifecycleFailure, lifecycle_test

    phases = [hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if is_deep else [])]
    settings = hypothesis.settings(
        derandomize=True, max_examples=200, database=None, deadline=None, phases=phases
    )
    module = importlib.import_module("subjects")
    worlds = 0
    for name in subjects:
        case: Any = lifecycle_test(
            getattr(module, name), params=module.PARAMS.get(name), settings=settings
        )
        try:
            with redirect_stdout(io.StringIO()):
                case("test_lifecycle").debug()
        except LifecycleFailure as error:
            report = case.tally.failure
            return {
                "rule": report.failure.rule,
                "what": report.failure.what,
                "examples": worlds + case.tally.found_after,
                "lines": len(report.trace),
                "seconds": process_time(),
                "text": str(error),
            }
        worlds += case.tally.examples
    return {"rule": None, "examples": worlds, "seconds": process_time()}


def main(name: str, how: str) -> None:
    """Hunt for a mutant, or, by the name ``none``, for what is not to be found."""
    subjects = ["Subject", "Watched"]
    if name != "none":
        mutant = mutants()[name]
        plant(mutant)
        if mutant["rule"] == "A7":
            subjects.reverse()
    print(json.dumps(hunt(subjects, is_deep=how == "deep")))


if __name__ == "__main__":
    main(*sys.argv[1:])
