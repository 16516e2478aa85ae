"""When two refs name the same member."""

from __future__ import annotations

from typing import Any

from pyactor.definition import Actor, AnyEvent, Event, EventRef, action, definition_of


class Presence:
    seen = Event[str]()


class Room(Presence, Actor[None]):
    said = Event[str]()
    closed = Event[None]()

    @action
    def post(self) -> None: ...


class Hall(Room):
    opened = Event[None]()


class Loft(Room):
    said = Event[str]()


class Other(Actor[None]):
    said = Event[str]()


def asked(event: AnyEvent) -> list[bool]:
    """What ``can_subscribe`` does."""
    return [event == Room.said, event == Room.closed, event != Room.said]


def test_an_event_is_itself_however_it_was_reached(actor_context: Any) -> None:
    hall = definition_of(Hall).instantiate(actor_context)
    refs: list[AnyEvent] = [Room.said, Hall.said, Loft.said, hall.said, EventRef(Hall, "said")]
    for event in refs:
        assert asked(event) == [True, False, False]
        assert hash(event) == hash(Room.said)
        assert event in {Room.said, Room.closed}


def test_another_actors_event_of_that_name_is_another() -> None:
    assert asked(Other.said) == [False, False, True]
    assert Hall.said != Loft.said
    assert Other.said not in {Room.said, Room.closed}


def test_of_what_is_mixed_in_too() -> None:
    seen: AnyEvent = EventRef(Hall, "seen")
    mixed_in: AnyEvent = EventRef(Presence, "seen")
    assert seen == Room.seen == mixed_in


def test_a_ref_is_no_name_and_no_action() -> None:
    said: object = Room.said
    assert said != "said"
    assert said != Room.post
    assert Room.post == Hall.post
