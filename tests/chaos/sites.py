"""Opens what one site of a campaign needs, and plays its share."""

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import anyio

from tests.acceptance.daemon import Site
from tests.acceptance.messages import mailbox
from tests.chaos.account import Account
from tests.chaos.campaign import Campaign
from tests.chaos.messages import MoodyMailbox
from tests.chaos.processes import spawning
from tests.chaos.proxy import proxied
from tests.chaos.receiver import MoodyReceiver
from tests.chaos.replicas import REPLICAS, ReplicaCampaign
from tests.chaos.sqlite import SqliteCampaign
from tests.chaos.tmpfs import small_disk
from tests.fakes import postgresql
from watcher.sandbox import Sandbox

_REPORT_EVERY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Result:
    """Of one site, or of several together."""

    kills: int
    faults: Counter[str]
    events: int
    duplicates: int
    in_flight: int
    messages: int
    counts: tuple[int, ...]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, kills: int, faults: Counter[str], account: Account, problems: list[str]) -> "Result":
        parts = (
            account.lost,
            account.second_ids,
            account.disordered,
            account.changed_bodies,
            account.over_budget,
            account.untold,
        )
        return cls(
            kills=kills,
            faults=faults,
            events=account.events,
            duplicates=account.duplicates,
            in_flight=account.in_flight,
            messages=account.messages,
            counts=tuple(map(len, parts)),
            problems=(*account.problems, *problems),
        )

    def __add__(self, other: "Result") -> "Result":
        return Result(
            kills=self.kills + other.kills,
            faults=self.faults + other.faults,
            events=self.events + other.events,
            duplicates=self.duplicates + other.duplicates,
            in_flight=self.in_flight + other.in_flight,
            messages=self.messages + other.messages,
            counts=tuple(mine + its for mine, its in zip(self.counts, other.counts, strict=True)),
            problems=self.problems + other.problems,
        )

    def table(self, database: str, seed: int, seconds: float) -> str:
        """Two lines of Markdown: the head and the row."""
        names = ("lost", "second id", "out of order", "bodies changed", "budget exceeded", "wrong messages")
        faults = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items()))
        head = (
            "database",
            "seed",
            "kills",
            "other faults",
            "events",
            *names,
            "duplicates of in flight",
            "messages",
            "minutes",
        )
        row = (
            database, seed, self.kills, faults, self.events, *self.counts, f"{self.duplicates} of {self.in_flight}",
            self.messages, f"{seconds / 60:.0f}",
        )  # fmt: skip
        return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in (head, row))


async def play(database: str, kills: int, seed: int, *, report: Callable[[str], None]) -> Result:
    """A site of its own for this many kills. Raises PostgresqlMissing."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        sandbox = await stack.enter_async_context(Sandbox())
        receiver = await stack.enter_async_context(MoodyReceiver())
        spawner = await stack.enter_async_context(spawning())
        rng = Random(seed)  # noqa: S311 -- faults to repeat, no secret
        box = MoodyMailbox(rng=Random(seed + 1))  # noqa: S311 -- same
        await stack.enter_async_context(mailbox(box))
        site = Site(folder, sandbox, receiver)
        if database == "sqlite":
            disk = stack.enter_context(small_disk(folder / "disk"))
            if disk.why_not:
                report(f"disk faults are left out: {disk.why_not}")
            campaign = SqliteCampaign(site, receiver, spawner, rng, box, disk=disk)
        else:
            server = stack.enter_context(postgresql.server())
            proxies = [await stack.enter_async_context(proxied(server.port)) for _ in range(REPLICAS)]
            campaign = ReplicaCampaign(site, receiver, spawner, rng, box, server=server, proxies=proxies)
        made = Account()
        async with anyio.create_task_group() as group:
            group.start_soon(campaign.stalls.watch)
            group.start_soon(_keep_reporting, campaign, report)
            await campaign.break_things(kills)
            report(f"{campaign.kills} kills, now it may settle")
            made = await campaign.finish()
            group.cancel_scope.cancel()
        return Result.of(campaign.kills, campaign.faults, made, campaign.problems)


async def _keep_reporting(campaign: Campaign, report: Callable[[str], None]) -> None:
    while True:
        await anyio.sleep(_REPORT_EVERY_SECONDS)
        report(f"{campaign.kills} kills, {campaign.faults.total()} other faults, {len(campaign.receiver.taken)} events")
