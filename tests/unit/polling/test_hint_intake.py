"""The intake of hints: who is believed, what is limited, and how many transactions there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio
import pytest

from tests.fakes.clock import FakeClock
from watcher.core.errors import HintUnreadable, StoreUnavailable
from watcher.polling.hint_intake import BURST, HintIntake, HintSource
from watcher.ports import HintedIds, HintOutcome, HintReceipt, HintRequest, HintsTaken


@dataclass
class Scheme:
    """Genuine is what begins with its secret; the rest are ids."""

    secret: bytes = b"right "

    def verify(self, request: HintRequest) -> bool:
        return request.body.startswith(self.secret)

    def invoice_ids(self, body: bytes) -> tuple[str, ...]:
        words = body.removeprefix(self.secret).decode().split()
        if "torn" in words:
            raise HintUnreadable("the hint is not JSON that can be read")
        return tuple(words)


@dataclass
class Desk:
    """The store and the observer: keeps what came."""

    batches: list[list[HintedIds]] = field(default_factory=list[list[HintedIds]])
    outcomes: list[tuple[HintOutcome, HintsTaken | None]] = field(
        default_factory=list[tuple[HintOutcome, HintsTaken | None]]
    )
    error: Exception | None = None
    woken: int = 0
    counted: list[dict[tuple[str, HintOutcome], int]] = field(default_factory=list[dict[tuple[str, HintOutcome], int]])
    free: anyio.Event = field(default_factory=anyio.Event)

    async def take(self, hints: Sequence[HintedIds], now: datetime) -> Mapping[str, HintsTaken]:
        del now
        await self.free.wait()
        if self.error is not None:
            raise self.error
        self.batches.append(list(hints))
        return {one.source: HintsTaken(len(one.ids), 0, 0) for one in hints}

    async def count(self, counts: Mapping[tuple[str, HintOutcome], int]) -> None:
        if self.error is not None:
            raise self.error
        self.counted.append(dict(counts))

    def hinted(self, source: str, outcome: HintOutcome, taken: HintsTaken | None) -> None:
        assert source == "acme"
        self.outcomes.append((outcome, taken))

    def wake(self) -> None:
        self.woken += 1


@pytest.fixture(name="desk")
async def fixture_desk() -> Desk:
    return Desk()


def intake(desk: Desk, clock: FakeClock, *schemes: Scheme) -> HintIntake:
    made = HintIntake(desk, clock, observer=desk, on_due=desk.wake)
    made.configure({"acme": HintSource(schemes or (Scheme(),))})
    return made


def request(body: str, clock: FakeClock) -> HintRequest:
    return HintRequest("https://hooks.example.com/hints/acme", {}, body.encode(), clock.now())


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("right inv_1", HintOutcome.ACCEPTED),
        ("new inv_1", HintOutcome.ACCEPTED),
        ("right ", HintOutcome.IGNORED),
        ("right torn", HintOutcome.UNREADABLE),
        ("wrong inv_1", HintOutcome.REFUSED),
    ],
)
async def test_each_hint_has_its_outcome(desk: Desk, body: str, outcome: HintOutcome) -> None:
    desk.free.set()
    clock = FakeClock()
    taking = intake(desk, clock, Scheme(), Scheme(b"new "))
    receipt = await taking.take("acme", request(body, clock))
    assert receipt.outcome is outcome
    accepted = outcome is HintOutcome.ACCEPTED
    assert desk.batches == ([[HintedIds("acme", ("inv_1",))]] if accepted else [])
    assert (desk.woken, desk.outcomes) == (int(accepted), [(outcome, HintsTaken(1, 0, 0) if accepted else None)])


async def test_hints_that_come_together_share_a_transaction(desk: Desk) -> None:
    clock = FakeClock()
    taking = intake(desk, clock)
    receipts: list[HintReceipt] = []

    async def send(number: int) -> None:
        receipts.append(await taking.take("acme", request(f"right inv_{number}", clock)))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(send, number)
        await anyio.wait_all_tasks_blocked()
        assert receipts == [], "nobody is told before it is written"
        desk.free.set()
    assert {receipt.outcome for receipt in receipts} == {HintOutcome.ACCEPTED}
    assert len(desk.batches) <= 2
    assert sum(len(one.ids) for batch in desk.batches for one in batch) == 20


async def test_what_the_database_does_not_take_is_sent_again_by_its_sender(desk: Desk) -> None:
    desk.free.set()
    desk.error = StoreUnavailable("database x is locked")
    clock = FakeClock()
    receipt = await intake(desk, clock).take("acme", request("right inv_1", clock))
    assert receipt == HintReceipt(HintOutcome.UNSTORED, retry_after=5)
    assert desk.woken == 0


async def test_a_bug_in_one_write_accepts_none_of_its_hints(desk: Desk) -> None:
    desk.error = RuntimeError("a bug")
    clock = FakeClock()
    taking = intake(desk, clock)
    outcomes: list[object] = []

    async def send() -> None:
        try:
            outcomes.append((await taking.take("acme", request("right inv_1", clock))).outcome)
        except RuntimeError as error:
            outcomes.append(str(error))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(send)
        await anyio.wait_all_tasks_blocked()
        desk.free.set()
    assert outcomes.count("a bug") == 1, "it is raised once for each transaction"
    assert outcomes.count(HintOutcome.UNSTORED) == 2


async def test_a_source_may_send_a_burst_and_then_fifty_a_second_and_forged_hints_use_up_nothing(desk: Desk) -> None:
    desk.free.set()
    clock = FakeClock()
    taking = intake(desk, clock)
    for _ in range(BURST):
        assert taking.limited("acme") is None
        await taking.take("acme", request("right inv_1", clock))
        await taking.take("acme", request("wrong inv_1", clock))
    assert taking.limited("acme") == HintReceipt(HintOutcome.LIMITED, retry_after=1)
    clock.instant += timedelta(seconds=1)
    for _ in range(50):
        assert taking.limited("acme") is None
        await taking.take("acme", request("right inv_1", clock))
    assert taking.limited("acme") is not None


async def test_outcomes_are_counted_once_and_kept_while_the_database_is_away(desk: Desk) -> None:
    desk.free.set()
    clock = FakeClock()
    taking = intake(desk, clock)
    for body in ("right inv_1", "wrong inv_1", "wrong inv_1"):
        await taking.take("acme", request(body, clock))
    desk.error = StoreUnavailable("database x is locked")
    with pytest.raises(StoreUnavailable):
        await taking.count()
    desk.error = None
    await taking.count()
    await taking.count()
    assert desk.counted == [{("acme", HintOutcome.ACCEPTED): 1, ("acme", HintOutcome.REFUSED): 2}, {}]


async def test_a_reload_changes_who_is_believed_and_fills_no_bucket(desk: Desk) -> None:
    desk.free.set()
    clock = FakeClock()
    taking = intake(desk, clock)
    for _ in range(BURST):
        taking.limited("acme")
        await taking.take("acme", request("right inv_1", clock))
    taking.configure({"acme": HintSource((Scheme(b"new "),))})
    assert taking.limited("acme") is not None
    assert (await taking.take("acme", request("right inv_1", clock))).outcome is HintOutcome.REFUSED
    taking.configure({})
    assert not taking.takes("acme")
