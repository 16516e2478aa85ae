"""How an instance comes to life and leaves memory again (lifecycle.md, "An actor")."""

from __future__ import annotations

import asyncio
from typing import Any

from attrs import evolve

from ..errors import GoingAway, InvalidInput
from ..plain import Plain
from ..session import End, EndCause
from ..storage import ActorRecord, Storage
from ._instance import Instance
from ._lifecycle import ActorInput
from ._persistence import decode_state, encode_input, encode_state

_LAST_WAIT = 1.0
"""Seconds after the grace period for cancelled code to clean up, with its close frames (C7)."""


async def create(instance: Instance, storage: Storage, plain_input: Plain) -> None:
    """Start an actor that does not exist yet: create_state, on_create, commit, on_wake (A2).

    Raises:
        InvalidInput: the input does not fit; nothing ran.
        Exception: what a start hook raised; what was not committed is gone.
    """
    definition = instance.definition
    try:
        typed_input = definition.structure_input(plain_input)
        kept_input = encode_input(plain_input)
        if kept_input is not None and len(kept_input) > definition.options.max_input_size:
            raise InvalidInput(f"the input has over {definition.options.max_input_size} bytes")
        instance.actor = definition.instantiate(instance)
        instance.state = await _first_state(instance, typed_input)
        if "on_create" in definition.hooks:
            await instance.run_hook("on_create")
        await storage.commit(
            ActorRecord(
                instance.actor_id,
                instance.name,
                instance.key,
                instance.clock.now(),
                kept_input,
                encode_state(definition, instance.state),
            )
        )
        await _wake(instance)
    except BaseException:
        instance.lifecycle.receive(ActorInput.START_FAILED)
        raise


async def wake(instance: Instance, record: ActorRecord) -> None:
    """Start an actor that was created before: its state, then on_wake.

    Raises:
        Exception: what a start hook raised.
    """
    try:
        instance.state = decode_state(instance.definition, record)
        instance.actor = instance.definition.instantiate(instance)
        await _wake(instance)
    except BaseException:
        instance.lifecycle.receive(ActorInput.START_FAILED)
        raise


async def sleep(instance: Instance, storage: Storage, cause: EndCause) -> None:
    """Stop an instance and keep its state.

    Args:
        instance: A ready instance.
        storage: Where its state goes.
        cause: SLEEP, or SHUTDOWN when its host stops.
    """
    instance.lifecycle.receive(ActorInput.SLEEP)
    await _wind_down(instance, "on_sleep", cause)
    record = await storage.load(instance.actor_id)
    assert record is not None  # committed before it became ready
    try:
        state = encode_state(instance.definition, instance.state)
    except TypeError as error:
        instance.log_error("saving the state", error)
    else:
        await storage.commit(evolve(record, state=state))
    instance.lifecycle.receive(ActorInput.STOPPED)


async def destroy(instance: Instance, storage: Storage) -> None:
    """Stop a ready instance for good; nothing of it is kept (A6)."""
    instance.lifecycle.receive(ActorInput.DESTROY)
    await _wind_down(instance, "on_destroy", EndCause.DESTROY)
    await storage.delete(instance.actor_id)
    instance.lifecycle.receive(ActorInput.STOPPED)


async def _first_state(instance: Instance, typed_input: Any) -> Any:
    if "create_state" not in instance.definition.hooks:
        return instance.definition.make_state()
    state = await instance.run_hook("create_state", typed_input)
    instance.definition.check_state(state)
    return state


async def _wake(instance: Instance) -> None:
    if "on_wake" in instance.definition.hooks:
        await instance.run_hook("on_wake")
    instance.lifecycle.receive(ActorInput.STARTED)


async def _wind_down(instance: Instance, hook: str, cause: EndCause) -> None:
    """Run the farewell hook, end every connection, and wait, all within the grace period (C15).

    The farewell hook still has its connections, for half of the grace period at most.
    """
    grace = instance.definition.options.sleep_grace_period
    deadline = asyncio.get_running_loop().time() + grace
    farewell = asyncio.create_task(_farewell(instance, hook))
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
            instance.log.error("code that ignores its cancellation is left behind")
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
