"""``pyactor check``: what is wrong with a module's actors, or what they are.

The mistakes of all classes are told at once, as ``file:line: …``, so that an editor can jump.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType

import click
from attrs import evolve
from rich.console import Console
from rich.table import Table

from ..definition import ActorContract, ActorDefinition, collecting, definition_of, problems_of
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
    with collecting():
        module = load_module(name)
        classes = list(_actor_classes(module))
        problems = [problem for cls in classes for problem in _problems(cls)]
    if problems:
        for problem in sorted(problems, key=lambda each: (each.file, each.line)):
            click.echo(str(evolve(problem, file=_shown(problem.file))))
        click.echo(_count(len(problems), "problem"))
        return 1
    concrete = [cls for cls in classes if not inspect.isabstract(cls) and _is_concrete(cls)]
    if not concrete:
        click.echo(f"{name} has no actor class")
        return 1
    console = Console()
    for cls in concrete:
        console.print(_table(definition_of(cls)))
    click.echo(f"{_count(len(concrete), 'actor')}, no problems")
    return 0
