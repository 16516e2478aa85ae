"""Asking the hooks that say whether a connection may do something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import Forbidden
from ._errors import is_public

if TYPE_CHECKING:
    from ..definition import Conn
    from ._instance import Instance


def ask(
    instance: Instance,
    hook: str,
    conn: Conn[Any, Any],
    subject: object,
    *,
    refusal: str,
    report: Callable[[BaseException | None], None],
) -> None:
    """Ask a hook, which the class has, whether ``conn`` may have ``subject``.

    Args:
        instance: The actor.
        hook: ``can_subscribe`` or ``can_publish``.
        conn: Who wants it.
        subject: What it wants.
        refusal: The message of the error that a no is.
        report: Called with None for a yes, else with why not: Forbidden, or what the hook's
            failure counts as (C11), which is logged unless a client may see it.
    """

    def ended(verdict: object, error: BaseException | None) -> None:
        if error is None and not isinstance(verdict, bool):
            error = TypeError(f"hook {hook!r} returned {type(verdict).__name__}, expected bool")
        elif error is None and not verdict:
            error = Forbidden(refusal)
        if error is not None and not is_public(error):
            instance.log_error(f"hook {hook!r}", error, conn.id)
        report(error)

    instance.start_hook(hook, conn, subject, conn=conn, report=ended)
