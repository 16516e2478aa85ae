"""Whether a server does the work that is going to be timed: a short conversation with it.

Every server is checked in every run, before the load meets it.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, ClassVar, Self

from typing_extensions import override
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from pyactor.wire import messages
from pyactor.wire.codecs import codec_for

from ._servers import Server

TIMEOUT = 20.0
"""Seconds for one answer."""


class WrongAnswerError(Exception):
    """A server is not to be timed: it does not do what it should."""


class Talker(ABC):
    """One client in one dialect."""

    subprotocols: ClassVar[tuple[str, ...]] = ()

    def __init__(self, server: Server, port: int, key: str) -> None:
        """Prepare; the client is connected, and greeted, as a context manager."""
        self._connecting = connect(
            f"ws://127.0.0.1:{port}{server.path_of(key)}",
            subprotocols=self.subprotocols or None,  # type: ignore[arg-type] # a NewType of str
            compression=None,
            max_size=None,
            proxy=None,
        )
        self._id = 0

    def __enter__(self) -> Self:
        self._socket = self._connecting.__enter__()
        try:
            self._greet()
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connecting.__exit__(kind, error, trace)

    def call(self, action: str, argument: Any) -> Any:
        """The result of an action."""
        self._id += 1
        self._send(self._request(self._id, action, argument))
        return self._await("response")

    def subscribe(self, event: str) -> None:
        """Return once the server knows."""
        self._send(self._subscription(event))
        self.call("add", 1)

    def event(self) -> Any:
        """What the next event carries."""
        return self._await("event")

    def _send(self, message: str | bytes) -> None:
        self._socket.send(message)

    def _receive(self) -> str | bytes:
        message: str | bytes = self._socket.recv(timeout=TIMEOUT)
        return message

    def _await(self, kind: str) -> Any:
        while True:
            got, value = self._read(self._receive())
            if got == kind:
                return value
            if got == "other":
                raise WrongAnswerError(f"expected a {kind}, got {value!r}")

    @abstractmethod
    def _greet(self) -> None: ...

    @abstractmethod
    def _request(self, number: int, action: str, argument: Any) -> str | bytes: ...

    @abstractmethod
    def _subscription(self, event: str) -> str | bytes: ...

    @abstractmethod
    def _read(self, data: str | bytes) -> tuple[str, Any]:
        """(``response``, output), (``event``, payload), (``ping``, …) or (``other``, …)."""


class JsonTalker(Talker):
    """The actor protocol in JSON, with nothing of ours."""

    subprotocols: ClassVar[tuple[str, ...]] = ("rivet", "rivet_encoding.json")

    @override
    def _greet(self) -> None:
        body = json.loads(self._receive())["body"]
        if body["tag"] != "Init":
            raise WrongAnswerError(f"no Init: {body}")

    @override
    def _request(self, number: int, action: str, argument: Any) -> str:
        value = {"id": ["$BigInt", f"{number}"], "name": action, "args": [argument]}
        return json.dumps({"body": {"tag": "ActionRequest", "val": value}})

    @override
    def _subscription(self, event: str) -> str:
        value = {"eventName": event, "subscribe": True}
        return json.dumps({"body": {"tag": "SubscriptionRequest", "val": value}})

    @override
    def _read(self, data: str | bytes) -> tuple[str, Any]:
        body = json.loads(data)["body"]
        value = body["val"]
        if body["tag"] == "ActionResponse" and value["id"] == ["$BigInt", f"{self._id}"]:
            return "response", value["output"]
        if body["tag"] == "Event" and value["name"] == "changed":
            return "event", value["args"][0]
        return "other", body


class BareTalker(Talker):
    """The actor protocol in BARE, by the codec that the npm package has proved."""

    subprotocols: ClassVar[tuple[str, ...]] = ("rivet", "rivet_encoding.bare")
    codec = codec_for("bare")

    @override
    def _greet(self) -> None:
        first = self.codec.decode_to_client(self._receive())
        if not isinstance(first, messages.Init):
            raise WrongAnswerError(f"no Init: {first}")

    @override
    def _request(self, number: int, action: str, argument: Any) -> str | bytes:
        request = messages.ActionRequest(number, action, [argument])
        return self.codec.encode_to_server(request, 4)

    @override
    def _subscription(self, event: str) -> str | bytes:
        return self.codec.encode_to_server(messages.SubscriptionRequest(event, True), 4)

    @override
    def _read(self, data: str | bytes) -> tuple[str, Any]:
        message = self.codec.decode_to_client(data)
        if isinstance(message, messages.ActionResponse) and message.id == self._id:
            return "response", message.output
        if isinstance(message, messages.Event) and message.name == "changed":
            return "event", message.args[0]
        return "other", message


class SocketioTalker(Talker):
    """Engine.IO 4 with Socket.IO 5."""

    @override
    def _greet(self) -> None:
        first = self._receive()
        self._send("40")
        second = self._receive()
        if not (str(first).startswith("0{") and str(second).startswith("40")):
            raise WrongAnswerError(f"no Socket.IO: {first!r}, {second!r}")

    @override
    def _request(self, number: int, action: str, argument: Any) -> str:
        return f"42{number}{json.dumps([action, argument])}"

    @override
    def _subscription(self, event: str) -> str:
        return f"42{json.dumps(['subscribe', event])}"

    @override
    def _read(self, data: str | bytes) -> tuple[str, Any]:
        text = str(data)
        answer = f"43{self._id}["
        if text.startswith(answer):
            return "response", json.loads(text[len(answer) - 1 :])[0]
        if text.startswith('42["changed"'):
            return "event", json.loads(text[2:])[1]
        if text == "2":
            self._send("3")
            return "ping", None
        return "other", text


TALKERS: dict[str, type[Talker]] = {
    "json": JsonTalker,
    "bare": BareTalker,
    "socketio": SocketioTalker,
}


@contextmanager
def talk(server: Server, port: int, key: str) -> Iterator[Talker]:
    """A client of the server.

    RivetKit's engine closes a first connection that comes while its actor is being made.
    """
    deadline = time.monotonic() + TIMEOUT
    with ExitStack() as stack:
        talker: Talker | None = None
        while talker is None:
            try:
                talker = stack.enter_context(TALKERS[server.dialect](server, port, key))
            except (ConnectionClosed, OSError):
                if not server.is_actor or server.is_ours or time.monotonic() > deadline:
                    raise
                time.sleep(0.25)
        yield talker


def check(server: Server, port: int, key: str) -> None:
    """Talk with the actor of that key, and end with nothing subscribed.

    Raises:
        WrongAnswerError: An answer is not the right one.
    """
    with talk(server, port, key) as first, talk(server, port, key) as second:
        start = first.call("add", 1)
        _expect("add(1)", first.call("add", 1), start + 1)
        _expect("add(40)", second.call("add", 40), start + 41)
        _expect("echo", first.call("echo", "grüße " * 100), "grüße " * 100)
        second.subscribe("changed")
        _expect("publish(3)", first.call("publish", 3), start + 45)
        _expect("the event", second.event(), start + 45)
        if server.is_ours:
            _expect("save(1)", first.call("save", 1), start + 46)


def _expect(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise WrongAnswerError(f"{what}: expected {expected!r}, got {got!r}")
