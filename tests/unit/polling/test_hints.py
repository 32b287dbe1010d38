"""What a hint does to its poll: how its change was found, one more poll if nothing was new, and what it teaches."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.invoices import euros, invoice
from tests.fakes.polling import EVERY, MIDDLE, found, plan, watch
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Invoice, Status
from watcher.core.scheduling.hazard import WITH_HINTS
from watcher.polling import evaluate
from watcher.polling.evaluate import Moment
from watcher.polling.hints import with_next_reason
from watcher.ports import ClaimedWatch, FoundBy, FoundChange, PollReason, PollRecord, WatchState

AT = datetime(2026, 11, 1, tzinfo=UTC)
ECHO = timedelta(seconds=10)
PLAN = plan(hint_echo=ECHO)
PAID = invoice(Status.PAID, euros("100.00", "100.00"), paid_at=AT + EVERY / 3)


def known(reason: PollReason | None) -> ClaimedWatch:
    record = evaluate.found(PLAN, watch(), found(invoice(), b"one"), Moment(AT, AT, MIDDLE))
    assert record.change is not None
    assert record.hazard_group is not None
    return watch(
        fingerprint=record.fingerprint,
        memory=record.change.memory,
        asked_at=AT,
        fetched_at=AT,
        clock_at=record.clock_at,
        hazard_group=record.hazard_group,
        poll_reason=reason,
    )


def polled(answer: Invoice, before: ClaimedWatch, *, is_list: bool = False) -> PollRecord:
    at = AT + EVERY
    fingerprint = b"one" if answer == invoice() else b"two"
    record = evaluate.found(PLAN, before, found(answer, fingerprint), Moment(at, at, MIDDLE, is_list=is_list))
    return record if is_list else with_next_reason(PLAN, before, record)


@pytest.mark.parametrize(
    ("reason", "how"),
    [
        (None, FoundBy.POLL),
        (PollReason.REQUEST, FoundBy.REQUEST),
        (PollReason.HINT, FoundBy.HINT),
        (PollReason.ECHO, FoundBy.HINT),
        (PollReason.LIST, FoundBy.LIST),
    ],
)
def test_a_change_says_how_it_was_found(reason: PollReason | None, how: FoundBy) -> None:
    record = polled(PAID, known(reason))
    assert record.change is not None
    assert {event.found_by for event in record.change.events} == {how}
    assert record.found_changes == tuple(FoundChange("acme", event.type, how) for event in record.change.events)
    assert (record.next_reason, record.poll_at) == (None, record.poll_at)


def test_a_row_of_a_list_found_it_whatever_had_asked_for_it() -> None:
    record = polled(PAID, known(PollReason.HINT), is_list=True)
    assert record.change is not None
    assert {event.found_by for event in record.change.events} == {FoundBy.LIST}


def test_a_poll_for_a_hint_that_finds_nothing_new_is_followed_by_one_more_and_no_other() -> None:
    first = polled(invoice(), known(PollReason.HINT))
    assert (first.poll_at, first.next_reason, first.is_unchanged) == (AT + EVERY + ECHO, PollReason.ECHO, False)
    second = polled(invoice(), known(PollReason.ECHO))
    assert (second.next_reason, second.is_unchanged) == (None, True)
    assert second.poll_at is not None
    assert second.poll_at > AT + EVERY + ECHO


def test_an_echo_never_postpones_a_poll() -> None:
    before = known(PollReason.HINT)
    soon = polled(invoice(), before).poll_at
    planned = evaluate.found(PLAN, before, found(invoice(), b"one"), Moment(AT, AT, MIDDLE))
    assert planned.poll_at is not None
    early = with_next_reason(plan(hint_echo=timedelta(days=9)), before, planned)
    assert (early.poll_at, soon) == (planned.poll_at, AT + EVERY + ECHO)


def test_a_poll_for_a_hint_that_fails_is_repeated_for_the_hint() -> None:
    before = known(PollReason.HINT)
    failed = evaluate.failed(PLAN, before, InvalidAnswer("torn"), Moment(AT, AT, MIDDLE))
    record = with_next_reason(PLAN, before, failed)
    assert (record.state, record.next_reason) == (WatchState.FAILING, PollReason.HINT)


def test_what_hints_bring_is_not_what_polls_have_to_find() -> None:
    by_hint, by_poll = polled(PAID, known(PollReason.HINT)), polled(PAID, known(None))
    assert [(one.provider, one.events) for one in by_hint.exposures] == [("meteroid", 1), ("meteroid" + WITH_HINTS, 0)]
    assert [(one.provider, one.events) for one in by_poll.exposures] == [("meteroid", 1), ("meteroid" + WITH_HINTS, 1)]
    assert {one.time for one in (*by_hint.exposures, *by_poll.exposures)} == {EVERY / 3}


def test_a_source_without_hints_learns_one_thing_only() -> None:
    record = evaluate.found(plan(), known(None), found(PAID, b"two"), Moment(AT + EVERY, AT + EVERY, MIDDLE))
    assert [one.provider for one in record.exposures] == ["meteroid"]
    assert record.found_changes == ()
