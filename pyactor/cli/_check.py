"""``pyactor check``: what is wrong with a module's actors, or what they are.

The mistakes of all classes are told at once, as ``file:line: …``, so that an editor can jump.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from attrs import evolve
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from ..definition import (
    ActorContract,
    ActorDefinition,
    EventSpec,
    collecting,
    definition_of,
    problems_of,
)
from ..errors import DefinitionError, Problem
from ._target import load_module


def check_target(target: str) -> int:
    """Print the mistakes of every actor class of a module, or else tables of its actors.

    Args:
        target: A module, or a ``file.py``; a ``:registry`` behind it is ignored.

    Returns:
        The exit code: 1 if there is a mistake or no actor at all, else 0.

    Raises:
        ImportFailed: The module cannot be imported.
    """
    name = target.partition(":")[0]
    problems: list[Problem] = []
    definitions: list[ActorDefinition] = []
    with collecting():
        for cls in _actor_classes(_namespace(name)):
            try:
                problems += problems_of(cls)
                definitions.append(definition_of(cls))
            except DefinitionError as error:
                problems += error.problems
            except TypeError:
                # An abstract class has problems of its own, but no definition.
                continue
    if problems:
        for problem in sorted(set(problems), key=lambda each: (each.file, each.line)):
            click.echo(str(evolve(problem, file=_shown(problem.file))))
        click.echo(_count(len(set(problems)), "problem"))
        return 1
    if not definitions:
        click.echo(f"{name} has no actor class: class ChatRoom(Actor[RoomState])", err=True)
        return 1
    console = Console()
    for definition in definitions:
        console.print(_table(definition))
    console.print(f"{_count(len(definitions), 'actor')}, no problems")
    return 0


def _namespace(name: str) -> Mapping[str, object]:
    """What a module defines; if a bad class ends its import, as ``Registry`` does, till then."""
    try:
        return vars(load_module(name))
    except DefinitionError as error:
        bodies = [
            frame
            for frame, _ in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_name == "<module>"
        ]
        return bodies[-1].f_globals


def _actor_classes(namespace: Mapping[str, object]) -> list[type[ActorContract[Any, Any]]]:
    """The actor classes that a module defines, nested ones too, each once, in its order."""
    found: dict[type[Any], None] = {}
    _find_classes(namespace, namespace["__name__"], found)
    return [cls for cls in found if issubclass(cls, ActorContract)]


def _find_classes(
    namespace: Mapping[str, object], module: object, found: dict[type[Any], None]
) -> None:
    for value in list(namespace.values()):
        if inspect.isclass(value) and value.__module__ == module and value not in found:
            found[value] = None
            _find_classes(vars(value), module, found)


def _table(definition: ActorDefinition) -> Table:
    """What clients see of an actor, and which hooks it has."""
    where = f"{definition.cls.__qualname__} in {_shown(definition.location.file)}"
    table = Table(
        title=Text(f"{definition.name}  {where}"),
        title_justify="left",
        title_style="bold",
    )
    table.add_column("kind")
    table.add_column("on the wire", style="cyan")
    table.add_column("in Python", overflow="fold", ratio=1)
    table.add_column("line", justify="right", style="dim")
    for action in definition.actions.values():
        signature = f"{action.attr}{_signature(action.function)}"
        if action.timeout is not None:
            signature += f"   timeout {action.timeout:g} s"
        table.add_row("action", action.name, Text(signature), str(action.location.line))
    for event in definition.events.values():
        table.add_row(
            "event", event.name, Text(f"{event.attr}: {_payload(event)}"), str(event.location.line)
        )
    for hook in definition.hooks.values():
        signature = f"{hook.name}{_signature(hook.function)}"
        table.add_row("hook", "", Text(signature), str(hook.location.line))
    return table


def _payload(event: EventSpec) -> str:
    """An event's payload type, without the modules of its names."""
    if event.payload is type(None):
        return "None"
    return re.sub(r"[\w.]+\.", "", inspect.formatannotation(event.payload))


class _Source:
    """An annotation as it stands in the source."""

    def __init__(self, annotation: object) -> None:
        is_text = isinstance(annotation, str)
        self._text = annotation if is_text else inspect.formatannotation(annotation)

    @override
    def __repr__(self) -> str:
        return str(self._text)


def _signature(function: Callable[..., object]) -> str:
    """A method's signature as its callers see it: without ``self``, annotations as written."""
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(annotation=_Source(parameter.annotation))
        if parameter.annotation is not parameter.empty
        else parameter
        for parameter in list(signature.parameters.values())[1:]
    ]
    returns = signature.return_annotation
    if returns is not signature.empty:
        returns = _Source(returns)
    return str(signature.replace(parameters=parameters, return_annotation=returns))


def _shown(file: str) -> str:
    """A file as the user would name it: below the current directory without its path."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
