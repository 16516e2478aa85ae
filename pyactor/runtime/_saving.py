"""When the state of an actor is saved, and what goes into one commit (A2, A4).

Owns the only way from an instance to its storage. It must not decide when an actor starts or
stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from attrs import frozen

from ..errors import GoingAway
from ..plain import Plain
from ..storage import ActorRecord, Changes, ScheduleRecord, Storage
from ._persistence import UNENCODABLE, digest_of, encode_state

if TYPE_CHECKING:
    from ._instance import Instance

_MAX_BACKOFF = 30.0
"""Seconds between two attempts while the storage fails."""
_LAST_TRIES = 3
"""How often a host that stops tries to save before it gives a state up."""
_FIRST_PAUSE = 0.25
"""Seconds before the second of the last tries; then twice as long each."""


@frozen
class _Words:
    """What is said of an attempt that fails, of one that succeeds after that, and of the last."""

    failed: str
    succeeded: str
    given_up: str


_SAVING = _Words(
    "saving the state failed; it is tried again until it is saved",
    "the state is saved again, after %d tries",
    "the storage fails and the host stops: what changed since the last save is lost",
)
_DELETING = _Words(
    "deleting the destroyed actor failed; it is tried again until it is deleted",
    "the destroyed actor is deleted, after %d tries",
    "the storage fails and the host stops: the destroyed actor is not deleted, and the next host "
    "finds it as it was saved last; destroy it again",
)


class Saver:
    """Saves one instance's state, if it has changed, ``state_save_interval`` after it may have.

    While code of the actor runs the state may change at any time, so it is looked at once in
    each interval then, and not at all while nothing runs.
    """

    def __init__(self, instance: Instance, storage: Storage) -> None:
        self._instance = instance
        self._storage = storage
        self._interval = instance.definition.options.state_save_interval
        self._exists = False
        self._is_over = False
        # What is collected for the creation's commit (A2).
        self._put: dict[str, ScheduleRecord] = {}
        self._delete: set[str] = set()
        self._unknown: Mapping[str, Plain] = {}
        self._unknown_of: type | None = None
        # The digest of what the storage has, and whether that survives the loss of power.
        self._kept: bytes | None = None
        self._is_durable = False
        self._one_at_a_time = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Task[None] | None = None
        self._may_have_changed = False
        self._failures = 0
        # While the creation's commit is under way, what is to be kept beside it waits for this.
        self._creation: asyncio.Event | None = None
        self._is_unsavable = False

    # -------------------------------------------------------------- start

    async def create(self, kept_input: bytes | None) -> None:
        """Commit a new actor with what was collected for it: all or nothing (A2).

        Raises:
            StateTooLarge: The first state is.
            DuplicateKey: There is one by now.
            StorageError: It could not be kept; nothing was.
        """
        instance = self._instance
        state = self.snapshot()
        record = ActorRecord(
            instance.actor_id,
            instance.name,
            instance.key,
            instance.clock.now(),
            kept_input,
            state,
            instance.definition.state_version,
        )
        put = tuple(self._put.values())
        self._creation = asyncio.Event()
        try:
            await self._storage.commit(Changes(instance.actor_id, record=record, put_schedules=put))
            self._exists = True
            self._kept, self._is_durable = digest_of(state), True
        finally:
            self._creation.set()
            self._creation = None
            self._put.clear()
            self._delete.clear()
        self.note_change()  # code that on_create began may have changed it meanwhile

    def loaded(self, record: ActorRecord) -> None:
        """The instance has the state of this record; one of an older version is saved anew."""
        self._exists = True
        state = self._instance.state
        self._unknown = self._instance.definition.unknown_state_fields(state)
        self._unknown_of = type(state)
        if record.state_version == self._instance.definition.state_version:
            self._kept, self._is_durable = digest_of(record.state), True
        else:
            self.note_change()

    # -------------------------------------------------------------- while it lives

    def snapshot(self) -> bytes:
        """The state at this instant, with the fields that its class does not know (A4).

        Raises:
            StateTooLarge: See ``encode_state``, as for the others.
        """
        state = self._instance.state
        unknown = self._unknown if type(state) is self._unknown_of else None
        return encode_state(self._instance.definition, state, unknown)

    def is_savable(self) -> bool:
        """Whether the state can be kept as it is now.

        An actor whose state cannot must not sleep: what clients were told is done would be lost.
        """
        try:
            self.snapshot()
        except UNENCODABLE as error:
            self._is_unsavable = True
            self._failed(error)
            return False
        return True

    def check_savable(self) -> None:
        """For each answer, once a save has shown that the state cannot be kept: fail the call.

        Raises:
            StateTooLarge: Still; see ``encode_state``, as for the others.
        """
        if self._is_unsavable:
            self.snapshot()
            self._is_unsavable = False

    def note_change(self) -> None:
        """The state may have changed, or may do so from now on."""
        self._may_have_changed = True
        if not (self._timer or self._saving or self._is_over) and self._exists:
            backoff = min(self._interval * 2**self._failures, _MAX_BACKOFF)
            delay = max(self._interval, backoff)
            self._timer = asyncio.get_running_loop().call_later(delay, self._begin)

    async def commit(
        self,
        *,
        put_schedules: Iterable[ScheduleRecord] = (),
        delete_schedules: Iterable[str] = (),
        with_state: bool = False,
        immediate: bool = True,
    ) -> None:
        """Make one commit; before the creation's own it is only collected for that (A2).

        Args:
            put_schedules: Schedules to add or replace.
            delete_schedules: Ids of schedules to forget, before the others are added.
            with_state: Whether the state goes with them, if it has changed. A state that cannot
                be encoded is logged, and does not hold schedules up.
            immediate: Whether it must survive the loss of power.

        Raises:
            StorageError: Nothing was changed; the state is tried again by itself.
            GoingAway: The actor has left memory: another instance may have taken its place.
            StateTooLarge: The state alone was to be saved, and is.
        """
        if self._creation is not None:
            await self._creation.wait()
        if self._is_over:
            raise GoingAway("the actor has stopped: what it left running cannot save any more")
        put, delete = tuple(put_schedules), tuple(delete_schedules)
        if not self._exists:
            for schedule_id in delete:
                self._put.pop(schedule_id, None)
                self._delete.add(schedule_id)
            self._put.update((each.schedule_id, each) for each in put)
        elif with_state:
            async with self._one_at_a_time:
                await self._commit_state(put, delete, immediate)
        else:
            changes = Changes(self._instance.actor_id, put_schedules=put, delete_schedules=delete)
            await self._storage.commit(changes, immediate=immediate)

    async def _commit_state(
        self, put: tuple[ScheduleRecord, ...], delete: tuple[str, ...], immediate: bool
    ) -> None:
        is_alone = not (put or delete)
        data: bytes | None = None
        self._may_have_changed = False
        try:
            data = self.snapshot()
        except UNENCODABLE as error:
            self._is_unsavable = True
            if is_alone:
                raise
            self._failed(error)
        else:
            self._is_unsavable = False
        digest = None if data is None else digest_of(data)
        if digest == self._kept and (self._is_durable or not immediate):
            data = None
        if data is None and is_alone:
            return
        state = None if data is None else (data, self._instance.definition.state_version)
        changes = Changes(
            self._instance.actor_id, state=state, put_schedules=put, delete_schedules=delete
        )
        try:
            await self._storage.commit(changes, immediate=immediate)
        except BaseException:  # also when it is cancelled: nobody knows what is kept then
            self._kept = None
            self.note_change()
            raise
        if data is not None:
            self._kept, self._is_durable = digest, immediate

    # -------------------------------------------------------------- by itself

    def _begin(self) -> None:
        self._timer = None
        self._saving = self._instance.start_task(self._save())

    async def _save(self) -> None:
        try:
            await self.commit(with_state=True, immediate=False)
        except GoingAway:
            pass  # it began as the actor left memory, which keeps the state itself, or deletes it
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            self._failed(error)
        else:
            self._succeeded()
        finally:
            self._saving = None
        if self._may_have_changed or self._failures or self._instance.is_running_code:
            self.note_change()

    def _failed(self, error: BaseException, words: _Words = _SAVING) -> None:
        self._failures += 1
        if self._failures == 1:
            self._instance.log.error(words.failed, exc_info=error)

    def _succeeded(self, words: _Words = _SAVING) -> None:
        if self._failures:
            self._instance.log.warning(words.succeeded, self._failures)
            self._failures = 0

    # -------------------------------------------------------------- stop

    async def finish(self, hurry: asyncio.Event) -> bool:
        """Save what is left, and nothing after it.

        While the storage fails the actor stays where it is, so that nothing is lost (A4): who
        calls it waits. Only a host that stops gives it up, after a few tries.

        Args:
            hurry: Set when the host stops.

        Returns:
            Whether all of it is saved.
        """
        is_saved = await self._insist(partial(self.commit, with_state=True), hurry, _SAVING)
        await self.abandon()
        return is_saved

    async def forget(self, hurry: asyncio.Event) -> bool:
        """Delete the actor and all that is kept of it (A6); insists as ``finish`` does."""
        await self.abandon()
        self._failures = 0  # those of saves, which do not matter any more
        delete = partial(self._storage.delete, self._instance.actor_id)
        return await self._insist(delete, hurry, _DELETING)

    async def abandon(self) -> None:
        """Save nothing any more."""
        self._is_over = True
        await self._end_timer()

    async def _insist(
        self, attempt: Callable[[], Awaitable[None]], hurry: asyncio.Event, words: _Words
    ) -> bool:
        pause = _FIRST_PAUSE
        for tries in count(1):
            try:
                await attempt()
            except UNENCODABLE:
                self._instance.log.exception(
                    "its state cannot be saved: what changed since the last save is lost"
                )
                return False
            except Exception as error:
                if hurry.is_set() and tries >= _LAST_TRIES:
                    self._instance.log.exception(words.given_up)
                    return False
                self._failed(error, words)
                await _pause(pause, hurry)
                pause = min(2 * pause, _MAX_BACKOFF)
            else:
                self._succeeded(words)
                return True
        raise AssertionError("it counts without end")  # pragma: no cover

    async def _end_timer(self) -> None:
        if self._saving is not None:
            await asyncio.wait({self._saving})
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _pause(seconds: float, hurry: asyncio.Event) -> None:
    """Wait, but no longer than until the host stops; from then on the full pause again."""
    if hurry.is_set():
        await asyncio.sleep(seconds)
        return
    try:
        async with asyncio.timeout(seconds):
            await hurry.wait()
    except TimeoutError:
        pass
