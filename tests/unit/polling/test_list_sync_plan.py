"""When a round through the lists pays, and when the next may follow."""

from datetime import timedelta

import pytest

from tests.fakes.clock import START
from watcher.polling.list_sync_plan import Lists, Round, confirmations, pages_worth, plan_next
from watcher.ports import ListSyncKind

EVERY = timedelta(minutes=15)
SECOND = timedelta(seconds=1)


def finish(lists: Lists, finished: Round) -> tuple[ListSyncKind, ...]:
    return plan_next(lists, finished, began_at=START, now=START + 2 * SECOND, every=EVERY, interval=SECOND)


@pytest.mark.parametrize(
    ("due", "batch_size", "pages", "worth"),
    [
        (1000, 1, 10, 999),
        (11, 1, 10, 10),
        (10, 1, 10, None),
        (1000, 25, 40, None),
        (1001, 25, 40, 40),
        (1000, 200, 10, None),
        (11, 1, None, 10),
        (10, 1, None, None),
        (0, 1, 0, None),
    ],
)
def test_a_round_is_made_where_it_costs_less_than_single_requests(
    due: int, batch_size: int, pages: int | None, worth: int | None
) -> None:
    assert pages_worth(due, batch_size, pages) == worth


def test_the_length_of_a_complete_round_is_remembered() -> None:
    lists = Lists()
    finish(lists, Round(ListSyncKind.REFRESH, 50, pages=40, refreshed=4000, is_complete=True))
    assert lists.pages == 40
    assert lists.next_at == {ListSyncKind.REFRESH: START + 2 * SECOND + EVERY / 2}


def test_a_round_that_broke_off_is_taken_for_half_of_the_list() -> None:
    lists = Lists()
    finish(lists, Round(ListSyncKind.REFRESH, 50, pages=50, refreshed=5000))
    assert lists.pages == 100


def test_a_round_that_refreshed_less_than_single_requests_would_have_is_not_repeated_soon() -> None:
    lists, poor = Lists(), Round(ListSyncKind.REFRESH, 50, least=25, pages=10, refreshed=240)
    assert poor.is_unworthy
    finish(lists, poor)
    assert lists.pages is None
    assert not lists.is_time_for(ListSyncKind.REFRESH, START + timedelta(minutes=29))
    assert lists.is_time_for(ListSyncKind.REFRESH, START + timedelta(minutes=31))


def test_a_list_that_is_short_but_names_nothing_that_is_watched_is_left_alone_too() -> None:
    lists = Lists()
    finish(lists, Round(ListSyncKind.REFRESH, 50, least=1, pages=1, is_complete=True))
    assert lists.pages == 1
    assert not lists.is_time_for(ListSyncKind.REFRESH, START + timedelta(minutes=29))


def test_a_round_that_was_begun_in_error_is_counted_anew_at_once() -> None:
    lists = Lists()
    finish(lists, Round(ListSyncKind.REFRESH, 50, least=1, pages=1, is_mistaken=True))
    assert lists.pages is None
    assert lists.is_time_for(ListSyncKind.REFRESH, START + 2 * SECOND)


def test_who_left_the_list_is_asked_for_at_half_of_the_rate() -> None:
    times = confirmations(START, 2, SECOND)
    assert times[:5] == (START, START, START + 2 * SECOND, START + 2 * SECOND, START + 4 * SECOND)
    assert len(times) == 1000


def test_searching_for_new_invoices_takes_a_tenth_of_the_rate_at_most() -> None:
    lists = Lists()
    finish(lists, Round(ListSyncKind.DISCOVERY, 1000, pages=500, is_complete=True))
    assert lists.next_at[ListSyncKind.DISCOVERY] == START + timedelta(seconds=5000)


def test_a_complete_round_of_a_source_that_discovers_has_discovered() -> None:
    lists = Lists()
    round_ = Round(ListSyncKind.REFRESH, 50, discovers=True, pages=2, is_complete=True)
    assert finish(lists, round_) == (ListSyncKind.REFRESH, ListSyncKind.DISCOVERY)
    assert lists.next_at[ListSyncKind.DISCOVERY] == START + EVERY


def test_changes_are_asked_for_every_minute_since_the_last_complete_answer() -> None:
    lists = Lists()
    finish(lists, Round(ListSyncKind.CHANGES, 1000, pages=1, is_complete=True))
    assert lists.next_at == {ListSyncKind.CHANGES: START + timedelta(minutes=1)}
    assert lists.changes_since == START
    finish(lists, Round(ListSyncKind.CHANGES, 1000, pages=1))
    assert lists.changes_since == START
