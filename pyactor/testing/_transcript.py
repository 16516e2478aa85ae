"""A trace as one reads it: a line an event, in words, without what only the rules look at.

Owns the words. What happened, and what of it is wrong, others say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from ._trace import Phases, Step, Trace, What

_LONGEST = 60
"""Characters of one value."""

_HEAD = f"{'time':>9}  {'who':<4} {'phase':<9}  what happens"


def transcript(trace: Trace, wrong: int | None = None) -> str:
    """The lines of a trace: virtual seconds, connection, its phase, and what happens.

    Args:
        trace: All of it.
        wrong: The index of a step to point at.
    """
    return "\n".join(_lines(trace, wrong))


def _lines(trace: Trace, wrong: int | None) -> Iterator[str]:
    yield "  " + _HEAD
    phases = Phases()
    for index, step in enumerate(trace):
        phase = phases.after(step)
        tell = _WORDS.get(step.what)
        text = step.what.value if tell is None else tell(step)
        if text or index == wrong:
            who = step.conn or (f"a{step.life}" if step.life else "")
            mark = ">" if index == wrong else " "
            line = f"{mark} {step.at:9.3f}  {who:<4} {phase:<9}  {text or step.what.value}"
            yield line.rstrip()


# ------------------------------------------------------------------ words


def _value(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _call(name: str, args: Any) -> str:
    return f"{name}({', '.join(map(_value, args or ()))})"


def _silent(_step: Step) -> str:
    return ""


def _said(text: str) -> Callable[[Step], str]:
    return lambda _step: text


def _connect(step: Step) -> str:
    params = step.data.get("params")
    return "connects" if params is None else f"connects with {_value(params)}"


def _answered(step: Step) -> str:
    if step.name:
        return f"<- HTTP {step.data['status']}: {step.name} {_value(step.data.get('message'))}"
    return f"<- HTTP {step.data['status']}: {_value(step.data.get('output'))}"


def _arrived(step: Step) -> str:
    if "subscribe" in step.data:
        return f"-> {'subscribe' if step.data['subscribe'] else 'unsubscribe'} {step.name}"
    if "args" in step.data:
        return f"-> #{step.data['id']} {_call(step.name, step.data['args'])}"
    return "-> what is no message"


def _sent(step: Step) -> str:
    data = step.data
    late = "  (too late)" if data.get("late") else ""
    match data.get("type"):
        case "Event":
            return f"<- {_call(step.name, data.get('args'))}{late}"
        case "ActionResponse":
            return f"<- #{data.get('id')} {_value(data.get('output'))}{late}"
        case "Error":
            number = "" if data.get("id") is None else f"#{data['id']} "
            return f"<- {number}{step.name} {_value(data.get('message'))}{late}"
        case kind:
            return f"<- {kind}{late}"


def _closes(arrow: str) -> Callable[[Step], str]:
    def tell(step: Step) -> str:
        reason = step.data.get("reason")
        return f"{arrow} {step.data.get('code')}" + (f" {reason}" if reason else "")

    return tell


def _entered(step: Step) -> str:
    if step.data.get("kind") == "action":
        return f"{_call(step.name, step.data.get('args'))} begins"
    if step.data.get("kind") == "deferred":
        return f"deferred callback {step.data.get('callback', '')} begins"
    return f"{step.name} begins"


def _run(step: Step) -> str:
    return "deferred callback" if step.data.get("kind") == "deferred" else step.name


def _returned(step: Step) -> str:
    output = step.data.get("output", step.data.get("verdict"))
    return f"{_run(step)} returns" + ("" if output is None else f" {_value(output)}")


def _raised(step: Step) -> str:
    return f"{_run(step)} raises {step.data['error']}: {step.data.get('message', '')}"


def _phase(step: Step) -> str:
    return f"the actor is {step.name}"


def _loading(step: Step) -> str:
    return "the actor loads" + ("" if step.data.get("exists") else ", created anew")


def _committed(step: Step) -> str:
    parts = [
        word
        for key, word in (
            ("creates", "its creation"),
            ("state", "the state"),
            ("puts", "schedules"),
            ("deletes", "an end of schedules"),
        )
        if key in step.data
    ]
    return f"committed: {', '.join(parts) or 'nothing'}"


def _named(verb: str) -> Callable[[Step], str]:
    return lambda step: f"{verb} {step.name}".rstrip()


def _sends(verb: str) -> Callable[[Step], str]:
    return lambda step: f"{verb} {_call(step.name, step.data.get('args'))}"


def _down(step: Step) -> str:
    return f"the host's shutdown {step.name}"


_WORDS: Mapping[What, Callable[[Step], str]] = MappingProxyType(
    {
        What.WORLD: lambda step: f"{step.name} {step.data.get('error', '')}".rstrip(),
        What.UP: _said("the host is up"),
        What.DOWN: _down,
        What.CRASHED: _said("the process dies"),
        What.LOOP_FAULT: lambda step: f"an exception in the loop: {step.data.get('error')}",
        What.CONNECT: _connect,
        What.CALL: lambda step: f"-> HTTP {_call(step.name, step.data.get('args'))}",
        What.ANSWERED: _answered,
        What.ARRIVED: _arrived,
        What.CLOSE_ARRIVED: _closes("-> close"),
        What.LOST: _said("the transport is gone"),
        What.SENT: _sent,
        What.CLOSE_SENT: _closes("<- close"),
        What.ABORTED: _said("the host drops the transport"),
        What.SAW_END: _closes("the client sees the end:"),
        What.ENTERED: _entered,
        What.RETURNED: _returned,
        What.RAISED: _raised,
        What.CANCELLED: lambda step: f"{_run(step)} is cancelled",
        What.SEND: _sends("sends"),
        What.BROADCAST: _sends("broadcasts"),
        What.REFUSED: _named("that was refused:"),
        What.DISCONNECT: lambda step: f"disconnect({_value(step.data.get('reason') or None)})",
        What.DISCONNECT_BEGUN: _silent,
        What.WAITS: _said("an await of its disconnect() begins"),
        What.WAITED: lambda step: f"an await of its disconnect() {step.data.get('how')}",
        What.DEFER: lambda step: f"defers callback {step.data.get('callback', '')}",
        What.SLEEP_ASKED: _said("sleep()"),
        What.DESTROY_ASKED: _said("destroy()"),
        What.SAVE: _said("save_state(immediate=True) begins"),
        What.SAVED: _said("save_state(immediate=True) returns"),
        What.SCHEDULE: _named("scheduled:"),
        What.UNSCHEDULE: _silent,
        What.BUSY: _said("keep_awake begins"),
        What.NO_LONGER_BUSY: _said("keep_awake ends"),
        What.JOINED: _said("joins conns"),
        What.LEFT: _said("leaves conns"),
        What.LOADING: _loading,
        What.PHASE: _phase,
        What.STATE: _silent,
        What.COMMIT: _silent,
        What.COMMITTED: _committed,
        What.COMMIT_FAILED: _said("a commit failed"),
        What.DELETED: _said("its storage is deleted"),
    }
)
"""How each kind of step reads; the empty text leaves it out."""
