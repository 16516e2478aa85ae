"""What can go wrong with a data directory, said so that one knows what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from ..errors import StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}

_CODES = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
}

_ADVICE = {
    "full": "the disk is full; free some space and try again",
    "read_only": "this user may not write there; allow it, or choose another data directory",
    "locked": "another program holds a lock on it; end that program's transaction and try again",
    "corrupt": "the file is damaged; put a backup in its place",
    "failed": "nothing was changed",
}
_ADVICE_OF_DISK = "the disk failed, or a quota or a limit on file sizes (ulimit -f) is reached"
_ADVICE_OF_PLACE = "nothing was changed; choose another data directory"


def from_os(error: OSError, path: Path) -> StorageError:
    """The storage error for what the operating system said about ``path``."""
    code = "failed"
    advice = _ADVICE_OF_DISK if error.errno == errno.EIO else _ADVICE_OF_PLACE
    if error.errno in _FULL:
        code, advice = "full", _ADVICE["full"]
    elif error.errno in _READ_ONLY:
        code, advice = "read_only", _ADVICE["read_only"]
    return _fault(code, path, error.strerror or str(error), advice)


def from_sqlite(error: sqlite3.Error, path: Path) -> StorageError:
    """The storage error for what SQLite said about the database at ``path``."""
    # An error of the sqlite3 module itself, as for a text that is no UTF-8, has neither.
    extended: int | None = getattr(error, "sqlite_errorcode", None)
    name: str = getattr(error, "sqlite_errorname", type(error).__name__)
    primary = None if extended is None else extended & 0xFF
    code = "failed" if primary is None else _CODES.get(primary, "failed")
    if primary == sqlite3.SQLITE_CANTOPEN and not os.access(path.parent, os.W_OK):
        code = "read_only"
    advice = _ADVICE_OF_DISK if primary == sqlite3.SQLITE_IOERR else _ADVICE[code]
    return _fault(code, path, f"{error} ({name})", advice)


def _fault(code: str, path: Path, said: str, advice: str) -> StorageError:
    return StorageError(f"{path}: {said}: {advice}", code=code)
