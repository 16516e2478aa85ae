"""Four ways to call an actor, two of them without a line of the package's client.

Each call has one of three ends: an answer, ``Refused`` with an error of the host, or ``Gone``,
where nobody knows whether it was done.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import cbor2
from typing_extensions import override
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from pyactor import ActorError, Client, Connection, ConnectionLost, HostUnreachable

from .actors import ACTORS, Birth

Answer = dict[str, Any]


class Gone(Exception):
    """The connection ended before the answer came."""


class Refused(Exception):
    """The host answered with an error."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class Caller(ABC):
    """A client that calls one actor at a time by its key."""

    @abstractmethod
    async def call(self, actor: str, key: str, action: str, *args: Any) -> Answer:
        """The answer of an action of an actor that exists.

        Raises:
            Gone: It may have been done or not.
            Refused: The host's error.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of what is open."""


class Stateless(Caller):
    """The package's client, with a request for each call; it can create, too."""

    def __init__(self, url: str) -> None:
        self._client = Client(url)

    @override
    async def call(self, actor: str, key: str, action: str, *args: Any) -> Answer:
        handle = self._client.actor(ACTORS[actor]).get(key)
        answer: Answer = await _answer(handle.call_by_name(action, *args))
        return answer

    async def create(self, actor: str, key: str, number: int) -> str:
        """The id of the actor, made if there is none."""
        kind: Any = self._client.actor(ACTORS[actor])
        given = {"input": Birth(number)} if actor == "journal" else {}
        return str(await _answer(kind.get_or_create(key, **given).resolve()))

    @override
    async def close(self) -> None:
        await self._client.aclose()


class Connected(Caller):
    """The package's client, with a connection that is opened again when it is lost."""

    def __init__(self, url: str) -> None:
        self._client = Client(url)
        self._open: dict[tuple[str, str], Connection[Any]] = {}

    @override
    async def call(self, actor: str, key: str, action: str, *args: Any) -> Answer:
        try:
            connection = self._open.get((actor, key))
            if connection is None:
                handle = self._client.actor(ACTORS[actor]).get(key)
                connection = handle.connect()
                await _answer(connection.__aenter__())
                self._open[actor, key] = connection
            answer: Answer = await _answer(connection.call_by_name(action, *args))
        except (Gone, Refused):
            lost = self._open.pop((actor, key), None)
            if lost is not None:
                await lost.close()
            raise
        return answer

    @override
    async def close(self) -> None:
        await self._client.aclose()


async def _answer(call: Any) -> Any:
    try:
        return await call
    except (ConnectionLost, HostUnreachable) as error:
        raise Gone(str(error)) from error
    except ActorError as error:
        raise Refused(error.name, error.message) from error


class RawHttp(Caller):
    """HTTP/1.1 by hand, on one connection as long as it lasts."""

    def __init__(self, url: str) -> None:
        self._port = int(url.rpartition(":")[2])
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @override
    async def call(self, actor: str, key: str, action: str, *args: Any) -> Answer:
        target = f"/gateway/{actor}/action/{action}?rvt-method=get&rvt-key={key}"
        status, body = await self.request("POST", target, {"args": args})
        if status != 200:
            raise Refused(f"{body['group']}.{body['code']}", body["message"])
        output: Answer = body["output"]
        return output

    async def create(self, actor: str, key: str, number: int) -> str:
        """The id of the actor, made if there is none."""
        asked: dict[str, Any] = {"name": actor, "key": key}
        if actor == "journal":
            asked["input"] = base64.b64encode(cbor2.dumps({"number": number})).decode()
        status, body = await self.request("PUT", "/actors", asked)
        if status != 200:
            raise Refused(f"{body['group']}.{body['code']}", body["message"])
        return str(body["actor"]["actor_id"])

    async def request(self, method: str, target: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON of an answer.

        Raises:
            Gone: It did not come.
        """
        try:
            return await self._exchange(method, target, b"" if body is None else _json(body))
        except (OSError, EOFError) as error:
            await self.close()
            raise Gone(str(error)) from error

    async def _exchange(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**24)
        reader, writer = self._streams
        head = f"{method} {target} HTTP/1.1\r\nhost: x\r\nx-rivet-encoding: json\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        answer = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            await self.close()
        return int(lines[0].split()[1]), json.loads(answer)

    @override
    async def close(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class RawWebSocket(Caller):
    """JSON frames by hand."""

    def __init__(self, url: str) -> None:
        self._base = url.replace("http:", "ws:")
        self._open: dict[tuple[str, str], ClientConnection] = {}
        self._ids = itertools.count(1)

    @override
    async def call(self, actor: str, key: str, action: str, *args: Any) -> Answer:
        try:
            return await self._call(actor, key, action, args)
        except (OSError, WebSocketException) as error:
            await self._forget(actor, key)
            raise Gone(str(error)) from error
        except Refused:
            await self._forget(actor, key)
            raise

    async def _call(self, actor: str, key: str, action: str, args: tuple[Any, ...]) -> Answer:
        socket = self._open.get((actor, key))
        if socket is None:
            target = f"{self._base}/gateway/{actor}/connect?rvt-method=get&rvt-key={key}"
            offered = [Subprotocol("rivet"), Subprotocol("rivet_encoding.json")]
            socket = await connect(target, subprotocols=offered, proxy=None, open_timeout=30)
            self._open[actor, key] = socket
        call_id = next(self._ids)
        request = {"id": ["$BigInt", str(call_id)], "name": action, "args": list(args)}
        await socket.send(json.dumps({"body": {"tag": "ActionRequest", "val": request}}))
        while True:
            match json.loads(await socket.recv())["body"]:
                case {"tag": "Error", "val": error}:
                    raise Refused(f"{error['group']}.{error['code']}", error["message"])
                case {"tag": "ActionResponse", "val": {"output": dict(output)}}:
                    return output

    async def _forget(self, actor: str, key: str) -> None:
        socket = self._open.pop((actor, key), None)
        if socket is not None:
            await socket.close()

    @override
    async def close(self) -> None:
        for actor, key in list(self._open):
            await self._forget(actor, key)


def _json(value: Mapping[str, Any] | object) -> bytes:
    return json.dumps(value).encode()
