"""A kept state, and code that has changed since: new fields, unknown ones, versions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from attrs import Factory, define, evolve, frozen

from pyactor.definition import Actor, ActorOptions, action, hook
from pyactor.storage import ActorRecord, Changes

Play = Callable[..., None]


@define
class Line:
    text: str
    likes: int = 0


@define
class Page:
    title: str = ""
    lines: list[Line] = Factory(list)


class Book(Actor[Page], name="book"):
    @action
    def look(self) -> list[str]:
        return [self.state.title, *(f"{line.text}:{line.likes}" for line in self.state.lines)]

    @action
    async def change(self, title: str) -> None:
        self.state.title = title
        await self.save_state(immediate=True)


async def keep(stage: Any, state: Any, version: int = 0) -> None:
    """Leave an actor in the storage as other code wrote it."""
    data = state if isinstance(state, bytes) else cbor2.dumps(state)
    record = ActorRecord("id1", "book", ("a",), 1.0, None, data, version)
    await stage.storage.commit(Changes("id1", record=record))


async def kept(stage: Any) -> Any:
    record = await stage.storage.find("book", ("a",))
    return cbor2.loads(record.state), record.state_version


OLD = {"title": "t", "lines": [{"text": "x"}, {"text": "y", "likes": 2}]}
NEWER = {
    "title": "t",
    "lines": [{"text": "x", "likes": 1, "colour": "red"}, {"text": "y", "likes": 2}],
    "cover": {"image": b"\x00"},
}


def test_a_new_field_gets_its_default(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await keep(stage, OLD)
        assert await stage.http("look") == ["t", "x:0", "y:2"]

    play(Book, scene)


def test_unknown_fields_are_written_back(play: Play) -> None:
    """As newer code wrote them, at any depth, by the object they belong to."""

    async def scene(stage: Any) -> None:
        await keep(stage, NEWER)
        assert await stage.http("look") == ["t", "x:1", "y:2"]
        await stage.http("change", "u")
        assert await kept(stage) == ({**NEWER, "title": "u"}, 0)
        stage.instance.state.lines.reverse()
        await stage.http("change", "v")
        state, _ = await kept(stage)
        assert state["lines"] == NEWER["lines"][::-1]  # type: ignore[index] # it is a list
        assert state["cover"] == NEWER["cover"]

    play(Book, scene)


def test_unknown_fields_alone_are_no_change(play: Play) -> None:
    """They are in the snapshot, so its digest is that of what is kept."""

    async def scene(stage: Any) -> None:
        await keep(stage, {"title": "t", "lines": [], "cover": 1})
        await stage.http("look")
        await stage.host.stop()
        assert len(stage.storage.states) == 0

    play(Book, scene)


def test_unknown_fields_outlive_a_state_that_is_replaced(play: Play) -> None:
    """``self.state = evolve(self.state, …)`` makes another object of the same class."""

    @frozen
    class Cover:
        title: str = ""

    class Frozen(Actor[Cover], name="book"):
        @action
        async def change(self, title: str) -> None:
            self.state = evolve(self.state, title=title)
            await self.save_state(immediate=True)

    async def scene(stage: Any) -> None:
        await keep(stage, {"title": "t", "cover": 1})
        await stage.http("change", "u")
        assert await kept(stage) == ({"title": "u", "cover": 1}, 0)

    play(Frozen, scene)


def test_a_class_without_weak_references_loses_the_fields_of_its_parts(play: Play) -> None:
    """Said in the docs of ``unknown_state_fields``; the state's own are kept even so."""

    @define(weakref_slot=False)
    class Bare:
        title: str = ""

    class Other(Actor[Bare], name="book"):
        @action
        async def change(self, title: str) -> None:
            self.state.title = title
            await self.save_state(immediate=True)

    async def scene(stage: Any) -> None:
        await keep(stage, {"title": "t", "cover": 1})
        await stage.http("change", "u")
        assert (await kept(stage))[0]["title"] == "u"

    play(Other, scene)


def test_unknown_fields_are_refused_by_option(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    class Strict(Book, options=ActorOptions(unknown_state_fields="refuse"), name="book"):
        pass

    async def scene(stage: Any) -> None:
        await keep(stage, NEWER)
        assert (await stage.http("look")).code == "internal_error"
        assert await kept(stage) == (NEWER, 0)

    play(Strict, scene)
    assert "$.cover" in caplog.text
    assert "$.lines[0].colour" in caplog.text


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"title": 3, "lines": []}, "state of book: expected str, got int @ $.title"),
        ({"lines": [{"likes": 1}]}, "state of book: missing @ $.lines[0].text"),
        (None, "state of book: expected Page, got None @ $"),
        (b"\xff\xff", "the kept state cannot be decoded"),
    ],
)
def test_a_state_that_does_not_fit_names_its_field(
    play: Play, caplog: pytest.LogCaptureFixture, state: Any, told: str
) -> None:
    """Nothing starts, nothing is lost, and the client is told nothing of it (C8)."""

    async def scene(stage: Any) -> None:
        await keep(stage, b"\xf6" if state is None else state)
        before = await stage.storage.find("book", ("a",))
        error = await stage.http("look")
        assert (error.group, error.code) == ("core", "internal_error")
        assert stage.host.directory.instances == []
        await stage.host.stop()
        assert await stage.storage.find("book", ("a",)) == before

    play(Book, scene)
    assert "StateUnreadable" in caplog.text
    assert told in caplog.text


# ------------------------------------------------------------------ versions


@define
class Page2:
    heading: str = ""
    lines: list[Line] = Factory(list)


class Book2(Actor[Page2], name="book", state_version=2):
    calls: list[tuple[dict[str, Any], int]] = []  # noqa: RUF012 - shared on purpose
    answer: Any = None

    @hook
    def migrate_state(self, old: dict[str, Any], version: int) -> dict[str, Any]:
        Book2.calls.append((dict(old), version))
        assert self.caller is None
        if Book2.answer is not None:
            answer: dict[str, Any] = Book2.answer
            return answer
        old["heading"] = old.pop("title") + f" v{version}"
        return old

    @action
    def look(self) -> str:
        return self.state.heading


@pytest.fixture(autouse=True)
def _clean() -> None:
    Book2.calls.clear()
    Book2.answer = None


def test_an_older_state_is_migrated_once_and_saved(play: Play) -> None:
    async def scene(stage: Any) -> None:
        await keep(stage, {"title": "t", "lines": []}, version=1)
        assert await stage.http("look") == "t v1"
        assert Book2.calls == [({"title": "t", "lines": []}, 1)]
        await asyncio.sleep(1.1)
        assert await kept(stage) == ({"heading": "t v1", "lines": []}, 2)
        await stage.host.stop()
        stage.restart()
        assert await stage.http("look") == "t v1"
        assert len(Book2.calls) == 1

    play(Book2, scene)


def test_a_new_actor_is_of_the_newest_version(play: Play) -> None:
    async def scene(stage: Any) -> None:
        assert await stage.http("look") == ""
        assert await kept(stage) == ({"heading": "", "lines": []}, 2)
        assert Book2.calls == []

    play(Book2, scene)


def test_a_newer_state_starts_nothing_and_loses_nothing(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """Code that was rolled back meets what the newer one kept."""

    async def scene(stage: Any) -> None:
        await keep(stage, {"whatever": 1}, version=3)
        assert (await stage.http("look")).code == "internal_error"
        await stage.host.stop()
        assert await kept(stage) == ({"whatever": 1}, 3)

    play(Book2, scene)
    assert "kept by state_version 3, and this class is of state_version 2" in caplog.text


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (["no dict"], "hook 'migrate_state' returned list, expected dict[str, Any]"),
        ({"heading": 3}, "state of book: expected str, got int @ $.heading"),
    ],
)
def test_a_wrong_migration_is_told(
    play: Play, caplog: pytest.LogCaptureFixture, answer: Any, told: str
) -> None:
    async def scene(stage: Any) -> None:
        Book2.answer = answer
        await keep(stage, {"title": "t"}, version=1)
        assert (await stage.http("look")).code == "internal_error"
        assert await kept(stage) == ({"title": "t"}, 1)

    play(Book2, scene)
    assert told in caplog.text


def test_without_a_hook_an_older_version_only_gets_the_new_number(play: Play) -> None:
    class Later(Book, name="book", state_version=1):
        pass

    async def scene(stage: Any) -> None:
        await keep(stage, {"title": "t", "lines": []})
        assert await stage.http("look") == ["t"]
        await asyncio.sleep(1.1)
        assert await kept(stage) == ({"title": "t", "lines": []}, 1)

    play(Later, scene)
