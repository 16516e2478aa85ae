"""A1-A7: the lives of an actor, what of it is kept, and what it has scheduled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import override

from ._book import Book
from ._breach import Breach, Checker
from ._known import CONN_HOOKS, SLACK, LifeBook, Ran
from ._trace import EPOCH, Step, What

_CREATION = ("create_state", "on_create")
_LATE = 1.0
"""Seconds that a due schedule may take: the alarms of a host look a few times a second."""
_LONG = 120.0
"""Seconds for which a host that met a failure may wait before it tries again."""


class LifeChecker(Checker):
    """A1, A2, A3 and A6: when an actor starts, sleeps and ends."""

    watches: ClassVar[Mapping[What, str]] = {
        What.LOADING: "loading",
        What.ENTERED: "entered",
        What.COMMITTED: "committed",
        What.PHASE: "phase",
        What.SENT: "sent",
    }

    def loading(self, _index: int, step: Step) -> None:
        """An instance begins."""
        data = step.data
        address = step.name, tuple(data["key"])
        for life in self.book.live_lives():
            if (life.definition.name, life.key) == address:
                raise Breach("A1", f"a{step.life} begins while a{life.number} of its key lives")
        actor = self.book.actors.get(data["id"])
        if actor is not None and actor.is_deleted:
            raise Breach("A6", f"a{step.life} has the id of an actor that was destroyed")
        if not data["exists"] and actor is not None and actor.state is not None:
            raise Breach("A6", f"a{step.life} is a new actor with an old id")

    def entered(self, _index: int, step: Step) -> None:
        """User code of an actor begins."""
        life = self.book.lives.get(step.life)
        if life is None:
            return
        if life.is_over and life.phase != "FAILED":
            raise Breach("A1", f"a{step.life}: {step.name} begins after it has left memory")
        if step.data["kind"] != "hook":
            return
        if step.name in _CREATION:
            if life.exists:
                raise Breach("A2", f"a{step.life}: {step.name} runs, and it was created before")
            if step.name in life.hooks:
                raise Breach("A2", f"a{step.life}: {step.name} runs twice")
            if life.is_created:
                raise Breach("A2", f"a{step.life}: {step.name} runs after the commit")
        elif step.name == "on_wake" or step.name in CONN_HOOKS:
            self._check_created(life, step.name)

    def committed(self, _index: int, step: Step) -> None:
        """The creation is kept, with all that belongs to it."""
        life = self.book.lives.get(step.life)
        if life is None or "creates" not in step.data:
            return
        if life.exists or life.is_created:
            raise Breach("A2", f"a{step.life}: it is created a second time")
        missing = life.scheduled - step.data.get("puts", {}).keys()
        if missing:
            raise Breach("A2", f"a{step.life}: its commit lacks what on_create scheduled")

    def phase(self, _index: int, step: Step) -> None:
        """An actor comes to another phase."""
        life = self.book.lives[step.life]
        if step.name == "READY":
            self._check_created(life, "it is ready")
        elif step.name == "SLEEP_GRACE":
            self._check_idle(life, step.at)
        elif step.name == "DESTROYED":  # noqa: SIM102 - it reads as the others
            if not (self.book.actor(step.data["id"]).is_deleted or life.failures):
                raise Breach("A6", f"a{step.life}: it is destroyed, and its storage is not deleted")

    def sent(self, _index: int, step: Step) -> None:
        """The first answer comes after the commit (A2)."""
        conn = self.book.conns.get(step.conn)
        if conn is not None and conn.life is not None and step.data["type"] != "Error":
            self._check_created(conn.life, "an answer")

    def _check_created(self, life: LifeBook, what: str) -> None:
        if life.exists:
            return
        if not life.is_created:
            raise Breach("A2", f"a{life.number}: {what} comes before the creation is committed")
        for hook in _CREATION:
            if hook in life.definition.hooks and hook not in life.hooks:
                raise Breach("A2", f"a{life.number}: it was created without {hook}")

    def _check_idle(self, life: LifeBook, now: float) -> None:
        """It falls asleep by itself after ``sleep_timeout``, not earlier (A3)."""
        if life.sleep_asked or life.destroy_asked or not self.book.up:
            return
        busy = self._busy_with(life, now)
        if busy is not None:
            raise Breach("A3", f"a{life.number}: it falls asleep in spite of {busy}")
        idle = now - life.active_at
        if idle < life.definition.options.sleep_timeout - SLACK:
            raise Breach("A3", f"a{life.number}: it falls asleep after {idle:g} s")

    def _busy_with(self, life: LifeBook, now: float) -> str | None:
        for ran in life.runs.values():
            if not ran.may_be_over(now):
                return ran.name
        for conn in life.conns.values():
            if conn.life is life and not conn.is_gone(now) and conn.name in self.book.conns:
                return conn.name
        return "keep_awake" if life.busy else None

    @override
    def due(self) -> None:
        """See ``Checker.due``."""
        now = self.book.surely
        if not self.book.up:
            return
        for life in self.book.live_lives():
            if life.phase != "READY":
                continue
            asked = life.destroy_asked or life.sleep_asked
            if asked and all(ran.name == "run" for ran in life.runs.values()):
                rule = "A6" if life.destroy_asked else "A3"
                raise Breach(rule, f"a{life.number}: it asked for its end, and lives on")
            limit = life.active_at + life.definition.options.sleep_timeout
            if now > limit and self._busy_with(life, now) is None:
                raise Breach("A3", f"a{life.number}: it is idle since {life.active_at:g} s")


class StateChecker(Checker):
    """A4 and A7: what of the state is kept, and who is told of its changes."""

    watches: ClassVar[Mapping[What, str]] = {
        What.COMMIT: "commit",
        What.SAVED: "saved",
        What.PHASE: "phase",
        What.ENTERED: "entered",
        What.RETURNED: "returned",
        What.SENT: "sent",
        What.STATE: "state",
        What.CRASHED: "crashed",
    }

    def __init__(self, book: Book) -> None:
        super().__init__(book)
        self._seen: dict[int, list[tuple[float, int, str | None]]] = {}
        self._mutated: dict[int, Ran] = {}

    # -------------------------------------------------------------- A4

    def commit(self, _index: int, step: Step) -> None:
        """A snapshot is the whole state at one instant."""
        if step.data.get("whole") is False:
            raise Breach("A4", f"a{step.life}: what is saved is not its state at this instant")

    def saved(self, _index: int, step: Step) -> None:
        """``save_state(immediate=True)`` returned."""
        actor = self.book.actor(step.data["id"])
        life = self.book.lives[step.life]
        if not (step.data["unchanged"] and actor.is_exact) or not (life.exists or life.is_created):
            return
        if step.data["state"] != actor.state:
            raise Breach("A4", f"a{step.life}: save_state returned, and its state is not kept")

    def phase(self, index: int, step: Step) -> None:
        """What was kept is what it wakes with, and what it sleeps with is kept."""
        life = self.book.lives[step.life]
        actor = self.book.actor(step.data["id"])
        state = step.data.get("state")
        if state is None:
            return
        if step.name == "READY":
            self._note_state(index, step)
            if "on_wake" not in life.definition.hooks:
                self._check_loaded(life, state)
            if life.told is None:
                life.told = state
        elif step.name == "ASLEEP":  # noqa: SIM102 - it reads as the other
            if actor.is_exact and state != actor.state and not life.failures:
                raise Breach("A4", f"a{step.life}: it sleeps, and its last state is not kept")

    def state(self, index: int, step: Step) -> None:
        """The state as somebody looked at it."""
        if step.data.get("replaced"):
            raise Breach("A4", f"a{step.life}: its state was replaced, and not by its own code")
        self._note_state(index, step)

    def crashed(self, _index: int, step: Step) -> None:
        """At most ``state_save_interval`` of work is lost."""
        for life in self.book.live_lives():
            actor = self.book.actor(life.actor_id)
            interval = life.definition.options.state_save_interval
            if life.phase == "LOADING" or life.failures or not actor.is_exact or actor.under_way:
                continue
            seen = self._seen.get(life.number, [])
            old = sum(at < step.at - interval - SLACK for at, _, _ in seen)
            if not old or actor.state_index >= seen[old - 1][1]:
                continue
            # What it has been since then may be kept too: it may have changed, and changed back.
            if not {None, actor.state} & {state for _, _, state in seen[old - 1 :]}:
                raise Breach("A4", f"a{life.number}: more than {interval:g} s of work is lost")
        self._seen.clear()

    def _note_state(self, index: int, step: Step) -> None:
        seen = self._seen.setdefault(step.life, [])
        state = step.data.get("state")
        if not seen or seen[-1][2] != state:
            seen.append((step.at, index, state))

    def _check_loaded(self, life: LifeBook, state: str | None) -> None:
        actor = self.book.actor(life.actor_id)
        if not life.exists or not actor.is_exact or "migrate_state" in life.definition.hooks:
            return
        if state != actor.state:
            raise Breach("A4", f"a{life.number}: it wakes with another state than was kept")

    # -------------------------------------------------------------- A7

    def entered(self, _index: int, step: Step) -> None:
        """``on_state_change`` is told of a change, and of a change only."""
        life = self.book.lives.get(step.life)
        if life is None:
            return
        if step.name == "on_wake":
            self._check_loaded(life, step.data.get("state"))
            life.told = step.data.get("state")
        elif step.name == "on_state_change":
            state = step.data.get("state")
            if state is not None and state == life.told:
                raise Breach("A7", f"a{step.life}: on_state_change runs, and nothing has changed")
        else:
            self._mutated.pop(step.life, None)

    def returned(self, _index: int, step: Step) -> None:
        """A run is over; of ``on_state_change``, with the state as it left it."""
        life = self.book.lives.get(step.life)
        ran = self.book.runs.get(step.run)
        if life is None or ran is None:
            return
        if step.name != "on_state_change":
            return
        before = life.last_change
        life.told = step.data.get("state")
        is_sure = len(life.ended) == 1 and life.ended_at == step.at
        if before is not None and before != life.told and is_sure:
            self._mutated[step.life] = life.ended[0]

    def sent(self, _index: int, step: Step) -> None:
        """An answer comes after ``on_state_change`` was told of what it answers for."""
        conn = self.book.conns.get(step.conn)
        if conn is None or conn.life is None or step.data["type"] != "ActionResponse":
            return
        life, state = conn.life, step.data.get("state")
        if state is not None and life.told is not None and state != life.told:
            raise Breach("A7", f"{conn.name}: it is answered before on_state_change was told")
        guilty = self._mutated.pop(life.number, None)
        arrival = conn.requests.get(step.data["id"])
        if guilty is not None and arrival is not None and arrival.ran is guilty:
            raise Breach("A7", f"{conn.name}: on_state_change changed the state, and no call fails")


class ScheduleChecker(Checker):
    """A5: what is scheduled runs, at least once and never before its time."""

    watches: ClassVar[Mapping[What, str]] = {
        What.ENTERED: "entered",
        What.COMMITTED: "committed",
        What.SCHEDULE: "scheduled",
        What.UNSCHEDULE: "unscheduled",
        What.CRASHED: "crashed",
        What.LOADING: "loading",
    }

    def __init__(self, book: Book) -> None:
        super().__init__(book)
        self._begun: dict[str, dict[str, float]] = {}
        self._forgotten: dict[str, set[str]] = {}
        self._asked: dict[str, float] = {}

    def entered(self, _index: int, step: Step) -> None:
        """An action that no connection asked for: it is scheduled, and due."""
        life = self.book.lives.get(step.life)
        if life is None or step.conn or step.data["kind"] != "action":
            return
        schedules = self.book.actor(life.actor_id).schedules
        attr = step.data["attr"]
        begun = self._begun.setdefault(life.actor_id, {})
        mine: list[tuple[float, str]] = []
        for schedule_id, (due_at, action, every) in schedules.items():
            if action == attr and schedule_id not in begun:
                mine.append((due_at, schedule_id))
            elif action == attr and every is not None:  # its next time is not committed yet
                mine.append((begun[schedule_id] + every, schedule_id))
        if not mine or min(mine)[0] > EPOCH + step.at + SLACK:
            raise Breach("A5", f"a{step.life}: scheduled action {attr} runs before its time")
        due_at, schedule_id = min(mine)
        begun[schedule_id] = due_at

    def committed(self, _index: int, step: Step) -> None:
        """A schedule is forgotten once it has run, or by whoever scheduled it."""
        actor_id = step.data["id"]
        begun = self._begun.setdefault(actor_id, {})
        forgotten = self._forgotten.setdefault(actor_id, set())
        kept = self.book.actor(actor_id).schedules
        for schedule_id in step.data.get("deletes", ()):
            if schedule_id in kept and schedule_id not in begun.keys() | forgotten:
                raise Breach("A5", f"a{step.life}: schedule {schedule_id} is gone, and never ran")
            begun.pop(schedule_id, None)
        for schedule_id, (due_at, *_) in step.data.get("puts", {}).items():
            self._compare(step, schedule_id, due_at, self._asked.pop(schedule_id, due_at))
            # A slow commit may tell of a time at which a job has run by now.
            if schedule_id in forgotten or due_at > begun.get(schedule_id, due_at):
                begun.pop(schedule_id, None)
            forgotten.discard(schedule_id)

    def scheduled(self, _index: int, step: Step) -> None:
        """The actor has asked for a run at some time, which is kept, or will be at creation."""
        asked, schedule_id = step.data.get("due"), step.data["schedule"]
        if asked is None:
            return
        kept = self.book.actor(self.book.lives[step.life].actor_id).schedules.get(schedule_id)
        if kept is None:
            self._asked[schedule_id] = asked
        else:
            self._compare(step, schedule_id, kept[0], asked)

    @staticmethod
    def _compare(step: Step, schedule_id: str, kept: float, asked: float) -> None:
        if abs(kept - asked) > SLACK:
            raise Breach(
                "A5",
                f"a{step.life}: schedule {schedule_id} is kept for {kept - EPOCH:g} s, not for "
                f"{asked - EPOCH:g} s",
            )

    def unscheduled(self, _index: int, step: Step) -> None:
        """The actor asks to forget one, or to replace a job."""
        life = self.book.lives[step.life]
        self._forgotten.setdefault(life.actor_id, set()).add(step.data["schedule"])

    def loading(self, _index: int, step: Step) -> None:
        """What had begun and was not kept as done runs again."""
        self._begun.pop(step.data["id"], None)

    def crashed(self, _index: int, _step: Step) -> None:
        """What had begun runs again."""
        self._begun.clear()

    @override
    def due(self) -> None:
        """See ``Checker.due``."""
        now = self.book.surely
        if not self.book.up or now - self.book.up_at < _LATE:
            return
        for actor_id, actor in self.book.actors.items():
            if actor.is_deleted or actor.under_way or now - actor.failed_at < _LONG:
                continue
            lives = [each for each in self.book.lives.values() if each.actor_id == actor_id]
            last = max(lives, key=lambda each: each.number)
            if last.phase not in ("READY", "ASLEEP", "KILLED") or now - last.phase_at < _LATE:
                continue
            begun = self._begun.get(actor_id, {})
            for schedule_id, (due_at, action, _) in actor.schedules.items():
                is_late = due_at - EPOCH < now - _LATE
                if is_late and schedule_id not in begun:
                    raise Breach("A5", f"{action} was due at {due_at - EPOCH:g} s and never ran")
