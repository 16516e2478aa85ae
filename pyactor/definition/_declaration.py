"""What the metaclass keeps of one actor class: its keywords, where it stands, what was found."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from ..errors import Problem, UserError
from ._annotations import Scope
from ._case import CASES
from ._location import Location
from ._options import ActorOptions
from ._table import ActorDefinition

MAX_NAME = 64
"""Characters of an actor's name (wire-protocol.md, "Limits")."""
_FORBIDDEN = frozenset("/@?#%")  # they end a path segment, or part an id from its token


@frozen
class Keywords:
    """The class keywords, with what is inherited.

    Attributes:
        name: The actor's name.
        wire_case: ``"camel"`` or None.
        abstract: Whether the class says so; not inherited.
        options: Timeouts and limits.
        errors: The errors that hooks and every action may raise, those of the bases among them.
        state_version: Which form of State this is; what is kept of another is migrated.
    """

    name: str
    wire_case: str | None = None
    abstract: bool = False
    options: ActorOptions = field(factory=ActorOptions)
    errors: tuple[type[UserError], ...] = ()
    state_version: int = 0


@define(eq=False)
class Declaration:
    """One actor class, as far as it is known.

    Attributes:
        keywords: Its class keywords.
        location: Its class statement.
        scope: Where names in its annotations are looked up, besides its module.
        lines: The line of each member.
        body_problems: What the body phase found.
        definition: The table, once it is made.
        is_checked: Whether the table phase ran to its end, with or without problems.
        problems: What both phases found.
    """

    keywords: Keywords
    location: Location
    scope: Scope
    lines: Mapping[str, int]
    body_problems: list[Problem] = field(factory=list)
    definition: ActorDefinition | None = None
    is_checked: bool = False
    problems: tuple[Problem, ...] = ()


def read_keywords(
    given: Mapping[str, Any], default_name: str, bases: Sequence[Keywords]
) -> tuple[Keywords, list[str]]:
    """The keywords of a class statement, and what is wrong with them.

    Args:
        given: As written.
        default_name: The name of a class that gives none.
        bases: The keywords of the actor classes that it inherits, nearest first.
    """
    problems: list[str] = []
    known = {"name", "wire_case", "abstract", "options", "errors", "state_version"}
    for keyword in given.keys() - known:
        near = difflib.get_close_matches(keyword, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
        problems.append(f"unknown class keyword {keyword!r}; {hint}")

    name = given.get("name", default_name)
    if wrong := name_problem(name, MAX_NAME):
        problems.append(f"name={name!r}: the name of an actor {wrong}")
        name = default_name

    wire_case = given.get("wire_case", bases[0].wire_case if bases else None)
    if wire_case not in CASES:
        problems.append(f"wire_case={wire_case!r}: it is 'camel' or None")
        wire_case = None

    abstract = given.get("abstract", False)
    if not isinstance(abstract, bool):
        problems.append(f"abstract={abstract!r}: it is True or False")

    options = given.get("options", bases[0].options if bases else ActorOptions())
    if not isinstance(options, ActorOptions):
        problems.append(f"options={options!r}: write options=ActorOptions(...)")
        options = ActorOptions()

    errors = given.get("errors", ())
    wrong_errors = error_problems(errors, "errors")
    problems += wrong_errors
    inherited = [error for base in bases for error in base.errors]
    declared = dict.fromkeys([*inherited, *(() if wrong_errors else errors)])

    version = given.get("state_version", bases[0].state_version if bases else 0)
    if type(version) is not int or version < 0:
        problems.append(f"state_version={version!r}: it is a whole number, 0 or above")
        version = 0
    keywords = Keywords(name, wire_case, bool(abstract), options, tuple(declared), version)
    return keywords, problems


def name_problem(name: object, most: int | None = None) -> str | None:
    """What is wrong with a name that clients use in paths and messages, or None."""
    if not isinstance(name, str) or not name:
        return "is a str that is not empty"
    if most is not None and len(name) > most:
        return f"has at most {most} characters, not {len(name)}"
    if any(each in _FORBIDDEN or each.isspace() or not each.isprintable() for each in name):
        return f"has no white space and none of {' '.join(sorted(_FORBIDDEN))}"
    return None


def path_problem(name: str) -> str | None:
    """What is wrong with the dotted name of a nested action, or None.

    JavaScript calls ``users.add`` as ``handle.users.add(...)``.
    """
    parts = name.split(".")
    if not all(parts):
        return "is words with single dots between them"
    if len(parts) > 1 and "then" in parts:
        return "has no part 'then', by which JavaScript tells a promise"
    return None


def error_problems(errors: object, label: str) -> list[str]:
    """What is wrong with declared errors; ``label`` is the keyword that declares them."""
    if not isinstance(errors, tuple):
        name = errors.__name__ if isinstance(errors, type) else "BadToken"
        return [f"{label}= takes a tuple of errors: {label}=({name},)"]
    return [
        f"{label}={each!r}: a declared error is a subclass of UserError"
        for each in errors
        if not (isinstance(each, type) and issubclass(each, UserError))
    ]
