"""Charts say what the numbers say: heights in proportion, from zero, and every number in the table."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.web.page.charts import Chart, Place, Series, column_chart, line_chart
from watcher.web.page.charts.axis import labelled, tick_text, ticks
from watcher.web.page.formatting import NONE, grouped

MONEY = st.decimals(min_value="0.01", max_value=Decimal(10) ** 34, allow_nan=False, allow_infinity=False, places=2)
PRICES = st.decimals(min_value="0.01", max_value=Decimal(10) ** 12, allow_nan=False, allow_infinity=False, places=2)
PLACES = [Place(f"{day} Nov", f"2026-11-{day:02}") for day in (2, 9, 16)]


def stacked(*columns: Sequence[Decimal | int | None]) -> Chart:
    series = [Series(f"series {number}", "due", values) for number, values in enumerate(columns)]
    return column_chart("one", "Money", "Week", [Place(str(at), str(at)) for at in range(len(columns[0]))], series)


def heights(chart: Chart) -> list[list[Decimal]]:
    return [[Decimal(piece.height) for piece in slot.pieces] for slot in chart.slots]


@given(MONEY)
def test_an_axis_begins_at_zero_and_has_a_few_even_round_steps(most: Decimal) -> None:
    found = ticks(most, whole=False)
    step = found[1]
    assert found[0] == 0
    assert found[-2] < most <= found[-1]
    assert 3 <= len(found) <= 5
    assert {after - before for before, after in pairwise(found)} == {step}
    assert step.normalize().as_tuple().digits in {(1,), (2,), (5,)}


@pytest.mark.parametrize(
    ("most", "texts"),
    [
        (0, ["0", "1"]),
        (3, ["0", "1", "2", "3"]),
        (66, ["0", "20", "40", "60", "80"]),
        (1800, ["0", "500", "1,000", "1,500", "2,000"]),
        (26_500, ["0", "10 k", "20 k", "30 k"]),
        (1_861_000, ["0", "0.5 M", "1 M", "1.5 M", "2 M"]),
        (7_000_000_000, ["0", "2 bn", "4 bn", "6 bn", "8 bn"]),
        (10**33, ["0", "5E+32", "1E+33"]),
    ],
)
def test_ticks_are_short_and_counts_have_no_fractions(most: int, texts: list[str]) -> None:
    found = ticks(most, whole=True)
    assert [tick_text(tick, found[-1]) for tick in found] == texts


@pytest.mark.parametrize(("count", "numbers"), [(8, 8), (13, 5), (24, 6), (100, 6)])
def test_labels_leave_room_and_the_last_place_has_one(count: int, numbers: int) -> None:
    found = labelled(range(count))
    assert len(found) == numbers
    assert count - 1 in found


@given(st.lists(st.tuples(PRICES, PRICES), min_size=1, max_size=24))
def test_columns_are_as_high_as_their_sums(values: list[tuple[Decimal, Decimal]]) -> None:
    chart = stacked([first for first, _ in values], [second for _, second in values])
    highest = ticks(max(first + second for first, second in values), whole=False)[-1]
    full = Decimal(chart.baseline) - Decimal(chart.scale[-1].y)
    for slot, (first, second) in zip(chart.slots, values, strict=True):
        lower, upper = slot.pieces
        assert Decimal(lower.y) + Decimal(lower.height) == Decimal(chart.baseline)
        assert Decimal(upper.y) + Decimal(upper.height) == Decimal(lower.y)
        for piece, value in ((lower, first), (upper, second)):
            assert abs(Decimal(piece.height) - max(Decimal(1), full * value / highest)) <= Decimal("0.1")


def test_the_table_has_every_number_exactly_and_what_each_column_adds_up_to() -> None:
    paid, due = [Decimal("20100.10"), Decimal(0), Decimal("0.05")], [Decimal("0.20"), Decimal(0), Decimal("12345.60")]
    chart = column_chart(
        "weeks", "EUR", "Week", PLACES, [Series("paid", "paid", paid), Series("due", "due", due)], unit="EUR"
    )
    assert chart.columns == ("paid", "due", "together")
    assert chart.rows == (
        ("2026-11-02", "20,100.10", "0.20", "20,100.30"),
        ("2026-11-09", "0.00", "0.00", "0.00"),
        ("2026-11-16", "0.05", "12,345.60", "12,345.65"),
    )
    assert heights(chart)[1] == []
    assert chart.slots[0].words == "2026-11-02: paid 20,100.10 EUR, due 0.20 EUR"
    assert chart.description == ("2026-11-02 to 2026-11-16, from 0 to 30,000. Highest at 2026-11-02: 20,100.30 EUR.")


def test_sums_of_very_long_amounts_lose_no_digit() -> None:
    long, small = Decimal(10) ** 33, Decimal("0.01")
    assert stacked([long], [small]).rows[0][-1] == grouped(long + 0) + ".01"


def test_a_single_series_needs_no_sum_and_nothing_at_all_is_said() -> None:
    chart = stacked([0, 0, 0])
    assert chart.columns == ("series 0",)
    assert chart.description == "Nothing yet."
    assert heights(chart) == [[], [], []]


def test_lines_go_straight_from_value_to_value_and_stop_where_nothing_is_known() -> None:
    series = [Series("days", "calm", [30, None, 40, 20])]
    chart = line_chart("dso", "Days", "Month", [Place(month, month) for month in "ABCD"], series)
    points = [slot.pieces for slot in chart.slots]
    assert [len(one) for one in points] == [1, 0, 1, 1]
    (first,), _, (third,), (last,) = points
    assert (first.to_x, first.to_y) == ("", "")
    assert (third.to_x, third.to_y) == (chart.slots[3].middle, last.y)
    assert Decimal(chart.baseline) > Decimal(last.y) > Decimal(first.y) > Decimal(third.y)
    assert chart.rows[1] == ("B", NONE)
    assert chart.slots[1].words == "B: days not known"


def test_values_below_zero_and_missing_ones_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="none below zero"):
        stacked([1, -1])
    with pytest.raises(ValueError, match="one value for each place"):
        stacked([1, 2], [1])
