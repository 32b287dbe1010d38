"""What an invoice is worth to scheduling, without a float near money."""

from decimal import Decimal
from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.invoices import euros
from watcher.core.invoices.invoice import Amounts
from watcher.core.scheduling.value_weight import means, value_of, weight, worth_of

ZERO = Decimal(0)


def amount(currency: str, due: str) -> Amounts:
    return Amounts(currency, Decimal(due), ZERO, Decimal(due), ZERO, ZERO, ZERO)


@given(due=st.decimals("0.01", "1e12", places=2))
def test_a_class_is_its_amount_up_to_a_tenth(due: Decimal) -> None:
    currency, worth = worth_of((amount("EUR", str(due)),))
    assert currency == "EUR"
    assert worth is not None
    assert isclose(value_of(worth), due, rel_tol=0.1)


def test_an_invoice_counts_by_what_is_due_in_its_first_currency_with_anything_due() -> None:
    rows = (amount("USD", "100"), amount("EUR", "8"), amount("CHF", "0"))
    assert worth_of(rows) == ("EUR", 12)
    assert worth_of((euros("100.00", "100.00"),)) == (None, None)
    assert worth_of(()) == (None, None)


def test_huge_and_tiny_amounts_have_a_class_too() -> None:
    assert worth_of((amount("XXX", "1e-40"),))[1] == -400
    assert worth_of((amount("XXX", "9e29"),)) == ("XXX", 398)


def test_a_weight_is_a_multiple_of_its_currency_s_mean() -> None:
    mean_values = means([("EUR", 0, 1), ("EUR", 8, 1), ("JPY", 40, 5), (None, None, 9)])
    assert mean_values == {"EUR": 2.5, "JPY": 1024}
    assert weight("EUR", 8, mean_values) == 1.6
    assert weight("JPY", 40, mean_values) == 1
    assert weight(None, None, mean_values) == weight("CHF", 4, mean_values) == 1
