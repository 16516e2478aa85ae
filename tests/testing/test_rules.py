"""Each checker by hand: a good trace that passes, and for each rule traces that break it alone."""

from __future__ import annotations

from typing import Any, Self

import pytest

from pyactor.definition import definition_of
from pyactor.session import RULES
from pyactor.testing import Step, Trace, Violation, What
from pyactor.testing._rules import PROOFS, check

INTERNAL = "An internal error occurred"
DAY = 1_800_000_000.0


class Tape:
    """Writes a trace, in words as short as can be."""

    def __init__(self, definition: Any) -> None:
        self.definitions = {definition.name: definition}
        self.name = definition.name
        self.trace = Trace()
        self.at = 0.0
        self.life = 1
        self._run = 0
        self._ids: dict[str, int] = {}
        self.add(What.UP)

    def add(self, what: What, conn: str = "", name: str = "", run: int = 0, **data: Any) -> Self:
        life = self.life if what not in (What.UP, What.DOWN, What.CRASHED, What.ARRIVED) else 0
        self.trace.steps.append(Step(self.at, what, conn, life, name, run, data))
        return self

    def wait(self, seconds: float) -> Self:
        self.at += seconds
        return self

    # ---------------------------------------------------------- an actor

    def load(self, *, exists: bool = False, actor_id: str = "1", life: int = 1) -> Self:
        self.life = life
        return self.add(What.LOADING, name=self.name, id=actor_id, key=["main"], exists=exists)

    def phase(self, name: str, state: str = "s0", actor_id: str = "1") -> Self:
        return self.add(What.PHASE, name=name, id=actor_id, state=state)

    def commit(self, state: str = "s0", **data: Any) -> Self:
        given = {"id": "1", "state": state, "whole": True, "durable": True, **data}
        return self.add(What.COMMIT, **given).add(What.COMMITTED, **given)

    def create(self) -> Self:
        """A new actor, up to READY."""
        self.load().hook("create_state").hook("on_create")
        return self.commit(creates=[self.name, ["main"]]).hook("on_wake", state="s0").phase("READY")

    # ---------------------------------------------------------- user code

    def enter(self, kind: str, name: str, conn: str = "", **data: Any) -> int:
        self._run += 1
        self.add(What.ENTERED, conn, name, self._run, kind=kind, **data)
        return self._run

    def leave(self, run: int, name: str, conn: str = "", **data: Any) -> Self:
        kind = data.pop("kind", "hook")
        return self.add(What.RETURNED, conn, name, run, kind=kind, **data)

    def fail(self, run: int, name: str, conn: str = "", **data: Any) -> Self:
        given = {"kind": "hook", "error": "ValueError", "public": False, "message": "oh my", **data}
        return self.add(What.RAISED, conn, name, run, **given)

    def hook(self, name: str, conn: str = "", **data: Any) -> Self:
        """A hook, whole."""
        return self.leave(self.enter("hook", name, conn, **data), name, conn)

    def act(self, conn: str, name: str, args: list[Any], output: Any = None) -> Self:
        """An action, whole, and its answer over a websocket."""
        run = self.enter("action", name, conn, attr=name, args=args, in_conns=True)
        return self.leave(run, name, conn, kind="action", output=output)

    # ---------------------------------------------------------- a connection

    def ask(self, conn: str, name: str, args: list[Any]) -> int:
        self._ids[conn] = number = self._ids.get(conn, 0) + 1
        self.add(What.ARRIVED, conn, name, id=number, args=args, size=10)
        return number

    def answer(self, conn: str, number: int, output: Any, **data: Any) -> Self:
        return self.sent(conn, "ActionResponse", id=number, output=output, **data)

    def sent(self, conn: str, kind: str, name: str = "", **data: Any) -> Self:
        return self.add(What.SENT, conn, name, type=kind, **{"size": 1, "backlog": 1, **data})

    def error(self, conn: str, name: str, number: int | None = None, message: str = "") -> Self:
        return self.sent(conn, "Error", name, id=number, message=message, metadata=None)

    def closes(self, conn: str, code: int, reason: str) -> Self:
        return self.add(What.CLOSE_SENT, conn, code=code, reason=reason)

    def preflight(self, conn: str = "c1") -> Self:
        """It comes, and its preflight hooks return."""
        self.add(What.CONNECT, conn)
        self.hook("on_before_connect", conn, in_conns=False)
        return self.hook("create_conn_state", conn, in_conns=False)

    def open(self, conn: str = "c1") -> Self:
        """It comes, and is open."""
        self.preflight(conn).add(What.JOINED, conn)
        self.hook("on_connect", conn, in_conns=True)
        return self.sent(conn, "Init")

    def lose(self, conn: str = "c1") -> Self:
        """It is lost, and all of its life is over."""
        self.add(What.LOST, conn).add(What.LEFT, conn)
        return self.hook("on_disconnect", conn, in_conns=False, has_state=True)

    def judge(self, now: float | None = None) -> Violation | None:
        if now is not None:
            self.at = now
            self.add(What.WORLD, name="time has passed")
        return check(self.trace, self.definitions)


@pytest.fixture
def tape(house: Any) -> Tape:
    return Tape(definition_of(house))


@pytest.fixture
def told(watched: Any) -> Tape:
    return Tape(definition_of(watched))


def broken(tape: Tape, now: float | None = None) -> str:
    violation = tape.judge(now)
    assert violation is not None, "no rule is broken"
    assert violation.text == RULES[violation.rule]
    return f"{violation.rule}: {violation.what}"


def test_every_rule_says_what_proves_it() -> None:
    assert PROOFS.keys() == RULES.keys()


def test_a_good_life_passes(tape: Tape) -> None:
    tape.create().open()
    number = tape.ask("c1", "tick", [1])
    tape.act("c1", "tick", [1], 1).answer("c1", number, 1)
    tape.add(What.SEND, "c1", "news", args=["x"]).sent("c1", "Event", "news", args=["x"])
    tape.lose().wait(20).phase("SLEEP_GRACE").hook("on_sleep").phase("ASLEEP")
    assert tape.judge() is None
    assert tape.judge(1000) is None


# ------------------------------------------------------------------ C1-C4


def test_c1_a_hook_twice(tape: Tape) -> None:
    tape.create().preflight().hook("on_before_connect", "c1", in_conns=False)
    assert broken(tape) == "C1: c1: on_before_connect runs a second time"


def test_c1_hooks_overlap(tape: Tape) -> None:
    tape.create().add(What.CONNECT, "c1").enter("hook", "on_before_connect", "c1", in_conns=False)
    tape.enter("hook", "create_conn_state", "c1", in_conns=False)
    assert broken(tape) == "C1: c1: create_conn_state begins while on_before_connect runs"


def test_c1_a_hook_is_left_out(tape: Tape) -> None:
    tape.create().add(What.CONNECT, "c1").hook("create_conn_state", "c1", in_conns=False)
    assert broken(tape).startswith("C1: c1: create_conn_state runs without on_before_connect")


def test_c1_an_action_after_on_disconnect(tape: Tape) -> None:
    tape.create().open().ask("c1", "tick", [1])
    tape.lose().act("c1", "tick", [1], 1)
    assert broken(tape) == "C1: c1: action tick begins after on_disconnect"


def test_c1_init_before_on_connect_returned(tape: Tape) -> None:
    tape.create().preflight().add(What.JOINED, "c1")
    tape.enter("hook", "on_connect", "c1", in_conns=True)
    tape.sent("c1", "Init")
    assert broken(tape) == "C1: c1: Init is sent before on_connect returned"


def test_c2_a_hook_after_a_failed_one(tape: Tape) -> None:
    tape.create().add(What.CONNECT, "c1")
    run = tape.enter("hook", "on_before_connect", "c1", in_conns=False)
    tape.fail(run, "on_before_connect", "c1")
    tape.hook("create_conn_state", "c1", in_conns=False)
    assert broken(tape) == "C2: c1: create_conn_state runs though on_before_connect failed"


def test_c2_an_action_though_on_connect_failed(tape: Tape) -> None:
    tape.create().preflight().add(What.JOINED, "c1").ask("c1", "tick", [1])
    run = tape.enter("hook", "on_connect", "c1", in_conns=True)
    tape.fail(run, "on_connect", "c1").act("c1", "tick", [1], 1)
    assert broken(tape) == "C2: c1: action tick runs though on_connect failed"


def test_c2_init_though_on_connect_failed(tape: Tape) -> None:
    tape.create().preflight().add(What.JOINED, "c1")
    run = tape.enter("hook", "on_connect", "c1", in_conns=True)
    tape.fail(run, "on_connect", "c1").sent("c1", "Init")
    assert broken(tape) == "C2: c1: Init is sent though on_connect failed"


def test_c2_a_failed_hook_closes_nothing(tape: Tape) -> None:
    tape.create().add(What.CONNECT, "c1")
    run = tape.enter("hook", "on_before_connect", "c1", in_conns=False)
    tape.fail(run, "on_before_connect", "c1")
    assert broken(tape) == "C2: c1: on_before_connect failed, and it is not closed"


def test_c2_nobody_else_is_closed(tape: Tape) -> None:
    tape.create().open("c1").closes("c1", 1011, "core.internal_error")
    assert broken(tape).startswith("C2: c1: it is closed with")


@pytest.mark.parametrize(
    ("hook", "seen", "what"),
    [
        ("on_before_connect", True, "C3: c1: it is in conns while on_before_connect runs"),
        ("on_connect", False, "C3: c1: it is not in conns while on_connect runs"),
        ("on_disconnect", True, "C3: c1: it is in conns while on_disconnect runs"),
    ],
)
def test_c3_what_conns_shows(tape: Tape, hook: str, seen: bool, what: str) -> None:
    tape.create()
    if hook == "on_before_connect":
        tape.add(What.CONNECT, "c1")
    elif hook == "on_connect":
        tape.preflight().add(What.JOINED, "c1")
    else:
        tape.open().add(What.LOST, "c1").add(What.LEFT, "c1")
    tape.hook(hook, "c1", in_conns=seen)
    assert broken(tape) == what


def test_c3_in_conns_too_early(tape: Tape) -> None:
    tape.create().add(What.CONNECT, "c1").hook("on_before_connect", "c1", in_conns=False)
    tape.add(What.JOINED, "c1")
    assert broken(tape) == "C3: c1: it is in conns before create_conn_state returned"


def test_c3_a_ghost(tape: Tape) -> None:
    tape.create().open().add(What.LOST, "c1")
    assert broken(tape) == "C3: c1: it is a ghost in conns"


def test_c4_on_disconnect_twice(tape: Tape) -> None:
    tape.create().open().lose().hook("on_disconnect", "c1", in_conns=False)
    assert broken(tape) == "C4: c1: on_disconnect runs a second time"


def test_c4_on_disconnect_while_on_connect_runs(tape: Tape) -> None:
    tape.create().preflight().add(What.JOINED, "c1")
    tape.enter("hook", "on_connect", "c1", in_conns=True)
    tape.hook("on_disconnect", "c1", in_conns=False)
    assert broken(tape) == "C4: c1: on_disconnect begins while on_connect runs"


def test_c4_on_disconnect_of_a_rejected(tape: Tape) -> None:
    tape.create().preflight().add(What.JOINED, "c1")
    run = tape.enter("hook", "on_connect", "c1", in_conns=True)
    tape.fail(run, "on_connect", "c1").error("c1", "core.internal_error", message=INTERNAL)
    tape.closes("c1", 1011, "core.internal_error").add(What.LEFT, "c1")
    tape.hook("on_disconnect", "c1", in_conns=False)
    assert broken(tape) == "C4: c1: on_disconnect runs though on_connect never returned"


def test_c4_on_disconnect_is_left_out(tape: Tape) -> None:
    tape.create().open().add(What.LOST, "c1").add(What.LEFT, "c1")
    assert broken(tape) == "C4: c1: it left conns, and on_disconnect did not run"


# ------------------------------------------------------------------ C5-C8


def test_c5_an_action_before_on_connect_returned(tape: Tape) -> None:
    tape.create().preflight().add(What.JOINED, "c1")
    tape.enter("hook", "on_connect", "c1", in_conns=True)
    tape.ask("c1", "tick", [1])
    tape.act("c1", "tick", [1], 1)
    assert broken(tape) == "C5: c1: action tick runs before on_connect returned"


def test_c5_an_action_that_came_after_it_left(tape: Tape) -> None:
    tape.create().open().add(What.DISCONNECT, "c1", reason="").closes("c1", 1000, "")
    tape.add(What.LEFT, "c1").ask("c1", "tick", [1])
    tape.act("c1", "tick", [1], 1)
    assert broken(tape) == "C5: c1: tick is dispatched though it has left conns"


def test_c5_a_held_message_is_lost(tape: Tape) -> None:
    tape.create().preflight().ask("c1", "tick", [1])
    tape.add(What.JOINED, "c1").hook("on_connect", "c1", in_conns=True).sent("c1", "Init")
    assert broken(tape) == "C5: c1: tick[1] arrived, and never began"


def asking(told: Tape) -> int:
    """A subscription is asked about, and an action comes after it."""
    told.create().open().add(What.ARRIVED, "c1", "news", subscribe=True, size=10)
    told.ask("c1", "tick", [1])
    return told.enter("hook", "can_subscribe", "c1", event="news", in_conns=True)


def test_c5_an_action_overtakes_a_verdict(told: Tape) -> None:
    asking(told)
    told.act("c1", "tick", [1], 1)
    assert broken(told).startswith("C5: c1: action tick begins before can_subscribe has decided")


def test_c5_an_action_after_the_verdict(told: Tape) -> None:
    told.leave(asking(told), "can_subscribe", "c1", verdict=True)
    told.act("c1", "tick", [1], 1).answer("c1", 1, 1, state="s0")
    assert told.judge() is None


def test_c6_another_order(tape: Tape) -> None:
    tape.create().open()
    tape.ask("c1", "tick", [1])
    tape.ask("c1", "tick", [2])
    tape.act("c1", "tick", [2], 2)
    assert broken(tape).startswith("C6: c1: action tick[2] begins before tick[1]")


def test_c6_what_cannot_begin_is_passed_over(tape: Tape) -> None:
    tape.create().open()
    for number in (tape.ask("c1", "tick", ["no number"]), tape.ask("c1", "nothing", [])):
        del number
    number = tape.ask("c1", "tick", [2])
    tape.act("c1", "tick", [2], 2).answer("c1", number, 2)
    tape.error("c1", "action.invalid_arguments", 1).error("c1", "action.not_found", 2)
    assert tape.judge() is None


def test_c6_one_request_twice(tape: Tape) -> None:
    tape.create().open()
    number = tape.ask("c1", "tick", [1])
    tape.act("c1", "tick", [1], 1).answer("c1", number, 1).act("c1", "tick", [1], 1)
    assert "nobody asked for it" in broken(tape)


def test_c6_an_answer_after_it_left(tape: Tape) -> None:
    tape.create().open()
    number = tape.ask("c1", "tick", [1])
    run = tape.enter("action", "tick", "c1", attr="tick", args=[1], in_conns=True)
    tape.lose().leave(run, "tick", "c1", kind="action", output=1).answer("c1", number, 1)
    assert broken(tape) == "C6: c1: request 1 is answered after it has left"


def test_c6_another_answer_than_the_result(tape: Tape) -> None:
    tape.create().open()
    number = tape.ask("c1", "tick", [1])
    tape.act("c1", "tick", [1], 1).answer("c1", number, 2)
    assert broken(tape) == "C6: c1: request 1 is answered with 2, not 1"


def test_c6_no_answer(tape: Tape) -> None:
    tape.create().open().ask("c1", "tick", [1])
    tape.act("c1", "tick", [1], 1)
    assert broken(tape) == "C6: c1: tick has ended, and is not answered"


def test_c6_a_disconnect_cancels_an_action(tape: Tape) -> None:
    tape.create().open().ask("c1", "wait", [])
    run = tape.enter("action", "wait", "c1", attr="wait", args=[], in_conns=True)
    tape.lose().add(What.CANCELLED, "c1", "wait", run, kind="action")
    tape.fail(run, "wait", "c1", error="CancelledError", message="")
    assert broken(tape) == "C6: c1: action wait was cancelled by a disconnect"


def test_c7_init_after_an_end(tape: Tape) -> None:
    tape.create().preflight().add(What.JOINED, "c1")
    run = tape.enter("hook", "on_connect", "c1", in_conns=True)
    tape.add(What.CLOSE_ARRIVED, "c1", code=1000, reason="").leave(run, "on_connect", "c1")
    tape.sent("c1", "Init")
    assert broken(tape) == "C7: c1: Init is sent though it has ended"


def test_c7_a_further_hook_after_an_end(tape: Tape) -> None:
    tape.create().add(What.CONNECT, "c1")
    run = tape.enter("hook", "on_before_connect", "c1", in_conns=False)
    tape.add(What.LOST, "c1").leave(run, "on_before_connect", "c1")
    tape.hook("create_conn_state", "c1", in_conns=False)
    assert broken(tape).startswith("C7: c1: create_conn_state runs though it had ended")


def test_c7_the_running_hook_is_cancelled(tape: Tape) -> None:
    tape.create().add(What.CONNECT, "c1")
    run = tape.enter("hook", "on_before_connect", "c1", in_conns=False)
    tape.add(What.LOST, "c1")
    tape.fail(run, "on_before_connect", "c1", error="CancelledError")
    assert broken(tape) == "C7: c1: on_before_connect was cancelled as the connection ended"


def test_c7_the_second_reason(tape: Tape) -> None:
    tape.create().preflight().add(What.JOINED, "c1")
    run = tape.enter("hook", "on_connect", "c1", in_conns=True)
    tape.add(What.DISCONNECT, "c1", reason="one").add(What.DISCONNECT, "c1", reason="two")
    tape.leave(run, "on_connect", "c1").closes("c1", 1000, "two")
    assert broken(tape).startswith(
        "C7: c1: it is closed with (1000, 'two'), expected (1000, 'one')"
    )


def test_c7_it_left_while_on_connect_runs(tape: Tape) -> None:
    tape.create().preflight().add(What.JOINED, "c1")
    tape.enter("hook", "on_connect", "c1", in_conns=True)
    tape.add(What.LOST, "c1").add(What.LEFT, "c1")
    assert broken(tape) == "C7: c1: it left conns while on_connect still runs"


def test_c8_private_words(tape: Tape) -> None:
    tape.create().open()
    number = tape.ask("c1", "tick", [1])
    run = tape.enter("action", "tick", "c1", attr="tick", args=[1], in_conns=True)
    tape.fail(run, "tick", "c1", kind="action", message="the password")
    tape.error("c1", "user.other", number, "it was the password")
    assert broken(tape) == "C8: c1: 'the password' is not public, and its client reads it"


def test_c8_an_internal_error_in_its_own_words(tape: Tape) -> None:
    tape.create().open()
    number = tape.ask("c1", "tick", [1])
    tape.error("c1", "core.internal_error", number, "KeyError: 3")
    assert broken(tape) == "C8: c1: an internal error is told as 'KeyError: 3'"


def test_c8_a_public_error_as_another(tape: Tape) -> None:
    tape.create().open()
    number = tape.ask("c1", "tick", [1])
    run = tape.enter("action", "tick", "c1", attr="tick", args=[1], in_conns=True)
    told = {"public": True, "code": "user.no", "message": "no", "metadata": None}
    tape.fail(run, "tick", "c1", kind="action", **told)
    tape.error("c1", "core.internal_error", number, INTERNAL)
    assert broken(tape) == "C8: c1: tick failed with user.no, told as core.internal_error"


# ------------------------------------------------------------------ C9-C12


def test_c8_a_fault_of_the_storage_is_told_by_its_code(tape: Tape) -> None:
    tape.create().open()
    number = tape.ask("c1", "tick", [1])
    run = tape.enter("action", "tick", "c1", attr="tick", args=[1], in_conns=True)
    tape.fail(run, "tick", "c1", kind="action", code="storage.full", message="/a/b is full")
    tape.error("c1", "storage.full", number, "The host cannot keep its data now")
    assert tape.judge() is None


def test_c9_disconnect_does_not_begin(tape: Tape) -> None:
    tape.create().open().add(What.DISCONNECT, "c1", reason="").add(What.DISCONNECT_BEGUN, "c1")
    assert broken(tape) == "C9: c1: disconnect() returned, and it is still in conns"


def test_c9_another_reason(tape: Tape) -> None:
    tape.create().open().add(What.DISCONNECT, "c1", reason="one").closes("c1", 1000, "two")
    assert broken(tape).startswith("C9: c1: it is closed with (1000, 'two')")


def disconnected(tape: Tape) -> Tape:
    tape.create().open().add(What.DISCONNECT, "c1", reason="").closes("c1", 1000, "")
    return tape.add(What.LEFT, "c1").add(What.DISCONNECT_BEGUN, "c1")


def test_c9_an_await_ends_too_early(tape: Tape) -> None:
    disconnected(tape).add(What.WAITS, "c1", wait=7, by=0)
    tape.add(What.WAITED, "c1", wait=7, how="ended")
    assert broken(tape) == "C9: c1: await disconnect() returned before it was gone"


def test_c9_an_await_of_itself_may(tape: Tape) -> None:
    disconnected(tape)
    run = tape.enter("hook", "on_disconnect", "c1", in_conns=False)
    tape.add(What.WAITS, "c1", run=run, wait=7, by=run)
    tape.add(What.WAITED, "c1", wait=7, how="ended").leave(run, "on_disconnect", "c1")
    assert tape.judge() is None


def test_c9_an_await_of_itself_goes_on(tape: Tape) -> None:
    disconnected(tape)
    run = tape.enter("hook", "on_disconnect", "c1", in_conns=False)
    tape.add(What.WAITS, "c1", run=run, wait=7, by=run)
    assert broken(tape) == "C9: c1: an await of disconnect() waits for its own hook"


def test_c9_an_await_raises(tape: Tape) -> None:
    disconnected(tape).add(What.WAITS, "c1", wait=7, by=0)
    tape.add(What.WAITED, "c1", wait=7, how="ValueError")
    assert broken(tape) == "C9: c1: await disconnect() raised ValueError"


def test_c9_an_await_never_ends(tape: Tape) -> None:
    disconnected(tape).add(What.WAITS, "c1", wait=7, by=0)
    tape.hook("on_disconnect", "c1", in_conns=False).add(What.LOST, "c1")
    assert broken(tape) == "C9: c1: it is gone, and an await of disconnect() goes on"


def test_c9_a_close_frame_is_never_answered(tape: Tape) -> None:
    disconnected(tape).hook("on_disconnect", "c1", in_conns=False)
    assert tape.judge() is None
    assert broken(tape, 5.1) == "C9: c1: a close frame is not answered, and it lives on"


def deferring(tape: Tape) -> Tape:
    tape.create().open()
    for callback in (101, 102):
        tape.add(What.DEFER, "c1", callback=callback)
    return tape


def run_deferred(tape: Tape, callback: int, *, fails: bool = False) -> None:
    run = tape.enter("deferred", "deferred", "c1", callback=callback)
    if fails:
        tape.fail(run, "deferred", "c1", kind="deferred")
    else:
        tape.leave(run, "deferred", "c1", kind="deferred")


def test_c10_first_in_first_out(tape: Tape) -> None:
    deferring(tape).lose()
    run_deferred(tape, 101)
    assert broken(tape) == "C10: c1: deferred callbacks run not last in, first out"


def test_c10_not_all_of_them(tape: Tape) -> None:
    deferring(tape).lose()
    run_deferred(tape, 102)
    assert broken(tape) == "C10: c1: 1 deferred callbacks did not run"


def test_c10_twice(tape: Tape) -> None:
    deferring(tape).lose()
    run_deferred(tape, 102)
    run_deferred(tape, 102)
    assert broken(tape) == "C10: c1: a deferred callback runs twice, or was none"


def test_c10_too_early(tape: Tape) -> None:
    deferring(tape).add(What.LOST, "c1").add(What.LEFT, "c1")
    tape.enter("hook", "on_disconnect", "c1", in_conns=False)
    run_deferred(tape, 102)
    assert broken(tape) == "C10: c1: a deferred callback runs while on_disconnect does"


def test_c11_nobody_cancels(tape: Tape) -> None:
    tape.create().add(What.CONNECT, "c1").enter("hook", "on_before_connect", "c1", in_conns=False)
    assert tape.judge(5) is None
    assert broken(tape, 5.1) == "C11: c1: on_before_connect runs on after its timeout"


def expired(tape: Tape) -> Tape:
    tape.create().preflight().add(What.JOINED, "c1")
    run = tape.enter("hook", "on_connect", "c1", in_conns=True)
    return tape.wait(5).add(What.CANCELLED, "c1", "on_connect", run, kind="hook")


def test_c11_a_ghost(tape: Tape) -> None:
    assert broken(expired(tape)) == "C11: c1: it is a ghost in conns"


def test_c11_an_error_that_is_another(tape: Tape) -> None:
    tape.create().open()
    number = tape.ask("c1", "wait", [])
    run = tape.enter("action", "wait", "c1", attr="wait", args=[], in_conns=True)
    tape.wait(2).add(What.CANCELLED, "c1", "wait", run, kind="action")
    tape.error("c1", "core.internal_error", number, INTERNAL)
    assert broken(tape).startswith("C11: c1: wait failed with action.timed_out, told as core")


def test_c11_a_late_result_is_answered(tape: Tape) -> None:
    tape.create().open()
    number = tape.ask("c1", "wait", [])
    run = tape.enter("action", "wait", "c1", attr="wait", args=[], in_conns=True)
    tape.wait(2).add(What.CANCELLED, "c1", "wait", run, kind="action")
    tape.leave(run, "wait", "c1", kind="action", output=1).answer("c1", number, 1)
    assert broken(tape) == "C11: c1: request 1 is answered, and its action did not return"


def test_c12_a_failed_callback_stops_the_others(tape: Tape) -> None:
    deferring(tape).lose()
    run_deferred(tape, 102, fails=True)
    assert broken(tape) == "C12: c1: 1 deferred callbacks did not run"


# ------------------------------------------------------------------ C13-C16


def test_c13_a_send_that_is_lost(tape: Tape) -> None:
    tape.create().open().add(What.SEND, "c1", "news", args=["x"]).hook("on_sleep")
    assert broken(tape) == "C13: c1: event news['x'] was not sent to it"


def test_c13_a_broadcast_to_no_subscriber(tape: Tape) -> None:
    tape.create().open().add(What.BROADCAST, name="news", args=["x"])
    tape.sent("c1", "Event", "news", args=["x"])
    assert broken(tape) == "C13: c1: event news goes to it, but nothing was sent to it"


def test_c13_a_broadcast_that_misses_a_subscriber(tape: Tape) -> None:
    tape.create().open("c1").open("c2")
    for conn in ("c1", "c2"):
        tape.add(What.ARRIVED, conn, "news", subscribe=True, size=1)
    tape.add(What.BROADCAST, name="news", args=["x"]).sent("c1", "Event", "news", args=["x"])
    tape.hook("on_sleep")
    assert broken(tape) == "C13: c2: event news['x'] was not sent to it"


def test_c13_another_order(tape: Tape) -> None:
    tape.create().open().add(What.ARRIVED, "c1", "news", subscribe=True, size=1)
    tape.add(What.BROADCAST, name="news", args=["x"]).sent("c1", "Event", "news", args=["y"])
    assert broken(tape).startswith("C13: c1: event news['y'] goes out instead of news['x']")


def test_c13_no_longer_subscribed(tape: Tape) -> None:
    tape.create().open().add(What.ARRIVED, "c1", "news", subscribe=True, size=1)
    tape.add(What.ARRIVED, "c1", "news", subscribe=False, size=1)
    tape.add(What.BROADCAST, name="news", args=["x"]).sent("c1", "Event", "news", args=["x"])
    assert broken(tape).startswith("C13: c1: event news goes to it")


def test_c13_after_the_close_frame(tape: Tape) -> None:
    disconnected(tape).sent("c1", "Event", "news", args=["x"], late=True)
    assert broken(tape) == "C13: c1: Event is sent after its close frame"


def stateless(tape: Tape, *, until: str) -> Tape:
    tape.create().preflight("h1").add(What.JOINED, "h1")
    tape.hook("on_connect", "h1", in_conns=True)
    tape.act("h1", "tick", [1], 1).add(What.LEFT, "h1")
    if until == "the end":
        tape.hook("on_disconnect", "h1", in_conns=False)
    return tape


def test_c14_a_good_one(tape: Tape) -> None:
    stateless(tape, until="the end").add(What.ANSWERED, "h1", status=200, output=1)
    assert tape.judge() is None


def test_c14_answered_before_on_disconnect(tape: Tape) -> None:
    stateless(tape, until="it left").add(What.ANSWERED, "h1", status=200, output=1)
    assert broken(tape) == "C14: h1: it is answered before its life was over"


def test_c14_answered_twice(tape: Tape) -> None:
    stateless(tape, until="the end")
    for _ in range(2):
        tape.add(What.ANSWERED, "h1", status=200, output=1)
    assert broken(tape) == "C14: h1: it is answered twice"


def test_c15_another_code(tape: Tape) -> None:
    tape.create().open().add(What.SLEEP_ASKED).phase("SLEEP_GRACE").closes("c1", 1000, "")
    assert broken(tape).startswith("C15: c1: it is closed with (1000, '')")


def test_c15_asleep_with_a_connection(tape: Tape) -> None:
    tape.create().open().add(What.SLEEP_ASKED).phase("SLEEP_GRACE").phase("ASLEEP")
    assert broken(tape) == "C15: c1: its actor stopped, and it is still in conns"


def test_c15_longer_than_the_grace_period(tape: Tape) -> None:
    tape.create().open().add(What.SLEEP_ASKED).phase("SLEEP_GRACE")
    assert tape.judge(17) is None
    assert broken(tape, 17.1).startswith("C15: c1: it lives on after its actor's grace period")


def test_c15_a_new_action_in_the_grace_period(tape: Tape) -> None:
    tape.create().open().ask("c1", "tick", [1])
    tape.add(What.SLEEP_ASKED).phase("SLEEP_GRACE").wait(0.1).act("c1", "tick", [1], 1)
    assert broken(tape) == "C15: c1: action tick begins on a stopping actor"


def test_c16_a_backlog_over_its_bound(tape: Tape) -> None:
    tape.create().open().add(What.SEND, "c1", "news", args=["x"])
    tape.sent("c1", "Event", "news", args=["x"], backlog=2001).hook("on_sleep")
    assert broken(tape) == "C16: c1: its backlog is over its bound, and it is not closed"


def test_c16_a_backlog_within_its_bound(tape: Tape) -> None:
    tape.create().open().closes("c1", 1011, "message.outgoing_backlog")
    assert broken(tape).startswith("C16: c1: it is closed with")


def test_c16_too_many_held(tape: Tape) -> None:
    tape.create().preflight().add(What.JOINED, "c1")
    run = tape.enter("hook", "on_connect", "c1", in_conns=True)
    for number in range(9):
        tape.ask("c1", "tick", [number])
    tape.leave(run, "on_connect", "c1").sent("c1", "Init")
    assert broken(tape) == "C16: c1: Init is sent though it has ended"


# ------------------------------------------------------------------ A1-A7


def test_a1_two_at_once(tape: Tape) -> None:
    tape.create().load(exists=True, life=2)
    assert broken(tape) == "A1: a2 begins while a1 of its key lives"


def test_a1_code_after_the_end(tape: Tape) -> None:
    tape.create().add(What.SLEEP_ASKED).phase("SLEEP_GRACE").phase("ASLEEP").hook("run")
    assert broken(tape) == "A1: a1: run begins after it has left memory"


def test_a2_ready_before_the_commit(tape: Tape) -> None:
    tape.load().hook("create_state").hook("on_create").phase("READY")
    assert broken(tape).startswith("A2: a1: it is ready comes before the creation is committed")


def test_a2_created_again(tape: Tape) -> None:
    tape.load(exists=True).hook("on_create")
    assert broken(tape) == "A2: a1: on_create runs, and it was created before"


def test_a2_without_its_schedules(tape: Tape) -> None:
    tape.load().hook("create_state").add(What.SCHEDULE, schedule="x").hook("on_create")
    tape.commit(creates=[tape.name, ["main"]])
    assert broken(tape) == "A2: a1: its commit lacks what on_create scheduled"


def test_a3_too_early(tape: Tape) -> None:
    tape.create().wait(19).phase("SLEEP_GRACE")
    assert broken(tape) == "A3: a1: it falls asleep after 19 s"


def test_a3_never(tape: Tape) -> None:
    tape.create()
    assert tape.judge(20) is None
    assert broken(tape, 20.1) == "A3: a1: it is idle since 0 s"


def test_a3_in_spite_of_a_connection(tape: Tape) -> None:
    tape.create().open().wait(30).phase("SLEEP_GRACE")
    assert broken(tape) == "A3: a1: it falls asleep in spite of c1"


def test_a3_in_spite_of_keep_awake(tape: Tape) -> None:
    tape.create().add(What.BUSY).wait(30).phase("SLEEP_GRACE")
    assert broken(tape) == "A3: a1: it falls asleep in spite of keep_awake"


def test_a4_a_torn_snapshot(tape: Tape) -> None:
    tape.create().commit("s1", whole=False)
    assert broken(tape) == "A4: a1: what is saved is not its state at this instant"


def test_a4_an_immediate_save_that_is_not_kept(tape: Tape) -> None:
    tape.create().add(What.SAVE, state="s1").add(What.SAVED, id="1", state="s1", unchanged=True)
    assert broken(tape) == "A4: a1: save_state returned, and its state is not kept"


def test_a4_sleep_loses_the_last_state(tape: Tape) -> None:
    tape.create().add(What.SLEEP_ASKED).phase("SLEEP_GRACE").phase("ASLEEP", "s1")
    assert broken(tape) == "A4: a1: it sleeps, and its last state is not kept"


def test_a4_a_crash_loses_too_much(tape: Tape) -> None:
    tape.create().add(What.STATE, state="s1").wait(1).add(What.CRASHED)
    assert tape.judge() is None
    tape.trace.steps.pop()
    tape.wait(0.1).add(What.CRASHED)
    assert broken(tape) == "A4: a1: more than 1 s of work is lost"


def test_a4_what_changed_back_lost_nothing(tape: Tape) -> None:
    tape.create().add(What.STATE, state="s1").wait(0.1).add(What.STATE, state="s0")
    assert tape.wait(1).add(What.CRASHED).judge() is None


def test_a4_it_wakes_with_another_state(tape: Tape) -> None:
    tape.create().add(What.SLEEP_ASKED).phase("SLEEP_GRACE").phase("ASLEEP")
    tape.load(exists=True, life=2).hook("on_wake", state="s7")
    assert broken(tape) == "A4: a2: it wakes with another state than was kept"


def test_a4_an_exception_rolls_back(tape: Tape) -> None:
    tape.create().add(What.STATE, state="s0", replaced=True)
    assert broken(tape) == "A4: a1: its state was replaced, and not by its own code"


def scheduled(tape: Tape) -> Tape:
    return tape.create().commit(puts={"x": [DAY + 3, "note", None]})


def test_a5_too_early(tape: Tape) -> None:
    scheduled(tape).wait(2.9).act("", "note", ["x"])
    assert broken(tape) == "A5: a1: scheduled action note runs before its time"


def test_a5_never(tape: Tape) -> None:
    scheduled(tape)
    assert tape.judge(3.9) is None
    assert broken(tape, 4.1) == "A5: note was due at 3 s and never ran"


def test_a5_forgotten(tape: Tape) -> None:
    scheduled(tape).commit(deletes=["x"])
    assert broken(tape) == "A5: a1: schedule x is gone, and never ran"


def test_a5_kept_for_another_time(tape: Tape) -> None:
    scheduled(tape).add(What.SCHEDULE, name="note", schedule="x", due=DAY + 3.5)
    assert broken(tape) == "A5: a1: schedule x is kept for 3 s, not for 3.5 s"


def test_a5_created_for_another_time(tape: Tape) -> None:
    tape.load().hook("create_state").add(What.SCHEDULE, name="note", schedule="x", due=DAY + 3.5)
    tape.hook("on_create").commit(
        creates=[tape.name, ["main"]], puts={"x": [DAY + 3, "note", None]}
    )
    assert broken(tape) == "A5: a1: schedule x is kept for 3 s, not for 3.5 s"


def test_a5_in_time(tape: Tape) -> None:
    scheduled(tape).wait(3).act("", "note", ["x"]).commit(deletes=["x"])
    assert tape.judge(10) is None


def test_a6_kept(tape: Tape) -> None:
    tape.create().add(What.DESTROY_ASKED).phase("DESTROY_GRACE").phase("DESTROYED")
    assert broken(tape) == "A6: a1: it is destroyed, and its storage is not deleted"


def test_a6_the_same_id_again(tape: Tape) -> None:
    tape.create().add(What.DESTROY_ASKED).phase("DESTROY_GRACE").add(What.DELETED, id="1")
    tape.phase("DESTROYED").load(life=2)
    assert broken(tape) == "A6: a2 has the id of an actor that was destroyed"


def test_a6_it_lives_on(tape: Tape) -> None:
    tape.create().add(What.DESTROY_ASKED)
    assert broken(tape) == "A6: a1: it asked for its end, and lives on"


def test_a7_told_of_nothing(told: Tape) -> None:
    told.create().hook("on_state_change", state="s0")
    assert broken(told) == "A7: a1: on_state_change runs, and nothing has changed"


def test_a7_answered_before_it_is_told(told: Tape) -> None:
    told.create().open()
    number = told.ask("c1", "note", ["x"])
    told.act("c1", "note", ["x"], 1).answer("c1", number, 1, state="s1")
    assert broken(told) == "A7: c1: it is answered before on_state_change was told"


@pytest.mark.parametrize("changes", [False, True])
def test_a7_it_changes_the_state_itself(told: Tape, changes: bool) -> None:
    told.create().open().wait(1)
    number = told.ask("c1", "note", ["x"])
    told.act("c1", "note", ["x"], 1)
    after = "s2" if changes else "s1"
    run = told.enter("hook", "on_state_change", state="s1")
    told.leave(run, "on_state_change", state=after).answer("c1", number, 1, state=after)
    if changes:
        assert broken(told) == "A7: c1: on_state_change changed the state, and no call fails"
    else:
        assert told.judge() is None


# ------------------------------------------------------------------ the form of a trace


def test_a_trace_goes_to_json_and_back(tape: Tape) -> None:
    tape.create().open().lose()
    again = Trace.from_json(tape.trace.to_json())
    assert again.render() == tape.trace.render()
    assert check(again, tape.definitions) is None


@pytest.mark.parametrize("text", ["{", "[[1,2]]", '[[0,"nothing","",0,"",0,{}]]'])
def test_what_is_no_trace_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no trace"):
        Trace.from_json(text)


def test_an_exception_in_the_loop_is_a_violation(tape: Tape) -> None:
    tape.create().add(What.LOOP_FAULT, error="IllegalInput()")
    violation = tape.judge()
    assert violation is not None
    assert (violation.rule, violation.what) == ("loop", "IllegalInput()")
