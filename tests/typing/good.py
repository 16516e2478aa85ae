"""What users may write: no checker may object, and every type is inferred as asserted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, assert_type
from urllib.parse import parse_qs

from attrs import Factory, define
from typing_extensions import TypeVar, override

from pyactor import (
    Actor,
    ActorContract,
    ActorOptions,
    ActorStatus,
    AnyEvent,
    Client,
    ClientOptions,
    ClientWebSocket,
    Closed,
    Conn,
    Connection,
    ConnectionStatus,
    Cron,
    CronJob,
    CronJobs,
    Event,
    EventStream,
    FetchResponse,
    Gap,
    GapStream,
    Handle,
    Host,
    Registry,
    Request,
    Response,
    Schedule,
    Scheduled,
    UserError,
    WebSocket,
    WebSocketClosed,
    action,
    hook,
    resolve,
)


@define
class Message:
    text: str
    author: str


@define
class RoomState:
    messages: list[Message] = Factory(list[Message])


@define
class Member:
    user_id: str


@define
class JoinParams:
    auth_token: str = ""


class BadToken(UserError):
    code = "bad_token"


class ChatRoom(
    Actor[RoomState, Member, JoinParams], name="chatRoom", wire_case="camel", errors=(BadToken,)
):
    message_posted = Event[Message](replay=20)
    closed = Event[None]()
    noted = Event[Any]()

    @hook
    async def on_before_connect(self, params: JoinParams) -> None:
        assert_type(self.connecting.params, JoinParams)
        if not params.auth_token:
            raise BadToken("no token")

    @hook
    def create_conn_state(self, params: JoinParams) -> Member:
        return Member(params.auth_token)

    @hook
    async def on_disconnect(self, conn: Conn[Member, JoinParams]) -> None:
        assert_type(conn.state, Member)
        assert_type(conn.params, JoinParams)
        self.closed.broadcast()
        conn.send(ChatRoom.closed)

    @action
    async def post(self, text: str, *, loud: bool = False) -> Message:
        assert_type(self.state, RoomState)
        assert_type(self.conn, Conn[Member, JoinParams])
        assert_type(self.caller, Conn[Member, JoinParams] | None)
        assert_type(self.conns, Mapping[str, Conn[Member, JoinParams]])
        message = Message(text.upper() if loud else text, self.conn.state.user_id)
        self.message_posted.broadcast(message)
        self.broadcast(ChatRoom.message_posted, message)
        self.broadcast(self.closed)
        self.noted.broadcast(message)
        self.noted.broadcast({"text": text})
        self.broadcast(ChatRoom.noted, 3)
        self.conn.send(ChatRoom.message_posted, message)
        return message

    @action(timeout=5, raises=(BadToken,))
    def kick(self, user_id: str, reason: str = "Kicked by admin") -> int:
        for conn in self.conns.values():
            conn.disconnect(reason)
        return 1


@define
class Tally:
    votes: dict[str, int] = Factory(dict[str, int])


class Poll(
    Actor[Tally],
    state_version=2,
    options=ActorOptions(unknown_state_fields="refuse", max_state_size=1024),
):
    @hook
    def on_state_change(self, state: Tally) -> None:
        assert_type(state.votes, dict[str, int])

    @hook
    async def run(self) -> None:
        while not self.aborted:
            assert_type(await self.keep_awake(self.count()), int)
            await self.save_state(immediate=True)
            await self.abort_event.wait()

    @hook
    def migrate_state(self, old: dict[str, Any], version: int) -> dict[str, Any]:
        return {"votes": old["ballots"]} if version == 1 else old

    async def count(self) -> int:
        await self.save_state()
        return len(self.state.votes)

    @action
    def close(self) -> None:
        self.wait_until(self.count())
        self.sleep()
        self.destroy()


class Moderated(ChatRoom):
    flagged = Event[Message]("flagged")

    @hook
    async def on_connect(self, conn: Conn[Member, JoinParams]) -> None:
        await resolve(super().on_connect(conn))

    @action
    @override
    async def post(self, text: str, *, loud: bool = False, quietly: bool = False) -> Message:
        self.broadcast(Moderated.flagged, Message(text, ""))
        self.broadcast(ChatRoom.message_posted, Message(text, ""))
        return await super().post(text, loud=loud)


StateT = TypeVar("StateT")


class Audited(Actor[StateT, Member, JoinParams], Generic[StateT], abstract=True):
    @action
    def snapshot(self) -> StateT:
        return self.state

    @action
    def replace(self, value: StateT) -> int:
        self.state = value
        return 1

    @hook
    def create_conn_state(self, params: JoinParams) -> Member:
        return Member(params.auth_token)


class NoteRoom(Audited[RoomState]):
    pass


class Presence:
    """A mixin: any class may carry actions."""

    @action
    def ping(self) -> str:
        return "pong"


class WithMixin(Presence, Actor[None]):
    ticked = Event[None]()

    @action
    async def both(self) -> str:
        return await self.ping()


class Counter(Actor[int, None, None, int]):
    @hook
    def create_state(self, input: int) -> int:
        return input

    @action
    def increment(self, by: int = 1) -> int:
        self.state += by
        return self.state


class Reminders(Actor[None]):
    @action
    async def remind(self, who: str, *, loud: bool = False) -> None:
        assert_type(await self.schedule.after(30, Reminders.remind, "ann", loud=True), str)
        assert_type(await self.schedule.at(datetime.now(UTC), Reminders.count, n=3), str)
        assert_type(await self.schedule.at(0.5, Reminders.count, 3), str)
        assert_type(await self.schedule.get("id"), Scheduled | None)
        assert_type(await self.schedule.list(), list[Scheduled])
        assert_type(await self.schedule.cancel("id"), bool)
        await self.cron.set("daily", "0 9 * * *", Reminders.remind, who)
        berlin = Cron("0 9 * * *", timezone="Europe/Berlin")
        await self.cron.set("daily", berlin, Reminders.remind, who=who)
        await self.cron.every("often", 5, Reminders.count, 3)
        assert_type(await self.cron.get("daily"), CronJob | None)
        assert_type(await self.cron.list(), list[CronJob])
        assert_type(await self.cron.delete("daily"), bool)
        counter = self.client.actor(Counter).get("c")
        assert_type(counter, Handle[Counter])
        assert_type(await counter.rpc.increment(), int)

    @action
    def count(self, n: int) -> int:
        return n


class MoreReminders(Reminders):
    @action
    async def again(self, n: int) -> None:
        await self.schedule.after(1, Reminders.remind, "ann")
        await self.schedule.after(1, MoreReminders.remind, "ann")
        await self.cron.every("more", 60, MoreReminders.again, n)
        await plan(self.schedule, self.cron)


async def plan(schedule: Schedule[Reminders], cron: CronJobs[Reminders]) -> None:
    await schedule.after(1, Reminders.count, 3)
    await cron.every("count", 60, Reminders.count, 3)


class Repeating(Actor[StateT], Generic[StateT], abstract=True):
    @action
    async def repeat(self, n: int) -> StateT:
        await self.schedule.after(1, Repeating.repeat, n)
        await self.cron.every("repeat", 60, Repeating.repeat, n)
        return self.state


class RepeatingRoom(Repeating[RoomState]):
    @action
    async def start(self) -> None:
        await self.schedule.after(1, RepeatingRoom.repeat, 3)


class Contract(ActorContract[JoinParams]):
    posted = Event[str]()

    @action
    async def post(self, text: str) -> str:
        raise NotImplementedError


class Served(Contract, Actor[None, None, JoinParams]):
    @action
    @override
    async def post(self, text: str) -> str:
        return text


class Gate(Actor[None, Member, JoinParams], options=ActorOptions(can_subscribe_timeout=1)):
    """All that a connection may be asked about, and the raw hooks, async."""

    admin_log = Event[str]()
    closed = Event[None]()

    @hook
    async def can_subscribe(self, conn: Conn[Member, JoinParams], event: AnyEvent) -> bool:
        if event == Gate.admin_log:
            return conn.state.user_id == "admin"
        return event != self.closed and event in {Gate.admin_log, Gate.closed}

    @hook
    async def can_publish(self, conn: Conn[Member, JoinParams], queue: str) -> bool:
        return conn.params.auth_token == queue

    @hook
    async def on_before_action_response(self, name: str, args: tuple[Any, ...], output: Any) -> Any:
        return output

    @hook
    async def on_request(self, request: Request) -> Response:
        assert_type(request.headers, Mapping[str, str])
        assert_type(await request.read(), bytes)
        assert_type(await request.text(), str)
        assert_type(await request.json(), Any)
        assert_type(self.conn, Conn[Member, JoinParams])
        if request.method == "POST":
            return Response.json({"path": request.path, "query": parse_qs(request.query)}, 201)
        if request.path == "/stream":
            return Response(self.pieces(request), headers={"set-cookie": ["a=1", "b=2"]})
        return Response("hi", headers={"x-peer": request.peer or ""})

    async def pieces(self, request: Request) -> AsyncIterator[bytes]:
        async for piece in request.body:
            yield piece

    @hook
    async def on_web_socket(self, ws: WebSocket) -> None:
        assert_type(ws.request, Request)
        async for message in ws:
            assert_type(message, str | bytes)
            await ws.send(message)
        try:
            await ws.receive()
        except WebSocketClosed as closed:
            assert_type((closed.code, closed.reason), tuple[int, str])
        ws.close()
        await ws.close(3000, "bye")

    @action(name="users.add")
    def add_user(self, name: str) -> bool:
        return bool(name)


class StrictGate(Gate):
    @hook
    async def can_subscribe(self, conn: Conn[Member, JoinParams], event: AnyEvent) -> bool:
        return await resolve(super().can_subscribe(conn, event))


class Open(Actor[None]):
    posted = Event[str]()

    @hook
    def can_subscribe(self, conn: Conn[None, None], event: AnyEvent) -> bool:
        return event == Open.posted

    @hook
    def can_publish(self, conn: Conn[None, None], queue: str) -> bool:
        return False

    @hook
    def on_before_action_response(self, name: str, args: tuple[Any, ...], output: Any) -> str:
        return f"{name}{args}{output}"

    @hook
    def on_request(self, request: Request) -> Response:
        return Response(status=204)

    @hook
    def on_web_socket(self, ws: WebSocket) -> None:
        ws.close(1000)


async def use(client: Client) -> None:
    room = client.actor(ChatRoom).get_or_create("a", "b", params=JoinParams("t"))
    assert_type(room, Handle[ChatRoom])
    assert_type(await room.rpc.post("x"), Message)
    assert_type(await room.rpc.kick("x"), int)
    assert_type(await room.call(ChatRoom.post, "x", loud=True), Message)
    assert_type(await room.call_by_name("post", "x"), Any)
    assert_type(client.actor(ChatRoom).get("a", params=JoinParams()), Handle[ChatRoom])
    assert_type(await client.actor(ChatRoom).create("a", params=JoinParams()), Handle[ChatRoom])
    by_id = client.actor(ChatRoom).get_for_id("id", params=JoinParams())
    assert_type(by_id, Handle[ChatRoom])

    moderated = client.actor(Moderated).get_or_create("a", params=JoinParams("t"))
    await moderated.call(ChatRoom.post, "x")
    await moderated.call(Moderated.post, "x", quietly=True)
    await moderated.rpc.post("x", quietly=True)
    plain: Handle[ChatRoom] = moderated
    async with moderated.connect() as conn:
        assert_type(conn, Connection[Moderated])

        @conn.on(ChatRoom.message_posted)
        def posted(message: Message) -> None:
            print(message.text)

        @conn.once(Moderated.flagged)
        async def flagged(message: Message) -> None:
            print(message.text)

        @conn.on(ChatRoom.closed)
        def closed() -> None: ...

        conn.off(ChatRoom.message_posted, posted)

        @conn.on(ChatRoom.noted)
        def noted(what: int) -> None: ...

        assert_type(await conn.rpc.post("hi", loud=True), Message)
        assert_type((await conn.wait_closed()).reason, str)
    print(plain, flagged, closed)

    notes = client.actor(NoteRoom).get_or_create(params=JoinParams())
    assert_type(await notes.rpc.snapshot(), RoomState)
    assert_type(await notes.call(NoteRoom.snapshot), RoomState)
    assert_type(await notes.call(NoteRoom.replace, RoomState()), int)
    mixed = client.actor(WithMixin).get_or_create()
    assert_type(await mixed.rpc.ping(), str)
    assert_type(await mixed.call(WithMixin.ping), str)
    counter = client.actor(Counter).get_or_create("c", input=3)
    assert_type(await counter.rpc.increment(), int)
    assert_type(client.actor(Counter).get("c"), Handle[Counter])
    served = client.actor(Contract).get_or_create(params=JoinParams())
    assert_type(await served.rpc.post("x"), str)


def ask() -> JoinParams:
    return JoinParams("t")


async def ask_slowly() -> JoinParams:
    return JoinParams("t")


async def survive(client: Client) -> None:
    rooms = client.actor(ChatRoom)
    room = rooms.get_or_create("a", params=ask)
    assert_type(room, Handle[ChatRoom])
    assert_type(rooms.get("a", params=ask_slowly), Handle[ChatRoom])
    assert_type(rooms.get("a", params=lambda: JoinParams("t")), Handle[ChatRoom])
    assert_type(await rooms.create("a", params=ask), Handle[ChatRoom])
    assert_type(rooms.get_for_id("i", params=ask_slowly), Handle[ChatRoom])
    counters = client.actor(Counter)
    assert_type(counters.get("c"), Handle[Counter])

    conn = room.connect(options=ClientOptions(backoff_max=3, reconnect="always"))

    @conn.on_status_change
    def changed(status: ConnectionStatus) -> None:
        print(status.upper())

    @conn.on_open
    async def opened() -> None:
        assert_type(await conn.rpc.post("x"), Message)

    @conn.on_close
    def closed(how: Closed) -> None:
        print(how.code)

    @conn.on_error
    async def failed(error: Exception) -> None:
        print(error)

    changed("idle")
    await opened()
    closed(Closed(1000, ""))
    await failed(ValueError())
    conn.open()
    await conn.ready
    assert_type(conn.status, ConnectionStatus)
    messages = conn.events(ChatRoom.message_posted, max_waiting=3, when_full="fail")
    assert_type(messages, EventStream[Message])
    async for message in messages:
        assert_type(message, Message)
    async with conn.events(ChatRoom.closed) as nothings:
        assert_type(await anext(nothings), None)

    with_gaps = conn.events(ChatRoom.message_posted, gaps=True)
    assert_type(with_gaps, GapStream[Message])
    as_events: EventStream[Message | Gap] = with_gaps
    await as_events.aclose()
    async for item in with_gaps:
        if isinstance(item, Gap):
            assert_type(item.missed, int | None)
        else:
            assert_type(item, Message)

    @conn.on_gap(ChatRoom.message_posted)
    def told(gap: Gap) -> None:
        assert_type(gap.event, str)

    @conn.on_gap(ChatRoom.message_posted)
    async def told_too(gap: Gap) -> int:
        return gap.missed or 0

    assert_type(await conn.subscribed(ChatRoom.message_posted, timeout=3), None)

    moderated = client.actor(Moderated).get_or_create("a", params=ask).connect()
    assert_type(moderated.events(ChatRoom.message_posted), EventStream[Message])
    assert_type(moderated.events(ChatRoom.noted), EventStream[Any])
    await moderated.close()

    response = await room.fetch("/x", method="PUT", headers={"a": "b"}, content=b"c", timeout=3)
    assert_type(response, FetchResponse)
    async with response:
        async for piece in response.aiter_bytes():
            assert_type(piece, bytes)
    async with room.web_socket("/x") as ws:
        assert_type(ws, ClientWebSocket)
        await ws.send("x")
        async for data in ws:
            assert_type(data, str | bytes)


async def serve() -> None:
    async with Host(Registry(ChatRoom, Moderated, NoteRoom), port=0) as host:
        async with Client(host.url) as client:
            await use(client)
        assert_type(await host.status("id"), ActorStatus)
        await use(Client(host))
