"""Everything that is measured, in turns, into one document.

What cannot be measured is left out with its reason, and the rest goes on.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen
from websockets.exceptions import WebSocketException

from ._check import WrongAnswerError
from ._curves import CURVES, Curve
from ._load import LoadFailedError
from ._process import CannotRunError, pinned
from ._progress import Progress
from ._servers import BARE, HERE, PYACTOR, Server
from ._works import Settings, Work, checked, takes_part, under_load

Document = dict[str, Any]

_NO_ANSWER = (CannotRunError, WrongAnswerError, LoadFailedError, WebSocketException, OSError)
"""What goes wrong with a server: OSError is a lost connection, or an answer that did not come."""
_TRIES = 2
_SCRIPT_TIMEOUT = 900.0
"""Seconds for a part that has a process of its own."""


@frozen
class Run:
    """One run of the benchmarks.

    Attributes:
        servers: By name.
        settings: How each measurement is made.
        document: Where the results go.
        progress: How far it is.
        keep: Called when there is more in the document than before.
    """

    servers: Mapping[str, Server]
    settings: Settings
    document: Document
    progress: Progress = field(factory=Progress)
    keep: Callable[[], None] = lambda: None

    def works(self, works: Sequence[Work]) -> None:
        """Each work by each server, in rounds; every other round in the opposite order.

        In a round a server is started once, and does one work after the other.
        """
        able = {
            server.name: [work for work in works if takes_part(server, work)]
            for server in self.servers.values()
        }
        self.progress.plan(self.settings.rounds * sum(map(len, able.values())))
        for number in range(self.settings.rounds):
            print(f"\nround {number + 1} of {self.settings.rounds}", flush=True)
            for name in list(able)[:: -1 if number % 2 else 1]:
                if self._is_over("rounds", f"{number} of {self.settings.rounds}"):
                    return
                self._in_turn(self.servers[name], able[name])
                self.keep()
            self.document["settings"]["rounds"] = number + 1

    def quickly(self, works: Sequence[Work]) -> None:
        """All works by all servers, once: to see that they work, not to compare.

        Raises:
            AssertionError: One of them did not.
        """
        self.works(works)
        for what in ("missing", "failed"):
            assert not self.document.get(what), self.document[what]

    def curves(self, points: Mapping[str, Sequence[int]], rounds: int) -> None:
        """Each curve by pyactor and, where it can, by the bare server, in rounds."""
        curves = [curve for curve in CURVES if curve.name in points]
        turns = [
            (curve, name)
            for curve in curves
            for name in ((PYACTOR,) if curve.ours_only else (PYACTOR, BARE))
            if name in self.servers
        ]
        self.progress.plan(rounds * sum(len(points[curve.name]) for curve, _ in turns))
        for number in range(rounds):
            print(f"\ncurves, round {number + 1} of {rounds}", flush=True)
            for curve, name in turns:
                if self._is_over("curves", f"{number} rounds of {rounds}"):
                    return
                self._one_curve(curve, self.servers[name], points[curve.name])
                self.keep()

    def storage(self) -> None:
        """Saves, without any server."""
        rounds, seconds = self.settings.rounds, self.settings.seconds
        said = self._script(
            "saves of 64 counters", "-m", "benchmarks._durable", f"{rounds}", f"{seconds}"
        )
        for mode, measured in (said or {}).items():
            self.document.setdefault("works", {})[f"storage, {mode}"] = measured
        self.keep()

    def actors(self, numbers: Iterable[int]) -> None:
        """Create so many actors, let them sleep, wake them, as long as there is time for it."""
        known = [
            (found["created_seconds"] + found["woken_seconds"]) / int(number)
            for number, found in self.document.get("actors", {}).items()
        ]
        each = max(known, default=0.0)
        for number in numbers:
            left = self.progress.left
            if left is not None and each * number > left:
                self._cut("actors", f"{number:,}: no time was left")
                continue
            said = self._script(
                f"{number:,} actors", str(HERE / "many_actors.py"), f"{number}", "--json"
            )
            if said is not None:
                self.document.setdefault("actors", {})[f"{number}"] = said
            self.keep()

    # -------------------------------------------------------------- one server

    def _in_turn(self, server: Server, works: Sequence[Work]) -> None:
        measured = self.document.setdefault("works", {})

        def do(work: Work, result: Mapping[str, float]) -> None:
            measured.setdefault(work.name, {}).setdefault(server.name, []).append(result)

        self._do(server, [(work.name, work) for work in works], do)

    def _one_curve(self, curve: Curve, server: Server, points: Sequence[int]) -> None:
        measured = self.document.setdefault("curves", {})

        def do(work: Work, result: Mapping[str, float]) -> None:
            point = numbers[work]
            costs = measured.setdefault(curve.name, {}).setdefault(server.name, {})
            costs.setdefault(f"{point}", []).append(curve.total(result, point))

        numbers = {curve.work(point): point for point in points}
        self._do(server, [(f"{curve.name} {point}", work) for work, point in numbers.items()], do)

    def _do(
        self,
        server: Server,
        works: Sequence[tuple[str, Work]],
        done: Callable[[Work, Mapping[str, float]], None],
    ) -> None:
        """Start a server and have it do the works; after a failure once more, with the rest."""
        missing = self.document.setdefault("missing", {})
        failed = self.document.setdefault("failed", {})
        if server.name in missing:
            self.progress.plan(-len(works))
            return
        waiting = [each for each in works if server.name not in failed.get(each[0], {})]
        self.progress.plan(len(waiting) - len(works))
        tries = 0
        while waiting:
            tries += 1
            try:
                with checked(server, self.settings) as process:
                    while waiting:
                        name, work = waiting[0]
                        self._show(
                            name, server, result := under_load(server, process, work, self.settings)
                        )
                        done(work, result)
                        waiting.pop(0)
                        tries = 0
                        self.progress.step()
            except _NO_ANSWER as error:
                reason = f"{type(error).__name__}: {error}"
                print(f"  {server.name}: {waiting[0][0] if waiting else 'stop'}: {reason}")
                if not waiting or tries < _TRIES:
                    continue
                if isinstance(error, LoadFailedError):
                    failed.setdefault(waiting.pop(0)[0], {})[server.name] = f"{error}"
                    self.progress.plan(-1)
                    tries = 0
                else:
                    missing[server.name] = f"{error}"
                    self.progress.plan(-len(waiting))
                    return

    def _show(self, name: str, server: Server, result: Mapping[str, float]) -> None:
        shown = "  ".join(f"{what} {value:,.1f}" for what, value in result.items())
        print(f"  {name:12} {server.name:40} {shown}   [{self.progress}]", flush=True)

    # -------------------------------------------------------------- the rest

    def _script(self, title: str, *arguments: str) -> Any:
        """What a part says that has a process of its own; None if it fails."""
        if self._is_over(title, "not begun"):
            return None
        print(f"\n{title}   [{self.progress}]", flush=True)
        python = self.servers[PYACTOR].command[0] if PYACTOR in self.servers else "python3"
        command = [*pinned(self.settings.server_core), python, *arguments]
        try:
            done = subprocess.run(  # noqa: S603 - our own files
                command,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                cwd=HERE.parent,
                timeout=_SCRIPT_TIMEOUT,
            )
        except subprocess.SubprocessError as error:
            print(f"  failed: {error}", flush=True)
            self.document.setdefault("failed", {}).setdefault(title, {})[PYACTOR] = f"{error}"
            return None
        return json.loads(done.stdout)

    def _is_over(self, part: str, how_far: str) -> bool:
        if self.progress.is_over:
            self._cut(part, how_far)
        return self.progress.is_over

    def _cut(self, part: str, how_far: str) -> None:
        print(f"  {part}: {how_far}", flush=True)
        self.document.setdefault("cut", {})[part] = how_far


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
