"""The type variables that the definition's signatures share; nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import ParamSpec, TypeVar

if TYPE_CHECKING:
    from ._actor import ActorContract

S = TypeVar("S")  #: State
C = TypeVar("C", default=None)  #: ConnState
P = TypeVar("P", default=None)  #: Params
I = TypeVar("I", default=None)  # noqa: E741 - Input, named as api.md names it
A = TypeVar("A", bound="ActorContract[Any, Any]")
A_co = TypeVar("A_co", bound="ActorContract[Any, Any]", covariant=True)
A_contra = TypeVar("A_contra", bound="ActorContract[Any, Any]", contravariant=True)
F_co = TypeVar("F_co", covariant=True)  #: an action as its callers see it
T = TypeVar("T")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Ps = ParamSpec("Ps")
