"""What the campaigns on both databases share: the invoices, the storms, the reloads and the account at the end."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import anyio

from tests.acceptance.daemon import Body, Impatient, Site, until
from tests.acceptance.messages import notified
from tests.acceptance.operating import operate_all
from tests.chaos.account import Account, Evidence, account
from tests.chaos.budget import Budget, Stalls, exceeded
from tests.chaos.lives import PROVIDER, Lives, expected, shown
from tests.chaos.messages import DIGEST, SELECTED, MoodyMailbox, message_problems
from tests.chaos.processes import Child, Spawner
from tests.chaos.receiver import Mood, MoodyReceiver
from watcher.sandbox import Fault, FaultKind

YOUNG = 12
RATE = 30
"""Requests a second to the provider, and half of it attempts: less than what there is to do."""
CONCURRENCY = 5
_FIRST_SECONDS = 0.1
"""How much of an endpoint's rate a daemon on SQLite may use at once when it starts."""
_SETTLING_SECONDS = 150
_READINGS = 2
_COMMANDS = 50
"""Run in one process, within its time-out also on a busy machine."""
STORM_SECONDS = 3
"""Longer ones would meet the probes only, which come more and more rarely."""
_TIMES = (1, 1, 2, 3, 9)
_WHATS = (FaultKind.SERVER_ERROR, FaultKind.HTML, FaultKind.SLOW, FaultKind.GARBAGE, FaultKind.DISCONNECT)
_SECOND_SECRET = "whsec_" + b64encode(b"the receiver does not know this one").decode()
MOST_PROBLEMS = 20
"""With more of them there is no use in going on."""


@dataclass
class Campaign:
    """One site. `faults` counts what was done to it, by kind; `kills` are counted apart."""

    site: Site
    receiver: MoodyReceiver
    spawner: Spawner
    rng: Random
    mailbox: MoodyMailbox
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    leased: Counter[str] = field(default_factory=Counter[str])
    problems: list[str] = field(default_factory=list[str])
    absent: set[str] = field(default_factory=set[str])
    tags: dict[str, str] = field(default_factory=dict[str, str])
    grants: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    stalls: Stalls = field(default_factory=Stalls)
    started: int = 0

    def __post_init__(self) -> None:
        self.lives = Lives(self.site.sandbox.ledger, self.rng, YOUNG)
        self.lives.begin()
        self.site.polling |= {"every": "100ms"}
        self.site.source(PROVIDER, rate=f"{RATE}/s", timeout="2s")
        self.configure_endpoint()
        for name, events in SELECTED.items():
            digest = "1m" if name == DIGEST else ""
            notified(self.site, self.mailbox, name, events=list(events), digest=digest)
        self.write()

    def configure_endpoint(self, path: str = "/ledger", *, rotated: bool = False) -> None:
        self.site.endpoint(
            url=self.receiver.url(path),
            rate=f"{RATE // 2}/s",
            concurrency=CONCURRENCY,
            timeout="2s",
            retries=["0s", "200ms", "500ms", *["1s"] * 10, *["5s"] * 37],
        )
        if rotated:
            new = {"file": self.site.secret("second", _SECOND_SECRET)}
            self.site.endpoints["ledger"] |= {"secrets": [new, *self._secrets()]}

    def _secrets(self) -> list[object]:
        secrets = self.site.endpoints["ledger"]["secrets"]
        assert isinstance(secrets, list)
        return list(secrets)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

    def write(self) -> None:
        """Write the files as they have to be now; overridden where several configurations are needed."""
        rows = [
            f'\n[[invoice]]\nid = "{one}"\ntags = ["{self.tags.get(one, "plain")}"]\n'
            for one in self.lives.ids
            if one not in self.absent
        ]
        self.site.lists["lives.toml"] = f'source = "{PROVIDER}"\n' + "".join(rows)
        self.site.write()

    def go_on(self, times: int) -> None:
        if self.lives.go_on(times):
            self.write()

    async def run(self, *options: str, config: Path | None = None) -> Child:
        self.started += 1
        log = self.site.folder / f"run-{self.started}.log"
        arguments = ["run", "--config", str(config or self.site.config), *options]
        return await self.spawner.run(arguments, log)

    def check(self, child: Child, *, may_fail: bool = False) -> None:
        """Read what an ended daemon has said; one that ended by itself, or said a traceback, is a problem."""
        text = child.log.read_text() if child.log.exists() else ""
        last = text.strip().rpartition("\n")[2]
        if "Traceback" in text:
            self.problems.append(f"a traceback in {child.log}: {text[text.index('Traceback') :][-2000:]}")
        elif child.is_wanted and not may_fail:
            self.problems.append(f"a daemon ended by itself with {child.code}: {last}")
        elif child.is_wanted and child.code != 1:
            self.problems.append(f"a daemon that could not work ended with {child.code}: {last}")
        else:
            child.log.unlink(missing_ok=True)

    def provider_storm(self) -> None:
        times = self.rng.choice(_TIMES)
        if self.rng.random() < 0.2:
            fault, times = Fault(FaultKind.RATE_LIMITED, retry_after="1"), min(times, 2)
        else:
            fault = Fault(self.rng.choice(_WHATS), delay=timedelta(seconds=self.rng.choice([0, 0, 0.3])))
            if fault.kind is FaultKind.SLOW:
                fault = Fault(fault.kind, delay=timedelta(seconds=self.rng.choice([0.5, 1.5, 3])))
        self.site.sandbox.fail_next(PROVIDER, fault, times)
        self.faults[f"provider {fault.kind.value}"] += 1

    def receiver_storm(self) -> None:
        mood = self.rng.choice(list(Mood))
        self.receiver.storm(mood, self.rng.choice(_TIMES), STORM_SECONDS)
        self.faults[f"receiver {mood.value}"] += 1

    def mailbox_storm(self) -> None:
        """One message fails: after a second failure the next attempt is minutes later."""
        mood = self.rng.choice([Mood.ERROR, Mood.RESET, Mood.LOST])
        self.mailbox.moods.append(mood)
        self.faults[f"mailbox {mood.value}"] += 1

    async def end_periods(self) -> None:
        """What waits for a digest is due now; overridden for each database."""
        raise NotImplementedError

    async def count_waiting(self) -> int:
        """Deliveries of messages that have not been made; overridden for each database."""
        raise NotImplementedError

    def reload(self, children: Iterable[Child]) -> None:
        """Change the configuration in a way that loses nothing, and send SIGHUP."""
        young = self.lives.young
        match self.rng.randrange(5):
            case 0 if len(self.absent) < YOUNG // 3:
                self.absent.add(self.rng.choice(young))
            case 0 | 1:
                self.absent.clear()
            case 2:
                self.tags[self.rng.choice(young)] = self.rng.choice(["vip", "legal", "plain"])
            case 3:
                self.configure_endpoint(self.rng.choice(["/ledger", "/ledger/2"]))
            case _:
                self.configure_endpoint(rotated=True)
        self.write()
        for child in children:
            if child.is_running and child.has_started:
                child.hang_up()
        self.faults["reload"] += 1

    def granted(self, at: float) -> None:
        """A daemon on SQLite was started."""
        self.grants.append((at, max(1.0, _FIRST_SECONDS * RATE / 2)))

    def wanted(self) -> dict[str, Body]:
        return {one: expected(self.lives.bill(one)) | {"tags": [self.tags.get(one, "plain")]} for one in self.lives.ids}

    def newest(self) -> dict[str, Body]:
        """What the newest event of each invoice that has arrived says."""
        return {
            one: shown(event["data"]["invoice"]) | {"tags": event["data"]["invoice"]["tags"]}
            for one, event in self.receiver.newest.items()
        }

    async def settle(self) -> list[Body]:
        """Let the running daemons finish in peace; the history as it is then."""
        self.receiver.calm_down()
        self.site.sandbox.fail_no_more(PROVIDER)
        self.mailbox.moods.clear()
        self.mailbox.is_calm = True
        for first in range(0, len(self.lives.ids), _COMMANDS):
            ids = self.lives.ids[first : first + _COMMANDS]
            await operate_all(self.site, *(f"watch poll {PROVIDER} {one}" for one in ids))
        wanted = self.wanted()
        with suppress(Impatient):
            await until(lambda: self.newest() == wanted, "all is recorded and sent", within=_SETTLING_SECONDS)
        history: list[Body] = []
        for _ in range(_READINGS):
            history = await self.site.command("events", "--limit", "10000000")
            recorded = {event["data"]["event_id"] for event in history}
            if recorded <= self.receiver.taken:
                break
            with suppress(Impatient):
                await until(lambda seen=recorded: seen <= self.receiver.taken, "all arrives", within=_SETTLING_SECONDS)
        with anyio.move_on_after(_SETTLING_SECONDS):
            while await self.count_waiting():
                await self.end_periods()
                await anyio.sleep(2)
        return history

    def account(self, history: list[Body]) -> Account:
        source = Budget(PROVIDER, RATE, RATE + 1)
        endpoint = Budget("ledger", RATE / 2, RATE / 2 + CONCURRENCY + 1, self.grants)
        polled_at = [request.arrived_at for request in self.site.sandbox.requests]
        evidence = Evidence(
            history=history,
            deliveries=self.receiver.deliveries,
            digests=self.receiver.digests,
            final=self.wanted(),
            newest=self.newest(),
            in_flight=self.leased,
            unanswered=self.receiver.unanswered,
            over_budget=[
                *exceeded(source, polled_at, self.stalls),
                *exceeded(endpoint, self.receiver.asked_at, self.stalls),
            ],
        )
        said = (*message_problems(history, self.mailbox.told, self.mailbox.repeats), *self.mailbox.mistakes)
        return replace(account(evidence), messages=len(self.mailbox.told), untold=said)

    async def rest(self, longest: float) -> None:
        await anyio.sleep(self.rng.uniform(0, longest))
