"""The pytest plugin of pyactor: async tests in virtual time, with an actor host at hand.

Fixtures ``actor_host`` and ``connect``. A test that uses one of them, directly or through another
fixture, is run here, and so are its async fixtures; nothing else is touched. Every run of pytest
loads this module, whether it tests actors or not, so what the fixtures need is imported by them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from ._plugin import Stage
    from .fixtures import ActorHostFactory, Connect

_STAGE = "_pyactor_stage"
"""The fixture below, which every test of ours has among its fixtures."""


# ------------------------------------------------------------------ fixtures


@pytest.fixture(name=_STAGE)
def _stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The virtual loop of one test, and everything that was begun on it."""
    if not _is_async(getattr(request.node, "obj", None)):
        pytest.fail(
            f"{request.node.name} uses actor_host or connect, which work in virtual time: "
            "write async def",
            pytrace=False,
        )
    from ._plugin import Stage  # noqa: PLC0415 - what no other test need pay for

    stage = Stage()
    yield stage
    found = stage.finish()
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.fixture
def actor_host(_pyactor_stage: Stage) -> ActorHostFactory:
    """Makes a host of some actors, in virtual time.

    ``host = actor_host(ChatRoom)``. It is stopped at the end of the test, which fails if anything
    is left running.
    """
    return _pyactor_stage.actor_host


@pytest.fixture
def connect(_pyactor_stage: Stage) -> Connect:
    """Connects to an actor.

    ``conn = await connect(ChatRoom, "general")``. The connection keeps what arrives:
    ``await conn.expect(ChatRoom.message_posted)``.
    """
    return _pyactor_stage.connect


# ------------------------------------------------------------------ which tests, and how they run


def pytest_itemcollected(item: pytest.Item) -> None:
    """Take over a test that uses our fixtures, whatever another plugin means to do with it."""
    if isinstance(item, pytest.Function) and _STAGE in item.fixturenames and _is_async(item.obj):
        item.runtest = partial(_run_test, item)  # type: ignore[method-assign]


def _run_test(item: pytest.Function) -> None:
    """Run a test in its virtual loop; in place of ``Function.runtest``."""
    __tracebackhide__ = True
    stage = cast("Stage", item.funcargs[_STAGE])
    # Not all of its signature: there are defaults, and what unittest.mock.patch fills in.
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    stage.run(item.obj(**arguments))
    stage.passed = True


# Before other plugins, which so find a fixture that is not async and leave it alone.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Run an async fixture of one of our tests in the loop of the test."""
    function = fixturedef.func
    if (
        _STAGE not in request.fixturenames
        or fixturedef.scope != "function"
        or not (_is_async(function) or inspect.isasyncgenfunction(function))
    ):
        return (yield)
    stage: Stage = request.getfixturevalue(_STAGE)
    if inspect.ismethod(function) and isinstance(request.instance, type(function.__self__)):
        function = function.__func__.__get__(request.instance)  # of the test, not of collection
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixturedef, "func", _sync(stage, function))
        return (yield)


def _sync(stage: Stage, function: Callable[..., Any]) -> Callable[..., Any]:
    """An async fixture as one that is not, for pytest."""

    def value(**arguments: Any) -> object:
        return stage.run(function(**arguments))

    def generator(**arguments: Any) -> Iterator[object]:
        values = function(**arguments)
        yield stage.run(anext(values))
        if stage.run(anext(values, _END)) is not _END:
            stage.run(values.aclose())
            pytest.fail(f"the async fixture {function.__name__} yields more than once")

    return generator if inspect.isasyncgenfunction(function) else value


_END = object()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the test's connections did last."""
    report = yield
    stage: Stage | None = getattr(item, "funcargs", {}).get(_STAGE)
    if stage is not None and call.when == "call" and report.failed:
        report.sections.extend(stage.sections())
    return report


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function)
