"""A sender that answers as a test says, and can be made to wait."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import anyio
import anyio.lowlevel

from tests.fakes.clock import FakeClock
from watcher.ports import Attempt, Outcome, Receipt


@dataclass
class FakeSender:
    """`answers` gives an event's outcome; endpoints in `gates` wait until their event is set."""

    clock: FakeClock
    answers: Callable[[Attempt], Receipt | Outcome] = lambda _: Outcome.DELIVERED
    gates: dict[str, anyio.Event] = field(default_factory=dict[str, anyio.Event])
    sent: list[str] = field(default_factory=list[str])
    under_way: Counter[str] = field(default_factory=Counter[str])
    most_under_way: Counter[str] = field(default_factory=Counter[str])

    async def send(self, attempt: Attempt) -> Receipt:
        started_at = self.clock.now()
        self.sent.append(attempt.event_id)
        self.under_way[attempt.endpoint] += 1
        self.most_under_way |= self.under_way
        try:
            if attempt.endpoint in self.gates:
                await self.gates[attempt.endpoint].wait()
            await anyio.lowlevel.checkpoint()
        finally:
            self.under_way[attempt.endpoint] -= 1
        answer = self.answers(attempt)
        return answer if isinstance(answer, Receipt) else Receipt(answer, started_at, timedelta(milliseconds=1))
