"""A server that is measured: started on its own core, its use of CPU and memory, its end.

Owns processes. What they serve is in `_servers`, what is asked of them in `_works`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

START_TIMEOUT = 60.0
"""Seconds until a server must accept connections."""
STOP_TIMEOUT = 10.0
"""Seconds until it is killed."""

SETTLE_TIMEOUT = 5.0
"""Seconds that a server may still be busy with what is over."""
AT_REST = 0.01
"""CPU seconds in a tenth of a second that are as good as none."""
MARK = "PYACTOR_BENCHMARK"
"""The variable that everything has which a server of a run has started."""

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class CannotRunError(Exception):
    """A server does not start here; the message says why."""


class ServerProcess:
    """A running server, with all processes that it has started."""

    def __init__(
        self, process: subprocess.Popen[bytes], port: int, log: Path, mark: str = ""
    ) -> None:
        """Take over a process that is starting.

        Args:
            process: It leads a session of its own.
            port: Where it is going to listen.
            log: What it prints.
            mark: By which the processes are known that it has started, wherever they are now.
        """
        self.port = port
        self._mark = mark
        self._process = process
        self._log = log

    def wait_listening(self) -> None:
        """Return once it accepts connections.

        Raises:
            CannotRunError: It has ended, or does not within ``START_TIMEOUT``.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if self._process.poll() is not None:
                    raise CannotRunError(f"it ended at once: {self.said()}") from None
                if time.monotonic() > deadline:
                    raise CannotRunError(f"it does not listen: {self.said()}") from None
                time.sleep(0.02)
            else:
                return

    def said(self) -> str:
        """The end of what it printed."""
        return self._log.read_text(errors="replace")[-600:].strip() or "(it printed nothing)"

    def cpu_seconds(self) -> float:
        """CPU time of all its processes so far, those that have ended included."""
        ticks = 0
        for stat in _tree(self._process.pid).values():
            ticks += sum(map(int, stat[11:15]))  # utime, stime, and of waited-for children
        return ticks / _TICK

    def settle(self) -> None:
        """Return once it does no more than it does at rest, or after ``SETTLE_TIMEOUT``."""
        deadline = time.monotonic() + SETTLE_TIMEOUT
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = self.cpu_seconds()
            if now - before <= AT_REST:
                return
            before = now

    def memory(self) -> int:
        """Bytes of all its processes that are in memory."""
        pages = 0
        for pid in _tree(self._process.pid):
            with contextlib.suppress(OSError):
                statm = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
                pages += int(statm.split()[1])
        return pages * _PAGE

    def stop(self) -> None:
        """End it and all that it has started."""
        members = [self._process.pid, *_tree(self._process.pid)]
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT)
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                if pid != self._process.pid or self._process.poll() is None:
                    os.kill(pid, signal.SIGKILL)
        self._process.wait()
        if self._mark:
            _kill_marked(self._mark)


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    port: int,
    environment: Mapping[str, str],
    core: int | None,
    log: Path,
) -> Iterator[ServerProcess]:
    """A server, from its start to its end.

    Args:
        command: Its command line.
        port: Where it will listen.
        environment: Variables besides those that are set.
        core: The only core it may use; None for any.
        log: A file for what it prints.

    Raises:
        CannotRunError: It does not start.
    """
    variables = {**os.environ, **environment}
    mark = variables[MARK] = f"{os.getpid()}-{port}"
    variables.pop("RUST_BACKTRACE", None)  # it makes RivetKit's engine nine times slower
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the command is of our table
            [*pinned(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=variables,
            start_new_session=True,
        )
    server = ServerProcess(process, port, log, mark)
    try:
        server.wait_listening()
        yield server
    finally:
        server.stop()


def _kill_marked(mark: str) -> None:
    """End what a server has left behind, such as RivetKit's engine when Node has crashed."""
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)


def pinned(core: int | None) -> list[str]:
    """What to put before a command so that it runs on that core."""
    return [] if core is None or shutil.which("taskset") is None else ["taskset", "-c", f"{core}"]


def free_port() -> int:
    """A port that nobody listens on now, nor on the ten after it, which some servers need."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port: int = server.getsockname()[1]
        if port < 65_500 and not any(map(_is_taken, range(port, port + 11))):
            return port


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _tree(root: int) -> dict[int, list[str]]:
    """The process and all below it: each with its fields of /proc/PID/stat from the third on."""
    stats: dict[int, list[str]] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                stats[int(entry.name)] = stat
                children.setdefault(int(stat[1]), []).append(int(entry.name))
    found: dict[int, list[str]] = {}
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        if pid in stats:
            found[pid] = stats[pid]
            waiting.extend(children.get(pid, ()))
    return found
