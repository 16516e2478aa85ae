"""Authentication: ``on_before_connect`` checks the params and raises to reject the connection.

It holds for a single call over HTTP too, which runs the same hooks (rule C14). Prints:

    rejected: Invalid authentication (user.invalid_authentication)
    rejected over HTTP: Invalid authentication
    welcome, ann
"""

from __future__ import annotations

import asyncio

from attrs import define

from pyactor import Actor, Client, Host, Registry, UserError, action, hook

ACCOUNTS = {"s3cret": "ann"}


@define
class JoinParams:
    """What a client passes when it connects."""

    auth_token: str = ""


class InvalidAuthentication(UserError):
    """Nobody has this token."""

    code = "invalid_authentication"


class MembersOnly(Actor[None, None, JoinParams], errors=(InvalidAuthentication,)):
    """An actor that talks to those only who have a token."""

    @hook
    async def on_before_connect(self, params: JoinParams) -> None:
        """Reject who has no valid token: no later hook runs, and no action."""
        if params.auth_token not in ACCOUNTS:
            raise InvalidAuthentication("Invalid authentication")

    @action
    def greet(self) -> str:
        """Reached by authenticated connections only."""
        return f"welcome, {ACCOUNTS[self.conn.params.auth_token]}"


registry = Registry(MembersOnly)


async def main() -> None:
    """Come with a wrong token, then with the right one."""
    async with Host(registry, port=0) as host, Client(host.url) as client:
        club = client.actor(MembersOnly)
        stranger = club.get_or_create("club", params=JoinParams("guessed"))
        try:
            async with stranger.connect():
                print("let in")
        except InvalidAuthentication as error:
            print(f"rejected: {error}")
        try:
            await stranger.rpc.greet()
        except InvalidAuthentication as error:
            print(f"rejected over HTTP: {error.message}")

        member = club.get_or_create("club", params=JoinParams("s3cret"))
        async with member.connect() as conn:
            print(await conn.rpc.greet())


if __name__ == "__main__":
    asyncio.run(main())
