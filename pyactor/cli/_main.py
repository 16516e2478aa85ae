"""The commands and their options; what they do is in the module of each."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..errors import DefinitionError
from ._check import check_target
from ._demo import run_demo
from ._serve import serve_registry
from ._target import load_registry

_DEFAULT_HOST = "127.0.0.1"
_DEFAULT_PORT = 6420


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pyactor-sdk", prog_name="pyactor")
def main() -> None:
    """Typed actors for Python: serve them, check them, watch a demo."""


@main.command()
@click.argument("target")
@click.option("--host", default=_DEFAULT_HOST, show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=_DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where state will be kept, once storage on disk is there.",
)
def serve(target: str, host: str, port: int, data_dir: Path | None) -> None:
    """Serve the actors of TARGET until SIGINT or SIGTERM.

    TARGET is module:registry, or a file.py with a registry in it.
    """
    try:
        registry = load_registry(target)
    except DefinitionError as error:
        raise click.ClickException(str(error)) from None
    if data_dir is not None:
        click.echo(f"--data-dir {data_dir} is not used yet: state is kept in memory only", err=True)
    asyncio.run(serve_registry(registry, host, port))


@main.command()
@click.argument("target")
def check(target: str) -> None:
    """Check every actor class of TARGET, a module or a file.py.

    Mistakes are printed as file:line lines, and the exit code is 1. Without any, tables show each
    actor's actions, events and hooks.
    """
    click.get_current_context().exit(check_target(target))


@main.command()
@click.option("--once", is_flag=True, help="End after the transcript, and use a free port.")
def demo(once: bool) -> None:
    """Watch three clients live through an actor's connection lifecycle."""
    asyncio.run(run_demo(once=once))
