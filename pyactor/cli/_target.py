"""What the user names on the command line: a module or a file, and the registry in it.

Owns the import of user code and how its failures are told: as messages, never as tracebacks.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

import click

from ..errors import DefinitionError
from ..host import Registry

_DEFAULT_ATTRIBUTE = "registry"


class ImportFailed(click.ClickException):
    """The target's module cannot be imported; the command's exit code is 2."""

    exit_code = 2


def load_registry(target: str) -> Registry:
    """The registry that ``target`` names: ``module:registry`` or ``file.py``.

    Raises:
        ImportFailed: The module cannot be imported.
        click.ClickException: It has no such registry.
        DefinitionError: One of its actor classes is wrong.
    """
    name, _, attribute = target.partition(":")
    attribute = attribute or _DEFAULT_ATTRIBUTE
    module = load_module(name)
    try:
        found = getattr(module, attribute)
    except AttributeError:
        registries = [key for key, value in vars(module).items() if isinstance(value, Registry)]
        hint = (
            f"use {name}:{registries[0]}"
            if registries
            else f"add to it: {attribute} = Registry(YourActor)"
        )
        raise click.ClickException(f"{name} has no {attribute!r}: {hint}") from None
    if not isinstance(found, Registry):
        raise click.ClickException(
            f"{name}:{attribute} is a {type(found).__name__}, not a Registry: "
            f"write {attribute} = Registry(YourActor)"
        )
    return found


def load_module(name: str) -> ModuleType:
    """Import a module by its name or its file, with the current directory first on the path.

    Raises:
        ImportFailed: It cannot be imported.
        DefinitionError: One of its actor classes is wrong.
    """
    _put_first(Path.cwd())
    if name.endswith(".py"):
        return _import_file(Path(name))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ImportFailed(
                f"there is no module {error.name!r} here or among the installed packages"
            ) from None
        raise _failed(name, error) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the user's module
        raise _failed(name, error) from None


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ImportFailed(f"there is no file {path}")
    # What stands beside the file is importable, as when Python itself runs the file.
    sys.path.insert(1, str(path.resolve().parent))
    name = path.stem
    if name in sys.modules:
        name = f"pyactor_target_{name}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ImportFailed(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Before it runs: annotations are resolved in the module that a class names.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the user's module
        raise _failed(str(path), error) from None
    return module


def _failed(name: str, error: BaseException) -> BaseException:
    """The error of an import, as a message with the line of the user's code."""
    if isinstance(error, DefinitionError):
        return error
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        what = f"{error.filename}:{error.lineno}: {error.msg}"
    else:
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if not frame.filename.startswith("<frozen") and frame.filename != __file__
        ]
        if frames:
            what = f"{frames[-1].filename}:{frames[-1].lineno}: {what}"
    return ImportFailed(f"{name} cannot be imported\n  {what}")


def _put_first(directory: Path) -> None:
    entry = str(directory)
    if sys.path[:1] != [entry]:
        sys.path.insert(0, entry)
