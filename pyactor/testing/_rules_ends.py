"""C2, C7, C9, C15 and C16: how connections end, and with which words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import override

from ..errors import GoingAway, IncomingBacklog
from ._breach import Breach, Checker
from ._known import CONN_HOOKS, SLACK, STOPPING, Cause, ConnBook
from ._trace import Step, What

_LAST_WAIT = 2.0
"""Seconds after the grace period for what is cancelled then to clean up."""
_GOING_AWAY = (1001, GoingAway().name)


class EndChecker(Checker):
    """How each connection ends, and how its client hears of it."""

    watches: ClassVar[Mapping[What, str]] = {
        What.CLOSE_SENT: "close_sent",
        What.SENT: "sent",
        What.DISCONNECT_BEGUN: "disconnect_begun",
        What.WAITED: "waited",
        What.PHASE: "phase",
        What.ENTERED: "entered",
        What.CANCELLED: "ended",
        What.RETURNED: "ended",
        What.RAISED: "ended",
    }

    # -------------------------------------------------------------- close frames

    def close_sent(self, _index: int, step: Step) -> None:
        """The host closes a connection: for the first thing that ended it, in its words."""
        conn = self.book.conns.get(step.conn)
        if conn is None or conn.life is None or conn.is_unsure:
            return  # refused before it came to an actor
        said = step.data["code"], step.data["reason"]
        if conn.close is not None:
            raise Breach("C9", f"{conn.name}: it is closed a second time, with {said}")
        allowed = self._allowed(conn, step.at)
        if said not in allowed:
            expected = " or ".join(str(each) for each in allowed) or "none at all"
            rule = "C15" if allowed == [_GOING_AWAY] else _rule_of(said, conn)
            raise Breach(rule, f"{conn.name}: it is closed with {said}, expected {expected}")

    def _allowed(self, conn: ConnBook, now: float) -> list[tuple[int, str]]:
        allowed: list[tuple[int, str]] = []
        life = conn.life
        assert life is not None  # looked at by the caller
        first = conn.causes[0] if conn.causes else None
        stops = life.phase_index if life.is_stopping else -1
        if first is None or 0 <= stops < first.index:
            failed = conn.failed_hook(now)
            if failed is not None:
                allowed.append((1011, str(failed.failure(now))))
            if stops >= 0:
                allowed.append(_GOING_AWAY)
            options = life.definition.options
            if conn.has("can_subscribe") or len(conn.runs) >= options.max_in_flight_actions:
                allowed.append((1011, IncomingBacklog().name))
        if first is not None and first.code:
            allowed.append((first.code, first.reason))
        if first is not None and _is_from_failing_hook(first, conn):
            # It was told just as a hook failed: what came first in the loop is not seen here.
            failed = conn.failed_hook(now)
            assert failed is not None  # as that says
            allowed.append((1011, str(failed.failure(now))))
        return allowed

    def sent(self, _index: int, step: Step) -> None:
        """``Init`` is for those that have not ended, ``Error`` for those that a hook rejects."""
        conn = self.book.conns.get(step.conn)
        if conn is None or conn.life is None or conn.is_unsure:
            return
        kind = step.data["type"]
        if kind == "Init":
            if conn.causes:
                is_backlog = conn.causes[0].kind in ("outgoing", "incoming")
                rule = "C16" if is_backlog else "C7"
                raise Breach(rule, f"{conn.name}: Init is sent though it has ended")
            ran = conn.hooks.get("on_connect")
            if ran is not None and ran.failure(step.at) is not None:
                raise Breach("C2", f"{conn.name}: Init is sent though on_connect failed")
            if conn.has("on_connect") and (ran is None or not ran.has_returned):
                raise Breach("C1", f"{conn.name}: Init is sent before on_connect returned")
        elif kind == "Error" and step.data["id"] is None and conn.init < 0:
            if conn.causes and not _is_from_failing_hook(conn.causes[0], conn):
                raise Breach("C7", f"{conn.name}: an Error is sent though it had ended before")
            if conn.failed_hook(step.at) is None:
                raise Breach("C2", f"{conn.name}: it is rejected though no hook failed")

    # -------------------------------------------------------------- disconnect

    def disconnect_begun(self, _index: int, step: Step) -> None:
        """``conn.disconnect()`` has returned: closing has begun."""
        conn = self.book.conns[step.conn]
        if conn.is_open:
            raise Breach("C9", f"{conn.name}: disconnect() returned, and it is still in conns")

    def waited(self, _index: int, step: Step) -> None:
        """An await of ``conn.disconnect()`` is over."""
        how, number = step.data["how"], step.data["wait"]
        if how in ("CancelledError", "GeneratorExit") or number not in self.book.waits:
            return
        name, by, _ = self.book.waits[number]
        if how != "ended":
            raise Breach("C9", f"{name}: await disconnect() raised {how}")
        conn = self.book.conns[name]
        if conn.is_gone(step.at) or conn.was_cut_off or self._is_circular(name, by):
            return
        raise Breach("C9", f"{name}: await disconnect() returned before it was gone")

    def _is_circular(self, name: str, by: int) -> bool:
        """Whether a wait of the hook ``by`` for ``name`` would wait for itself."""
        ran = self.book.runs.get(by)
        if ran is None or ran.conn is None:
            return False
        seen: set[str] = set()
        stack = [name]
        while stack:
            found = stack.pop()
            if found == ran.conn.name:
                return True
            if found in seen:
                continue
            seen.add(found)
            for target, waiter, _ in self.book.waits.values():
                hook = self.book.runs.get(waiter)
                if hook is not None and hook.conn is not None and hook.conn.name == found:
                    stack.append(target)
        return False

    def _waits_for_itself(self, name: str, by: int, now: float) -> bool:
        """Whether a wait that goes on would end only after the hook that waits has ended."""
        hook = self.book.runs.get(by)
        if hook is None or hook.may_be_over(now) or hook.cancelled_at is not None:
            return False
        closes = hook.kind == "deferred" or hook.name in CONN_HOOKS
        return closes and self._is_circular(name, by)

    # -------------------------------------------------------------- shutdown

    def phase(self, _index: int, step: Step) -> None:
        """An actor left memory: each of its connections has ended."""
        life = self.book.lives[step.life]
        if step.name not in ("ASLEEP", "DESTROYED"):
            return
        grace = life.definition.options.sleep_grace_period + _LAST_WAIT
        for conn in life.conns.values():
            late = step.at > life.phase_at + grace
            if conn.is_in_conns and not late:
                raise Breach("C15", f"{conn.name}: its actor stopped, and it is still in conns")

    def entered(self, _index: int, step: Step) -> None:
        """Nothing new begins on an actor that stops."""
        life = self.book.lives.get(step.life)
        if life is None or life.phase not in STOPPING or step.data["kind"] != "action":
            return
        if step.at > life.phase_at:
            raise Breach("C15", f"{step.conn}: action {step.name} begins on a stopping actor")

    def ended(self, _index: int, step: Step) -> None:
        """What runs for a connection is cancelled at the end of the grace period."""
        ran = self.book.runs.get(step.run)
        if ran is None or ran.conn is None or ran.life is None or ran.cancelled_at is not None:
            return
        life = ran.life
        grace = life.definition.options.sleep_grace_period + _LAST_WAIT
        if life.phase in STOPPING and step.at > life.phase_at + grace + SLACK:
            raise Breach("C15", f"{ran.conn.name}: {ran.name} went on after the grace period")

    # -------------------------------------------------------------- what is due

    @override
    def due(self) -> None:
        """See ``Checker.due``."""
        now = self.book.surely
        for name, by, run in self.book.waits.values():
            conn = self.book.conns.get(name)
            ran = self.book.runs.get(run)
            is_held_up = ran is not None and ran.late_until > now
            if conn is None or is_held_up:
                continue
            if conn.is_gone(now):
                raise Breach("C9", f"{name}: it is gone, and an await of disconnect() goes on")
            if self._waits_for_itself(name, by, now):
                raise Breach("C9", f"{name}: an await of disconnect() waits for its own hook")
        for conn in self.book.conns.values():
            if conn.life is not None and conn.is_websocket and not conn.is_unsure:
                self._due_of(conn, now)

    def _due_of(self, conn: ConnBook, now: float) -> None:
        life = conn.life
        assert life is not None  # looked at by the caller
        if conn.lost >= 0:
            return
        options = life.definition.options
        if conn.close is not None:
            if now > conn.close.at + options.close_timeout:
                raise Breach("C9", f"{conn.name}: a close frame is not answered, and it lives on")
            return
        failed = conn.failed_hook(now)
        if failed is not None and not conn.causes:
            rule = "C11" if failed.is_expired else "C2"
            raise Breach(rule, f"{conn.name}: {failed.name} failed, and it is not closed")
        if conn.left >= 0 and not any(c.kind in ("client", "lost") for c in conn.causes):
            raise Breach("C9", f"{conn.name}: it left conns without a close frame")
        grace = options.sleep_grace_period + _LAST_WAIT
        if life.phase in STOPPING and now > life.phase_at + grace:
            raise Breach("C15", f"{conn.name}: it lives on after its actor's grace period")


def _is_from_failing_hook(cause: Cause, conn: ConnBook) -> bool:
    """Whether a connection ended at the very instant at which a hook of it failed, or after."""
    for ran in conn.hooks.values():
        if ran.name != "on_disconnect" and ran.failure(cause.at) is not None:
            return ran.ended_index < 0 or ran.ended_index <= cause.index
    return False


def _rule_of(said: tuple[int, str], conn: ConnBook) -> str:
    """The rule that a wrong close frame breaks."""
    code, reason = said
    if conn.causes:
        return "C7" if conn.init < 0 else "C9"
    if code == 1001:
        return "C15"
    if code == 1011 and reason.startswith("message."):
        return "C16"
    return "C9" if code == 1000 else "C2"
