"""``examples/reminders.py`` in virtual time: days of it, with a restart in between."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples/reminders.py"
START = datetime.fromtimestamp(1_800_000_000, UTC)
"""What the stage's clock says at the beginning: 2027-01-15, 08:00 in UTC, a Friday."""

Play = Callable[..., None]


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reminders", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def sleep_until(text: str) -> None:
    """Until that time of the stage's clock, in UTC."""
    now = START + timedelta(seconds=asyncio.get_running_loop().time())
    until = datetime.fromisoformat(text).replace(tzinfo=UTC)
    await asyncio.sleep((until - now).total_seconds())


def test_a_cron_job_wakes_its_actor_before_and_after_a_restart(
    play: Play, example: ModuleType
) -> None:
    told: list[str] = []

    class Reminders(example.Reminders):  # type: ignore[name-defined, misc] # of a module made here
        def tell(self, line: str) -> None:
            now = START + timedelta(seconds=asyncio.get_running_loop().time())
            told.append(f"{now:%a %H:%M} {line}")

    async def scene(stage: Any) -> None:
        stage.host.start()
        await stage.http("remind_daily", "stand up", 9, "Europe/Berlin")
        await stage.http("remind_once", "call home", 3600)
        assert await stage.http("planned") == ["call home"]
        await sleep_until("2027-01-16 12:00")
        assert stage.host.directory.instances == []
        await stage.host.stop()
        await sleep_until("2027-01-19 07:00")  # the host is down on Sunday and on Monday
        stage.restart()
        stage.host.start()
        await sleep_until("2027-01-20 12:00")
        assert await stage.http("forget", "stand up") is True
        await sleep_until("2027-01-25 12:00")

    play(Reminders, scene)
    assert told == [
        "Fri 08:00 a is awake",
        "Fri 08:00 a falls asleep",
        "Fri 09:00 a is awake",
        "Fri 09:00 a, call home!",
        "Fri 09:00 a falls asleep",
        "Sat 08:00 a is awake",  # 09:00 in Berlin
        "Sat 08:00 a, stand up!",
        "Sat 08:00 a falls asleep",
        "Tue 07:00 a is awake",
        "Tue 07:00 a, stand up!",  # missed twice, told once
        "Tue 07:00 a falls asleep",
        "Tue 08:00 a is awake",
        "Tue 08:00 a, stand up!",
        "Tue 08:00 a falls asleep",
        "Wed 08:00 a is awake",
        "Wed 08:00 a, stand up!",
        "Wed 08:00 a falls asleep",
        "Wed 12:00 a is awake",
        "Wed 12:00 a falls asleep",
    ]
