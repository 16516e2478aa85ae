"""Scripts in files: saved when a search fails, and played again.

Owns the form of the file: JSON, with the transcript in it for whoever reads it. Plain values are
written as on the wire, so that bytes and big ints come back as they were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import attrs

from ..definition import definition_of
from ..errors import DecodeError
from ..plain import Plain
from ..wire.json import JsonCodec
from ._faults import Faults
from ._report import LifecycleFailure, Report
from ._script import (
    ActorInvariant,
    AnyActor,
    ClientInvariant,
    Expectations,
    Move,
    Player,
    Script,
)
from ._transcript import transcript

_FORM = 1
"""The form of the file."""
_CODEC = JsonCodec()


def replay(
    path: str | Path,
    actor: type[AnyActor],
    *,
    others: Sequence[type[AnyActor]] = (),
    invariants: Sequence[ActorInvariant] = (),
    client_invariants: Sequence[ClientInvariant] = (),
) -> None:
    """Play a saved run again, and judge it as the search did.

    Args:
        path: What ``PYACTOR_SAVE_TRANSCRIPT`` or ``lifecycle_test(save_to=…)`` wrote.
        actor: The class.
        others: Classes that it calls.
        invariants: Of the live actor, as for ``lifecycle_test``.
        client_invariants: Of each client, as for ``lifecycle_test``.

    Raises:
        LifecycleFailure: It still fails; the message is the report.
        ValueError: The file is none, or of another actor.
    """
    name = definition_of(actor).name
    script = load(path, name)
    expected = Expectations(tuple(invariants), tuple(client_invariants))
    player = Player(actor, others, script, expected)
    try:
        failure = player.play_all()
        trace = player.world.trace
    finally:
        player.close()
    if failure is not None:
        played = attrs.evolve(script, moves=tuple(player.moves))
        report = Report(actor, tuple(others), expected, played, failure, trace)
        raise LifecycleFailure(report.text()) from failure.error


def save(path: Path, report: Report) -> None:
    """Write a failed run to a file.

    Args:
        path: The file; folders are made as needed.
        report: The run.
    """
    script, failure = report.script, report.failure
    data = {
        "pyactor": _FORM,
        "actor": definition_of(report.actor).name,
        "found": f"{failure.rule}: {failure.what}",
        "storage": script.storage,
        "encoding": script.encoding,
        "faults": {
            each.name: _listed(getattr(script.faults, each.name)) for each in attrs.fields(Faults)
        },
        "input": _written(script.input),
        "choices": list(script.choices),
        "moves": [[each.who, each.what, _written(dict(each.given))] for each in script.moves],
        "transcript": transcript(report.trace, failure.step).splitlines(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_pretty(data), encoding="utf-8")


def load(path: str | Path, actor: str) -> Script:
    """The script in a file.

    Args:
        path: The file.
        actor: The name of the actor that it must be of.

    Raises:
        ValueError: It is none, or of another actor.
    """
    try:
        data: Any = json.loads(Path(path).read_text(encoding="utf-8"))
        if data["pyactor"] != _FORM:
            raise ValueError(f"it is of form {data['pyactor']}, this pyactor reads {_FORM}")
        if data["actor"] != actor:
            raise ValueError(f"it is of the actor {data['actor']!r}, not of {actor!r}")
        return Script(
            tuple(
                Move(who, what, cast("Mapping[str, Plain]", _read(given)))
                for who, what, given in data["moves"]
            ),
            tuple(data["choices"]),
            Faults(**data["faults"]),
            data["storage"],
            data["encoding"],
            _read(data["input"]),
        )
    except (KeyError, TypeError, ValueError, DecodeError) as error:
        raise ValueError(f"{path}: no saved run that can be played: {error}") from error


def _listed(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value


def _written(value: Plain) -> object:
    """A plain value as JSON has it, with the tags of the wire."""
    body = _CODEC.encode_action_request([value], _CODEC.initial_version)
    return json.loads(body)["args"][0]


def _read(raw: object) -> Plain:
    body = json.dumps({"args": [raw]}).encode()
    return _CODEC.decode_action_request(body)[0]


def _pretty(data: dict[str, Any]) -> str:
    """JSON with a line for each move, choice list and line of the transcript."""
    parts = []
    for key, value in data.items():
        text = json.dumps(value)
        if isinstance(value, list) and key != "choices" and value:
            lines = ",\n".join(f"    {json.dumps(each)}" for each in value)
            text = f"[\n{lines}\n  ]"
        parts.append(f"  {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
