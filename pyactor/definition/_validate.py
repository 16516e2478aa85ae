"""The body phase: a class body -> what is wrong with it, without looking at annotations.

Pure. It holds for abstract and generic classes too, and for plain classes that are mixed in.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, Final

from attrs import field, frozen

from ..errors import Problem
from ._declaration import error_problems, name_problem, path_problem
from ._hooks import HOOKS, MEMBERS
from ._location import Location, location_of
from ._markers import Action, Event, Misplaced, is_hook
from ._signatures import action_messages, hook_messages, init_messages

MAX_REPLAY: Final = 100_000
"""The most broadcasts of one event that may be kept: more is a log, which belongs in a storage."""


@frozen
class Replaced:
    """A marked member that a later one of the same class body silently replaced.

    Attributes:
        attr: Their name.
        old: The member that is lost.
        old_line: Its line.
        line: The line of the one that replaced it.
    """

    attr: str
    old: object
    old_line: int
    line: int


@frozen
class Body:
    """One class body.

    Attributes:
        location: Its class statement.
        members: What it defines.
        lines: The line of each member, where it is known.
        annotated: The names that it annotates.
        replaced: What it defines twice.
        is_contract: Whether it can have no hooks: it does not inherit Actor.
        is_hidden: Whether it is mixed in behind Actor, whose members win.
        inherited: What the class above has under a name, unbound; None if nothing.
    """

    location: Location
    members: Mapping[str, Any]
    lines: Mapping[str, int] = field(factory=dict[str, int])
    annotated: Sequence[str] = ()
    replaced: Sequence[Replaced] = ()
    is_contract: bool = False
    is_hidden: bool = False
    inherited: Callable[[str], object] = lambda _: None

    def location_of(self, attr: str) -> Location:
        """Where a member was written."""
        value = self.members.get(attr)
        if isinstance(value, Event):
            return value.location
        line = self.lines.get(attr)
        if isinstance(value, Misplaced):
            return Location(value.location.file, line or value.location.line)
        found = location_of(value, line)
        return found or Location(self.location.file, line or self.location.line)


def check_body(body: Body) -> list[Problem]:
    """Everything that is wrong with a class body."""
    problems = [_replaced_problem(body, each) for each in body.replaced]
    for attr, value in body.members.items():
        where = body.location_of(attr)
        problems += [where.problem(message) for message in _member_messages(body, attr, value)]
    for attr in body.annotated:
        if attr not in body.members:
            problems += [body.location.problem(message) for message in _reserved(body, attr)]
    return problems


def _replaced_problem(body: Body, replaced: Replaced) -> Problem:
    return Location(body.location.file, replaced.line).problem(
        f"{replaced.attr!r} is defined twice in this class: the {_kind(replaced.old)} of line "
        f"{replaced.old_line} is lost; rename one of them"
    )


def _member_messages(body: Body, attr: str, value: Any) -> Iterator[str]:
    if isinstance(value, Misplaced):
        yield f"{attr!r}: {value.message}"
    elif isinstance(value, Action):
        yield from _action(body, attr, value)
    elif isinstance(value, Event):
        yield from _event(body, attr, value)
    elif is_hook(value):
        yield from _hook(body, attr, value)
    elif attr == "__init__" and isinstance(value, FunctionType):
        yield from (f"__init__: {message}" for message in init_messages(value))
    else:
        yield from _plain(body, attr, value)


def _action(body: Body, attr: str, value: Action[Any]) -> Iterator[str]:
    what = f"action {attr!r}"
    yield from _visible_name(body, what, attr, value.name)
    name: object = value.name
    if isinstance(name, str) and name and (wrong := path_problem(name)):
        yield f"{what}: its name on the wire {wrong}, not {name!r}"
    if is_hook(value.function):
        yield f"{what}: it is an action or a hook, not both; take one of the decorators away"
    timeout: Any = value.timeout
    if timeout is not None and not (
        isinstance(timeout, (int, float))
        and not isinstance(timeout, bool)
        and timeout > 0
        and math.isfinite(timeout)
    ):
        yield f"{what}: timeout={timeout!r}: it is a number of seconds above 0"
    yield from (f"{what}: {message}" for message in error_problems(value.raises, "raises"))
    yield from (f"{what}: {message}" for message in action_messages(value.function))


def _event(body: Body, attr: str, value: Event[Any]) -> Iterator[str]:
    what = f"event {attr!r}"
    yield from _visible_name(body, what, attr, value.name)
    if value.payload is None:
        yield f"{what}: write its payload's type: {attr} = Event[Message](), or Event[None]()"
    replay: object = value.replay
    if replay is not None and (
        isinstance(replay, bool) or not isinstance(replay, int) or not 1 <= replay <= MAX_REPLAY
    ):
        yield (
            f"{what}: replay={replay!r}: it is how many broadcasts are kept, a whole number from "
            f"1 to {MAX_REPLAY:,}"
        )


def _visible_name(body: Body, what: str, attr: str, name: object) -> Iterator[str]:
    if name is not None and (wrong := name_problem(name)):
        yield f"{what}: its name on the wire {wrong}, not {name!r}"
    if attr.startswith("_"):
        yield f"{what}: what clients see cannot start with an underscore"
    elif attr in HOOKS:
        yield f"{what} would replace the hook of that name; rename it"
    else:
        yield from _reserved(body, attr)
    yield from _changed_kind(body, attr, _kind(body.members[attr]))


def _hook(body: Body, attr: str, value: Any) -> Iterator[str]:
    what = f"hook {attr!r}"
    if attr in HOOKS:
        if body.is_contract:
            yield f"{what}: a contract has actions and events only; hooks belong to Actor"
        elif body.is_hidden:
            yield f"{what} has no effect: name this class before Actor in the bases"
        yield from (f"{what}: {message}" for message in hook_messages(attr, value))
    else:
        near = difflib.get_close_matches(attr, HOOKS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"hooks are {', '.join(HOOKS)}"
        yield f"there is no hook {attr!r}; {hint}"


def _plain(body: Body, attr: str, value: Any) -> Iterator[str]:
    """Neither action, event nor hook, though perhaps meant to be one."""
    inner = _covered(value)
    if inner is not None:
        mark = _kind(inner)
        yield f"{attr!r}: @{mark} is the outermost decorator, not under {type(value).__name__}"
    elif attr in HOOKS:
        if not body.is_hidden:
            yield f"{attr!r} replaces a hook; write @hook above it"
    else:
        yield from _reserved(body, attr)
        yield from _changed_kind(body, attr, "")


def _covered(value: object) -> object:
    """The action or hook under another decorator, or None."""
    if not isinstance(value, (FunctionType, staticmethod, classmethod, property)):
        return None
    for name in ("__wrapped__", "__func__", "fget"):
        inner = getattr(value, name, None)
        if isinstance(inner, Action) or is_hook(inner):
            return inner
    return None


def _reserved(body: Body, attr: str) -> Iterator[str]:
    if body.is_hidden:
        return
    if attr in MEMBERS:
        yield f"{attr!r} would replace Actor.{attr}; rename it"


def _changed_kind(body: Body, attr: str, kind: str) -> Iterator[str]:
    """An inherited action or event that this body makes into something else."""
    old = body.inherited(attr)
    if isinstance(old, (Action, Event)) and _kind(old) != kind:
        fix = "write @action above it" if isinstance(old, Action) and not kind else "rename it"
        yield f"{attr!r} replaces an inherited {_kind(old)}; {fix}"


def _kind(value: object) -> str:
    if isinstance(value, Action):
        return "action"
    if isinstance(value, Event):
        return "event"
    return "hook" if is_hook(value) else "member"
