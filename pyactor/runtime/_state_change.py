"""``on_state_change``: found by snapshots, run before the answer (A7)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from ..definition import HookSpec
from ..errors import StateMutationReentrant
from ._call import end_loop_if_exit
from ._persistence import digest_of
from ._scope import Scope, current_scope

if TYPE_CHECKING:
    from ._instance import Instance

_HOOK = "on_state_change"


class StateWatch:
    """Tells a class that has ``on_state_change`` of each change, once."""

    def __init__(self, instance: Instance, hook: HookSpec) -> None:
        self._instance = instance
        self._hook = hook
        self._told: bytes | None = None

    @classmethod
    def of(cls, instance: Instance) -> Self | None:
        """The watch of an instance, or None if its class has no such hook, and pays nothing."""
        hook = instance.definition.hooks.get(_HOOK)
        return None if hook is None else cls(instance, hook)

    def begin(self) -> None:
        """Changes count from here on: the state is made or loaded."""
        self._told = self._digest()

    def check(self) -> None:
        """Run the hook if the state is not what it was at the last look.

        Raises:
            StateMutationReentrant: The hook changed the state.
            TypeError: The state holds a value that is not of its declared type; or what else
                ``encode_state`` raises.
        """
        if self._told is None:
            return
        digest = self._digest()
        if digest == self._told:
            return
        self._told = digest
        instance = self._instance
        try:
            instance.new_context().run(self._run)
        except BaseException as error:  # noqa: BLE001 - not its call's fault
            instance.log_error(f"hook {_HOOK!r}", error)
            end_loop_if_exit(error)
        self._told = self._digest()
        if self._told != digest:
            raise StateMutationReentrant(
                f"hook {_HOOK!r} of {instance.name} changed the state it was told of; change it in "
                "the action, and only look at it in the hook"
            )

    def _run(self) -> None:
        scope = Scope(self._instance, f"hook {_HOOK!r}")
        current_scope.set(scope)
        try:
            self._hook.function(self._instance.actor, self._instance.state)
        finally:
            scope.end()
            if scope.asks_stop:  # once the call is over in which this runs
                asyncio.get_running_loop().call_soon(self._instance.stop_if_asked)

    def _digest(self) -> bytes:
        return digest_of(self._instance.saver.snapshot())
