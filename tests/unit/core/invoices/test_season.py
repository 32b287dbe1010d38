from tests.unit.core.invoices.season import play


def test_ninety_days_record_one_overdue_for_each_due_date_that_passed_unpaid_and_clear_it_at_most_once() -> None:
    season = play(invoices=30, seed=7)
    assert season.problems == ()
    assert season.overdue > 30
    assert season.cleared > 20
