"""Typical mistakes. Each marked line must give exactly the marked error in each checker."""

from __future__ import annotations

from good import BadToken, ChatRoom, Counter, JoinParams, Member, Message, RoomState, WithMixin
from pyactor import Actor, AnyEvent, Client, Conn, Event, Request, Response, UserError, WebSocket, action, hook
from good import (
    BadToken,
    ChatRoom,
    Counter,
    JoinParams,
    Member,
    Message,
    Reminders,
    Repeating,
    RoomState,
    WithMixin,
)
from pyactor import Actor, Client, Conn, Cron, CronJobs, Event, Schedule, UserError, action, hook


class Bad(Actor[RoomState, Member, JoinParams]):
    joined = Event[Message]("userJoined")
    closed = Event[None]()

    @hook
    async def on_before_connect(self, params: str) -> None: ...  # mypy: override pyright: reportIncompatibleMethodOverride

    @hook
    def create_conn_state(self, params: JoinParams) -> str:  # mypy: override pyright: reportIncompatibleMethodOverride
        return params.auth_token

    @hook
    async def on_connect(self) -> None: ...  # mypy: override pyright: reportIncompatibleMethodOverride

    @hook
    async def on_disconect(self, conn: Conn[Member, JoinParams]) -> None: ...  # mypy: misc pyright: reportGeneralTypeIssues

    @hook
    async def on_disconnect(self, conn: Conn[str, JoinParams]) -> None: ...  # mypy: override pyright: reportIncompatibleMethodOverride

    @hook
    def create_state(self, input: None) -> Member:  # mypy: override pyright: reportIncompatibleMethodOverride
        return Member("")

    @action
    async def use(self, n: int) -> str:
        self.caller.state.user_id  # mypy: union-attr pyright: reportOptionalMemberAccess
        self.conn.state.name  # mypy: attr-defined pyright: reportAttributeAccessIssue
        self.state.mesages.append(Message("a", "b"))  # mypy: attr-defined pyright: reportAttributeAccessIssue
        self.joined.broadcast("ann")  # mypy: arg-type pyright: reportArgumentType
        self.joined.broadcast()  # mypy: call-arg pyright: reportCallIssue
        self.closed.broadcast("now")  # mypy: call-arg pyright: reportCallIssue
        self.broadcast(Bad.joined, 3)  # mypy: arg-type pyright: reportArgumentType
        self.broadcast(ChatRoom.message_posted, Message("a", "b"))  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
        self.broadcast(Bad.use, 3)  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
        self.conn.send(Bad.joined, "a")  # mypy: arg-type pyright: reportArgumentType
        self.conn.send(Bad.closed, "a")  # mypy: call-arg pyright: reportCallIssue
        self.conn.disconnect(3)  # mypy: arg-type pyright: reportArgumentType
        self.conns["a"] = self.conn  # mypy: index pyright: reportIndexIssue
        self.connecting.state  # mypy: attr-defined pyright: reportAttributeAccessIssue
        self.key = ("a",)  # mypy: misc pyright: reportAttributeAccessIssue
        self.state = 3  # mypy: assignment pyright: reportAttributeAccessIssue
        await self.use2("3")  # mypy: arg-type pyright: reportArgumentType
        return n  # mypy: return-value pyright: reportReturnType

    @action
    def use2(self, n: int) -> int:
        return n

    @action(timeout="5")  # mypy: call-overload,untyped-decorator pyright: reportArgumentType
    def slow(self) -> None: ...

    @action(raises=(ValueError,))  # mypy: arg-type pyright: reportArgumentType
    def fails(self) -> None: ...


class BadGate(Actor[None, Member, JoinParams]):
    admin_log = Event[str]()

    @hook
    def can_subscribe(self, conn: Conn[Member, JoinParams], event: str) -> bool:  # mypy: override pyright: reportIncompatibleMethodOverride
        return event == "adminLog"

    @hook
    async def can_publish(self, conn: Conn[Member, JoinParams], queue: str) -> None: ...  # mypy: override pyright: reportIncompatibleMethodOverride

    @hook
    def on_before_action_response(self, name: str, output: object) -> object:  # mypy: override pyright: reportIncompatibleMethodOverride
        return output

    @hook
    async def on_request(self, request: Request) -> str:  # mypy: override pyright: reportIncompatibleMethodOverride
        request.method = "PUT"  # mypy: misc pyright: reportAttributeAccessIssue
        await request.body  # mypy: misc pyright: reportGeneralTypeIssues
        return ""

    @hook
    async def on_web_socket(self, ws: Conn[Member, JoinParams]) -> None: ...  # mypy: override pyright: reportIncompatibleMethodOverride


class WorseGate(Actor[None]):
    posted = Event[str]()

    @hook
    def can_subscribe(self, conn: Conn[None, None], event: AnyEvent) -> AnyEvent:  # mypy: override pyright: reportIncompatibleMethodOverride
        return event

    @hook
    async def on_websocket(self, ws: WebSocket) -> None: ...  # mypy: misc pyright: reportGeneralTypeIssues

    @hook
    async def on_web_socket(self, ws: WebSocket) -> None:
        await ws.send({"a": 1})  # mypy: arg-type pyright: reportArgumentType
        text: str = await ws.receive()  # mypy: assignment pyright: reportAssignmentType
        await ws.close("bye")  # mypy: arg-type pyright: reportArgumentType
        for message in ws:  # mypy: attr-defined pyright: reportGeneralTypeIssues
            print(text, message)

    @hook
    async def on_request(self, request: Request) -> Response:
        Response({"a": 1})  # mypy: arg-type pyright: reportArgumentType
        Response(headers={"a": 1})  # mypy: dict-item pyright: reportArgumentType
        return Response.json({}, status="404")  # mypy: arg-type pyright: reportArgumentType


class Wrong(Bad):
    @action
    async def use(self, n: str) -> str:  # mypy: explicit-override,override pyright: reportIncompatibleVariableOverride
        return n


class BadLife(Actor[RoomState], state_version="2"):  # mypy: arg-type pyright: reportArgumentType,reportGeneralTypeIssues
    @hook
    async def on_state_change(self, state: RoomState) -> None: ...  # mypy: override pyright: reportIncompatibleMethodOverride

    @hook
    def migrate_state(self, old: RoomState, version: int) -> RoomState:  # mypy: override pyright: reportIncompatibleMethodOverride
        return old

    @hook
    async def run(self, more: int) -> None: ...  # mypy: override pyright: reportIncompatibleMethodOverride

    @action
    async def live(self) -> None:
        await self.save_state(True)  # mypy: call-arg pyright: reportCallIssue
        await self.sleep()  # mypy: func-returns-value,misc pyright: reportGeneralTypeIssues
        self.aborted = True  # mypy: misc pyright: reportAttributeAccessIssue
        self.wait_until(3)  # mypy: arg-type pyright: reportArgumentType
        text: str = await self.keep_awake(self.live())  # mypy: arg-type pyright: reportAssignmentType
        print(text)


class BadReminders(Reminders):
    @action
    async def plan(self, n: int) -> None:
        await self.schedule.after("1", BadReminders.remind, "ann")  # mypy: arg-type pyright: reportArgumentType
        await self.schedule.after(1, BadReminders.remind)  # mypy: call-arg pyright: reportCallIssue
        await self.schedule.after(1, BadReminders.remind, 3)  # mypy: arg-type pyright: reportArgumentType
        await self.schedule.after(1, BadReminders.remind, "ann", True)  # mypy: call-arg pyright: reportCallIssue
        await self.schedule.after(1, BadReminders.remind, "ann", lod=True)  # mypy: call-arg pyright: reportCallIssue
        await self.schedule.after(1, Counter.increment, 3)  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
        await self.schedule.after(1, self.remind, "ann")  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
        await self.schedule.after(1, "remind", "ann")  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
        await self.schedule.after(1, ChatRoom.message_posted)  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
        await self.schedule.at("noon", BadReminders.remind, "ann")  # mypy: arg-type pyright: reportArgumentType
        await self.schedule.at(1.5, Counter.increment, 3)  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
        await self.cron.set("daily", 9, BadReminders.remind, "ann")  # mypy: arg-type pyright: reportArgumentType
        await self.cron.set("daily", "0 9 * * *", BadReminders.remind, 3)  # mypy: arg-type pyright: reportArgumentType
        await self.cron.set("daily", "0 9 * * *", Counter.increment)  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
        await self.cron.every("often", "5", BadReminders.count, 3)  # mypy: arg-type pyright: reportArgumentType
        await self.cron.every("often", 5, BadReminders.count)  # mypy: call-arg pyright: reportCallIssue
        await self.cron.every("often", 5, Counter.increment, 3)  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
        await self.client.actor(Counter).get("c").rpc.increment("3")  # mypy: arg-type pyright: reportArgumentType
        Cron("0 9 * * *", "Europe/Berlin")  # mypy: call-arg pyright: reportCallIssue


async def plan(schedule: Schedule[Reminders], cron: CronJobs[Reminders]) -> None:
    await schedule.after(1, BadReminders.plan, 3)  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
    await cron.every("plan", 60, BadReminders.plan, 3)  # mypy: arg-type pyright: reportArgumentType,reportCallIssue


class BadRepeating(Repeating[RoomState]):
    @action
    async def start(self) -> None:
        await self.schedule.after(1, BadRepeating.repeat, "3")  # mypy: arg-type pyright: reportArgumentType


class Camel(Actor[None], wire_case="kebab"):  # mypy: arg-type pyright: reportArgumentType,reportGeneralTypeIssues
    pass


class Unknown(Actor[None], nmae="room"):  # mypy: call-arg pyright: reportCallIssue,reportGeneralTypeIssues
    pass


async def client_side(client: Client) -> None:
    client.actor(ChatRoom).get_or_create("x")  # mypy: call-overload pyright: reportCallIssue
    client.actor(ChatRoom).get_or_create("x", params=3)  # mypy: call-overload pyright: reportArgumentType
    client.actor(WithMixin).get_or_create("x", params=JoinParams("a"))  # mypy: call-overload pyright: reportArgumentType
    client.actor(Counter).get_or_create("x")  # mypy: call-overload pyright: reportCallIssue
    client.actor(Counter).get_or_create("x", input="3")  # mypy: call-overload pyright: reportArgumentType
    client.actor(ChatRoom).get_for_id("x")  # mypy: call-arg pyright: reportCallIssue
    client.actor(ChatRoom).get_or_create(3, params=JoinParams())  # mypy: call-overload pyright: reportArgumentType
    client.actor(Message)  # mypy: type-var pyright: reportArgumentType
    room = client.actor(ChatRoom).get_or_create("x", params=JoinParams("a"))
    await room.rpc.post(3)  # mypy: arg-type pyright: reportArgumentType
    await room.rpc.post()  # mypy: call-arg pyright: reportCallIssue
    await room.rpc.post("x", True)  # mypy: call-arg pyright: reportCallIssue
    await room.rpc.pots("x")  # mypy: attr-defined pyright: reportAttributeAccessIssue
    text: str = await room.rpc.post("x")  # mypy: assignment pyright: reportAssignmentType
    await room.call(ChatRoom.post, 3)  # mypy: arg-type pyright: reportArgumentType
    await room.call(Counter.increment, 3)  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
    await room.call(ChatRoom.on_connect, 3)  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
    await room.call("post", "x")  # mypy: arg-type pyright: reportArgumentType,reportCallIssue
    async with room.connect() as conn:

        @conn.on(ChatRoom.message_posted)  # mypy: arg-type pyright: reportArgumentType
        def wrong(message: Member) -> None: ...

        @conn.on(ChatRoom.closed)  # mypy: arg-type pyright: reportArgumentType
        def too_many(message: Message) -> None: ...

        conn.on(Bad.joined)  # mypy: arg-type pyright: reportArgumentType
        await conn.call(ChatRoom.kick)  # mypy: call-arg pyright: reportCallIssue
        conn.events(Bad.joined)  # mypy: arg-type pyright: reportArgumentType
        conn.events(ChatRoom.closed, when_full="wait")  # mypy: call-overload pyright: reportArgumentType
        conn.events(ChatRoom.message_posted, gaps="yes")  # mypy: call-overload pyright: reportArgumentType,reportCallIssue
        gap: Message = await anext(conn.events(ChatRoom.message_posted, gaps=True))  # mypy: arg-type pyright: reportAssignmentType
        await conn.subscribed(Bad.joined)  # mypy: arg-type pyright: reportArgumentType
        await conn.subscribed(ChatRoom.message_posted, timeout="3")  # mypy: arg-type pyright: reportArgumentType
        conn.on_gap(Bad.joined)  # mypy: arg-type pyright: reportArgumentType
        Event[int](replay="10")  # mypy: arg-type pyright: reportArgumentType

        @conn.on_gap(ChatRoom.message_posted)  # mypy: arg-type pyright: reportArgumentType
        def no_gap(message: Message) -> None: ...

        member: Member = await anext(conn.events(ChatRoom.message_posted))  # mypy: arg-type pyright: reportAssignmentType

        @conn.on_close  # mypy: type-var pyright: reportArgumentType
        def nothing_left(status: str, code: int) -> None: ...

    BadToken("x", 3)  # mypy: arg-type,call-arg pyright: reportCallIssue
    UserError(code=3)  # mypy: arg-type pyright: reportArgumentType
    client.actor(ChatRoom).get("x", params=lambda: 3)  # mypy: arg-type pyright: reportArgumentType
    print(text, wrong, too_many, member, gap, no_gap, nothing_left)
