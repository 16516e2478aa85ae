"""``pyactor serve``: a host that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator

import click

from ..host import Registry
from ..transports import Host

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def serve_registry(registry: Registry, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM, then stop orderly (rule C15).

    Raises:
        click.ClickException: The address cannot be listened on.
    """
    with stop_requested() as stop:
        async with listening(registry, host, port) as served:
            click.echo(f"serving {served.url}   (Ctrl-C ends it)")
            await stop.wait()
            click.echo("stopping")


@contextlib.asynccontextmanager
async def listening(registry: Registry, address: str, port: int) -> AsyncIterator[Host]:
    """A host that listens until the end of the block.

    Raises:
        click.ClickException: The address cannot be listened on.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            host = await stack.enter_async_context(Host(registry, host=address, port=port))
        except OSError as error:
            raise click.ClickException(
                f"cannot listen on {address}:{port}: {error.strerror or error}; "
                "choose another with --host and --port"
            ) from None
        yield host


@contextlib.contextmanager
def stop_requested() -> Iterator[asyncio.Event]:
    """An event that the first SIGINT or SIGTERM sets; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def restore() -> None:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)

    def request() -> None:
        stop.set()
        restore()

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, request)
    try:
        yield stop
    finally:
        restore()
