"""The registry and the directory behind it: names, keys, ids and their limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from attrs import define

from pyactor.definition import Actor, action
from pyactor.errors import ActorNotFound, ActorNotRegistered, InvalidInput, InvalidRequest
from pyactor.host import ActorHost, Registry
from pyactor.storage import MemoryStorage


@define
class Begin:
    at: int


class Counter(Actor[None, None, None, Begin], name="counter"):
    @action
    def where(self) -> list[str]:
        return [self.name, self.region, *self.key]


class Plain(Actor[None], name="plain"):
    """Takes no input."""


def with_host(scene: Callable[[ActorHost], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        host = ActorHost(Registry(Counter, Plain), storage=MemoryStorage(), region="here")
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
