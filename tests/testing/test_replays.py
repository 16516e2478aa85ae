"""Saved runs: written when a search fails, and played again from the file."""

from __future__ import annotations

import json
import unittest
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from hypothesis import settings

from pyactor import Actor, action
from pyactor.testing import Faults, LifecycleFailure, lifecycle_test, replay
from pyactor.testing._replay import load

QUICK = settings(max_examples=60, database=None, derandomize=True)


@define
class Jar:
    coins: int = 0
    raw: bytes = b""


class Bank(Actor[Jar]):
    """Loses count of big coins."""

    limit = 1

    @action
    def put(self, coins: int, *, raw: bytes = b"") -> int:
        self.state.raw = raw
        self.state.coins = coins if abs(coins) > 2**60 else min(coins, self.limit)
        return self.state.coins


class FixedBank(Bank, name="Bank"):
    limit = 1 << 80

    @action
    def put(self, coins: int, *, raw: bytes = b"") -> int:  # type: ignore[explicit-override]
        return 0


class Other(Actor[None]):
    """Has other actions."""


def is_small(bank: Bank) -> bool:
    return bank.state.coins < 1


def found(test: type[unittest.TestCase]) -> str:
    with pytest.raises(LifecycleFailure) as caught:
        test("test_lifecycle").debug()
    return str(caught.value)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which the bank has a coin."""
    path = tmp_path_factory.mktemp("saved") / "deep" / "bank.json"
    report = found(lifecycle_test(Bank, invariants=[is_small], settings=QUICK, save_to=path))
    assert f"Saved to {path}; examples=[{str(path)!r}] of lifecycle_test plays it first." in report
    return path


def test_a_saved_run_fails_again_with_the_same_report(saved: Path) -> None:
    with pytest.raises(LifecycleFailure, match="the invariant is_small does not hold") as caught:
        replay(saved, Bank, invariants=[is_small])
    assert "put(1" in str(caught.value)


def test_a_saved_run_passes_once_the_actor_is_mended(saved: Path) -> None:
    replay(saved, FixedBank, invariants=[is_small])


def test_a_saved_run_is_a_test_of_its_own(saved: Path) -> None:
    test = lifecycle_test(Bank, invariants=[is_small], examples=[saved], settings=QUICK)
    names = unittest.defaultTestLoader.getTestCaseNames(test)
    assert list(names) == ["test_lifecycle", "test_saved_bank"]
    with pytest.raises(LifecycleFailure, match="is_small"):
        test("test_saved_bank").debug()


def test_the_file_can_be_read(saved: Path) -> None:
    data: dict[str, Any] = json.loads(saved.read_text())
    assert data["actor"] == "Bank"
    assert data["found"] == "invariant: it returned False"
    assert data["moves"][0][1] == "call"
    assert any("put(1" in line for line in data["transcript"])
    assert load(saved, "Bank").faults == Faults.NONE


def test_the_environment_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYACTOR_SAVE_TRANSCRIPT", str(tmp_path))
    found(lifecycle_test(Bank, invariants=[is_small], settings=QUICK))
    with pytest.raises(LifecycleFailure):
        replay(tmp_path / "TestBank.json", Bank, invariants=[is_small])


def test_values_that_json_has_not_come_back_as_they_were(tmp_path: Path) -> None:
    def is_no_blob(bank: Bank) -> bool:
        return bank.state.raw != b"\xff" and bank.state.coins < 2**62

    path = tmp_path / "blob.json"
    arguments: Any = {"raw": [b"\xff"], "coins": [2**70]}
    report = found(
        lifecycle_test(
            Bank, invariants=[is_no_blob], arguments=arguments, settings=QUICK, save_to=path
        )
    )
    assert str(2**70) in report
    with pytest.raises(LifecycleFailure, match=str(2**70)):
        replay(path, Bank, invariants=[is_no_blob])


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"pyactor": 99}', '{"pyactor": 1, "actor": "Other"}', '{"pyactor": 1}'],
)
def test_what_is_no_saved_run_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"some\.json: no saved run that can be played"):
        replay(path, Bank)


def test_a_run_of_another_actor_is_refused(saved: Path) -> None:
    with pytest.raises(ValueError, match="it is of the actor 'Bank', not of 'Other'"):
        replay(saved, Other)
