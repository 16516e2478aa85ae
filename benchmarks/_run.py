"""Everything that is measured, in turns, into one document."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from ._curves import CURVES
from ._load import LoadFailedError
from ._process import CannotRunError, pinned
from ._servers import BARE, HERE, PYACTOR, Server
from ._works import Result, Settings, Work, checked, measure, takes_part, under_load

Document = dict[str, Any]


@frozen
class Run:
    """One run of the benchmarks.

    Attributes:
        servers: By name.
        settings: How each measurement is made.
        document: Where the results go.
    """

    servers: Mapping[str, Server]
    settings: Settings
    document: Document

    def works(self, works: Iterable[Work]) -> None:
        """Each work by each server, in rounds; every other round in the opposite order."""
        measured = self.document.setdefault("works", {})
        for work in works:
            able = [server for server in self.servers.values() if takes_part(server, work)]
            print(f"\n{work.title}", flush=True)
            for number in range(self.settings.rounds):
                for server in able[:: -1 if number % 2 else 1]:
                    result = self._one(server, work)
                    if result is not None:
                        rounds = measured.setdefault(work.name, {}).setdefault(server.name, [])
                        rounds.append(result)

    def quickly(self, works: Sequence[Work]) -> None:
        """All works by servers that are started once: to see that they work, not to compare."""
        measured = self.document.setdefault("works", {})
        for server in self.servers.values():
            with checked(server, self.settings) as process:
                for work in works:
                    if takes_part(server, work):
                        result = under_load(server, process, work, self.settings)
                        measured.setdefault(work.name, {})[server.name] = [result]

    def curves(self, points: Mapping[str, Sequence[int]]) -> None:
        """Each curve by pyactor and, where it can, by the bare server, in rounds."""
        measured = self.document.setdefault("curves", {})
        for curve in (curve for curve in CURVES if curve.name in points):
            print(f"\ncost against {curve.name}", flush=True)
            able = [PYACTOR] if curve.ours_only else [PYACTOR, BARE]
            for _ in range(self.settings.rounds):
                for point in points[curve.name]:
                    for name in able:
                        work = curve.work(point)
                        result = self._one(self.servers[name], work)
                        if result is not None:
                            costs = measured.setdefault(curve.name, {}).setdefault(name, {})
                            costs.setdefault(f"{point}", []).append(curve.total(result, point))

    def storage(self) -> None:
        """Saves, without any server."""
        print("\nsaves of 64 counters", flush=True)
        rounds, seconds = self.settings.rounds, self.settings.seconds
        said = self._script("-m", "benchmarks._durable", f"{rounds}", f"{seconds}")
        for mode, measured in json.loads(said).items():
            self.document.setdefault("works", {})[f"storage, {mode}"] = measured

    def actors(self, numbers: Iterable[int]) -> None:
        """Create so many actors, let them sleep, wake them."""
        for number in numbers:
            print(f"\n{number:,} actors", flush=True)
            said = self._script(str(HERE / "many_actors.py"), f"{number}", "--json")
            self.document.setdefault("actors", {})[f"{number}"] = json.loads(said)

    def _one(self, server: Server, work: Work) -> Result | None:
        missing = self.document.setdefault("missing", {})
        if server.name in missing:
            return None
        try:
            result = measure(server, work, self.settings)
        except CannotRunError as error:
            missing[server.name] = f"{error}"
            print(f"  {server.name}: left out: {error}", flush=True)
            return None
        except LoadFailedError as error:
            if server.is_ours:
                raise
            self.document.setdefault("failed", {}).setdefault(work.name, {})[server.name] = (
                f"{error}"
            )
            print(f"  {server.name}: no result: {error}", flush=True)
            return None
        shown = "  ".join(f"{name} {value:,.1f}" for name, value in result.items())
        print(f"  {server.name:44} {shown}", flush=True)
        return result

    def _script(self, *arguments: str) -> str:
        python = self.servers[PYACTOR].command[0]
        command = [*pinned(self.settings.server_core), python, *arguments]
        done = subprocess.run(  # noqa: S603 - our own files
            command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE.parent
        )
        return done.stdout


def describe(settings: Settings, servers: Mapping[str, Server]) -> Document:
    """What must be known to read the results."""
    model = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    packages = ("websockets", "uvloop", "msgspec", "picows", "aiohttp", "python-socketio")
    return {
        "machine": {
            "cpu": model[0] if model else platform.machine(),
            "cores": len(model),
            "system": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(),
            "load_before": os.getloadavg()[0],
        },
        "settings": asdict(settings),
        "versions": {name: found for name in packages if (found := _version(name))},
        "servers": list(servers),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ImportError:  # PackageNotFoundError is one
        return None
