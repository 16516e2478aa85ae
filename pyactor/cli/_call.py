"""``pyactor call``: one action, one answer."""

from __future__ import annotations

import asyncio
from typing import Final

from ..client import ClientOptions
from ..errors import ActorError
from ..plain import Plain
from ._output import Output
from ._remote import Remote, exit_code_of

_INTERRUPTED: Final = 130
"""The exit code of what SIGINT ends."""


def call_action(
    remote: Remote, action: str, arguments: list[Plain], *, timeout: float, as_json: bool
) -> int:
    """Call an action and print its result, or why there is none.

    Args:
        remote: The actor.
        action: The action's name on the wire.
        arguments: Plain, in order.
        timeout: Seconds to wait for the answer.
        as_json: Print one line of JSON, whoever reads it.

    Returns:
        The exit code.

    Raises:
        click.UsageError: The URL or the token is none.
    """
    output = Output(as_json=as_json)

    async def ask() -> Plain:
        async with remote.client(ClientOptions(call_timeout=timeout)) as client:
            return await remote.of(client).call(action, arguments)

    try:
        result = asyncio.run(ask())
    except ActorError as error:
        output.error(error, remote.hint_for(error))
        return exit_code_of(error)
    except KeyboardInterrupt:
        return _INTERRUPTED
    output.value(result)
    return 0
