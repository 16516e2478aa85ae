"""The commands and their options; what they do is in the module of each, loaded when it is run."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click

from ._client import call, tail

_TOKEN_VARIABLE = "PYACTOR_TOKEN"  # noqa: S105 - the name of a variable


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pyactor-sdk", prog_name="pyactor")
@click.pass_context
def main(context: click.Context) -> None:
    """Typed actors for Python: serve them, check them, call them, watch a demo."""
    if context.invoked_subcommand == "serve":
        # A deploy may signal before this has become the parent, as while a name is resolved.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


main.add_command(call)
main.add_command(tail)


def _token(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    # An empty variable, which click takes for none, would let everybody in.
    if value is None:
        value = os.environ.get(_TOKEN_VARIABLE)
    if value is None:
        return None
    from ..host._access import checked_token

    try:
        return checked_token(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _origins(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    if not values:
        return values
    from ..host._access import checked_origins

    try:
        checked_origins(values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return values


_token_option = click.option(
    "--token",
    envvar=_TOKEN_VARIABLE,
    show_envvar=True,
    callback=_token,
    help="What clients must show. In the variable it is in no list of processes.",
)
_namespace_option = click.option(
    "--namespace", default="default", show_default=True, help="The namespace to serve."
)
_origin_option = click.option(
    "--allow-origin",
    "allowed_origins",
    multiple=True,
    callback=_origins,
    help="Whose pages may use it: https://example.com. Repeatable; without it, everybody's.",
)
_data_dir_option = click.option(
    "--data-dir",
    default=".pyactor",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where actors are kept; one server at a time. Made if need be.",
)
_in_memory_option = click.option(
    "--in-memory", is_flag=True, help="Keep nothing on disk: a restart begins with no actors."
)
_grace_option = click.option(
    "--grace",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to stop in; then the server is killed. More than any sleep_grace_period.",
)


@main.command()
@click.argument("target")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=6420,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@_data_dir_option
@_in_memory_option
@_token_option
@_namespace_option
@_origin_option
@click.option("--reload", is_flag=True, help="Restart when a Python file beside TARGET changes.")
@_grace_option
def serve(
    target: str,
    *,
    host: str,
    port: int,
    data_dir: Path,
    in_memory: bool,
    token: str | None,
    namespace: str,
    allowed_origins: tuple[str, ...],
    reload: bool,
    grace: float,
) -> None:
    """Serve the actors of TARGET until SIGINT or SIGTERM.

    TARGET is module:registry, or a file.py with a registry in it. SIGHUP loads it anew: the port
    stays open, and connects wait meanwhile. A server that crashes is replaced.
    """
    from ._serve import serve_target

    if token is not None:
        os.environ[_TOKEN_VARIABLE] = token  # no argument of the parent and its servers
    serve_target(
        target,
        host=host,
        port=port,
        data_dir=None if in_memory else data_dir.resolve(),
        namespace=namespace,
        allowed_origins=allowed_origins,
        reload=reload,
        grace=grace,
    )


@main.command("serve-child", hidden=True)
@click.argument("target")
@click.option("--listener", type=int, required=True)
@click.option("--parent", type=int, required=True)
@_data_dir_option
@_in_memory_option
@_token_option
@_namespace_option
@_origin_option
@_grace_option
def child(
    target: str,
    *,
    listener: int,
    parent: int,
    data_dir: Path,
    in_memory: bool,
    token: str | None,
    namespace: str,
    allowed_origins: tuple[str, ...],
    grace: float,
) -> None:
    """The serving process; ``serve`` starts it."""
    from ..errors import DefinitionError, StorageError
    from ._child import serve_child

    try:
        serve_child(
            target,
            listener=listener,
            parent=parent,
            data_dir=None if in_memory else data_dir,
            grace=grace,
            token=token,
            namespace=namespace,
            allowed_origins=allowed_origins or None,
        )
    except DefinitionError as error:
        raise click.ClickException(str(error)) from None
    except StorageError as error:
        raise click.ClickException(error.message) from None


@main.command()
@click.argument("target")
def check(target: str) -> None:
    """Check every actor class of TARGET, a module or a file.py.

    Mistakes are printed as file:line lines, and the exit code is 1. Without any, tables show each
    actor's actions, events and hooks.
    """
    from ._check import check_target

    click.get_current_context().exit(check_target(target))


@main.command()
@click.option("--once", is_flag=True, help="End after the transcript, and use a free port.")
def demo(once: bool) -> None:
    """Watch three clients live through an actor's connection lifecycle."""
    import asyncio

    from ._demo import run_demo

    asyncio.run(run_demo(once=once))
