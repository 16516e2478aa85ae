"""What the benchmarks calculate, and that they refuse a server that answers wrongly.

That they run at all is `make bench-smoke`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import Server as WebsocketServer
from websockets.sync.server import ServerConnection, serve

from benchmarks import _load, _report
from benchmarks._check import WrongAnswerError, check
from benchmarks._curves import slope
from benchmarks._goals import GOALS, Goal, judge
from benchmarks._process import ServerProcess, free_port, running
from benchmarks._progress import Progress
from benchmarks._run import Run, describe
from benchmarks._servers import Server, all_servers
from benchmarks._works import SEQUENTIAL, Settings

GOAL = Goal("P9", "a / b", ("work", "a", "cpu"), ("work", "b", "cpu"), limit=1.25, at_least=False)
ROOT = Path(__file__).parents[2]


def rounds(*costs: float) -> list[dict[str, float]]:
    return [{"cpu": cost} for cost in costs]


@pytest.mark.parametrize("exponent", [0, 0.5, 1, 2])
def test_the_slope_is_the_exponent_of_growth(exponent: float) -> None:
    points = [(float(n), 7 * n**exponent) for n in (1, 10, 100, 3000)]
    assert slope(points) == pytest.approx(exponent)


def test_a_goal_is_judged_by_the_median_of_the_ratios_of_rounds() -> None:
    measured = {"work": {"a": rounds(1, 20, 300), "b": rounds(1, 10, 300)}}
    verdict = judge(GOAL, measured)
    assert list(verdict.ratios) == [1, 2, 1]
    assert verdict.ratio == 1
    assert verdict.met is True


def test_a_goal_that_is_missed_and_one_that_is_not_measured() -> None:
    assert judge(GOAL, {"work": {"a": rounds(3), "b": rounds(2)}}).met is False
    assert judge(GOAL, {"work": {"a": rounds(3)}}).met is None


def test_the_servers_that_goals_and_tables_name_exist() -> None:
    names = {*all_servers(), "sqlite3", "SqliteStorage"}
    assert {side[1] for goal in GOALS for side in (goal.above, goal.below)} <= names


def test_the_cpu_of_a_server_includes_its_children(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        server = ServerProcess(process, 0, tmp_path)
        assert server.cpu_seconds() >= 0.15
        assert server.memory() > 1_000_000
        process.communicate(b"\n")


# -------------------------------------------------------------- servers that answer wrongly

Answer = Callable[[dict[str, Any]], Any]


@contextmanager
def answering(answer: Answer) -> Iterator[int]:
    """A server that answers every action with ``answer(fields)``; its port."""

    def converse(connection: ServerConnection) -> None:
        connection.send('{"body": {"tag": "Init", "val": {}}}')
        for message in connection:
            value = json.loads(message)["body"]["val"]
            output = answer(value)
            said = {"id": value["id"], "output": output}
            connection.send(json.dumps({"body": {"tag": "ActionResponse", "val": said}}))

    with serve(converse, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield port_of(server)
        finally:
            server.shutdown()
            thread.join()


def port_of(server: WebsocketServer) -> int:
    port: int = server.socket.getsockname()[1]
    return port


def test_a_server_that_does_not_count_is_not_timed() -> None:
    with (
        answering(lambda _: 1) as port,
        pytest.raises(WrongAnswerError, match=r"add\(1\): expected 2, got 1"),
    ):
        check(Server("wrong", ()), port, "key")


@pytest.fixture(scope="module")
def generator() -> None:
    try:
        _load.compile_load()
    except _load.NoCompilerError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{error}")


def under_load(port: int, *options: str) -> dict[str, float]:
    whole = ["actions", f"port={port}", *options]
    return _load.load(whole, core=None, on_ready=lambda: None, timeout=30)


@pytest.mark.usefixtures("generator")
def test_the_load_generator_counts_what_is_answered() -> None:
    with answering(lambda _: 1) as port:
        said = under_load(port, "connections=3", "seconds=0.05", "warm_up=0.01")
    assert said["messages"] >= 3
    assert 0 < said["p50"] <= said["p99"]
    assert 0 <= said["utilisation"] <= 1.1


@pytest.mark.usefixtures("generator")
@pytest.mark.parametrize("size", [1, 125, 126, 65535, 65536])
def test_the_load_generator_sends_texts_of_every_length(size: int) -> None:
    lengths = set()

    def repeat(value: dict[str, Any]) -> Any:
        (text,) = value["args"]
        lengths.add(len(text))
        return text

    with answering(repeat) as port:
        under_load(port, f"size={size}", "seconds=0.01", "warm_up=0.01")
    assert lengths == {size}


@pytest.mark.usefixtures("generator")
def test_the_load_generator_ends_at_a_wrong_answer() -> None:
    def to_another(value: dict[str, Any]) -> Any:
        value["id"] = ["$BigInt", "999"]
        return 1

    def shorter(value: dict[str, Any]) -> Any:
        return value["args"][0][:20]

    for answer, size in ((to_another, 0), (shorter, 500)):
        options = [f"size={size}", "seconds=0.05"]
        with (
            answering(answer) as port,
            pytest.raises(_load.LoadFailedError, match="not expected to add"),
        ):
            under_load(port, *options)


# -------------------------------------------------------------- the page


def test_the_page_says_what_the_results_say(tmp_path: Path) -> None:
    page = ROOT / "docs" / "performance.md"
    results = ROOT / "benchmarks" / "results" / "results.json"
    copy = tmp_path / "performance.md"
    copy.write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
    _report.fill(copy, json.loads(results.read_text(encoding="utf-8")))
    assert copy.read_text(encoding="utf-8") == page.read_text(encoding="utf-8"), (
        "docs/performance.md is not what benchmarks/results says: make bench-report"
    )


# -------------------------------------------------------------- a run that does not go well


def test_a_run_says_how_long_it_will_take_and_ends_in_time() -> None:
    time = [0.0]
    progress = Progress(10, clock=lambda: time[0])
    progress.plan(6)
    assert (str(progress), progress.is_over) == ("0 of 6 measured in 0.0 min", False)
    time[0] = 120
    progress.step()
    progress.step()
    assert str(progress) == "2 of 6 measured in 2.0 min, about 4 min left"
    progress.plan(94)
    assert str(progress).endswith("about 8 min left")
    time[0] = 600
    assert progress.is_over


def rehearsal(*servers: Server, minutes: float | None = None) -> Run:
    settings = Settings(2, 0.02, None, None)
    named = {server.name: server for server in servers}
    return Run(named, settings, describe(settings, named), Progress(minutes))


def test_a_peer_that_does_not_start_is_left_out_with_its_reason() -> None:
    broken = Server("broken", (sys.executable, "-c", "raise SystemExit('no licence')"))
    run = rehearsal(broken)
    run.works([SEQUENTIAL])
    assert "no licence" in run.document["missing"]["broken"]
    assert "Left out: broken: it ended at once: no licence" in _report.circumstances(run.document)


def test_after_the_time_is_up_nothing_begins() -> None:
    broken = Server("broken", (sys.executable, "-c", "raise SystemExit('begun')"))
    run = rehearsal(broken, minutes=0)
    run.works([SEQUENTIAL])
    run.actors([10])
    assert run.document["cut"] == {"rounds": "0 of 2", "actors": "10: no time was left"}
    assert "Not all of it was measured: rounds, 0 of 2." in _report.caution(run.document)


def test_what_a_server_leaves_behind_is_ended_with_it(tmp_path: Path) -> None:
    orphan = (
        "import os, pathlib, sys, time\n"
        "pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))\ntime.sleep(60)"
    )
    serve = (
        "import subprocess, sys, socket, time\n"
        f"subprocess.Popen(['setsid', '-f', sys.executable, '-c', {orphan!r}, sys.argv[2]])\n"
        "s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\ntime.sleep(60)"
    )
    port, note = free_port(), tmp_path / "pid"
    command = [sys.executable, "-c", serve, f"{port}", f"{note}"]
    with running(command, port=port, environment={}, core=None, log=tmp_path / "log"):
        while not (note.exists() and note.read_text()):
            pass
    while is_running(int(note.read_text())):  # a signal takes a moment; else the test times out
        pass


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
