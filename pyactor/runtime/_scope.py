"""Who is calling: what a running hook or action knows of itself, by context variable.

Owns the context variable and the waits between connections that keep ``disconnect`` free of
deadlock (C9). Source: lifecycle.md, "Who is calling (context)".
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from attrs import define

from ..wire.depth import call_depth

if TYPE_CHECKING:
    from ..definition import Conn, Connecting
    from ._driver import ConnectionDriver
    from ._instance import Instance


@define(eq=False)
class Scope:
    """One run of a hook or action.

    Attributes:
        instance: The actor it runs on; another instance does not see this scope's caller.
        what: What runs, for messages: ``action 'post'`` or ``hook 'on_connect'``.
        conn: The calling connection, if there is one.
        depth: How many calls of actors it stands in (`pyactor.wire.depth`).
        connecting: The attempt, in the preflight hooks only.
        closes: The connection whose closing waits for this run: a connection's hook has one,
            an action has none, since a closing connection does not wait for its actions (C6).
        waits: The connections whose closing this run awaits just now.
        active: False once the run has returned, raised or timed out.
        is_background: Whether it is ``run``, which may go on for as long as the actor lives.
        asks_stop: Whether the run asked for sleep or destroy, which begins once it is over.
    """

    instance: Instance
    what: str
    conn: Conn[Any, Any] | None = None
    depth: int = 0
    connecting: Connecting[Any] | None = None
    closes: ConnectionDriver | None = None
    waits: tuple[ConnectionDriver, ...] = ()
    active: bool = True
    is_background: bool = False
    asks_stop: bool = False

    def enter(self) -> None:
        """Let the running context be that of this run."""
        current_scope.set(self)
        call_depth.set(self.depth + 1)

    def end(self) -> None:
        """Its hook is over (C9)."""
        self.active = False


current_scope: ContextVar[Scope | None] = ContextVar("pyactor_scope", default=None)


def awaits(source: ConnectionDriver, target: ConnectionDriver) -> bool:
    """Whether the closing of ``source`` waits, over any number of hooks, for ``target``'s."""
    seen: set[ConnectionDriver] = set()
    stack = [source]
    while stack:
        driver = stack.pop()
        if driver is target:
            return True
        if driver not in seen:
            seen.add(driver)
            stack.extend(wait for scope in driver.hook_scopes for wait in scope.waits)
    return False
