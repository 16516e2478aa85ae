"""One owner for a data directory, in whichever process it lives.

The lock is the operating system's, on an open file: it ends with its process, however that ends,
and holds against a second owner in the same process too. A process that is forked off shares the
open file and would hold the lock for as long as it lives, so it lets go of it at once.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path

from ..errors import StorageError
from . import _faults

_NAME = "lock"
_RELEASED = -1


class DirectoryLock:
    """Holds a data directory, which is made if there is none, from now to ``release``."""

    def __init__(self, directory: Path) -> None:
        """Take the lock.

        Raises:
            StorageError: ``in_use``, with the process that holds it; or the directory cannot be
                made or written to.
        """
        path = directory
        try:
            _make(directory)
            path = directory / _NAME
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _faults.from_os(error, path) from error
        _held.add(self)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, b"%d\n" % os.getpid(), 0)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).strip()
            self.release()
            raise _in_use(directory, holder) from None
        except OSError as error:
            self.release()
            raise _faults.from_os(error, path) from error

    def release(self) -> None:
        """Let others take it; in a process that was forked off, nothing."""
        if self._file != _RELEASED:
            os.close(self._file)
            self._file = _RELEASED


_held: weakref.WeakSet[DirectoryLock] = weakref.WeakSet()


def _release_all() -> None:
    """Close the files of this process's parent. Its lock stays, for its own is still open."""
    for lock in _held:
        lock.release()


os.register_at_fork(after_in_child=_release_all)


def _make(directory: Path) -> None:
    """Make the directory and those above it so that they survive the loss of power."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in missing:
        parent = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)


def _in_use(directory: Path, holder: bytes) -> StorageError:
    if not holder.isdigit():
        who = "another process"  # it took the lock just now and has not said who it is
    elif int(holder) == os.getpid():
        who = f"this very process ({int(holder)})"
    else:
        who = f"process {int(holder)}"
    return StorageError(
        f"the data directory {directory} is in use by {who}; end that, or choose another one",
        code="in_use",
    )
