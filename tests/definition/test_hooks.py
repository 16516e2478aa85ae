"""Hooks as they may be written: sync or async, inherited, in generic bases."""

from __future__ import annotations

from typing import Any, Generic

from typing_extensions import TypeVar, override

from pyactor.definition import (
    HOOKS,
    Actor,
    AnyEvent,
    Conn,
    Event,
    Request,
    Response,
    WebSocket,
    action,
    definition_of,
    hook,
)

StateT = TypeVar("StateT")


class Guarded(Actor[StateT, int], Generic[StateT], abstract=True):
    secret = Event[str]()

    @hook
    async def can_subscribe(self, conn: Conn[int, None], event: AnyEvent) -> bool:
        return event != Guarded.secret or conn.state > 0

    @hook
    def can_publish(self, conn: Conn[int, None], queue: str) -> bool:
        return queue == "jobs"


class Served(Guarded[StateT], Generic[StateT], abstract=True):
    @hook
    async def on_request(self, request: Request) -> Response:
        return Response(request.path)


class Room(Served[None]):
    @hook
    def on_web_socket(self, ws: WebSocket) -> None:
        ws.close()

    @hook
    def on_before_action_response(self, name, args, output):  # type: ignore[no-untyped-def]
        return output

    @hook
    @override
    def can_publish(self, conn: Any, queue: object) -> bool:
        return bool(queue)

    @action(name="users.add")
    def add_user(self, name: str) -> str:
        return name


def test_the_table_has_the_hooks_that_are_overridden() -> None:
    hooks = definition_of(Room).hooks
    assert {name: spec.is_async for name, spec in hooks.items()} == {
        "on_request": True,
        "on_web_socket": False,
        "on_before_action_response": False,
        "can_publish": False,
        "can_subscribe": True,
    }
    assert hooks["can_publish"].function is vars(Room)["can_publish"]
    assert hooks["can_subscribe"].function is vars(Guarded)["can_subscribe"]


def test_a_nested_action_has_its_dotted_name() -> None:
    definition = definition_of(Room)
    assert definition.actions["users.add"] is definition.actions_by_attr["add_user"]


def test_hooks_that_decide_or_answer_are_bounded_by_an_option() -> None:
    bounds = {
        name: (HOOKS[name].phase, HOOKS[name].timeout)
        for name in ("can_subscribe", "can_publish", "on_request", "on_web_socket")
    }
    assert bounds == {
        "can_subscribe": ("OPEN", "can_subscribe_timeout"),
        "can_publish": ("OPEN", "can_publish_timeout"),
        "on_request": ("OPEN", "action_timeout"),
        "on_web_socket": ("OPEN", None),
    }
