"""What time alone makes true, recorded once."""

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from tests.fakes.invoices import DUE, OVERDUE_AT, RULES, Life, euros, invoice, types
from watcher.core.invoices.clock_events import ClockRules, next_instant
from watcher.core.invoices.invoice import Status


def overdue_life() -> Life:
    life = Life()
    life.poll(invoice())
    life.poll(invoice(), day=20)
    return life


def test_due_soon_overdue_and_reminders_come_with_their_instants() -> None:
    life = Life()
    life.poll(invoice())
    story = [types(life.poll(invoice(), day=day)) for day in (12.9, 13, 14, 19, 19.99, 20, 20.5, 21, 27, 60)]
    assert story == [
        [], ["due_soon"], [], ["due_soon"], [], ["overdue"], [], ["overdue_reminder"], ["overdue_reminder"], [],
    ]  # fmt: skip


def test_overdue_is_a_change_of_the_snapshot_and_occurs_at_the_threshold() -> None:
    life = Life()
    life.poll(invoice())
    recorded = life.poll(invoice(), day=20).events[0].fact
    assert recorded.occurred_at == OVERDUE_AT
    assert [(change.field, change.after) for change in recorded.changes] == [("overdue", True)]


def test_a_baseline_that_is_overdue_already_says_so_and_skips_what_else_has_passed() -> None:
    life = Life()
    assert types(life.poll(invoice(), day=24)) == ["tracked", "overdue"]
    assert types(life.poll(invoice(), day=25)) == []
    assert types(life.poll(invoice(), day=27)) == ["overdue_reminder"]


def test_a_baseline_within_the_last_week_is_not_due_soon_again() -> None:
    life = Life()
    assert types(life.poll(invoice(), day=15)) == ["tracked"]
    assert types(life.poll(invoice(), day=16)) == []
    assert types(life.poll(invoice(), day=19)) == ["due_soon"]


def test_after_a_gap_overdue_and_only_the_latest_reminder_are_recorded() -> None:
    life = Life()
    life.poll(invoice())
    recorded = life.poll(invoice(), day=50)
    assert types(recorded) == ["overdue", "overdue_reminder"]
    assert recorded.events[1].fact.offset == "7d"


def test_after_a_gap_before_the_due_date_only_the_latest_due_soon_is_recorded() -> None:
    life = Life()
    life.poll(invoice())
    recorded = life.poll(invoice(), day=19.5)
    assert [event.fact.offset for event in recorded.events] == ["1d"]
    assert types(life.poll(invoice(), day=19.6)) == []


def test_a_clock_that_jumps_back_neither_clears_nor_repeats() -> None:
    life = overdue_life()
    back = life.poll(invoice(), day=1)
    assert types(back) == []
    assert back.snapshot.overdue
    assert types(life.poll(invoice(), day=20.1)) == []


def test_paying_clears_overdue_with_its_reason() -> None:
    recorded = overdue_life().poll(invoice(Status.PAID, euros(paid="100.00")), day=22)
    assert types(recorded) == ["paid", "overdue_cleared"]
    assert recorded.events[1].fact.reason == "paid"
    assert [change.field for change in recorded.events[1].fact.changes] == ["overdue"]


def test_every_way_out_of_overdue_has_its_reason() -> None:
    reasons = {
        "voided": invoice(Status.VOID, euros(due="0.00")),
        "uncollectible": invoice(Status.UNCOLLECTIBLE, euros(due="0.00")),
        "credited": invoice(Status.PAID, euros(credited="100.00")),
        "due_date_changed": invoice(due=date(2026, 12, 24)),
    }
    for reason, seen in reasons.items():
        recorded = [event.fact for event in overdue_life().poll(seen, day=22).events]
        assert recorded[-1].type == "invoice.overdue_cleared"
        assert recorded[-1].reason == reason
    gone = overdue_life().lose(day=22)
    assert gone.events[-1].fact.reason == "deleted"


def test_overdue_again_for_the_same_due_date_stands_in_the_event_that_caused_it() -> None:
    life = overdue_life()
    life.poll(invoice(Status.PAID, euros(paid="100.00")), day=22)
    recorded = life.poll(invoice(), day=23)
    assert types(recorded) == ["payment_reversed", "overdue_reminder"]
    assert "overdue" in {change.field for change in recorded.events[0].fact.changes}
    again = life.poll(invoice(Status.PAID, euros(paid="100.00")), day=24)
    assert types(again) == ["paid"]
    assert "overdue" in {change.field for change in again.events[0].fact.changes}


def test_a_due_date_that_moves_and_is_past_again_is_cleared_then_overdue() -> None:
    recorded = overdue_life().poll(invoice(due=date(2026, 11, 21)), day=25)
    assert types(recorded)[:3] == ["due_date_changed", "overdue_cleared", "overdue"]
    assert recorded.snapshot.overdue


def test_another_time_zone_makes_no_second_overdue() -> None:
    life = overdue_life()
    life.watch = replace(life.watch, timezone=ZoneInfo("America/Chicago"))
    moved = life.poll(invoice(), day=20.1)
    assert not moved.snapshot.overdue
    assert types(moved) == ["updated", "overdue_cleared"]
    later = life.poll(invoice(), day=20.3)
    assert later.snapshot.overdue
    assert types(later) == ["updated"]


def test_more_grace_holds_overdue_back_and_no_second_one_is_recorded() -> None:
    life = overdue_life()
    life.rules = replace(RULES, grace=timedelta(days=3), reminders=())
    assert types(life.poll(invoice(), day=20.5)) == ["overdue_cleared"]
    assert types(life.poll(invoice(), day=23)) == ["updated"]


def test_unknown_freezes_overdue() -> None:
    life = overdue_life()
    frozen = life.poll(invoice(Status.UNKNOWN), day=22)
    assert frozen.snapshot.overdue
    assert types(frozen) == ["updated"]
    assert types(life.poll(invoice(), day=23)) == ["updated", "overdue_reminder"]


def test_a_due_date_that_moved_while_the_status_was_unknown_is_cleared_for_the_date_that_was_overdue() -> None:
    life, later = overdue_life(), date(2026, 11, 26)
    life.poll(invoice(Status.UNKNOWN, due=later), day=22)
    cleared = life.poll(invoice(due=later), day=23)
    assert types(cleared) == ["due_date_changed", "updated", "overdue_cleared", "due_soon"]
    assert cleared.events[2].fact.due_key == DUE.isoformat()
    assert types(life.poll(invoice(due=later), day=26)) == ["overdue"]
    assert types(life.poll(invoice(Status.PAID, euros(paid="100.00"), due=later), day=27)) == [
        "paid",
        "overdue_cleared",
    ]


def test_a_held_clock_raises_nothing_and_records_it_when_released() -> None:
    life = Life()
    life.poll(invoice())
    assert types(life.poll(invoice(), day=20, held=True)) == []
    assert types(life.poll(invoice(), day=20.1)) == ["overdue"]


def test_a_held_clock_keeps_what_was_raised_before() -> None:
    life = overdue_life()
    held = life.poll(invoice(), day=21, held=True)
    assert held.snapshot.overdue
    assert types(held) == []


def test_without_a_new_poll_the_clock_still_acts() -> None:
    life = Life()
    life.poll(invoice())
    assert types(life.wait(day=20)) == ["overdue"]
    assert types(life.poll(invoice(), day=20.1)) == []


def test_years_that_no_clock_reaches_have_a_day_but_no_instant() -> None:
    for day in (date(1, 1, 1), date(9999, 12, 31)):
        life = Life()
        seen = life.poll(invoice(due=day), day=100)
        assert types(seen) == ["tracked"]
        assert (seen.snapshot.due_on, seen.snapshot.due_at) == (day, None)


def test_nothing_due_is_never_overdue_and_drafts_are_never_due_soon() -> None:
    life = Life()
    life.poll(invoice(Status.DRAFT))
    assert types(life.poll(invoice(Status.DRAFT), day=30)) == []
    free = Life()
    free.poll(invoice(Status.OPEN, euros(total="0.00")))
    assert types(free.poll(invoice(Status.OPEN, euros(total="0.00")), day=30)) == []


def test_a_watch_due_date_serves_where_the_provider_gives_none() -> None:
    life = Life()
    life.watch = replace(life.watch, due_on=DUE)
    life.poll(invoice(due=None))
    assert types(life.poll(invoice(due=None), day=20)) == ["overdue"]


def test_the_next_instant_is_the_earliest_that_has_not_passed() -> None:
    snapshot = Life().poll(invoice()).snapshot
    no_time = ClockRules()
    assert next_instant(snapshot, OVERDUE_AT - timedelta(days=8), RULES) == OVERDUE_AT - timedelta(days=7)
    assert next_instant(snapshot, OVERDUE_AT - timedelta(days=1), RULES) == OVERDUE_AT
    assert next_instant(snapshot, OVERDUE_AT, no_time) is None
