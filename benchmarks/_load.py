"""The load generator: compiled when it is older than its sources, then driven."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from ._process import pinned

SOURCES = Path(__file__).parent / "load"
BINARY = Path(__file__).parent / "build" / "load"

_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")


class NoCompilerError(Exception):
    """There is no C compiler."""


class LoadFailedError(Exception):
    """The load generator gave up; the message says on what."""


def compile_load() -> None:
    """Have the load generator ready.

    Raises:
        NoCompilerError: There is no ``cc``.
        subprocess.CalledProcessError: The compiler has refused it, and has said why.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompilerError(
            "the load generator is written in C and there is no compiler (cc): install one, on "
            "Debian and Ubuntu with `apt install gcc libc6-dev`"
        )
    sources = sorted(SOURCES.glob("*.c"))
    newest = max(path.stat().st_mtime for path in (*sources, *SOURCES.glob("*.h")))
    if not BINARY.exists() or BINARY.stat().st_mtime < newest:
        BINARY.parent.mkdir(exist_ok=True)
        command = [compiler, *_FLAGS, "-o", str(BINARY), *map(str, sources)]
        subprocess.run(command, check=True)  # noqa: S603 - our own files


def load(
    options: list[str], *, core: int | None, on_ready: Callable[[], None], timeout: float
) -> dict[str, float]:
    """Put one load on a server.

    Args:
        options: The command line (load/load.c).
        core: The only core that it uses; None for any.
        on_ready: Called when all is connected and warm, and nothing is under way.
        timeout: Seconds for all of it.

    Returns:
        What it says in the end; nothing is under way then, either.

    Raises:
        LoadFailedError: An answer was wrong, or did not come.
    """
    with subprocess.Popen(  # noqa: S603 - our own program
        [*pinned(core), str(BINARY), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        watchdog = threading.Timer(timeout, process.kill)
        watchdog.start()
        try:
            if process.stdout.readline() == "ready\n":
                on_ready()
                said, complaint = process.communicate("go\n")
            else:
                said, complaint = process.communicate()
        finally:
            watchdog.cancel()
    if process.returncode == -signal.SIGKILL:
        raise LoadFailedError(f"no end after {timeout:g} s")
    if process.returncode:
        raise LoadFailedError(complaint.strip() or f"exit status {process.returncode}")
    result: dict[str, float] = json.loads(said)
    return result
