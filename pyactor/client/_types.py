"""The type variables of the client's signatures; nothing happens at run time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from typing_extensions import ParamSpec, TypeVar

if TYPE_CHECKING:
    from ..definition import ActorContract

A = TypeVar("A", bound="ActorContract[Any, Any]")
A_co = TypeVar("A_co", bound="ActorContract[Any, Any]", covariant=True)
P = TypeVar("P")  #: Params of an actor
I = TypeVar("I")  # noqa: E741 - Input of an actor, named as api.md names it
Ps = ParamSpec("Ps")
R = TypeVar("R")

#: What gives Params, sync or async, anew for each attempt and call.
AskParams: TypeAlias = Callable[[], P] | Callable[[], Awaitable[P]]
