"""What is asked of the servers, and how one server is measured at it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, field, frozen

from ._check import check, talk
from ._load import load
from ._process import ServerProcess, free_port, running
from ._servers import Server

Result = Mapping[str, float]
"""One measurement: ``cpu``, ``p50`` and ``p99`` in µs for each unit, ``rate`` in units per second,
``utilisation`` of the load generator; of idle connections ``bytes`` for each."""


KEY = "k0"
"""Of the actor that is used where one is enough."""


@frozen
class Work:
    """One thing to do.

    Attributes:
        name: In the results.
        title: For people.
        kind: A work of the load generator.
        unit: What is counted.
        connections: How many; of ``churn`` those at a time.
        action: What they call.
        size: Bytes of a text that each message carries; 0 for a number.
        actors: Whether each connection has an actor of its own.
        state: Characters of the state besides the count.
        only_actors: Whether peers without durable state have no part in it.
    """

    name: str
    title: str
    kind: str = "actions"
    unit: str = "action"
    connections: int = 64
    action: str = "add"
    size: int = 0
    actors: bool = field(default=False, kw_only=True)
    state: int = 0
    only_actors: bool = field(default=False, kw_only=True)


SEQUENTIAL = Work("sequential", "one action after the other, 1 connection", connections=1)
ACTIONS = Work("actions", "actions, 64 connections")
BROADCAST = Work("broadcast", "broadcast to 1,000", "broadcast", "delivery", 1000, "publish")
CHURN = Work("churn", "connect and close, 16 at a time", "churn", "connection", 16)
IDLE = Work("idle", "5,000 idle connections", "idle", "connection", 5000)
IMMEDIATE = Work(
    "immediate",
    "64 counters, each saved before it answers",
    action="save",
    actors=True,
    only_actors=True,
)
BATCHED = Work(
    "batched", "64 counters, saved every second", action="add", actors=True, only_actors=True
)
WORKS = (IDLE, SEQUENTIAL, ACTIONS, BROADCAST, CHURN, IMMEDIATE, BATCHED)
"""In the order in which they are done: memory first, while the server is new."""


@frozen
class Settings:
    """How it is measured.

    Attributes:
        rounds: Of all servers, one after the other.
        seconds: Of load in each measurement.
        server_core: Of the server; None for any.
        load_core: Of the load generator; None for any.
    """

    rounds: int
    seconds: float
    server_core: int | None
    load_core: int | None


def cores() -> tuple[int | None, int | None]:
    """One core for the server, another one for the load, if there are two."""
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[1]) if len(available) > 1 else (None, None)


def smoke(work: Work) -> Work:
    """The same, small."""
    return evolve(work, connections=min(work.connections, 8))


def takes_part(server: Server, work: Work) -> bool:
    """Whether that server can do that work."""
    return server.is_ours or not work.only_actors


@contextmanager
def checked(server: Server, settings: Settings) -> Iterator[ServerProcess]:
    """A server that has proved that it does the work.

    Raises:
        CannotRunError: It does not start.
        WrongAnswerError: It does not do what it should.
    """
    with tempfile.TemporaryDirectory(prefix="pyactor-bench-") as directory:
        port = free_port()
        command, environment = server.filled(port, Path(directory))
        with running(
            command,
            port=port,
            environment=environment,
            core=settings.server_core,
            log=Path(directory) / "server.log",
        ) as process:
            check(server, port, KEY)
            yield process


def under_load(server: Server, process: ServerProcess, work: Work, settings: Settings) -> Result:
    """Put a load on a server that is running.

    Raises:
        LoadFailedError: An answer was wrong, or did not come.
    """
    process.settle()  # the work before, or the check, is over
    connections = min(work.connections, server.most_idle if work.kind == "idle" else 10**6)
    if work.state:
        with talk(server, process.port, KEY) as talker:
            talker.call("fill", work.state)
    options = [
        work.kind,
        f"port={process.port}",
        f"dialect={server.dialect}",
        f"path={server.path_of('k%d' if work.actors else KEY)}",
        f"connections={connections}",
        f"action={work.action}",
        f"size={work.size}",
        f"seconds={settings.seconds}",
        f"warm_up={min(0.3, settings.seconds / 2)}",
    ]
    empty = process.memory()
    at_start: list[float] = []

    def note() -> None:
        at_start[:] = process.cpu_seconds(), process.memory()

    said = load(options, core=settings.load_core, on_ready=note, timeout=settings.seconds + 60)
    if work.kind == "idle":
        return {"bytes": (at_start[1] - empty) / connections}
    cpu = process.cpu_seconds() - at_start[0]
    messages = said["messages"]
    return {
        "cpu": cpu / messages * 1e6,
        "rate": messages / said["seconds"],
        "p50": said["p50"],
        "p99": said["p99"],
        "utilisation": said["utilisation"],
        "messages": messages,
    }
