"""The program's delivering half as the daemon wires it, and a recorder that gives it events to deliver."""

import json
import time
from array import array
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio

from tests.benchmarks.webhook_receiver import HANGING_PATH, WebhookReceiver, event_id
from tests.fakes import stored
from watcher import logs
from watcher.clock import SystemClock, system_random
from watcher.config.reload import reader
from watcher.daemon import wiring
from watcher.daemon.bootstrap import collect_rarely
from watcher.delivery import Dispatcher, EndpointPolicy
from watcher.ports import ClaimedWatch, Form
from watcher.providers import PROVIDERS
from watcher.store import SqlOutbox, SqlPollQueue, Store, open_store
from watcher.webhook import WebhookSender

ENDPOINTS = 100
LAST = ENDPOINTS - 1
INVOICES = 10_000
BATCH = 500
BODY_BYTES = 1024

_CONFIG = """
[endpoints.e{number:03d}]
url = "{url}{path}"
secrets = [{{ file = "secret" }}]
allow_private = ["127.0.0.0/8"]
rate = "1000/s"
"""


def body_of(number: int) -> bytes:
    """A kilobyte, as `webhook.test` bodies and events of the smaller providers are."""
    event = {"type": "invoice.updated", "timestamp": "2026-11-22T10:00:00Z", "data": {"event_id": event_id(number)}}
    return json.dumps(event).encode().ljust(BODY_BYTES)


def write_config(folder: Path, url: str) -> Path:
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text("whsec_" + b64encode(bytes(range(32))).decode())
    paths = [HANGING_PATH if number == LAST else f"/{number}" for number in range(ENDPOINTS)]
    config = folder / "watcher.toml"
    config.write_text("".join(_CONFIG.format(number=number, url=url, path=path) for number, path in enumerate(paths)))
    return config


@dataclass
class Load:
    """Records events, each of the next invoice and for the next endpoint, in numbered order."""

    store: Store
    dispatcher: Dispatcher
    receiver: WebhookReceiver
    watches: list[ClaimedWatch]
    endpoints: Mapping[str, EndpointPolicy]
    committed_at: "array[float]" = field(default_factory=lambda: array("d"))

    @property
    def recorded(self) -> int:
        return len(self.committed_at)

    async def record(self, count: int, *, endpoints: int = ENDPOINTS, endpoint: int | None = None) -> None:
        """One real recording transaction: watches, snapshots, events, deliveries, lanes. Then the dispatcher is woken.

        For the first so many endpoints in turn, or for one of them.
        """
        now, first = datetime.now(UTC), self.recorded
        places = [number % len(self.watches) for number in range(first, first + count)]
        goals = [number % endpoints if endpoint is None else endpoint for number in range(first, first + count)]
        records = [
            stored.polled(self.watches[place], now, self._change(first + step, goals[step]))
            for step, place in enumerate(places)
        ]
        lost = await SqlPollQueue(self.store).record(records, {})
        self.committed_at.extend([time.monotonic()] * count)
        self.dispatcher.notify()
        assert not lost
        for place in places:
            self.watches[place] = replace(self.watches[place], lease=self.watches[place].lease + 1)

    def _change(self, number: int, endpoint: int) -> stored.Change:
        event = stored.event(event_id(number), "invoice.updated", f"e{endpoint:03d}", source="acme")
        version = number // len(self.watches) + 1
        return stored.change(replace(event, bodies={Form.FULL: body_of(number)}), version=version)

    @asynccontextmanager
    async def held_back(self) -> AsyncGenerator[None]:
        """What is recorded meanwhile waits, as if no endpoint were configured."""
        self.dispatcher.configure({})
        yield
        self.dispatcher.configure(self.endpoints)

    async def until_arrived(self, *, within: float = 60) -> None:
        """Until everything recorded has arrived; what has not by then counts as lost."""
        with anyio.move_on_after(within):
            while self.receiver.distinct < self.recorded:  # noqa: ASYNC110 -- another process is watched
                await anyio.sleep(0.01)

    def milliseconds(self, numbers: range) -> list[float]:
        """From commit to first byte."""
        arrived = zip(numbers, self.receiver.first_bytes_at(numbers), strict=True)
        return [(at - self.committed_at[number]) * 1000 for number, at in arrived if at]


@asynccontextmanager
async def delivering(receiver: WebhookReceiver, folder: Path) -> AsyncGenerator[Load]:
    """A dispatcher at work on a SQLite file in `folder`, with `ENDPOINTS` endpoints of a configuration file."""
    read = reader(write_config(folder, receiver.url), PROVIDERS, {})
    configuration = read().configuration
    clock = SystemClock()
    async with AsyncExitStack() as opened:
        log = opened.enter_context((folder / "log").open("w"))
        logs.configure(configuration.log.level, "json", log)
        store = await opened.enter_async_context(open_store(f"sqlite:///{folder / 'bench.db'}", create=True))
        targets = wiring.targets(configuration)
        sender = await opened.enter_async_context(WebhookSender(targets, clock))
        outbox = SqlOutbox(store)
        await outbox.sync_endpoints({name: target.url for name, target in targets.items()}, clock.now())
        endpoints = wiring.endpoint_policies(configuration)
        dispatcher = Dispatcher(outbox, sender, clock, system_random)
        dispatcher.configure(endpoints)
        watches = await _watches(store)
        collect_rarely()  # as the daemon does
        async with anyio.create_task_group() as group:
            group.start_soon(dispatcher.run)
            yield Load(store, dispatcher, receiver, watches, endpoints)
            dispatcher.stop()


async def _watches(store: Store) -> list[ClaimedWatch]:
    now = datetime.now(UTC)
    await stored.watch(store, *(f"inv_{number}" for number in range(INVOICES)), at=now)
    request = stored.request(interval=timedelta(0), requests=INVOICES, ahead=1e9)
    claims = await SqlPollQueue(store).claim(now, [request], timedelta(days=1))
    return [one for found in claims for one in found.watches]
