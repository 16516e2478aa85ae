"""A room beside a FastAPI route that calls the same actor, with one login for both.

``pip install fastapi uvicorn``, then ``uvicorn examples.fastapi_room:api`` serves it: pages and
apps connect to ``http://127.0.0.1:8000/actors``, everybody else posts to ``/rooms/general``. Run
this file, and it prints:

    a stranger posts: 401
    a stranger connects: log in first
    ann posts: 200 {'text': 'hello from a route', 'author': 'ann'}
    bob hears: hello from a route, by ann
    bob says: hello from a connection
    GET /rooms/general: hello from a route, hello from a connection
"""

from __future__ import annotations

import asyncio
import socket
from typing import Annotated

import httpx2
import uvicorn
from attrs import Factory, asdict, define
from fastapi import Depends, FastAPI, Header, HTTPException

import pyactor.asgi
from pyactor import Actor, Client, Event, Registry, UserError, action, hook

ACCOUNTS = {"s3cret-ann": "ann", "s3cret-bob": "bob"}


def user_of(token: str) -> str | None:
    """Whose token it is: the one login, for routes and for actors."""
    return ACCOUNTS.get(token)


# ------------------------------------------------------------------ the actor


@define
class Message:
    """What is said."""

    text: str
    author: str


@define
class RoomState:
    """What the room remembers."""

    messages: list[Message] = Factory(list)


@define
class Login:
    """What a client shows when it connects, and a route when it calls."""

    token: str = ""


class NotLoggedIn(UserError):
    """Nobody has this token."""

    code = "not_logged_in"


class Room(Actor[RoomState, str, Login], name="room", errors=(NotLoggedIn,)):
    """One room; the state of a connection is the name of its user."""

    message_posted = Event[Message]()

    @hook
    def create_conn_state(self, params: Login) -> str:
        """Let in who is logged in."""
        user = user_of(params.token)
        if user is None:
            raise NotLoggedIn("log in first")
        return user

    @action
    def post(self, text: str) -> Message:
        """Say something to everybody."""
        message = Message(text, self.conn.state)
        self.state.messages.append(message)
        self.message_posted.broadcast(message)
        return message

    @action
    def history(self) -> list[Message]:
        """Everything that was said."""
        return self.state.messages


# ------------------------------------------------------------------ the web application

rooms = pyactor.asgi.app(Registry(Room))

api = FastAPI(lifespan=rooms.lifespan)
api.mount("/actors", rooms)


def login(authorization: Annotated[str, Header()] = "") -> Login:
    """The login of a request: ``Authorization: Bearer TOKEN``."""
    token = authorization.removeprefix("Bearer ")
    if user_of(token) is None:
        raise HTTPException(401, "log in first")
    return Login(token)


@api.post("/rooms/{name}")
async def post(name: str, text: str, who: Annotated[Login, Depends(login)]) -> dict[str, str]:
    """Post without a connection; who is connected hears it."""
    room = rooms.client.actor(Room).get_or_create(name, params=who)
    return asdict(await room.rpc.post(text))


@api.get("/rooms/{name}")
async def read(name: str, who: Annotated[Login, Depends(login)]) -> list[str]:
    """What was said in a room."""
    room = rooms.client.actor(Room).get_or_create(name, params=who)
    return [message.text for message in await room.rpc.history()]


# ------------------------------------------------------------------ both at work


async def visit(url: str) -> None:
    """A stranger, ann with a plain request, and bob with a connection."""
    async with (
        Client(f"{url}/actors") as client,
        httpx2.AsyncClient(base_url=url, trust_env=False) as browser,
    ):
        said = {"text": "hello from a route"}
        answer = await browser.post("/rooms/general", params=said)
        print("a stranger posts:", answer.status_code)
        try:
            async with client.actor(Room).get_or_create("general", params=Login()).connect():
                print("a stranger is in")
        except NotLoggedIn as error:
            print("a stranger connects:", error.message)

        bob = client.actor(Room).get_or_create("general", params=Login("s3cret-bob"))
        async with bob.connect() as conn:
            heard = conn.events(Room.message_posted)
            await conn.rpc.history()  # by its answer the subscription is there, too
            ann = {"authorization": "Bearer s3cret-ann"}
            answer = await browser.post("/rooms/general", params=said, headers=ann)
            print("ann posts:", answer.status_code, answer.json())
            message = await anext(heard)
            print(f"bob hears: {message.text}, by {message.author}")
            message = await conn.rpc.post("hello from a connection")
            print("bob says:", message.text)
        answer = await browser.get("/rooms/general", headers=ann)
        print("GET /rooms/general:", ", ".join(answer.json()))


async def main() -> None:
    """Serve with uvicorn, and visit."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = uvicorn.Server(uvicorn.Config(api, log_level="warning"))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        # The socket listens already: whoever is early waits in its backlog.
        await visit(f"http://127.0.0.1:{sock.getsockname()[1]}")
        server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(main())
