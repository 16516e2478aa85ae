"""Faults of the disk under a running ``pyactor serve``: told to the caller, and over when they are.

A small file system is mounted as the data directory, which only root may do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyactor.errors import StorageError

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Served

SIZE = 8 * 2**20
"""Bytes of the disk."""
BIG = 1_000_000
"""Bytes of a state; a few of them, with the log of the database, fill what is left."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Eight MiB, mounted at ``data`` in the folder that is served from."""
    path = tmp_path / "data"
    path.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(path)],  # noqa: S607 - root's own
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)  # noqa: S607 - the same


def remount(disk: Path, how: str) -> None:
    options = ["mount", "-o", f"remount,{how}", str(disk)]
    subprocess.run(options, check=True, capture_output=True)


def fill_up(served: Served) -> None:
    for _ in range(10):
        served.fill(BIG)


def test_a_full_disk_is_told_to_the_caller_until_there_is_room(serve: Serve, disk: Path) -> None:
    served = serve("--data-dir", str(disk))
    assert served.keep() == 1
    served.fill(10)
    (disk / "other").write_bytes(bytes(SIZE - 2 * BIG))
    with pytest.raises(StorageError, match="cannot keep or read its data now") as caught:
        fill_up(served)
    assert caught.value.code == "full"
    assert str(disk) not in str(caught.value)
    assert served.keep() == 2  # what is in memory is served
    (disk / "other").unlink()
    served.fill(10)
    os.kill(served.pid(), signal.SIGKILL)
    assert served.keep() == 3
    served.send(signal.SIGTERM)
    assert served.end()[0] == 0


def test_on_a_read_only_disk_it_does_not_start_until_it_may_write(serve: Serve, disk: Path) -> None:
    served = serve("--data-dir", str(disk))
    assert served.keep() == 1
    served.fill(10)
    served.set("broken")  # so that nobody has a file open meanwhile
    os.kill(served.pid(), signal.SIGKILL)
    served.expect_error("RuntimeError: broken")
    remount(disk, "ro")
    served.set("broken", on=False)
    served.expect_error("this user may not write there")
    remount(disk, "rw")
    assert served.keep() == 2  # waits in the backlog, as clients do
    served.send(signal.SIGTERM)
    assert served.end()[0] == 0
