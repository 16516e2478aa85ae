"""``pyactor serve`` as a real process that is killed, and the file that its actors write to."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from .actors import WITNESS

ROOT = Path(__file__).parents[2]
ACTORS = str(Path(__file__).with_name("actors.py"))
SECONDS = 60
"""For anything that must come: a start, an answer. Only what hangs takes longer."""


class Witness:
    """What the actors wrote, line by line."""

    def __init__(self, path: Path, take: Callable[[dict[str, Any]], None]) -> None:
        path.touch()
        self._file = path.open("rb")
        self._rest = b""
        self._take = take
        self.loaded: list[int] = []
        """The processes that loaded the actors, in order."""
        self.wakes = 0

    def read(self) -> None:
        """Hand on what is new."""
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for text in lines:
            line = json.loads(text)
            if line["what"] == "loaded":
                self.loaded.append(line["pid"])
            self.wakes += line["what"] == "wake"
            self._take(line)

    def close(self) -> None:
        self._file.close()


class Served:
    """A parent that holds the port, and one serving process after the other below it."""

    def __init__(self, folder: Path, witness: Witness) -> None:
        self._log = folder / "serve.log"
        self._witness = witness
        command = [sys.executable, "-m", "pyactor.cli", "serve", ACTORS, "--port", "0"]
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*command, "--data-dir", str(folder / "data")],
                cwd=ROOT,
                env={**os.environ, WITNESS: str(folder / "witness.jsonl")},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        found = re.search(r"http://\S+", self._process.stdout.readline())
        if found is None:
            raise RuntimeError(f"it does not serve: {self.log}")
        self.url = found[0]

    async def next_pid(self, after: int) -> int:
        """The next serving process, once it has loaded; it may not serve yet."""
        async with asyncio.timeout(SECONDS):
            while True:
                self._witness.read()
                if self._witness.loaded and self._witness.loaded[-1] != after:
                    return self._witness.loaded[-1]
                await asyncio.sleep(0.005)

    def restart(self) -> None:
        """In good order, as for new code."""
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        """Its exit code."""
        self._process.terminate()
        try:
            self._process.communicate(timeout=SECONDS)
        finally:
            self._process.kill()
        return self._process.returncode

    @property
    def log(self) -> str:
        """What it said that went wrong."""
        return self._log.read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.communicate()
