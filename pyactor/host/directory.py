"""Which actors are live: (name, key) -> instance, at most one each (A1).

Owns starting and stopping; what a place for an actor holds is told in ``_slots``. Placement, ids,
storage and the clock come from outside.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable

from ..client import Client
from ..errors import ActorError, ActorNotFound, ActorRestarting, StorageError
from ..plain import Plain
from ..runtime import (
    ActorInput,
    Clock,
    Instance,
    create,
    destroy,
    error_to_send,
    is_public,
    sleep,
    wake,
)
from ..session import EndCause
from ..storage import ActorEntry, Storage, StoredActor
from ..tasks import start_task
from ._alarms import Alarms
from ._slots import Address, Slot, Want, check_key, duplicate
from ._status import STATUS_OF, ActorStatus, Latest
from .registry import Registry

_log = logging.getLogger("pyactor.host")

_MAX_LIVES = 3
"""How often a request follows an actor that stops as soon as it has started."""


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
        client: Callable[[], Client],
    ) -> None:
        self._registry = registry
        self._storage = storage
        self._clock = clock
        self._region = region
        self._context = context
        self._client = client
        self._awake: set[str] = set()
        self.alarms = Alarms(storage, clock, wake=self.get_by_id, is_awake=self._awake.__contains__)
        self._slots: dict[Address, Slot] = {}
        self._closing = asyncio.Event()
        self._began_at = clock.now()
        self._slept_at = Latest[float]()
        self._failures = Latest[str]()

    @property
    def instances(self) -> list[Instance]:
        """The live instances whose start has finished."""
        return [
            slot.starting.result()
            for slot in self._slots.values()
            if slot.connectable_at is not None
        ]

    async def get(self, name: str, key: tuple[str, ...], *, depth: int = 0) -> Instance:
        """The actor of that name and key, woken if it was asleep.

        Args:
            name: Its name.
            key: Its key.
            depth: How many calls of actors the request stands in (`pyactor.wire.depth`), as for
                the others; a start that the request begins stands in as many.

        Raises:
            ActorNotFound: there is none.
            ActorError: what its start hooks raised.
        """
        return (await self._acquire(name, key, Want.OLD, depth=depth))[0]

    async def get_or_create(
        self, name: str, key: tuple[str, ...], plain_input: Plain = None, *, depth: int = 0
    ) -> Instance:
        """The actor of that name and key, created if there is none. See ``put``."""
        return (await self.put(name, key, plain_input, depth=depth))[0]

    async def put(
        self, name: str, key: tuple[str, ...], plain_input: Plain = None, *, depth: int = 0
    ) -> tuple[Instance, bool]:
        """The actor of that name and key, and whether this very call created it.

        Raises:
            InvalidInput: it had to be created and the input does not fit.
            ActorError: what its start hooks raised.
        """
        return await self._acquire(name, key, Want.ANY, plain_input, depth)

    async def create(
        self, name: str, key: tuple[str, ...], plain_input: Plain = None, *, depth: int = 0
    ) -> Instance:
        """A new actor; its hooks may have begun its stop already. Of many calls one succeeds.

        Raises:
            DuplicateKey: there is one already.
            InvalidInput: the input does not fit.
            ActorError: what its start hooks raised.
        """
        return (await self._acquire(name, key, Want.NEW, plain_input, depth))[0]

    async def get_by_id(self, actor_id: str, *, depth: int = 0) -> Instance:
        """The actor of that id, woken if it was asleep.

        Raises:
            ActorNotFound: there is none, or it was destroyed (A6).
        """
        stored = await self._storage.load(actor_id)
        if stored is None:
            raise ActorNotFound(f"no actor has the id {actor_id!r}; it may have been destroyed")
        record = stored.record
        return await self.get(record.name, record.key, depth=depth)

    async def destroy(self, actor_id: str) -> None:
        """End an actor for good: on_destroy, every connection, its storage (A6).

        One that is asleep is woken for it; one that cannot start any more, or of which the storage
        cannot read what it keeps, goes without its ``on_destroy``.

        Raises:
            ActorNotFound: there is none.
            ActorRestarting: the host stops, and it could not be destroyed any more.
        """
        while True:
            try:
                instance = await self.get_by_id(actor_id)
            except ActorNotFound:
                raise
            except ActorError:
                if self._closing.is_set():
                    raise
                if await self._destroy_unstarted(actor_id):
                    return
                continue
            # No await stands between: it is still ready, so this stop is the one that begins.
            slot = self._slots[instance.name, instance.key]
            if not await asyncio.shield(self._begin_stop(slot, instance, ActorInput.DESTROY)):
                raise ActorRestarting("The host is stopping, and its storage fails")
            return

    async def close(self) -> None:
        """Put every live actor to sleep and start none any more (C15)."""
        self._closing.set()
        await self.alarms.close()
        while self._slots:
            await asyncio.gather(
                *(self._shut_down(slot) for slot in self._slots.values()), return_exceptions=True
            )

    def status(self, entry: ActorEntry) -> ActorStatus:
        """Where an actor stands that the storage has."""
        slot = self._slots.get((entry.name, entry.key))
        if slot is None:
            slept_at = self._slept_at.get(entry.actor_id) or self._began_at
            error = self._failures.get(entry.actor_id)
            return ActorStatus(
                "sleeping" if error is None else "crashed", slept_at=slept_at, error=error
            )
        if slot.connectable_at is None:
            return ActorStatus("starting", started_at=slot.started_at)
        phase = slot.starting.result().lifecycle.phase
        return ActorStatus(STATUS_OF[phase], slot.started_at, slot.connectable_at)

    # -------------------------------------------------------------- how

    async def _acquire(
        self,
        name: str,
        key: tuple[str, ...],
        want: Want,
        plain_input: Plain = None,
        depth: int = 0,
    ) -> tuple[Instance, bool]:
        """The actor as it is wanted, and whether it was created for this very request."""
        definition = self._registry.definition(name)
        check_key(key, definition.options.max_key_part_size, definition.options.max_key_size)
        lives = 0
        is_new = False
        while True:
            if self._closing.is_set():
                raise ActorRestarting("The host is stopping")
            slot = self._slots.get((name, key))
            is_own = slot is None
            if slot is None:
                slot = self._start(name, key, want, plain_input, depth)
            elif slot.stopping is not None:
                await slot.left.wait()
                continue
            slot.waiting += 1
            try:
                instance = await asyncio.shield(slot.starting)
            except Exception:
                # Who asked for the same shares the error; a new actor everybody wants for himself.
                if is_own or (want is slot.want and want is not Want.NEW):
                    raise
                await slot.left.wait()
                continue
            finally:
                slot.waiting -= 1
            if want is Want.NEW and not is_own:
                raise duplicate(name, key)
            is_new |= is_own and slot.is_new
            if slot.stopping is None or want is Want.NEW:
                return instance, is_new
            lives += 1
            if lives == _MAX_LIVES:
                raise ActorRestarting(f"{name} {list(key)!r} stops as soon as it has started")

    def _start(
        self, name: str, key: tuple[str, ...], want: Want, plain_input: Plain, depth: int
    ) -> Slot:
        task = start_task(
            self._load(name, key, want, plain_input, depth), context=self._context.copy()
        )
        slot = self._slots[name, key] = Slot(task, want, self._clock.now())

        def started(task: asyncio.Task[Instance]) -> None:
            if task.cancelled() or task.exception() is not None:
                self._leave((name, key))
                return
            slot.connectable_at = self._clock.now()
            self._awake.add(task.result().actor_id)
            task.result().stop_if_asked()

        task.add_done_callback(started)
        return slot

    async def _load(
        self, name: str, key: tuple[str, ...], want: Want, plain_input: Plain, depth: int
    ) -> Instance:
        record = await self._storage.find(name, key)
        if record is not None and want is Want.NEW:
            raise duplicate(name, key)
        stored = None if record is None else await self._storage.load(record.actor_id)
        if stored is None and want is Want.OLD:
            raise ActorNotFound(f"there is no {name} with the key {list(key)!r}")
        instance = self._instance(name, key, stored, depth)
        try:
            if stored is None:
                await create(instance, plain_input)
                self._slots[name, key].is_new = True
            else:
                await wake(instance, stored)
        except Exception as error:
            self._expect(instance)  # its creation may be committed, with what is due
            if stored is not None:
                sent = error_to_send(error)
                self._failures.put(instance.actor_id, f"{sent.group}.{sent.code}")
            if is_public(error):
                raise
            # Logged here, once and with the actor's name, however many wait for this start.
            instance.log_error("its start", error)
            told = error_to_send(error)
            raise ActorError(told.message, group=told.group, code=told.code) from error
        self._failures.drop(instance.actor_id)
        return instance

    def _instance(
        self, name: str, key: tuple[str, ...], stored: StoredActor | None, depth: int
    ) -> Instance:
        return Instance(
            self._registry.definition(name),
            actor_id=self._clock.new_id() if stored is None else stored.record.actor_id,
            key=key,
            region=self._region,
            clock=self._clock,
            context=self._context,
            storage=self._storage,
            stop=self._stop_by_itself,
            client=self._client,
            depth=depth,
        )

    async def _shut_down(self, slot: Slot) -> None:
        instance = await asyncio.shield(slot.starting)
        await asyncio.shield(
            self._begin_stop(slot, instance, ActorInput.SLEEP, cause=EndCause.SHUTDOWN)
        )

    def _stop_by_itself(self, instance: Instance, how: ActorInput) -> None:
        """An instance is idle, or asks for its end (A3)."""
        slot = self._slots[instance.name, instance.key]
        if slot.waiting and instance.stop_asked is None:
            instance.idle.begin()  # a loop that is held up has not let them come to it yet
        else:
            self._begin_stop(slot, instance, how)

    def _begin_stop(
        self,
        slot: Slot,
        instance: Instance,
        how: ActorInput,
        cause: EndCause = EndCause.SLEEP,
    ) -> asyncio.Task[bool]:
        """Stop an instance once; whoever comes second is given the first stop."""
        if slot.stopping is None:
            instance.begin_stop(how)
            slot.stopping = start_task(
                self._run_stop(instance, how, cause), context=self._context.copy()
            )
        return slot.stopping

    async def _run_stop(self, instance: Instance, how: ActorInput, cause: EndCause) -> bool:
        done = False
        try:
            if how is ActorInput.DESTROY:
                done = await destroy(instance, self._closing)
            else:
                done = await sleep(instance, cause, self._closing)
        except Exception:  # noqa: BLE001 - logged; the actor leaves memory all the same
            _log.exception("stopping %s %r failed", instance.name, instance.key)
        finally:
            self._leave((instance.name, instance.key))
            self._awake.discard(instance.actor_id)
            if how is ActorInput.SLEEP:
                self._slept_at.put(instance.actor_id, self._clock.now())
                self._expect(instance)
        return done

    def _expect(self, instance: Instance) -> None:
        """It is not in memory, and is woken for what it has scheduled; if it is gone, never."""
        if instance.schedules.next_due is not None:
            self.alarms.expect(instance.schedules.next_due)

    async def _destroy_unstarted(self, actor_id: str) -> bool:
        """Delete an actor that does not stay awake; nobody starts it meanwhile (A1).

        Returns:
            Whether it did: False if it is gone, or another start was faster.
        """
        try:
            stored = await self._storage.load(actor_id)
        except StorageError as error:
            if error.code != "corrupt":
                raise
            return await self._destroy_damaged(actor_id, error)
        if stored is None:
            return False
        address = (stored.record.name, stored.record.key)
        while (slot := self._slots.get(address)) is not None:
            if slot.stopping is None:
                return False
            await slot.left.wait()

        async def delete() -> Instance:
            await self._storage.delete(actor_id)
            _log.warning("%s %r was destroyed without on_destroy: it cannot start", *address)
            raise ActorNotFound(f"the actor {actor_id!r} was destroyed")

        task = start_task(delete(), context=self._context.copy())
        self._slots[address] = Slot(task, Want.OLD, self._clock.now())
        task.add_done_callback(lambda _: self._leave(address))
        try:
            await asyncio.shield(task)
        except ActorNotFound:
            self._failures.drop(actor_id)
        return True

    async def _destroy_damaged(self, actor_id: str, error: StorageError) -> bool:
        """Delete what nobody can load any more; was it loaded before, it ends as any other.

        Returns:
            Whether it did: False if it is to be tried again.
        """
        for slot in self._slots.values():
            if slot.connectable_at is None or slot.starting.result().actor_id != actor_id:
                continue
            if slot.stopping is not None:
                await slot.left.wait()
                return False
            instance = slot.starting.result()
            return await asyncio.shield(self._begin_stop(slot, instance, ActorInput.DESTROY))
        await self._storage.delete(actor_id)
        self._failures.drop(actor_id)
        _log.warning("actor %s was destroyed without on_destroy: %s", actor_id, error)
        return True

    def _leave(self, address: Address) -> None:
        slot = self._slots.pop(address)
        slot.left.set()
