"""What one poll teaches, and the hazard group by which the next one is planned."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.fakes.invoices import euros, invoice
from tests.fakes.polling import EVERY, MIDDLE, found, plan, watch
from watcher.core.invoices.invoice import Invoice, Status
from watcher.core.scheduling.allocation import UNSEEN, HazardGroup
from watcher.core.scheduling.hazard import Exposure, due_hour, stage_at
from watcher.polling import evaluate
from watcher.polling.evaluate import Moment
from watcher.ports import ClaimedWatch, PollRecord

SEEN_AT = datetime(2026, 11, 1, tzinfo=UTC)
DUE_AT = datetime(2026, 11, 21, tzinfo=UTC)
OPEN = HazardGroup("open", due_hour(DUE_AT), "EUR", 27)
EARLY = stage_at(-20)


def polled(recorded: Invoice, at: datetime, before: ClaimedWatch, fingerprint: bytes = b"one") -> PollRecord:
    return evaluate.found(plan(), before, found(recorded, fingerprint), Moment(at, at, MIDDLE))


def known(recorded: Invoice, at: datetime = SEEN_AT) -> ClaimedWatch:
    """The watch as it stands after a first poll of it."""
    record = polled(recorded, at, watch())
    assert record.change is not None
    assert record.hazard_group is not None
    return watch(
        fingerprint=record.fingerprint,
        memory=record.change.memory,
        asked_at=at,
        fetched_at=at,
        settled_at=record.settled_at,
        clock_at=record.clock_at,
        hazard_group=record.hazard_group,
    )


def test_a_first_poll_records_where_the_invoice_stands_and_teaches_nothing() -> None:
    record = polled(invoice(), SEEN_AT, watch())
    assert record.hazard_group == OPEN
    assert record.exposures == ()


def test_a_poll_that_finds_nothing_new_teaches_that_nothing_changed() -> None:
    record = polled(invoice(), SEEN_AT + EVERY, known(invoice()))
    assert record.hazard_group is None, "what did not change is not written"
    assert record.exposures == (Exposure("meteroid", "open", EARLY, 0, EVERY),)


def test_a_change_counts_when_the_provider_says_that_it_happened() -> None:
    paid_at = SEEN_AT + EVERY / 3
    paid = invoice(Status.PAID, euros("100.00", "100.00"), paid_at=paid_at)
    record = polled(paid, SEEN_AT + EVERY, known(invoice()), b"two")
    assert record.exposures == (Exposure("meteroid", "open", EARLY, 1, EVERY / 3),)
    assert record.change is not None
    assert [event.delay for event in record.change.events] == [EVERY - EVERY / 3]


def test_a_change_without_a_time_counts_in_the_middle_and_has_no_delay() -> None:
    part = invoice(Status.PARTIALLY_PAID, euros("100.00", "40.00"))
    record = polled(part, SEEN_AT + EVERY, known(invoice()), b"two")
    assert record.exposures == (Exposure("meteroid", "open", EARLY, 1, EVERY / 2),)
    assert record.hazard_group == replace(OPEN, status="partially_paid", worth=24)
    assert record.change is not None
    assert [event.delay for event in record.change.events] == [None]


def test_a_payment_dated_before_the_last_poll_is_late_by_all_of_it() -> None:
    paid = invoice(Status.PAID, euros("100.00", "100.00"), paid_at=SEEN_AT - timedelta(days=1))
    record = polled(paid, SEEN_AT + EVERY, known(invoice()), b"two")
    assert record.change is not None
    assert [event.delay for event in record.change.events] == [EVERY + timedelta(days=1)]
    assert [one.time for one in record.exposures] == [EVERY / 2], "when it was entered nobody knows"


def test_a_provider_whose_clock_is_ahead_was_seen_at_once() -> None:
    paid = invoice(Status.PAID, euros("100.00", "100.00"), paid_at=SEEN_AT + 2 * EVERY)
    record = polled(paid, SEEN_AT + EVERY, known(invoice()), b"two")
    assert record.change is not None
    assert [event.delay for event in record.change.events] == [timedelta(0)]


def test_what_the_clock_says_is_no_change_and_has_no_delay() -> None:
    overdue = polled(invoice(), DUE_AT, known(invoice(), DUE_AT - EVERY))
    assert overdue.change is not None
    assert [(event.type, event.delay) for event in overdue.change.events] == [("invoice.overdue", None)]
    assert sum(one.events for one in overdue.exposures) == 0


def test_a_change_of_tags_is_no_change_of_the_provider_s() -> None:
    tagged = replace(known(invoice()), tags=("vip",))
    record = polled(invoice(), SEEN_AT + EVERY, tagged)
    assert record.change is not None
    assert [(event.type, event.delay) for event in record.change.events] == [("invoice.updated", None)]
    assert [one.events for one in record.exposures] == [0]


def test_settled_invoices_teach_nothing() -> None:
    paid = invoice(Status.PAID, euros("100.00", "100.00"))
    assert polled(paid, SEEN_AT + EVERY, known(paid)).exposures == ()


def test_the_policy_learns_where_the_invoice_stands_whether_it_changed_or_not() -> None:
    asked: list[HazardGroup] = []

    def note(hazard_group: HazardGroup, now: datetime, jitter: float) -> datetime:
        del jitter
        asked.append(hazard_group)
        return now + EVERY

    noting = plan(regular=note)
    first, again = Moment(SEEN_AT, SEEN_AT, MIDDLE), Moment(SEEN_AT + EVERY, SEEN_AT + EVERY, MIDDLE)
    evaluate.found(noting, watch(), found(invoice()), first)
    evaluate.found(noting, known(invoice()), found(invoice()), again)
    undated = invoice(due=None)
    evaluate.found(noting, watch(), found(undated), first)
    assert asked == [OPEN, OPEN, replace(OPEN, due_hour=None)]
    assert UNSEEN not in asked


def test_no_poll_steps_over_the_due_instant() -> None:
    def never(_: HazardGroup, now: datetime, jitter: float) -> datetime:
        return now + timedelta(days=90 + jitter)

    at = DUE_AT - timedelta(hours=1)
    record = evaluate.found(plan(regular=never), watch(), found(invoice()), Moment(at, at, MIDDLE))
    assert record.poll_at == DUE_AT
