"""Which faults a simulated world may bring about, and how often. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from attrs import field, frozen


class InjectedFault(Exception):
    """What an await inside user code raises when the world decides that it fails.

    To a client it is an ``internal_error`` like any other exception that is not public (C8).
    """


def _not_negative(_instance: object, attribute: object, value: object) -> None:
    if not isinstance(value, int) or value < 0:
        name = getattr(attribute, "name", "a fault")
        raise ValueError(f"Faults.{name} is one in how many, 0 for never, not {value!r}")


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(names)


def _one_in(default: int) -> int:
    return field(default=default, validator=_not_negative)


@frozen(kw_only=True)
class Faults:
    """How often what goes wrong: once in so many times, 0 for never.

    By default nothing does. ``Faults.usual()`` is what ``lifecycle_test`` starts from.

    Attributes:
        late_awaits: An await inside user code takes longer than it had to.
        failed_awaits: An await inside user code raises ``InjectedFault``. Never one that stands
            in pyactor itself, as ``conn.disconnect()`` does, which never raises (C9).
        late_messages: A message, close frame or loss is under way for a while.
        losses: The connection is lost as a message is about to be delivered.
        late_commits: The storage takes its time.
        failed_commits: The storage fails; nothing is kept, and whoever commits is told.
        tied_timers: Timers of one instant fire in another order: 1 or 0.
        spares: User code, by the names of hooks and actions, whose awaits never fail; they may be
            late. ``"deferred"`` are the deferred callbacks.
        longest: The longest delay in virtual seconds.
    """

    NONE: ClassVar[Self]

    late_awaits: int = _one_in(0)
    failed_awaits: int = _one_in(0)
    late_messages: int = _one_in(0)
    losses: int = _one_in(0)
    late_commits: int = _one_in(0)
    failed_commits: int = _one_in(0)
    tied_timers: int = _one_in(0)
    spares: frozenset[str] = field(
        default=frozenset({"on_disconnect", "deferred", "on_sleep", "on_destroy", "run"}),
        converter=_names,
    )
    longest: float = 10.0

    @classmethod
    def usual(cls) -> Self:
        """Everything, now and then, but for storage that fails."""
        return cls(
            late_awaits=4, failed_awaits=12, late_messages=4, losses=40, late_commits=6,
            tied_timers=1,
        )  # fmt: skip


Faults.NONE = Faults()
