"""The registry and the directory behind it: names, keys, ids and their limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from attrs import define
from typing_extensions import override

from pyactor.definition import Actor, action
from pyactor.errors import (
    ActorNotFound,
    ActorNotRegistered,
    DuplicateKey,
    InvalidInput,
    InvalidRequest,
)
from pyactor.host import ActorHost, Registry
from pyactor.storage import ActorRecord, InlineStorage, MemoryCore, MemoryStorage, Storage


@define
class Begin:
    at: int


class Counter(Actor[None, None, None, Begin], name="counter"):
    @action
    def where(self) -> list[str]:
        return [self.name, self.region, *self.key]


class Plain(Actor[None], name="plain"):
    """Takes no input."""


def with_host(
    scene: Callable[[ActorHost], Coroutine[Any, Any, None]], storage: Storage | None = None
) -> None:
    async def main() -> None:
        kept = storage or MemoryStorage()
        host = ActorHost(Registry(Counter, Plain), storage=kept, region="here")
        try:
            await scene(host)
        finally:
            await host.stop()

    asyncio.run(main())


def test_two_actors_of_one_name_are_refused() -> None:
    class Other(Actor[None], name="counter"):
        pass

    with pytest.raises(ValueError, match=r"two actors are named 'counter': Counter and .*Other"):
        Registry(Counter, Other)


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(ActorNotRegistered, match=r"no actor is named 'nope'.*counter, plain"):
        Registry(Counter, Plain).definition("nope")


def test_get_creates_nothing() -> None:
    async def scene(host: ActorHost) -> None:
        with pytest.raises(ActorNotFound, match="no plain with the key"):
            await host.directory.get("plain", ("a",))
        assert host.directory.instances == []

    with_host(scene)


def test_a_get_that_fails_does_not_fail_a_concurrent_get_or_create() -> None:
    """They share one slot, but not the answer."""

    async def scene(host: ActorHost) -> None:
        results = await asyncio.gather(
            host.directory.get("plain", ("a",)),
            host.directory.get_or_create("plain", ("a",)),
            return_exceptions=True,
        )
        assert isinstance(results[0], ActorNotFound)
        assert host.directory.instances == [results[1]]

    with_host(scene)


def test_a_get_that_failed_just_now_does_not_hold_up_the_host() -> None:
    """Its slot is free only a turn of the loop later; whoever comes within it lets that pass."""

    async def scene(host: ActorHost) -> None:
        storage: Any = host.directory._storage
        find = storage.find
        late: list[asyncio.Task[Any]] = []

        async def find_and_ask(name: str, key: tuple[str, ...]) -> Any:
            if not late:
                asking = host.directory.get_or_create(name, key)
                late.append(asyncio.create_task(asking))
            return await find(name, key)

        storage.find = find_and_ask
        with pytest.raises(ActorNotFound):
            await host.directory.get("plain", ("a",))
        instance = await late[0]
        assert host.directory.instances == [instance]

    with_host(scene)


def test_key_name_and_id_lead_to_one_instance() -> None:
    async def scene(host: ActorHost) -> None:
        directory = host.directory
        instance = await directory.get_or_create("plain", ("a", "b"))
        assert await directory.get("plain", ("a", "b")) is instance
        assert await directory.get_by_id(instance.actor_id) is instance
        assert await directory.get_or_create("plain", ("a",)) is not instance
        assert (instance.name, instance.key, instance.region) == ("plain", ("a", "b"), "here")

    with_host(scene)


@pytest.mark.parametrize("plain_input", [None, "three", {"at": "three"}])
def test_a_wrong_input_creates_nothing(plain_input: Any) -> None:
    async def scene(host: ActorHost) -> None:
        with pytest.raises(InvalidInput):
            await host.directory.create("counter", ("a",), plain_input)
        assert host.directory.instances == []
        await host.directory.create("counter", ("a",), {"at": 3})
        # The input counts at creation only.
        await host.directory.get_or_create("counter", ("a",), plain_input)

    with_host(scene)


@pytest.mark.parametrize(
    ("key", "fits"),
    [
        (("x" * 128,), True),
        (("x" * 129,), False),
        (("ü" * 64,), True),
        (("ü" * 65,), False),
        (("x" * 127,) * 8, True),
        (("x" * 127,) * 8 + ("x",), False),
    ],
)
def test_keys_have_limits_in_bytes(key: tuple[str, ...], fits: bool) -> None:
    async def scene(host: ActorHost) -> None:
        if fits:
            assert (await host.directory.get_or_create("plain", key)).key == key
        else:
            with pytest.raises(InvalidRequest, match=r"(the|of the) key has over"):
                await host.directory.get_or_create("plain", key)

    with_host(scene)


# ------------------------------------------------------------------ many that want it at a time


class Turns(InlineStorage):
    """Lets everybody else run before it answers, as a storage with a thread does."""

    def __init__(self) -> None:
        super().__init__(MemoryCore())

    @override
    async def find(self, name: str, key: tuple[str, ...]) -> ActorRecord | None:
        found = await super().find(name, key)
        for _ in range(9):
            await asyncio.sleep(0)
        return found


async def outcomes(*asked: Coroutine[Any, Any, object]) -> list[object]:
    """What each came to: the type of its error, or its result."""
    results = await asyncio.gather(*asked, return_exceptions=True)
    return [type(each) if isinstance(each, Exception) else each for each in results]


@pytest.fixture(params=[MemoryStorage, Turns])
def storage(request: pytest.FixtureRequest) -> Storage:
    made: Storage = request.param()
    return made


def test_one_of_many_creates(storage: Storage) -> None:
    async def scene(host: ActorHost) -> None:
        directory = host.directory
        created = await outcomes(
            *(directory.create("counter", ("a",), {"at": number}) for number in range(6))
        )
        assert created == [*directory.instances, *[DuplicateKey] * 5]

    with_host(scene, storage)


def test_one_of_many_puts_creates(storage: Storage) -> None:
    async def scene(host: ActorHost) -> None:
        directory = host.directory
        results = await asyncio.gather(*(directory.put("plain", (key,)) for key in "abaa"))
        assert [is_new for _, is_new in results] == [True, True, False, False]
        assert await directory.put("plain", ("a",)) == (results[0][0], False)

    with_host(scene, storage)


def test_put_and_create_know_what_another_host_has_left(storage: Storage) -> None:
    async def before(host: ActorHost) -> None:
        await host.directory.create("plain", ("a",))

    async def after(host: ActorHost) -> None:
        directory = host.directory
        found = await outcomes(
            directory.create("plain", ("a",)),
            directory.get("plain", ("a",)),
            directory.put("plain", ("a",)),
            directory.create("plain", ("a",)),
        )
        [instance] = directory.instances
        assert found == [DuplicateKey, instance, (instance, False), DuplicateKey]

    with_host(before, storage)
    with_host(after, storage)


@pytest.mark.parametrize("first", ["get", "create"])
def test_a_get_of_nothing_is_no_reason_not_to_create(storage: Storage, first: str) -> None:
    async def scene(host: ActorHost) -> None:
        directory = host.directory
        getting = asyncio.create_task(outcomes(directory.get("plain", ("a",))))
        if first == "get":
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        [created] = await outcomes(directory.create("plain", ("a",)))
        assert directory.instances == [created]
        assert await getting in ([ActorNotFound], [created])

    with_host(scene, storage)


def test_a_creation_that_fails_leaves_it_to_the_next(storage: Storage) -> None:
    """Each brings an input of its own, so nobody has to answer for another's."""

    async def scene(host: ActorHost) -> None:
        directory = host.directory
        found = await outcomes(
            directory.create("counter", ("a",), {"at": "x"}),
            directory.get("counter", ("a",)),
            directory.create("counter", ("a",), {"at": 1}),
            directory.create("counter", ("a",), {"at": 2}),
        )
        [instance] = directory.instances
        assert found[0] is InvalidInput
        assert found[1] in (ActorNotFound, instance)
        assert found[2:] == [instance, DuplicateKey]

    with_host(scene, storage)


def test_half_a_character_in_a_key_is_refused() -> None:
    async def scene(host: ActorHost) -> None:
        with pytest.raises(InvalidRequest, match=r"the key \['\\ud800'\] has half a surrogate"):
            await host.directory.get_or_create("plain", ("\ud800",))

    with_host(scene)
