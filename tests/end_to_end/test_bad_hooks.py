"""Hooks and actions that raise, hang or return the wrong type, over real sockets (C2, C8, C11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Play, Stage

REJECTING = ["on_before_connect", "create_conn_state", "on_connect"]
FAULTS = [
    *((f"raise {hook}", "core.internal_error", 500) for hook in REJECTING),
    *((f"refuse {hook}", "user.refused", 400) for hook in REJECTING),
    *((f"hang {hook}", "actor.callback_timed_out", 400) for hook in REJECTING),
    ("mistype create_conn_state", "core.internal_error", 500),
]


@pytest.mark.parametrize(("fault", "name", "status"), FAULTS)
def test_a_hook_that_fails_rejects_its_connection_alone(
    play: Play, caplog: pytest.LogCaptureFixture, fault: str, name: str, status: int
) -> None:
    async def scenario(stage: Stage) -> None:
        del stage.actor.ran[:]
        socket = await stage.open(fault)
        assert await socket.rejection() == (name, 1011, name)
        assert await stage.post("echo", "never", fault=fault) == (status, name)
        # No later hook ran, neither for the websocket nor for the call (C2).
        before = REJECTING[: REJECTING.index(fault.split()[1])]
        returned = [*before, fault.split()[1]] if fault.startswith("mistype") else before
        assert stage.actor.ran == returned * 2
        stage.actor.ran.append("on_connect")  # the bystander's, cleared above

    play(scenario, hasty=fault.startswith("hang"))
    # What the client may not see is logged in full; what it was told is not (C8).
    logged = [record.exc_info for record in caplog.records if "failed" in record.message]
    assert len(logged) == (2 if name == "core.internal_error" else 0)


@pytest.mark.parametrize("fault", ["raise on_disconnect", "hang on_disconnect"])
def test_on_disconnect_that_fails_stops_nothing(
    play: Play, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.joined(fault)
        await socket.close()
        assert (socket.close_code, socket.close_reason) == (1000, "")
        # The answer of a stateless call stands, whatever its on_disconnect did.
        assert await stage.post("echo", "hi", fault=fault) == (200, "hi")

    play(scenario, hasty=fault.startswith("hang"))
    assert sum("hook 'on_disconnect'" in record.message for record in caplog.records) == 2


@pytest.mark.parametrize(
    ("fault", "name", "status"),
    [
        ("raise act", "core.internal_error", 500),
        ("refuse act", "user.refused", 400),
        ("hang act", "action.timed_out", 408),
        ("mistype act", "core.internal_error", 500),
    ],
)
def test_an_action_that_fails_is_answered_and_its_connection_goes_on(
    play: Play, fault: str, name: str, status: int
) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.joined()
        await socket.call("act", fault, id=7)
        answered, error = await socket.error()
        assert (answered, error["actionId"]) == (name, ["$BigInt", "7"])
        assert error.get("metadata") == ({"where": "act"} if name == "user.refused" else None)
        await socket.call("act", "")
        assert await socket.output() == 3
        assert await stage.post("act", fault) == (status, name)

    play(scenario, hasty=fault.startswith("hang"))


@pytest.mark.parametrize("directly", [True, False])
def test_a_payload_of_the_wrong_type_reaches_nobody(
    play: Play, caplog: pytest.LogCaptureFixture, *, directly: bool
) -> None:
    async def scenario(stage: Stage) -> None:
        socket = await stage.joined()
        await socket.subscribe("said")
        await socket.call("say_wrong", {"directly": directly})
        assert (await socket.error())[0] == "core.internal_error"
        await socket.call("echo", "on")
        assert await socket.output() == "on"

    play(scenario)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "event 'said'" in str(record.exc_info[1])
    assert "expected str, got int" in str(record.exc_info[1])
