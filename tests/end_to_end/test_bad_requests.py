"""Requests and messages that nobody can serve, over real sockets: each gets its named error."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Play, Stage

BAD_PARAMS = ["{", "3", '{"fault": 3}', '{"no_such": ""}', '{"fault": "' + "x" * 5_000 + '"}']
REQUEST = '{"body":{"tag":"ActionRequest","val":{"id":%s,"name":"echo","args":%s}}}'
HUGE = {"args": ["x" * 70_000]}


# ------------------------------------------------------------------ plain HTTP


@pytest.mark.parametrize(
    ("method", "target", "status", "name"),
    [
        ("GET", "/nowhere", 404, "guard.no_route"),
        ("POST", "/gateway/no-such-id/action/echo", 404, "actor.not_found"),
        ("POST", "/gateway/nobody/action/echo?rvt-method=get", 400, "actor.not_registered"),
        ("POST", "/gateway/room/action/echo?rvt-method=take", 400, "actor.invalid_request"),
        ("POST", "/gateway/room/action/echo?rvt-key=b", 404, "actor.not_found"),
        ("POST", "/gateway/room/action/fly?rvt-key=a", 404, "action.not_found"),
        ("POST", "/gateway/room/fly?rvt-key=a", 404, "guard.no_route"),
        ("GET", "/gateway/room/action/echo?rvt-key=a", 405, "actor.method_not_allowed"),
    ],
)
def test_a_request_to_what_is_not_there(
    play: Play, method: str, target: str, status: int, name: str
) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.http() as client:
            answer = await client.request(method, target, content=b'{"args":[]}')
        error = answer.json()
        assert (answer.status_code, f"{error['group']}.{error['code']}") == (status, name)
        assert error["message"]

    play(scenario)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "argument 'text' is missing"),
        ([3], "argument 'text': expected str, got int"),
        (["a", {"loud": "yes"}], "argument 'loud': expected bool, got str"),
        (["a", {"quiet": True}], "'quiet'"),
        (["a", {}, "b"], "at most 2"),
        (["a", "b"], "expected an object with loud, got str"),
    ],
)
def test_arguments_of_the_wrong_type_number_or_name(
    play: Play, args: list[object], words: str
) -> None:
    async def scenario(stage: Stage) -> None:
        assert await stage.post("echo", *args) == (400, "action.invalid_arguments")
        socket = await stage.joined()
        await socket.call("echo", *args)
        name, error = await socket.error()
        assert name == "action.invalid_arguments"
        assert words in error["message"]
        await socket.call("echo", "on", {"loud": True})
        assert await socket.output() == "ON"

    play(scenario)


@pytest.mark.parametrize("params", BAD_PARAMS)
def test_params_that_do_not_fit(play: Play, params: str) -> None:
    async def scenario(stage: Stage) -> None:
        ran = list(stage.actor.ran)
        name = "connection.invalid_params"
        assert await stage.post("echo", "a", headers={"x-rivet-conn-params": params}) == (400, name)
        socket = await stage.open(params=params)
        assert await socket.rejection() == (name, 1011, name)
        assert stage.actor.ran == ran

    play(scenario)


@pytest.mark.parametrize(
    ("content", "headers", "status", "name"),
    [
        (b"{", {}, 400, "actor.invalid_request"),
        (b'{"args": 3}', {}, 400, "actor.invalid_request"),
        (b"\xff", {}, 400, "actor.invalid_request"),
        (b"[" * 50_000, {}, 400, "actor.invalid_request"),
        (json.dumps(HUGE).encode(), {}, 413, "message.incoming_too_long"),
        (None, {"x-rivet-encoding": "morse"}, 400, "actor.unsupported_websocket_encoding"),
        (None, {"x-large": "x" * 70_000}, 431, "message.incoming_too_long"),
    ],
    ids=["malformed", "no list", "no UTF-8", "deep", "long", "encoding", "long head"],
)
def test_a_request_that_cannot_be_read(
    play: Play, content: bytes | None, headers: dict[str, str], status: int, name: str
) -> None:
    async def scenario(stage: Stage) -> None:
        answer = await stage.post("echo", "a", content=content, headers=headers)
        assert answer == (status, name)

    play(scenario)


@pytest.mark.parametrize(
    ("request_bytes", "status", "name"),
    [
        (b"nonsense\r\n\r\n", b"400", "actor.invalid_request"),
        (
            b"POST /actors HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n",
            b"413",
            "message.incoming_too_long",
        ),
    ],
)
def test_bytes_that_are_no_request(
    play: Play, request_bytes: bytes, status: bytes, name: str
) -> None:
    async def scenario(stage: Stage) -> None:
        reader, writer = await stage.bytes_in(request_bytes)
        writer.write_eof()
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        error = json.loads(body)
        assert head.split()[1] == status
        assert f"{error['group']}.{error['code']}" == name
        writer.close()
        await writer.wait_closed()

    play(scenario)


# ------------------------------------------------------------------ websockets


@pytest.mark.parametrize(
    ("how", "name", "code"),
    [
        ({"name": "nobody"}, "actor.not_registered", 1011),
        ({"query": "&rvt-method=get&rvt-key=b"}, "actor.not_found", 1011),
        ({"query": "&rvt-input=%21"}, "actor.invalid_request", 1011),
        ({"name": "room/nowhere"}, "guard.no_route", 1011),
    ],
)
def test_a_websocket_to_what_is_not_there(
    play: Play, how: dict[str, Any], name: str, code: int
) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.open(**how)
        assert await socket.rejection() == (name, code, name)

    play(scenario)


def test_an_encoding_that_nobody_speaks(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.open(encoding="morse")
        # No frame before it: there is no encoding for one.
        name = "actor.unsupported_websocket_encoding"
        assert await socket.until_closed() == ([], 1003, name)

    play(scenario)


def test_input_that_does_not_fit(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        three = urlsafe_b64encode(b"\x03").decode()
        socket = await stage.open(query=f"&rvt-key=new&rvt-input={three}")
        assert (await socket.rejection())[0] == "actor.invalid_input"
        assert len(stage.host.directory.instances) == 1

    play(scenario)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("{", "actor.invalid_request"),
        ("[]", "actor.invalid_request"),
        ('{"body":{"tag":"Nonsense","val":{}}}', "actor.invalid_request"),
        (REQUEST % ('"x"', "[]"), "actor.invalid_request"),
        (REQUEST % ("1", "3"), "actor.invalid_request"),
        (b"\x00binary", "actor.invalid_request"),
        ("[" * 50_000, "actor.invalid_request"),
        ("x" * (64 * 1024 + 1), "message.incoming_too_long"),
        ("\u00e9" * (32 * 1024 + 1), "message.incoming_too_long"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_message_that_cannot_be_read_ends_its_connection(
    play: Play, frame: str | bytes, reason: str
) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.joined()
        await socket.send(frame)
        assert await socket.until_closed() == ([], 1011, reason)

    play(scenario)


def test_a_message_at_the_limit_is_read(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.joined()
        text = "x" * (64 * 1024 - len(REQUEST % ("1", '[""]')))
        await socket.send(REQUEST % ("1", f'["{text}"]'))
        assert await socket.output() == text

    play(scenario)


def test_a_frame_over_the_hard_cap_is_refused_by_its_head(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.joined()
        socket.transport.write(b"\x81\xff" + (2**40).to_bytes(8, "big") + b"mask")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009

    play(scenario)


@pytest.mark.parametrize("name", ["fly", "on_connect", "__init__", "_maybe_fail"])
def test_an_unknown_action(play: Play, name: str) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.joined()
        await socket.call(name)
        answered, error = await socket.error()
        assert answered == "action.not_found"
        assert f"{name!r} (actions: echo, act, say, say_wrong)" in error["message"]
        await socket.call("echo", "on")
        assert await socket.output() == "on"

    play(scenario)


def test_an_unknown_event(play: Play) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.joined()
        await socket.subscribe("flown")
        name, error = await socket.error()
        assert (name, error["actionId"]) == ("event.not_found", None)
        assert "'flown' (events: said, filled)" in error["message"]
        await socket.call("echo", "on")
        assert await socket.output() == "on"

    play(scenario)
