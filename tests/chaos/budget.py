"""Whether a rate was kept, seen from the server that was asked."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import anyio

_TICK = 0.02
_NEAR_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `rate * t + burst` requests in any window of t seconds.

    Each of `grants` is an instant from which on that many more are allowed: a start of the daemon.
    """

    name: str
    rate: float
    burst: float
    grants: Sequence[tuple[float, float]] = ()


@dataclass
class Stalls:
    """When this process itself was late: what came meanwhile seems to come at once."""

    late: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    async def watch(self) -> None:
        while True:
            before = time.monotonic()
            await anyio.sleep(_TICK)
            now = time.monotonic()
            if now - before > 2 * _TICK:
                self.late.append((now, now - before - _TICK))

    def near(self, at: float) -> float:
        """The longest stall about that instant, in seconds."""
        return max((length for when, length in self.late if abs(when - at) < _NEAR_SECONDS + length), default=0.0)


def exceeded(budget: Budget, asked_at: Iterable[float], stalls: Stalls) -> list[str]:
    """A sentence for each request that came too early. A leaky bucket checks all windows at once."""
    requests = sorted([(at, 1.0) for at in asked_at] + [(at, -more) for at, more in budget.grants])
    level, last, found = 0.0, 0.0, list[str]()
    for at, weight in requests:
        level = max(0.0, level - (at - last) * budget.rate)
        last = at
        level = max(0.0, level + weight) if weight < 0 else level + weight
        if level > budget.burst and level > budget.burst + budget.rate * stalls.near(at):
            found.append(f"{budget.name}: {level:.1f} requests above {budget.rate:g}/s at {at:.2f}")
    return found
