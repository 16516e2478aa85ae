"""One good actor is a literal table; and what its entries do."""

from __future__ import annotations

import inspect
from typing import Any, Literal

import pytest
from attrs import Factory, define, evolve
from typing_extensions import override

from pyactor.definition import (
    Actor,
    ActorContract,
    ActorOptions,
    Conn,
    Event,
    EventSpec,
    HookSpec,
    Location,
    action,
    definition_of,
    hook,
)
from pyactor.errors import InvalidInput, InvalidParams, UserError
from pyactor.plain import UNDEFINED


class BadToken(UserError):
    code = "bad_token"


class Full(UserError):
    code = "full"


@define
class Message:
    text: str
    written_by: str = ""


@define
class RoomState:
    messages: list[Message] = Factory(list)
    last_id: int = 0


@define
class Member:
    user: str


@define
class JoinParams:
    auth_token: str
    role: Literal["guest", "admin"] = "guest"


OPTIONS = ActorOptions(action_timeout=7)
LINE = inspect.currentframe().f_lineno + 3  # type: ignore[union-attr] # CPython has frames


class Room(
    Actor[RoomState, Member, JoinParams, int],
    name="room",
    wire_case="camel",
    options=OPTIONS,
    errors=(BadToken,),
):
    message_posted = Event[Message](replay=20)
    room_closed = Event[None]("closed")

    @hook
    async def create_conn_state(self, params: JoinParams) -> Member:
        return Member(params.role)

    @hook
    def on_connect(self, conn: Conn[Member, JoinParams]) -> None: ...

    @action(timeout=5, raises=(Full,))
    async def post_all(self, texts: list[str], *, is_loud: bool = False) -> Message | None:
        return None

    @action(name="now")
    def what_time(self) -> int:
        return 1


DEFINITION = definition_of(Room)
FILE = __file__


def test_the_table_is_this() -> None:
    post, now = DEFINITION.actions["postAll"], DEFINITION.actions["now"]
    texts, loud = post.parameters
    posted = EventSpec(
        "messagePosted", "message_posted", Message, Location(FILE, LINE + 7), None, replay=20
    )
    closed = EventSpec("closed", "room_closed", type(None), Location(FILE, LINE + 8), None)
    # What a spec is compiled to is no part of its equality.
    assert evolve(DEFINITION) == type(DEFINITION)(
        name="room",
        cls=Room,
        state=RoomState,
        conn_state=Member,
        params=JoinParams,
        input=int,
        options=OPTIONS,
        wire_case="camel",
        location=Location(FILE, LINE),
        actions={
            "postAll": evolve(
                post,
                name="postAll",
                attr="post_all",
                function=vars(Room)["post_all"].function,
                is_async=True,
                timeout=5,
                parameters=(
                    evolve(
                        texts,
                        name="texts",
                        wire="texts",
                        type=list[str],
                        kind=inspect.Parameter.POSITIONAL_OR_KEYWORD,
                        default=inspect.Parameter.empty,
                    ),
                    evolve(
                        loud,
                        name="is_loud",
                        wire="isLoud",
                        type=bool,
                        kind=inspect.Parameter.KEYWORD_ONLY,
                        default=False,
                    ),
                ),
                returns=Message | None,
                raises=(Full,),
                location=Location(FILE, LINE + 18),
            ),
            "now": evolve(
                now,
                name="now",
                attr="what_time",
                function=vars(Room)["what_time"].function,
                is_async=False,
                timeout=None,
                parameters=(),
                returns=int,
                raises=(),
                location=Location(FILE, LINE + 22),
            ),
        },
        actions_by_attr={"post_all": post, "what_time": now},
        events={"messagePosted": posted, "closed": closed},
        events_by_attr={"message_posted": posted, "room_closed": closed},
        hooks={
            "create_conn_state": HookSpec(
                "create_conn_state",
                vars(Room)["create_conn_state"],
                True,
                Location(FILE, LINE + 11),
            ),
            "on_connect": HookSpec(
                "on_connect", vars(Room)["on_connect"], False, Location(FILE, LINE + 15)
            ),
        },
        errors={("user", "bad_token"): BadToken, ("user", "full"): Full},
        state_version=0,
        state_may_nest=False,
        state_has_sets=False,
        bound_state=DEFINITION._bound_state,
        bound_params=DEFINITION._bound_params,
        bound_input=DEFINITION._bound_input,
    )


def test_the_table_cannot_be_changed() -> None:
    actions: Any = DEFINITION.actions
    with pytest.raises(TypeError):
        actions["x"] = 1
    with pytest.raises(AttributeError):
        DEFINITION.name = "x"  # type: ignore[misc]


def test_results() -> None:
    post = DEFINITION.actions["postAll"]
    assert post.unstructure_result(Message("a", "b")) == {"text": "a", "writtenBy": "b"}
    assert post.structure_result({"text": "a", "writtenBy": "b"}) == Message("a", "b")
    assert post.unstructure_result(None) is None
    with pytest.raises(
        TypeError, match=r"^result of action 'post_all': expected str, got int @ \$.writtenBy$"
    ):
        post.unstructure_result(Message("a", 3))  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"^result of action 'post_all': expected str, got int @ \$.text$"
    ):
        post.structure_result({"text": 3})


def test_a_newer_host_may_answer_more_than_is_known() -> None:
    post = DEFINITION.actions["postAll"]
    assert post.structure_result({"text": "a", "colour": "red"}) == Message("a")


def test_payloads() -> None:
    posted, closed = DEFINITION.events["messagePosted"], DEFINITION.events["closed"]
    assert posted.unstructure_payload(Message("a")) == [{"text": "a", "writtenBy": ""}]
    assert posted.structure_payload([{"text": "a"}]) == (Message("a"),)
    assert closed.unstructure_payload() == []
    assert closed.structure_payload([]) == ()
    with pytest.raises(
        TypeError, match=r"^payload of event 'message_posted': expected Message, got str @ \$$"
    ):
        posted.unstructure_payload("a")
    with pytest.raises(TypeError, match=r"^event 'message_posted' carries Message; got 0 values$"):
        posted.unstructure_payload()
    with pytest.raises(TypeError, match=r"^event 'room_closed' carries no payload; got 1 values$"):
        closed.unstructure_payload(None)
    with pytest.raises(TypeError, match=r"^event 'message_posted' carries one payload, got 2$"):
        posted.structure_payload([1, 2])
    with pytest.raises(TypeError, match=r"^payload of event 'message_posted': expected Message"):
        posted.structure_payload([1])


def test_params() -> None:
    plain = {"authToken": "a", "role": "admin"}
    assert DEFINITION.structure_params(plain) == JoinParams("a", "admin")
    assert DEFINITION.unstructure_params(JoinParams("a", "admin")) == plain
    with pytest.raises(
        InvalidParams,
        match=r"^params: missing @ \$.authToken; expected one of 'guest', 'admin', got 'x' @",
    ):
        DEFINITION.structure_params({"role": "x"})
    with pytest.raises(InvalidParams, match=r"^params: unknown @ \$.auth_token"):
        DEFINITION.structure_params({"authToken": "a", "auth_token": "b"})
    needed = r"^room needs params: JoinParams cannot be made without auth_token"
    with pytest.raises(InvalidParams, match=needed):
        DEFINITION.structure_params(None)
    with pytest.raises(InvalidParams, match=needed):
        DEFINITION.structure_params(UNDEFINED)
    with pytest.raises(TypeError, match=needed):
        DEFINITION.unstructure_params(None)
    with pytest.raises(TypeError, match=r"^params of room: expected JoinParams, got str @ params$"):
        DEFINITION.unstructure_params("a")


def test_input() -> None:
    assert DEFINITION.structure_input(3) == 3
    assert DEFINITION.structure_input(None) == 0
    assert DEFINITION.unstructure_input(3) == 3
    assert DEFINITION.unstructure_input(None) is None
    with pytest.raises(InvalidInput, match=r"^input: expected int, got str @ \$ "):
        DEFINITION.structure_input("3")


def test_params_that_are_none_or_may_be() -> None:
    class Bare(Actor[None]): ...

    class Perhaps(Actor[None, None, JoinParams | None]): ...

    bare, perhaps = definition_of(Bare), definition_of(Perhaps)
    assert bare.structure_params(None) is None
    assert bare.structure_params({}) is None
    assert bare.unstructure_params(None) is None
    with pytest.raises(InvalidParams, match=r"^Bare takes no params"):
        bare.structure_params({"a": 1})
    with pytest.raises(InvalidInput, match=r"^Bare takes no input"):
        bare.structure_input(0)
    assert perhaps.structure_params(None) is None
    assert perhaps.structure_params({"auth_token": "a"}) == JoinParams("a")
    assert perhaps.unstructure_params(None) is None


def test_state_is_kept_under_its_own_names() -> None:
    state = RoomState([Message("a", "b")], 3)
    plain = {"messages": [{"text": "a", "written_by": "b"}], "last_id": 3}
    assert DEFINITION.unstructure_state(state) == plain
    assert DEFINITION.structure_state(plain) == state
    assert DEFINITION.structure_state({"messages": [], "gone": 1}) == RoomState()
    with pytest.raises(
        TypeError, match=r"^state of room: expected str, got int @ \$.messages\[0\]"
    ):
        DEFINITION.structure_state({"messages": [{"text": 1}]})
    with pytest.raises(TypeError, match=r"^state of room: expected int, got str @ \$.last_id$"):
        DEFINITION.unstructure_state(RoomState([], "x"))  # type: ignore[arg-type]


def test_unknown_fields_of_a_state_are_remembered_with_it() -> None:
    newer = {"messages": [{"text": "a", "written_by": "", "likes": 3}], "last_id": 1, "topic": "b"}
    state = DEFINITION.structure_state(newer)
    assert DEFINITION.unknown_state_fields(state) == {"topic": "b"}
    assert DEFINITION.unstructure_state(state) == newer
    assert DEFINITION.unknown_state_fields(RoomState()) == {}


def test_a_state_without_weak_references_loses_its_unknown_fields() -> None:
    @define(weakref_slot=False)
    class Slotted:
        a: int = 0

    class Plain(Actor[Slotted]): ...

    plain = definition_of(Plain)
    state = plain.structure_state({"a": 1, "b": 2})
    assert plain.unknown_state_fields(state) == {}
    assert plain.unstructure_state(state) == {"a": 1}


def test_states_are_made_fresh_and_checked() -> None:
    assert DEFINITION.make_state() == RoomState()
    assert DEFINITION.make_state() is not DEFINITION.make_state()
    with pytest.raises(
        TypeError, match=r"^Member cannot be made without arguments: create_conn_st"
    ):
        DEFINITION.make_conn_state()
    DEFINITION.check_state(RoomState())
    DEFINITION.check_conn_state(Member("a"))
    with pytest.raises(
        TypeError, match=r"^hook 'create_state' returned Member, expected RoomState"
    ):
        DEFINITION.check_state(Member("a"))
    with pytest.raises(
        TypeError, match=r"^hook 'create_conn_state' returned None, expected Member"
    ):
        DEFINITION.check_conn_state(None)


def test_refs_lead_to_their_specs() -> None:
    class Sub(Room):
        extra = Event[int]()

    assert DEFINITION.action(Room.post_all) is DEFINITION.actions["postAll"]
    assert DEFINITION.action("post_all") is DEFINITION.actions["postAll"]
    assert DEFINITION.event(Room.room_closed) is DEFINITION.events["closed"]
    assert definition_of(Sub).event(Room.room_closed).name == "closed"
    assert repr(Room.room_closed) == "<EventRef Room.room_closed>"
    bad: list[Any] = [Sub.extra, Sub.room_closed, "room_closed", Room.post_all, 3]
    for ref in bad:
        with pytest.raises(TypeError, match=r"is no event of room \(events: message_posted, room"):
            DEFINITION.event(ref)
    bad = [Sub.post_all, "postAll", Room.room_closed, 3]
    for ref in bad:
        with pytest.raises(TypeError, match=r"is no action of room \(actions: post_all, what_time"):
            DEFINITION.action(ref)


def test_a_contract_has_a_table_too() -> None:
    class Chat(ActorContract[JoinParams], name="chat"):
        posted = Event[str]()

        @action
        async def post(self, text: str) -> str:
            raise NotImplementedError

    class Impl(Chat, Actor[None, None, JoinParams]):
        @action
        @override
        async def post(self, text: str) -> str:
            return text

    class Other(Impl): ...

    contract = definition_of(Chat)
    assert (contract.name, contract.params, contract.state) == ("chat", JoinParams, type(None))
    assert list(contract.actions) == ["post"]
    assert definition_of(Impl).name == "chat"
    assert definition_of(Other).name == "Other"
    assert definition_of(Impl).event(Chat.posted).payload is str
