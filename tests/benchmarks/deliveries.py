"""Deliveries per second of the real dispatcher on SQLite, as a ratio to a bare aiohttp POST loop to the same receiver.

    python -m tests.benchmarks.deliveries [--seconds 60] [--rate 200]

Dispatcher, outbox, sender and their configuration are the daemon's; the receiver is another process, and counts. Events
are recorded by the real transaction, each of another invoice, for 100 endpoints in turn. What polling costs besides is
`tests.benchmarks.polls`. Bare loop and dispatcher take turns, and the ratio is of the means, since machines are shared.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles

import aiohttp
import anyio

from tests.benchmarks.delivering import BATCH, ENDPOINTS, LAST, Load, body_of, delivering
from tests.benchmarks.webhook_receiver import WebhookReceiver, event_id

AT_ONCE = 64
TURNS = 3
MOST_EVENTS = 2_000_000
MOST_WAITING = 2000
"""Events recorded and not arrived, at saturation."""

TICK_SECONDS = 0.02
HANGING_SECONDS = 5.0
HANGING_TURNS = 4
HANGING_AT_ONCE = 20
"""More than the endpoint may have under way at once: all its places hang, and some wait behind them."""


@dataclass
class Rates:
    bare: list[float] = field(default_factory=list[float])
    recording: list[float] = field(default_factory=list[float])
    waiting: list[float] = field(default_factory=list[float])


async def bare_loop(url: str, seconds: float) -> float:
    """POSTs per second of `AT_ONCE` tasks that read each answer and do nothing with it."""
    count, body, headers = 0, body_of(0), {"webhook-id": event_id(MOST_EVENTS - 1)}
    until = time.perf_counter() + seconds

    async def post(session: aiohttp.ClientSession) -> None:
        nonlocal count
        while time.perf_counter() < until:
            async with session.post(f"{url}/{count % ENDPOINTS}", data=body, headers=headers) as response:
                await response.read()
            count += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        await asyncio.gather(*(post(session) for _ in range(AT_ONCE)))
    return count / seconds


async def steadily(load: Load, seconds: float, rate: float, *, endpoints: int = ENDPOINTS) -> range:
    """Record at a rate; the numbers of the events."""
    first, started = load.recorded, time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        if count := int(passed * rate) - (load.recorded - first):
            await load.record(count, endpoints=endpoints)
        await anyio.sleep(TICK_SECONDS)
    return range(first, load.recorded)


async def while_recording(load: Load, seconds: float) -> float:
    """Deliveries per second while events are recorded as fast as they are delivered."""
    begun, started = load.receiver.distinct, time.monotonic()
    while time.monotonic() - started < seconds:
        if load.recorded - load.receiver.distinct < MOST_WAITING:
            await load.record(BATCH)
        await anyio.sleep(TICK_SECONDS / 4)
    return (load.receiver.distinct - begun) / (time.monotonic() - started)


async def waiting(load: Load, count: int) -> float:
    """Deliveries per second of events that wait already, as after an outage."""
    async with load.held_back():
        for _ in range(0, count, BATCH):
            await load.record(BATCH)
    begun, started = load.receiver.distinct, time.monotonic()
    await load.until_arrived()
    return (load.receiver.distinct - begun) / (time.monotonic() - started)


async def beside_a_hanging_endpoint(load: Load, rate: float) -> tuple[list[float], list[float]]:
    """The others' milliseconds without and with one endpoint that hangs, in turns."""
    found: tuple[list[float], list[float]] = [], []
    for turn in range(2 * HANGING_TURNS):
        hangs = bool(turn % 2)
        load.receiver.hang(hanging=hangs)
        await load.record(HANGING_AT_ONCE, endpoint=LAST)
        numbers = await steadily(load, HANGING_SECONDS, rate, endpoints=LAST)
        load.receiver.hang(hanging=False)
        await load.until_arrived()
        found[hangs].extend(load.milliseconds(numbers))
    return found


async def measure(receiver: WebhookReceiver, seconds: float, rate: float) -> None:
    rates = Rates()
    with tempfile.TemporaryDirectory() as folder:
        async with delivering(receiver, Path(folder)) as load:
            await steadily(load, 1, rate)
            await load.until_arrived()
            for turn in range(TURNS):
                rates.bare.append(await bare_loop(receiver.url, seconds / TURNS / 2))
                rates.recording.append(await while_recording(load, seconds / TURNS))
                await load.until_arrived()
                rates.waiting.append(await waiting(load, int(rates.recording[-1] * seconds / TURNS)))
                rates.bare.append(await bare_loop(receiver.url, seconds / TURNS / 2))
                print(_turn(turn, rates), flush=True)
            steady = load.milliseconds(await _arrived(load, seconds, rate))
            without, beside = await beside_a_hanging_endpoint(load, rate)
            _print(rates)
            print(f"\nmilliseconds from commit to first byte, {rate:g} events/s")
            _print_percentiles("to 100 endpoints", steady)
            _print_percentiles("to 99, the last answers", without)
            _print_percentiles("to 99, the last hangs", beside)
            print(f"  one hanging endpoint moves the others' p99 by {_p99(beside) / _p99(without) - 1:+.0%}")
            _reconcile(load)


async def _arrived(load: Load, seconds: float, rate: float) -> range:
    numbers = await steadily(load, seconds, rate)
    await load.until_arrived()
    return numbers


def _turn(turn: int, rates: Rates) -> str:
    return (
        f"turn {turn + 1}: bare {rates.bare[-2]:6.0f} and {rates.bare[-1]:6.0f} POST/s   deliveries/s "
        f"{rates.recording[-1]:6.0f} while recorded, {rates.waiting[-1]:6.0f} recorded before"
    )


def _print(rates: Rates) -> None:
    bare = mean(rates.bare)
    print(f"\n{ENDPOINTS} endpoints, {os.cpu_count()} cores, bare loop {bare:.0f}/s")
    for name, found in (("recorded meanwhile", rates.recording), ("recorded before", rates.waiting)):
        print(f"  {name:<18} {mean(found):6.0f} deliveries/s   ratio {mean(found) / bare:.2f}")


def _reconcile(load: Load) -> None:
    """Raises SystemExit where an event was lost."""
    came = load.receiver.arrivals(range(load.recorded))
    lost, twice = came.count(0), sum(count - 1 for count in came if count > 1)
    print(f"\n{load.recorded} events recorded, {len(came) - lost} arrived, {lost} lost, {twice} duplicates")
    if lost:
        raise SystemExit(1)


def _print_percentiles(name: str, found: Sequence[float]) -> None:
    cuts = quantiles(found, n=100)
    print(f"  {name:<24} p50 {cuts[49]:6.1f}   p95 {cuts[94]:6.1f}   p99 {cuts[98]:6.1f}   of {len(found)}")


def _p99(found: Sequence[float]) -> float:
    return quantiles(found, n=100)[98]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of saturation, and again of the steady rate")
    parser.add_argument("--rate", type=float, default=200, help="events per second of the steady rate")
    chosen = parser.parse_args()
    with WebhookReceiver(MOST_EVENTS) as receiver:
        asyncio.run(measure(receiver, chosen.seconds, chosen.rate))


if __name__ == "__main__":
    main()
