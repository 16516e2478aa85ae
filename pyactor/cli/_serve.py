"""``pyactor serve``: bind, then become the parent of the serving processes.

Owns what is done before anything of the user runs; neither it nor the parent imports the target.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NoReturn

import click

from ._parent import HELD_BACK

_BACKLOG = 1024  # connects that wait while one server goes and the next one comes


def serve_target(
    target: str,
    *,
    host: str,
    port: int,
    data_dir: Path | None,
    namespace: str,
    allowed_origins: Sequence[str],
    reload: bool,
    grace: float,
) -> NoReturn:
    """Replace this process by the parent, which keeps its pid and is a quarter of its size.

    Args:
        target: ``module:registry`` or ``file.py``.
        host: The address to listen on; a name stands for one of its addresses.
        port: The port; 0 for one that is free.
        data_dir: Where actors are kept; None for memory.
        namespace: The only one that is served.
        allowed_origins: Origins of browsers; all if there are none.
        reload: Restart when a Python file beside the target changes.
        grace: Seconds that a server may take to stop.

    Raises:
        click.ClickException: The address cannot be listened on, or nothing can be watched.
    """
    watched = _directory_of(target) if reload else ""
    listener = _listening_socket(host, port)
    os.set_inheritable(listener.fileno(), True)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listener.getsockname()[1]}"
    command = [*_pyactor(), "serve-child", target, "--namespace", namespace, "--grace", f"{grace}"]
    command += ["--in-memory"] if data_dir is None else ["--data-dir", str(data_dir)]
    for origin in allowed_origins:
        command += ["--allow-origin", origin]
    parent = str(Path(__file__).with_name("_parent.py"))
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
    os.execv(  # noqa: S606 - this very program goes on
        sys.executable,
        [sys.executable, "-P", parent, f"{listener.fileno()}", f"{grace}", url, watched, *command],
    )


def _pyactor() -> list[str]:
    """The command that runs this package again.

    The current directory is no place to import it from: it may hold a ``json.py``. Unless that is
    where the package is.
    """
    beside = Path(__file__).parents[2] == Path.cwd()
    return [sys.executable, *(() if beside else ("-P",)), "-m", "pyactor.cli"]


def _listening_socket(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # "localhost" has an address of each family; clients that know one only know IPv4.
        family, *_, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        return socket.create_server(
            address[:2],
            family=family,
            backlog=_BACKLOG,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        is_name = isinstance(error, socket.gaierror)  # whose numbers are of another table
        reason = os.strerror(error.errno) if error.errno and not is_name else error.strerror
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {reason or error}; "
            "choose another with --host and --port"
        ) from None


def _directory_of(target: str) -> str:
    """Where the target's own code is: the file's directory, or that of the outermost package.

    Raises:
        click.ClickException: There is no such module, or nothing to watch it with.
    """
    if importlib.util.find_spec("watchfiles") is None:
        raise click.ClickException("--reload needs watchfiles: pip install 'pyactor-sdk[reload]'")
    name = target.partition(":")[0]
    if name.endswith(".py"):
        return str(Path(name).resolve().parent)
    spec = PathFinder.find_spec(name.partition(".")[0], [str(Path.cwd()), *sys.path])
    if spec is not None and spec.submodule_search_locations:
        return next(iter(spec.submodule_search_locations))
    if spec is None or spec.origin is None:
        raise click.ClickException(f"--reload finds no module {name!r} to watch")
    return str(Path(spec.origin).resolve().parent)
