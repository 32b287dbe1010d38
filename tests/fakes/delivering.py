"""A dispatcher between a fake outbox and a fake sender."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import anyio

from tests.fakes.clock import FakeClock
from tests.fakes.outbox import FakeOutbox
from tests.fakes.sender import FakeSender
from watcher.delivery import Dispatcher, EndpointPolicy
from watcher.metrics import Metrics
from watcher.ports import Outbox, Sender

ENDPOINT = EndpointPolicy(
    (timedelta(0), timedelta(seconds=5), timedelta(minutes=5)), rate=1000, concurrency=10, timeout=timedelta(seconds=15)
)
MOMENT = timedelta(milliseconds=20)


@dataclass
class World:
    clock: FakeClock = field(default_factory=FakeClock)
    outbox: FakeOutbox = field(init=False)
    sender: FakeSender = field(init=False)
    metrics: Metrics = field(default_factory=Metrics)
    heartbeats: int = 0

    def __post_init__(self) -> None:
        self.outbox, self.sender = FakeOutbox(self.clock), FakeSender(self.clock)

    def dispatcher(
        self, endpoints: Mapping[str, EndpointPolicy] | None = None, *, most_under_way: int = 100
    ) -> Dispatcher:
        outbox: Outbox = self.outbox
        sender: Sender = self.sender
        configured = {"ledger": ENDPOINT} if endpoints is None else endpoints
        dispatcher = Dispatcher(
            outbox,
            sender,
            self.clock,
            lambda: 0.0,
            on_heartbeat=self._beat,
            most_under_way=most_under_way,
            observer=self.metrics,
        )
        dispatcher.configure(configured)
        return dispatcher

    def _beat(self) -> None:
        self.heartbeats += 1

    @asynccontextmanager
    async def running(self, dispatcher: Dispatcher) -> AsyncGenerator[anyio.CancelScope]:
        async with anyio.create_task_group() as group:
            group.start_soon(dispatcher.run)
            await self.clock.elapse(MOMENT)
            yield group.cancel_scope
            group.cancel_scope.cancel()
