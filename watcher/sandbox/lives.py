"""The script of `demo`: sixteen invoices at five providers, whose lives reach every status in about 20 seconds.

Two steps of one invoice are far enough apart that a watcher that polls every second sees each of them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.sandbox.bill import Bill, derived
from watcher.sandbox.ledger import PROVIDERS, Ledger
from watcher.sandbox.server import Sandbox

Act = Callable[[Ledger, Bill, datetime], None]
"""Change a bill in the ledger; the instant is the present."""

Pace = Callable[[timedelta, str], Awaitable[None]]
"""Wait this long before the next step."""

_INSTANTS = frozenset({"dollr", "rapyd"})
"""Providers whose due dates are instants; the others give a day, Fragment none."""

_LATE = timedelta(days=-2)
"""Past in every time zone."""


@dataclass(frozen=True, slots=True)
class Step:
    """`at` is counted from the start of the demo; `expects` are the events that a watcher has to record for it."""

    at: timedelta
    description: str
    act: Act
    expects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Life:
    provider: str
    id: str
    currency: str
    total: int
    steps: tuple[Step, ...]
    due_in: timedelta = timedelta(days=30)
    draft: bool = False
    watch_due_in: timedelta | None = None
    """The due date of the watch, if the provider has none."""
    late: bool = False
    """Overdue from the first poll on."""
    source: str = ""
    """In the configuration; like the provider if it is empty."""

    @property
    def source_name(self) -> str:
        return self.source or self.provider

    @property
    def expects(self) -> tuple[str, ...]:
        first = ("invoice.tracked", "invoice.overdue") if self.late else ("invoice.tracked",)
        return first + tuple(event for step in self.steps for event in step.expects)


def _step(at: int, description: str, act: Act, *expects: str) -> Step:
    return Step(timedelta(seconds=at), description, act, tuple(f"invoice.{event}" for event in expects))


def _pay(amount: int | None = None) -> Act:
    return lambda ledger, bill, _now: ledger.pay(bill, amount)


def _move_due(ahead: timedelta) -> Act:
    return lambda ledger, bill, now: ledger.change_due(bill, now.replace(microsecond=0) + ahead)


def _finalize(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.finalize(bill)


def _start_payment(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.start_payment(bill)


def _fail_payment(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.fail_payment(bill)


def _void(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.void(bill)


def _write_off(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.write_off(bill)


def _delete(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.delete(bill)


def _restore(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.restore(bill)


def _refund(amount: int) -> Act:
    return lambda ledger, bill, _now: ledger.refund(bill, amount)


def _chargeback(amount: int) -> Act:
    return lambda ledger, bill, _now: ledger.chargeback(bill, amount)


def _credit(amount: int) -> Act:
    return lambda ledger, bill, _now: ledger.credit(bill, amount)


def _change_total(total: int) -> Act:
    return lambda ledger, bill, _now: ledger.change_total(bill, total)


def _rapyd_id(name: str) -> str:
    return f"invoice_{derived('demo', name)}"


_FRAGMENT = (
    Life(
        *("fragment", "acme-1001", "USD", 250_000),
        steps=(
            _step(0, "half of it is paid", _pay(125_000), "partially_paid"),
            _step(6, "the rest is paid", _pay(), "paid"),
            _step(10, "half of it is taken back", _chargeback(125_000), "payment_reversed"),
        ),
    ),
    Life(
        *("fragment", "acme-1002", "USD", 80_000),
        draft=True,
        steps=(
            _step(2, "it gets its lines", _finalize, "finalized"),
            _step(9, "all its lines are taken away", _void, "voided"),
        ),
    ),
    Life(
        *("fragment", "acme-1003", "USD", 99_900),
        watch_due_in=_LATE,
        late=True,
        steps=(_step(4, "more than asked is paid", _pay(110_000), "paid", "overpaid", "overdue_cleared"),),
    ),
)
_METEROID = (
    Life(
        *("meteroid", "inv_demoChargeback1", "EUR", 107_998),
        steps=(
            _step(0, "400.00 is paid", _pay(40_000), "partially_paid"),
            _step(5, "the rest is paid", _pay(), "paid"),
            _step(9, "the bank takes all of it back", _chargeback(107_998), "payment_reversed"),
        ),
    ),
    Life(
        *("meteroid", "inv_demoWriteOff2", "EUR", 45_000),
        draft=True,
        steps=(
            _step(1, "it is finalized", _finalize, "finalized"),
            _step(7, "it is given up", _write_off, "marked_uncollectible"),
        ),
    ),
    Life(
        *("meteroid", "inv_demoDeclined3", "JPY", 32_000),
        steps=(
            _step(3, "a card is declined", _fail_payment, "payment_failed"),
            _step(8, "another card works", _pay(), "paid"),
        ),
    ),
)
_DOLLR = (
    Life(
        *("dollr", "3001", "USD", 25_000),
        steps=(
            _step(1, "mobile money is under way", _start_payment, "payment_pending"),
            _step(6, "it arrives", _pay(), "paid"),
        ),
    ),
    Life(
        *("dollr", "3002", "LRD", 1_250_000),
        steps=(
            _step(2, "mobile money is under way", _start_payment, "payment_pending"),
            _step(7, "it does not arrive", _fail_payment, "payment_failed"),
            _step(12, "it is canceled", _void, "voided"),
        ),
    ),
    Life(
        *("dollr", "3003", "RWF", 90_000),
        draft=True,
        steps=(_step(3, "it is deleted", _delete, "deleted"),),
    ),
)
_RAPYD = (
    Life(
        *("rapyd", _rapyd_id("refund"), "USD", 1_999),
        draft=True,
        steps=(
            _step(1, "it is finalized", _finalize, "finalized"),
            _step(6, "it is paid", _pay(), "paid"),
            _step(10, "5.00 is given back", _refund(500), "refunded"),
        ),
    ),
    Life(
        *("rapyd", _rapyd_id("overdue"), "KWD", 12_345),
        steps=(
            _step(
                1,
                "its due date moves to 9 seconds from now",
                _move_due(timedelta(seconds=9)),
                *("due_date_changed", "due_soon", "overdue", "overdue_reminder"),
            ),
            _step(18, "it is paid late", _pay(), "paid", "overdue_cleared"),
        ),
    ),
    Life(
        *("rapyd", _rapyd_id("restored"), "USD", 5_000),
        steps=(
            _step(2, "it vanishes", _delete, "deleted"),
            _step(12, "it is back", _restore, "restored"),
        ),
    ),
)
_CHARGEOVER = (
    Life(
        *("chargeover", "5001", "USD", 64_000),
        due_in=_LATE,
        late=True,
        steps=(_step(3, "it is paid", _pay(), "paid", "overdue_cleared"),),
    ),
    Life(
        *("chargeover", "5002", "USD", 30_000),
        steps=(
            _step(0, "100.00 is credited", _credit(10_000), "credited"),
            _step(5, "the rest is paid", _pay(), "paid"),
        ),
    ),
    Life(
        *("chargeover", "5003", "USD", 12_000),
        steps=(_step(4, "it is voided, which takes its total away", _void, "voided"),),
    ),
    Life(
        *("chargeover", "5004", "USD", 50_000),
        steps=(
            _step(2, "its total rises to 560.00", _change_total(56_000), "amount_changed"),
            _step(8, "a card is declined", _fail_payment, "payment_failed"),
        ),
    ),
)

HINTED = "hinted"
"""The source whose polls are an hour apart, so that only the provider's webhooks show its changes in time."""
HINTED_LIVES = (
    Life(
        *("meteroid", "inv_demoHinted4", "EUR", 72_000),
        source=HINTED,
        steps=(
            _step(4, "a card is declined", _fail_payment, "payment_failed"),
            _step(9, "another card works", _pay(), "paid"),
        ),
    ),
)
LIVES = _FRAGMENT + _METEROID + _DOLLR + _RAPYD + _CHARGEOVER

DEMO_WATCHES: Mapping[str, tuple[str, ...]] = {
    provider: tuple(life.id for life in LIVES if life.provider == provider) for provider in PROVIDERS
}
"""By source (named like its provider): the invoices that a watcher has to know before the demo starts."""

EXPECTED: Mapping[tuple[str, str], tuple[str, ...]] = {(life.provider, life.id): life.expects for life in LIVES}
"""By (source, invoice id): the types of all expected events, in order; `invoice.updated` may be added."""

LASTS = max(step.at for life in LIVES for step in life.steps)
"""From the start of the demo to its last step."""


def prepare(sandbox: Sandbox) -> None:
    """Write all bills into the ledger as they are before the demo."""
    now = sandbox.clock.now().replace(microsecond=0)
    for life in LIVES + HINTED_LIVES:
        due = None if life.provider == "fragment" else now + life.due_in
        if due is not None and life.provider not in _INSTANTS:
            due = due.date()
        sandbox.ledger.create(life.provider, life.id, life.currency, life.total, due, draft=life.draft)


async def play(sandbox: Sandbox, pace: Pace) -> None:
    """Live all lives once, after `prepare`, in the order of their instants."""
    played = timedelta()
    order = sorted(((step, life) for life in LIVES for step in life.steps), key=lambda pair: pair[0].at)
    for step, life in order:
        await pace(step.at - played, f"{life.provider} {life.id}: {step.description}")
        played = step.at
        step.act(sandbox.ledger, sandbox.ledger.bill(life.provider, life.id), sandbox.clock.now())
