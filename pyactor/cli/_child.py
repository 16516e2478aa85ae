"""The serving process below the parent of ``pyactor serve``: it loads, waits its turn, and serves.

The line to the parent carries three words (``_parent``), and its end means that the parent is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from ..storage import MemoryStorage, SqliteStorage, Storage
from ..transports import Host
from ._loop import loop_factory
from ._parent import GO, LOADED, READY
from ._target import load_registry


def serve_child(
    target: str,
    *,
    listener: int,
    parent: int,
    data_dir: Path | None,
    grace: float,
    token: str | None,
    namespace: str,
    allowed_origins: Sequence[str] | None,
) -> None:
    """Load a target; serve it when the parent says so, until SIGTERM or the parent's end.

    Args:
        target: ``module:registry`` or ``file.py``.
        listener: The descriptor of the listening socket.
        parent: The descriptor of the line to the parent.
        data_dir: Where actors are kept; None for memory.
        grace: Seconds to stop in, once the parent is gone.
        token: What clients must present, if anything.
        namespace: The only one that is served.
        allowed_origins: Origins of browsers; all if None.

    Raises:
        click.ClickException: The target has no registry, or cannot be imported.
        DefinitionError: One of its actor classes is wrong.
        StorageError: The data cannot be opened.
    """
    # They reach the whole foreground; only the parent acts on them, and then sends SIGTERM. Not
    # SIG_IGN, which the user's own subprocesses would inherit.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave_to_parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGHUP))
    sock, line = socket.socket(fileno=listener), socket.socket(fileno=parent)
    for inherited in (sock, line):
        inherited.set_inheritable(False)
    may_go = threading.Event()
    threading.Thread(target=_follow, args=(line, may_go, grace), daemon=True).start()

    registry = load_registry(target)
    # What is loaded stays: a full collection need not look at all of it, again and again.
    gc.freeze()
    _tell(line, LOADED)
    may_go.wait()
    # Not before: until now the data may have been another process's.
    storage = MemoryStorage() if data_dir is None else SqliteStorage(data_dir)
    host = Host(
        registry,
        sock=sock,
        storage=storage,
        token=token,
        namespace=namespace,
        allowed_origins=allowed_origins,
    )
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(host, storage, line))


async def _serve(host: Host, storage: Storage, line: socket.socket) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    # As often as it comes: a process manager may signal the whole group, and the parent once more.
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    async with host:
        _tell(line, READY)
        await stop.wait()
    await storage.close()
    # All is saved, but the user's own code may still run at exit.
    loop.remove_signal_handler(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _follow(line: socket.socket, may_go: threading.Event, grace: float) -> None:
    """Listen to the parent, and do not outlive it, whatever the loop is busy with."""
    with contextlib.suppress(ConnectionError):
        while line.recv(1) == GO:
            may_go.set()
    os.kill(os.getpid(), signal.SIGTERM)  # before it serves, that is the end at once
    time.sleep(grace)
    os.kill(os.getpid(), signal.SIGKILL)


def _tell(line: socket.socket, word: bytes) -> None:
    with contextlib.suppress(OSError):  # the parent is gone, which ``_follow`` sees
        line.send(word)


def _leave_to_parent(number: int, frame: FrameType | None) -> None: ...
