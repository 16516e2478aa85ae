"""The table of the host's side as data: total, unambiguous, and citing rules that exist."""

from __future__ import annotations

import re

import pytest

from pyactor.session import Hook, Phase
from pyactor.session._rules import RULES
from pyactor.session._transitions import (
    FAILED,
    IN_CONNS,
    RETURNED,
    ROWS,
    TABLE,
    Emit,
    Guard,
    Input,
    Row,
    Stage,
    Take,
)

PARTITIONS = [
    [Guard.ALWAYS],
    [Guard.LIVE, Guard.ENDED],
    [Guard.ATTACHED, Guard.GONE],
    [Guard.UNCHECKED, Guard.CHECKED],
    [Guard.ATTACHED],  # a transport that is gone cannot close
]


def test_the_guards_of_a_pair_exclude_each_other() -> None:
    for stage in Stage:
        for rows in TABLE[stage].values():
            guards = [row.when for row in rows]
            assert guards in PARTITIONS
            if guards == [Guard.ATTACHED]:
                assert rows[0].input is Input.TRANSPORT_CLOSED


def test_the_table_has_every_row_once() -> None:
    indexed = [row for rows in TABLE.values() for given in rows.values() for row in given]
    assert len(indexed) == len(ROWS)
    assert set(map(id, indexed)) == set(map(id, ROWS))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.stage.name}-{row.input.name}")
def test_a_row_keeps_the_rules(row: Row) -> None:
    assert re.fullmatch(r"C\d+(, C\d+)*", row.rules)
    assert all(rule in RULES for rule in row.rules.split(", "))
    assert (Emit.JOINED in row.emit) == (row.to.in_conns and not row.stage.in_conns)  # C3
    assert (Emit.LEFT in row.emit) == (row.stage.in_conns and not row.to.in_conns)  # C3
    assert (Emit.CLOSED in row.emit) == (row.to is Stage.CLOSED is not row.stage)
    assert (Emit.HELD in row.emit) == (row.to is Stage.OPEN is not row.stage)  # C5
    assert (Emit.INIT in row.emit) == (row.to.phase is Phase.OPEN is not row.stage.phase)
    assert (row.take is Take.ASK) == (row.to is Stage.CHECK is not row.stage)  # C5
    assert (row.take is Take.DECIDE) == (row.stage is Stage.CHECK and row.to is Stage.OPEN)
    if row.input is Input.MESSAGE:
        assert row.to is row.stage or row.take is Take.ASK
        dispatches = row.stage is Stage.OPEN and row.when is Guard.UNCHECKED
        assert (row.take is Take.DISPATCH) == dispatches  # C5
    if row.input in {Input.END, Input.TRANSPORT_CLOSED} and row.stage.phase in {
        Phase.PREFLIGHT,
        Phase.OPENING,
    }:
        assert row.to is row.stage  # C7
    if row.to is Stage.DISCONNECT is not row.stage:  # C4
        assert row.stage.phase is Phase.OPEN or row.input is Input.CONNECT_RETURNED


def test_no_way_leads_back_but_that_of_a_verdict() -> None:
    order = list(Stage)
    back = [row for row in ROWS if order.index(row.to) < order.index(row.stage)]
    assert [(row.stage, row.input, row.to) for row in back] == [
        (Stage.CHECK, Input.SUBSCRIPTION_CHECKED, Stage.OPEN)
    ]


def test_each_hook_has_its_inputs_and_its_stage() -> None:
    assert [stage.hook for stage in Stage if stage.hook is not None] == list(Hook)
    assert {*RETURNED.values(), *FAILED.values()} == set(Input) - {
        Input.MESSAGE,
        Input.SUBSCRIPTION_CHECKED,
        Input.END,
        Input.DEFERRED_FINISHED,
        Input.TRANSPORT_CLOSED,
    }
    for hook in Hook:
        assert RETURNED[hook].label == f"{hook.value} returned"
        assert FAILED[hook].label == f"{hook.value} failed"


def test_the_phases_in_conns_are_those_of_the_lifecycle() -> None:
    assert {Phase.OPENING, Phase.OPEN} == IN_CONNS


def test_the_rules_are_numbered_without_a_gap() -> None:
    numbers = [*(f"C{n}" for n in range(1, 17)), *(f"A{n}" for n in range(1, 8))]
    assert list(RULES) == numbers
    assert all(text.endswith(".") and text.count("`") % 2 == 0 for text in RULES.values())
