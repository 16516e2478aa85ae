"""C1-C5, C7 and C10-C12: which user code of a connection runs when, and which must not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import override

from ._breach import Breach, Checker
from ._known import CONN_HOOKS, ConnBook, Ran
from ._trace import Step, What

_CONNECTING = CONN_HOOKS[:3]


class HookChecker(Checker):
    """What the hooks, actions and deferred callbacks of each connection may do."""

    watches: ClassVar[Mapping[What, str]] = {
        What.ENTERED: "entered",
        What.RAISED: "raised",
        What.JOINED: "joined",
        What.LEFT: "left",
    }

    # -------------------------------------------------------------- each step

    def entered(self, _index: int, step: Step) -> None:
        """User code begins."""
        conn = self.book.conn_at(step)
        if conn is None:
            return
        kind = step.data["kind"]
        if kind == "deferred":
            self._deferred_entered(step, conn)
        elif kind == "action":
            self._action_entered(step, conn)
        elif step.name in CONN_HOOKS:
            self._hook_entered(step, conn)

    def _hook_entered(self, step: Step, conn: ConnBook) -> None:
        hook = step.name
        if hook in conn.hooks:
            rule = "C4" if hook == "on_disconnect" else "C1"
            raise Breach(rule, f"{conn.name}: {hook} runs a second time")
        running = conn.running_hook(step.at)
        if running is not None:
            rule = "C4" if running.name == "on_connect" and hook == "on_disconnect" else "C1"
            raise Breach(rule, f"{conn.name}: {hook} begins while {running.name} runs")
        place = CONN_HOOKS.index(hook)
        for later in CONN_HOOKS[place + 1 :]:
            if later in conn.hooks:
                raise Breach("C1", f"{conn.name}: {hook} runs after {later}")
        if hook in _CONNECTING:
            self._connecting_entered(step, conn, place)
        else:
            self._disconnect_entered(step, conn)

    def _connecting_entered(self, step: Step, conn: ConnBook, place: int) -> None:
        for earlier in CONN_HOOKS[:place]:
            if not conn.has(earlier):
                continue
            ran = conn.hooks.get(earlier)
            if ran is None:
                raise Breach("C1", f"{conn.name}: {step.name} runs without {earlier} before it")
            if ran.failure(step.at) is not None and not ran.has_returned:
                raise Breach("C2", f"{conn.name}: {step.name} runs though {earlier} failed")
            if step.name != "on_connect" and any(
                cause.index < ran.ended_index for cause in conn.causes
            ):
                raise Breach(
                    _end_rule(conn),
                    f"{conn.name}: {step.name} runs though it had ended during {earlier}",
                )
        if step.name == "on_connect":
            if not step.data["in_conns"]:
                raise Breach("C3", f"{conn.name}: it is not in conns while on_connect runs")
        elif step.data["in_conns"]:
            raise Breach("C3", f"{conn.name}: it is in conns while {step.name} runs")

    def _disconnect_entered(self, step: Step, conn: ConnBook) -> None:
        if not conn.was_connected and not conn.is_unsure:
            raise Breach("C4", f"{conn.name}: on_disconnect runs though on_connect never returned")
        if step.data["in_conns"]:
            raise Breach("C3", f"{conn.name}: it is in conns while on_disconnect runs")
        if not step.data.get("has_state", True):
            raise Breach("C3", f"{conn.name}: conn.state cannot be read in on_disconnect")

    def _action_entered(self, step: Step, conn: ConnBook) -> None:
        if conn.has("on_connect"):
            ran = conn.hooks.get("on_connect")
            if ran is not None and ran.failure(step.at) is not None:
                raise Breach("C2", f"{conn.name}: action {step.name} runs though on_connect failed")
            if ran is None or not ran.has_returned:
                raise Breach(
                    "C5", f"{conn.name}: action {step.name} runs before on_connect returned"
                )
        if conn.joined < 0:
            raise Breach("C5", f"{conn.name}: action {step.name} runs before it is in conns")
        if "on_disconnect" in conn.hooks:
            raise Breach("C1", f"{conn.name}: action {step.name} begins after on_disconnect")
        if conn.left >= 0 and step.at > conn.left_at:
            raise Breach("C5", f"{conn.name}: action {step.name} begins after it left conns")

    def _deferred_entered(self, step: Step, conn: ConnBook) -> None:
        callback = step.data["callback"]
        if callback not in conn.deferred:
            raise Breach("C10", f"{conn.name}: a deferred callback runs twice, or was none")
        if conn.deferred[-1] != callback:
            raise Breach("C10", f"{conn.name}: deferred callbacks run not last in, first out")
        running = conn.running_hook(step.at)
        if running is not None:
            raise Breach("C10", f"{conn.name}: a deferred callback runs while {running.name} does")
        for ran in conn.runs.values():
            if ran.kind == "deferred" and not ran.may_be_over(step.at):
                raise Breach("C10", f"{conn.name}: two deferred callbacks run at once")
        if conn.is_in_conns:
            raise Breach("C3", f"{conn.name}: it is in conns while a deferred callback runs")
        is_due = conn.was_connected and conn.has("on_disconnect") and not conn.is_unsure
        if is_due and "on_disconnect" not in conn.hooks:
            raise Breach("C4", f"{conn.name}: a deferred callback runs, and on_disconnect has not")

    def raised(self, _index: int, step: Step) -> None:
        """User code failed: perhaps since somebody cancelled it."""
        ran = self.book.runs.get(step.run)
        if ran is None or step.data["error"] != "CancelledError" or ran.conn is None:
            return
        if ran.is_expired or ran.life is None or ran.life.is_stopping:
            return
        conn = ran.conn
        if ran.name in _CONNECTING and conn.causes:
            raise Breach("C7", f"{conn.name}: {ran.name} was cancelled as the connection ended")
        if ran.kind == "action" and conn.left >= 0:
            raise Breach("C6", f"{conn.name}: action {ran.name} was cancelled by a disconnect")

    def joined(self, _index: int, step: Step) -> None:
        """A connection comes into conns."""
        conn = self.book.conn_at(step)
        assert conn is not None  # it is of one
        if conn.joined >= 0:
            raise Breach("C3", f"{conn.name}: it joins conns a second time")
        for hook in _CONNECTING[:2]:
            ran = conn.hooks.get(hook)
            if conn.has(hook) and (ran is None or not ran.has_returned):
                raise Breach("C3", f"{conn.name}: it is in conns before {hook} returned")
        if "on_connect" in conn.hooks:
            raise Breach("C3", f"{conn.name}: it joins conns after on_connect began")
        if conn.causes:
            raise Breach(_end_rule(conn), f"{conn.name}: it joins conns though it had ended before")

    def left(self, _index: int, step: Step) -> None:
        """A connection goes out of conns."""
        conn = self.book.conns[step.conn]
        ran = conn.hooks.get("on_connect")
        if ran is not None and not ran.may_be_over(step.at) and not conn.was_cut_off:
            raise Breach("C7", f"{conn.name}: it left conns while on_connect still runs")

    # -------------------------------------------------------------- what is due

    @override
    def due(self) -> None:
        """See ``Checker.due``."""
        now = self.book.surely
        for ran in self.book.runs.values():
            if now > ran.deadline and ran.cancelled_at is None:
                who = "" if ran.conn is None else f"{ran.conn.name}: "
                raise Breach("C11", f"{who}{ran.name} runs on after its timeout")
        for conn in self.book.conns.values():
            is_looked_at = conn.life is not None and not conn.is_unsure and not conn.was_cut_off
            if is_looked_at and not conn.is_gone(now):
                self._due_of(conn, now)

    def _due_of(self, conn: ConnBook, now: float) -> None:
        if any(not ran.may_be_over(now) for ran in conn.hooks.values()):
            return
        failed = conn.failed_hook(now)
        is_lost = conn.lost >= 0
        if conn.is_in_conns and (failed is not None or is_lost):
            raise Breach(_ghost_rule(failed), f"{conn.name}: it is a ghost in conns")
        if conn.is_in_conns and conn.was_connected and conn.causes:
            rule = "C9" if _end_rule(conn) == "C7" else "C16"
            raise Breach(rule, f"{conn.name}: it is in conns though it has ended")
        is_due = conn.left >= 0 and conn.was_connected and conn.has("on_disconnect")
        if is_due and "on_disconnect" not in conn.hooks:
            raise Breach("C4", f"{conn.name}: it left conns, and on_disconnect did not run")
        is_over = conn.left >= 0 or (conn.joined < 0 and (failed is not None or conn.causes))
        busy = any(r.kind == "deferred" and not r.may_be_over(now) for r in conn.runs.values())
        if is_over and conn.deferred and not busy:
            rule = "C12" if conn.ended_raised else "C10"
            raise Breach(rule, f"{conn.name}: {len(conn.deferred)} deferred callbacks did not run")
        self._next_hook_due(conn, now)

    def _next_hook_due(self, conn: ConnBook, now: float) -> None:
        """After a hook has returned, the next begins, or it is in conns, or it has ended."""
        if conn.joined >= 0 or conn.causes or conn.failed_hook(now) is not None:
            return
        if conn.life is None or conn.life.is_stopping:
            return
        waits_for = [hook for hook in _CONNECTING[:2] if conn.has(hook)]
        if all(hook in conn.hooks for hook in waits_for):
            raise Breach("C3", f"{conn.name}: its hooks returned, and it is not in conns")
        missing = next(hook for hook in waits_for if hook not in conn.hooks)
        raise Breach("C1", f"{conn.name}: {missing} did not run in its turn")


def _end_rule(conn: ConnBook) -> str:
    """The rule that is broken where an end is not heeded while it connects."""
    return "C16" if conn.causes[0].kind in ("outgoing", "incoming") else "C7"


def _ghost_rule(failed: Ran | None) -> str:
    if failed is None:
        return "C3"
    return "C11" if failed.is_expired else "C2"
