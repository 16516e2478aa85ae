"""The pytest plugin: what its failures say, and what it leaves alone.

Each test starts a pytest of its own.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytest_plugins = "pytester"

# ------------------------------------------------------------------ what a failure says

ROOM = """
from __future__ import annotations
import asyncio
import pytest
from pyactor import Actor, Event, action

class Room(Actor[None], name="room"):
    said = Event[str]()

    @action
    def say(self, text: str) -> str:
        self.said.broadcast(text)
        return text
"""


def run(pytester: pytest.Pytester, source: str, *args: str) -> pytest.RunResult:
    pytester.makepyfile(ROOM + textwrap.dedent(source))
    return pytester.runpytest_inprocess("-W", "error", *args)


def test_the_last_of_every_connection_is_shown(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        async def test_it(connect):
            room = await connect(Room, "a")
            assert await room.rpc.say("hi") == "ho"
        """,
        "-p",
        "no:anyio",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '>*assert await room.rpc.say("hi") == "ho"',
            "E*AssertionError: assert 'hi' == 'ho'",
            "*- connection 1 to Room('a') -*",
            " *0.000 s  open",
            " *0.000 s  -> say('hi')",
            " *0.000 s  event said 'hi'",
            " *0.000 s  <- say returned 'hi'",
        ]
    )
    result.stdout.no_fnmatch_line("*_plugin.py*")


def test_a_failed_expectation_points_at_the_test(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        async def test_it(connect):
            room = await connect(Room, "a")
            await room.expect(Room.said)
        """,
    )
    result.stdout.fnmatch_lines(
        [
            ">*await room.expect(Room.said)",
            "E*AssertionError: expected Room.said within 5 s on connection 1 to Room('a'); what*",
            "E*nothing",
            "*test_a_failed_expectation_points_at_the_test.py:*: AssertionError",
        ]
    )
    result.stdout.no_fnmatch_line("*_expect.py*")


def test_what_waits_for_ever_is_told_where(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        async def test_it(connect):
            await connect(Room, "a")
            await asyncio.Event().wait()
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">*await asyncio.Event().wait()",
            "E*Deadlock: everything waits for something that never comes*",
            "E*in test_it",
        ]
    )


LEAK = """
async def test_it(connect):
    await connect(Room, "a")
    room = asyncio.create_task(asyncio.Event().wait(), name="mine")
    connect.room = room
    {}
"""


def test_what_is_left_behind_is_an_error(pytester: pytest.Pytester) -> None:
    result = run(pytester, LEAK.format("pass"))
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["a task was left behind:", "*task mine", "*in Event.wait"])


def test_a_task_that_will_not_end_is_left_behind(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        async def stubborn():
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    pass

        async def test_it(connect):
            connect.task = asyncio.create_task(stubborn())
            await asyncio.sleep(0)
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["a task was left behind:", "*in stubborn"])


def test_a_deadlock_fails_also_what_bears_to_be_cancelled(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        async def test_it(connect):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*Deadlock: everything waits for something that never comes*"])


def test_a_host_that_does_not_stop_is_an_error(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        async def test_it(actor_host):
            host = actor_host(Room)
            host.client.aclose = asyncio.Event().wait
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["the host does not stop: everything waits for something*"])


def test_a_test_that_failed_is_told_nothing_more(pytester: pytest.Pytester) -> None:
    run(pytester, LEAK.format("assert False")).assert_outcomes(failed=1)


def test_an_exception_that_nobody_saw_is_an_error(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        async def test_it(connect):
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
            await asyncio.sleep(1)
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["the event loop was told of a fault: *", "ZeroDivisionError: *"])


def test_skips_and_expected_failures_are_what_they_are(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        async def test_skip(connect):
            pytest.skip("not now")

        @pytest.mark.xfail
        async def test_xfail(connect):
            assert False

        @pytest.mark.parametrize("text", ["a", "b"])
        async def test_twice(connect, text):
            room = await connect(Room, "a")
            assert await room.rpc.say(text) == text
        """,
    )
    result.assert_outcomes(skipped=1, xfailed=1, passed=2)


def test_a_test_is_called_as_pytest_calls_it(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        from unittest.mock import patch

        @patch("asyncio.current_task")
        async def test_patched(current_task, connect, text="default"):
            assert asyncio.current_task is current_task
            assert text == "default"
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_test_that_is_not_async_is_told_so(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_it(connect): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["test_it uses actor_host or connect*write async def"])


def test_an_async_fixture_yields_once(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        @pytest.fixture
        async def twice():
            yield 1
            yield 2

        async def test_it(connect, twice):
            assert twice == 1
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the async fixture twice yields more than once*"])


def test_an_async_fixture_of_many_tests_has_no_loop_here(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        @pytest.fixture(scope="module")
        async def shared():
            return 1

        async def test_it(connect, shared):
            pass
        """,
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*requested an async fixture 'shared'*with no plugin*"])


# ------------------------------------------------------------------ what it leaves alone


def test_async_tests_of_others_are_left_alone(pytester: pytest.Pytester) -> None:
    result = run(pytester, "async def test_it(): pass")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["async def functions are not natively supported.*"])


def test_it_lives_with_a_plugin_that_takes_every_async_test(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        from pyactor.testing import VirtualLoop

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.fixture
        async def loop():
            yield asyncio.get_running_loop()
            await asyncio.sleep(0)

        async def test_of_anyio(loop):
            assert asyncio.get_running_loop() is loop
            assert not isinstance(loop, VirtualLoop)

        async def test_of_ours(loop, connect):
            assert asyncio.get_running_loop() is loop
            assert isinstance(loop, VirtualLoop)
            await asyncio.sleep(1000)

        async def test_of_anyio_again(loop):
            assert not isinstance(loop, VirtualLoop)
        """,
        "-p",
        "anyio",
        "-o",
        "anyio_mode=auto",
    )
    result.assert_outcomes(passed=3)


def test_a_run_of_pytest_does_not_pay_for_hypothesis_nor_for_the_fixtures() -> None:
    code = "import sys, pyactor.testing.pytest_plugin; print(*sys.modules)"
    command = (sys.executable, "-c", code)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"hypothesis", "pyactor.testing._plugin"} & set(done.stdout.split())
