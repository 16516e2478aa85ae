"""The servers that are compared: how each is started, and what it can do.

A line here and a file in ``servers/`` make a peer. All but python-socketio speak the protocol of
`pyactor` on the wire, so that the same load meets all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, field, frozen

HERE = Path(__file__).parent
_ENVIRONMENTS = HERE / ".venv"
_QUERY = (
    "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default"
    "&rvt-crash-policy=sleep&rvt-key="
)
_ACTOR = f"/gateway/counter/connect?{_QUERY}"


@frozen
class Server:
    """One of those that are compared.

    Attributes:
        name: As in tables.
        command: Its command line; ``{port}`` and ``{data}``, a new directory, are filled in.
        path: Where its websocket is; ``{key}`` becomes the key of an actor.
        dialect: What is spoken on it (load/messages.h).
        environment: Variables, filled in likewise.
        is_actor: Whether it has a lifecycle and durable state, as pyactor has.
        is_ours: Whether it is pyactor.
        most_idle: Idle connections that it can be given, in a time that can be waited for.
    """

    name: str
    command: tuple[str, ...]
    path: str = "/"
    dialect: str = "json"
    environment: Mapping[str, str] = field(factory=dict)
    is_actor: bool = False
    is_ours: bool = False
    most_idle: int = 5000

    def filled(self, port: int, data: Path) -> tuple[list[str], dict[str, str]]:
        """Command line and variables for one run."""
        values = {"port": f"{port}", "data": f"{data}"}
        command = [part.format(**values) for part in self.command]
        return command, {name: text.format(**values) for name, text in self.environment.items()}

    def path_of(self, key: str) -> str:
        """Where the actor with that key is; peers that are no actors have one room for all."""
        return self.path.replace("{key}", key)


PYACTOR = "pyactor"
PYACTOR_FAST = "pyactor + extra fast"
BARE = "websockets, asyncio + json"
BARE_FAST = "websockets, asyncio + uvloop + msgspec"
PICOWS = "picows + uvloop + msgspec"
RIVETKIT = "RivetKit TS + engine"


def _peer(python: str, name: str, script: str, *, fast: bool) -> Server:
    command = (python, str(HERE / "servers" / script), "--port", "{port}")
    return Server(name, (*command, "--fast") if fast else command)


def _pyactor(python: str, name: str) -> Server:
    served = ("serve", str(HERE / "servers" / "actors.py"), "--port", "{port}")
    return Server(
        name,
        (python, "-m", "pyactor.cli", *served, "--data-dir", "{data}"),
        path=_ACTOR + "{key}",
        is_actor=True,
        is_ours=True,
    )


def smoke_servers() -> dict[str, Server]:
    """Those that run on the interpreter that runs this, without another install."""
    ours = _pyactor(sys.executable, PYACTOR)
    listed = (
        ours,
        evolve(ours, name=f"{PYACTOR}, BARE", dialect="bare"),
        _peer(sys.executable, BARE, "websockets_asyncio.py", fast=False),
        _peer(sys.executable, "websockets, sans-I/O + json", "websockets_sansio.py", fast=False),
    )
    return {server.name: server for server in listed}


def all_servers() -> dict[str, Server]:
    """All of them, in the environments that ``make bench`` makes."""
    default = str(_ENVIRONMENTS / "default" / "bin" / "python")
    fast = str(_ENVIRONMENTS / "fast" / "bin" / "python")
    ours, ours_fast = _pyactor(default, PYACTOR), _pyactor(fast, PYACTOR_FAST)
    sansio = "websockets_sansio.py"
    socketio = _peer(fast, "python-socketio", "socketio_server.py", fast=False)
    listed = (
        ours,
        evolve(ours, name=f"{PYACTOR}, BARE", dialect="bare"),
        ours_fast,
        evolve(ours_fast, name=f"{PYACTOR_FAST}, BARE", dialect="bare"),
        _peer(fast, BARE, "websockets_asyncio.py", fast=False),
        _peer(fast, BARE_FAST, "websockets_asyncio.py", fast=True),
        _peer(fast, "websockets, sans-I/O + json", sansio, fast=False),
        _peer(fast, "websockets, sans-I/O + uvloop + msgspec", sansio, fast=True),
        _peer(fast, PICOWS, "picows_msgspec.py", fast=True),
        _peer(fast, "aiohttp + json", "aiohttp_server.py", fast=False),
        evolve(socketio, path="/socket.io/?EIO=4&transport=websocket", dialect="socketio"),
        Server("Node ws", ("node", str(HERE / "servers" / "ws.mjs"), "{port}")),
        Server(
            RIVETKIT,
            ("node", str(HERE / "servers" / "rivetkit.mjs")),
            path=_ACTOR + "{key}",
            environment={
                "RIVET_RUN_ENGINE": "1",
                "RIVET_RUN_ENGINE_PORT": "{port}",
                "RIVET_RUN_SERVICES": "0",
                "RIVETKIT_STORAGE_PATH": "{data}",
            },
            is_actor=True,
            most_idle=1000,
        ),
        Server(
            "partyserver on workerd",
            ("bash", str(HERE / "servers" / "party.sh"), "{port}", "{data}"),
            path="/parties/counter/{key}",
            is_actor=True,
        ),
    )
    return {server.name: server for server in listed}
