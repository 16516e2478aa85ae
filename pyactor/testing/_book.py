"""What a trace tells so far, kept as the rules need it: connections, lives, storage.

Owns the reading of single steps. It must not judge; ``_rules`` does, before a step is entered
here. Nothing in it comes from a session: a rule is checked against what was seen from outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from ..definition import ActorDefinition
from ..errors import IncomingBacklog, IncomingTooLong, InvalidRequest, OutgoingBacklog
from ._known import CONN_HOOKS, SLACK, ActorBook, Arrival, Cause, ConnBook, LifeBook, Ran
from ._trace import Step, What


@define(eq=False)
class Book:
    """What a trace tells, up to some step.

    Attributes:
        definitions: The classes of the world, by the names of their actors.
        now: The time of the last step.
        up: Whether a host runs and does not stop.
        up_at: Since when.
    """

    definitions: Mapping[str, ActorDefinition]
    now: float = 0.0
    up: bool = False
    up_at: float = 0.0
    conns: dict[str, ConnBook] = field(factory=dict)
    lives: dict[int, LifeBook] = field(factory=dict)
    runs: dict[int, Ran] = field(factory=dict)
    actors: dict[str, ActorBook] = field(factory=dict)
    waits: dict[int, tuple[str, int, int]] = field(factory=dict)

    # -------------------------------------------------------------- to ask

    def conn_at(self, step: Step) -> ConnBook | None:
        """The connection of a step, known from now on; None if it has none."""
        name = step.conn
        if not name:
            return None
        conn = self.conns.get(name)
        if conn is None:
            conn = self.conns[name] = ConnBook(name)
        if conn.life is None and step.life and step.life in self.lives:
            conn.life = self.lives[step.life]
            conn.life.conns[name] = conn
        return conn

    def definition_of(self, conn: ConnBook) -> ActorDefinition:
        """A connection's class; the world's own while that is not seen yet."""
        if conn.life is not None:
            return conn.life.definition
        return next(iter(self.definitions.values()))

    def live_lives(self) -> Iterator[LifeBook]:
        """The lives that are not over."""
        return (life for life in self.lives.values() if not life.is_over)

    @property
    def surely(self) -> float:
        """A time at which every timer has fired that was due then, sums of floats considered."""
        return self.now - 2 * SLACK

    def actor(self, actor_id: str) -> ActorBook:
        """What is kept of an actor."""
        found = self.actors.get(actor_id)
        if found is None:
            found = self.actors[actor_id] = ActorBook()
        return found

    # -------------------------------------------------------------- to enter

    def enter(self, index: int, step: Step) -> None:
        """Note what a step tells."""
        self.now = step.at
        life = self.lives.get(step.life) if step.life else None
        conn = self.conn_at(step)
        reader = _READERS.get(step.what)
        if reader is not None:
            reader(self, index, step, conn, life)

    def _entered(
        self, index: int, step: Step, conn: ConnBook | None, life: LifeBook | None
    ) -> None:
        kind = step.data["kind"]
        deadline = math.inf if life is None else step.at + life.timeout(kind, step.name)
        ran = Ran(step.run, kind, step.name, conn, life, index, step.at, deadline)
        self.runs[step.run] = ran
        if life is not None:
            life.runs[step.run] = ran
            life.hooks.add(step.name)
            if step.name == "on_state_change":
                life.last_change = step.data.get("state")
            life.active_at = step.at
        if conn is None:
            return
        conn.runs[step.run] = ran
        if kind == "hook" and step.name in CONN_HOOKS:
            conn.hooks.setdefault(step.name, ran)
        elif kind == "action":
            if not conn.is_websocket:
                conn.actions.append(ran)
            ran.arrival = self.arrival_of(step, conn)
            if ran.arrival is not None:
                ran.arrival.ran = ran
            if conn.init < 0:
                conn.init = index
        elif kind == "deferred":
            callback = step.data["callback"]
            if callback in conn.deferred:
                conn.deferred.remove(callback)

    @staticmethod
    def arrival_of(step: Step, conn: ConnBook) -> Arrival | None:
        """The request that an action begins for: the oldest that asks for this and waits."""
        for arrival in conn.arrivals:
            if arrival.ran is None and same_request(conn, arrival, step):
                return arrival
        return None

    def _cancelled(self, _: int, step: Step, __: ConnBook | None, life: LifeBook | None) -> None:
        ran = self.runs.get(step.run)
        if ran is not None and ran.cancelled_at is None:
            ran.cancelled_at = step.at
            is_stopped = life is not None and life.is_stopping and not ran.is_expired
            if ran.conn is not None and ran.kind != "action" and is_stopped:
                ran.conn.was_cut_off = True
        if life is not None:
            life.active_at = step.at

    def _ended(self, index: int, step: Step, conn: ConnBook | None, life: LifeBook | None) -> None:
        ran = self.runs.pop(step.run, None)
        if ran is None:
            return
        fits = step.what is What.RETURNED and step.data.get("fits", True)
        ran.outcome = "returned" if fits else "raised"
        ran.end, ran.ended_index = step.data, index
        ran.is_unsure = step.data.get("unsure", False)
        if life is not None:
            life.runs.pop(step.run, None)
            self._note_end_of(life, ran, step)
            if not ran.is_expired:
                life.active_at = step.at
        if conn is not None:
            conn.runs.pop(step.run, None)
            if ran.outcome == "raised" and (ran.kind == "deferred" or ran.name == "on_disconnect"):
                conn.ended_raised = True
            if ran.kind == "deferred":
                conn.done += 1
            if step.what is What.RAISED and not step.data["public"]:
                conn.secrets.append(step.data["message"])

    @staticmethod
    def _note_end_of(life: LifeBook, ran: Ran, step: Step) -> None:
        """Keep who ended at this instant: one of them is told of what ``on_state_change`` did."""
        if ran.name == "on_state_change":
            if life.last_change is not None and step.data.get("state") != life.last_change:
                for each in life.ended:
                    each.is_unsure = True
            return
        if life.ended_at != step.at:
            life.ended_at = step.at
            life.ended.clear()
        life.ended.append(ran)

    def _late(self, _: int, step: Step, __: ConnBook | None, ___: LifeBook | None) -> None:
        ran = self.runs.get(step.run)
        if ran is not None:
            ran.late_until = step.at + step.data["seconds"]

    def _joined(self, index: int, _step: Step, conn: ConnBook | None, _: LifeBook | None) -> None:
        assert conn is not None
        conn.joined = index

    def _left(self, index: int, step: Step, conn: ConnBook | None, life: LifeBook | None) -> None:
        assert conn is not None
        conn.left, conn.left_at = index, step.at
        if life is not None:
            life.active_at = step.at

    def _sent(self, index: int, step: Step, conn: ConnBook | None, _: LifeBook | None) -> None:
        assert conn is not None
        kind, request_id = step.data["type"], step.data.get("id")
        if kind == "Init" and conn.init < 0:
            conn.init = index
            conn.held_count = conn.held_size = 0
        elif kind == "Error" and request_id is None and conn.init < 0:
            conn.error = step
        elif kind in ("Error", "ActionResponse") and request_id is not None:
            arrival = conn.requests.pop(request_id, None)
            if arrival is not None:
                arrival.answered = step
                conn.arrivals.remove(arrival)
        life = conn.life
        if life is not None and step.data["backlog"] > life.definition.options.max_outgoing_backlog:
            conn.causes.append(Cause(index, step.at, "outgoing", 1011, OutgoingBacklog().name))

    def _arrived(self, index: int, step: Step, conn: ConnBook | None, _: LifeBook | None) -> None:
        assert conn is not None
        data = step.data
        size = data["size"]
        options = self.definition_of(conn).options
        if size > options.max_incoming_message:
            conn.causes.append(Cause(index, step.at, "protocol", 1011, IncomingTooLong().name))
            return
        if step.name == "?":
            conn.causes.append(Cause(index, step.at, "protocol", 1011, InvalidRequest().name))
            return
        arrival = Arrival(
            index,
            step.name,
            data.get("id"),
            data.get("args", []),
            data.get("subscribe", False),
            size,
        )
        if arrival.request_id is not None:
            conn.requests[arrival.request_id] = arrival
            conn.arrivals.append(arrival)
        if conn.init < 0 and not conn.causes:
            conn.held_count += 1
            conn.held_size += size
            if (
                conn.held_count > options.max_held_messages
                or conn.held_size > options.max_held_size
            ):
                conn.causes.append(Cause(index, step.at, "incoming", 1011, IncomingBacklog().name))

    def _close_arrived(
        self, index: int, step: Step, conn: ConnBook | None, _: LifeBook | None
    ) -> None:
        assert conn is not None
        conn.causes.append(Cause(index, step.at, "client"))

    def _lost(self, index: int, step: Step, conn: ConnBook | None, life: LifeBook | None) -> None:
        assert conn is not None
        conn.lost = index
        life = life or conn.life
        if life is not None:
            life.active_at = step.at
        conn.causes.append(Cause(index, step.at, "lost"))

    def _disconnect(
        self, index: int, step: Step, conn: ConnBook | None, _: LifeBook | None
    ) -> None:
        assert conn is not None
        conn.causes.append(Cause(index, step.at, "disconnect", 1000, step.data["reason"]))

    def _close_sent(self, _: int, step: Step, conn: ConnBook | None, __: LifeBook | None) -> None:
        assert conn is not None
        if conn.close is None:
            conn.close = step

    def _defer(self, _: int, step: Step, conn: ConnBook | None, __: LifeBook | None) -> None:
        assert conn is not None
        conn.deferred.append(step.data["callback"])

    def _answered(self, index: int, _: Step, conn: ConnBook | None, __: LifeBook | None) -> None:
        assert conn is not None
        conn.answered = index

    def _waits(self, _: int, step: Step, conn: ConnBook | None, __: LifeBook | None) -> None:
        assert conn is not None
        self.waits[step.data["wait"]] = conn.name, step.data["by"], step.run

    def _waited(self, _: int, step: Step, __: ConnBook | None, ___: LifeBook | None) -> None:
        self.waits.pop(step.data["wait"], None)

    def _loading(self, index: int, step: Step, _: ConnBook | None, __: LifeBook | None) -> None:
        data = step.data
        self.lives[step.life] = LifeBook(
            step.life,
            self.definitions[step.name],
            data["id"],
            tuple(data["key"]),
            data["exists"],
            index,
            phase_at=step.at,
        )

    def _phase(self, index: int, step: Step, _: ConnBook | None, life: LifeBook | None) -> None:
        assert life is not None
        life.phase, life.phase_at, life.phase_index = step.name, step.at, index
        life.active_at = step.at
        life.last_state = step.data.get("state") or life.last_state

    def _asked(self, _: int, step: Step, __: ConnBook | None, life: LifeBook | None) -> None:
        assert life is not None
        if step.what is What.SLEEP_ASKED:
            life.sleep_asked = True
        else:
            life.destroy_asked = True

    def _busy(self, _: int, step: Step, __: ConnBook | None, life: LifeBook | None) -> None:
        assert life is not None
        life.busy += 1 if step.what is What.BUSY else -1
        life.active_at = step.at

    def _schedule(self, _: int, step: Step, __: ConnBook | None, life: LifeBook | None) -> None:
        assert life is not None
        schedule_id = step.data["schedule"]
        if step.what is What.SCHEDULE:
            life.scheduled.add(schedule_id)
        else:
            life.scheduled.discard(schedule_id)

    def _commit(self, _: int, step: Step, __: ConnBook | None, ___: LifeBook | None) -> None:
        self.actor(step.data["id"]).under_way += 1

    def _committed(self, index: int, step: Step, _: ConnBook | None, life: LifeBook | None) -> None:
        data = step.data
        actor = self.actor(data["id"])
        actor.under_way -= 1
        if "creates" in data and life is not None:
            life.is_created = True
        if "state" in data:
            actor.state, actor.state_index = data["state"], index
            actor.is_exact = data.get("whole") is True
        for schedule_id in data.get("deletes", ()):
            actor.schedules.pop(schedule_id, None)
        for schedule_id, (due_at, action, every) in data.get("puts", {}).items():
            actor.schedules[schedule_id] = due_at, action, every

    def _commit_failed(
        self, _: int, step: Step, __: ConnBook | None, life: LifeBook | None
    ) -> None:
        actor = self.actor(step.data["id"])
        actor.failed_at = step.at
        actor.under_way = max(0, actor.under_way - 1)  # to delete is no commit
        if life is not None:
            life.failures += 1

    def _deleted(self, _: int, step: Step, __: ConnBook | None, ___: LifeBook | None) -> None:
        actor = self.actor(step.data["id"])
        actor.is_deleted = True
        actor.schedules.clear()

    def _state(self, _: int, step: Step, __: ConnBook | None, life: LifeBook | None) -> None:
        if life is not None:
            life.last_state = step.data.get("state")

    def _up(self, _: int, step: Step, __: ConnBook | None, ___: LifeBook | None) -> None:
        self.up, self.up_at = True, step.at

    def _down(self, _: int, __: Step, ___: ConnBook | None, ____: LifeBook | None) -> None:
        self.up = False

    def _crashed(self, _: int, __: Step, ___: ConnBook | None, ____: LifeBook | None) -> None:
        """Nothing of the dead process is due any more."""
        self.up = False
        for life in self.live_lives():
            life.phase = "KILLED"
        for actor in self.actors.values():
            actor.under_way = 0
        self.conns.clear()
        self.runs.clear()
        self.waits.clear()


def same_request(conn: ConnBook, arrival: Arrival, step: Step) -> bool:
    """Whether user code was entered with what a client asked for."""
    if arrival.name != step.name:
        return False
    given = step.data.get("args")
    if given is None or arrival.args == given:
        return True
    spec = None if conn.life is None else conn.life.definition.actions.get(arrival.name)
    if spec is None:
        return False
    try:
        args, kwargs = spec.structure_arguments(arrival.args)
        return bool(spec.unstructure_arguments(args, kwargs) == given)
    except Exception:  # noqa: BLE001 - it does not fit, so nothing is entered with it
        return False


_READERS: Mapping[What, Any] = {
    What.ENTERED: Book._entered,
    What.CANCELLED: Book._cancelled,
    What.LATE: Book._late,
    What.RETURNED: Book._ended,
    What.RAISED: Book._ended,
    What.JOINED: Book._joined,
    What.LEFT: Book._left,
    What.SENT: Book._sent,
    What.ARRIVED: Book._arrived,
    What.CLOSE_ARRIVED: Book._close_arrived,
    What.LOST: Book._lost,
    What.DISCONNECT: Book._disconnect,
    What.CLOSE_SENT: Book._close_sent,
    What.DEFER: Book._defer,
    What.ANSWERED: Book._answered,
    What.WAITS: Book._waits,
    What.WAITED: Book._waited,
    What.LOADING: Book._loading,
    What.PHASE: Book._phase,
    What.SLEEP_ASKED: Book._asked,
    What.DESTROY_ASKED: Book._asked,
    What.BUSY: Book._busy,
    What.NO_LONGER_BUSY: Book._busy,
    What.SCHEDULE: Book._schedule,
    What.UNSCHEDULE: Book._schedule,
    What.COMMIT: Book._commit,
    What.COMMITTED: Book._committed,
    What.COMMIT_FAILED: Book._commit_failed,
    What.DELETED: Book._deleted,
    What.STATE: Book._state,
    What.UP: Book._up,
    What.DOWN: Book._down,
    What.CRASHED: Book._crashed,
}
