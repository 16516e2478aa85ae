"""How an instance comes to life and leaves memory again (lifecycle.md, "An actor")."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ..errors import GoingAway, InvalidInput
from ..plain import Plain
from ..session import End, EndCause
from ..storage import StoredActor
from ..tasks import start_task
from ._instance import Instance
from ._lifecycle import ActorInput
from ._persistence import encode_input, read_state, structure_state

_LAST_WAIT = 1.0
"""Seconds after the grace period for cancelled code to clean up, with its close frames (C7)."""


async def create(instance: Instance, plain_input: Plain) -> None:
    """Start an actor that does not exist yet: create_state, on_create, commit, on_wake (A2).

    Raises:
        InvalidInput: the input does not fit; nothing ran.
        Exception: what a start hook raised; what was not committed is gone.
    """
    definition = instance.definition
    async with _starting(instance):
        typed_input = definition.structure_input(plain_input)
        kept_input = encode_input(plain_input)
        if kept_input is not None and len(kept_input) > definition.options.max_input_size:
            raise InvalidInput(f"the input has over {definition.options.max_input_size} bytes")
        instance.actor = definition.instantiate(instance)
        instance.state = await _first_state(instance, typed_input)
        if "on_create" in definition.hooks:
            await instance.run_hook("on_create")
        await instance.saver.create(kept_input)
        await _wake(instance)


async def wake(instance: Instance, stored: StoredActor) -> None:
    """Start an actor that was created before: its state, then on_wake.

    Raises:
        StateUnreadable: what is kept is no state of its class; it is untouched.
        Exception: what a start hook raised.
    """
    async with _starting(instance):
        plain = read_state(instance.definition, stored.record)
        instance.actor = instance.definition.instantiate(instance)
        instance.state = await _fitting_state(instance, plain, stored.record.state_version)
        instance.saver.loaded(stored.record)
        instance.schedules.load(stored.schedules)
        await _wake(instance)


async def sleep(instance: Instance, cause: EndCause, hurry: asyncio.Event) -> bool:
    """Stop an instance and keep its state; or destroy it, if it asks for that meanwhile (A6).

    Args:
        instance: An instance whose ``begin_stop`` was told to sleep.
        cause: SLEEP, or SHUTDOWN when its host stops.
        hurry: Set when the host stops; only then is a state given up that cannot be saved.

    Returns:
        Whether its state is saved, or nothing of it is kept.
    """
    deadline = await _wind_down(instance, "on_sleep", cause)
    is_done = instance.stop_asked is not ActorInput.DESTROY and await instance.saver.finish(hurry)
    if instance.stop_asked is ActorInput.DESTROY:
        instance.lifecycle.receive(ActorInput.DESTROY)
        await _last_farewell(instance, deadline)
        is_done = await instance.saver.forget(hurry)
    instance.lifecycle.receive(ActorInput.STOPPED)
    return is_done


async def destroy(instance: Instance, hurry: asyncio.Event) -> bool:
    """Stop an instance for good (A6); whether nothing of it is kept. See ``sleep``."""
    await _wind_down(instance, "on_destroy", EndCause.DESTROY)
    is_deleted = await instance.saver.forget(hurry)
    instance.lifecycle.receive(ActorInput.STOPPED)
    return is_deleted


@asynccontextmanager
async def _starting(instance: Instance) -> AsyncIterator[None]:
    """A start: if it fails nothing of the instance is left running, and nothing more is saved."""
    try:
        yield
    except BaseException:
        instance.lifecycle.receive(ActorInput.START_FAILED)
        instance.abort_event.set()
        instance.cancel_start()
        await instance.saver.abandon()
        raise


async def _fitting_state(instance: Instance, plain: Plain, version: int) -> Any:
    """The typed state, migrated by the class if an older version of it kept the plain one."""
    definition = instance.definition
    if version < definition.state_version and "migrate_state" in definition.hooks:
        plain = await instance.run_hook("migrate_state", plain, version)
        if not isinstance(plain, dict):
            raise TypeError(
                f"hook 'migrate_state' returned {type(plain).__name__}, expected dict[str, Any]"
            )
    return structure_state(definition, plain)


async def _first_state(instance: Instance, typed_input: Any) -> Any:
    if "create_state" not in instance.definition.hooks:
        return instance.definition.make_state()
    state = await instance.run_hook("create_state", typed_input)
    instance.definition.check_state(state)
    return state


async def _wake(instance: Instance) -> None:
    if instance.watch is not None:
        instance.watch.begin()
    if "on_wake" in instance.definition.hooks:
        await instance.run_hook("on_wake")
    instance.lifecycle.receive(ActorInput.STARTED)
    instance.idle.begin()
    instance.schedules.begin()
    instance.start_run()


async def _wind_down(instance: Instance, hook: str, cause: EndCause) -> float:
    """Run the farewell hook, end every connection, and wait, all within the grace period (C15).

    The farewell hook still has its connections, for half of the grace period at most.

    Returns:
        When the grace period ends or has ended, in the loop's time.
    """
    grace = instance.definition.options.sleep_grace_period
    deadline = asyncio.get_running_loop().time() + grace
    farewell = start_task(_farewell(instance, hook))
    await asyncio.wait({farewell}, timeout=grace / 2)
    for driver in list(instance.drivers.values()):
        driver.end(End(cause, 1001, GoingAway().name))
    if not await _quiet_by(instance, deadline):
        instance.log.warning("still busy after its grace period of %g s: cancelled", grace)
        for give_up in (instance.cancel_calls, instance.abort_connections):
            give_up()
            if await _quiet_by(instance, asyncio.get_running_loop().time() + _LAST_WAIT):
                break
        else:
            if left := instance.left_behind():
                instance.log.error(
                    "code that ignores its cancellation is left behind: %s", ", ".join(left)
                )
    await farewell
    instance.leave()
    return deadline


async def _last_farewell(instance: Instance, deadline: float) -> None:
    """Run on_destroy after on_sleep, in what is left of the grace period, if anything is."""
    left = deadline - asyncio.get_running_loop().time()
    farewell = start_task(_farewell(instance, "on_destroy"))
    if not (await asyncio.wait({farewell}, timeout=max(left, _LAST_WAIT)))[0]:
        instance.cancel_calls()
    await farewell


async def _farewell(instance: Instance, hook: str) -> None:
    if hook not in instance.definition.hooks:
        return
    try:
        await instance.run_hook(hook)
    except BaseException as error:  # noqa: BLE001 - cancelled or failed, the actor still stops
        instance.log_error(f"hook {hook!r}", error)


async def _quiet_by(instance: Instance, deadline: float) -> bool:
    try:
        async with asyncio.timeout_at(deadline):
            await instance.wait_quiet()
    except TimeoutError:
        return False
    return True
