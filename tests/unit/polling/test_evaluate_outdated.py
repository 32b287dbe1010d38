"""An answer that is older than what is known undoes nothing; a real step back is recorded."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.fakes.invoices import euros, invoice
from tests.fakes.polling import MIDDLE, found, plan, watch
from tests.unit.polling.test_evaluate import SEEN_AT, recorded, seen
from watcher.core.invoices.invoice import Invoice, Status
from watcher.polling import evaluate
from watcher.polling.evaluate import Moment
from watcher.ports import ClaimedWatch, PollRecord, WatchState

OPEN = invoice(revision=4)
PAID = invoice(Status.PAID, euros(paid="100.00"), revision=7)
REVERSED = invoice(revision=8)
POLLED_AT = SEEN_AT + timedelta(minutes=5)
CACHE_WORDS = "a cache between us and the provider gave an answer that is older than the one known"


def polled(
    result: Invoice, text: bytes, before: ClaimedWatch, at: datetime, *, age: timedelta | None = None
) -> PollRecord:
    moment = Moment(at - (age or timedelta(0)), at, MIDDLE, is_cached=age is not None)
    return evaluate.found(plan(), before, found(result, text), moment)


def known_paid() -> ClaimedWatch:
    """An invoice first seen open, then paid."""
    first = seen(polled(OPEN, b"open", watch(), SEEN_AT))
    return seen(polled(PAID, b"paid", first, POLLED_AT), first)


def test_a_cached_answer_from_before_the_last_poll_is_no_reversal() -> None:
    later = POLLED_AT + timedelta(minutes=5)
    unmarked = replace(OPEN, revision=None)
    record = polled(unmarked, b"open", known_paid(), later, age=timedelta(minutes=6))
    assert (record.state, record.change, record.fingerprint) == (WatchState.FAILING, None, None)
    assert record.last_error == CACHE_WORDS
    assert record.asked_at is None


def test_a_cached_answer_from_after_the_last_poll_is_believed() -> None:
    later = POLLED_AT + timedelta(minutes=5)
    record = polled(replace(OPEN, revision=None), b"open", known_paid(), later, age=timedelta(minutes=4))
    assert "invoice.payment_reversed" in recorded(record)


def test_a_cached_answer_that_says_what_is_known_is_an_unchanged_poll() -> None:
    record = polled(PAID, b"paid", known_paid(), POLLED_AT + timedelta(minutes=5), age=timedelta(hours=1))
    assert (record.state, record.is_unchanged) == (WatchState.ACTIVE, True)


def test_a_cached_miss_from_before_the_last_poll_counts_as_no_miss() -> None:
    at = Moment(POLLED_AT - timedelta(seconds=1), POLLED_AT + timedelta(minutes=5), MIDDLE, is_cached=True)
    record = evaluate.missed(plan(), known_paid(), at, account_answers=True)
    assert (record.state, record.misses, record.last_error) == (WatchState.FAILING, 0, CACHE_WORDS)


def test_an_older_revision_is_no_reversal() -> None:
    record = polled(OPEN, b"open", known_paid(), POLLED_AT + timedelta(minutes=5))
    assert (record.state, record.change, record.fingerprint) == (WatchState.FAILING, None, None)
    assert record.last_error == "the provider gave an older state of the invoice than the one known"


@pytest.mark.parametrize("revision", [7, 8, None])
def test_a_reversal_with_the_same_a_later_or_no_revision_is_recorded(revision: int | None) -> None:
    record = polled(replace(REVERSED, revision=revision), b"reversed", known_paid(), POLLED_AT + timedelta(minutes=5))
    assert "invoice.payment_reversed" in recorded(record)


def test_a_revision_is_remembered_over_an_answer_that_has_none() -> None:
    paid = known_paid()
    edited = replace(PAID, revision=None, number="INV-2")
    again = seen(polled(edited, b"edited", paid, POLLED_AT + timedelta(minutes=5)), paid)
    assert polled(OPEN, b"open", again, POLLED_AT + timedelta(minutes=9)).state is WatchState.FAILING


def test_an_older_revision_that_stays_is_believed_after_a_day_and_several_polls() -> None:
    doubted = known_paid()
    for hours in (1, 12, 23):
        record = polled(OPEN, b"open", doubted, POLLED_AT + timedelta(hours=hours))
        assert record.state is WatchState.FAILING
        doubted = seen(record, doubted)
    believed = polled(OPEN, b"open", doubted, POLLED_AT + timedelta(hours=24))
    assert "invoice.payment_reversed" in recorded(believed)
    after = polled(replace(OPEN, number="INV-2"), b"next", seen(believed, doubted), POLLED_AT + timedelta(hours=25))
    assert after.state is WatchState.ACTIVE


def test_one_stale_answer_is_doubted_however_long_ago_the_last_poll_was() -> None:
    record = polled(OPEN, b"open", known_paid(), POLLED_AT + timedelta(days=7))
    assert record.state is WatchState.FAILING
