"""C8: what a client may read of an error, and what only the log says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from attrs import Factory, define

from pyactor.definition import Actor, Conn, action, hook
from pyactor.errors import ActorError, UserError

Play = Callable[..., None]


@define
class Params:
    fails: str = ""


class TooMany(UserError):
    code = "too_many"


class Hidden(ActorError):
    """An error that is not public."""

    group, code, public = "secret", "hidden", False


def _fail(how: str) -> None:
    match how:
        case "user":
            raise TooMany("at most 3", metadata={"limit": 3})
        case "plain":
            raise RuntimeError("the password is hunter2")
        case "hidden":
            raise Hidden("the password is hunter2", metadata={"password": "hunter2"})
        case _:
            return


class Faulty(Actor[None, None, Params], name="faulty", errors=(TooMany,)):
    @hook
    def on_connect(self, conn: Conn[None, Params]) -> None:
        _fail(conn.params.fails)

    @action
    async def fail(self, how: str) -> None:
        _fail(how)

    @action
    def lie(self) -> int:
        return "three"  # type: ignore[return-value] # on purpose


async def fail(stage: Any, where: str, how: str) -> Any:
    """The error as the client gets it from an action or from on_connect, over either way."""
    match where:
        case "action":
            peer = await stage.peer()
            call = peer.call("fail", how)
            await stage.settle()
            assert peer.closed is None
            return peer.answer(call)
        case "http action":
            return await stage.http("fail", how)
        case "on_connect":
            peer = await stage.peer(params={"fails": how})
            [error] = peer.received
            assert peer.closed == (1011, f"{error.group}.{error.code}")
            return error
        case _:
            return await stage.http("fail", "", params={"fails": how})


WHERE = pytest.mark.parametrize("where", ["action", "http action", "on_connect", "http on_connect"])


@WHERE
def test_a_user_error_arrives_whole(
    play: Play, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """Message and metadata, and it is nothing to log."""

    async def scene(stage: Any) -> None:
        error = await fail(stage, where, "user")
        assert (error.group, error.code) == ("user", "too_many")
        assert error.message == "at most 3"
        assert error.metadata == {"limit": 3}

    play(Faulty, scene)
    assert caplog.records == []


@WHERE
@pytest.mark.parametrize("how", ["plain", "hidden"])
def test_anything_else_is_an_internal_error(
    play: Play, caplog: pytest.LogCaptureFixture, where: str, how: str
) -> None:
    """The client reads nothing of it; the log has the traceback and says where."""

    async def scene(stage: Any) -> None:
        error = await fail(stage, where, how)
        assert (error.group, error.code) == ("core", "internal_error")
        assert error.message == "An internal error occurred"
        assert error.metadata is None

    play(Faulty, scene)
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert record.name == "pyactor.actor"
    what = "action 'fail'" if "action" in where else "hook 'on_connect'"
    assert what in record.getMessage()
    assert "faulty[a]" in record.getMessage()
    assert record.exc_info is not None
    assert "hunter2" in str(record.exc_info[1])


def test_a_result_of_another_type_is_an_internal_error(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        error = await stage.http("lie")
        assert (error.group, error.code) == ("core", "internal_error")

    play(Faulty, scene)
    assert "action 'lie'" in caplog.text
    assert "TypeError" in caplog.text


def _refuse_to_be_made() -> int:
    raise RuntimeError("the password is hunter2")


@define
class Unmade:
    number: int = Factory(_refuse_to_be_made)


class Unmakeable(Actor[None, Unmade], name="unmakeable"):
    @action
    def never(self) -> None: ...


def test_a_default_conn_state_that_raises_rejects_like_a_hook(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """C2, also where the class has no create_conn_state: nothing of the attempt is left."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        assert peer.errors == ["core.internal_error"]
        assert peer.closed == (1011, "core.internal_error")
        assert (await stage.http("never")).code == "internal_error"
        assert stage.instance.drivers == {}

    play(Unmakeable, scene)
    assert ["hook 'create_conn_state'" in record.getMessage() for record in caplog.records] == [
        True,
        True,
    ]


class Sleepless(Actor[None], name="sleepless"):
    @hook
    def on_wake(self) -> None:
        _fail("hidden")

    @action
    def never(self) -> None: ...


def test_a_start_that_fails_is_logged_once_whoever_waits_for_it(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Any) -> None:
        errors = await asyncio.gather(stage.http("never"), stage.http("never"))
        assert [(error.group, error.code) for error in errors] == [("core", "internal_error")] * 2
        assert {error.message for error in errors} == {"An internal error occurred"}

    play(Sleepless, scene)
    [record] = caplog.records
    assert record.name == "pyactor.actor"
    assert "sleepless[a]" in record.getMessage()
    assert record.exc_info is not None
    assert "hunter2" in str(record.exc_info[1])


def test_bad_calls_are_told_and_not_logged(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    """No such action, or arguments that do not fit: the client's mistake, in words."""

    async def scene(stage: Any) -> None:
        peer = await stage.peer()
        nope, bad = peer.call("nope"), peer.call("fail", 3)
        await stage.settle()
        error = peer.answer(nope)
        assert (error.group, error.code) == ("action", "not_found")
        assert "actions: fail, lie" in error.message
        error = peer.answer(bad)
        assert (error.group, error.code) == ("action", "invalid_arguments")
        assert "'how'" in error.message
        assert peer.closed is None

    play(Faulty, scene)
    assert caplog.records == []


def test_params_that_do_not_fit_never_reach_the_actor(play: Play) -> None:
    async def scene(stage: Any) -> None:
        peer = await stage.peer(params={"fails": 3})
        assert peer.errors == ["connection.invalid_params"]
        assert peer.closed == (1011, "connection.invalid_params")
        assert stage.instance.drivers == {}

    play(Faulty, scene)
