"""Kills the daemon at random moments and accounts for every event: what came, how often, in what order.

    python -m tests.acceptance.kills [--kills 200] [--seed 1]

The suite does the same with a few kills.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from tests.acceptance.daemon import Impatient, Site, until
from tests.acceptance.operating import started
from watcher.sandbox import Ledger, Receiver, Sandbox

INVOICES = [f"inv_{number}" for number in range(12)]
LONGEST_LIFE = 0.6
"""Seconds after the first request of a daemon: a round of work takes less, so that it is cut anywhere."""

_LEASED = """SELECT events.id FROM deliveries JOIN events ON events.cursor = deliveries.cursor
WHERE deliveries.state = 'delivering'"""


@dataclass(frozen=True, slots=True)
class Account:
    """`in_flight` counts what was leased when a kill came, once per kill: the most that may come twice."""

    events: int
    lost: int
    duplicates: int
    in_flight: int
    problems: tuple[str, ...]


@dataclass
class Campaign:
    """One endpoint, a dozen invoices, and a life that goes on between the kills."""

    site: Site
    rng: random.Random
    leased: Counter[str] = field(default_factory=Counter[str])

    def prepare(self) -> None:
        for invoice_id in INVOICES:
            self.site.sandbox.ledger.create("meteroid", invoice_id, "EUR", 100_000)
        self.site.source("meteroid", rate="100/s")
        self.site.polling["every"] = "100ms"
        self.site.watch("meteroid", *INVOICES)
        self.site.write()

    async def kill(self) -> None:
        """Let something happen, let the daemon come to work, and end it."""
        asked = len(self.site.sandbox.requests)
        self._live_on(self.site.sandbox.ledger)
        async with started(self.site) as daemon:
            await until(lambda: len(self.site.sandbox.requests) > asked, "it works again")
            await anyio.sleep(self.rng.uniform(0, LONGEST_LIFE))
            await daemon.kill()
        self.leased.update(self._in_flight())

    async def account(self) -> Account:
        """Let the daemon finish, and compare what it has recorded with what came."""
        bills = [self.site.sandbox.ledger.bill("meteroid", one) for one in INVOICES]
        wanted = {bill.id: f"{(bill.settled - bill.reversed) / 100:.2f}" for bill in bills}
        async with self.site.running():
            await until(lambda: self._told() == wanted, "everything that was decided is told", within=120)
            recorded = {event["data"]["event_id"] for event in await self._events()}
            with suppress(Impatient):
                await until(lambda: recorded <= self._verified(), "all arrived", within=120)
        arrived = Counter(delivery.id for delivery in self.site.receiver.deliveries)
        return Account(
            events=len(recorded),
            lost=len(recorded - self._verified()),
            duplicates=arrived.total() - len(arrived),
            in_flight=self.leased.total(),
            problems=tuple(self._problems(recorded, arrived)),
        )

    def _problems(self, recorded: set[str], arrived: Counter[str]) -> list[str]:
        problems = [f"{one} was told and is not in the history" for one in arrived if one not in recorded]
        problems += [f"{one} did not verify" for one in self.site.receiver.deliveries if not one.verified]
        bodies: defaultdict[str, set[bytes]] = defaultdict(set)
        for delivery in self.site.receiver.deliveries:
            bodies[delivery.id].add(delivery.body)
        problems += [f"{one} came with other bytes" for one, found in bodies.items() if len(found) > 1]
        problems += [
            f"{one} came {count} times and was in flight at {self.leased[one]} kills"
            for one, count in arrived.items()
            if count > 1 + self.leased[one]
        ]
        for invoice_id in INVOICES:
            sequences = [body["data"]["sequence"] for body in self.site.bodies(invoice_id)]
            if sequences != list(range(1, len(sequences) + 1)):
                problems.append(f"{invoice_id} was told in the order {sequences}")
        return problems

    def _verified(self) -> set[str]:
        return {delivery.id for delivery in self.site.receiver.verified}

    async def _events(self) -> list[dict[str, dict[str, str]]]:
        return await self.site.command("events", "--limit", "1000000")

    def _in_flight(self) -> list[str]:
        """Read without writing: what a kill left of the file is for the next daemon to mend."""
        file = self.site.folder / "invoice-watcher.db"
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            return [row[0] for row in database.execute(_LEASED)]

    def _told(self) -> dict[str, str]:
        """What the newest event of each invoice says was paid."""
        bodies = {invoice_id: self.site.bodies(invoice_id) for invoice_id in INVOICES}
        return {one: found[-1]["data"]["invoice"]["amounts"][0]["paid"] for one, found in bodies.items() if found}

    def _live_on(self, ledger: Ledger) -> None:
        for invoice_id in self.rng.sample(INVOICES, 4):
            bill = ledger.bill("meteroid", invoice_id)
            if bill.owed:
                ledger.pay(bill, self.rng.randint(1, bill.owed))
            else:
                ledger.chargeback(bill, self.rng.randint(1, bill.settled - bill.reversed))


async def _run(kills: int, seed: int) -> Account:
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox() as sandbox, Receiver() as receiver:
            site = Site(Path(folder), sandbox, receiver)
            site.endpoint()
            campaign = Campaign(site, random.Random(seed))  # noqa: S311 -- a life to repeat, no secret
            campaign.prepare()
            for number in range(1, kills + 1):
                await campaign.kill()
                if number % 20 == 0:
                    print(f"{number} kills, {len(receiver.deliveries)} webhooks", flush=True)  # noqa: T201 -- progress
            return await campaign.account()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments and of the invoices' lives")
    chosen = parser.parse_args()
    account = anyio.run(_run, chosen.kills, chosen.seed)
    print(  # noqa: T201 -- the result
        f"seed {chosen.seed}: {chosen.kills} kills, {account.events} events, {account.lost} lost, {account.duplicates} "
        f"duplicates of {account.in_flight} in flight",
        *account.problems,
        sep="\n",
    )
    raise SystemExit(1 if account.lost or account.problems else 0)


if __name__ == "__main__":
    main()
