"""From one poll to what is recorded."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.fakes.invoices import DUE, euros, invoice
from tests.fakes.polling import EVERY, MIDDLE, POLL_RULES, found, plan, watch
from watcher.core.errors import InvalidAnswer, ProviderUnavailable
from watcher.core.invoices.clock_events import ClockRules
from watcher.core.invoices.invoice import Amounts, Status
from watcher.core.webhooks.subscription import Subscription
from watcher.polling import evaluate
from watcher.polling.evaluate import Moment
from watcher.ports import ClaimedWatch, Form, Found, PollRecord, WatchState

OVERDUE_AT = datetime(2026, 11, 21, tzinfo=UTC)
SEEN_AT = datetime(2026, 11, 1, tzinfo=UTC)
NOW = Moment(SEEN_AT + EVERY, SEEN_AT + EVERY + timedelta(seconds=1), MIDDLE)


def seen(record: PollRecord, before: ClaimedWatch | None = None) -> ClaimedWatch:
    """The watch as the store would give it at the next claim."""
    kept = before or watch()
    return replace(
        kept,
        fingerprint=kept.fingerprint if record.fingerprint is None else record.fingerprint,
        memory=record.change.memory if record.change else kept.memory,
        asked_at=record.asked_at or kept.asked_at,
        fetched_at=record.fetched_at or kept.fetched_at,
        misses=record.misses,
        first_missed_at=record.first_missed_at,
        failures=record.failures,
        settled_at=record.settled_at,
        clock_at=record.clock_at,
    )


def evaluated(
    result: Found, *, at: datetime = SEEN_AT, held: bool = False, before: ClaimedWatch | None = None
) -> PollRecord:
    return evaluate.found(plan(), before or watch(), result, Moment(at, at, MIDDLE, clock_held=held))


def recorded(record: PollRecord) -> list[str]:
    return [event.type for event in record.change.events] if record.change else []


def test_a_first_poll_records_a_baseline_and_the_next_clock_instant() -> None:
    record = evaluated(found(invoice()))
    assert recorded(record) == ["invoice.tracked"]
    assert record.clock_at == OVERDUE_AT - timedelta(days=7)
    assert record.poll_at == SEEN_AT + EVERY
    assert record.change is not None
    assert record.change.version == 1
    assert json.loads(record.change.events[0].bodies[Form.FULL])["data"]["observed_after"] is None


def test_an_invoice_goes_by_the_id_it_is_watched_by_however_its_provider_spells_it() -> None:
    record = evaluated(found(invoice()), before=watch(invoice_id="018f-uuid"))
    assert record.change is not None
    assert record.change.snapshot is not None
    data = json.loads(record.change.events[0].bodies[Form.FULL])["data"]
    assert data["invoice_id"] == data["invoice"]["id"] == record.change.snapshot.id == "018f-uuid"


def test_the_same_fingerprint_writes_nothing_but_the_next_poll() -> None:
    known = seen(evaluated(found(invoice())))
    record = evaluated(found(invoice()), at=SEEN_AT + EVERY, before=known)
    assert record.change is None
    assert record.asked_at == SEEN_AT + EVERY


def test_the_same_fingerprint_is_compared_anew_when_a_clock_instant_has_come() -> None:
    known = seen(evaluated(found(invoice())))
    record = evaluated(found(invoice()), at=OVERDUE_AT, before=known)
    assert recorded(record) == ["invoice.overdue"]
    assert record.raw is None


def test_changed_tags_are_compared_though_the_document_is_the_same() -> None:
    known = replace(seen(evaluated(found(invoice()))), tags=("legal",))
    record = evaluated(found(invoice()), at=SEEN_AT + EVERY, before=known)
    assert recorded(record) == ["invoice.updated"]
    assert record.change is not None
    assert record.change.events[0].deliveries == ()


def test_a_reminder_configured_later_is_not_forgotten_though_the_document_is_the_same() -> None:
    known = seen(evaluated(found(invoice())))
    overdue = seen(evaluated(found(invoice()), at=OVERDUE_AT, before=known), known)
    reminded = seen(evaluated(found(invoice()), at=OVERDUE_AT + timedelta(days=1), before=overdue), overdue)
    assert reminded.clock_at is None
    more = plan(clock=ClockRules(reminders=(timedelta(days=1), timedelta(days=7))))
    moment = Moment(OVERDUE_AT + timedelta(days=2), OVERDUE_AT + timedelta(days=2), MIDDLE)
    assert evaluate.found(more, reminded, found(invoice()), moment).clock_at == OVERDUE_AT + timedelta(days=7)


def test_a_longer_grace_lowers_the_flag_though_the_document_is_the_same() -> None:
    known = seen(evaluated(found(invoice())))
    overdue = seen(evaluated(found(invoice()), at=OVERDUE_AT, before=known), known)
    patient = plan(clock=ClockRules(grace=timedelta(days=3)))
    moment = Moment(OVERDUE_AT + EVERY, OVERDUE_AT + EVERY, MIDDLE)
    assert recorded(evaluate.found(patient, overdue, found(invoice()), moment)) == ["invoice.overdue_cleared"]


def test_the_next_poll_falls_on_the_next_clock_instant() -> None:
    almost = OVERDUE_AT - timedelta(minutes=1)
    assert evaluated(found(invoice()), at=almost).poll_at == OVERDUE_AT


def test_while_the_clock_is_held_its_instants_stay_due() -> None:
    known = seen(evaluated(found(invoice()), at=OVERDUE_AT - timedelta(hours=1)))
    held = evaluated(found(invoice()), at=OVERDUE_AT, held=True, before=known)
    assert recorded(held) == []
    released = evaluated(found(invoice()), at=OVERDUE_AT + EVERY, before=seen(held, known))
    assert recorded(released) == ["invoice.overdue"]


def test_a_baseline_taken_with_a_held_clock_records_overdue_later() -> None:
    held = evaluated(found(invoice()), at=OVERDUE_AT, held=True)
    assert recorded(held) == ["invoice.tracked"]
    assert held.poll_at == OVERDUE_AT + EVERY
    released = evaluated(found(invoice()), at=OVERDUE_AT + EVERY, before=seen(held))
    assert recorded(released) == ["invoice.overdue"]


def test_deliveries_go_to_endpoints_that_want_the_event_in_their_form() -> None:
    fully, thinly = Subscription("ledger"), Subscription("bell", events=("invoice.paid",), thin=True)
    known = seen(evaluated(found(invoice())))
    paid = found(invoice(Status.PAID, euros(paid="100.00")), b"two")
    record = evaluate.found(plan(subscriptions=(fully, thinly)), known, paid, NOW)
    assert record.change is not None
    event = record.change.events[0]
    assert event.deliveries == (("ledger", Form.FULL), ("bell", Form.THIN))
    assert "invoice" not in json.loads(event.bodies[Form.THIN])["data"]


def test_a_body_of_over_20_kb_leaves_thin_and_says_so() -> None:
    nothing = Decimal("0.00")
    row = Amounts("EUR", nothing, nothing, nothing, nothing, nothing, nothing)
    many = tuple(replace(row, currency=f"C{number:03}") for number in range(300))
    known = seen(evaluated(found(invoice())))
    record = evaluated(found(replace(invoice(), amounts=many, line_count=2), b"two"), before=known)
    assert record.change is not None
    event = record.change.events[-1]
    assert event.deliveries == (("ledger", Form.TRUNCATED),)
    assert json.loads(event.bodies[Form.TRUNCATED])["data"]["truncated"] is True
    assert len(event.bodies[Form.FULL]) > 20_000


def test_an_unreadable_document_is_this_invoices_failure_and_keeps_what_is_known() -> None:
    known = seen(evaluated(found(invoice())))
    broken = Found(lambda: {"invoice": InvalidAnswer("total is not a number")}, lambda _: b"", lambda _: b"two")
    record = evaluated(broken, at=SEEN_AT + EVERY, before=known)
    assert (record.state, record.failures, record.last_error) == (WatchState.FAILING, 1, "total is not a number")
    assert record.change is None
    assert record.fingerprint is None


def test_failures_do_not_break_a_row_of_misses() -> None:
    missed = evaluate.missed(plan(), seen(evaluated(found(invoice()))), NOW, account_answers=False)
    record = evaluate.failed(plan(), seen(missed, seen(evaluated(found(invoice())))), ProviderUnavailable("500"), NOW)
    assert record.misses == 1


def test_an_id_never_seen_is_not_found_without_an_event_and_polled_slowly() -> None:
    record = evaluate.missed(plan(), watch(), NOW, account_answers=True)
    assert (record.state, record.change) == (WatchState.NOT_FOUND, None)
    assert record.poll_at == NOW.answered_at + POLL_RULES.slowest


def test_three_misses_over_the_configured_time_delete_if_the_account_answers() -> None:
    kept, at, story = seen(evaluated(found(invoice()))), SEEN_AT + EVERY, list[list[str]]()
    for _ in range(3):
        record = evaluate.missed(plan(), kept, Moment(at, at, MIDDLE), account_answers=True)
        story.append(recorded(record))
        kept, at = seen(record, kept), record.poll_at or at
    assert story == [[], [], ["invoice.deleted"]]
    assert kept.settled_at is not None


def test_misses_without_proof_that_the_account_answers_delete_nothing() -> None:
    kept = replace(seen(evaluated(found(invoice()))), misses=9, first_missed_at=SEEN_AT)
    assert recorded(evaluate.missed(plan(), kept, NOW, account_answers=False)) == []


def test_one_poll_between_misses_starts_the_row_anew() -> None:
    kept = replace(seen(evaluated(found(invoice()))), misses=2, first_missed_at=SEEN_AT)
    assert evaluated(found(invoice()), at=SEEN_AT + EVERY, before=kept).misses == 0


def test_the_known_text_says_nothing_new_and_only_that_poll_is_short() -> None:
    worded = replace(found(invoice()), text=b"t" * 16)
    first = evaluated(worded)
    kept = seen(first)
    assert evaluate.known_text(plan(), kept, NOW.answered_at) == b"t" * 16
    again = evaluate.found(plan(), kept, worded, NOW)
    assert again == evaluate.same(plan(), kept, NOW)
    assert (first.is_unchanged, again.is_unchanged, again.fingerprint, again.change) == (False, True, None, None)


def test_other_words_for_the_same_are_remembered_and_nothing_is_recorded() -> None:
    kept = seen(evaluated(replace(found(invoice()), text=b"t" * 16)))
    reworded = evaluate.found(plan(), kept, replace(found(invoice()), text=b"u" * 16), NOW)
    assert (reworded.is_unchanged, reworded.change, reworded.raw) == (False, None, None)
    assert evaluate.known_text(plan(), seen(reworded, kept), NOW.answered_at) == b"u" * 16


def test_a_row_without_words_of_its_own_leaves_those_that_are_known() -> None:
    kept = seen(evaluated(replace(found(invoice()), text=b"t" * 16)))
    record = evaluate.found(plan(), kept, found(invoice()), NOW)
    assert (record.is_unchanged, record.fingerprint, record.change) == (True, None, None)
    assert evaluate.known_text(plan(), seen(record, kept), NOW.answered_at) == b"t" * 16


def test_no_text_is_known_where_the_document_is_needed() -> None:
    kept = seen(evaluated(replace(found(invoice()), text=b"t" * 16)))
    assert kept.clock_at is not None
    for needed in (
        evaluate.known_text(plan(), replace(kept, misses=1), SEEN_AT),
        evaluate.known_text(plan(), replace(kept, fingerprint=None), SEEN_AT),
        evaluate.known_text(plan(), replace(kept, tags=("new",)), SEEN_AT),
        evaluate.known_text(plan(clock=ClockRules(grace=timedelta(days=3))), kept, SEEN_AT),
        evaluate.known_text(plan(), kept, kept.clock_at),
        evaluate.known_text(plan(), seen(evaluated(found(invoice()))), SEEN_AT),
    ):
        assert needed is None
    assert evaluate.known_text(plan(), kept, kept.clock_at - timedelta(seconds=1)) == b"t" * 16


def test_what_the_clock_has_to_say_is_not_passed_over_by_a_slow_answer_in_known_words() -> None:
    kept = seen(evaluated(replace(found(invoice()), text=b"t" * 16)))
    assert kept.clock_at is not None
    late = Moment(kept.clock_at - timedelta(seconds=20), kept.clock_at + timedelta(seconds=20), MIDDLE)
    record = evaluate.same(plan(), kept, late)
    assert (record.poll_at, record.clock_at) == (late.answered_at, kept.clock_at)
    assert recorded(evaluate.found(plan(), kept, replace(found(invoice()), text=b"t" * 16), late)) == [
        "invoice.due_soon"
    ]


def test_a_deleted_invoice_that_is_back_with_the_same_document_is_restored() -> None:
    kept = replace(seen(evaluated(found(invoice()))), misses=2, first_missed_at=SEEN_AT)
    gone = evaluate.missed(plan(), kept, NOW, account_answers=True)
    again = seen(gone, kept)
    still_gone = evaluate.missed(plan(), again, NOW, account_answers=True)
    assert recorded(gone) == ["invoice.deleted"]
    assert recorded(still_gone) == []
    assert again.fingerprint == kept.fingerprint
    assert recorded(evaluate.found(plan(), again, found(invoice()), NOW)) == ["invoice.restored"]


def test_settled_invoices_slow_down_and_retire() -> None:
    paid = found(invoice(Status.PAID, euros(paid="100.00")))
    known = seen(evaluated(paid))
    later = evaluated(paid, at=SEEN_AT + timedelta(days=4), before=known)
    assert later.poll_at == SEEN_AT + timedelta(days=5)
    last = evaluated(paid, at=SEEN_AT + timedelta(days=90), before=known)
    assert (last.poll_at, last.state) == (None, WatchState.RETIRED)


def test_a_due_soon_that_still_waits_is_superseded_once_nothing_is_due() -> None:
    known = seen(evaluated(found(invoice())))
    paid = evaluated(found(invoice(Status.PAID, euros(paid="100.00")), b"two"), before=known)
    assert paid.change is not None
    assert paid.change.supersedes == ("invoice.due_soon",)


def test_clock_events_without_a_new_poll_say_how_old_the_snapshot_is() -> None:
    known = seen(evaluated(found(invoice())))
    late = OVERDUE_AT + timedelta(hours=1)
    record = evaluate.stale_clock(plan(), known, late)
    assert record.clock_only
    assert recorded(record) == ["invoice.overdue"]
    assert record.change is not None
    data = json.loads(record.change.events[0].bodies[Form.FULL])["data"]
    assert (data["snapshot_at"], data["observed_at"]) == ("2026-11-01T00:00:00Z", "2026-11-21T01:00:00Z")
    assert recorded(evaluate.stale_clock(plan(), seen(record, known), late)) == []


def test_the_due_day_of_the_watch_serves_where_the_provider_has_none() -> None:
    record = evaluate.found(plan(), watch(due_on=DUE), found(invoice(due=None)), Moment(SEEN_AT, SEEN_AT, MIDDLE))
    assert record.clock_at == OVERDUE_AT - timedelta(days=7)


def test_other_clock_rules_are_applied_at_the_next_poll_although_the_document_is_the_same() -> None:
    known = seen(evaluated(found(invoice()), at=OVERDUE_AT + EVERY))
    lenient = plan(clock=ClockRules(grace=timedelta(days=2)))
    at = Moment(OVERDUE_AT + 2 * EVERY, OVERDUE_AT + 2 * EVERY, MIDDLE)
    record = evaluate.found(lenient, known, found(invoice()), at)
    assert recorded(record) == ["invoice.overdue_cleared"]
    assert record.clock_at == OVERDUE_AT + timedelta(days=2)


def test_the_clocks_instant_is_not_slept_through_by_the_pause_after_a_failure() -> None:
    known = replace(seen(evaluated(found(invoice()))), clock_at=NOW.answered_at + timedelta(seconds=1), failures=9)
    record = evaluate.failed(plan(), known, ProviderUnavailable("500"), NOW)
    assert record.poll_at == NOW.answered_at + timedelta(seconds=1)
