"""Reminders: an actor that sleeps, and wakes for what it has scheduled, also across a restart.

Nobody calls it after the host's restart: its cron job wakes it, first for the reminder that was
missed meanwhile. Prints:

    Ann is awake
    Ann falls asleep
    the host is down
    the host is up again
    Ann is awake
    Ann, drink some water!
    Ann falls asleep
    Ann is awake
    Ann, drink some water!
    Ann falls asleep
"""

from __future__ import annotations

import asyncio
import tempfile

from attrs import Factory, define
from typing_extensions import override

from pyactor import (
    Actor,
    ActorOptions,
    Client,
    Cron,
    Host,
    Registry,
    Scheduled,
    SqliteStorage,
    action,
    hook,
)


@define
class Sent:
    """What somebody has been reminded of."""

    texts: list[str] = Factory(list)


class Reminders(Actor[Sent], options=ActorOptions(sleep_timeout=0.2)):
    """The reminders of one person, whose name is the key."""

    @action
    async def remind_daily(self, text: str, hour: int, timezone: str = "UTC") -> None:
        """Each day at that hour, as the clocks there show it."""
        daily = Cron(f"0 {hour} * * *", timezone=timezone)
        await self.cron.set(text, daily, Reminders.remind, text)

    @action
    async def remind_every(self, text: str, seconds: float) -> None:
        """Again and again; a reminder of the same text is replaced."""
        await self.cron.every(text, seconds, Reminders.remind, text)

    @action
    async def remind_once(self, text: str, seconds: float) -> str:
        """Once: returns when that is committed, and can no longer be lost (rule A5)."""
        return await self.schedule.after(seconds, Reminders.remind, text)

    @action
    async def forget(self, text: str) -> bool:
        """No more of it."""
        return await self.cron.delete(text)

    @action
    def remind(self, text: str) -> None:
        """What the schedules run; nobody is calling then, so ``self.caller`` is None."""
        self.state.texts.append(text)
        self.tell(f"{self.key[0]}, {text}!")

    @action
    async def planned(self) -> list[str]:
        """What is to come once, the next first."""
        once: list[Scheduled] = await self.schedule.list()
        return [str(each.arguments["text"]) for each in once]

    @action
    def sent(self) -> list[str]:
        """What has been sent so far."""
        return self.state.texts

    @hook
    def on_wake(self) -> None:
        """Runs at every start."""
        self.tell(f"{self.key[0]} is awake")

    @hook
    def on_sleep(self) -> None:
        """Runs before it leaves memory."""
        self.tell(f"{self.key[0]} falls asleep")

    def tell(self, line: str) -> None:
        """Where a real one would send a mail."""
        print(line)


class Watched(Reminders, name="Reminders"):
    """The same for `main`, which waits for what happens."""

    happened: asyncio.Queue[str] = asyncio.Queue()

    @override
    def tell(self, line: str) -> None:
        super().tell(line)
        self.happened.put_nowait(line)


registry = Registry(Watched)


async def wait_for(line: str) -> None:
    """Return once that has happened."""
    while await Watched.happened.get() != line:
        pass


async def main() -> None:
    """Let Ann be reminded of water every two seconds, and the host be down meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        storage = SqliteStorage(folder)
        async with Host(registry, port=0, storage=storage) as host, Client(host.url) as client:
            ann = client.actor(Watched).get_or_create("Ann")
            await ann.rpc.remind_every("drink some water", 2)
            await wait_for("Ann falls asleep")
        print("the host is down")
        await asyncio.sleep(2.2)
        print("the host is up again")
        async with Host(registry, port=0, storage=storage):
            for _ in range(2):
                await wait_for("Ann falls asleep")
        await storage.close()


if __name__ == "__main__":
    asyncio.run(main())
