"""One thread, one transaction for what waits, and answers that mean what they say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from pyactor.errors import DuplicateKey, StorageError
from pyactor.storage import Changes, SqliteCore, SqliteStorage, StoredActor, _sqlite_core


class Scene:
    """A storage whose statements are noted, and whose thread can be made to wait."""

    def __init__(self, storage: SqliteStorage) -> None:
        self.storage = storage
        self.statements: list[str] = []
        self._writer: Any = getattr(storage, "_writer")  # noqa: B009 - private to all but this
        self._connection().set_trace_callback(self.statements.append)

    def _connection(self) -> Any:
        return self._writer._core._connection

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """While the thread is busy; what is called within waits in its queue."""
        begun, go_on = threading.Event(), threading.Event()

        def hold(core: SqliteCore) -> None:
            begun.set()
            assert go_on.wait(20)

        holding = asyncio.ensure_future(self._writer.call(hold, durable=None))
        await asyncio.to_thread(begun.wait, 20)
        try:
            yield
            await asyncio.sleep(0)  # the calls made within have begun
            self.statements.clear()
        finally:
            go_on.set()
            await holding

    def count(self, statement: str) -> int:
        return sum(each.startswith(statement) for each in self.statements)


def play(directory: Path, scene: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        storage = SqliteStorage(directory)
        try:
            await scene(Scene(storage))
        finally:
            await storage.close()

    asyncio.run(run())


def test_what_waits_shares_one_transaction(tmp_path: Path, make: Any) -> None:
    async def act(scene: Scene) -> None:
        async with scene.held():
            calls = [
                asyncio.ensure_future(
                    scene.storage.commit(make.creation(f"id-{number}", str(number)))
                )
                for number in range(200)
            ]
        await asyncio.gather(*calls)
        # The second COMMIT is of the call that held the thread.
        assert (scene.count("BEGIN IMMEDIATE"), scene.count("COMMIT")) == (1, 2)

    play(tmp_path, act)


@pytest.mark.parametrize(
    ("immediate", "expected"),
    [([True, True], "FULL"), ([False, True, False], "FULL"), ([False, False], "NORMAL")],
)
def test_it_is_synced_if_any_of_it_is_immediate(
    tmp_path: Path, make: Any, immediate: list[bool], expected: str
) -> None:
    async def act(scene: Scene) -> None:
        other = expected == "NORMAL"
        await scene.storage.commit(make.creation(), immediate=other)
        async with scene.held():
            calls = [
                asyncio.ensure_future(
                    scene.storage.commit(make.state("id-a", b"%d" % number), immediate=each)
                )
                for number, each in enumerate(immediate)
            ]
        await asyncio.gather(*calls)
        assert [each for each in scene.statements if "synchronous" in each] == [
            f"PRAGMA synchronous = {expected}"
        ]

    play(tmp_path, act)


def test_a_deletion_is_synced(tmp_path: Path, make: Any) -> None:
    async def act(scene: Scene) -> None:
        await scene.storage.commit(make.creation(), immediate=False)
        scene.statements.clear()
        await scene.storage.delete("id-a")
        assert scene.statements[0] == "PRAGMA synchronous = FULL"

    play(tmp_path, act)


def test_reading_alone_takes_no_lock_for_writing(tmp_path: Path, make: Any) -> None:
    async def act(scene: Scene) -> None:
        scene.statements.clear()
        await scene.storage.find("chat", ("a",))
        await scene.storage.next_due(0.0)
        assert scene.count("BEGIN IMMEDIATE") == 0

    play(tmp_path, act)


def test_an_answer_comes_after_the_commit(tmp_path: Path, make: Any) -> None:
    async def act(scene: Scene) -> None:
        seen: list[int] = []
        async with scene.held():
            calls = [
                asyncio.ensure_future(scene.storage.commit(make.creation())),
                asyncio.ensure_future(scene.storage.load("id-a")),
            ]
            for call in calls:
                call.add_done_callback(lambda _: seen.append(scene.count("COMMIT")))
        await asyncio.gather(*calls)
        assert seen == [2, 2]
        assert calls[1].result() == StoredActor(make.record())

    play(tmp_path, act)


def test_the_refused_are_refused_and_the_others_are_kept(tmp_path: Path, make: Any) -> None:
    async def act(scene: Scene) -> None:
        async with scene.held():
            calls = [
                asyncio.ensure_future(scene.storage.commit(each))
                for each in (
                    make.creation("id-a", "a"),
                    make.creation("id-b", "a"),  # the key is taken
                    make.creation("\ud800", "c"),  # no text: fails in the middle of the rows
                    make.creation("id-d", "d"),
                )
            ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(each) for each in answers] == [
            type(None),
            DuplicateKey,
            StorageError,
            type(None),
        ]
        assert {each.actor_id for each in await scene.storage.list("chat")} == {"id-a", "id-d"}

    play(tmp_path, act)


def test_a_waiter_that_is_cancelled_cancels_nothing(tmp_path: Path, make: Any) -> None:
    async def act(scene: Scene) -> None:
        async with scene.held():
            first = asyncio.ensure_future(scene.storage.commit(make.creation()))
            second = asyncio.ensure_future(scene.storage.commit(make.state("id-a", b"new")))
            await asyncio.sleep(0)
            first.cancel()
        await second
        with suppress(asyncio.CancelledError):
            await first
        assert first.cancelled()
        assert await scene.storage.load("id-a") == StoredActor(make.record(state=b"new"))

    play(tmp_path, act)


def test_closing_finishes_what_was_begun(tmp_path: Path, make: Any) -> None:
    async def run() -> None:
        storage = SqliteStorage(tmp_path)
        calls = [
            asyncio.ensure_future(storage.commit(make.creation(f"id-{number}", str(number))))
            for number in range(1500)
        ]
        await asyncio.sleep(0)
        await asyncio.gather(storage.close(), storage.close())
        assert all(call.done() for call in calls)
        with pytest.raises(RuntimeError, match="the storage is closed"):
            await storage.load("id-0")
        storage = SqliteStorage(tmp_path)
        assert len(await storage.list("chat", limit=2000)) == 1500
        await storage.close()

    asyncio.run(run())


def test_a_loop_that_ended_disturbs_no_other(tmp_path: Path, make: Any) -> None:
    storage = SqliteStorage(tmp_path)

    async def leave() -> None:
        abandoned = asyncio.ensure_future(storage.commit(make.creation()))
        await asyncio.sleep(0)
        abandoned.cancel()

    for _ in range(20):
        asyncio.run(leave())

    async def go_on() -> None:
        assert await storage.load("id-a") == StoredActor(make.record())
        await storage.close()

    asyncio.run(go_on())


def test_the_loop_is_not_blocked_while_the_thread_works(tmp_path: Path, make: Any) -> None:
    async def act(scene: Scene) -> None:
        async with scene.held():
            waiting = asyncio.ensure_future(scene.storage.commit(Changes("unknown")))
            for _ in range(100):
                await asyncio.sleep(0)
            assert not waiting.done()
        await waiting

    play(tmp_path, act)


# -------------------------------------------------------------- numbers that are remembered


def test_a_number_of_an_actor_that_was_created_in_vain_is_forgotten(
    tmp_path: Path, make: Any
) -> None:
    core = SqliteCore(tmp_path)
    with suppress(KeyError), core.transaction(durable=False):
        core.commit([make.creation("id-a", "a")])
        raise KeyError
    core.commit([make.creation("id-b", "b")])  # gets the number that id-a would have had
    before = core.load("id-b")
    with core.transaction(durable=False):
        core.commit([make.state("id-a", b"late")])
    assert (core.load("id-a"), core.load("id-b")) == (None, before)
    core.close()


def test_a_late_save_of_a_deleted_actor_does_not_reach_the_one_with_its_number(
    tmp_path: Path, make: Any
) -> None:
    core = SqliteCore(tmp_path)
    core.commit([make.creation("id-a", "a")])
    core.commit([make.state("id-a", b"second")])
    core.delete("id-a")
    core.commit([make.creation("id-b", "b")])
    before = core.load("id-b")
    with core.transaction(durable=False):
        core.commit([make.state("id-a", b"late")])
    assert (core.load("id-a"), core.load("id-b")) == (None, before)
    core.close()


def test_the_second_save_of_an_actor_does_not_look_for_it(tmp_path: Path, make: Any) -> None:
    core = SqliteCore(tmp_path)
    core.commit([make.creation("id-a", "a"), make.creation("id-b", "b")])
    statements: list[str] = []
    connection: Any = core._connection
    connection.set_trace_callback(statements.append)
    with core.transaction(durable=False):
        core.commit([make.state("id-a", b"first")])
        core.commit([make.state("id-b", b"second")])
    assert not any(each.startswith("SELECT") for each in statements)
    stored: Any = core.load("id-b")
    assert stored.record.state == b"second"
    core.close()


def test_no_more_numbers_are_remembered_than_the_bound(tmp_path: Path, make: Any) -> None:
    core = SqliteCore(tmp_path)
    with patch.object(_sqlite_core, "_MAX_NUMBERS", 2):
        core.commit([make.creation(f"id-{name}", name) for name in "abcde"])
        assert len(core._numbers) <= 2
    core.close()
