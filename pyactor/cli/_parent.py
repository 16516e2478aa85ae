"""The parent process of ``pyactor serve``: it holds the listening socket and runs the servers.

It runs as a script of its own, with the standard library only, so that it stays small and no code
of the user can end it. It never accepts: that is the server's, a child that inherits the socket.
While there is no server, new connects wait in the socket's backlog (wire-protocol.md, "What the
client does after errors": an official client that is refused once stays away for good).

A server begins as the *next* one: it imports the user's module and says ``LOADED``. Only once the
old one is gone is it told ``GO``, opens its data, accepts, and says ``READY``. So two processes
never own the data at once, code that does not load ends nothing, and the gap is short.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import threading
import time
from typing import NoReturn

LOADED = b"l"
GO = b"g"
READY = b"r"

HELD_BACK = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that are blocked when this script begins, and wait until it can receive them."""

_STOPS = (signal.SIGTERM, signal.SIGINT)
_TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGHUP)  # they reach the children too
_SECOND_AFTER = 1.0
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 10.0
_LONG_LIFE = 1.0


class Backoff:
    """How long to wait before a crashed server is replaced: not at all, then longer and longer."""

    def __init__(self) -> None:
        self._delay = 0.0

    def after(self, lived: float) -> float:
        """The pause after a server that lived so long; both in seconds."""
        delay = 0.0 if lived >= _LONG_LIFE else self._delay
        self._delay = min(max(2 * delay, _FIRST_DELAY), _LONGEST_DELAY)
        return delay


class Server:
    """One child process, from its start to its end."""

    def __init__(self, command: list[str], listener: int) -> None:
        self.line, theirs = socket.socketpair()
        with theirs:
            theirs.set_inheritable(True)
            argv = [*command, "--listener", str(listener), "--parent", str(theirs.fileno())]
            # Blocked until the child has said what they mean to it: Ctrl-C is the parent's.
            self.pid = os.posix_spawn(argv[0], argv, os.environ, setsigmask=_TERMINAL_SIGNALS)
        self.line.setblocking(False)
        self.started: float | None = None
        self.is_loaded = False
        self.kill_at: float | None = None
        """When it must be gone; None unless it was told to stop."""

    @property
    def lived(self) -> float:
        """Seconds since it was told to go."""
        return 0.0 if self.started is None else time.monotonic() - self.started

    def go(self) -> None:
        """Let it open its data and accept."""
        self.started = time.monotonic()
        with contextlib.suppress(OSError):  # it died meanwhile, which SIGCHLD tells
            self.line.send(GO)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal. It has not been waited for, so the pid is its own."""
        os.kill(self.pid, number)


class Parent:
    """Keeps one server running behind the socket until it is told to stop.

    Args:
        listener: The file descriptor of the listening socket.
        grace: Seconds that a server may take to stop.
        url: What is told to the user.
        command: What starts a server; the descriptors are appended.
    """

    def __init__(self, listener: int, grace: float, url: str, command: list[str]) -> None:
        self._listener = listener
        self._grace = grace
        self._url = url
        self._command = command
        self._selector = selectors.DefaultSelector()
        self._backoff = Backoff()
        self._server: Server | None = None
        self._next: Server | None = None
        self._start_at = 0.0
        self._was_ready = False
        self._is_stopping = False
        self._kill_from = 0.0
        self._exit_code = 0
        self._terminals = [number for number in range(3) if os.isatty(number)]

    def run(self) -> int:
        """Serve until a signal or a failed first start ends it; the exit code."""
        wakeups = _signals()
        self._selector.register(wakeups, selectors.EVENT_READ)
        while True:
            self._advance()
            if self._is_stopping and self._server is None:
                return self._exit_code
            for key, _ in self._selector.select(self._time_left()):
                if key.fileobj == wakeups:
                    for number in os.read(wakeups, 4096):
                        self._receive_signal(number)
                else:
                    self._receive_line(key.data)
            self._reap()

    # -------------------------------------------------------------- what to do next

    def _advance(self) -> None:
        server, following = self._server, self._next
        if self._is_stopping:
            self._discard_next()
            if server is not None:
                self._drain(server)
        elif following is None:
            if server is None and time.monotonic() >= self._start_at:
                self._start_next()
        elif following.is_loaded:
            if server is None:
                self._server, self._next = following, None
                following.go()
            elif server.kill_at is None:
                _say("restarting")
                self._drain(server)
        if server is not None and server.kill_at is not None and time.monotonic() > server.kill_at:
            _say(f"the server did not stop within {self._grace:g} s and is killed", error=True)
            server.kill_at = float("inf")
            server.send_signal(signal.SIGKILL)

    def _time_left(self) -> float | None:
        """Seconds until something is due; None if only a child or a signal can bring news."""
        if self._server is not None:
            due = self._server.kill_at
            if due == float("inf"):
                return None
        else:
            due = self._start_at if self._next is None else None
        return None if due is None else max(0.0, due - time.monotonic())

    def _start_next(self) -> None:
        try:
            self._next = Server(self._command, self._listener)
        except OSError as error:  # no memory, or a Python that was moved by a deploy
            self._receive_failed_start(f"cannot be started ({error.strerror})", 0)
        else:
            self._selector.register(self._next.line, selectors.EVENT_READ, self._next)

    def _drain(self, server: Server) -> None:
        """Have it stop by C15; what it takes too long for is cut."""
        if server.kill_at is None:
            server.kill_at = time.monotonic() + self._grace
            server.send_signal(signal.SIGTERM)

    def _discard_next(self) -> None:
        """End a server that has not begun; it holds nothing."""
        if self._next is not None:
            self._next.send_signal(signal.SIGKILL)
            self._forget(self._next)
            self._next = None

    def _forget(self, server: Server) -> None:
        with contextlib.suppress(KeyError):  # its end of the line was closed already
            self._selector.unregister(server.line)
        server.line.close()

    # -------------------------------------------------------------- what happened

    def _receive_signal(self, number: int) -> None:
        if number in _STOPS:
            if not self._is_stopping:
                self._stop()
            elif time.monotonic() >= self._kill_from:
                self._kill(128 + number)
        elif number == signal.SIGHUP and not self._is_stopping:
            if not all(map(os.isatty, self._terminals)):
                self._stop()  # the terminal was closed: nobody asks for a restart
            else:
                self._discard_next()
                self._start_next()

    def _stop(self) -> None:
        self._is_stopping = True
        # One wish may come as several signals: a process manager signals the whole group, and
        # the parent once more; a wrapper passes on what its child has got already.
        self._kill_from = time.monotonic() + _SECOND_AFTER
        _say("stopping")

    def _kill(self, code: int) -> None:
        self._exit_code = code
        if self._server is not None:
            self._server.kill_at = float("inf")
            self._server.send_signal(signal.SIGKILL)

    def _receive_line(self, server: Server) -> None:
        if server.line.fileno() < 0:
            return  # forgotten since the selector looked
        try:
            received = server.line.recv(16)
        except ConnectionError:
            received = b""
        if not received:
            self._selector.unregister(server.line)
        if LOADED in received:
            server.is_loaded = True
        if READY in received:
            _say("serving again" if self._was_ready else f"serving {self._url}   (Ctrl-C ends it)")
            self._was_ready = True

    def _reap(self) -> None:
        """Take note of every child that ended, also of orphans if this is a container's init."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                code = os.waitstatus_to_exitcode(status)
                if self._server is not None and pid == self._server.pid:
                    server, self._server = self._server, None
                    self._forget(server)
                    self._receive_end(server, code)
                elif self._next is not None and pid == self._next.pid:
                    server, self._next = self._next, None
                    self._forget(server)
                    self._receive_failed_start(_ended(code), code)

    def _receive_end(self, server: Server, code: int) -> None:
        if server.kill_at is None:
            self._receive_crash(_ended(code), code, server.lived)
        elif code not in (0, -signal.SIGTERM):
            # By SIGTERM it ends only before it has begun, or when all is saved.
            if code != -signal.SIGKILL:
                _say(f"the server {_ended(code)} while it stopped", error=True)
            if self._is_stopping:
                self._exit_code = self._exit_code or 1

    def _receive_failed_start(self, what: str, code: int) -> None:
        if self._server is None or self._server.kill_at is not None:
            self._receive_crash(what, code, lived=0.0)  # however long it took to load
        else:
            _say(f"the new server {what}; the old one goes on", error=True)

    def _receive_crash(self, what: str, code: int, lived: float) -> None:
        """Replace it; but a first start that fails has nothing to go back to."""
        if self._is_stopping:
            return
        if not self._was_ready:
            if code <= 0:  # else it has said itself what is wrong
                _say(f"the first server {what}", error=True)
            self._is_stopping = True
            self._exit_code = 128 - code if code < 0 else code or 1
            return
        delay = self._backoff.after(lived)
        when = f"in {delay:g} s" if delay else "at once"
        _say(f"the server {what}; it starts again {when}", error=True)
        self._start_at = time.monotonic() + delay


def watch(directory: str) -> None:
    """Send this process SIGHUP, in a thread, whenever a Python file below a directory changes."""
    import watchfiles  # noqa: PLC0415 - an extra, and large

    def follow() -> None:
        for _ in watchfiles.watch(directory, watch_filter=watchfiles.PythonFilter()):
            os.kill(os.getpid(), signal.SIGHUP)

    threading.Thread(target=follow, daemon=True).start()


def _signals() -> int:
    """A descriptor that brings the number of each signal as a byte."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (*HELD_BACK, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
    return reading


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    with contextlib.suppress(ValueError):  # the real-time signals have no names
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def _say(text: str, *, error: bool = False) -> None:
    """Tell the user; a reader that is gone is no reason to stop serving."""
    with contextlib.suppress(OSError):
        os.write(2 if error else 1, f"{text}\n".encode())


def _main(listener: str, grace: str, url: str, watched: str, *command: str) -> NoReturn:
    parent = Parent(int(listener), float(grace), url, list(command))
    if watched:
        watch(watched)
    code = parent.run()
    os._exit(code)  # not sys.exit: a thread that watches files must not be met on the way out


if __name__ == "__main__":
    _main(*sys.argv[1:])
