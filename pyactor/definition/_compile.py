"""The table phase: an actor class -> its frozen definition, or what is wrong with its types.

A name that does not exist yet is no mistake here; it is reported apart, and the metaclass tries
again at first use.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType, NoneType
from typing import Any

from attrs import define, field, frozen
from typing_extensions import get_original_bases

from ..errors import InvalidInput, InvalidParams, Problem, UserError
from ._annotations import BadAnnotation, Scope, Unresolved, hints_of, resolve_type, types_in
from ._arguments import Arguments, ParameterSpec
from ._binding import Binding
from ._case import CASES, keep
from ._choices import Bound
from ._conn import Conn
from ._declaration import Declaration
from ._defaults import factory_of, missing_arguments, shared_defaults
from ._generics import (
    UNANNOTATED,
    accepts,
    awaited,
    environments,
    has_type_variables,
    normalise,
    show,
    show_def,
    substitute,
)
from ._hooks import HOOKS
from ._location import Location, class_location, location_of
from ._markers import Action, Event, is_hook
from ._mismatch import CannotTravel
from ._signatures import hook_messages, parameters_of
from ._table import ActionSpec, ActorDefinition, EventSpec, HookSpec
from ._values import OptionalValue

_LABELS = {"state": "State", "conn_state": "ConnState", "params": "Params", "input": "Input"}
_UNRESOLVED = "pyactor needs this type at run time: import or define it outside TYPE_CHECKING"
