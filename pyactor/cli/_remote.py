"""The actor that ``call`` and ``tail`` are about, and how they end if it does not answer."""

from __future__ import annotations

from typing import Final

import click
from attrs import frozen

from ..client import Client, ClientOptions
from ..client._client import Encoding
from ..client._untyped import UntypedActor
from ..errors import ActorError, ActorNotFound, CallTimedOut, ConnectionLost, HostUnreachable
from ..plain import Plain

ANSWERED: Final = 1
"""The exit code where the actor or its host answered with an error."""
NO_ANSWER: Final = 3
"""The exit code where nobody answered, or nobody who speaks the protocol."""


@frozen(kw_only=True)
class Remote:
    """An actor, as the command line names it.

    Attributes:
        url: The host's.
        actor: The actor's name.
        key: Its key.
        create: Whether it is made if there is none.
        input: What it then gets.
        params: What connections and calls bring.
        token: What is shown to the host.
        namespace: Where the actor lives, or None for the usual place.
        encoding: Of what is sent.
    """

    url: str
    actor: str
    key: tuple[str, ...]
    create: bool
    input: Plain
    params: Plain
    token: str | None
    namespace: str | None
    encoding: Encoding

    def client(self, options: ClientOptions) -> Client:
        """The way to its host.

        Raises:
            click.UsageError: The URL or the token is none.
        """
        try:
            return Client(
                self.url,
                token=self.token,
                namespace=self.namespace,
                encoding=self.encoding,
                options=options,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    def of(self, client: Client) -> UntypedActor:
        """The actor itself."""
        return UntypedActor(
            client,
            self.actor,
            self.key,
            params=self.params,
            may_create=self.create,
            input=self.input,
        )

    def hint_for(self, error: ActorError) -> str | None:
        """What to do about an error, if the command has an option for it."""
        if isinstance(error, ActorNotFound) and not self.create:
            return "add --create to make it"
        if isinstance(error, CallTimedOut | ConnectionLost) and error.may_have_run:
            return "the action may have run"
        return None


def exit_code_of(error: ActorError) -> int:
    """Who is to blame, as an exit code."""
    is_silence = isinstance(error, HostUnreachable | ConnectionLost | CallTimedOut)
    return NO_ANSWER if is_silence or error.name == "client.invalid_response" else ANSWERED
