"""The metaclass of actors: class body -> problems -> table, nothing else.

Two phases. The body phase (``_validate``) needs no annotations. The table phase (``_compile``)
is tried at once, and again at first use if a name does not exist yet. What both find is told
together.
"""

from __future__ import annotations

import sys
import typing
from abc import ABC, ABCMeta
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

from typing_extensions import override

from ..errors import DefinitionError, Problem
from ._annotations import Scope, enclosing_frames
from ._compile import compile_actor, default_problems, is_actor, is_root
from ._declaration import Declaration, read_keywords
from ._location import Location, calling_location, class_location
from ._markers import Action, Event, Misplaced, is_hook
from ._table import ActorDefinition
from ._validate import Body, Replaced, check_body

_OWN_KEYWORDS = frozenset({"name", "wire_case", "abstract", "options", "errors", "state_version"})
_FOREIGN = (object, ABC, typing.Generic, typing.Protocol)
_collecting: ContextVar[bool] = ContextVar("pyactor_collecting", default=False)


class _Namespace(dict[str, Any]):
    """A class body as it runs: notices lines, and an action, event or hook defined twice."""

    def __init__(self) -> None:
        super().__init__()
        self.frame: FrameType | None = None
        self.lines: dict[str, int] = {}
        self.replaced: list[Replaced] = []

    @override
    def __setitem__(self, attr: str, value: Any) -> None:
        frame = sys._getframe(1)
        if frame.f_locals is self:
            self.frame = frame
        old = self.get(attr)
        if isinstance(old, (Action, Event, Misplaced)) or is_hook(old):
            self.replaced.append(Replaced(attr, old, self.lines[attr], frame.f_lineno))
        self.lines[attr] = frame.f_lineno
        super().__setitem__(attr, value)


class ActorMeta(ABCMeta):
    """Makes actor classes; checks them; keeps what they declare."""

    __pyactor__: Declaration

    @classmethod
    @override
    def __prepare__(
        metacls,  # noqa: N804 - it is the metaclass
        name: str,
        bases: tuple[type, ...],
        /,
        **keywords: object,
    ) -> MutableMapping[str, object]:
        return _Namespace()

    def __new__(
        mcls, cls_name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **keywords: Any
    ) -> ActorMeta:
        """Make the class.

        Raises:
            DefinitionError: It has mistakes, unless they are being collected.
        """
        foreign = _taken_by_bases(bases, keywords)
        cls = super().__new__(mcls, cls_name, bases, dict(namespace), **foreign)
        own = {name: value for name, value in keywords.items() if name not in foreign}
        body = namespace if isinstance(namespace, _Namespace) else _Namespace()
        _declare(cls, body, own)
        if not is_root(cls):
            _check_body(cls, body)
            _check_new(cls)
        return cls

    @override
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"{cls.__name__} is made by its host, not by hand; a client reaches it with "
            f"client.actor({cls.__name__}).get_or_create(...)"
        )


def definition_of(cls: type[Any]) -> ActorDefinition:
    """The definition of an actor class or a contract.

    Raises:
        DefinitionError: The class has mistakes; so has an annotation that still names nothing.
        TypeError: It is no actor class, or abstract.
    """
    actor = _actor_class(cls)
    declaration = actor.__pyactor__
    if declaration.definition is None:
        _complete(actor)
    if declaration.problems:
        raise DefinitionError(actor.__name__, declaration.problems)
    if declaration.definition is None:
        open_methods = ", ".join(sorted(actor.__abstractmethods__))
        why = f": it does not implement {open_methods}" if open_methods else ""
        raise TypeError(f"{actor.__name__} is abstract{why}; use a class that inherits it")
    return declaration.definition


@contextmanager
def collecting() -> Iterator[None]:
    """Let classes with mistakes come into being; ``problems_of`` tells of them afterwards."""
    token = _collecting.set(True)
    try:
        yield
    finally:
        _collecting.reset(token)


def problems_of(cls: type[Any]) -> tuple[Problem, ...]:
    """What is wrong with a class, without what is wrong with the classes above it already.

    Raises:
        TypeError: It is no actor class.
    """
    actor = _actor_class(cls)
    _complete(actor)
    above = {
        problem
        for base in actor.__mro__[1:]
        if isinstance(base, ActorMeta)
        for problem in base.__pyactor__.problems
    }
    return tuple(problem for problem in actor.__pyactor__.problems if problem not in above)


def _actor_class(cls: object) -> ActorMeta:
    if not isinstance(cls, ActorMeta):
        raise TypeError(f"{cls!r} is no actor class: it does not inherit Actor")
    return cls


def _declare(cls: ActorMeta, body: _Namespace, keywords: dict[str, Any]) -> None:
    """Keep what is known of a new class before any check."""
    frame = body.frame
    if frame is None:  # made by a call of the metaclass
        location, scope = calling_location(), Scope()
    else:
        location = Location(frame.f_code.co_filename, frame.f_code.co_firstlineno)
        scope = Scope(enclosing_frames(frame))
    bases = [base.__pyactor__ for base in cls.__mro__[1:] if isinstance(base, ActorMeta)]
    read, messages = read_keywords(
        keywords, _default_name(cls), [declaration.keywords for declaration in bases]
    )
    cls.__pyactor__ = Declaration(
        read,
        location,
        scope,
        body.lines,
        body_problems=[location.problem(message) for message in messages],
        is_checked=is_root(cls),
    )


def _check_body(cls: ActorMeta, body: _Namespace) -> None:
    """Run the body phase, on the plain classes that are mixed in too."""
    declaration = cls.__pyactor__
    found = check_body(
        Body(
            declaration.location,
            vars(cls),
            body.lines,
            annotated=tuple(vars(cls).get("__annotations__", ())),
            replaced=body.replaced,
            is_contract=not is_actor(cls),
            inherited=lambda attr: _inherited(cls, attr),
        )
    )
    declaration.body_problems += found + _mixin_problems(cls, declaration.location)


def _check_new(cls: ActorMeta) -> None:
    """Try the table phase on a new class, and raise what both phases found."""
    declaration = cls.__pyactor__
    problems = list(declaration.body_problems)
    if _is_abstract(cls):
        problems += default_problems(cls)
        declaration.is_checked = True
    else:
        compiled = compile_actor(cls)
        problems += compiled.problems
        declaration.is_checked = not compiled.unresolved
        if not problems:
            declaration.definition = compiled.definition
    declaration.problems = _in_order(problems)
    if problems and not _collecting.get():
        raise DefinitionError(cls.__name__, declaration.problems)


def _complete(cls: ActorMeta) -> None:
    """Run the table phase again if a name was missing; now a missing name is a mistake.

    A name may still come: a class whose only mistakes are missing names is tried each time.
    """
    declaration = cls.__pyactor__
    if declaration.is_checked:
        return
    compiled = compile_actor(cls)
    problems = [*declaration.body_problems, *compiled.problems, *compiled.unresolved]
    declaration.problems = _in_order(problems)
    declaration.is_checked = not compiled.unresolved
    if not problems:
        declaration.definition = compiled.definition


def _in_order(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda problem: (problem.file, problem.line)))


def _is_abstract(cls: ActorMeta) -> bool:
    return is_root(cls) or cls.__pyactor__.keywords.abstract or bool(cls.__abstractmethods__)


def _default_name(cls: ActorMeta) -> str:
    """The class's name; of the implementation of a contract, the contract's, which clients use."""
    for base in cls.__mro__[1:]:
        if isinstance(base, ActorMeta) and not _is_abstract(base):
            if is_actor(cls) and not is_actor(base):
                return base.__pyactor__.keywords.name
            break
    return cls.__name__


def _inherited(cls: type[Any], attr: str) -> object:
    return next((vars(base)[attr] for base in cls.__mro__[1:] if attr in vars(base)), None)


def _mixin_problems(cls: ActorMeta, fallback: Location) -> list[Problem]:
    """The mistakes in the plain classes that are mixed in, which had no metaclass of ours."""
    problems: list[Problem] = []
    overridden: set[str] = set()
    is_hidden = False
    for base in cls.__mro__:
        if isinstance(base, ActorMeta):
            is_hidden = is_hidden or is_root(base)
        elif base not in _FOREIGN:
            members = {name: vars(base)[name] for name in vars(base) if name not in overridden}
            where = class_location(base, fallback)
            problems += check_body(Body(where, members, is_hidden=is_hidden))
        if not is_root(base):
            overridden.update(vars(base))
    return problems


def _taken_by_bases(bases: tuple[type, ...], keywords: dict[str, Any]) -> dict[str, Any]:
    """The class keywords that are not ours but of a base's own ``__init_subclass__``."""
    takes_any = any(
        "__init_subclass__" in vars(owner)
        for base in bases
        for owner in base.__mro__
        if owner not in _FOREIGN
    )
    if not takes_any:
        return {}
    return {name: value for name, value in keywords.items() if name not in _OWN_KEYWORDS}
