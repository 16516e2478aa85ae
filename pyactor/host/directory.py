"""Which actors are live: (name, key) -> instance, at most one each (A1).

Owns starting and stopping. Placement, ids, storage and the clock come from outside.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable

from attrs import define, field

from ..errors import (
    INTERNAL_MESSAGE,
    ActorError,
    ActorNotFound,
    ActorRestarting,
    DuplicateKey,
    InvalidRequest,
)
from ..plain import Plain
from ..runtime import Clock, Instance, create, destroy, is_public, sleep, wake
from ..session import EndCause
from ..storage import ActorRecord, Storage
from .registry import Registry

_log = logging.getLogger("pyactor.host")

Address = tuple[str, tuple[str, ...]]


@define(eq=False)
class _Slot:
    """The one place for an actor: its start, and when it has left memory again."""

    starting: asyncio.Task[Instance]
    creates: bool
    left: asyncio.Event = field(factory=asyncio.Event)
    stopping: asyncio.Task[None] | None = None


class Directory:
    """The live instances of one host."""

    def __init__(
        self,
        registry: Registry,
        storage: Storage,
        *,
        clock: Clock,
        region: str,
        context: contextvars.Context,
    ) -> None:
        self._registry = registry
        self._storage = storage
        self._clock = clock
        self._region = region
        self._context = context
        self._slots: dict[Address, _Slot] = {}
        self._closing = False

    @property
    def instances(self) -> list[Instance]:
        """The live instances whose start has finished."""
        return [
            slot.starting.result()
            for slot in self._slots.values()
            if slot.starting.done() and not slot.starting.cancelled()
        ]

    async def get(self, name: str, key: tuple[str, ...]) -> Instance:
        """The actor of that name and key, woken if it was asleep.

        Raises:
            ActorNotFound: there is none.
            ActorError: what its start hooks raised.
        """
        return await self._acquire(name, key, creates=False, plain_input=None)

    async def get_or_create(
        self, name: str, key: tuple[str, ...], plain_input: Plain = None
    ) -> Instance:
        """The actor of that name and key, created if there is none.

        Raises:
            InvalidInput: it had to be created and the input does not fit.
            ActorError: what its start hooks raised.
        """
        return await self._acquire(name, key, creates=True, plain_input=plain_input)

    async def create(self, name: str, key: tuple[str, ...], plain_input: Plain = None) -> Instance:
        """A new actor.

        Raises:
            DuplicateKey: there is one already.
        """
        self._registry.definition(name)
        if (name, key) in self._slots or await self._storage.find(name, key) is not None:
            raise DuplicateKey(f"{name} {list(key)!r} exists already")
        return await self._acquire(name, key, creates=True, plain_input=plain_input)

    async def get_by_id(self, actor_id: str) -> Instance:
        """The actor of that id, woken if it was asleep.

        Raises:
            ActorNotFound: there is none, or it was destroyed (A6).
        """
        record = await self._storage.load(actor_id)
        if record is None:
            raise ActorNotFound(f"no actor has the id {actor_id!r}; it may have been destroyed")
        return await self._acquire(record.name, record.key, creates=False, plain_input=None)

    async def destroy(self, actor_id: str) -> None:
        """End an actor for good: on_destroy, every connection, its storage (A6).

        Raises:
            ActorNotFound: there is none.
        """
        instance = await self.get_by_id(actor_id)
        await self._stop(instance, lambda: destroy(instance, self._storage))

    async def close(self) -> None:
        """Put every live actor to sleep and start none any more (C15)."""
        self._closing = True
        while self._slots:
            await asyncio.gather(
                *(self._shut_down(slot) for slot in self._slots.values()), return_exceptions=True
            )

    # -------------------------------------------------------------- how

    async def _acquire(
        self, name: str, key: tuple[str, ...], *, creates: bool, plain_input: Plain
    ) -> Instance:
        definition = self._registry.definition(name)
        check_key(key, definition.options.max_key_part_size, definition.options.max_key_size)
        while True:
            if self._closing:
                raise ActorRestarting("The host is stopping")
            slot = self._slots.get((name, key))
            if slot is None:
                slot = self._start(name, key, creates, plain_input)
            elif slot.stopping is not None:
                await slot.left.wait()
                continue
            try:
                instance = await asyncio.shield(slot.starting)
            except ActorNotFound:
                if creates and not slot.creates:
                    continue  # joined a start that was not to create; now create it
                raise
            if slot.stopping is None:
                return instance

    def _start(self, name: str, key: tuple[str, ...], creates: bool, plain_input: Plain) -> _Slot:
        task = asyncio.get_running_loop().create_task(
            self._load(name, key, creates, plain_input), context=self._context.copy()
        )
        slot = self._slots[name, key] = _Slot(task, creates)

        def started(task: asyncio.Task[Instance]) -> None:
            if task.cancelled() or task.exception() is not None:
                self._leave((name, key))

        task.add_done_callback(started)
        return slot

    async def _load(
        self, name: str, key: tuple[str, ...], creates: bool, plain_input: Plain
    ) -> Instance:
        record = await self._storage.find(name, key)
        if record is None and not creates:
            raise ActorNotFound(f"there is no {name} with the key {list(key)!r}")
        instance = self._instance(name, key, record)
        try:
            if record is None:
                await create(instance, self._storage, plain_input)
            else:
                await wake(instance, record)
        except Exception as error:
            if is_public(error):
                raise
            # Logged here, once and with the actor's name, however many wait for this start.
            instance.log_error("its start", error)
            raise ActorError(INTERNAL_MESSAGE) from error
        return instance

    def _instance(self, name: str, key: tuple[str, ...], record: ActorRecord | None) -> Instance:
        return Instance(
            self._registry.definition(name),
            actor_id=self._clock.new_id() if record is None else record.actor_id,
            key=key,
            region=self._region,
            clock=self._clock,
            context=self._context,
        )

    async def _shut_down(self, slot: _Slot) -> None:
        instance = await asyncio.shield(slot.starting)
        await self._stop(instance, lambda: sleep(instance, self._storage, EndCause.SHUTDOWN))

    async def _stop(self, instance: Instance, how: Callable[[], Awaitable[None]]) -> None:
        """Stop an instance once; whoever comes second waits for the first."""
        address = (instance.name, instance.key)
        slot = self._slots.get(address)
        if slot is None:
            return
        if slot.stopping is None:
            slot.stopping = asyncio.get_running_loop().create_task(
                self._run_stop(address, how), context=self._context.copy()
            )
        await asyncio.shield(slot.stopping)

    async def _run_stop(self, address: Address, how: Callable[[], Awaitable[None]]) -> None:
        try:
            await how()
        except Exception:  # noqa: BLE001 - logged; the actor leaves memory all the same
            _log.exception("stopping %s %r failed", *address)
        finally:
            self._leave(address)

    def _leave(self, address: Address) -> None:
        slot = self._slots.pop(address)
        slot.left.set()


def check_key(key: tuple[str, ...], max_part: int, max_size: int) -> None:
    """Refuse a key over the limits (wire-protocol.md, "Limits").

    Raises:
        InvalidRequest: a part, or the whole, is too long in bytes of UTF-8.
    """
    for part in key:
        if len(part.encode()) > max_part:
            raise InvalidRequest(f"a part of the key has over {max_part} bytes")
    if sum(len(part.encode()) + 1 for part in key) > max_size + 1:
        raise InvalidRequest(f"the key has over {max_size} bytes")
