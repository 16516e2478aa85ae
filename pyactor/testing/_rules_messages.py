"""C5, C6, C8, C11, C13, C14 and C16: what goes in and out of each connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from ..errors import INTERNAL_CODE, INTERNAL_GROUP, INTERNAL_MESSAGE
from ._book import Book, same_request
from ._breach import Breach, Checker
from ._known import Arrival, ConnBook, Ran
from ._trace import Step, What

_INTERNAL = f"{INTERNAL_GROUP}.{INTERNAL_CODE}"
_SHORTEST_SECRET = 4


class RequestChecker(Checker):
    """Requests of each websocket: started in order, answered once, and with what came out."""

    watches: ClassVar[Mapping[What, str]] = {What.ENTERED: "entered", What.SENT: "sent"}

    def entered(self, index: int, step: Step) -> None:
        """An action begins: it must be the oldest request that can begin (C6)."""
        conn = self.book.conns.get(step.conn)
        if conn is None or step.data["kind"] != "action" or not conn.is_websocket:
            return
        for arrival in conn.arrivals:
            if arrival.ran is not None:
                continue
            if same_request(conn, arrival, step):
                if arrival.index < conn.left < index and step.at > conn.left_at:
                    raise Breach("C5", f"{conn.name}: {step.name} begins after it left conns")
                if conn.left >= 0 and arrival.index > conn.left:
                    raise Breach(
                        "C5", f"{conn.name}: {step.name} is dispatched though it has left conns"
                    )
                return
            if _can_begin(conn, arrival):
                raise Breach(
                    "C6",
                    f"{conn.name}: action {step.name}{step.data['args']} begins before "
                    f"{arrival.name}{arrival.args}, which arrived earlier",
                )
        raise Breach("C6", f"{conn.name}: action {step.name} runs, and nobody asked for it (again)")

    def sent(self, _index: int, step: Step) -> None:
        """An answer goes out."""
        conn = self.book.conns.get(step.conn)
        if conn is None or conn.life is None:
            return
        kind, request_id = step.data["type"], step.data.get("id")
        if kind == "Error":
            arrival = None if request_id is None else conn.requests.get(request_id)
            _check_error(conn, None if arrival is None else arrival.ran, step)
        if kind not in ("Error", "ActionResponse") or request_id is None:
            return
        if conn.left >= 0 or step.data.get("late"):
            raise Breach("C6", f"{conn.name}: request {request_id} is answered after it has left")
        arrival = conn.requests.get(request_id)
        if arrival is None:
            raise Breach("C6", f"{conn.name}: request {request_id} is answered twice, or was none")
        ran = arrival.ran
        if kind == "ActionResponse":
            _check_output(conn, ran, step, f"request {request_id}")
        elif ran is not None:
            _check_failure(conn, ran, step, step.at)

    @override
    def due(self) -> None:
        """See ``Checker.due``."""
        now = self.book.surely
        for conn in self.book.conns.values():
            if not (conn.is_websocket and conn.is_open) or conn.causes or conn.life is None:
                continue
            if conn.life.is_stopping or _is_checking(conn):
                continue
            for arrival in conn.arrivals:
                ran = arrival.ran
                if ran is None:
                    rule = "C5" if arrival.index < conn.init else "C6"
                    raise Breach(
                        rule, f"{conn.name}: {arrival.name}{arrival.args} arrived, and never began"
                    )
                if ran.may_be_over(now) and not _is_in_response_hook(conn):
                    rule = "C11" if ran.failure(now) == "action.timed_out" else "C6"
                    raise Breach(
                        rule, f"{conn.name}: {arrival.name} has ended, and is not answered"
                    )


class SendChecker(Checker):
    """``conn.send`` and ``broadcast``: to whom they go, at once and in which order (C13)."""

    watches: ClassVar[Mapping[What, str]] = {
        **dict.fromkeys(What, "anything"),
        What.SEND: "send",
        What.BROADCAST: "broadcast",
        What.REFUSED: "refused",
        What.ENTERED: "entered",
        What.SENT: "sent",
        What.ARRIVED: "arrived",
        What.RETURNED: "returned",
        What.RAISED: "returned",
        What.CANCELLED: "returned",
        What.LEFT: "left",
        What.LOST: "left",
        What.CLOSE_SENT: "passed",
        What.JOINED: "passed",
        What.CRASHED: "crashed",
    }

    def __init__(self, book: Book) -> None:
        super().__init__(book)
        self._expected: dict[str, list[tuple[str, Any, bool]]] = {}
        self._backlogged: list[str] = []
        self._subscribed: dict[int, dict[str, dict[str, float]]] = {}
        self._unsubscribed: dict[tuple[str, str], float] = {}
        self._held: dict[str, list[tuple[int, Step]]] = {}
        self._asked: dict[str, tuple[int, str]] = {}

    # -------------------------------------------------------------- what is sent

    def send(self, index: int, step: Step) -> None:
        """``conn.send`` is called."""
        self.anything(index, step)
        conn = self.book.conns[step.conn]
        if conn.is_in_conns and conn.is_websocket and conn.lost < 0:
            self._expected[conn.name] = [(step.name, step.data["args"], True)]

    def broadcast(self, index: int, step: Step) -> None:
        """``broadcast`` is called."""
        self.anything(index, step)
        listeners = self._subscribed.get(step.life, {}).get(step.name, {})
        for name, since in listeners.items():
            conn = self.book.conns[name]
            if conn.is_in_conns and conn.lost < 0:
                is_sure = since < step.at
                self._expected[name] = [(step.name, step.data["args"], is_sure)]
        for (name, event), at in self._unsubscribed.items():
            if event == step.name and at == step.at and name not in self._expected:
                conn = self.book.conns[name]
                if conn.life is not None and conn.life.number == step.life:
                    self._expected[name] = [(step.name, step.data["args"], False)]

    def refused(self, _index: int, _step: Step) -> None:
        """It raised: nothing went out of it."""
        self._expected.clear()

    def sent(self, index: int, step: Step) -> None:
        """A message goes out."""
        conn = self.book.conns.get(step.conn)
        if conn is None:
            return
        kind = step.data["type"]
        if step.data.get("late"):
            raise Breach("C13", f"{conn.name}: {kind} is sent after its close frame")
        if kind == "Init":
            self._release(conn, step.at, sure=True)
            return
        if kind != "Event":
            return
        self._check_backlog(index, step)
        waiting = self._expected.get(conn.name)
        if not waiting:
            where = "it has left conns" if conn.left >= 0 else "nothing was sent to it"
            raise Breach("C13", f"{conn.name}: event {step.name} goes to it, but {where}")
        name, args, _ = waiting[0]
        if (name, args) != (step.name, step.data["args"]):
            raise Breach(
                "C13",
                f"{conn.name}: event {step.name}{step.data['args']} goes out instead of "
                f"{name}{args}",
            )
        del self._expected[conn.name]
        if conn.life is not None:
            limit = conn.life.definition.options.max_outgoing_backlog
            if step.data["backlog"] > limit:
                self._backlogged.append(conn.name)

    def anything(self, index: int, step: Step) -> None:
        """Whatever else comes: what was sent has gone out by now."""
        if self._expected:
            for name, ((event, args, is_sure), *_) in self._expected.items():
                if is_sure:
                    raise Breach("C13", f"{name}: event {event}{args} was not sent to it")
            self._expected.clear()
        if self._backlogged:
            self._check_backlog(index, step)

    def passed(self, _index: int, _step: Step) -> None:
        """What a send itself may bring about."""

    def left(self, _index: int, step: Step) -> None:
        """A connection is gone: no subscription of it is left."""
        self._expected.pop(step.conn, None)
        for listeners in self._subscribed.get(self._life_of(step), {}).values():
            listeners.pop(step.conn, None)
        self._held.pop(step.conn, None)
        self._asked.pop(step.conn, None)

    def crashed(self, _index: int, _step: Step) -> None:
        """Nothing of it is left."""
        for kept in (self._expected, self._subscribed, self._unsubscribed, self._held, self._asked):
            kept.clear()
        self._backlogged.clear()

    def _life_of(self, step: Step) -> int:
        conn = self.book.conns.get(step.conn)
        return 0 if conn is None or conn.life is None else conn.life.number

    def _check_backlog(self, _index: int, step: Step) -> None:
        """Past its bound a connection is closed at once, and nobody else waits (C16)."""
        for name in self._backlogged:
            conn = self.book.conns.get(name)
            if conn is not None and conn.is_open and name != step.conn:
                raise Breach("C16", f"{name}: its backlog is over its bound, and it is not closed")
        self._backlogged.clear()

    # -------------------------------------------------------------- who is subscribed

    def arrived(self, index: int, step: Step) -> None:
        """A client subscribes, or no longer is subscribed."""
        self.anything(index, step)
        conn = self.book.conns[step.conn]
        if conn.left >= 0:
            return
        self._held.setdefault(conn.name, []).append((index, step))
        if conn.is_open:
            self._release(conn, step.at, sure=True)

    def entered(self, index: int, step: Step) -> None:
        """An action waits for the verdict on a subscription that was sent before it (C5)."""
        self.anything(index, step)
        asked = self._asked.get(step.conn)
        if asked is None or step.data["kind"] != "action":
            return
        conn = self.book.conns[step.conn]
        arrival = self.book.arrival_of(step, conn)
        checks = [ran for ran in conn.runs.values() if ran.name == "can_subscribe"]
        if any(ran.may_be_over(step.at) for ran in checks) or arrival is None:
            return
        if arrival.index > asked[0]:
            raise Breach(
                "C5",
                f"{conn.name}: action {step.name} begins before can_subscribe has decided about "
                f"{asked[1]}, which was sent earlier",
            )

    def returned(self, index: int, step: Step) -> None:
        """``can_subscribe`` has decided; its driver hears of that in the loop's next turn."""
        self.anything(index, step)
        ran = self.book.runs.get(step.run)
        if step.name != "can_subscribe" or ran is None or ran.conn is None:
            return
        if step.what is What.CANCELLED and not ran.may_be_over(step.at):
            return
        conn = ran.conn
        asked = self._asked.pop(conn.name, None)
        if asked is None or conn.left >= 0:
            return
        if step.data.get("verdict"):
            self._subscribe(conn, asked[1], step.at, sure=False)
        self._release(conn, step.at, sure=False)

    def _release(self, conn: ConnBook, now: float, *, sure: bool) -> None:
        """Take what was held, up to the next subscription that is asked about."""
        held = self._held.get(conn.name, [])
        while held and conn.name not in self._asked:
            index, step = held.pop(0)
            if "subscribe" not in step.data:
                continue
            if not step.data["subscribe"]:
                self._unsubscribe(conn, step.name, now, sure=sure)
            elif conn.has("can_subscribe") and not self._is_subscribed(conn, step.name):
                if conn.life is not None and step.name in conn.life.definition.events:
                    self._asked[conn.name] = index, step.name
            else:
                self._subscribe(conn, step.name, now, sure=sure)

    def _is_subscribed(self, conn: ConnBook, event: str) -> bool:
        life = 0 if conn.life is None else conn.life.number
        return conn.name in self._subscribed.get(life, {}).get(event, {})

    def _subscribe(self, conn: ConnBook, event: str, now: float, *, sure: bool) -> None:
        if conn.life is None or event not in conn.life.definition.events:
            return
        listeners = self._subscribed.setdefault(conn.life.number, {}).setdefault(event, {})
        listeners.setdefault(conn.name, -1.0 if sure else now)

    def _unsubscribe(self, conn: ConnBook, event: str, now: float, *, sure: bool) -> None:
        life = 0 if conn.life is None else conn.life.number
        listeners = self._subscribed.get(life, {}).get(event, {})
        if listeners.pop(conn.name, None) is not None and not sure:
            self._unsubscribed[conn.name, event] = now


class StatelessChecker(Checker):
    """An HTTP action lives the whole life of a connection, and then is answered (C14)."""

    watches: ClassVar[Mapping[What, str]] = {What.ANSWERED: "answered"}

    def answered(self, _index: int, step: Step) -> None:
        """Its client gets the answer."""
        conn = self.book.conns.get(step.conn)
        if conn is None or conn.life is None:
            return  # it never came to an actor
        if conn.is_unsure:
            return
        if conn.answered >= 0:
            raise Breach("C14", f"{conn.name}: it is answered twice")
        if not (conn.is_gone(step.at) or conn.was_cut_off):
            raise Breach("C14", f"{conn.name}: it is answered before its life was over")
        action = conn.actions[0] if conn.actions else None
        if step.data["status"] != 200:
            _check_error(conn, action, step)
        if action is None:
            failed = conn.failed_hook(step.at)
            if step.data["status"] == 200:
                raise Breach("C14", f"{conn.name}: it is answered, and its action never ran")
            if conn.life.is_stopping:
                return
            if failed is not None and not conn.causes and step.name != failed.failure(step.at):
                raise Breach(
                    "C2", f"{conn.name}: {failed.name} failed, but its client hears {step.name}"
                )
        elif step.data["status"] == 200:
            _check_output(conn, action, step, "its action")
        elif self._must_be_told(conn, action):
            raise Breach(
                "C14", f"{conn.name}: its action returned, and its client hears {step.name}"
            )
        else:
            _check_failure(conn, action, step, step.at)

    @staticmethod
    def _must_be_told(conn: ConnBook, action: Ran) -> bool:
        """Whether an action has a result that can be sent, and nothing was to go wrong with it."""
        is_plain = action.has_returned and action.end.get("output") is not None
        is_left_alone = not (action.is_unsure or conn.has("on_before_action_response"))
        return is_plain and is_left_alone and conn.life is not None and not conn.life.is_stopping


def _check_output(conn: ConnBook, ran: Ran | None, step: Step, what: str) -> None:
    if ran is None:
        raise Breach("C6", f"{conn.name}: {what} is answered, and its action never began")
    if not ran.has_returned:
        rule = "C11" if ran.is_expired else "C6"
        raise Breach(rule, f"{conn.name}: {what} is answered, and its action did not return")
    if not conn.has("on_before_action_response"):
        output = ran.end.get("output")
        if output is not None and output != step.data["output"]:
            raise Breach(
                "C6",
                f"{conn.name}: {what} is answered with {step.data['output']!r}, not {output!r}",
            )


def _check_failure(conn: ConnBook, ran: Ran, step: Step, now: float) -> None:
    """What a client hears of an action that failed (C8, C11)."""
    failure = ran.failure(now)
    is_cut_off = ran.end.get("error") == "CancelledError" and not ran.is_expired
    if failure is None or is_cut_off:
        return  # its result could not be sent, or it was cut off by the end of its actor
    if step.name not in (failure, "actor.state_mutation_reentrant"):
        rule = "C11" if failure == "action.timed_out" else "C8"
        raise Breach(rule, f"{conn.name}: {ran.name} failed with {failure}, told as {step.name}")
    if ran.end.get("public") and step.name == failure and not ran.is_expired:
        told = step.data["message"], step.data["metadata"]
        if told != (ran.end["message"], ran.end["metadata"]):
            raise Breach("C8", f"{conn.name}: a public error of {ran.name} is told as {told}")


def _check_error(conn: ConnBook, ran: Ran | None, step: Step) -> None:
    """No error that is not public reaches a client in its own words (C8)."""
    message = str(step.data["message"])
    if step.name == _INTERNAL and (message != INTERNAL_MESSAGE or step.data["metadata"]):
        raise Breach("C8", f"{conn.name}: an internal error is told as {message!r}")
    raised = ran or conn.failed_hook(step.at)
    if raised is not None and raised.end.get("public"):
        return  # its own words, which are compared
    for secret in conn.secrets:
        if len(secret) >= _SHORTEST_SECRET and secret in message:
            raise Breach("C8", f"{conn.name}: {secret!r} is not public, and its client reads it")


def _can_begin(conn: ConnBook, arrival: Arrival) -> bool:
    """Whether a request names an action and fits it, and was not answered without one."""
    if arrival.request_id is None or conn.life is None:
        return False
    spec = conn.life.definition.actions.get(arrival.name)
    if spec is None:
        return False
    try:
        spec.structure_arguments(arrival.args)
    except Exception:  # noqa: BLE001 - whatever a class of the user says of its arguments
        return False
    return True


def _is_checking(conn: ConnBook) -> bool:
    return any(ran.name == "can_subscribe" for ran in conn.runs.values())


def _is_in_response_hook(conn: ConnBook) -> bool:
    return any(ran.name == "on_before_action_response" for ran in conn.runs.values())
